//! Local Adversarial Attacks (Besnier et al., ICCV 2021): inside a random shape, one signed
//! gradient step on the image makes the frozen segmentation network fail.

use clap::ValueEnum;
use serde::{Deserialize, Serialize};
use tch::{Kind, Tensor};

use super::{normalise, to_size};
use crate::nets::LOGITS;
use crate::torch::{Mode, Network, channels_last};

/// Which way the attack pushes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum AttackMode {
    /// Away from the class that the network sees.
    Min,
    /// Towards one other class, drawn at random for each picture.
    Max,
    /// One of the two, drawn for each step.
    Both,
}

/// Strength of the attack, in units of 0..=1 colour.
#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
pub struct AttackConfig {
    /// Which way.
    pub mode: AttackMode,
    /// Smallest and largest step; drawn uniformly for each picture.
    pub epsilon: (f64, f64),
    /// Standard deviation of the noise added inside the shape.
    pub noise: f64,
}

/// Attacks `image` ([N, 3, H, W], 0..=1) where `shape` ([N, 1, H, W]) is 1; returns it clamped to
/// 0..=1. Randomness comes from libtorch's generator.
///
/// # Errors
/// Where libtorch refuses.
pub fn attack(
    network: &Network,
    image: &Tensor,
    shape: &Tensor,
    config: &AttackConfig,
) -> anyhow::Result<Tensor> {
    let input = channels_last(&image.detach()).set_requires_grad(true);
    let out = network.forward(&[("image", &normalise(&input))], Mode::Evaluate)?;
    let logits = &out[LOGITS];
    let size = image.size();
    let n = size[0];
    let towards = match config.mode {
        AttackMode::Min => false,
        AttackMode::Max => true,
        AttackMode::Both => {
            Tensor::rand([1], (Kind::Float, image.device())).double_value(&[0]) < 0.5
        }
    };
    let seen = logits.detach().argmax(1, false);
    let target = if towards {
        let other = Tensor::randint(logits.size()[1], [n, 1, 1], (Kind::Int64, image.device()));
        other.expand_as(&seen).contiguous()
    } else {
        seen
    };
    let loss = logits.cross_entropy_for_logits_2d(&target);
    let gradient = Tensor::run_backward(&[loss], &[&input], false, false);
    let sign = if towards { -1.0 } else { 1.0 };
    let (lo, hi) = config.epsilon;
    let epsilon = Tensor::rand([n, 1, 1, 1], (Kind::Float, image.device())) * (hi - lo) + lo;
    let step = gradient[0].sign() * epsilon * sign + image.randn_like() * config.noise;
    Ok((image + shape * step).clamp(0.0, 1.0).detach())
}

trait CrossEntropy2d {
    fn cross_entropy_for_logits_2d(&self, target: &Tensor) -> Tensor;
}

impl CrossEntropy2d for Tensor {
    fn cross_entropy_for_logits_2d(&self, target: &Tensor) -> Tensor {
        self.cross_entropy_loss::<Tensor>(target, None, tch::Reduction::Mean, -100, 0.0)
    }
}

/// 1 where the network's class at full size differs from a known label.
pub(super) fn failures(logits: &Tensor, label: &Tensor) -> Tensor {
    let size = label.size();
    let seen = to_size(logits, size[1], size[2]).argmax(1, false);
    seen.ne_tensor(label)
        .logical_and(&label.ne(i64::from(crate::data::VOID)))
}
