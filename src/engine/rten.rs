//! The built-in engine: rten, pure Rust, on the CPU.

use std::borrow::Cow;
use std::sync::Arc;

use rten::{Model, ModelOptions, NodeId, RunOptions, ThreadPool, Value, ValueOrView};
use rten_tensor::prelude::*;
use rten_tensor::{NdTensorView, Tensor};

use super::cpu::{Backend, CpuEngine, Output};
use super::{EngineError, rten_rules};
use crate::model::Bundle;

const NAME: &str = "rten";

/// The bundle's networks on rten.
pub type RtenEngine = CpuEngine<Rten>;

/// rten with a bundle's graphs.
pub struct Rten {
    segmentation: Graph,
    observer: Option<Graph>,
    threads: usize,
    pool: Arc<ThreadPool>,
    /// Logits and activations of the last image.
    seen: Vec<Value>,
}

/// A loaded graph and the nodes that we feed and read.
struct Graph {
    model: Model,
    file: String,
    inputs: Vec<NodeId>,
    outputs: Vec<NodeId>,
    /// Of the outputs.
    names: Vec<String>,
}

/// rten's model of a graph, as this engine runs it; bytes that are built into the program are used in place.
///
/// # Errors
/// What rten would compute otherwise than ONNX says, by the node's name; what it cannot load.
pub fn load_model(bytes: Cow<'static, [u8]>) -> Result<Model, String> {
    if let Some(message) = rten_rules::refused(&bytes) {
        return Err(message);
    }
    let mut options = ModelOptions::with_all_ops();
    options.prepack_weights(true);
    let loaded = match bytes {
        Cow::Borrowed(b) => options.load_static_slice(b),
        Cow::Owned(b) => options.load(b),
    };
    loaded.map_err(|e| e.to_string())
}

impl Graph {
    fn load(
        bytes: Cow<'static, [u8]>,
        file: &str,
        inputs: &[&str],
        outputs: &[&str],
    ) -> Result<Self, EngineError> {
        let model = load_model(bytes).map_err(|message| EngineError::Load {
            engine: NAME,
            graph: file.to_owned(),
            message,
        })?;
        let find = |name: &&str| {
            let missing = || EngineError::MissingTensor {
                engine: NAME,
                graph: file.to_owned(),
                tensor: (*name).to_owned(),
            };
            model.find_node(name).ok_or_else(missing)
        };
        let names = outputs.iter().map(|&name| name.to_owned()).collect();
        let inputs = inputs.iter().map(find).collect::<Result<_, _>>()?;
        let outputs = outputs.iter().map(find).collect::<Result<_, _>>()?;
        Ok(Self {
            model,
            file: file.to_owned(),
            inputs,
            outputs,
            names,
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

impl CpuEngine<Rten> {
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
            bundle.segmentation().clone(),
            s.file.get_ref(),
            &[&s.image],
            &names,
        )?;
        let observer = match (&manifest.observer, bundle.observer()) {
            (Some(o), Some(bytes)) => {
                let inputs: Vec<&str> = std::iter::once(s.image.as_str()).chain(names).collect();
                Some(Graph::load(
                    bytes.clone(),
                    o.file.get_ref(),
                    &inputs,
                    &[&o.output],
                )?)
            }
            _ => None,
        };
        let threads = threads.max(1);
        let backend = Rten {
            segmentation,
            observer,
            threads,
            pool: Arc::new(ThreadPool::with_num_threads(threads)),
            seen: Vec::new(),
        };
        Self::new(bundle, backend)
    }
}

impl Backend for Rten {
    const NAME: &'static str = NAME;

    fn description(&self) -> String {
        format!("rten (built in, CPU), threads: {}", self.threads)
    }

    fn segment(
        &mut self,
        image: &[f32],
        shape: [usize; 4],
        out: Output<'_>,
    ) -> Result<(), EngineError> {
        self.seen.clear();
        let image = NdTensorView::from_data(shape, image);
        let graph = &self.segmentation;
        self.seen = graph.run(vec![(graph.inputs[0], image.into())], &self.pool)?;
        copy(&self.seen[0], &graph.names[0], out)
    }

    fn observe(
        &mut self,
        image: &[f32],
        shape: [usize; 4],
        out: Output<'_>,
    ) -> Result<(), EngineError> {
        let graph = self.observer.as_ref().ok_or(EngineError::NoObserver)?;
        let image = NdTensorView::from_data(shape, image);
        let mut inputs: Vec<(NodeId, ValueOrView<'_>)> = Vec::with_capacity(graph.inputs.len());
        inputs.push((graph.inputs[0], image.into()));
        let seen = graph.inputs[1..].iter().zip(&self.seen);
        inputs.extend(seen.map(|(&id, v)| (id, v.into())));
        let made = graph.run(inputs, &self.pool)?;
        copy(&made[0], &graph.names[0], out)
    }
}

/// Copies an f32 tensor of the expected shape.
fn copy(value: &Value, name: &str, out: Output<'_>) -> Result<(), EngineError> {
    let wrong = |found: Vec<usize>| EngineError::Shape {
        engine: NAME,
        tensor: name.to_owned(),
        expected: out.expected,
        found,
    };
    let Value::FloatTensor(tensor) = value else {
        return Err(wrong(value.shape().to_vec()));
    };
    let tensor: &Tensor<f32> = tensor;
    if tensor.shape() != out.expected {
        return Err(wrong(tensor.shape().to_vec()));
    }
    out.values.clear();
    match tensor.data() {
        Some(data) => out.values.extend_from_slice(data),
        None => out.values.extend(tensor.iter()),
    }
    Ok(())
}
