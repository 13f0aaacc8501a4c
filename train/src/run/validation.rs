//! Pictures with things in them that no class describes: what the best observer is chosen by, and
//! what thresholds are calibrated on.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use lookout::evaluate::{BinaryHistogram, BinaryMetrics};
use lookout_scene::Anomaly;
use rand::RngExt;
use tch::{Device, no_grad};

use super::observed::{Observed, observe};
use super::segmentation::RENDER_VALIDATION_SEED;
use crate::data::{
    Canvas, Cutout, CutoutSplit, Match, Pasted, Picture, Rendering, Rng, SetFile, VOID,
    ground_pixel, load_cutouts, paste_cutout, place_by_row, rendered, sample_rng,
};
use crate::torch::{Mode, Network};

/// Pictures with an outlier mask, to choose the best observer by.
#[derive(Debug)]
pub struct ValidationSet {
    /// Pictures with their `outlier` plane filled.
    pub pictures: Vec<Picture>,
}

impl ValidationSet {
    /// Pastes one held-out object into each picture, colours slightly matched. The same seed gives
    /// the same set.
    pub fn pasted(pictures: &[Picture], how: Pasted, cutouts: &[Cutout], seed: u64) -> Self {
        let paste = |(i, p): (usize, &Picture)| {
            let mut rng = sample_rng(seed, 0, i);
            paste_one(p, how, cutouts, &mut rng)
        };
        Self {
            pictures: pictures.iter().enumerate().map(paste).collect(),
        }
    }

    /// Of every set that says how, its validation pictures with held-out things pasted into them;
    /// beside them `rendered`: drives of validation seeds with anomalies that no training drive
    /// shows.
    ///
    /// # Errors
    /// Where data cannot be read.
    pub fn all(
        data: &Path,
        sets: &BTreeMap<String, SetFile>,
        cutouts: &[PathBuf],
        seed: u64,
    ) -> anyhow::Result<BTreeMap<String, Self>> {
        let cutouts = load_cutouts(cutouts, CutoutSplit::Validation)?;
        anyhow::ensure!(!cutouts.is_empty(), "there are no held-out cut-outs");
        let mut all = BTreeMap::new();
        for (name, set) in sets {
            if let (Some(part), Some(how)) = (&set.validation, set.pasted) {
                let pictures = part.load(data)?;
                all.insert(name.clone(), Self::pasted(&pictures, how, &cutouts, seed));
            }
        }
        let rendering = Rendering {
            drives: 12,
            frames: 4,
        };
        let pictures = rendered(RENDER_VALIDATION_SEED, rendering, Anomaly::HeldOut)?;
        all.insert("rendered".to_owned(), Self { pictures });
        Ok(all)
    }

    /// At most so many of the pictures, spread over all.
    pub(super) fn thin(&mut self, most: usize) {
        let every = self.pictures.len().div_ceil(most.max(1)).max(1);
        self.pictures = std::mem::take(&mut self.pictures)
            .into_iter()
            .step_by(every)
            .collect();
    }

    /// How well the observer's output `output` finds the outliers; void is left out.
    ///
    /// # Errors
    /// Where libtorch refuses.
    pub fn judge(
        &self,
        observed: &Observed,
        observer: &Network,
        output: &str,
        device: Device,
    ) -> anyhow::Result<BinaryMetrics> {
        let mut histogram = BinaryHistogram::new();
        for p in &self.pictures {
            let view = observed.view(p, device)?;
            let seen = no_grad(|| observed.see(&view.image))?;
            let out = no_grad(|| observe(observer, &seen, Mode::Evaluate))?;
            let z = view.at_picture(&out[output]);
            let score: Vec<f32> = ((z + 12.0) / 24.0)
                .clamp(0.0, 1.0)
                .flatten(0, -1)
                .try_into()?;
            for ((s, &o), &l) in score.iter().zip(&p.outlier).zip(&p.label) {
                if o > 0 || l != VOID {
                    histogram.add(*s, o > 0);
                }
            }
        }
        Ok(histogram.metrics())
    }
}

/// Object heights in metres, drawn log-uniformly: from a box to a horse.
const HEIGHT_METRES: (f32, f32) = (0.35, 1.9);
/// CamVid's horizon, as a share of the rows.
const HORIZON: f32 = 0.42;
/// Longer side in pixels of things that are pasted by size.
const SIDE: (f32, f32) = (6.0, 200.0);

fn paste_one(p: &Picture, how: Pasted, cutouts: &[Cutout], rng: &mut Rng) -> Picture {
    let mut canvas = Canvas::filled(p.width, p.height, [0.0; 3]);
    for (to, &from) in canvas.rgb.iter_mut().zip(&p.rgb) {
        *to = f32::from(from) / 255.0;
    }
    canvas.label.clone_from(&p.label);
    for _ in 0..20 {
        let cutout = &cutouts[rng.random_range(0..cutouts.len())];
        let (scaled, x, foot, least) = match how {
            Pasted::Standing => {
                let (lo, hi) = HEIGHT_METRES;
                let metres = rng.random_range(lo.ln()..=hi.ln()).exp();
                let foot = rng.random_range(0.52f32..0.93);
                let (rows, foot) = place_by_row(p.height, HORIZON, foot, metres);
                let rows = rows.max(8.0);
                let x = rng.random_range(0.05f32..0.95) * p.width as f32;
                (cutout.scaled(rows / cutout.height as f32), x, foot, 60)
            }
            Pasted::Sized => {
                let side = rng.random_range(SIDE.0.ln()..=SIDE.1.ln()).exp();
                let scaled = cutout.scaled(side / cutout.width.max(cutout.height) as f32);
                let Some(at) = ground_pixel(&p.label, rng) else {
                    continue;
                };
                let (x, foot) = (at % p.width, at / p.width);
                (scaled, x as f32, foot as f32, 4)
            }
        };
        let y = foot - scaled.height as f32 / 2.0;
        let (flip, matching) = (rng.random_bool(0.5), Match::slight(rng));
        if paste_cutout(&mut canvas, &scaled, x as i64, y as i64, flip, &matching) >= least {
            break;
        }
    }
    let rgb = canvas
        .rgb
        .iter()
        .map(|v| (v * 255.0).round() as u8)
        .collect();
    Picture {
        width: p.width,
        height: p.height,
        rgb,
        label: canvas.label,
        outlier: canvas.outlier,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pictures() -> Vec<Picture> {
        let (width, height) = (160, 120);
        let picture = |shade: u8| Picture {
            width,
            height,
            rgb: vec![shade; 3 * width * height],
            label: vec![shade % VOID; width * height],
            outlier: vec![0; width * height],
        };
        [60, 90, 150].map(picture).to_vec()
    }

    fn cutouts() -> Vec<Cutout> {
        let cutout = |(width, height, colour): (usize, usize, [u8; 4])| Cutout {
            name: "thing_1_1".to_owned(),
            width,
            height,
            rgba: colour.repeat(width * height),
        };
        [(40, 30, [200, 30, 30, 255]), (20, 44, [20, 40, 220, 255])]
            .map(cutout)
            .to_vec()
    }

    #[test]
    fn the_same_seed_gives_the_same_set() {
        let (pictures, cutouts) = (pictures(), cutouts());
        let planes = |seed| -> Vec<(Vec<u8>, Vec<u8>)> {
            let set = ValidationSet::pasted(&pictures, Pasted::Standing, &cutouts, seed);
            set.pictures
                .into_iter()
                .map(|p| (p.rgb, p.outlier))
                .collect()
        };
        assert_eq!(planes(7), planes(7));
        assert_ne!(planes(7), planes(8));
    }

    #[test]
    fn pasting_changes_marked_pixels_only_and_no_label() {
        for how in [Pasted::Standing, Pasted::Sized] {
            check_marks(how);
        }
    }

    fn check_marks(how: Pasted) {
        let mut before = pictures();
        before.iter_mut().for_each(|p| p.label.fill(3));
        let after = ValidationSet::pasted(&before, how, &cutouts(), 3).pictures;
        assert_eq!(after.len(), before.len());
        for (b, a) in before.iter().zip(&after) {
            assert_eq!(a.label, b.label);
            assert!(a.outlier.iter().any(|&o| o > 0));
            for (i, &o) in a.outlier.iter().enumerate() {
                if o == 0 {
                    assert_eq!(a.rgb[3 * i..3 * i + 3], b.rgb[3 * i..3 * i + 3]);
                }
            }
        }
    }
}
