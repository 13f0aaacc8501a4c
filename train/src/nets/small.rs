//! The networks of the bundle `road-small`: a compact encoder-decoder and its observer, for machines
//! with one core and for deadlines that the networks of `road` do not meet.
//!
//! One narrow factorised block at 1/4 on the way down and one on the way up is what thin things,
//! poles and signs, need; all else is at 1/8 and 1/16, where width is cheap. Logits stay at 1/4:
//! whoever wants more resizes them. Factorised and dilated residual blocks follow the ideas of
//! ERFNet and DABNet.

use super::observer::fuse;
use super::{AUXILIARY, LOGITS, OWN_LOGIT};
use crate::graph::{Builder, Graph};

/// Names of the activations that the observer gets, with their strides and planes.
pub(super) const ACTIVATIONS: [(&str, i64, i64); 4] = [
    ("encoder4", 4, 32),
    ("encoder8", 8, 64),
    ("encoder16", 16, 128),
    ("decoder8", 8, 64),
];

/// Outputs: logits, the [`ACTIVATIONS`], auxiliary logits at 1/8 and 1/16.
pub(super) fn segmentation(classes: i64) -> Graph {
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

    let x = b.merge_up("decoder8", encoder16, encoder8, 64);
    let x = b.factorised("decoder8.fuse", x, 1);
    let decoder8 = b.rename(x, "decoder8");

    let x = b.merge_up("decoder4", decoder8, encoder4, 32);
    let x = b.factorised("decoder4.fuse", x, 1);
    let logits = b.conv(LOGITS, x, classes, [1, 1]);
    let [aux8, aux16] = AUXILIARY;
    let aux8 = b.conv(aux8, decoder8, classes, [1, 1]);
    let aux16 = b.conv(aux16, encoder16, classes, [1, 1]);
    b.finish(&[logits, encoder4, encoder8, encoder16, decoder8, aux8, aux16])
}

/// As [`super::observer::observer`], of a quarter of its size.
pub(super) fn observer(classes: i64) -> Graph {
    const WIDTH: i64 = 32;
    let mut b = Builder::new("observer");
    let image = b.input("image", 3, 1);
    let logits = b.input(LOGITS, classes, 4);
    let [encoder4, encoder8, encoder16, decoder8] =
        ACTIVATIONS.map(|(name, stride, channels)| b.input(name, channels, stride));

    let patches = b.patchify("look", image, 24, 4);
    let patches = b.relu("look.relu", patches);
    let seen = b.patchify("look8", patches, 32, 2);
    let seen = b.relu("look8.relu", seen);
    let said = b.patchify("said", logits, 32, 2);
    let said = b.relu("said.relu", said);
    let fine = b.patchify("fine", encoder4, 32, 2);
    let fine = b.relu("fine.relu", fine);
    let all = b.concat("fuse8.concat", &[seen, said, fine, encoder8, decoder8]);
    let x = b.conv_bn_relu("fuse8", all, WIDTH, [1, 1], 1, 1);
    let near = b.factorised("near", x, 1);

    let x = b.patchify("down16", near, 64, 2);
    let x = b.relu("down16.relu", x);
    let x = b.concat("fuse16.concat", &[x, encoder16]);
    let mut x = b.conv_bn_relu("fuse16", x, 64, [1, 1], 1, 1);
    for (i, dilation) in [2, 4].into_iter().enumerate() {
        x = b.bottleneck(&format!("far.{i}"), x, 32, dilation);
    }
    let x = b.conv_bn("up.project", x, WIDTH, [1, 1], 1, 1);
    let x = b.upsample2("up", x);
    let x = b.add("up.add", x, near);
    let x = b.relu("up.relu", x);
    let x = b.factorised("decide", x, 1);
    let head = b.conv("head", x, 4, [1, 1]);
    let own = b.depth_to_space(OWN_LOGIT, head, 2);
    fuse(b, own, logits)
}
