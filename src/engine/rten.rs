//! The built-in engine: rten, pure Rust, on the CPU.

use std::borrow::Cow;
use std::sync::Arc;
use std::time::Instant;

use rten::{Model, ModelOptions, NodeId, RunOptions, ThreadPool, Value, ValueOrView};
use rten_tensor::prelude::*;
use rten_tensor::{NdTensorView, Tensor};

use super::preprocess::{Preprocessor, input_size};
use super::{Engine, EngineError, Mode, Perception};
use crate::frame::Frame;
use crate::model::Bundle;

const NAME: &str = "rten";

/// The bundle's networks on rten.
pub struct RtenEngine {
    bundle: Bundle,
    segmentation: Graph,
    observer: Option<Graph>,
    threads: usize,
    pool: Arc<ThreadPool>,
    preprocessor: Preprocessor,
    perception: Perception,
}

/// A loaded graph and the nodes that we feed and read.
struct Graph {
    model: Model,
    file: String,
    inputs: Vec<NodeId>,
    outputs: Vec<NodeId>,
}

/// ONNX bytes; those built into the program are used in place.
enum Bytes<'a> {
    Static(&'static [u8]),
    Borrowed(&'a [u8]),
}

#[expect(
    clippy::ptr_arg,
    reason = "whether it is borrowed for ever is the point"
)]
fn bytes_of<'a>(bytes: &'a Cow<'static, [u8]>) -> Bytes<'a> {
    match bytes {
        Cow::Borrowed(b) => Bytes::Static(b),
        Cow::Owned(b) => Bytes::Borrowed(b),
    }
}

impl Graph {
    fn load(
        bytes: Bytes<'_>,
        file: &str,
        inputs: &[&str],
        outputs: &[&str],
    ) -> Result<Self, EngineError> {
        let mut options = ModelOptions::with_all_ops();
        options.prepack_weights(true);
        let loaded = match bytes {
            Bytes::Static(b) => options.load_static_slice(b),
            Bytes::Borrowed(b) => options.load(b.to_vec()),
        };
        let model = loaded.map_err(|e| EngineError::Load {
            engine: NAME,
            graph: file.to_owned(),
            message: e.to_string(),
        })?;
        let find = |name: &&str| {
            let missing = || EngineError::MissingTensor {
                engine: NAME,
                graph: file.to_owned(),
                tensor: (*name).to_owned(),
            };
            model.find_node(name).ok_or_else(missing)
        };
        let inputs = inputs.iter().map(find).collect::<Result<_, _>>()?;
        let outputs = outputs.iter().map(find).collect::<Result<_, _>>()?;
        Ok(Self {
            model,
            file: file.to_owned(),
            inputs,
            outputs,
        })
    }

    fn run(
        &self,
        inputs: Vec<(NodeId, ValueOrView<'_>)>,
        pool: &Arc<ThreadPool>,
    ) -> Result<Vec<Value>, EngineError> {
        let options = RunOptions::default().with_thread_pool(Some(pool.clone()));
        self.model
            .run(inputs, &self.outputs, Some(options))
            .map_err(|e| EngineError::Run {
                engine: NAME,
                graph: self.file.clone(),
                message: e.to_string(),
            })
    }
}

impl RtenEngine {
    /// Loads a bundle's graphs, with that many threads, and tries them on a grey frame.
    ///
    /// # Errors
    /// A graph that does not load, lacks a named tensor, or gives values that are not finite.
    pub fn load(bundle: &Bundle, threads: usize) -> Result<Self, EngineError> {
        let manifest = bundle.manifest();
        let s = &manifest.segmentation;
        let activations = s.activations.iter().map(String::as_str);
        let names: Vec<&str> = std::iter::once(s.logits.as_str())
            .chain(activations)
            .collect();
        let segmentation = Graph::load(
            bytes_of(bundle.segmentation()),
            s.file.get_ref(),
            &[&s.image],
            &names,
        )?;
        let observer = match (&manifest.observer, bundle.observer()) {
            (Some(o), Some(bytes)) => {
                let inputs: Vec<&str> = std::iter::once(s.image.as_str()).chain(names).collect();
                Some(Graph::load(
                    bytes_of(bytes),
                    o.file.get_ref(),
                    &inputs,
                    &[&o.output],
                )?)
            }
            _ => None,
        };
        let threads = threads.max(1);
        let mut engine = Self {
            bundle: bundle.clone(),
            segmentation,
            observer,
            threads,
            pool: Arc::new(ThreadPool::with_num_threads(threads)),
            preprocessor: Preprocessor::new(&manifest.input),
            perception: Perception::default(),
        };
        super::select::try_out(&mut engine, bundle)?;
        Ok(engine)
    }
}

impl Engine for RtenEngine {
    fn name(&self) -> &'static str {
        NAME
    }

    fn description(&self) -> String {
        format!("rten (built in, CPU), threads: {}", self.threads)
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

        let shape = [1, 3, size.1 as usize, size.0 as usize];
        let image = NdTensorView::from_data(shape, self.preprocessor.planes());
        let seen = self.segmentation.run(
            vec![(self.segmentation.inputs[0], image.into())],
            &self.pool,
        )?;
        let p = &mut self.perception;
        let stride = *manifest.segmentation.stride.get_ref() as usize;
        (p.width, p.height) = (shape[3] / stride, shape[2] / stride);
        p.classes = manifest.classes.get_ref().len();
        p.input = size;
        p.has_observer = false;
        let expected = [1, p.classes, p.height, p.width];
        copy(
            &seen[0],
            &manifest.segmentation.logits,
            expected,
            &mut p.logits,
        )?;
        let segmented = Instant::now();

        if let (true, Some(graph), Some(o)) = (mode.observer, &self.observer, &manifest.observer) {
            let mut inputs: Vec<(NodeId, ValueOrView<'_>)> = Vec::with_capacity(graph.inputs.len());
            inputs.push((graph.inputs[0], image.into()));
            inputs.extend(
                graph.inputs[1..]
                    .iter()
                    .zip(&seen)
                    .map(|(&id, v)| (id, v.into())),
            );
            let out = graph.run(inputs, &self.pool)?;
            copy(
                &out[0],
                &o.output,
                [1, 1, p.height, p.width],
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
    value: &Value,
    name: &str,
    expected: [usize; 4],
    out: &mut Vec<f32>,
) -> Result<(), EngineError> {
    let wrong = |found: Vec<usize>| EngineError::Shape {
        engine: NAME,
        tensor: name.to_owned(),
        expected,
        found,
    };
    let Value::FloatTensor(tensor) = value else {
        return Err(wrong(value.shape().to_vec()));
    };
    let tensor: &Tensor<f32> = tensor;
    if tensor.shape() != expected {
        return Err(wrong(tensor.shape().to_vec()));
    }
    out.clear();
    match tensor.data() {
        Some(data) => out.extend_from_slice(data),
        None => out.extend(tensor.iter()),
    }
    Ok(())
}

impl std::fmt::Debug for RtenEngine {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("RtenEngine")
            .field("bundle", &self.bundle)
            .finish_non_exhaustive()
    }
}
