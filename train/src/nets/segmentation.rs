//! The segmentation network of the bundles `road` and `road-small`.
//!
//! Two branches. **Context** is a backbone with ImageNet weights on the picture at half size, where
//! its depthwise convolutions are cheap; it gives what things are. **Detail** is three plain layers
//! at full size down to 1/4; it gives where thin things are. A decoder adds them on the way up.
//! Logits stay at 1/4: whoever wants more resizes them.

use super::backbone::backbone;
use super::{AUXILIARY, LOGITS};
use crate::graph::{Builder, Graph, ValueId};

/// What the two networks differ in.
pub(super) struct Widths {
    /// Last block of the backbone.
    backbone: usize,
    /// Planes of the decoder at 1/16, 1/8 and 1/4.
    decoder: [i64; 3],
    /// Names of the factorised blocks of the decoder at 1/8.
    blocks8: &'static [&'static str],
    /// Whether the detail branch has a block of its own at 1/4, and the observer reads it.
    detailed: bool,
    /// Names of the activations that the observer gets, with their strides and planes.
    pub(super) activations: &'static [(&'static str, i64, i64)],
}

/// Of the bundle `road`.
pub(super) const ROAD: Widths = Widths {
    backbone: 10,
    decoder: [96, 64, 48],
    blocks8: &["decoder8.fuse", "decoder8.fuse2"],
    detailed: true,
    activations: &[
        ("detail4", 4, DETAIL),
        ("context8", 8, 24),
        ("context16", 16, 40),
        ("context32", 32, 112),
        ("decoder16", 16, 96),
        ("decoder8", 8, 64),
        ("decoder4", 4, 48),
    ],
};

/// Of the bundle `road-small`: the same branches, so that they can begin with the weights of `road`, and
/// a narrower decoder.
pub(super) const SMALL: Widths = Widths {
    backbone: 8,
    decoder: [48, 40, 24],
    blocks8: &["decoder8.fuse"],
    detailed: false,
    activations: &[
        ("context8", 8, 24),
        ("context16", 16, 40),
        ("context32", 32, 112),
        ("decoder16", 16, 48),
        ("decoder8", 8, 40),
        ("decoder4", 4, 24),
    ],
};

/// Planes of the detail branch at 1/4.
const DETAIL: i64 = 32;

/// Outputs: logits, the activations, auxiliary logits at 1/8 and 1/16.
pub(super) fn segmentation(widths: &Widths, classes: i64) -> Graph {
    let [wide16, wide8, _] = widths.decoder;
    let mut b = Builder::new("segmentation");
    let image = b.input("image", 3, 1);

    let half = b.conv_bn_relu("stem", image, 16, [3, 3], 2, 1);
    let mut x = b.conv_bn_relu("down4", half, DETAIL, [3, 3], 2, 1);
    if widths.detailed {
        x = b.factorised("stage4", x, 1);
    }
    let detail4 = b.rename(x, "detail4");

    let small = b.average_pool2("small", image);
    let [x8, x16, x32] = backbone(&mut b, small, [2, 4, widths.backbone]);
    let context8 = b.rename(x8, "context8");
    let context16 = b.rename(x16, "context16");
    let context32 = b.rename(x32, "context32");

    let x = b.conv_bn_relu("deep", context32, wide16, [1, 1], 1, 1);
    let pooled = b.global_average_pool("scene.pool", x);
    let scene = b.conv("scene.project", pooled, wide16, [1, 1]);
    let x = b.add("scene.add", x, scene);

    let up = b.upsample2("decoder16.up", x);
    let lateral = b.conv_bn("decoder16.lateral", context16, wide16, [1, 1], 1, 1);
    let x = b.add("decoder16.add", up, lateral);
    let x = b.relu("decoder16.relu", x);
    let x = b.factorised("decoder16.fuse", x, 1);
    let decoder16 = b.rename(x, "decoder16");

    let mut x = b.merge_up("decoder8", decoder16, context8, wide8);
    for block in widths.blocks8 {
        x = b.factorised(block, x, 1);
    }
    let decoder8 = b.rename(x, "decoder8");

    let [decoder4, logits] = end(&mut b, widths, decoder8, detail4, classes);
    let [aux8, aux16] = AUXILIARY;
    let aux8 = b.conv(aux8, decoder8, classes, [1, 1]);
    let aux16 = b.conv(aux16, decoder16, classes, [1, 1]);
    let mut outputs = vec![logits];
    if widths.detailed {
        outputs.push(detail4);
    }
    outputs.extend([
        context8, context16, context32, decoder16, decoder8, decoder4, aux8, aux16,
    ]);
    b.finish(&outputs)
}

/// The end of the network of `road` alone, on its inputs `decoder8` and `detail4`.
pub(super) fn end_alone(b: &mut Builder, classes: i64) -> [ValueId; 2] {
    let decoder8 = b.input("decoder8", 64, 8);
    let detail4 = b.input("detail4", DETAIL, 4);
    end(b, &ROAD, decoder8, detail4, classes)
}

/// The last step up, `decoder4`, and the logits.
fn end(
    b: &mut Builder,
    widths: &Widths,
    decoder8: ValueId,
    detail4: ValueId,
    classes: i64,
) -> [ValueId; 2] {
    let x = b.merge_up("decoder4", decoder8, detail4, widths.decoder[2]);
    let x = b.factorised("decoder4.fuse", x, 1);
    let decoder4 = b.rename(x, "decoder4");
    [decoder4, b.conv(LOGITS, decoder4, classes, [1, 1])]
}
