//! The greatest logit, standardised by what is usual for its class (Jung et al., ICCV 2021), without
//! what its authors do to borders.

use serde::{Deserialize, Serialize};
use tch::{Kind, Tensor};

use super::{Known, Method, MethodError, SCORE, read};
use crate::graph::{Builder, Graph, Reduce, ValueId};
use crate::nets::{Design, LOGITS};
use crate::torch::Network;

/// See the module.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct StandardisedMaxLogit {}

/// Classes whose logits are nearer to the greatest than one over this share the pixel. Any more would
/// be too much for engines that compute in 16 bits.
const STEEPNESS: f32 = 1e4;

impl Method for StandardisedMaxLogit {
    fn graph(&self, design: Design) -> Result<Graph, MethodError> {
        let mut b = Builder::new("head");
        let logits = read(&mut b, design, LOGITS)?;
        let score = score(&mut b, logits);
        Ok(b.finish(&[score]))
    }

    fn fit(&self, network: &Network, known: &Known<'_>) -> anyhow::Result<()> {
        write(network, &known.pixels.logits)
    }
}

/// (mean - greatest) / deviation, both of the class that is seen.
fn score(b: &mut Builder, logits: ValueId) -> ValueId {
    let greatest = b.reduce("greatest", logits, Reduce::Max);
    let below = b.sub("below", logits, greatest);
    let steep = b.affine("steep", below, STEEPNESS, 1.0);
    let hot = b.clip("hot", steep, 0.0, 1.0);
    let count = b.reduce("count", hot, Reduce::Sum);
    let hot = b.div("share", hot, count);
    let mean = b.conv("mean", hot, 1, [1, 1]);
    let scale = b.conv("scale", hot, 1, [1, 1]);
    let unusual = b.sub("unusual", mean, greatest);
    b.mul(SCORE, unusual, scale)
}

fn write(network: &Network, logits: &Tensor) -> anyhow::Result<()> {
    let (greatest, class) = logits.to_kind(Kind::Double).max_dim(1, false);
    let all = [greatest.mean(Kind::Double), greatest.std(true)];
    let (mut means, mut scales) = (vec![], vec![]);
    for id in 0..logits.size()[1] {
        let own = greatest.masked_select(&class.eq(id));
        // a class that is hardly seen has what all have
        let [mean, deviation] = match own.numel() {
            0..20 => [all[0].shallow_clone(), all[1].shallow_clone()],
            _ => [own.mean(Kind::Double), own.std(true)],
        };
        means.push(mean.double_value(&[]));
        scales.push(1.0 / deviation.double_value(&[]).max(1e-3));
    }
    network.set("mean.weight", &Tensor::from_slice(&means))?;
    network.set("scale.weight", &Tensor::from_slice(&scales))?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::super::tests::{forward, plane};
    use super::*;

    #[test]
    fn the_score_is_in_deviations_of_the_class_that_is_seen() {
        let mut b = Builder::new("head");
        let logits = b.input(LOGITS, 2, 4);
        let out = score(&mut b, logits);
        let network = Network::new(b.finish(&[out]), tch::Device::Cpu);
        // class 0 wins with 3 and 5 by turns: mean 4, deviation 1 (times sqrt(20 / 19)); class 1 with 10
        // and 30: mean 20, deviation 10
        let mut rows = vec![];
        for i in 0..20 {
            rows.extend([if i % 2 == 0 { 3.0 } else { 5.0 }, 0.0]);
            rows.extend([0.0, if i % 2 == 0 { 10.0 } else { 30.0 }]);
        }
        write(&network, &Tensor::from_slice(&rows).reshape([40, 2])).unwrap();
        let unbiased = (20.0f64 / 19.0).sqrt();
        let score = |z: [f64; 2]| forward(&network, &[(LOGITS, &plane(&z))])[0] * unbiased;
        assert!((score([2.0, 1.0]) - 2.0).abs() < 1e-4);
        assert!((score([2.0, 5.0]) - 1.5).abs() < 1e-4);
        assert!(score([7.0, 20.0]).abs() < 1e-4);
        // both alike: the mean of both, 12, times the mean of both scales, 0.55
        assert!((score([8.0, 8.0]) - 4.0 * 0.55).abs() < 1e-4);
    }
}
