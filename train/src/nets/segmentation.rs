//! The segmentation network: a compact encoder-decoder for real-time use.
//!
//! What is spent where follows from measuring engines on one CPU core: a 3x3 convolution costs
//! about twice as much per multiply at 1/4 resolution as at 1/16, and a 1x1 almost nothing. So
//! nothing but the two strided stem convolutions runs above 1/8; details of the 1/4 activation
//! reach the decoder through a 2x2 patch projection, and the head writes 2x2 logits per pixel
//! (depth to space) instead of resizing at the end. Factorised and dilated residual blocks follow
//! the ideas of ERFNet and DABNet.

use crate::graph::{Builder, Graph};

/// Name of the logits, at 1/4 of the image.
pub const LOGITS: &str = "logits";
/// Names of the activations that the observer gets, with their strides and planes.
pub const ACTIVATIONS: [(&str, i64, i64); 4] = [
    ("encoder4", 4, 32),
    ("encoder8", 8, 64),
    ("encoder16", 16, 128),
    ("decoder8", 8, 64),
];
/// Name of the auxiliary logits at 1/16: used in training only, not exported.
pub const AUXILIARY: &str = "auxiliary";

/// The network for `classes` classes. Outputs: logits, the [`ACTIVATIONS`], auxiliary logits.
pub fn segmentation(classes: i64) -> Graph {
    let mut b = Builder::new("segmentation");
    let image = b.input("image", 3, 1);

    let half = b.conv_bn_relu("stem", image, 16, [3, 3], 2, 1);
    let quarter = b.conv_bn_relu("down4", half, 32, [3, 3], 2, 1);
    let encoder4 = b.rename(quarter, "encoder4");

    let mut x = b.conv_bn_relu("down8", encoder4, 64, [3, 3], 2, 1);
    for i in 0..3 {
        x = b.factorised(&format!("stage8.{i}"), x, 1);
    }
    let encoder8 = b.rename(x, "encoder8");

    let mut x = b.conv_bn_relu("down16", encoder8, 128, [3, 3], 2, 1);
    for (i, dilation) in [1, 2, 4, 8, 2, 4].into_iter().enumerate() {
        x = b.bottleneck(&format!("stage16.{i}"), x, 64, dilation);
    }
    let pooled = b.global_average_pool("context.pool", x);
    let context = b.conv("context.project", pooled, 128, [1, 1]);
    let x = b.add("context.add", x, context);
    let x = b.relu("context.relu", x);
    let encoder16 = b.rename(x, "encoder16");

    let deep = b.conv_bn("decoder.deep", encoder16, 64, [1, 1], 1, 1);
    let deep = b.upsample2("decoder.up", deep);
    let lateral = b.conv_bn("decoder.lateral", encoder8, 64, [1, 1], 1, 1);
    let detail = b.patchify("decoder.detail", encoder4, 64, 2);
    let x = b.add("decoder.add_lateral", deep, lateral);
    let x = b.add("decoder.add_detail", x, detail);
    let mut x = b.relu("decoder.relu", x);
    for i in 0..2 {
        x = b.factorised(&format!("decoder.{i}"), x, 1);
    }
    let decoder8 = b.rename(x, "decoder8");

    let head = b.conv("head", decoder8, 4 * classes, [1, 1]);
    let logits = b.depth_to_space(LOGITS, head, 2);
    let auxiliary = b.conv(AUXILIARY, encoder16, classes, [1, 1]);
    b.finish(&[logits, encoder4, encoder8, encoder16, decoder8, auxiliary])
}
