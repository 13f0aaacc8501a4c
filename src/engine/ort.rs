//! ONNX Runtime, where its library is found at run time. Faster than rten on most CPUs.

use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};
use std::time::Instant;

use ort::environment::Environment;
use ort::session::{Session, SessionInputValue};
use ort::value::{DynValue, TensorRef};

use super::preprocess::{Preprocessor, input_size};
use super::{Engine, EngineError, Mode, Perception};
use crate::frame::Frame;
use crate::model::Bundle;

const NAME: &str = "ort";

/// The bundle's networks on ONNX Runtime's CPU provider.
pub struct OrtEngine {
    bundle: Bundle,
    library: PathBuf,
    segmentation: Session,
    observer: Option<Session>,
    threads: usize,
    preprocessor: Preprocessor,
    perception: Perception,
}

impl OrtEngine {
    /// Loads the library and a bundle's graphs, with that many threads, and tries them on a grey
    /// frame. A process uses one library: the first that was loaded.
    ///
    /// # Errors
    /// A library that cannot be used; a graph that does not load, lacks a named tensor, or gives
    /// values that are not finite.
    pub fn load(bundle: &Bundle, library: &Path, threads: usize) -> Result<Self, EngineError> {
        let environment = environment(library)?;
        let manifest = bundle.manifest();
        let s = &manifest.segmentation;
        let threads = threads.max(1);
        let segmentation = session(
            &environment,
            bundle.segmentation(),
            s.file.get_ref(),
            threads,
        )?;
        let outputs = std::iter::once(&s.logits).chain(&s.activations);
        check_names(&segmentation, s.file.get_ref(), [&s.image], outputs.clone())?;
        let observer = match (&manifest.observer, bundle.observer()) {
            (Some(o), Some(bytes)) => {
                let observer = session(&environment, bytes, o.file.get_ref(), threads)?;
                let inputs = std::iter::once(&s.image).chain(outputs);
                check_names(&observer, o.file.get_ref(), inputs, [&o.output])?;
                Some(observer)
            }
            _ => None,
        };
        let mut engine = Self {
            bundle: bundle.clone(),
            library: library.to_owned(),
            segmentation,
            observer,
            threads,
            preprocessor: Preprocessor::new(&manifest.input),
            perception: Perception::default(),
        };
        super::select::try_out(&mut engine, bundle)?;
        Ok(engine)
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

fn check_names<'a>(
    session: &Session,
    file: &str,
    inputs: impl IntoIterator<Item = &'a String>,
    outputs: impl IntoIterator<Item = &'a String>,
) -> Result<(), EngineError> {
    let missing = |tensor: &String| EngineError::MissingTensor {
        engine: NAME,
        graph: file.to_owned(),
        tensor: tensor.clone(),
    };
    for name in inputs {
        if !session.inputs().iter().any(|i| i.name() == name) {
            return Err(missing(name));
        }
    }
    for name in outputs {
        if !session.outputs().iter().any(|o| o.name() == name) {
            return Err(missing(name));
        }
    }
    Ok(())
}

impl Engine for OrtEngine {
    fn name(&self) -> &'static str {
        NAME
    }

    fn description(&self) -> String {
        format!(
            "ONNX Runtime (CPU, {}), threads: {}",
            self.library.display(),
            self.threads
        )
    }

    fn run(&mut self, frame: &Frame, mode: Mode) -> Result<&Perception, EngineError> {
        let manifest = self.bundle.manifest();
        if mode.observer && self.observer.is_none() {
            return Err(EngineError::NoObserver { mode });
        }
        let began = Instant::now();
        let size = input_size(
            &manifest.input,
            mode.resolution,
            frame.width(),
            frame.height(),
        )?;
        self.preprocessor.run(frame, size)?;
        let prepared = Instant::now();

        let s = &manifest.segmentation;
        let failed = |graph: &str, e: ort::Error| EngineError::Run {
            engine: NAME,
            graph: graph.to_owned(),
            message: e.to_string(),
        };
        let shape = [1, 3, size.1 as usize, size.0 as usize];
        let planes = self.preprocessor.planes();
        let image =
            |graph: &str| TensorRef::from_array_view((shape, planes)).map_err(|e| failed(graph, e));
        let file = s.file.get_ref();
        let seen = self
            .segmentation
            .run(ort::inputs![s.image.as_str() => image(file)?])
            .map_err(|e| failed(file, e))?;
        let p = &mut self.perception;
        let stride = *s.stride.get_ref() as usize;
        (p.width, p.height) = (shape[3] / stride, shape[2] / stride);
        p.classes = manifest.classes.get_ref().len();
        p.input = size;
        p.has_observer = false;
        let expected = [1, p.classes, p.height, p.width];
        copy(
            &seen[s.logits.as_str()],
            file,
            &s.logits,
            expected,
            &mut p.logits,
        )?;
        let segmented = Instant::now();

        if let (true, Some(observer), Some(o)) =
            (mode.observer, &mut self.observer, &manifest.observer)
        {
            let file = o.file.get_ref();
            let mut inputs: Vec<(&str, SessionInputValue<'_>)> =
                Vec::with_capacity(s.activations.len() + 2);
            inputs.push((&s.image, image(file)?.into()));
            for name in std::iter::once(&s.logits).chain(&s.activations) {
                inputs.push((name, (&seen[name.as_str()]).into()));
            }
            let out = observer.run(inputs).map_err(|e| failed(file, e))?;
            let expected = [1, 1, p.height, p.width];
            copy(
                &out[o.output.as_str()],
                file,
                &o.output,
                expected,
                &mut p.observer,
            )?;
            p.has_observer = true;
        }
        p.times.preprocess = prepared - began;
        p.times.segmentation = segmented - prepared;
        p.times.observer = segmented.elapsed();
        Ok(&self.perception)
    }
}

/// Copies an f32 tensor of the expected shape.
fn copy(
    value: &DynValue,
    graph: &str,
    name: &str,
    expected: [usize; 4],
    out: &mut Vec<f32>,
) -> Result<(), EngineError> {
    let (shape, data) = value
        .try_extract_tensor::<f32>()
        .map_err(|e| EngineError::Run {
            engine: NAME,
            graph: graph.to_owned(),
            message: format!("{name}: {e}"),
        })?;
    let same = shape.len() == 4 && shape.iter().zip(expected).all(|(&a, b)| a == b as i64);
    if !same {
        return Err(EngineError::Shape {
            engine: NAME,
            tensor: name.to_owned(),
            expected,
            found: shape.iter().map(|&n| n.max(0) as usize).collect(),
        });
    }
    out.clear();
    out.extend_from_slice(data);
    Ok(())
}

impl std::fmt::Debug for OrtEngine {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("OrtEngine")
            .field("bundle", &self.bundle)
            .finish_non_exhaustive()
    }
}
