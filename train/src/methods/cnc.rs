//! Compounded corruptions (CnC, ECML-PKDD 2022), per pixel: one class more than there are. Its pixels
//! are those of a shape into which a patch of another picture was put and then corrupted; a frame that
//! is corrupted as a whole, slightly, keeps its labels. The score is the probability of that class.

use rand::RngExt;
use serde::{Deserialize, Serialize};
use tch::Tensor;

use super::trunk::{Quarter, mean_where, trunk};
use super::{FrameLoss, Kind, Known, Method, MethodError, SCORE, Scenes, Step, Training};
use crate::data::{Batch, CLASSES, Canvas, Corruption, Rng, random_shapes};
use crate::graph::{Builder, Graph};
use crate::nets::Design;
use crate::torch::{Mode, Network};

/// See the module.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Cnc {}

/// Radius of the shapes, in pixels.
const RADIUS: (f32, f32) = (6.0, 80.0);
/// Share of the frames that are corrupted slightly as a whole, their labels kept.
const WHOLE: f64 = 0.3;

impl Method for Cnc {
    fn graph(&self, design: Design) -> Result<Graph, MethodError> {
        let mut b = Builder::new("head");
        let x = trunk(&mut b, design)?;
        let logits = b.conv("classes", x, CLASSES + 1, [1, 1]);
        let all = b.softmax("probabilities", logits);
        let score = b.conv(SCORE, all, 1, [1, 1]);
        Ok(b.finish(&[score, logits]))
    }

    fn kind(&self) -> Kind {
        Kind::Probability
    }

    fn training(&self) -> Training<'_> {
        Training::Frames(self)
    }

    fn fit(&self, network: &Network, _known: &Known<'_>) -> anyhow::Result<()> {
        let mut last = [0.0f32; CLASSES as usize + 1];
        last[CLASSES as usize] = 1.0;
        network.set("score.weight", &Tensor::from_slice(&last))?;
        Ok(network.set("score.bias", &Tensor::from_slice(&[0.0f32]))?)
    }
}

impl FrameLoss for Cnc {
    fn alter(&self, canvas: &mut Canvas, scenes: &Scenes, rng: &mut Rng) {
        if rng.random_bool(WHOLE) {
            let all: Vec<usize> = (0..canvas.label.len()).collect();
            Corruption::draw(rng).apply(canvas, &all, rng.random_range(1..=2), rng);
        }
        let other = scenes.another(canvas, rng);
        compound(canvas, &other, rng);
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
        Ok(one_more_entropy(&out["classes"], &quarter))
    }
}

/// Cross entropy of known pixels with their class and of unknown ones with one class more, weighing
/// alike.
fn one_more_entropy(logits: &Tensor, quarter: &Quarter) -> Tensor {
    let last = logits.size()[1] - 1;
    let logp = logits.log_softmax(1, tch::Kind::Float);
    let label = quarter.label.clamp_max(last - 1).unsqueeze(1);
    let own = -logp.gather(1, &label, false).squeeze_dim(1);
    let unknown = -logp.select(1, last);
    mean_where(&own, &quarter.known) + mean_where(&unknown, &quarter.unknown)
}

/// Puts a patch of another picture into a shape and corrupts it there; that is unknown.
fn compound(canvas: &mut Canvas, other: &Canvas, rng: &mut Rng) {
    let shape = random_shapes(canvas.width, canvas.height, 1, RADIUS, rng);
    let inside: Vec<usize> = (0..shape.len()).filter(|&i| shape[i] > 0.0).collect();
    for &i in &inside {
        canvas.rgb[3 * i..3 * i + 3].copy_from_slice(&other.rgb[3 * i..3 * i + 3]);
        canvas.outlier[i] = 1;
    }
    Corruption::draw(rng).apply(canvas, &inside, rng.random_range(1..=5), rng);
}

#[cfg(test)]
mod tests {
    use rand::SeedableRng;

    use super::*;

    #[test]
    fn pixels_outside_the_shape_stay_bit_by_bit() {
        let mut changed = 0;
        for seed in 0..40 {
            let mut rng = Rng::seed_from_u64(seed);
            let mut canvas = Canvas::filled(96, 64, [0.3, 0.5, 0.7]);
            let before = canvas.rgb.clone();
            compound(
                &mut canvas,
                &Canvas::filled(96, 64, [0.9, 0.1, 0.2]),
                &mut rng,
            );
            for (i, &o) in canvas.outlier.iter().enumerate() {
                let same = canvas.rgb[3 * i..3 * i + 3] == before[3 * i..3 * i + 3];
                assert!(o > 0 || same, "seed {seed}, pixel {i}");
                changed += usize::from(!same);
            }
        }
        assert!(changed > 40 * 50, "{changed} pixels");
    }

    #[test]
    fn known_and_unknown_pixels_weigh_alike() {
        // two known pixels of classes 0 and 1, one unknown; uniform over three: ln 3 each side
        let quarter = Quarter {
            label: Tensor::from_slice(&[0i64, 1, 11]).reshape([1, 1, 3]),
            unknown: Tensor::from_slice(&[false, false, true]).reshape([1, 1, 3]),
            known: Tensor::from_slice(&[true, true, false]).reshape([1, 1, 3]),
        };
        let logits = Tensor::zeros([1, 3, 1, 3], (tch::Kind::Float, tch::Device::Cpu));
        let loss = one_more_entropy(&logits, &quarter).double_value(&[]);
        assert!((loss - 2.0 * 3f64.ln()).abs() < 1e-6, "{loss}");
    }
}
