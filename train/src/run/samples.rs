//! What the observer is trained on: frames with and without things in them that no class describes.

use std::fmt;

use rand::RngExt;
use serde::{Deserialize, Serialize};

use super::segmentation::RENDERED_SCALE;
use crate::data::{
    AugmentConfig, Canvas, Cutout, InUse, KnownThing, Match, Mixture, Picture, Rng, TextureSource,
    augment_as, corrupt, ground_pixel, outlier_weight, paste_cutout, paste_known, paste_texture,
    random_shapes, sample_rng, weather,
};

/// What samples are made of, as shares.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Composition {
    /// Of all samples, rendered ones with a rendered anomaly.
    pub rendered: f64,
    /// Of all samples, rendered ones without.
    pub rendered_clean: f64,
    /// Of the samples without a rendered anomaly, those into which nothing unknown is pasted.
    pub clean: f64,
    /// Of the samples without a rendered anomaly, those into which known things are pasted.
    pub known: f64,
    /// Weight of cut-outs among what is pasted.
    pub cutout: f64,
    /// Weight of rendered objects ([`ObserverTraining::objects`](super::ObserverTraining::objects)).
    #[serde(default)]
    pub object: f64,
    /// Weight of textures and of patches of other frames.
    pub texture: f64,
    /// Weight of corruptions of what is there.
    pub corruption: f64,
}

/// Longer side of pasted things in pixels, drawn log-uniformly.
const SIDE: (f32, f32) = (6.0, 200.0);
/// Radius of pasted textures and corruptions.
const RADIUS: (f32, f32) = (4.0, 90.0);
/// Radius of attacked shapes.
const ATTACK_RADIUS: (f32, f32) = (8.0, 110.0);

/// What the data thread draws from.
pub(super) struct Samples {
    pub(super) mixture: Mixture,
    /// Rendered, with an anomaly.
    pub(super) strange: Vec<Picture>,
    /// Rendered, without.
    pub(super) plain: Vec<Picture>,
    /// Rendered, without, and misleading.
    pub(super) mined: Vec<Picture>,
    /// Of all samples, those of `mined`.
    pub(super) mined_share: f64,
    pub(super) cutouts: Vec<Cutout>,
    /// Rendered objects.
    pub(super) objects: Vec<Cutout>,
    pub(super) known: Vec<KnownThing>,
    pub(super) composition: Composition,
    pub(super) size: AugmentConfig,
    pub(super) in_use: InUse,
    pub(super) batch: usize,
    pub(super) attacked: usize,
    pub(super) seed: u64,
}

impl fmt::Display for Samples {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let real: usize = self.mixture.sets.iter().map(|s| s.pictures.len()).sum();
        let made = (self.strange.len(), self.plain.len());
        let pasted = (self.cutouts.len(), self.objects.len(), self.known.len());
        write!(
            f,
            "{real} real pictures, {} rendered with an anomaly, {} without and {} of those misleading, {} cut-outs, {} objects, \
             {} known things",
            made.0,
            made.1,
            self.mined.len(),
            pasted.0,
            pasted.1,
            pasted.2
        )
    }
}

impl Samples {
    /// The samples of a step; the first `attacked` are real and have a shape to attack.
    pub(super) fn step(&self, step: usize) -> Vec<Canvas> {
        let sample = |j: usize| {
            let mut rng = sample_rng(self.seed, step, j);
            let mut canvas = if j < self.attacked {
                let mut canvas = self.real(&mut rng);
                let count = rng.random_range(1..=3);
                let (w, h) = (canvas.width, canvas.height);
                canvas.attack = random_shapes(w, h, count, ATTACK_RADIUS, &mut rng);
                canvas
            } else {
                self.any(&mut rng)
            };
            weather(&mut canvas, &mut rng);
            canvas
        };
        (0..self.batch).map(sample).collect()
    }

    fn any(&self, rng: &mut Rng) -> Canvas {
        let c = &self.composition;
        let kind = rng.random_range(0.0..1.0);
        let of = |pictures: &[Picture], rng: &mut Rng| {
            let picture = &pictures[rng.random_range(0..pictures.len())];
            augment_as(picture, &self.size, self.in_use, RENDERED_SCALE, rng)
        };
        if kind < c.rendered && !self.strange.is_empty() {
            let mut canvas = of(&self.strange, rng);
            let weight = outlier_weight(canvas.outlier.iter().filter(|&&o| o > 0).count());
            canvas.outlier.iter_mut().for_each(|o| *o *= weight);
            canvas
        } else if kind < c.rendered + c.rendered_clean && !self.plain.is_empty() {
            let canvas = of(&self.plain, rng);
            self.pasted(canvas, rng)
        } else if kind < c.rendered + c.rendered_clean + self.mined_share && !self.mined.is_empty()
        {
            of(&self.mined, rng)
        } else {
            self.real(rng)
        }
    }

    fn real(&self, rng: &mut Rng) -> Canvas {
        let (set, picture) = self.mixture.draw(rng);
        let canvas = augment_as(picture, &self.size, self.in_use, set.scale, rng);
        self.pasted(canvas, rng)
    }

    /// With known things, and with strange ones unless it is to stay clean.
    fn pasted(&self, mut canvas: Canvas, rng: &mut Rng) -> Canvas {
        if rng.random_bool(self.composition.known) {
            for _ in 0..rng.random_range(1..=3) {
                paste_known(&mut canvas, &self.known, rng);
            }
        }
        if !rng.random_bool(self.composition.clean) {
            for _ in 0..rng.random_range(1..=3) {
                self.paste(&mut canvas, rng);
            }
        }
        canvas
    }

    fn paste(&self, canvas: &mut Canvas, rng: &mut Rng) {
        let c = &self.composition;
        let photographs = c.cutout;
        let things = photographs + c.object;
        let kind = rng.random_range(0.0..things + c.texture + c.corruption);
        if kind < photographs && !self.cutouts.is_empty() {
            paste_thing(canvas, &self.cutouts, rng);
        } else if kind < things && !self.objects.is_empty() {
            paste_thing(canvas, &self.objects, rng);
        } else if kind < things + c.texture {
            let source = TextureSource {
                picture: self.mixture.draw(rng).1,
                cutouts: &self.cutouts,
            };
            paste_texture(canvas, source, RADIUS, rng);
        } else {
            corrupt(canvas, RADIUS, rng);
        }
    }
}

/// One of the things, somewhere.
fn paste_thing(canvas: &mut Canvas, things: &[Cutout], rng: &mut Rng) {
    let cutout = &things[rng.random_range(0..things.len())];
    let side = rng.random_range(SIDE.0.ln()..=SIDE.1.ln()).exp();
    let scaled = cutout.scaled(side / cutout.width.max(cutout.height) as f32);
    let (w, h) = (canvas.width, canvas.height);
    // half of them stand on the ground, where they matter; the others are anywhere
    let ground = rng
        .random_bool(0.5)
        .then(|| ground_pixel(&canvas.label, rng))
        .flatten();
    let (x, y) = match ground {
        // its foot is there
        Some(at) => (at % w, (at / w).saturating_sub(scaled.height / 2)),
        None => (rng.random_range(0..w), rng.random_range(h / 4..h)),
    };
    let (flip, matching) = (rng.random_bool(0.5), Match::strong(rng));
    paste_cutout(canvas, &scaled, x as i64, y as i64, flip, &matching);
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::data::{LabelKind, TrainingSet};

    /// A grey road into which a white object is pasted.
    fn samples() -> Samples {
        let (width, height) = (96, 64);
        let picture = Picture {
            width,
            height,
            rgb: vec![90; 3 * width * height],
            label: vec![3; width * height],
            outlier: vec![0; width * height],
        };
        let white = Cutout {
            name: String::from("object_1f400_0"),
            width: 16,
            height: 16,
            rgba: vec![255; 4 * 16 * 16],
        };
        let set = TrainingSet {
            weight: 1.0,
            scale: (1.0, 1.0),
            kind: LabelKind::Plain,
            pictures: vec![picture],
        };
        Samples {
            mixture: Mixture::new(vec![set]),
            strange: vec![],
            plain: vec![],
            mined: vec![],
            mined_share: 0.0,
            cutouts: vec![],
            objects: vec![white],
            known: vec![],
            composition: Composition {
                rendered: 0.0,
                rendered_clean: 0.0,
                clean: 0.0,
                known: 0.0,
                cutout: 0.0,
                object: 1.0,
                texture: 0.0,
                corruption: 0.0,
            },
            size: AugmentConfig { width, height },
            in_use: InUse::Rows(height),
            batch: 8,
            attacked: 0,
            seed: 1,
        }
    }

    fn unknown_pixels(samples: &Samples) -> usize {
        let canvases = (0..4).flat_map(|step| samples.step(step));
        let outliers = canvases.map(|canvas| canvas.outlier.iter().filter(|&&o| o > 0).count());
        outliers.sum()
    }

    #[test]
    fn rendered_objects_are_pasted_as_unknown_and_not_into_samples_that_stay_clean() {
        let mut samples = samples();
        let pasted = unknown_pixels(&samples);
        assert!(pasted > 500, "{pasted}");
        samples.composition.clean = 1.0;
        assert_eq!(unknown_pixels(&samples), 0);
    }
}
