//! The segmentation network of the bundle `road`.
//!
//! Two branches. **Context** is a backbone with ImageNet weights on the picture at half size, where
//! its depthwise convolutions are cheap; it gives what things are. **Detail** is three plain layers
//! at full size down to 1/4; it gives where thin things are. A decoder adds them on the way up.
//! Logits stay at 1/4: whoever wants more resizes them.

use super::backbone::backbone;
use super::{AUXILIARY, LOGITS};
use crate::graph::{Builder, Graph, ValueId};

/// Names of the activations that the observer gets, with their strides and planes.
pub(super) const ACTIVATIONS: [(&str, i64, i64); 7] = [
    ("detail4", 4, 32),
    ("context8", 8, 24),
    ("context16", 16, 40),
    ("context32", 32, 112),
    ("decoder16", 16, 96),
    ("decoder8", 8, 64),
    ("decoder4", 4, 48),
];

/// Outputs: logits, the [`ACTIVATIONS`], auxiliary logits at 1/8 and 1/16.
pub(super) fn segmentation(classes: i64) -> Graph {
    let mut b = Builder::new("segmentation");
    let image = b.input("image", 3, 1);

    let half = b.conv_bn_relu("stem", image, 16, [3, 3], 2, 1);
    let x = b.conv_bn_relu("down4", half, 32, [3, 3], 2, 1);
    let x = b.factorised("stage4", x, 1);
    let detail4 = b.rename(x, "detail4");

    let small = b.average_pool2("small", image);
    let [x8, x16, x32] = backbone(&mut b, small, [2, 4, 10]);
    let context8 = b.rename(x8, "context8");
    let context16 = b.rename(x16, "context16");
    let context32 = b.rename(x32, "context32");

    let x = b.conv_bn_relu("deep", context32, 96, [1, 1], 1, 1);
    let pooled = b.global_average_pool("scene.pool", x);
    let scene = b.conv("scene.project", pooled, 96, [1, 1]);
    let x = b.add("scene.add", x, scene);

    let up = b.upsample2("decoder16.up", x);
    let lateral = b.conv_bn("decoder16.lateral", context16, 96, [1, 1], 1, 1);
    let x = b.add("decoder16.add", up, lateral);
    let x = b.relu("decoder16.relu", x);
    let x = b.factorised("decoder16.fuse", x, 1);
    let decoder16 = b.rename(x, "decoder16");

    let x = b.merge_up("decoder8", decoder16, context8, 64);
    let x = b.factorised("decoder8.fuse", x, 1);
    let x = b.factorised("decoder8.fuse2", x, 1);
    let decoder8 = b.rename(x, "decoder8");

    let [decoder4, logits] = end(&mut b, decoder8, detail4, classes);
    let [aux8, aux16] = AUXILIARY;
    let aux8 = b.conv(aux8, decoder8, classes, [1, 1]);
    let aux16 = b.conv(aux16, decoder16, classes, [1, 1]);
    b.finish(&[
        logits, detail4, context8, context16, context32, decoder16, decoder8, decoder4, aux8, aux16,
    ])
}

/// The end of the network alone, on its inputs `decoder8` and `detail4`.
pub(super) fn end_alone(b: &mut Builder, classes: i64) -> [ValueId; 2] {
    let decoder8 = b.input("decoder8", 64, 8);
    let detail4 = b.input("detail4", 32, 4);
    end(b, decoder8, detail4, classes)
}

/// The last step up, `decoder4`, and the logits.
fn end(b: &mut Builder, decoder8: ValueId, detail4: ValueId, classes: i64) -> [ValueId; 2] {
    let x = b.merge_up("decoder4", decoder8, detail4, 48);
    let x = b.factorised("decoder4.fuse", x, 1);
    let decoder4 = b.rename(x, "decoder4");
    [decoder4, b.conv(LOGITS, decoder4, classes, [1, 1])]
}
