//! Local adversarial attacks alone (ObsNet, Besnier et al., ICCV 2021): a head learns where the
//! segmentation network is wrong, in frames that were attacked inside random shapes. Nothing unknown
//! is pasted.

use rand::RngExt;
use serde::{Deserialize, Serialize};
use tch::Tensor;

use super::trunk::{Quarter, told_apart, trunk};
use super::{FrameLoss, Kind, Known, Method, MethodError, SCORE, Scenes, Step, Training};
use crate::data::{Batch, Canvas, Rng, random_shapes};
use crate::graph::{Builder, Graph};
use crate::nets::Design;
use crate::run::AttackConfig;
use crate::torch::{Mode, Network};

/// See the module.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Laa {
    /// The attack.
    pub attack: AttackConfig,
}

/// Radius of the shapes, in pixels.
const RADIUS: (f32, f32) = (8.0, 80.0);

impl Method for Laa {
    fn graph(&self, design: Design) -> Result<Graph, MethodError> {
        let (lo, hi) = self.attack.epsilon;
        if !(0.0 <= lo && lo <= hi && hi <= 1.0) {
            return Err(MethodError::Range {
                option: "attack.epsilon",
                value: format!("[{lo}, {hi}]"),
                range: "two numbers of 0 to 1, the smaller first".to_owned(),
            });
        }
        let mut b = Builder::new("head");
        let x = trunk(&mut b, design)?;
        let score = b.conv(SCORE, x, 1, [1, 1]);
        Ok(b.finish(&[score]))
    }

    fn kind(&self) -> Kind {
        Kind::Logit
    }

    fn training(&self) -> Training<'_> {
        Training::Frames(self)
    }
}

impl FrameLoss for Laa {
    fn alter(&self, canvas: &mut Canvas, _scenes: &Scenes, rng: &mut Rng) {
        let count = rng.random_range(6..=10);
        canvas.attack = random_shapes(canvas.width, canvas.height, count, RADIUS, rng);
    }

    fn loss(
        &self,
        network: &Network,
        batch: &Batch,
        known: &Known<'_>,
        _step: Step,
    ) -> anyhow::Result<Tensor> {
        let seen = known.see_attacked(batch, &self.attack)?;
        let out = network.forward(&seen.inputs(), Mode::Train)?;
        let quarter = Quarter::of(batch, known.device);
        Ok(failure_loss(&out[SCORE], seen.logits(), &quarter))
    }
}

/// Loss of a score that is to tell the known pixels whose class is wrong from those whose class is
/// right, attacked or not.
fn failure_loss(score: &Tensor, logits: &Tensor, quarter: &Quarter) -> Tensor {
    let wrong = logits.argmax(1, false).ne_tensor(&quarter.label);
    let failed = quarter.known.logical_and(&wrong);
    let right = quarter.known.logical_and(&wrong.logical_not());
    told_apart(score, &failed, &right)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Four pixels: of the known ones one is seen right and one wrong; one has no label and one is
    /// something unknown, and their high scores weigh nothing.
    #[test]
    fn only_known_pixels_are_learnt_and_failures_are_the_positives() {
        let plane = |v: [bool; 4]| Tensor::from_slice(&v).reshape([1, 1, 4]);
        let quarter = Quarter {
            label: Tensor::from_slice(&[0i64, 0, 255, 0]).reshape([1, 1, 4]),
            unknown: plane([false, false, false, true]),
            known: plane([true, true, false, false]),
        };
        let logits = Tensor::from_slice(&[1.0f32, 0.0, 0.0, 0.0, 0.0, 1.0, 1.0, 1.0]);
        let logits = logits.reshape([1, 2, 1, 4]);
        let score = Tensor::from_slice(&[0.0f32, 2.0, 9.0, 9.0]).reshape([1, 1, 1, 4]);
        let loss = failure_loss(&score, &logits, &quarter).double_value(&[]);
        // half of ln(1 + e^-2), where it failed, and half of ln 2, where it did not
        let by_hand = (0.126_928 + std::f64::consts::LN_2) / 2.0;
        assert!((loss - by_hand).abs() < 1e-6, "{loss}");
    }
}
