//! ONNX Runtime, where its library is found at run time. Faster than rten on most CPUs.

use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};

use ort::environment::Environment;
use ort::session::{Session, SessionInputValue};
use ort::value::{DynValue, TensorRef};

use super::EngineError;
use super::cpu::{Backend, CpuEngine, Names, Output, load_graphs};
use crate::model::Bundle;

const NAME: &str = "ort";

/// The bundle's networks on ONNX Runtime's CPU provider.
pub type OrtEngine = CpuEngine<Ort>;

/// ONNX Runtime with a bundle's graphs.
pub struct Ort {
    library: PathBuf,
    segmentation: Graph,
    head: Option<Graph>,
    threads: usize,
    /// Logits and activations of the last image.
    seen: Vec<DynValue>,
}

/// A session and the tensors that we feed and read.
struct Graph {
    session: Session,
    names: Names,
}

impl CpuEngine<Ort> {
    /// Loads the library and a bundle's graphs, with that many threads, and tries them on a grey
    /// frame. A process uses one library: the first that was loaded.
    ///
    /// # Errors
    /// A library that cannot be used; a graph that does not load, lacks a named tensor, or gives
    /// values that are not finite.
    pub fn load(bundle: &Bundle, library: &Path, threads: usize) -> Result<Self, EngineError> {
        let environment = environment(library)?;
        let threads = threads.max(1);
        let (segmentation, head) = load_graphs(NAME, bundle, |bytes, names| {
            Graph::load(&environment, bytes, names, threads)
        })?;
        let backend = Ort {
            library: library.to_owned(),
            segmentation,
            head,
            threads,
            seen: Vec::new(),
        };
        Self::new(bundle, backend)
    }
}

/// ONNX Runtime allows one environment a process: it is made once and kept.
pub(super) fn environment(library: &Path) -> Result<Environment, EngineError> {
    static ENVIRONMENT: Mutex<Option<Environment>> = Mutex::new(None);
    let unusable = |message: String| EngineError::OnnxRuntime {
        path: library.to_owned(),
        message,
    };
    // a thread that panicked while it held the lock left either none or a whole one
    let mut kept = ENVIRONMENT.lock().unwrap_or_else(PoisonError::into_inner);
    if let Some(environment) = kept.as_ref() {
        return Ok(environment.clone());
    }
    let made = ort::init_from(library)
        .map_err(|e| unusable(e.to_string()))?
        .build()
        .map_err(|e| unusable(e.to_string()))?;
    Ok(kept.insert(made).clone())
}

/// A session of a graph.
pub(super) fn session(
    environment: &Environment,
    bytes: &[u8],
    threads: usize,
) -> Result<Session, String> {
    // spinning threads would take the core from whatever else the vehicle runs
    Session::builder(environment)
        .map_err(|e| e.to_string())?
        .with_intra_threads(threads)
        .map_err(|e| e.to_string())?
        .with_intra_op_spinning(false)
        .map_err(|e| e.to_string())?
        .commit_from_memory(bytes)
        .map_err(|e| e.to_string())
}

impl Graph {
    fn load(
        environment: &Environment,
        bytes: &[u8],
        names: Names,
        threads: usize,
    ) -> Result<Self, EngineError> {
        let session =
            session(environment, bytes, threads).map_err(|message| names.not_loaded(message))?;
        let there = |name: &&String| session.inputs().iter().any(|i| i.name() == name.as_str());
        let given = |name: &&String| session.outputs().iter().any(|o| o.name() == name.as_str());
        let missing = names.inputs.iter().find(|name| !there(name));
        match missing.or_else(|| names.outputs.iter().find(|name| !given(name))) {
            Some(tensor) => Err(names.missing(tensor)),
            None => Ok(Self { session, names }),
        }
    }
}

impl Backend for Ort {
    const NAME: &'static str = NAME;

    fn description(&self) -> String {
        format!(
            "ONNX Runtime (CPU, {}), threads: {}",
            self.library.display(),
            self.threads
        )
    }

    fn segment(
        &mut self,
        image: &[f32],
        shape: [usize; 4],
        out: Output<'_>,
    ) -> Result<(), EngineError> {
        self.seen.clear();
        let Graph { session, names } = &mut self.segmentation;
        let failed = |e: ort::Error| names.failed(e);
        let image = TensorRef::from_array_view((shape, image)).map_err(failed)?;
        let mut made = session
            .run(ort::inputs![names.inputs[0].as_str() => image])
            .map_err(failed)?;
        for name in &names.outputs {
            // the session was asked for its outputs when it was loaded
            self.seen.extend(made.remove(name));
        }
        match self.seen.first() {
            Some(logits) => copy(logits, names, out),
            None => Err(EngineError::NothingSegmented),
        }
    }

    fn observe(
        &mut self,
        image: &[f32],
        shape: [usize; 4],
        out: Output<'_>,
    ) -> Result<(), EngineError> {
        let Graph { session, names } = self.head.as_mut().ok_or(EngineError::NoObserver)?;
        let failed = |e: ort::Error| names.failed(e);
        let mut inputs: Vec<(&str, SessionInputValue<'_>)> = Vec::with_capacity(names.inputs.len());
        for name in &names.inputs {
            // what the segmentation network does not give it takes
            let place = self.segmentation.names.place(name);
            let value = match place.and_then(|place| self.seen.get(place)) {
                Some(value) => value.into(),
                None => TensorRef::from_array_view((shape, image))
                    .map_err(failed)?
                    .into(),
            };
            inputs.push((name, value));
        }
        let made = session.run(inputs).map_err(failed)?;
        copy(&made[names.outputs[0].as_str()], names, out)
    }
}

/// Copies the first output, an f32 tensor of the expected shape.
fn copy(value: &DynValue, names: &Names, out: Output<'_>) -> Result<(), EngineError> {
    let (shape, data) = value
        .try_extract_tensor::<f32>()
        .map_err(|e| names.failed(format_args!("{}: {e}", names.outputs[0])))?;
    let same = shape.len() == 4 && shape.iter().zip(out.expected).all(|(&a, b)| a == b as i64);
    if !same {
        let found = shape.iter().map(|&n| n.max(0) as usize).collect();
        return Err(names.other_shape(out.expected, found));
    }
    out.values.clear();
    out.values.extend_from_slice(data);
    Ok(())
}
