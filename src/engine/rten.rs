//! The built-in engine: rten, pure Rust, on the CPU.

use std::borrow::Cow;
use std::sync::Arc;

use rten::{Model, ModelOptions, NodeId, RunOptions, ThreadPool, Value, ValueOrView};
use rten_tensor::prelude::*;
use rten_tensor::{NdTensorView, Tensor};

use super::cpu::{Backend, CpuEngine, Names, Output, load_graphs};
use super::{EngineError, rten_rules};
use crate::model::Bundle;

const NAME: &str = "rten";

/// The bundle's networks on rten.
pub type RtenEngine = CpuEngine<Rten>;

/// rten with a bundle's graphs.
pub struct Rten {
    segmentation: Graph,
    head: Option<Graph>,
    threads: usize,
    pool: Arc<ThreadPool>,
    /// Logits and activations of the last image.
    seen: Vec<Value>,
}

/// A loaded graph and the nodes that we feed and read.
struct Graph {
    model: Model,
    names: Names,
    inputs: Vec<NodeId>,
    outputs: Vec<NodeId>,
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
    fn load(bytes: Cow<'static, [u8]>, names: Names) -> Result<Self, EngineError> {
        let model = load_model(bytes).map_err(|message| names.not_loaded(message))?;
        let find = |name: &String| model.find_node(name).ok_or_else(|| names.missing(name));
        let inputs = names.inputs.iter().map(find).collect::<Result<_, _>>()?;
        let outputs = names.outputs.iter().map(find).collect::<Result<_, _>>()?;
        Ok(Self {
            model,
            names,
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
        let made = self.model.run(inputs, &self.outputs, Some(options));
        made.map_err(|e| self.names.failed(e))
    }
}

impl CpuEngine<Rten> {
    /// Loads a bundle's graphs, with that many threads, and tries them on a grey frame.
    ///
    /// # Errors
    /// A graph that does not load, lacks a named tensor, or gives values that are not finite.
    pub fn load(bundle: &Bundle, threads: usize) -> Result<Self, EngineError> {
        let (segmentation, head) = load_graphs(NAME, bundle, |bytes, names| {
            Graph::load(bytes.clone(), names)
        })?;
        let threads = threads.max(1);
        let backend = Rten {
            segmentation,
            head,
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
        copy(&self.seen[0], &graph.names, out)
    }

    fn observe(
        &mut self,
        image: &[f32],
        shape: [usize; 4],
        out: Output<'_>,
    ) -> Result<(), EngineError> {
        let graph = self.head.as_ref().ok_or(EngineError::NoObserver)?;
        let mut inputs: Vec<(NodeId, ValueOrView<'_>)> = Vec::with_capacity(graph.inputs.len());
        for (&id, name) in graph.inputs.iter().zip(&graph.names.inputs) {
            // what the segmentation network does not give it takes
            let place = self.segmentation.names.place(name);
            let value = match place.and_then(|place| self.seen.get(place)) {
                Some(value) => value.into(),
                None => NdTensorView::from_data(shape, image).into(),
            };
            inputs.push((id, value));
        }
        let made = graph.run(inputs, &self.pool)?;
        copy(&made[0], &graph.names, out)
    }
}

/// Copies the first output, an f32 tensor of the expected shape.
fn copy(value: &Value, names: &Names, out: Output<'_>) -> Result<(), EngineError> {
    let wrong = |found: &[usize]| Err(names.other_shape(out.expected, found.to_vec()));
    let Value::FloatTensor(tensor) = value else {
        return wrong(&value.shape());
    };
    let tensor: &Tensor<f32> = tensor;
    if tensor.shape() != out.expected {
        return wrong(tensor.shape());
    }
    out.values.clear();
    match tensor.data() {
        Some(data) => out.values.extend_from_slice(data),
        None => out.values.extend(tensor.iter()),
    }
    Ok(())
}
