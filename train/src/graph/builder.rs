//! Writing a graph down, block by block.

use super::{Conv, Graph, Node, Op, Value, ValueId};

/// Builds a [`Graph`]; node names become value names, so they must be unique.
#[derive(Debug)]
pub struct Builder {
    graph: Graph,
}

impl Builder {
    /// An empty graph of that name.
    pub fn new(name: &str) -> Self {
        let name = name.to_owned();
        let (inputs, outputs, nodes, values) = (vec![], vec![], vec![], vec![]);
        Self {
            graph: Graph {
                name,
                inputs,
                outputs,
                nodes,
                values,
            },
        }
    }

    /// Declares a value that the caller provides.
    pub fn input(&mut self, name: &str, channels: i64, stride: i64) -> ValueId {
        let id = self.value(name, channels, stride);
        self.graph.inputs.push(id);
        id
    }

    /// Ends the description.
    pub fn finish(mut self, outputs: &[ValueId]) -> Graph {
        self.graph.outputs = outputs.to_vec();
        self.graph
    }

    /// Gives a value the name that the outside knows it by.
    pub fn rename(&mut self, id: ValueId, name: &str) -> ValueId {
        self.graph.values[id.0].name = name.to_owned();
        id
    }

    fn value(&mut self, name: &str, channels: i64, stride: i64) -> ValueId {
        debug_assert!(
            self.graph.find(name).is_none(),
            "value {name} is there twice"
        );
        self.graph.values.push(Value {
            name: name.to_owned(),
            channels,
            stride,
        });
        ValueId(self.graph.values.len() - 1)
    }

    fn node(&mut self, name: &str, op: Op, inputs: &[ValueId], c: i64, stride: i64) -> ValueId {
        let output = self.value(name, c, stride);
        self.graph.nodes.push(Node {
            name: name.to_owned(),
            op,
            inputs: inputs.to_vec(),
            output,
        });
        output
    }

    fn shape(&self, id: ValueId) -> (i64, i64) {
        let v = self.graph.value(id);
        (v.channels, v.stride)
    }

    fn conv_op(&mut self, name: &str, x: ValueId, conv: Conv) -> ValueId {
        let (channels, stride) = (conv.out_channels, self.shape(x).1 * conv.stride);
        self.node(name, Op::Conv(conv), &[x], channels, stride)
    }

    /// Convolution with a bias and "same" padding, no activation.
    pub fn conv(&mut self, name: &str, x: ValueId, out: i64, kernel: [i64; 2]) -> ValueId {
        let padding = [kernel[0] / 2, kernel[1] / 2];
        let conv = Conv {
            out_channels: out,
            kernel,
            stride: 1,
            padding,
            dilation: [1, 1],
            bias: true,
        };
        self.conv_op(name, x, conv)
    }

    /// [`Self::conv`] and ReLU, without a batch norm between them (the first of a factorised pair).
    pub fn conv_relu(
        &mut self,
        name: &str,
        x: ValueId,
        kernel: [i64; 2],
        dilation: i64,
    ) -> ValueId {
        let out_channels = self.shape(x).0;
        let (padding, dilation) = dilated(kernel, dilation);
        let conv = Conv {
            out_channels,
            kernel,
            stride: 1,
            padding,
            dilation,
            bias: true,
        };
        let y = self.conv_op(name, x, conv);
        self.relu(&format!("{name}.relu"), y)
    }

    /// Convolution without bias ("same" padding at stride 1, half the size at stride 2), batch norm.
    pub fn conv_bn(
        &mut self,
        name: &str,
        x: ValueId,
        out: i64,
        kernel: [i64; 2],
        stride: i64,
        dilation: i64,
    ) -> ValueId {
        let (padding, dilation) = dilated(kernel, dilation);
        let conv = Conv {
            out_channels: out,
            kernel,
            stride,
            padding,
            dilation,
            bias: false,
        };
        let y = self.conv_op(&format!("{name}.conv"), x, conv);
        self.batch_norm(&format!("{name}.bn"), y)
    }

    /// [`Self::conv_bn`] and ReLU.
    pub fn conv_bn_relu(
        &mut self,
        name: &str,
        x: ValueId,
        out: i64,
        kernel: [i64; 2],
        stride: i64,
        dilation: i64,
    ) -> ValueId {
        let y = self.conv_bn(name, x, out, kernel, stride, dilation);
        self.relu(&format!("{name}.relu"), y)
    }

    /// Non-overlapping `block`x`block` patches to one pixel each, batch norm.
    pub fn patchify(&mut self, name: &str, x: ValueId, out: i64, block: i64) -> ValueId {
        let kernel = [block, block];
        let conv = Conv {
            out_channels: out,
            kernel,
            stride: block,
            padding: [0, 0],
            dilation: [1, 1],
            bias: false,
        };
        let y = self.conv_op(&format!("{name}.conv"), x, conv);
        self.batch_norm(&format!("{name}.bn"), y)
    }

    fn batch_norm(&mut self, name: &str, x: ValueId) -> ValueId {
        let (c, s) = self.shape(x);
        self.node(name, Op::BatchNorm, &[x], c, s)
    }

    /// max(x, 0).
    pub fn relu(&mut self, name: &str, x: ValueId) -> ValueId {
        let (c, s) = self.shape(x);
        self.node(name, Op::Relu, &[x], c, s)
    }

    /// a + b.
    pub fn add(&mut self, name: &str, a: ValueId, b: ValueId) -> ValueId {
        let (c, s) = self.shape(a);
        self.node(name, Op::Add, &[a, b], c, s)
    }

    /// Planes of all, one behind the other.
    pub fn concat(&mut self, name: &str, xs: &[ValueId]) -> ValueId {
        let channels = xs.iter().map(|&x| self.shape(x).0).sum();
        let stride = xs.first().map_or(1, |&x| self.shape(x).1);
        self.node(name, Op::Concat, xs, channels, stride)
    }

    /// Twice the size.
    pub fn upsample2(&mut self, name: &str, x: ValueId) -> ValueId {
        let (c, s) = self.shape(x);
        self.node(name, Op::Upsample2, &[x], c, s / 2)
    }

    /// `block` x `block` pixels of `block²` times fewer planes.
    pub fn depth_to_space(&mut self, name: &str, x: ValueId, block: i64) -> ValueId {
        let (c, s) = self.shape(x);
        self.node(
            name,
            Op::DepthToSpace { block },
            &[x],
            c / (block * block),
            s / block,
        )
    }

    /// Means of the planes, as a 1x1 value.
    pub fn global_average_pool(&mut self, name: &str, x: ValueId) -> ValueId {
        let c = self.shape(x).0;
        self.node(name, Op::GlobalAveragePool, &[x], c, 0)
    }

    /// Half of ERFNet's non-bottleneck-1D: a 3x1 and a 1x3 convolution round a residual.
    pub fn factorised(&mut self, name: &str, x: ValueId, dilation: i64) -> ValueId {
        let c = self.shape(x).0;
        let y = self.conv_relu(&format!("{name}.rows"), x, [3, 1], dilation);
        let y = self.conv_bn(&format!("{name}.cols"), y, c, [1, 3], 1, dilation);
        let y = self.add(&format!("{name}.add"), x, y);
        self.relu(&format!("{name}.relu"), y)
    }

    /// Residual bottleneck of `mid` planes with two factorised pairs, the second one dilated.
    pub fn bottleneck(&mut self, name: &str, x: ValueId, mid: i64, dilation: i64) -> ValueId {
        let c = self.shape(x).0;
        let y = self.conv_bn_relu(&format!("{name}.reduce"), x, mid, [1, 1], 1, 1);
        let y = self.conv_relu(&format!("{name}.rows"), y, [3, 1], 1);
        let y = self.conv_bn_relu(&format!("{name}.cols"), y, mid, [1, 3], 1, 1);
        let y = self.conv_relu(&format!("{name}.far_rows"), y, [3, 1], dilation);
        let y = self.conv_bn_relu(&format!("{name}.far_cols"), y, mid, [1, 3], 1, dilation);
        let y = self.conv_bn(&format!("{name}.expand"), y, c, [1, 1], 1, 1);
        let y = self.add(&format!("{name}.add"), x, y);
        self.relu(&format!("{name}.relu"), y)
    }
}

/// Padding that keeps the size, and dilation only along directions that have more than one tap.
fn dilated(kernel: [i64; 2], dilation: i64) -> ([i64; 2], [i64; 2]) {
    let d = kernel.map(|k| if k > 1 { dilation } else { 1 });
    ([kernel[0] / 2 * d[0], kernel[1] / 2 * d[1]], d)
}
