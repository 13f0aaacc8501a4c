//! The observer of the bundle `road`: sees the picture and what the segmentation network made of
//! it, and says pixel by pixel whether that can be believed (ObsNet, Besnier et al., ICCV 2021).
//!
//! Unlike the original it does not mirror the segmentation network: it reads its activations at
//! every depth by concatenation and is small, because its time adds to every frame.
//!
//! Its own logit, [`OWN_LOGIT`], is what is trained. The output joins it with the free energy of the
//! class logits, which fails elsewhere: the energy, standardised by what is usual for the class, and
//! the own logit are weighed. Those few numbers are fitted after training ([`crate::run::fit_fusion`]);
//! as nodes of the graph they run on every engine.

use super::segmentation::ACTIVATIONS;
use super::{LOGITS, OBSERVER, OWN_LOGIT};
use crate::graph::{Builder, Graph, ValueId};

/// Inputs: image, logits, the activations. Outputs: [`OBSERVER`] and [`OWN_LOGIT`], one plane each
/// at 1/4, high where the segmentation is wrong or the thing is unknown; then the energy and the
/// probabilities that the fusion reads.
pub(super) fn observer(classes: i64) -> Graph {
    let mut b = Builder::new("observer");
    let image = b.input("image", 3, 1);
    let logits = b.input(LOGITS, classes, 4);
    let [
        detail4,
        context8,
        context16,
        context32,
        decoder16,
        decoder8,
        decoder4,
    ] = ACTIVATIONS.map(|(name, stride, channels)| b.input(name, channels, stride));

    let patches = b.patchify("look", image, 24, 4);
    let patches = b.relu("look.relu", patches);
    let x = b.concat("fuse4.concat", &[patches, detail4, decoder4]);
    let x = b.conv_bn("fuse4", x, 32, [1, 1], 1, 1);
    // apart: engines block planes by eight, and a concatenation with eleven more ends that
    let said = b.conv("said4", logits, 32, [1, 1]);
    let x = b.add("fuse4.add", x, said);
    let near4 = b.relu("fuse4.relu", x);

    let x = b.patchify("down8", near4, 48, 2);
    let x = b.relu("down8.relu", x);
    let x = b.concat("fuse8.concat", &[x, context8, decoder8]);
    let near8 = b.conv_bn_relu("fuse8", x, 64, [1, 1], 1, 1);

    let x = b.patchify("down16", near8, 64, 2);
    let x = b.relu("down16.relu", x);
    let far = b.conv_bn("far32", context32, 48, [1, 1], 1, 1);
    let far = b.upsample2("far32.up", far);
    let x = b.concat("fuse16.concat", &[x, context16, decoder16, far]);
    let mut x = b.conv_bn_relu("fuse16", x, 96, [1, 1], 1, 1);
    for (i, dilation) in [2, 4].into_iter().enumerate() {
        x = b.bottleneck(&format!("far.{i}"), x, 48, dilation);
    }

    let x = b.merge_up("up8", x, near8, 64);
    let x = b.factorised("up8.fuse", x, 1);
    let x = b.merge_up("up4", x, near4, 24);
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
