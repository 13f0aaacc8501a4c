//! A network described once: a graph of standard operators over named values.
//!
//! Three words, used throughout the trainer:
//! - a **value** is a planar activation (NCHW, batch and size free) with a name, a channel count
//!   and the factor by which it is smaller than the image;
//! - a **node** applies one [`Op`] to values and makes one value;
//! - a **graph** has named inputs, nodes in topological order and named outputs.
//!
//! The libtorch forward pass ([`crate::torch::Network`]) and the ONNX file ([`crate::onnx`]) are
//! both made from this description, so they cannot drift apart. The operators are the ones that
//! TensorRT, ONNX Runtime and rten all run natively.

mod builder;

pub use builder::Builder;

/// Index of a value in its [`Graph`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct ValueId(pub(crate) usize);

/// An activation: NCHW, `channels` planes, each `1/stride` of the image in both directions.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Value {
    /// Unique in the graph; the tensor name in the ONNX file.
    pub name: String,
    /// Number of planes.
    pub channels: i64,
    /// Image pixels per activation pixel, in both directions; 0 for a 1x1 global value.
    pub stride: i64,
}

/// Geometry of a 2-D convolution.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Conv {
    /// Output planes.
    pub out_channels: i64,
    /// Kernel height and width.
    pub kernel: [i64; 2],
    /// Step, equal in both directions.
    pub stride: i64,
    /// Rows and columns of zeros before the input, then after it: top, left, bottom, right.
    pub padding: [i64; 4],
    /// Dilation of rows and columns.
    pub dilation: [i64; 2],
    /// Groups that the planes are split into; as many as input planes for a depthwise convolution.
    pub groups: i64,
    /// Whether the layer has a bias of its own (not needed in front of a batch norm).
    pub bias: bool,
}

/// One operator.
#[derive(Clone, Debug, PartialEq)]
pub enum Op {
    /// 2-D convolution. Parameters `weight` and perhaps `bias`.
    Conv(Conv),
    /// Batch normalisation. Parameters `weight`, `bias`, `running_mean`, `running_var`.
    BatchNorm(BatchNorm),
    /// max(x, 0).
    Relu,
    /// min(max(x, 0), 6).
    Relu6,
    /// Element-wise sum; a 1x1 global value or a single plane as the second is broadcast.
    Add,
    /// First minus second, element by element; a single plane as the second is broadcast.
    Sub,
    /// Element-wise product; a single plane as the second is broadcast.
    Mul,
    /// Probabilities over the planes of each pixel.
    Softmax,
    /// The free energy of each pixel: `-ln(sum(exp(x)))` over its planes, as one plane.
    Energy,
    /// Concatenation of planes.
    Concat,
    /// Twice the size, bilinear, half-pixel centres.
    Upsample2,
    /// The size of the second input, bilinear, half-pixel centres.
    ResizeTo,
    /// Planes to pixels, `block` in both directions (ONNX mode CRD, libtorch's pixel shuffle).
    DepthToSpace {
        /// Pixels made in each direction of one.
        block: i64,
    },
    /// Mean of each plane.
    GlobalAveragePool,
    /// Means of 2x2 pixels: half the size.
    AveragePool2,
    /// First over second, element by element; a single plane is broadcast.
    Div,
    /// e to the power of x.
    Exp,
    /// Natural logarithm.
    Log,
    /// Square root.
    Sqrt,
    /// 1 / (1 + exp(-x)).
    Sigmoid,
    /// min(max(x, low), high).
    Clip {
        /// Least value.
        low: f32,
        /// Greatest value.
        high: f32,
    },
    /// x * scale + shift.
    Affine {
        /// Factor.
        scale: f32,
        /// Added behind it.
        shift: f32,
    },
    /// One plane of all planes of a pixel.
    Reduce(Reduce),
    /// The k-th greatest of the planes of a pixel, as one plane.
    Kth {
        /// 1 for the greatest.
        k: i64,
    },
}

/// How the planes of a pixel become one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reduce {
    /// The greatest.
    Max,
    /// The least.
    Min,
    /// Their sum.
    Sum,
}

/// How a batch norm behaves.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct BatchNorm {
    /// Added to the variance.
    pub epsilon: f64,
    /// Whether the running statistics are used in training too, and never move. A network with
    /// pretrained statistics keeps them so: a batch of eight crops of mixed sets is a poor sample.
    pub frozen: bool,
}

/// An [`Op`] at its place in a graph.
#[derive(Clone, Debug)]
pub struct Node {
    /// Unique in the graph; parameters are named `{name}.weight` and so on.
    pub name: String,
    /// What it computes.
    pub op: Op,
    /// What it reads.
    pub inputs: Vec<ValueId>,
    /// What it makes.
    pub output: ValueId,
}

/// A network.
#[derive(Clone, Debug)]
pub struct Graph {
    /// Name in the ONNX file.
    pub name: String,
    /// Values that the caller provides.
    pub inputs: Vec<ValueId>,
    /// Values that the caller gets.
    pub outputs: Vec<ValueId>,
    /// In topological order.
    pub nodes: Vec<Node>,
    values: Vec<Value>,
}

impl Graph {
    /// Name, planes and stride of a value.
    pub fn value(&self, id: ValueId) -> &Value {
        &self.values[id.0]
    }

    /// How many values there are; ids are below this.
    pub fn value_count(&self) -> usize {
        self.values.len()
    }

    /// The value of that name.
    pub fn find(&self, name: &str) -> Option<ValueId> {
        self.values.iter().position(|v| v.name == name).map(ValueId)
    }

    /// How many nodes read a value, outputs counted as one reader each.
    pub fn readers(&self, id: ValueId) -> usize {
        let nodes = self
            .nodes
            .iter()
            .flat_map(|n| &n.inputs)
            .filter(|&&i| i == id)
            .count();
        nodes + self.outputs.iter().filter(|&&o| o == id).count()
    }

    /// The same graph with only these outputs, and only the nodes that they need.
    pub fn with_outputs(&self, outputs: &[ValueId]) -> Graph {
        let mut needed = vec![false; self.values.len()];
        for o in outputs {
            needed[o.0] = true;
        }
        for node in self
            .nodes
            .iter()
            .rev()
            .filter(|n| n.output.0 < self.values.len())
        {
            if needed[node.output.0] {
                node.inputs.iter().for_each(|i| needed[i.0] = true);
            }
        }
        Graph {
            name: self.name.clone(),
            inputs: self
                .inputs
                .iter()
                .copied()
                .filter(|i| needed[i.0])
                .collect(),
            outputs: outputs.to_vec(),
            nodes: self
                .nodes
                .iter()
                .filter(|n| needed[n.output.0])
                .cloned()
                .collect(),
            values: self.values.clone(),
        }
    }

    /// Multiply-accumulates of all convolutions for an image of this size.
    pub fn macs(&self, width: i64, height: i64) -> i64 {
        let conv_macs = |node: &Node| match &node.op {
            Op::Conv(c) => {
                let out = self.value(node.output);
                let pixels = if out.stride == 0 {
                    1
                } else {
                    (width / out.stride) * (height / out.stride)
                };
                let inputs = self.value(node.inputs[0]).channels / c.groups;
                let per_pixel = inputs * c.kernel[0] * c.kernel[1];
                pixels * per_pixel * c.out_channels
            }
            _ => 0,
        };
        self.nodes.iter().map(conv_macs).sum()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn two_heads() -> (Graph, ValueId, ValueId) {
        let mut b = Builder::new("two_heads");
        let image = b.input("image", 3, 1);
        let trunk = b.conv_bn_relu("trunk", image, 8, [3, 3], 2, 1);
        let a = b.conv("a", trunk, 2, [1, 1]);
        let c = b.conv("c", trunk, 5, [1, 1]);
        (b.finish(&[a, c]), a, c)
    }

    #[test]
    fn pruning_drops_the_nodes_of_the_other_output() {
        let (graph, a, _) = two_heads();
        let pruned = graph.with_outputs(&[a]);
        assert!(pruned.nodes.iter().any(|n| n.name == "a"));
        assert!(!pruned.nodes.iter().any(|n| n.name == "c"));
        assert_eq!(pruned.inputs.len(), 1);
    }

    #[test]
    fn macs_count_each_output_pixel_once() {
        let (graph, a, _) = two_heads();
        // trunk: 4x4 outputs x 3 planes x 9 taps x 8; head: 4x4 x 8 x 2
        assert_eq!(graph.with_outputs(&[a]).macs(8, 8), 16 * 27 * 8 + 16 * 16);
    }
}
