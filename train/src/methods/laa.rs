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
        let wrong = seen.logits().argmax(1, false).ne_tensor(&quarter.label);
        let failed = quarter.known.logical_and(&wrong);
        let right = quarter.known.logical_and(&wrong.logical_not());
        Ok(told_apart(&out[SCORE], &failed, &right))
    }
}
