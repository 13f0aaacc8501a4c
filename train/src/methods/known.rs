//! What a method may learn from: the frozen segmentation network, pictures of known things, labelled
//! pixels of them, and what samples are made of.

use std::collections::BTreeMap;
use std::path::PathBuf;

use rand::RngExt;
use tch::{Device, Tensor, no_grad};

use super::{FEATURES, Pixels};
use crate::data::{
    AugmentConfig, Batch, Canvas, Cutout, Match, Mixture, Picture, Rng, augment, paste_cutout,
    sample_rng,
};
use crate::nets::{Design, LOGITS};
use crate::run::{AttackConfig, attack, normalise, to_input};
use crate::torch::{Mode, Network, channels_last};

/// What frames are made of.
#[derive(Debug)]
pub struct Scenes {
    /// Labelled pictures by set.
    pub mixture: Mixture,
    /// Things of no class; none that figures are made with.
    pub cutouts: Vec<Cutout>,
    /// Rendered drives without anything unknown, where a row asks for them.
    pub rendered: Vec<Picture>,
}

/// Longer side in pixels of unknown things that are pasted, drawn log-uniformly.
const SIDE: (f32, f32) = (10.0, 200.0);

impl Scenes {
    /// A frame of another picture, as large as this one.
    pub fn another(&self, canvas: &Canvas, rng: &mut Rng) -> Canvas {
        let (width, height) = (canvas.width, canvas.height);
        let (set, picture) = self.mixture.draw(rng);
        augment(picture, &AugmentConfig { width, height }, set.scale, rng)
    }

    /// Pastes one thing of no class somewhere, colours matched, and marks it as unknown.
    pub fn paste_unknown(&self, canvas: &mut Canvas, rng: &mut Rng) {
        if self.cutouts.is_empty() {
            return;
        }
        let cutout = &self.cutouts[rng.random_range(0..self.cutouts.len())];
        let side = rng.random_range(SIDE.0.ln()..=SIDE.1.ln()).exp();
        let scaled = cutout.scaled(side / cutout.width.max(cutout.height) as f32);
        let (w, h) = (canvas.width, canvas.height);
        let (x, y) = (rng.random_range(0..w), rng.random_range(h / 4..h));
        let (flip, matching) = (rng.random_bool(0.5), Match::strong(rng));
        paste_cutout(canvas, &scaled, x as i64, y as i64, flip, &matching);
    }
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
    /// What the segmentation network makes of a normalised batch, with the way back to it.
    pub(super) fn with_gradient(segmentation: &Network, image: Tensor) -> anyhow::Result<Self> {
        let values = segmentation.forward(&[("image", &image)], Mode::Evaluate)?;
        Ok(Self { image, values })
    }

    /// The normalised picture.
    pub(super) fn image(&self) -> &Tensor {
        &self.image
    }

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
    no_grad(|| Seen::with_gradient(segmentation, image))
}

impl Known<'_> {
    /// The class logits of a batch of colours, 0..=1, with their gradients.
    ///
    /// # Errors
    /// Where libtorch refuses.
    pub fn logits(&self, image: &Tensor) -> anyhow::Result<Tensor> {
        let image = channels_last(&normalise(image));
        let seen = self
            .segmentation
            .forward(&[("image", &image)], Mode::Evaluate)?;
        Ok(seen[LOGITS].shallow_clone())
    }

    /// What the segmentation network makes of a batch of colours, 0..=1.
    ///
    /// # Errors
    /// Where libtorch refuses.
    pub fn see(&self, image: &Tensor) -> anyhow::Result<Seen> {
        see(self.segmentation, channels_last(&normalise(image)))
    }

    /// What it makes of a batch that is attacked inside the shapes of its canvases.
    ///
    /// # Errors
    /// Where libtorch refuses.
    pub fn see_attacked(&self, batch: &Batch, config: &AttackConfig) -> anyhow::Result<Seen> {
        let (image, shape) = (batch.image.to(self.device), batch.attack.to(self.device));
        self.see(&attack(|image| self.logits(image), &image, &shape, config)?)
    }

    /// What it makes of a picture at the size of use.
    ///
    /// # Errors
    /// Where libtorch refuses.
    pub fn see_picture(&self, picture: &Picture) -> anyhow::Result<Seen> {
        see(self.segmentation, to_input(picture).to(self.device))
    }
}

/// Labelled pixels of each class of a frame, at most, where a head's own plane is looked at.
const EACH: usize = 32;

impl Known<'_> {
    /// Labelled pixels of the frames, with the values of a head's output at 1/4 as their features.
    ///
    /// # Errors
    /// Where libtorch refuses, or no pixel has a class.
    pub fn rows(&self, network: &Network, output: &str) -> anyhow::Result<Pixels> {
        let mut parts = vec![];
        for (i, picture) in self.frames.iter().enumerate() {
            let seen = self.see_picture(picture)?;
            let out = no_grad(|| network.forward(&seen.inputs(), Mode::Evaluate))?;
            let mut rng = sample_rng(0, 0, i);
            let part = Pixels::of(picture, Some(&out[output]), seen.logits(), EACH, &mut rng);
            parts.push(part);
        }
        let all = Pixels::joined(&parts);
        anyhow::ensure!(!all.is_empty(), "no pixel of the frames has a class");
        Ok(all)
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
