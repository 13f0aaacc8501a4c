//! The segmentation network: a compact encoder-decoder for real-time use.
//!
//! One narrow factorised block at 1/4 on the way down and one on the way up is what thin things,
//! poles and signs, need; all else is at 1/8 and 1/16, where width is cheap. Logits stay at 1/4:
//! whoever wants more resizes them. Factorised and dilated residual blocks follow the ideas of
//! ERFNet and DABNet.

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
    let x = b.conv_bn_relu("down4", half, 32, [3, 3], 2, 1);
    let x = b.factorised("stage4", x, 1);
    let encoder4 = b.rename(x, "encoder4");

    let mut x = b.conv_bn_relu("down8", encoder4, 64, [3, 3], 2, 1);
    for i in 0..2 {
        x = b.factorised(&format!("stage8.{i}"), x, 1);
    }
    let encoder8 = b.rename(x, "encoder8");

    let mut x = b.conv_bn_relu("down16", encoder8, 128, [3, 3], 2, 1);
    for (i, dilation) in [1, 2, 4, 8].into_iter().enumerate() {
        x = b.bottleneck(&format!("stage16.{i}"), x, 64, dilation);
    }
    let pooled = b.global_average_pool("context.pool", x);
    let context = b.conv("context.project", pooled, 128, [1, 1]);
    let x = b.add("context.add", x, context);
    let x = b.relu("context.relu", x);
    let encoder16 = b.rename(x, "encoder16");

    let deep = b.conv_bn("decoder8.deep", encoder16, 64, [1, 1], 1, 1);
    let deep = b.upsample2("decoder8.up", deep);
    let lateral = b.conv_bn("decoder8.lateral", encoder8, 64, [1, 1], 1, 1);
    let x = b.add("decoder8.add", deep, lateral);
    let x = b.relu("decoder8.relu", x);
    let x = b.factorised("decoder8.fuse", x, 1);
    let decoder8 = b.rename(x, "decoder8");

    let deep = b.conv_bn("decoder4.deep", decoder8, 32, [1, 1], 1, 1);
    let deep = b.upsample2("decoder4.up", deep);
    let lateral = b.conv_bn("decoder4.lateral", encoder4, 32, [1, 1], 1, 1);
    let x = b.add("decoder4.add", deep, lateral);
    let x = b.relu("decoder4.relu", x);
    let x = b.factorised("decoder4.fuse", x, 1);
    let logits = b.conv(LOGITS, x, classes, [1, 1]);
    let auxiliary = b.conv(AUXILIARY, encoder16, classes, [1, 1]);
    b.finish(&[logits, encoder4, encoder8, encoder16, decoder8, auxiliary])
}
