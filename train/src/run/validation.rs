//! Pictures with things in them that no class describes: what the best observer is chosen by, and
//! what thresholds are calibrated on.

use std::path::Path;

use lookout::evaluate::BinaryHistogram;
use lookout_scene::Anomaly;
use rand::RngExt;
use tch::{Device, no_grad};

use super::observer::observe;
use super::segmentation::{RENDER_VALIDATION_SEED, to_input};
use super::to_size;
use crate::data::{
    Canvas, Cutout, CutoutSplit, Match, Picture, Rng, VOID, camvid, load_cutouts, paste_cutout,
    place_by_row, rendered, sample_rng,
};
use crate::torch::{Mode, Network};

/// Pictures with an outlier mask, to choose the best observer by.
#[derive(Debug)]
pub struct ValidationSet {
    /// Pictures with their `outlier` plane filled.
    pub pictures: Vec<Picture>,
}

impl ValidationSet {
    /// Pastes one held-out object into each picture, standing on its row, colours slightly matched.
    /// The same seed gives the same set.
    pub fn pasted(pictures: &[Picture], cutouts: &[Cutout], seed: u64) -> Self {
        let paste = |(i, p): (usize, &Picture)| {
            let mut rng = sample_rng(seed, 0, i);
            paste_upright(p, cutouts, &mut rng)
        };
        Self {
            pictures: pictures.iter().enumerate().map(paste).collect(),
        }
    }

    /// CamVid's validation frames with held-out cut-outs: what thresholds are calibrated on.
    ///
    /// # Errors
    /// Where data cannot be read.
    pub fn camvid_pasted(camvid_root: &Path, cutouts: &Path, seed: u64) -> anyhow::Result<Self> {
        let pictures: Vec<Picture> = camvid(&camvid_root.join("val"))?
            .into_iter()
            .map(|(_, p)| p)
            .collect();
        let cutouts = load_cutouts(cutouts, CutoutSplit::Validation)?;
        anyhow::ensure!(!cutouts.is_empty(), "no held-out cut-outs");
        Ok(Self::pasted(&pictures, &cutouts, seed))
    }

    /// Rendered drives of validation seeds with anomalies that no training drive shows.
    ///
    /// # Errors
    /// Where the renderer refuses.
    pub fn held_out_renders() -> anyhow::Result<Self> {
        let pictures = rendered(RENDER_VALIDATION_SEED, 6, 4, Anomaly::HeldOut)?;
        Ok(Self { pictures })
    }

    /// AUROC and AP of the observer with the outlier as positive; void is left out.
    ///
    /// # Errors
    /// Where libtorch refuses.
    pub fn judge(
        &self,
        segmentation: &Network,
        observer: &Network,
        device: Device,
    ) -> anyhow::Result<(f64, f64)> {
        let mut histogram = BinaryHistogram::new();
        for p in &self.pictures {
            let image = to_input(p).to(device);
            let z = no_grad(|| observe(segmentation, observer, &image, Mode::Evaluate))?;
            let z = to_size(&z, p.height as i64, p.width as i64);
            let score: Vec<f32> = ((z + 12.0) / 24.0)
                .clamp(0.0, 1.0)
                .flatten(0, -1)
                .try_into()?;
            for ((s, &o), &l) in score.iter().zip(&p.outlier).zip(&p.label) {
                if o == 1 || l != VOID {
                    histogram.add(*s, o == 1);
                }
            }
        }
        let metrics = histogram.metrics();
        Ok((metrics.auroc.unwrap_or(0.0), metrics.ap.unwrap_or(0.0)))
    }
}

/// Object heights in metres, drawn log-uniformly: from a box to a horse.
const HEIGHT_METRES: (f32, f32) = (0.35, 1.9);
/// CamVid's horizon, as a share of the rows.
const HORIZON: f32 = 0.42;

fn paste_upright(p: &Picture, cutouts: &[Cutout], rng: &mut Rng) -> Picture {
    let mut canvas = Canvas::filled(p.width, p.height, [0.0; 3]);
    for (to, &from) in canvas.rgb.iter_mut().zip(&p.rgb) {
        *to = f32::from(from) / 255.0;
    }
    canvas.label.clone_from(&p.label);
    for _ in 0..20 {
        let cutout = &cutouts[rng.random_range(0..cutouts.len())];
        let (lo, hi) = HEIGHT_METRES;
        let metres = rng.random_range(lo.ln()..=hi.ln()).exp();
        let foot = rng.random_range(0.52f32..0.93);
        let (rows, foot) = place_by_row(p.height, HORIZON, foot, metres);
        let scaled = cutout.scaled((rows / cutout.height as f32).max(8.0 / cutout.height as f32));
        let x = rng.random_range(0.05f32..0.95) * p.width as f32;
        let y = foot - scaled.height as f32 / 2.0;
        let (flip, matching) = (rng.random_bool(0.5), Match::slight(rng));
        if paste_cutout(&mut canvas, &scaled, x as i64, y as i64, flip, &matching) >= 60 {
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
            let set = ValidationSet::pasted(&pictures, &cutouts, seed);
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
        let before = pictures();
        let after = ValidationSet::pasted(&before, &cutouts(), 3).pictures;
        assert_eq!(after.len(), before.len());
        for (b, a) in before.iter().zip(&after) {
            assert_eq!(a.label, b.label);
            assert!(a.outlier.contains(&1));
            for (i, &o) in a.outlier.iter().enumerate() {
                if o == 0 {
                    assert_eq!(a.rgb[3 * i..3 * i + 3], b.rgb[3 * i..3 * i + 3]);
                }
            }
        }
    }
}
