//! The observer of the bundles `road` and `road-small`: sees the picture and what the segmentation network made of
//! it, and says pixel by pixel whether that can be believed (ObsNet, Besnier et al., ICCV 2021).
//!
//! Unlike the original it does not mirror the segmentation network: it reads its activations at
//! every depth by concatenation and is small, because its time adds to every frame.
//!
//! Its own logit, [`OWN_LOGIT`], is what is trained. The output joins it with the free energy of the
//! class logits, which fails elsewhere: the energy, standardised by what is usual for the class, and
//! the own logit are weighed. Those few numbers are fitted after training ([`crate::run::fit_fusion`]);
//! as nodes of the graph they run on every engine.

use super::{LOGITS, OBSERVER, OWN_LOGIT};
use crate::graph::{Builder, Graph, ValueId};

/// Planes of the observer at 1/4, 1/8 and 1/16, and of both on the way up.
pub(super) struct Widths {
    look: i64,
    near4: i64,
    down8: i64,
    near8: i64,
    down16: i64,
    far32: i64,
    far: i64,
    up8: i64,
    up4: i64,
}

/// Of the bundle `road`.
pub(super) const ROAD: Widths = Widths {
    look: 24,
    near4: 32,
    down8: 48,
    near8: 64,
    down16: 64,
    far32: 48,
    far: 96,
    up8: 64,
    up4: 24,
};

/// Of the bundle `road-small`.
pub(super) const SMALL: Widths = Widths {
    look: 16,
    near4: 16,
    down8: 24,
    near8: 32,
    down16: 32,
    far32: 24,
    far: 48,
    up8: 32,
    up4: 16,
};

/// Inputs: image, logits, the activations. Outputs: [`OBSERVER`] and [`OWN_LOGIT`], one plane each
/// at 1/4, high where the segmentation is wrong or the thing is unknown; then the energy and the
/// probabilities that the fusion reads.
pub(super) fn observer(w: &Widths, activations: &[(&str, i64, i64)], classes: i64) -> Graph {
    let mut b = Builder::new("observer");
    let image = b.input("image", 3, 1);
    let logits = b.input(LOGITS, classes, 4);
    let activations: Vec<(i64, ValueId)> = activations
        .iter()
        .map(|&(name, stride, channels)| (stride, b.input(name, channels, stride)))
        .collect();
    let at = |size: i64| {
        let there = activations
            .iter()
            .filter(move |(stride, _)| *stride == size);
        there.map(|a| a.1)
    };

    let patches = b.patchify("look", image, w.look, 4);
    let patches = b.relu("look.relu", patches);
    let seen: Vec<_> = [patches].into_iter().chain(at(4)).collect();
    let x = b.concat("fuse4.concat", &seen);
    let x = b.conv_bn("fuse4", x, w.near4, [1, 1], 1, 1);
    // apart: engines block planes by eight, and a concatenation with eleven more ends that
    let said = b.conv("said4", logits, w.near4, [1, 1]);
    let x = b.add("fuse4.add", x, said);
    let near4 = b.relu("fuse4.relu", x);

    let x = b.patchify("down8", near4, w.down8, 2);
    let x = b.relu("down8.relu", x);
    let seen: Vec<_> = [x].into_iter().chain(at(8)).collect();
    let x = b.concat("fuse8.concat", &seen);
    let near8 = b.conv_bn_relu("fuse8", x, w.near8, [1, 1], 1, 1);

    let x = b.patchify("down16", near8, w.down16, 2);
    let x = b.relu("down16.relu", x);
    let mut seen: Vec<_> = [x].into_iter().chain(at(16)).collect();
    for context32 in at(32) {
        let far = b.conv_bn("far32", context32, w.far32, [1, 1], 1, 1);
        seen.push(b.upsample2("far32.up", far));
    }
    let x = b.concat("fuse16.concat", &seen);
    let mut x = b.conv_bn_relu("fuse16", x, w.far, [1, 1], 1, 1);
    for (i, dilation) in [2, 4].into_iter().enumerate() {
        x = b.bottleneck(&format!("far.{i}"), x, w.far / 2, dilation);
    }

    let x = b.merge_up("up8", x, near8, w.up8);
    let x = b.factorised("up8.fuse", x, 1);
    let x = b.merge_up("up4", x, near4, w.up4);
    let x = b.factorised("up4.fuse", x, 1);
    let own = b.conv(OWN_LOGIT, x, 1, [1, 1]);
    fuse(b, own, logits)
}

/// Joins the observer's own logit with the energy, and ends the graph; see [`super::Fusion`] for the
/// numbers.
pub(super) fn fuse(mut b: Builder, own: ValueId, logits: ValueId) -> Graph {
    let probabilities = b.softmax("probabilities", logits);
    let energy = b.energy("energy", logits);
    let usual = b.conv("fusion.usual", probabilities, 1, [1, 1]);
    let scale = b.conv("fusion.scale", probabilities, 1, [1, 1]);
    let unusual = b.sub("fusion.unusual", energy, usual);
    let unusual = b.mul("fusion.standardised", unusual, scale);
    let both = b.concat("fusion.both", &[own, unusual]);
    let joined = b.conv("fusion.join", both, 1, [1, 1]);
    let out = b.rename(joined, OBSERVER);
    b.finish(&[out, own, energy, probabilities])
}
