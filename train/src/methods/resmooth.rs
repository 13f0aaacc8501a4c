//! ReSmooth (arXiv 2205.12606), per pixel: the frozen network judges how far from its data a pixel of
//! an augmented frame is, by two Gaussians over the logarithms of its losses, class by class; the last
//! layers are trained on with labels that are the smoother the farther it is.

use rand::RngExt;
use serde::{Deserialize, Serialize};
use tch::{Kind, Tensor};

use super::trunk::{Quarter, mean_where};
use super::{FrameLoss, Known, Method, MethodError, Scenes, Step, Training, tail, within};
use crate::data::{Batch, CLASSES, Canvas, Corruption, Rng};
use crate::graph::Graph;
use crate::nets::{Design, LOGITS};
use crate::torch::{Mode, Network};

/// See the module.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ReSmooth {
    /// Smoothing of a pixel that is surely of none of the data.
    pub smoothing: f64,
}

/// Fewer pixels of a class say nothing; they are not smoothed.
const FEWEST: usize = 200;

impl Method for ReSmooth {
    fn graph(&self, design: Design) -> Result<Graph, MethodError> {
        within("smoothing", self.smoothing, 0.0..=1.0)?;
        tail::with_energy(design)
    }

    fn classes(&self) -> Option<&'static str> {
        Some(LOGITS)
    }

    fn training(&self) -> Training<'_> {
        Training::Frames(self)
    }
}

impl FrameLoss for ReSmooth {
    /// Beside the usual augmentation, one corruption of the whole frame.
    fn alter(&self, canvas: &mut Canvas, _scenes: &Scenes, rng: &mut Rng) {
        let all: Vec<usize> = (0..canvas.label.len()).collect();
        Corruption::draw(rng).apply(canvas, &all, rng.random_range(0..=4), rng);
    }

    fn loss(
        &self,
        network: &Network,
        batch: &Batch,
        known: &Known<'_>,
        _step: Step,
    ) -> anyhow::Result<Tensor> {
        let seen = known.see(&batch.image.to(known.device))?;
        let quarter = Quarter::of(batch, known.device);
        let label = quarter.label.clamp_max(CLASSES - 1);
        let judged = smoothed(
            seen.logits(),
            &label,
            &seen.logits().narrow(1, 0, 1).zeros_like(),
        );
        let log = (judged + 1e-10).log();
        let posterior = Tensor::ones(log.size(), (Kind::Float, known.device));
        for class in 0..CLASSES {
            let own = label.eq(class).logical_and(&quarter.known);
            let values = Vec::<f64>::try_from(log.masked_select(&own).to_kind(Kind::Double))?;
            if values.len() >= FEWEST {
                let near: Vec<f32> = Mixture::fit(&values).nearer(&values);
                let near = Tensor::from_slice(&near).to(known.device);
                let _ = posterior.shallow_clone().masked_scatter_(&own, &near);
            }
        }
        let smoothing = amount(&posterior, self.smoothing).unsqueeze(1);
        let out = network.forward(&seen.inputs(), Mode::Train)?;
        Ok(mean_where(
            &smoothed(&out[LOGITS], &label, &smoothing),
            &quarter.known,
        ))
    }
}

/// How much a label is smoothed whose pixel is of the data with this probability.
fn amount(posterior: &Tensor, most: f64) -> Tensor {
    (posterior.ones_like() - posterior) * most
}

/// (1 - a) times minus the label's log-probability and a times the mean of all, [N, h, w].
fn smoothed(logits: &Tensor, label: &Tensor, smoothing: &Tensor) -> Tensor {
    let logp = logits.log_softmax(1, Kind::Float);
    let own = -logp.gather(1, &label.unsqueeze(1), false);
    let all = -logp.mean_dim([1i64].as_slice(), true, Kind::Float);
    (&own + (all - &own) * smoothing).squeeze_dim(1)
}

/// Two Gaussians in one dimension.
#[derive(Clone, Copy, Debug)]
struct Mixture {
    weight: [f64; 2],
    mean: [f64; 2],
    variance: [f64; 2],
}

impl Mixture {
    /// By expectation and maximisation, from the quartiles on.
    fn fit(values: &[f64]) -> Self {
        const ROUNDS: usize = 10;
        const RIDGE: f64 = 5e-4;
        let mut sorted = values.to_vec();
        sorted.sort_by(f64::total_cmp);
        let at = |q: f64| sorted[(q * (sorted.len() - 1) as f64) as usize];
        let mean = values.iter().sum::<f64>() / values.len() as f64;
        let spread = values.iter().map(|v| (v - mean).powi(2)).sum::<f64>();
        let mut all = Self {
            weight: [0.5; 2],
            mean: [at(0.25), at(0.75)],
            variance: [spread / values.len() as f64 + RIDGE; 2],
        };
        for _ in 0..ROUNDS {
            let mut sums = [[0.0f64; 3]; 2];
            for &v in values {
                let first = all.first(v);
                for (sum, p) in sums.iter_mut().zip([first, 1.0 - first]) {
                    *sum = [sum[0] + p, sum[1] + p * v, sum[2] + p * v * v];
                }
            }
            for (i, [n, x, xx]) in sums.into_iter().enumerate() {
                if n > 1e-6 {
                    all.weight[i] = n / values.len() as f64;
                    all.mean[i] = x / n;
                    all.variance[i] = (xx / n - (x / n).powi(2)).max(0.0) + RIDGE;
                }
            }
        }
        all
    }

    /// Probability that a value is of the first.
    fn first(&self, v: f64) -> f64 {
        let log = |i: usize| {
            let apart = (v - self.mean[i]).powi(2) / self.variance[i];
            self.weight[i].max(1e-12).ln() - 0.5 * (apart + self.variance[i].ln())
        };
        1.0 / (1.0 + (log(1) - log(0)).exp())
    }

    /// Probability of each value that it is of the component of lower mean.
    fn nearer(&self, values: &[f64]) -> Vec<f32> {
        let swapped = self.mean[0] > self.mean[1];
        let of = |&v: &f64| {
            if swapped {
                1.0 - self.first(v)
            } else {
                self.first(v)
            }
        };
        values.iter().map(|v| of(v) as f32).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn smoothing_is_that_computed_by_hand() {
        let found = amount(&Tensor::from_slice(&[0.25f64]), 0.4).double_value(&[0]);
        assert!((found - 0.3).abs() < 1e-12);
        // uniform logits of five classes cost ln 5 whatever the smoothing
        let logits = Tensor::full([1, 5, 1, 3], 0.7, (Kind::Float, tch::Device::Cpu));
        let label = Tensor::from_slice(&[0i64, 2, 4]).reshape([1, 1, 3]);
        let smoothing = Tensor::from_slice(&[0.0f32, 0.3, 1.0]).reshape([1, 1, 1, 3]);
        let loss: Vec<f32> = smoothed(&logits, &label, &smoothing)
            .flatten(0, -1)
            .try_into()
            .unwrap();
        assert!(
            loss.iter().all(|l| (l - 5f32.ln()).abs() < 1e-6),
            "{loss:?}"
        );
    }

    #[test]
    fn a_smoothed_label_costs_a_mix_of_its_own_and_the_mean() {
        // p = (3/4, 1/4), a = 1/2: half of ln(4/3) and half of the mean of that and ln 4
        let logits = Tensor::from_slice(&[3f32.ln(), 0.0]).reshape([1, 2, 1, 1]);
        let label = Tensor::from_slice(&[0i64]).reshape([1, 1, 1]);
        let half = Tensor::from_slice(&[0.5f32]).reshape([1, 1, 1, 1]);
        let loss = smoothed(&logits, &label, &half).double_value(&[0, 0, 0]);
        let (own, other) = ((4f64 / 3.0).ln(), 4f64.ln());
        assert!(
            (loss - (0.5 * own + 0.25 * (own + other))).abs() < 1e-6,
            "{loss}"
        );
    }

    #[test]
    fn the_means_of_a_known_mixture_are_recovered() {
        tch::manual_seed(12);
        let options = (Kind::Double, tch::Device::Cpu);
        let low = Tensor::randn([30_000], options) * 0.5 - 4.0;
        let high = Tensor::randn([10_000], options) * 0.5 + 2.0;
        let values = Vec::<f64>::try_from(Tensor::cat(&[low, high], 0)).unwrap();
        let found = Mixture::fit(&values);
        assert!(
            (found.mean[0] + 4.0).abs() < 0.04 && (found.mean[1] - 2.0).abs() < 0.02,
            "{found:?}"
        );
        assert!((found.weight[0] - 0.75).abs() < 0.01, "{found:?}");
        let near = found.nearer(&[-4.0, 2.0]);
        assert!(near[0] > 0.999 && near[1] < 0.001, "{near:?}");
    }
}
