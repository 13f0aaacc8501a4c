//! Writing a graph down, block by block.

use super::{BatchNorm, Conv, Graph, Node, Op, Reduce, Value, ValueId};

/// Epsilon of the batch norms of networks that are trained here from nothing.
const EPSILON: f64 = 1e-5;

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

    /// Planes and stride of a value.
    pub fn shape(&self, id: ValueId) -> (i64, i64) {
        let v = self.graph.value(id);
        (v.channels, v.stride)
    }

    /// Any convolution.
    pub fn conv_op(&mut self, name: &str, x: ValueId, conv: Conv) -> ValueId {
        let (channels, stride) = (conv.out_channels, self.shape(x).1 * conv.stride);
        self.node(name, Op::Conv(conv), &[x], channels, stride)
    }

    /// Convolution with a bias and "same" padding, no activation.
    pub fn conv(&mut self, name: &str, x: ValueId, out: i64, kernel: [i64; 2]) -> ValueId {
        let conv = Conv {
            bias: true,
            ..Conv::same(out, kernel, 1)
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
        let conv = Conv {
            bias: true,
            ..Conv::same(self.shape(x).0, kernel, dilation)
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
        let conv = Conv {
            stride,
            ..Conv::same(out, kernel, dilation)
        };
        let y = self.conv_op(&format!("{name}.conv"), x, conv);
        self.trained_norm(name, y)
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
        let conv = Conv {
            stride: block,
            padding: [0; 4],
            ..Conv::same(out, [block, block], 1)
        };
        let y = self.conv_op(&format!("{name}.conv"), x, conv);
        self.trained_norm(name, y)
    }

    fn trained_norm(&mut self, name: &str, x: ValueId) -> ValueId {
        let norm = BatchNorm {
            epsilon: EPSILON,
            frozen: false,
        };
        self.batch_norm(&format!("{name}.bn"), x, norm)
    }

    /// A batch norm of any kind.
    pub fn batch_norm(&mut self, name: &str, x: ValueId, norm: BatchNorm) -> ValueId {
        self.map(name, Op::BatchNorm(norm), &[x])
    }

    /// An operator whose output has the planes and the size of its first input.
    fn map(&mut self, name: &str, op: Op, inputs: &[ValueId]) -> ValueId {
        let (c, s) = self.shape(inputs[0]);
        self.node(name, op, inputs, c, s)
    }

    /// max(x, 0).
    pub fn relu(&mut self, name: &str, x: ValueId) -> ValueId {
        self.map(name, Op::Relu, &[x])
    }

    /// min(max(x, 0), 6).
    pub fn relu6(&mut self, name: &str, x: ValueId) -> ValueId {
        self.map(name, Op::Relu6, &[x])
    }

    /// a + b.
    pub fn add(&mut self, name: &str, a: ValueId, b: ValueId) -> ValueId {
        self.map(name, Op::Add, &[a, b])
    }

    /// a - b.
    pub fn sub(&mut self, name: &str, a: ValueId, b: ValueId) -> ValueId {
        self.map(name, Op::Sub, &[a, b])
    }

    /// a * b.
    pub fn mul(&mut self, name: &str, a: ValueId, b: ValueId) -> ValueId {
        self.map(name, Op::Mul, &[a, b])
    }

    /// a / b.
    pub fn div(&mut self, name: &str, a: ValueId, b: ValueId) -> ValueId {
        self.map(name, Op::Div, &[a, b])
    }

    /// e to the power of x.
    pub fn exp(&mut self, name: &str, x: ValueId) -> ValueId {
        self.map(name, Op::Exp, &[x])
    }

    /// Natural logarithm.
    pub fn log(&mut self, name: &str, x: ValueId) -> ValueId {
        self.map(name, Op::Log, &[x])
    }

    /// Square root.
    pub fn sqrt(&mut self, name: &str, x: ValueId) -> ValueId {
        self.map(name, Op::Sqrt, &[x])
    }

    /// 1 / (1 + exp(-x)).
    pub fn sigmoid(&mut self, name: &str, x: ValueId) -> ValueId {
        self.map(name, Op::Sigmoid, &[x])
    }

    /// min(max(x, low), high).
    pub fn clip(&mut self, name: &str, x: ValueId, low: f32, high: f32) -> ValueId {
        self.map(name, Op::Clip { low, high }, &[x])
    }

    /// x * scale + shift.
    pub fn affine(&mut self, name: &str, x: ValueId, scale: f32, shift: f32) -> ValueId {
        self.map(name, Op::Affine { scale, shift }, &[x])
    }

    /// One plane of all planes.
    pub fn reduce(&mut self, name: &str, x: ValueId, how: Reduce) -> ValueId {
        let s = self.shape(x).1;
        self.node(name, Op::Reduce(how), &[x], 1, s)
    }

    /// The k-th greatest plane of each pixel.
    pub fn kth(&mut self, name: &str, x: ValueId, k: i64) -> ValueId {
        let s = self.shape(x).1;
        self.node(name, Op::Kth { k }, &[x], 1, s)
    }

    /// Probabilities over the planes.
    pub fn softmax(&mut self, name: &str, x: ValueId) -> ValueId {
        self.map(name, Op::Softmax, &[x])
    }

    /// The free energy of the planes, as one plane.
    pub fn energy(&mut self, name: &str, x: ValueId) -> ValueId {
        let s = self.shape(x).1;
        self.node(name, Op::Energy, &[x], 1, s)
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

    /// The size of `like`; `x` itself where both have one stride.
    pub fn resize_to(&mut self, name: &str, x: ValueId, like: ValueId) -> ValueId {
        match self.shape(x).1 == self.shape(like).1 {
            true => x,
            false => self.fit_to(name, x, like),
        }
    }

    /// The size of `like`, also where both have one stride: of a side that the stride does not divide, one may
    /// have been rounded down and the other up.
    pub fn fit_to(&mut self, name: &str, x: ValueId, like: ValueId) -> ValueId {
        let (c, to) = (self.shape(x).0, self.shape(like).1);
        self.node(name, Op::ResizeTo, &[x, like], c, to)
    }

    /// Half the size, means of 2x2 pixels.
    pub fn average_pool2(&mut self, name: &str, x: ValueId) -> ValueId {
        let (c, s) = self.shape(x);
        self.node(name, Op::AveragePool2, &[x], c, s * 2)
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

    /// `deep` brought to `planes` planes and twice its size, added to `shallow` brought to as many,
    /// ReLU: one step up of a decoder.
    pub fn merge_up(
        &mut self,
        name: &str,
        deep: ValueId,
        shallow: ValueId,
        planes: i64,
    ) -> ValueId {
        let deep = self.conv_bn(&format!("{name}.deep"), deep, planes, [1, 1], 1, 1);
        let deep = self.upsample2(&format!("{name}.up"), deep);
        let lateral = self.conv_bn(&format!("{name}.lateral"), shallow, planes, [1, 1], 1, 1);
        let x = self.add(&format!("{name}.add"), deep, lateral);
        self.relu(&format!("{name}.relu"), x)
    }
}

impl Conv {
    /// A convolution of stride 1 without bias that keeps the size.
    fn same(out_channels: i64, kernel: [i64; 2], dilation: i64) -> Self {
        // dilation only along directions that have more than one tap
        let dilation = kernel.map(|k| if k > 1 { dilation } else { 1 });
        let [h, w] = [0, 1].map(|i| kernel[i] / 2 * dilation[i]);
        Self {
            out_channels,
            kernel,
            stride: 1,
            padding: [h, w, h, w],
            dilation,
            groups: 1,
            bias: false,
        }
    }
}
