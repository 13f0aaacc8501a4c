//! BiaMAT (Lee et al., WACV 2023), per pixel: the last layers are trained on, on frames that are attacked
//! inside shapes, beside frames of an auxiliary set, here rendered ones. A region of those that the
//! network is sure of trains a classifier of its own; one that it is less sure of than a share of what
//! it is on its own frames is taken for unknown, and gets a label of all classes alike.

use rand::RngExt;
use serde::{Deserialize, Serialize};
use tch::{Kind, Tensor};

use super::trunk::{Quarter, mean_where};
use super::{FrameLoss, Known, Method, MethodError, SCORE, Scenes, Step, Training};
use crate::data::{AugmentConfig, Batch, CLASSES, Canvas, Rng, augment, random_shapes};
use crate::graph::{Builder, Graph};
use crate::nets::{Design, LOGITS};
use crate::run::AttackConfig;
use crate::torch::{Mode, Network};

/// See the module.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct BiaMat {
    /// The attack on the own frames.
    pub attack: AttackConfig,
    /// Share of the own frames' mean confidence below which a region is unknown.
    pub gamma: f64,
    /// Weight of the classifier of the auxiliary set.
    pub alpha: f64,
}

/// Share of the frames that are auxiliary.
const AUXILIARY: f64 = 0.5;
/// Scales of rendered frames.
const SCALE: (f32, f32) = (0.7, 1.6);
/// Radius of the attacked shapes, in pixels.
const RADIUS: (f32, f32) = (8.0, 80.0);
/// Cells at 1/4 of a region, in both directions.
const REGION: i64 = 8;
/// Share of the steps in which nothing is taken for unknown yet.
const WARM_UP: f64 = 0.05;

impl Method for BiaMat {
    fn graph(&self, design: Design) -> Result<Graph, MethodError> {
        for (option, value) in [("gamma", self.gamma), ("alpha", self.alpha)] {
            if !(value >= 0.0 && value.is_finite()) {
                let (value, range) = (value.to_string(), "0 or more".to_owned());
                return Err(MethodError::Range {
                    option,
                    value,
                    range,
                });
            }
        }
        let mut b = Builder::new("head");
        let end = design.end(&mut b, CLASSES);
        let [decoder4, logits] = end.ok_or(MethodError::NoEnd { design })?;
        let auxiliary = b.conv("auxiliary", decoder4, CLASSES, [1, 1]);
        let score = b.energy(SCORE, logits);
        Ok(b.finish(&[score, logits, auxiliary]))
    }

    fn classes(&self) -> Option<&'static str> {
        Some(LOGITS)
    }

    fn training(&self) -> Training<'_> {
        Training::Frames(self)
    }
}

impl FrameLoss for BiaMat {
    /// Own frames get shapes to attack, and auxiliary ones take the place of others.
    fn alter(&self, canvas: &mut Canvas, scenes: &Scenes, rng: &mut Rng) {
        let (width, height) = (canvas.width, canvas.height);
        if rng.random_bool(AUXILIARY) && !scenes.rendered.is_empty() {
            let picture = &scenes.rendered[rng.random_range(0..scenes.rendered.len())];
            *canvas = augment(picture, &AugmentConfig { width, height }, SCALE, rng);
        } else {
            canvas.attack = random_shapes(width, height, 3, RADIUS, rng);
        }
    }

    fn loss(
        &self,
        network: &Network,
        batch: &Batch,
        known: &Known<'_>,
        step: Step,
    ) -> anyhow::Result<Tensor> {
        let shape = batch.attack.to(known.device);
        let seen = known.see_attacked(batch, &self.attack)?;
        let out = network.forward(&seen.inputs(), Mode::Train)?;
        let quarter = Quarter::of(batch, known.device);
        // own frames have something to attack
        let own = shape
            .amax([1i64, 2, 3].as_slice(), false)
            .gt(0.0)
            .reshape([-1, 1, 1]);
        let logp = out[LOGITS].log_softmax(1, Kind::Float);
        let confidence = logp.detach().exp().amax([1i64].as_slice(), false);
        let first = quarter.known.logical_and(&own);
        let threshold = mean_where(&confidence, &first) * self.gamma;
        let (unknown, known_there) = gate(&confidence, &own, &threshold);
        let label = quarter.label.clamp_max(CLASSES - 1).unsqueeze(1);
        let entropy = |logp: &Tensor| -logp.gather(1, &label, false).squeeze_dim(1);
        let mut loss = mean_where(&entropy(&logp), &first);
        let second = out["auxiliary"].log_softmax(1, Kind::Float);
        let warm = (step.number as f64) < WARM_UP * step.of as f64;
        let there = if warm { own.logical_not() } else { known_there };
        let there = quarter.known.logical_and(&there);
        loss += mean_where(&entropy(&second), &there) * self.alpha;
        if !warm {
            loss += mean_where(&uniform(&logp), &unknown);
        }
        Ok(loss)
    }
}

/// Where a region of an auxiliary frame is less sure than the threshold, and where it is not.
fn gate(confidence: &Tensor, own: &Tensor, threshold: &Tensor) -> (Tensor, Tensor) {
    let size = confidence.size();
    let block = [REGION, REGION];
    let mean = confidence
        .unsqueeze(1)
        .avg_pool2d(block, block, [0, 0], false, true, None);
    let mean = mean
        .upsample_nearest2d([size[1], size[2]], None, None)
        .squeeze_dim(1);
    let unsure = mean.lt_tensor(threshold);
    let auxiliary = own.logical_not();
    (
        unsure.logical_and(&auxiliary),
        unsure.logical_not().logical_and(&auxiliary),
    )
}

/// Cross entropy with all classes alike, [N, h, w].
fn uniform(logp: &Tensor) -> Tensor {
    -logp.mean_dim([1i64].as_slice(), false, Kind::Float)
}

#[cfg(test)]
mod tests {
    use super::*;

    const FLOAT: (Kind, tch::Device) = (Kind::Float, tch::Device::Cpu);

    /// Two frames of two regions each; the second frame is auxiliary.
    fn gated(threshold: f64) -> Vec<i64> {
        let confidence = Tensor::full([2, 8, 16], 0.9, FLOAT);
        // the left region of the second frame: half of it .2, half .4
        let _ = confidence.get(1).narrow(1, 0, 4).fill_(0.2);
        let _ = confidence.get(1).narrow(1, 4, 4).fill_(0.4);
        let own = Tensor::from_slice(&[true, false]).reshape([2, 1, 1]);
        let threshold = Tensor::from(threshold).to_kind(Kind::Float);
        let (unknown, known) = gate(&confidence, &own, &threshold);
        let count = |t: &Tensor, n: i64, x: i64| {
            let region = t.get(n).narrow(1, x, 8);
            region
                .to_kind(Kind::Int64)
                .sum(Kind::Int64)
                .int64_value(&[])
        };
        let places = [(0, 0), (0, 8), (1, 0), (1, 8)];
        let unknown: Vec<i64> = places.map(|(n, x)| count(&unknown, n, x)).to_vec();
        let known: Vec<i64> = places.map(|(n, x)| count(&known, n, x)).to_vec();
        [unknown, known].concat()
    }

    #[test]
    fn whole_regions_of_auxiliary_frames_go_one_way_or_the_other() {
        // the left region is .3 in the mean
        assert_eq!(gated(0.31), [0, 0, 64, 0, 0, 0, 0, 64]);
        assert_eq!(gated(0.29), [0, 0, 0, 0, 0, 0, 64, 64]);
        assert_eq!(
            gated(0.0),
            [0, 0, 0, 0, 0, 0, 64, 64],
            "gamma 0 sends nothing"
        );
        assert_eq!(
            gated(100.0),
            [0, 0, 64, 64, 0, 0, 0, 0],
            "a huge gamma sends all"
        );
    }

    #[test]
    fn all_classes_alike_cost_the_logarithm_of_their_number_at_least() {
        let cost = |z: [f32; 4]| {
            let z = Tensor::from_slice(&z).reshape([1, 4, 1, 1]);
            uniform(&z.log_softmax(1, Kind::Float)).double_value(&[0, 0, 0])
        };
        assert!((cost([2.0; 4]) - 4f64.ln()).abs() < 1e-6);
        assert!(cost([2.0, 2.1, 2.0, 2.0]) > 4f64.ln() + 1e-5);
    }
}
