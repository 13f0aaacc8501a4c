//! An ONNX graph of somebody else as a frozen network: it is run node by node on libtorch's tensors, so that a gradient
//! reaches the picture. Nothing of it is trained.
//!
//! - All floats are computed in f32. Shapes, indices and the like are whole numbers, computed as the graph says.
//! - Quantised graphs: weights become floats when the graph is read. Where activations are quantised, they are rounded and
//!   clamped as by the engines that will run the graph; the gradient passes the rounding and ends where clamping did.
//!   So the observer sees in training what it will see in use.
//! - Graphs for one picture at a time hold sizes for it: the pictures of a batch are run one by one.

mod apply;
mod constants;
mod node;
mod planes;
mod resize;
mod shapes;

use std::collections::{BTreeMap, HashMap, HashSet};

use lookout_adopt::graph::{describe, opset};
use lookout_adopt::proto::{GraphProto, Model, NodeProto};
use tch::{Device, Kind, Tensor, no_grad};
use thiserror::Error;

use self::node::{FAKE_QUANTIZE, Node};
use crate::torch::channels_last;

/// Why a graph cannot be run here.
#[derive(Debug, Error)]
pub enum ImportError {
    /// An operator, or a variant of one, that is not known here.
    #[error(
        "the node {node}, of opset {opset}, cannot be trained through: {why}. Export the network without it, or \
         train with --no-attack, which asks ONNX Runtime and needs no gradients"
    )]
    Unsupported {
        /// Name and operator of the node.
        node: String,
        /// Version of ONNX's operators.
        opset: i64,
        /// What about it is not known.
        why: String,
    },
    /// A node with inputs that do not fit it.
    #[error("the node {node} cannot be run: {source}")]
    Run {
        /// Name and operator of the node.
        node: String,
        /// What libtorch said.
        source: tch::TchError,
    },
    /// A tensor that nothing makes before it is read.
    #[error("{reader} reads {tensor:?}, which nothing before it makes")]
    Absent {
        /// Who reads it.
        reader: String,
        /// The tensor.
        tensor: String,
    },
    /// Numbers of a type that is not known here, or fewer than the shape says.
    #[error("the numbers of the tensor {tensor:?} cannot be read: {why}")]
    Numbers {
        /// The tensor.
        tensor: String,
        /// Why.
        why: String,
    },
}

/// Why a node cannot be run; who it is, is added by the graph.
enum Fault {
    Unsupported(String),
    Torch(tch::TchError),
}

impl From<tch::TchError> for Fault {
    fn from(error: tch::TchError) -> Self {
        Self::Torch(error)
    }
}

fn unsupported<T>(why: impl Into<String>) -> Result<T, Fault> {
    Err(Fault::Unsupported(why.into()))
}

/// A graph of somebody else, with its numbers. One input, a picture.
#[derive(Debug)]
pub struct Imported {
    opset: i64,
    nodes: Vec<Node>,
    /// Every tensor by its number; those that the graph has as numbers are there.
    constants: Vec<Option<Tensor>>,
    image: usize,
    outputs: Vec<(String, usize)>,
}

impl Imported {
    /// Prepares a graph: `image` is its input, `outputs` are the tensors that are wanted of it. What they do not need is left
    /// out; what depends on no picture is computed now.
    ///
    /// # Errors
    /// An operator that is not known here, by the node's name; a tensor that is read and not made.
    pub fn new(
        model: &Model,
        image: &str,
        outputs: &[String],
        device: Device,
    ) -> Result<Self, ImportError> {
        let empty = GraphProto::default();
        let graph = model.graph.as_ref().unwrap_or(&empty);
        let mut numbers: HashMap<&str, usize> = HashMap::new();
        let mut imported = Self {
            opset: opset(model),
            nodes: vec![],
            constants: vec![None],
            image: 0,
            outputs: vec![],
        };
        numbers.insert(image, 0);
        let mut kinds = HashMap::new();
        for tensor in &graph.initializer {
            let at = imported.constants.len();
            let value = constants::read(tensor)?.to(device);
            imported.constants.push(Some(value));
            kinds.insert(at, tensor.data_type);
            numbers.insert(&tensor.name, at);
        }
        for node in needed(graph, outputs) {
            let mut made = Node::new(node);
            for name in &node.input {
                let at = match name.as_str() {
                    "" => None,
                    name => Some(*numbers.get(name).ok_or_else(|| ImportError::Absent {
                        reader: format!("the node {}", describe(node)),
                        tensor: name.to_owned(),
                    })?),
                };
                made.inputs.push(at);
            }
            for name in &node.output {
                let at = (!name.is_empty()).then(|| {
                    imported.constants.push(None);
                    imported.constants.len() - 1
                });
                if let Some(at) = at {
                    numbers.insert(name, at);
                }
                made.outputs.push(at);
            }
            imported.prepare(made, &mut kinds, device)?;
        }
        for name in outputs {
            let at = numbers.get(name.as_str()).copied();
            let at = at.ok_or_else(|| ImportError::Absent {
                reader: "the bundle".to_owned(),
                tensor: name.clone(),
            })?;
            imported.outputs.push((name.clone(), at));
        }
        imported.fuse();
        imported.order_weights();
        imported.plan();
        Ok(imported)
    }

    /// Adds a node, or computes it where all that it reads is known.
    fn prepare(
        &mut self,
        mut node: Node,
        kinds: &mut HashMap<usize, i32>,
        device: Device,
    ) -> Result<(), ImportError> {
        if node.operator == "Constant" {
            let (value, kind) = constants::of_node(&node)?;
            if let Some(&Some(at)) = node.outputs.first() {
                self.constants[at] = Some(value.to(device));
                kinds.insert(at, kind);
            }
            return Ok(());
        }
        apply::check(&node).map_err(|fault| self.named(&node, fault))?;
        if node.operator == "QuantizeLinear" {
            let zero = node.inputs.get(2).copied().flatten();
            let kind = zero.and_then(|at| kinds.get(&at)).copied();
            node.range = constants::range(kind);
        }
        let known = |at: &usize| self.constants[*at].is_some();
        let reads_numbers_only = node.inputs.iter().flatten().all(known);
        if reads_numbers_only && !node.inputs.is_empty() {
            let values: Vec<Option<&Tensor>> = node
                .inputs
                .iter()
                .map(|at| self.constants[(*at)?].as_ref())
                .collect();
            let made = no_grad(|| apply::apply(&node, self.opset, &values));
            let made = made.map_err(|fault| self.named(&node, fault))?;
            for (at, value) in node.outputs.iter().zip(made) {
                if let Some(at) = *at {
                    self.constants[at] = Some(value);
                }
            }
            return Ok(());
        }
        self.nodes.push(node);
        Ok(())
    }

    /// What is quantised and at once dequantised with the same numbers becomes one step.
    fn fuse(&mut self) {
        let mut makers: HashMap<usize, usize> = HashMap::new();
        for at in 0..self.nodes.len() {
            if let Some(&Some(output)) = self.nodes[at].outputs.first() {
                makers.insert(output, at);
            }
            if self.nodes[at].operator != "DequantizeLinear" {
                continue;
            }
            let maker = self.nodes[at].inputs.first().copied().flatten();
            let maker = maker.and_then(|input| makers.get(&input)).copied();
            let Some(maker) = maker.filter(|&m| self.nodes[m].operator == "QuantizeLinear") else {
                continue;
            };
            let same =
                (1..3).all(|i| self.same(self.nodes[at].input(i), self.nodes[maker].input(i)));
            if same {
                let (inputs, range) = (self.nodes[maker].inputs.clone(), self.nodes[maker].range);
                let node = &mut self.nodes[at];
                (node.inputs, node.range) = (inputs, range);
                node.operator = FAKE_QUANTIZE.to_owned();
            }
        }
        // quantisations that nothing reads any more
        let read: HashSet<usize> = self.nodes.iter().flat_map(Node::reads).collect();
        let wanted: HashSet<usize> = self.outputs.iter().map(|o| o.1).collect();
        self.nodes.retain(|node| {
            let mut made = node.outputs.iter().flatten();
            made.any(|at| read.contains(at) || wanted.contains(at))
        });
    }

    /// Whether two inputs are the same number.
    fn same(&self, a: Option<usize>, b: Option<usize>) -> bool {
        let value = |at: Option<usize>| at.and_then(|at| self.constants[at].as_ref());
        match (value(a), value(b)) {
            (Some(a), Some(b)) => a.numel() == 1 && b.numel() == 1 && first(a) == first(b),
            (None, None) => a == b,
            _ => false,
        }
    }

    /// Weights in the order of storage that libtorch's convolutions like best.
    fn order_weights(&mut self) {
        for node in &self.nodes {
            let weight = node.input(1).filter(|_| node.operator.starts_with("Conv"));
            if let Some(weight) = weight.and_then(|at| self.constants[at].as_mut()) {
                *weight = channels_last(weight);
            }
        }
    }

    /// Notes after which node a tensor is read no more; numbers that nothing reads go.
    fn plan(&mut self) {
        let mut later: HashSet<usize> = self.outputs.iter().map(|o| o.1).collect();
        for node in self.nodes.iter_mut().rev() {
            node.last_read = node.reads().filter(|at| later.insert(*at)).collect();
            node.last_read.sort_unstable();
        }
        for (at, value) in self.constants.iter_mut().enumerate() {
            if !later.contains(&at) {
                *value = None;
            }
        }
    }

    /// The outputs for normalised pictures [N, 3, rows, columns], by their names.
    ///
    /// # Errors
    /// A size that the graph does not take, with the node that says so.
    pub fn forward(&self, images: &Tensor) -> Result<BTreeMap<String, Tensor>, ImportError> {
        let mut all: Vec<Vec<Tensor>> = self.outputs.iter().map(|_| vec![]).collect();
        for i in 0..images.size()[0] {
            let made = self.one(&images.narrow(0, i, 1))?;
            all.iter_mut()
                .zip(made)
                .for_each(|(all, one)| all.push(one));
        }
        let joined = self.outputs.iter().zip(&all).map(|((name, _), values)| {
            let value = Tensor::cat(values, 0);
            (name.clone(), value)
        });
        Ok(joined.collect())
    }

    fn one(&self, image: &Tensor) -> Result<Vec<Tensor>, ImportError> {
        let mut values: Vec<Option<Tensor>> = self
            .constants
            .iter()
            .map(|value| value.as_ref().map(Tensor::shallow_clone))
            .collect();
        values[self.image] = Some(image.shallow_clone());
        for node in &self.nodes {
            let inputs: Vec<Option<&Tensor>> = node
                .inputs
                .iter()
                .map(|at| values[(*at)?].as_ref())
                .collect();
            let made = apply::apply(node, self.opset, &inputs);
            let made = made.map_err(|fault| self.named(node, fault))?;
            for (at, value) in node.outputs.iter().zip(made) {
                if let Some(at) = *at {
                    values[at] = Some(value);
                }
            }
            for &at in &node.last_read {
                values[at] = None;
            }
        }
        let output = |(name, at): &(String, usize)| {
            let value = values[*at].as_ref().map(|value| value.to_kind(Kind::Float));
            value.ok_or_else(|| ImportError::Absent {
                reader: "the bundle".to_owned(),
                tensor: name.clone(),
            })
        };
        self.outputs.iter().map(output).collect()
    }

    fn named(&self, node: &Node, fault: Fault) -> ImportError {
        let name = node.name.clone();
        match fault {
            Fault::Unsupported(why) => ImportError::Unsupported {
                node: name,
                opset: self.opset,
                why,
            },
            Fault::Torch(source) => ImportError::Run { node: name, source },
        }
    }
}

/// The first number of a tensor, 0 of an empty one.
fn first(t: &Tensor) -> f64 {
    t.flatten(0, -1).f_double_value(&[0]).unwrap_or(0.0)
}

/// The nodes that the outputs need, in the graph's order.
fn needed<'a>(graph: &'a GraphProto, outputs: &'a [String]) -> Vec<&'a NodeProto> {
    let mut names: HashSet<&str> = outputs.iter().map(String::as_str).collect();
    let mut kept = vec![];
    for node in graph.node.iter().rev() {
        if node.output.iter().any(|name| names.contains(name.as_str())) {
            names.extend(node.input.iter().map(String::as_str));
            kept.push(node);
        }
    }
    kept.reverse();
    kept
}
