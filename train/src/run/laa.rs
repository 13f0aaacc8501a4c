//! Local Adversarial Attacks (Besnier et al., ICCV 2021): inside a random shape, one signed
//! gradient step on the image makes the frozen segmentation network fail.

use clap::ValueEnum;
use serde::{Deserialize, Serialize};
use tch::{Kind, Tensor};

use super::loss::plain_entropy;
use crate::torch::channels_last;

/// Which way the attack pushes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum AttackMode {
    /// Away from the class that the network sees.
    Min,
    /// Towards one class, drawn at random for each picture.
    Max,
    /// One of the two, drawn for each step.
    Both,
}

/// Strength of the attack, in units of 0..=1 colour.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct AttackConfig {
    /// Which way.
    pub mode: AttackMode,
    /// Smallest and largest step; drawn uniformly for each picture.
    pub epsilon: (f64, f64),
    /// Standard deviation of the noise added inside the shape.
    pub noise: f64,
}

/// Attacks `image` ([N, 3, H, W], 0..=1), of which `logits` gives the network's, where `shape` ([N, 1, H, W]) is 1; returns it clamped to
/// 0..=1. Randomness comes from libtorch's generator.
///
/// # Errors
/// Where libtorch refuses.
pub fn attack(
    logits: impl Fn(&Tensor) -> anyhow::Result<Tensor>,
    image: &Tensor,
    shape: &Tensor,
    config: &AttackConfig,
) -> anyhow::Result<Tensor> {
    let input = channels_last(&image.detach()).set_requires_grad(true);
    let logits = logits(&input)?;
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
    let loss = plain_entropy(&logits, &target);
    let gradient = Tensor::run_backward(&[loss], &[&input], false, false);
    let sign = if towards { -1.0 } else { 1.0 };
    let (lo, hi) = config.epsilon;
    let epsilon = Tensor::rand([n, 1, 1, 1], (Kind::Float, image.device())) * (hi - lo) + lo;
    let step = gradient[0].sign() * epsilon * sign + image.randn_like() * config.noise;
    Ok((image + shape * step).clamp(0.0, 1.0).detach())
}

#[cfg(test)]
mod tests {
    use tch::Device;

    use super::*;
    use crate::data::CLASSES;
    use crate::nets::Design;
    use crate::run::Observed;
    use crate::run::normalise;
    use crate::torch::{Mode, Network};

    const FLOAT: (Kind, Device) = (Kind::Float, Device::Cpu);

    /// A random network whose running statistics fit its activations.
    fn network() -> Observed {
        let mut network = Network::new(Design::Small.segmentation(CLASSES), Device::Cpu);
        network.freeze();
        for _ in 0..20 {
            let image = normalise(&Tensor::rand([2, 3, 64, 64], FLOAT));
            network.forward(&[("image", &image)], Mode::Train).unwrap();
        }
        Observed::Own {
            design: Design::Small,
            segmentation: network,
        }
    }

    /// Two classes, the first where there is more red than green: its logit is twice the difference, that
    /// of the second 0.
    fn redder(image: &Tensor) -> anyhow::Result<Tensor> {
        let first = (image.narrow(1, 0, 1) - image.narrow(1, 1, 1)) * 2.0;
        Ok(Tensor::cat(&[&first, &first.zeros_like()], 1))
    }

    /// [1, 3, 1, 2]: a pixel of each class, at the same distance from the other.
    fn two_pixels() -> Tensor {
        Tensor::from_slice(&[0.6f32, 0.4, 0.4, 0.6, 0.5, 0.5]).reshape([1, 3, 1, 2])
    }

    const BY_A_TWENTIETH: AttackConfig = AttackConfig {
        mode: AttackMode::Min,
        epsilon: (0.05, 0.05),
        noise: 0.0,
    };

    fn assert_near(found: &Tensor, expected: &[f32]) {
        let expected = Tensor::from_slice(expected).reshape(found.size());
        let most = (found - expected).abs().max().double_value(&[]);
        assert!(most < 1e-6, "{found}");
    }

    /// The colours that weigh in the logit go a step, each against its class; blue, which weighs
    /// nothing, stays. The difference of 0.2 becomes 0.1, so the logit falls from 0.4 to 0.2.
    #[test]
    fn min_takes_each_pixel_a_step_away_from_its_class() {
        let (image, everywhere) = (two_pixels(), Tensor::ones([1, 1, 1, 2], FLOAT));
        let attacked = attack(redder, &image, &everywhere, &BY_A_TWENTIETH).unwrap();
        assert_near(&attacked, &[0.55, 0.45, 0.45, 0.55, 0.5, 0.5]);
        let seen = Tensor::from_slice(&[0i64, 1]).reshape([1, 1, 2]);
        let entropy = |image: &Tensor| {
            let loss = plain_entropy(&redder(image).unwrap(), &seen);
            loss.double_value(&[])
        };
        assert!((entropy(&image) - (-0.4f64).exp().ln_1p()).abs() < 1e-6);
        assert!((entropy(&attacked) - (-0.2f64).exp().ln_1p()).abs() < 1e-6);
    }

    #[test]
    fn max_takes_all_pixels_a_step_towards_one_class() {
        let (image, everywhere) = (two_pixels(), Tensor::ones([1, 1, 1, 2], FLOAT));
        let config = AttackConfig {
            mode: AttackMode::Max,
            ..BY_A_TWENTIETH
        };
        let mut drawn = [0; 2];
        for seed in 0..20 {
            tch::manual_seed(seed);
            let attacked = attack(redder, &image, &everywhere, &config).unwrap();
            if attacked.double_value(&[0, 0, 0, 0]) > 0.6 {
                drawn[0] += 1;
                assert_near(&attacked, &[0.65, 0.45, 0.35, 0.55, 0.5, 0.5]);
            } else {
                drawn[1] += 1;
                assert_near(&attacked, &[0.55, 0.35, 0.45, 0.65, 0.5, 0.5]);
            }
        }
        assert!(drawn.iter().all(|&n| n > 2), "{drawn:?}");
    }

    #[test]
    fn an_attack_of_no_strength_changes_no_bit() {
        let (image, everywhere) = (two_pixels(), Tensor::ones([1, 1, 1, 2], FLOAT));
        for mode in [AttackMode::Min, AttackMode::Max, AttackMode::Both] {
            let config = AttackConfig {
                mode,
                epsilon: (0.0, 0.0),
                noise: 0.0,
            };
            let attacked = attack(redder, &image, &everywhere, &config).unwrap();
            assert!(attacked.equal(&image), "{mode:?}");
        }
    }

    #[test]
    fn an_attack_stays_in_its_shape_its_step_and_the_range_of_colours() {
        tch::manual_seed(5);
        let network = network();
        let image = Tensor::rand([2, 3, 64, 64], FLOAT);
        let shape = Tensor::zeros([2, 1, 64, 64], FLOAT);
        let _ = shape.narrow(2, 16, 20).narrow(3, 8, 30).fill_(1.0);
        for mode in [AttackMode::Min, AttackMode::Max, AttackMode::Both] {
            let config = AttackConfig {
                mode,
                epsilon: (0.02, 0.05),
                noise: 0.0,
            };
            let attacked = attack(|image| network.logits(image), &image, &shape, &config).unwrap();
            let change = (&attacked - &image).abs();
            let largest = change.max().double_value(&[]);
            assert!(
                (0.01..=0.05 + 1e-6).contains(&largest),
                "{mode:?}: {largest}"
            );
            let outside = change * (shape.ones_like() - &shape);
            assert_eq!(outside.max().double_value(&[]), 0.0, "{mode:?}");
            assert!(attacked.min().double_value(&[]) >= 0.0);
            assert!(attacked.max().double_value(&[]) <= 1.0);
        }
    }
}
