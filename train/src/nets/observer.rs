//! The observer: sees the image and what the segmentation network made of it, and says pixel by
//! pixel whether that can be believed (ObsNet, Besnier et al., ICCV 2021).
//!
//! Unlike the original it does not mirror the segmentation network: it reads its activations at
//! four depths and its logits by concatenation and is small, because its time adds to every frame.

use super::segmentation::{ACTIVATIONS, LOGITS};
use crate::graph::{Builder, Graph};

/// The observer of [`super::segmentation`] with `classes` classes. Inputs: image, logits, the
/// activations; output: `observer`, one logit a pixel at 1/4 of the image, high where the
/// segmentation is wrong or the thing is unknown.
pub fn observer(classes: i64) -> Graph {
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
    let out = b.depth_to_space("observer", head, 2);
    b.finish(&[out])
}
