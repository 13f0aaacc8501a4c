//! The forward pass of a [`Graph`], for training and for evaluation.

use std::collections::BTreeMap;

use tch::{Device, Kind, Tensor, no_grad};
use thiserror::Error;

use crate::graph::{Conv, Graph, Node, Op, Reduce, ValueId};

const BATCH_NORM_MOMENTUM: f64 = 0.1;

/// What cannot be run.
#[derive(Debug, Error)]
pub enum NetworkError {
    /// The caller gave no tensor for an input of the graph.
    #[error("graph {graph}: input {input} was not given")]
    MissingInput {
        /// Graph name.
        graph: String,
        /// Input name.
        input: String,
    },
    /// A checkpoint lacks a parameter or has it in another shape.
    #[error("graph {graph}: parameter {name} has shape {found:?}, not {expected:?}")]
    Parameter {
        /// Graph name.
        graph: String,
        /// Parameter name.
        name: String,
        /// Shape wanted.
        expected: Vec<i64>,
        /// Shape found, `None` where it is absent.
        found: Option<Vec<i64>>,
    },
    /// libtorch refused.
    #[error(transparent)]
    Torch(#[from] tch::TchError),
}

/// How to run a network.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mode {
    /// Batch statistics, running averages updated.
    Train,
    /// Running averages.
    Evaluate,
}

/// A graph with its parameters.
#[derive(Debug)]
pub struct Network {
    graph: Graph,
    /// Every parameter and running average by its full name (`{node}.weight`, ...).
    parameters: BTreeMap<String, Tensor>,
    /// Convolutions in bfloat16 (parameters stay in f32).
    half: bool,
}

impl Network {
    /// Fresh parameters (He initialisation over the fan-out) from libtorch's seeded generator.
    pub fn new(graph: Graph, device: Device) -> Self {
        let mut parameters = BTreeMap::new();
        for node in &graph.nodes {
            for (suffix, shape, trainable) in shapes(&graph, node) {
                let tensor = initial(&node.op, suffix, &shape, device);
                let tensor = channels_last(&tensor).set_requires_grad(trainable);
                parameters.insert(format!("{}.{suffix}", node.name), tensor);
            }
        }
        Self {
            graph,
            parameters,
            half: false,
        }
    }

    /// Runs the convolutions in bfloat16 from now on, or not.
    pub fn set_half(&mut self, half: bool) {
        self.half = half;
    }

    /// The description.
    pub fn graph(&self) -> &Graph {
        &self.graph
    }

    /// Where the parameters are; the CPU where there are none.
    pub fn device(&self) -> Device {
        let first = self.parameters.values().next();
        first.map_or(Device::Cpu, Tensor::device)
    }

    /// All parameters and running averages by name.
    pub fn parameters(&self) -> &BTreeMap<String, Tensor> {
        &self.parameters
    }

    /// The parameters that a gradient reaches, in a fixed order.
    pub fn trainable(&self) -> Vec<(String, Tensor)> {
        let trainable = self.parameters.iter().filter(|(_, t)| t.requires_grad());
        trainable
            .map(|(n, t)| (n.clone(), t.shallow_clone()))
            .collect()
    }

    /// No gradient for any parameter from now on.
    pub fn freeze(&mut self) {
        for t in self.parameters.values_mut() {
            *t = t.set_requires_grad(false);
        }
    }

    /// Overwrites one parameter with as many values, whatever their shape and kind.
    ///
    /// # Errors
    /// Where there is no such parameter, or it has another number of values.
    pub fn set(&self, name: &str, value: &Tensor) -> Result<(), NetworkError> {
        let own = self.parameters.get(name);
        let Some(own) = own.filter(|own| own.numel() == value.numel()) else {
            return Err(NetworkError::Parameter {
                graph: self.graph.name.clone(),
                name: name.to_owned(),
                expected: own.map_or(vec![], Tensor::size),
                found: Some(value.size()),
            });
        };
        let value = value.reshape(own.size());
        no_grad(|| own.shallow_clone().copy_(&value));
        Ok(())
    }

    /// Takes the parameters of another network that have the name and the shape of one here.
    pub fn borrow_from(&self, other: &Network) {
        for (name, own) in &self.parameters {
            let found = other.parameters.get(name);
            if let Some(value) = found.filter(|v| v.size() == own.size()) {
                no_grad(|| own.shallow_clone().copy_(value));
            }
        }
    }

    /// Copies values in by name.
    ///
    /// # Errors
    /// Where a parameter is missing or its shape differs; nothing is half copied then.
    pub fn load(&self, values: &BTreeMap<String, Tensor>) -> Result<(), NetworkError> {
        for (name, own) in &self.parameters {
            let found = values.get(name).map(Tensor::size);
            if found.as_ref() != Some(&own.size()) {
                let (graph, name) = (self.graph.name.clone(), name.clone());
                return Err(NetworkError::Parameter {
                    graph,
                    name,
                    expected: own.size(),
                    found,
                });
            }
        }
        no_grad(|| {
            for (name, own) in &self.parameters {
                own.shallow_clone().copy_(&values[name]);
            }
        });
        Ok(())
    }

    /// Runs the graph on tensors by input name (NCHW f32); returns all outputs by name.
    ///
    /// # Errors
    /// Where an input is missing or libtorch refuses a shape.
    pub fn forward(
        &self,
        inputs: &[(&str, &Tensor)],
        mode: Mode,
    ) -> Result<BTreeMap<String, Tensor>, NetworkError> {
        let mut values: Vec<Option<Tensor>> = (0..self.graph.value_count()).map(|_| None).collect();
        for &id in &self.graph.inputs {
            let name = &self.graph.value(id).name;
            let given = inputs.iter().find(|(n, _)| n == name);
            let Some((_, tensor)) = given else {
                let (graph, input) = (self.graph.name.clone(), name.clone());
                return Err(NetworkError::MissingInput { graph, input });
            };
            let tensor = if self.half {
                tensor.to_kind(Kind::BFloat16)
            } else {
                tensor.copy_ref()
            };
            values[id.0] = Some(tensor);
        }
        for node in &self.graph.nodes {
            let args: Vec<&Tensor> = node
                .inputs
                .iter()
                .filter_map(|i| values[i.0].as_ref())
                .collect();
            let y = self.apply(node, &args, mode)?;
            values[node.output.0] = Some(y);
        }
        let output = |id: &ValueId| {
            let tensor = values[id.0].as_ref()?.to_kind(Kind::Float);
            Some((self.graph.value(*id).name.clone(), tensor))
        };
        Ok(self.graph.outputs.iter().filter_map(output).collect())
    }

    fn parameter(&self, node: &Node, suffix: &str) -> Option<&Tensor> {
        self.parameters.get(&format!("{}.{suffix}", node.name))
    }

    fn apply(&self, node: &Node, args: &[&Tensor], mode: Mode) -> Result<Tensor, NetworkError> {
        let x = args[0];
        Ok(match &node.op {
            Op::Conv(c) => self.conv(node, c, x)?,
            Op::BatchNorm(norm) => x.f_batch_norm(
                self.parameter(node, "weight"),
                self.parameter(node, "bias"),
                self.parameter(node, "running_mean"),
                self.parameter(node, "running_var"),
                mode == Mode::Train && !norm.frozen,
                BATCH_NORM_MOMENTUM,
                norm.epsilon,
                true,
            )?,
            Op::Relu => x.f_relu()?,
            Op::Relu6 => x.f_relu6()?,
            Op::Add => x.f_add(args[1])?,
            Op::Sub => x.f_sub(args[1])?,
            Op::Mul => x.f_mul(args[1])?,
            Op::Softmax => x.f_softmax(1, Kind::Float)?,
            Op::Energy => x.f_logsumexp([1], true)?.f_neg()?,
            Op::Concat => Tensor::f_cat(args, 1)?,
            Op::Upsample2 => {
                let s = x.size();
                x.f_upsample_bilinear2d([s[2] * 2, s[3] * 2], false, None, None)?
            }
            Op::ResizeTo => {
                let s = args[1].size();
                x.f_upsample_bilinear2d([s[2], s[3]], false, None, None)?
            }
            Op::DepthToSpace { block } => x.f_pixel_shuffle(*block)?,
            Op::GlobalAveragePool => x.f_adaptive_avg_pool2d([1, 1])?,
            Op::AveragePool2 => x.f_avg_pool2d([2, 2], [2, 2], [0, 0], false, true, None)?,
            Op::Div => x.f_div(args[1])?,
            Op::Exp => x.f_exp()?,
            Op::Log => x.f_log()?,
            Op::Sqrt => x.f_sqrt()?,
            Op::Sigmoid => x.f_sigmoid()?,
            Op::Clip { low, high } => x.f_clamp(f64::from(*low), f64::from(*high))?,
            Op::Affine { scale, shift } => x
                .f_mul_scalar(f64::from(*scale))?
                .f_add_scalar(f64::from(*shift))?,
            Op::Reduce(Reduce::Max) => x.f_amax([1], true)?,
            Op::Reduce(Reduce::Min) => x.f_amin([1], true)?,
            Op::Reduce(Reduce::Sum) => x.f_sum_dim_intlist([1i64].as_slice(), true, x.kind())?,
            Op::Kth { k } => x.f_kthvalue(x.size()[1] + 1 - k, 1, true)?.0,
        })
    }

    fn conv(&self, node: &Node, c: &Conv, x: &Tensor) -> Result<Tensor, NetworkError> {
        let cast = |t: &Tensor| {
            if self.half {
                t.to_kind(Kind::BFloat16)
            } else {
                t.copy_ref()
            }
        };
        let weight = cast(&self.parameters[&format!("{}.weight", node.name)]);
        let bias = self.parameter(node, "bias").map(cast);
        let [top, left, bottom, right] = c.padding;
        let even = (top, left) == (bottom, right);
        let x = match even {
            true => x.copy_ref(),
            false => x.f_constant_pad_nd([left, right, top, bottom])?,
        };
        let padding = if even { [top, left] } else { [0, 0] };
        let strides = [c.stride, c.stride];
        Ok(x.f_conv2d(&weight, bias, strides, padding, c.dilation, c.groups)?)
    }
}

/// Another handle on the same storage.
trait CopyRef {
    fn copy_ref(&self) -> Tensor;
}

impl CopyRef for Tensor {
    fn copy_ref(&self) -> Tensor {
        self.shallow_clone()
    }
}

/// Name suffix, shape and whether it is trained, of each parameter of a node.
fn shapes(graph: &Graph, node: &Node) -> Vec<(&'static str, Vec<i64>, bool)> {
    let inputs = graph.value(node.inputs[0]).channels;
    match &node.op {
        Op::Conv(c) => {
            let weight = vec![c.out_channels, inputs / c.groups, c.kernel[0], c.kernel[1]];
            let mut all = vec![("weight", weight, true)];
            if c.bias {
                all.push(("bias", vec![c.out_channels], true));
            }
            all
        }
        Op::BatchNorm(_) => [
            ("weight", true),
            ("bias", true),
            ("running_mean", false),
            ("running_var", false),
        ]
        .map(|(name, trainable)| (name, vec![inputs], trainable))
        .to_vec(),
        _ => vec![],
    }
}

fn initial(op: &Op, suffix: &str, shape: &[i64], device: Device) -> Tensor {
    let kind = (Kind::Float, device);
    match (op, suffix) {
        (Op::Conv(c), "weight") => {
            let taps = c.kernel[0] * c.kernel[1];
            let fan_out = c.out_channels / c.groups * taps / (c.stride * c.stride);
            Tensor::randn(shape, kind) * (2.0 / fan_out.max(1) as f64).sqrt()
        }
        (Op::BatchNorm(_), "weight" | "running_var") => Tensor::ones(shape, kind),
        _ => Tensor::zeros(shape, kind),
    }
}

/// The same NCHW tensor stored pixel by pixel, which libtorch's CPU convolutions like best.
pub fn channels_last(t: &Tensor) -> Tensor {
    if t.dim() == 4 {
        t.permute([0, 2, 3, 1]).contiguous().permute([0, 3, 1, 2])
    } else {
        t.shallow_clone()
    }
}
