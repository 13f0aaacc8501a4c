//! CutPaste (Li et al., CVPR 2021), per pixel: a head tells patches that were cut and pasted within the
//! same picture from what belongs there; what it has learnt to look at is an embedding, and the score
//! is the squared Mahalanobis distance of that to the Gaussian of known pixels. So many pixels stand
//! against so few dimensions that a covariance needs no shrinking.

use rand::RngExt;
use serde::{Deserialize, Serialize};
use tch::Tensor;

use super::trunk::{Quarter, WIDTH, told_apart, trunk};
use super::{FrameLoss, Known, Method, MethodError, Scenes, Step, Training, mahalanobis};
use crate::data::{Batch, Canvas, Rng};
use crate::graph::{Builder, Graph};
use crate::nets::Design;
use crate::torch::{Mode, Network};

/// See the module.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CutPaste {}

/// Share of the picture that a patch covers.
const AREA: (f64, f64) = (0.02, 0.15);
/// Width over height at the most; at the least it is one over this.
const ASPECT: f64 = 1.0 / 0.3;
/// Share of a patch's pixels that must have had another label, else it is no outlier.
const CHANGED: f64 = 0.6;
const TRIES: usize = 20;

impl Method for CutPaste {
    fn graph(&self, design: Design) -> Result<Graph, MethodError> {
        let mut b = Builder::new("head");
        let x = trunk(&mut b, design)?;
        let embedding = b.conv("embedding", x, WIDTH / 2, [1, 1]);
        let pasted = b.relu("embedding.relu", embedding);
        let pasted = b.conv("pasted", pasted, 1, [1, 1]);
        let score = mahalanobis::score(&mut b, embedding, 1);
        Ok(b.finish(&[score, pasted, embedding]))
    }

    fn training(&self) -> Training<'_> {
        Training::Frames(self)
    }

    fn fit(&self, network: &Network, known: &Known<'_>) -> anyhow::Result<()> {
        let rows = known.rows(network, "embedding")?;
        mahalanobis::write(network, &rows.features, &rows.label.zeros_like(), 1)
    }
}

impl FrameLoss for CutPaste {
    fn alter(&self, canvas: &mut Canvas, _scenes: &Scenes, rng: &mut Rng) {
        for _ in 0..TRIES {
            let patch = Patch::draw(canvas.width, canvas.height, rng);
            if patch.changed(canvas) > CHANGED {
                patch.paste(canvas);
                return;
            }
        }
    }

    fn loss(
        &self,
        network: &Network,
        batch: &Batch,
        known: &Known<'_>,
        _step: Step,
    ) -> anyhow::Result<Tensor> {
        let seen = known.see(&batch.image.to(known.device))?;
        let out = network.forward(&seen.inputs(), Mode::Train)?;
        let quarter = Quarter::of(batch, known.device);
        Ok(told_apart(&out["pasted"], &quarter.unknown, &quarter.known))
    }
}

/// A rectangle, where it is cut and where it is pasted.
#[derive(Clone, Copy, Debug)]
struct Patch {
    width: usize,
    height: usize,
    from: (usize, usize),
    to: (usize, usize),
}

impl Patch {
    fn draw(width: usize, height: usize, rng: &mut Rng) -> Self {
        let area = rng.random_range(AREA.0..AREA.1) * (width * height) as f64;
        let most = ASPECT.ln();
        let aspect = rng.random_range(-most..most).exp();
        let side = |v: f64, limit: usize| (v.round() as usize).clamp(1, limit);
        let w = side((area * aspect).sqrt(), width);
        let h = side((area / aspect).sqrt(), height);
        let mut corner = || {
            let x = rng.random_range(0..=width - w);
            (x, rng.random_range(0..=height - h))
        };
        Self {
            from: corner(),
            to: corner(),
            width: w,
            height: h,
        }
    }

    /// Pairs of pixels, whence and whither.
    fn pixels(self, width: usize) -> impl Iterator<Item = (usize, usize)> {
        let at = move |(x, y): (usize, usize), i: usize| {
            (y + i / self.width) * width + x + i % self.width
        };
        (0..self.width * self.height).map(move |i| (at(self.from, i), at(self.to, i)))
    }

    /// Share of the pixels that would get something of another label.
    fn changed(self, canvas: &Canvas) -> f64 {
        let others = self.pixels(canvas.width);
        let others = others
            .filter(|&(from, to)| canvas.label[from] != canvas.label[to])
            .count();
        others as f64 / (self.width * self.height) as f64
    }

    /// Pastes the colours, and marks them as unknown.
    fn paste(self, canvas: &mut Canvas) {
        let source = canvas.rgb.clone();
        for (from, to) in self.pixels(canvas.width) {
            canvas.rgb[3 * to..3 * to + 3].copy_from_slice(&source[3 * from..3 * from + 3]);
            canvas.outlier[to] = 1;
        }
    }
}

#[cfg(test)]
mod tests {
    use rand::SeedableRng;

    use super::*;

    /// Every pixel of its own colour; the left half class 3, the right half class 8.
    fn canvas() -> Canvas {
        let mut canvas = Canvas::filled(60, 40, [0.0; 3]);
        for i in 0..60 * 40 {
            canvas.rgb[3 * i] = i as f32 / 2400.0;
            canvas.label[i] = if i % 60 < 30 { 3 } else { 8 };
        }
        canvas
    }

    #[test]
    fn areas_are_two_to_fifteen_percent_of_the_picture() {
        let mut rng = Rng::seed_from_u64(1);
        let mut shares: Vec<f64> = (0..2000)
            .map(|_| Patch::draw(384, 288, &mut rng))
            .map(|p| (p.width * p.height) as f64 / (384.0 * 288.0))
            .collect();
        shares.sort_by(f64::total_cmp);
        // give or take the rounding of sides
        assert!(shares[0] > 0.0195 && shares[1999] < 0.1525, "{shares:?}");
        assert!(
            shares[200] < 0.05 && shares[1800] > 0.12,
            "spread over all of it"
        );
    }

    #[test]
    fn pixels_outside_the_patch_stay_and_those_inside_are_marked() {
        let before = canvas();
        let mut after = before.clone();
        let patch = Patch {
            width: 10,
            height: 6,
            from: (2, 3),
            to: (40, 20),
        };
        assert_eq!(patch.changed(&before), 1.0);
        patch.paste(&mut after);
        for i in 0..60 * 40 {
            let (x, y) = (i % 60, i / 60);
            let inside = (40..50).contains(&x) && (20..26).contains(&y);
            let from = if inside { i - 38 - 17 * 60 } else { i };
            assert_eq!(after.rgb[3 * i], before.rgb[3 * from]);
            assert_eq!(after.outlier[i], u8::from(inside));
        }
        assert_eq!(after.label, before.label);
    }

    #[test]
    fn a_patch_of_the_same_class_is_no_outlier() {
        let patch = |to| Patch {
            width: 10,
            height: 6,
            from: (2, 3),
            to,
        };
        assert_eq!(patch((2, 3)).changed(&canvas()), 0.0, "onto itself");
        assert_eq!(patch((12, 20)).changed(&canvas()), 0.0);
        assert_eq!(patch((25, 20)).changed(&canvas()), 0.5);
        let mut rng = Rng::seed_from_u64(5);
        let mut sky = canvas();
        sky.label.fill(0);
        let before = sky.rgb.clone();
        let scenes = super::super::tests::scenes();
        CutPaste {}.alter(&mut sky, &scenes, &mut rng);
        assert_eq!(sky.rgb, before);
        assert!(sky.outlier.iter().all(|&o| o == 0));
    }
}
