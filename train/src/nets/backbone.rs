//! The backbone: EfficientNet-Lite0 (Apache-2.0; Tan & Le, arXiv 1905.11946, without squeeze and
//! excitation and with ReLU6), whose ImageNet weights `train/setup.sh` installs.
//!
//! Its batch norms keep the statistics of ImageNet while it is trained on; their scale and shift are
//! trained.

use std::collections::BTreeMap;
use std::path::Path;

use tch::Tensor;

use crate::graph::{BatchNorm, Builder, Conv, ValueId};
use crate::torch::{Network, NetworkError};

/// What every parameter of the backbone is called at its beginning.
pub const PREFIX: &str = "backbone.";

const NORM: BatchNorm = BatchNorm {
    epsilon: 1e-3,
    frozen: true,
};

/// An inverted residual: kernel, stride, expansion, planes out.
const BLOCKS: [(i64, i64, i64, i64); 16] = [
    (3, 1, 1, 16),
    (3, 2, 6, 24),
    (3, 1, 6, 24),
    (5, 2, 6, 40),
    (5, 1, 6, 40),
    (3, 2, 6, 80),
    (3, 1, 6, 80),
    (3, 1, 6, 80),
    (5, 1, 6, 112),
    (5, 1, 6, 112),
    (5, 1, 6, 112),
    (5, 2, 6, 192),
    (5, 1, 6, 192),
    (5, 1, 6, 192),
    (5, 1, 6, 192),
    (3, 1, 6, 320),
];

/// Stem and the blocks up to and with the last of `keep`; returns the outputs of the blocks in
/// `keep`, which ascends. The picture's sides must be multiples of twice the deepest stride.
pub fn backbone<const N: usize>(b: &mut Builder, image: ValueId, keep: [usize; N]) -> [ValueId; N] {
    let stem = Conv {
        out_channels: 32,
        ..same(3, 2)
    };
    let x = b.conv_op("backbone.stem.conv", image, stem);
    let x = b.batch_norm("backbone.stem.bn", x, NORM);
    let mut x = b.relu6("backbone.stem.relu", x);
    let mut kept = keep.map(|_| x);
    for (index, shape) in BLOCKS.into_iter().enumerate() {
        if keep.last().is_none_or(|&last| index > last) {
            break;
        }
        x = inverted_residual(b, &format!("backbone.{index}"), x, shape);
        if let Some(at) = keep.iter().position(|&k| k == index) {
            kept[at] = x;
        }
    }
    kept
}

fn inverted_residual(
    b: &mut Builder,
    name: &str,
    input: ValueId,
    (kernel, stride, expansion, out): (i64, i64, i64, i64),
) -> ValueId {
    let planes = b.shape(input).0;
    let wide = planes * expansion;
    let mut x = input;
    if expansion > 1 {
        x = pointwise(b, &format!("{name}.expand"), x, wide);
        x = b.relu6(&format!("{name}.expand.relu"), x);
    }
    let depthwise = Conv {
        out_channels: wide,
        groups: wide,
        ..same(kernel, stride)
    };
    x = b.conv_op(&format!("{name}.depthwise.conv"), x, depthwise);
    x = b.batch_norm(&format!("{name}.depthwise.bn"), x, NORM);
    x = b.relu6(&format!("{name}.depthwise.relu"), x);
    x = pointwise(b, &format!("{name}.project"), x, out);
    if stride == 1 && planes == out {
        x = b.add(&format!("{name}.add"), x, input);
    }
    x
}

fn pointwise(b: &mut Builder, name: &str, x: ValueId, out_channels: i64) -> ValueId {
    let conv = Conv {
        out_channels,
        ..same(1, 1)
    };
    let x = b.conv_op(&format!("{name}.conv"), x, conv);
    b.batch_norm(&format!("{name}.bn"), x, NORM)
}

/// TensorFlow's "same" padding: at stride 2 an even input gets one row and column less before it
/// than after it.
fn same(kernel: i64, stride: i64) -> Conv {
    let all = kernel - stride;
    let before = all / 2;
    let after = all - before;
    Conv {
        out_channels: 0,
        kernel: [kernel, kernel],
        stride,
        padding: [before, before, after, after],
        dilation: [1, 1],
        groups: 1,
        bias: false,
    }
}

/// What the original calls a parameter of ours.
fn original_name(name: &str) -> Option<String> {
    let rest = name.strip_prefix(PREFIX)?;
    let (block, rest) = rest.split_once('.')?;
    if block == "stem" {
        let rest = rest.replacen("bn.", "_bn0.", 1);
        return Some(rest.replacen("conv.", "_conv_stem.", 1));
    }
    let (layer, rest) = rest.split_once('.')?;
    // a block that does not expand has no first batch norm, but the others keep their numbers
    let norm = match layer {
        "expand" => "_bn0.",
        "depthwise" => "_bn1.",
        _ => "_bn2.",
    };
    let rest = rest.replacen("bn.", norm, 1);
    let rest = rest.replacen("conv.", &format!("_{layer}_conv."), 1);
    Some(format!("_blocks.{block}.{rest}"))
}

/// Puts the pretrained weights of the file (see `train/setup.sh`) into the network's backbone.
///
/// # Errors
/// Where the file cannot be read, lacks a parameter, or has it in another shape.
pub fn load_backbone(network: &Network, path: &Path) -> Result<(), NetworkError> {
    let original: BTreeMap<String, Tensor> = Tensor::read_safetensors(path)?.into_iter().collect();
    let mut values = BTreeMap::new();
    for (name, own) in network.parameters() {
        let value = match original_name(name) {
            Some(theirs) => original.get(&theirs),
            None => Some(own),
        };
        if let Some(value) = value {
            values.insert(name.clone(), value.detach());
        }
    }
    network.load(&values)
}
