//! What a method may learn from: the frozen segmentation network, pictures of known things, labelled
//! pixels of them, and what samples are made of.

use std::collections::BTreeMap;
use std::path::PathBuf;

use tch::{Device, Tensor, no_grad};

use super::{FEATURES, Pixels};
use crate::data::{Cutout, KnownThing, Mixture, Picture, sample_rng};
use crate::nets::{Design, LOGITS};
use crate::run::{normalise, to_input};
use crate::torch::{Mode, Network, channels_last};

/// What frames are made of.
#[derive(Debug)]
pub struct Scenes {
    /// Labelled pictures by set.
    pub mixture: Mixture,
    /// Things of no class; none that figures are made with.
    pub cutouts: Vec<Cutout>,
    /// Things of known classes.
    pub things: Vec<KnownThing>,
}

/// See the module.
#[derive(Debug)]
pub struct Known<'a> {
    /// Which networks.
    pub design: Design,
    /// The segmentation network, frozen.
    pub segmentation: &'a Network,
    /// Folder of the finished experiment that it is of.
    pub start: PathBuf,
    /// Pictures of known things; what is fitted on frames is fitted on these.
    pub frames: Vec<Picture>,
    /// Labelled pixels of the training pictures.
    pub pixels: Pixels,
    /// What samples are made of.
    pub scenes: Scenes,
    /// Where tensors are.
    pub device: Device,
}

/// A batch, and what the segmentation network made of it.
#[derive(Debug)]
pub struct Seen {
    image: Tensor,
    values: BTreeMap<String, Tensor>,
}

impl Seen {
    /// All values by name, the normalised picture as `image`.
    pub fn inputs(&self) -> Vec<(&str, &Tensor)> {
        let values = self.values.iter().map(|(n, t)| (n.as_str(), t));
        values.chain([("image", &self.image)]).collect()
    }

    /// The class logits at 1/4.
    pub fn logits(&self) -> &Tensor {
        &self.values[LOGITS]
    }

    /// A value by name.
    pub fn value(&self, name: &str) -> Option<&Tensor> {
        self.values.get(name)
    }
}

/// What the segmentation network makes of a normalised batch.
///
/// # Errors
/// Where libtorch refuses.
pub(crate) fn see(segmentation: &Network, image: Tensor) -> anyhow::Result<Seen> {
    let values = no_grad(|| segmentation.forward(&[("image", &image)], Mode::Evaluate))?;
    Ok(Seen { image, values })
}

impl Known<'_> {
    /// What the segmentation network makes of a batch of colours, 0..=1.
    ///
    /// # Errors
    /// Where libtorch refuses.
    pub fn see(&self, image: &Tensor) -> anyhow::Result<Seen> {
        see(self.segmentation, channels_last(&normalise(image)))
    }

    /// What it makes of a picture at the size of use.
    ///
    /// # Errors
    /// Where libtorch refuses.
    pub fn see_picture(&self, picture: &Picture) -> anyhow::Result<Seen> {
        see(self.segmentation, to_input(picture).to(self.device))
    }
}

/// At most `each` labelled pixels of each class of each picture.
///
/// # Errors
/// Where libtorch refuses, or no pixel has a class.
pub(crate) fn pixels_of(
    segmentation: &Network,
    pictures: &[Picture],
    each: usize,
    seed: u64,
    device: Device,
) -> anyhow::Result<Pixels> {
    let mut parts = vec![];
    for (i, picture) in pictures.iter().enumerate() {
        let seen = see(segmentation, to_input(picture).to(device))?;
        let mut rng = sample_rng(seed, 0, i);
        let part = Pixels::of(picture, seen.value(FEATURES), seen.logits(), each, &mut rng);
        parts.push(part);
    }
    let all = Pixels::joined(&parts);
    anyhow::ensure!(!all.is_empty(), "no pixel of the pictures has a class");
    Ok(all)
}
