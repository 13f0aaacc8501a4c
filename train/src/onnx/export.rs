//! From a trained [`Network`] to the bytes of an ONNX file, batch norms folded into convolutions.

use std::collections::{BTreeMap, BTreeSet};

use lookout_adopt::proto::{
    Attribute, DimensionValue, GraphProto, Model, NodeProto, OperatorSet, TensorProto, ValueInfo,
    data_type,
};
use prost::Message;
use tch::{Kind, Tensor};
use thiserror::Error;

use crate::graph::{Conv, Graph, Node, Op, Reduce, ValueId};
use crate::torch::Network;

/// Opset and IR version: TensorRT 10, ONNX Runtime and rten all read them.
const OPSET: i64 = 17;
const IR_VERSION: i64 = 8;

/// Why a network cannot be exported.
#[derive(Debug, Error)]
pub enum ExportError {
    /// The graph has no value of that name.
    #[error("graph {graph} has no value {name}")]
    NoSuchValue {
        /// Graph name.
        graph: String,
        /// Value asked for.
        name: String,
    },
    /// A batch norm does not follow a convolution that only it reads.
    #[error("graph {graph}: batch norm {node} cannot be folded into a convolution")]
    NotFoldable {
        /// Graph name.
        graph: String,
        /// Node name.
        node: String,
    },
    /// A parameter cannot be read.
    #[error("parameter {name}: {source}")]
    Parameter {
        /// Parameter name.
        name: String,
        /// What libtorch said.
        source: tch::TchError,
    },
}

/// The network as an ONNX file with only the named outputs, everything that they do not need left
/// out. Height and width stay free (multiples of 32); the batch is one.
///
/// # Errors
/// Where an output is unknown or a batch norm cannot be folded.
pub fn export(network: &Network, outputs: &[&str]) -> Result<Vec<u8>, ExportError> {
    export_at(network, outputs, None)
}

/// [`export`], for pictures of one height and width, which may be any.
///
/// # Errors
/// As [`export`].
pub fn export_at(
    network: &Network,
    outputs: &[&str],
    size: Option<[i64; 2]>,
) -> Result<Vec<u8>, ExportError> {
    let full = network.graph();
    let find = |name: &&str| {
        let missing = || ExportError::NoSuchValue {
            graph: full.name.clone(),
            name: (*name).to_owned(),
        };
        full.find(name).ok_or_else(missing)
    };
    let outputs: Vec<ValueId> = outputs.iter().map(find).collect::<Result<_, _>>()?;
    let graph = full.with_outputs(&outputs);
    let mut writer = Writer {
        network,
        graph: &graph,
        size,
        proto: GraphProto::default(),
        powers: BTreeSet::new(),
    };
    writer.proto.name.clone_from(&graph.name);
    writer.write()?;
    let info = |id: &ValueId| {
        let v = graph.value(*id);
        match size {
            None => ValueInfo::planes(&v.name, v.channels, v.stride),
            Some(size) => {
                let [h, w] = sides(size, v.stride);
                let sides = [1, v.channels, h, w].map(DimensionValue::Fixed);
                ValueInfo::tensor(&v.name, data_type::FLOAT, &sides)
            }
        }
    };
    writer.proto.input = graph.inputs.iter().map(info).collect();
    writer.proto.output = graph.outputs.iter().map(info).collect();
    let model = Model {
        ir_version: IR_VERSION,
        producer_name: "lookout-train".to_owned(),
        producer_version: env!("CARGO_PKG_VERSION").to_owned(),
        graph: Some(writer.proto),
        opset_import: vec![OperatorSet {
            domain: String::new(),
            version: OPSET,
        }],
        ..Model::default()
    };
    Ok(model.encode_to_vec())
}

struct Writer<'a> {
    network: &'a Network,
    graph: &'a Graph,
    /// The one height and width.
    size: Option<[i64; 2]>,
    proto: GraphProto,
    /// Values whose powers are written.
    powers: BTreeSet<usize>,
}

impl Writer<'_> {
    fn write(&mut self) -> Result<(), ExportError> {
        // batch norm by the convolution output that it reads
        let norms: BTreeMap<usize, &Node> = self
            .graph
            .nodes
            .iter()
            .filter(|n| matches!(n.op, Op::BatchNorm(_)))
            .map(|n| (n.inputs[0].0, n))
            .collect();
        for node in &self.graph.nodes {
            match &node.op {
                Op::Conv(conv) => self.conv(node, conv, norms.get(&node.output.0).copied())?,
                Op::BatchNorm(_) => self.check_folded(node)?,
                Op::Softmax => self.softmax(node),
                Op::Energy => self.energy(node),
                Op::Affine { scale, shift } => self.affine(node, *scale, *shift),
                Op::Kth { k } => self.kth(node, *k),
                op => self.plain(node, op),
            }
        }
        Ok(())
    }

    /// A batch norm writes nothing: its convolution did. That needs the convolution to be read by
    /// nothing else.
    fn check_folded(&self, node: &Node) -> Result<(), ExportError> {
        let input = node.inputs[0];
        let maker = self.graph.nodes.iter().find(|n| n.output == input);
        let conv = maker.is_some_and(|m| matches!(m.op, Op::Conv(_)));
        if conv && self.graph.readers(input) == 1 {
            return Ok(());
        }
        let (graph, node) = (self.graph.name.clone(), node.name.clone());
        Err(ExportError::NotFoldable { graph, node })
    }

    fn conv(&mut self, node: &Node, conv: &Conv, norm: Option<&Node>) -> Result<(), ExportError> {
        let (shape, mut weight) = self.parameter(node, "weight")?;
        let mut bias = match conv.bias {
            true => self.parameter(node, "bias")?.1,
            false => vec![0.0; shape[0] as usize],
        };
        if let Some((norm, epsilon)) = norm.and_then(|n| Some((n, epsilon(n)?))) {
            let get = |suffix| self.parameter(norm, suffix).map(|(_, v)| v);
            let (gamma, beta) = (get("weight")?, get("bias")?);
            let (mean, variance) = (get("running_mean")?, get("running_var")?);
            let per_plane = weight.len() / gamma.len();
            for (o, taps) in weight.chunks_exact_mut(per_plane).enumerate() {
                let scale = f64::from(gamma[o]) / (f64::from(variance[o]) + epsilon).sqrt();
                taps.iter_mut()
                    .for_each(|t| *t = (f64::from(*t) * scale) as f32);
                let centred = f64::from(bias[o]) - f64::from(mean[o]);
                bias[o] = (f64::from(beta[o]) + centred * scale) as f32;
            }
        }
        let names = [
            format!("{}.weight", node.name),
            format!("{}.bias", node.name),
        ];
        self.proto
            .initializer
            .push(TensorProto::float(&names[0], &shape, &weight));
        self.proto
            .initializer
            .push(TensorProto::float(&names[1], &[shape[0]], &bias));
        let attributes = vec![
            Attribute::ints("kernel_shape", &conv.kernel),
            Attribute::ints("strides", &[conv.stride, conv.stride]),
            Attribute::ints("pads", &conv.padding),
            Attribute::ints("dilations", &conv.dilation),
            Attribute::int("group", conv.groups),
        ];
        let output = norm.map_or(node.output, |n| n.output);
        let input = self.name(node.inputs[0]);
        self.node(
            node,
            "Conv",
            vec![input, names[0].clone(), names[1].clone()],
            output,
            attributes,
        );
        Ok(())
    }

    fn plain(&mut self, node: &Node, op: &Op) {
        let mut inputs: Vec<String> = node.inputs.iter().map(|&i| self.name(i)).collect();
        let (kind, attributes) = match op {
            Op::Relu => ("Relu", vec![]),
            Op::Relu6 => self.clip(node, &mut inputs, 0.0, 6.0),
            Op::Clip { low, high } => self.clip(node, &mut inputs, *low, *high),
            Op::Div => ("Div", vec![]),
            Op::Exp => ("Exp", vec![]),
            Op::Log => ("Log", vec![]),
            Op::Sqrt => ("Sqrt", vec![]),
            Op::Sigmoid => ("Sigmoid", vec![]),
            Op::Reduce(Reduce::Max) => ("ReduceMax", over_planes()),
            Op::Reduce(Reduce::Min) => ("ReduceMin", over_planes()),
            Op::Reduce(Reduce::Sum) => {
                let axes = format!("{}.axes", node.name);
                self.proto.initializer.push(TensorProto::int64(&axes, &[1]));
                inputs.push(axes);
                ("ReduceSum", vec![Attribute::int("keepdims", 1)])
            }
            Op::Add => ("Add", vec![]),
            Op::Sub => ("Sub", vec![]),
            Op::Mul => ("Mul", vec![]),
            Op::AveragePool2 => {
                let two = [2, 2];
                (
                    "AveragePool",
                    vec![
                        Attribute::ints("kernel_shape", &two),
                        Attribute::ints("strides", &two),
                    ],
                )
            }
            Op::Concat => ("Concat", vec![Attribute::int("axis", 1)]),
            Op::GlobalAveragePool => ("GlobalAveragePool", vec![]),
            Op::DepthToSpace { block } => (
                "DepthToSpace",
                vec![
                    Attribute::int("blocksize", *block),
                    Attribute::string("mode", "CRD"),
                ],
            ),
            Op::Upsample2 => {
                let scales = format!("{}.scales", node.name);
                let values = [1.0, 1.0, 2.0, 2.0];
                self.proto
                    .initializer
                    .push(TensorProto::float(&scales, &[4], &values));
                inputs.extend([String::new(), scales]);
                let half_pixel = Attribute::string("coordinate_transformation_mode", "half_pixel");
                (
                    "Resize",
                    vec![Attribute::string("mode", "linear"), half_pixel],
                )
            }
            Op::ResizeTo => {
                let like = self.graph.value(node.inputs[1]).stride;
                inputs.truncate(1);
                inputs.push(String::new());
                inputs.extend(self.new_size(node, like));
                let half_pixel = Attribute::string("coordinate_transformation_mode", "half_pixel");
                let linear = Attribute::string("mode", "linear");
                ("Resize", vec![linear, half_pixel])
            }
            Op::Conv(_)
            | Op::BatchNorm(_)
            | Op::Softmax
            | Op::Energy
            | Op::Affine { .. }
            | Op::Kth { .. } => return,
        };
        self.node(node, kind, inputs, node.output, attributes);
    }

    fn clip(
        &mut self,
        node: &Node,
        inputs: &mut Vec<String>,
        low: f32,
        high: f32,
    ) -> (&'static str, Vec<Attribute>) {
        inputs.push(self.constant(node, "low", low));
        inputs.push(self.constant(node, "high", high));
        ("Clip", vec![])
    }

    fn affine(&mut self, node: &Node, scale: f32, shift: f32) {
        let (x, out) = (self.name(node.inputs[0]), self.name(node.output));
        let scale = self.constant(node, "scale", scale);
        let shift = self.constant(node, "shift", shift);
        let scaled = format!("{}.scaled", node.name);
        self.step("Mul", &[&x, &scale], &scaled, vec![]);
        self.step("Add", &[&scaled, &shift], &out, vec![]);
    }

    /// The least of the k greatest.
    fn kth(&mut self, node: &Node, k: i64) {
        let (x, out) = (self.name(node.inputs[0]), self.name(node.output));
        let part = |suffix: &str| format!("{}.{suffix}", node.name);
        let count = part("count");
        self.proto
            .initializer
            .push(TensorProto::int64(&count, &[k]));
        self.proto.node.push(NodeProto {
            input: vec![x, count],
            output: vec![part("greatest"), part("places")],
            name: part("greatest"),
            op_type: "TopK".to_owned(),
            attribute: vec![Attribute::int("axis", 1)],
            ..NodeProto::default()
        });
        self.step("ReduceMin", &[&part("greatest")], &out, over_planes());
    }

    /// Names of the scales, and of the sizes, that bring a node's first input to a stride.
    fn new_size(&mut self, node: &Node, stride: i64) -> Vec<String> {
        let name = format!("{}.to", node.name);
        let x = self.graph.value(node.inputs[0]);
        match self.size {
            None => {
                let scale = x.stride as f32 / stride as f32;
                let scales = TensorProto::float(&name, &[4], &[1.0, 1.0, scale, scale]);
                self.proto.initializer.push(scales);
                vec![name]
            }
            Some(size) => {
                let [h, w] = sides(size, stride);
                let sizes = TensorProto::int64(&name, &[1, x.channels, h, w]);
                self.proto.initializer.push(sizes);
                vec![String::new(), name]
            }
        }
    }

    /// A scalar beside a node; returns its name.
    fn constant(&mut self, node: &Node, suffix: &str, value: f32) -> String {
        let name = format!("{}.{suffix}", node.name);
        self.proto
            .initializer
            .push(TensorProto::float(&name, &[], &[value]));
        name
    }

    /// Names of the greatest plane, of `exp(x - max)` and of its sum over the planes: softmax and
    /// energy share them. No power overflows, in f16 either.
    fn powers(&mut self, x: ValueId) -> [String; 3] {
        let name = self.name(x);
        let part = |suffix: &str| format!("{name}.{suffix}");
        if self.powers.insert(x.0) {
            let axes = part("axes");
            self.proto.initializer.push(TensorProto::int64(&axes, &[1]));
            let keep = Attribute::int("keepdims", 1);
            self.step("ReduceMax", &[&name], &part("max"), over_planes());
            self.step("Sub", &[&name, &part("max")], &part("below"), vec![]);
            self.step("Exp", &[&part("below")], &part("powers"), vec![]);
            self.step(
                "ReduceSum",
                &[&part("powers"), &axes],
                &part("sum"),
                vec![keep],
            );
        }
        ["max", "powers", "sum"].map(part)
    }

    /// Written out: engines are several times slower at a softmax over planes.
    fn softmax(&mut self, node: &Node) {
        let [_, powers, sum] = self.powers(node.inputs[0]);
        self.step("Div", &[&powers, &sum], &self.name(node.output), vec![]);
    }

    /// `-(max + ln(sum(exp(x - max))))`.
    fn energy(&mut self, node: &Node) {
        let [max, _, sum] = self.powers(node.inputs[0]);
        let part = |suffix: &str| format!("{}.{suffix}", node.name);
        self.step("Log", &[&sum], &part("log"), vec![]);
        self.step("Add", &[&max, &part("log")], &part("logsumexp"), vec![]);
        let out = self.name(node.output);
        self.step("Neg", &[&part("logsumexp")], &out, vec![]);
    }

    /// A node that is named as its output.
    fn step(&mut self, op_type: &str, input: &[&str], output: &str, attribute: Vec<Attribute>) {
        self.proto.node.push(NodeProto {
            input: input.iter().map(|&name| name.to_owned()).collect(),
            name: output.to_owned(),
            output: vec![output.to_owned()],
            op_type: op_type.to_owned(),
            attribute,
            ..NodeProto::default()
        });
    }

    fn node(
        &mut self,
        node: &Node,
        op_type: &str,
        input: Vec<String>,
        output: ValueId,
        attribute: Vec<Attribute>,
    ) {
        let output = vec![self.name(output)];
        let (name, op_type) = (node.name.clone(), op_type.to_owned());
        self.proto.node.push(NodeProto {
            input,
            output,
            name,
            op_type,
            attribute,
            ..NodeProto::default()
        });
    }

    fn name(&self, id: ValueId) -> String {
        self.graph.value(id).name.clone()
    }

    fn parameter(&self, node: &Node, suffix: &str) -> Result<(Vec<i64>, Vec<f32>), ExportError> {
        let name = format!("{}.{suffix}", node.name);
        let tensor: &Tensor = &self.network.parameters()[&name];
        let flat = tensor
            .detach()
            .to_kind(Kind::Float)
            .contiguous()
            .flatten(0, -1);
        let values =
            Vec::<f32>::try_from(flat).map_err(|source| ExportError::Parameter { name, source })?;
        Ok((tensor.size(), values))
    }
}

/// Attributes of an operator that makes one plane of all.
fn over_planes() -> Vec<Attribute> {
    vec![Attribute::ints("axes", &[1]), Attribute::int("keepdims", 1)]
}

/// Rows and columns at a stride; one each of what is global.
fn sides(size: [i64; 2], stride: i64) -> [i64; 2] {
    match stride {
        0 => [1, 1],
        _ => size.map(|side| (side + stride - 1) / stride),
    }
}

/// Epsilon of a batch norm.
fn epsilon(node: &Node) -> Option<f64> {
    match node.op {
        Op::BatchNorm(norm) => Some(norm.epsilon),
        _ => None,
    }
}
