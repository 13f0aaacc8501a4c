//! Virtual outlier synthesis (Du et al., ICLR 2022), per pixel, on frozen features: the classifier is
//! trained on, and beside it a weighted energy that tells real features from unlikely ones.
//!
//! The Gaussians are those of each step's own pixels, as many of each class: features do not move, so
//! a queue would hold no others. The learnt logistic function of the energy is monotone and is left
//! out of the head.

use serde::{Deserialize, Serialize};
use tch::{Kind, Reduction, Tensor};

use super::gaussians::Gaussians;
use super::{
    FEATURES, Method, MethodError, PixelLoss, Pixels, SCORE, Step, Training, as_planes, as_rows,
    read,
};
use crate::data::CLASSES;
use crate::graph::{Builder, Conv, Graph, Reduce, ValueId};
use crate::nets::{Design, LOGITS};
use crate::torch::{Mode, Network};

/// See the module.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Vos {
    /// Weight of the loss that tells real features from virtual ones.
    pub weight: f64,
    /// Draws of each class, of which the least likely is an outlier.
    pub draws: i64,
}

/// Pixels of each class in a step.
const EACH: i64 = 64;
/// Share of the steps before outliers are drawn.
const FIRST: f64 = 0.4;
/// Keeps the logarithm finite where no class weighs anything.
const LEAST: f32 = 1e-12;

impl Method for Vos {
    fn graph(&self, design: Design) -> Result<Graph, MethodError> {
        if self.draws < 1 {
            return Err(MethodError::Range {
                option: "draws",
                value: self.draws.to_string(),
                range: "1 or more".to_owned(),
            });
        }
        let mut b = Builder::new("head");
        let features = read(&mut b, design, FEATURES)?;
        let logits = b.conv(LOGITS, features, CLASSES, [1, 1]);
        let energy = score(&mut b, logits);
        let real = b.conv("real", energy, 1, [1, 1]);
        Ok(b.finish(&[energy, logits, real]))
    }

    fn classes(&self) -> Option<&'static str> {
        Some(LOGITS)
    }

    fn training(&self) -> Training<'_> {
        Training::Pixels(self)
    }

    fn fit(&self, network: &Network, _known: &super::Known<'_>) -> anyhow::Result<()> {
        let own = &network.parameters()["weights.weight"];
        Ok(network.set("weights.weight", &own.detach().relu())?)
    }
}

/// Minus the weighted energy: `-(m + ln(sum(w exp(z - m))))`, m the greatest logit.
fn score(b: &mut Builder, logits: ValueId) -> ValueId {
    let greatest = b.reduce("greatest", logits, Reduce::Max);
    let below = b.sub("below", logits, greatest);
    let powers = b.exp("powers", below);
    let weights = Conv {
        out_channels: 1,
        kernel: [1, 1],
        stride: 1,
        padding: [0; 4],
        dilation: [1, 1],
        groups: 1,
        bias: false,
    };
    let sum = b.conv_op("weights", powers, weights);
    let sum = b.clip("some", sum, LEAST, f32::MAX);
    let log = b.log("log", sum);
    let energy = b.add("weighted", log, greatest);
    b.affine(SCORE, energy, -1.0, 0.0)
}

/// The weighted energy of rows of logits [N, K]; a negative weight counts as 0.
fn weighted_energy(logits: &Tensor, weights: &Tensor) -> Tensor {
    let greatest = logits.amax([1i64].as_slice(), true);
    let powers = (logits - &greatest).exp() * weights.relu();
    let sum = powers.sum_dim_intlist([1i64].as_slice(), true, logits.kind());
    (sum.clamp_min(f64::from(LEAST)).log() + greatest).squeeze_dim(1)
}

/// Of each class that is there, the least likely of `draws` draws of its Gaussian, [K, C].
fn outliers(gaussians: &Gaussians, present: &Tensor, draws: i64) -> anyhow::Result<Tensor> {
    let means = gaussians.means.index_select(0, present);
    let (k, c) = (means.size()[0], means.size()[1]);
    let lower = gaussians.covariance.f_linalg_cholesky(false)?;
    let drawn = Tensor::randn([k, draws, c], (Kind::Double, means.device()));
    // the squared Mahalanobis length of L e is that of e
    let length = drawn
        .square()
        .sum_dim_intlist([2i64].as_slice(), false, Kind::Double);
    let farthest = length
        .argmax(1, false)
        .reshape([k, 1, 1])
        .expand([k, 1, c], false);
    let farthest = drawn.gather(1, &farthest, false).squeeze_dim(1);
    Ok(means + farthest.matmul(&lower.tr()))
}

impl PixelLoss for Vos {
    fn loss(&self, network: &Network, pixels: &Pixels, step: Step) -> anyhow::Result<Tensor> {
        if step.number == 0 {
            let own = &network.parameters()["weights.weight"];
            network.set("weights.weight", &own.detach().rand_like())?;
            network.set("real.weight", &Tensor::from_slice(&[1.0f32]))?;
        }
        let drawn = pixels.draw(EACH);
        let classify = |rows: &Tensor| -> anyhow::Result<Tensor> {
            let out = network.forward(&[(FEATURES, &as_planes(rows))], Mode::Train)?;
            Ok(as_rows(&out[LOGITS]))
        };
        let logits = classify(&drawn.features)?;
        let mean = Reduction::Mean;
        let entropy = logits.cross_entropy_loss::<Tensor>(&drawn.label, None, mean, -100, 0.0);
        if (step.number as f64) < FIRST * step.of as f64 {
            return Ok(entropy);
        }
        let gaussians = Gaussians::of(&drawn.features, &drawn.label, CLASSES);
        let present = drawn.label.unique_consecutive(false, false, None).0;
        let virtual_rows = outliers(&gaussians, &present, self.draws)?.to_kind(Kind::Float);
        let virtual_logits = classify(&virtual_rows)?;
        let weights = network.parameters()["weights.weight"].flatten(0, -1);
        let energy = Tensor::cat(&[&logits, &virtual_logits], 0);
        let energy = weighted_energy(&energy, &weights);
        let [gain, shift] = ["weight", "bias"].map(|s| &network.parameters()[&format!("real.{s}")]);
        // the sign is held: virtual outliers may well have the higher energy at first, and a logistic
        // function that learnt so would teach the energy to be of no use
        let real = energy * gain.flatten(0, -1).abs() + shift;
        let [n, v] = [&logits, &virtual_logits].map(|t| t.size()[0]);
        let options = (Kind::Float, real.device());
        let target = Tensor::cat(
            &[Tensor::ones([n], options), Tensor::zeros([v], options)],
            0,
        );
        let told = real.binary_cross_entropy_with_logits::<Tensor>(&target, None, None, mean);
        Ok(entropy + told * self.weight)
    }
}

#[cfg(test)]
mod tests {
    use super::super::tests::{plane, run};
    use super::*;

    fn energy(z: &[f64], w: &[f64]) -> f64 {
        let z = Tensor::from_slice(z).unsqueeze(0);
        weighted_energy(&z, &Tensor::from_slice(w)).double_value(&[0])
    }

    #[test]
    fn the_weighted_energy_is_that_computed_by_hand() {
        let near = |found: f64, wanted: f64| assert!((found - wanted).abs() < 1e-6, "{found}");
        near(energy(&[1.0, 2.0], &[1.0, 1.0]), 2.313_261_7);
        near(energy(&[1.0, 2.0], &[0.5, 2.0]), 2.781_130_5);
        near(energy(&[1.0, 2.0], &[-3.0, 1.0]), 2.0);
        near(energy(&[6.5, 7.5], &[0.5, 2.0]), 2.781_130_5 + 5.5);
        // the head is its negative
        let mut b = Builder::new("head");
        let logits = b.input(LOGITS, 2, 4);
        let out = score(&mut b, logits);
        let z = plane(&[1.0, 2.0]);
        let found = run(
            b.finish(&[out]),
            &[(LOGITS, &z)],
            &[("weights.weight", &[0.5, 2.0])],
        );
        near(found[0], -2.781_130_5);
    }

    #[test]
    fn the_least_likely_of_n_draws_is_as_far_as_statistics_say() {
        // two independent deviates: squared lengths are chi-squared of two degrees, whose greatest of n
        // has the median -2 ln(1 - 0.5^(1/n)). Half of 400 draws are below it, give or take 2.5 %
        tch::manual_seed(8);
        let options = (Kind::Double, tch::Device::Cpu);
        let gaussians = Gaussians {
            means: Tensor::zeros([400, 2], options),
            covariance: Tensor::eye(2, options),
        };
        let all = Tensor::arange(400, (Kind::Int64, tch::Device::Cpu));
        for (draws, median) in [(1000, 14.55), (10_000, 19.15)] {
            let found = outliers(&gaussians, &all, draws).unwrap();
            let length = found
                .square()
                .sum_dim_intlist([1i64].as_slice(), false, Kind::Double);
            let below = length.lt(median).to_kind(Kind::Double).mean(Kind::Double);
            let below = below.double_value(&[]);
            assert!((0.4..0.6).contains(&below), "{draws}: {below}");
        }
    }

    #[test]
    fn outliers_lie_round_the_mean_of_their_class_in_the_shape_of_all() {
        tch::manual_seed(9);
        let means = Tensor::from_slice(&[0.0f64, 0.0, 100.0, 0.0]).reshape([2, 2]);
        let covariance = Tensor::from_slice(&[1.0f64, 0.0, 0.0, 1e-4]).reshape([2, 2]);
        let gaussians = Gaussians { means, covariance };
        let only = Tensor::from_slice(&[1i64]);
        let found = outliers(&gaussians, &only, 500).unwrap();
        let [x, y] = [0, 1].map(|i| found.double_value(&[0, i]));
        assert!((x - 100.0).abs() < 7.0 && y.abs() < 0.07, "{x} {y}");
    }
}
