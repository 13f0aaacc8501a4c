//! ONNX Runtime, where its library is found at run time. Faster than rten on most CPUs.

use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};

use ort::environment::Environment;
use ort::session::{Session, SessionInputValue};
use ort::value::{DynValue, TensorRef};

use super::EngineError;
use super::cpu::{Backend, CpuEngine, Output};
use crate::model::Bundle;

const NAME: &str = "ort";

/// The bundle's networks on ONNX Runtime's CPU provider.
pub type OrtEngine = CpuEngine<Ort>;

/// ONNX Runtime with a bundle's graphs.
pub struct Ort {
    library: PathBuf,
    segmentation: Graph,
    observer: Option<Graph>,
    threads: usize,
    /// Logits and activations of the last image.
    seen: Vec<DynValue>,
}

/// A session and the tensors that we feed and read.
struct Graph {
    session: Session,
    file: String,
    inputs: Vec<String>,
    outputs: Vec<String>,
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
        let manifest = bundle.manifest();
        let s = &manifest.segmentation;
        let names: Vec<String> = std::iter::once(&s.logits)
            .chain(&s.activations)
            .cloned()
            .collect();
        let image = vec![s.image.clone()];
        let segmentation = Graph::load(
            session(
                &environment,
                bundle.segmentation(),
                s.file.get_ref(),
                threads,
            )?,
            s.file.get_ref(),
            image.clone(),
            names.clone(),
        )?;
        let observer = match (&manifest.observer, bundle.observer()) {
            (Some(o), Some(bytes)) => Some(Graph::load(
                session(&environment, bytes, o.file.get_ref(), threads)?,
                o.file.get_ref(),
                [image, names].concat(),
                vec![o.output.clone()],
            )?),
            _ => None,
        };
        let backend = Ort {
            library: library.to_owned(),
            segmentation,
            observer,
            threads,
            seen: Vec::new(),
        };
        Self::new(bundle, backend)
    }
}

/// ONNX Runtime allows one environment a process: it is made once and kept.
fn environment(library: &Path) -> Result<Environment, EngineError> {
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

fn session(
    environment: &Environment,
    bytes: &[u8],
    file: &str,
    threads: usize,
) -> Result<Session, EngineError> {
    let make = || -> Result<Session, String> {
        // spinning threads would take the core from whatever else the vehicle runs
        Session::builder(environment)
            .map_err(|e| e.to_string())?
            .with_intra_threads(threads)
            .map_err(|e| e.to_string())?
            .with_intra_op_spinning(false)
            .map_err(|e| e.to_string())?
            .commit_from_memory(bytes)
            .map_err(|e| e.to_string())
    };
    make().map_err(|message| EngineError::Load {
        engine: NAME,
        graph: file.to_owned(),
        message,
    })
}

impl Graph {
    fn load(
        session: Session,
        file: &str,
        inputs: Vec<String>,
        outputs: Vec<String>,
    ) -> Result<Self, EngineError> {
        let there = |name: &&String| session.inputs().iter().any(|i| i.name() == name.as_str());
        let given = |name: &&String| session.outputs().iter().any(|o| o.name() == name.as_str());
        let missing = inputs.iter().find(|name| !there(name));
        let missing = missing.or_else(|| outputs.iter().find(|name| !given(name)));
        match missing {
            Some(tensor) => Err(EngineError::MissingTensor {
                engine: NAME,
                graph: file.to_owned(),
                tensor: tensor.clone(),
            }),
            None => Ok(Self {
                session,
                file: file.to_owned(),
                inputs,
                outputs,
            }),
        }
    }
}

fn failed(graph: &str, e: &ort::Error) -> EngineError {
    EngineError::Run {
        engine: NAME,
        graph: graph.to_owned(),
        message: e.to_string(),
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
        let graph = &mut self.segmentation;
        let failed = |e: ort::Error| failed(&graph.file, &e);
        let image = TensorRef::from_array_view((shape, image)).map_err(failed)?;
        let mut made = graph
            .session
            .run(ort::inputs![graph.inputs[0].as_str() => image])
            .map_err(failed)?;
        for name in &graph.outputs {
            // the session was asked for its outputs when it was loaded
            self.seen.extend(made.remove(name));
        }
        match self.seen.first() {
            Some(logits) => copy(logits, &graph.file, &graph.outputs[0], out),
            None => Err(EngineError::NothingSegmented),
        }
    }

    fn observe(
        &mut self,
        image: &[f32],
        shape: [usize; 4],
        out: Output<'_>,
    ) -> Result<(), EngineError> {
        let graph = self.observer.as_mut().ok_or(EngineError::NoObserver)?;
        let failed = |e: ort::Error| failed(&graph.file, &e);
        let image = TensorRef::from_array_view((shape, image)).map_err(failed)?;
        let mut inputs: Vec<(&str, SessionInputValue<'_>)> = Vec::with_capacity(graph.inputs.len());
        inputs.push((&graph.inputs[0], image.into()));
        for (name, value) in graph.inputs[1..].iter().zip(&self.seen) {
            inputs.push((name, value.into()));
        }
        let made = graph.session.run(inputs).map_err(failed)?;
        copy(
            &made[graph.outputs[0].as_str()],
            &graph.file,
            &graph.outputs[0],
            out,
        )
    }
}

/// Copies an f32 tensor of the expected shape.
fn copy(value: &DynValue, graph: &str, name: &str, out: Output<'_>) -> Result<(), EngineError> {
    let (shape, data) = value
        .try_extract_tensor::<f32>()
        .map_err(|e| EngineError::Run {
            engine: NAME,
            graph: graph.to_owned(),
            message: format!("{name}: {e}"),
        })?;
    let same = shape.len() == 4 && shape.iter().zip(out.expected).all(|(&a, b)| a == b as i64);
    if !same {
        return Err(EngineError::Shape {
            engine: NAME,
            tensor: name.to_owned(),
            expected: out.expected,
            found: shape.iter().map(|&n| n.max(0) as usize).collect(),
        });
    }
    out.values.clear();
    out.values.extend_from_slice(data);
    Ok(())
}
