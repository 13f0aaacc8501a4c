//! Virtual-logit matching (Wang et al., CVPR 2022), per pixel: how much of the features lies outside
//! the space that they usually lie in, against the free energy.

use serde::{Deserialize, Serialize};
use tch::{Kind, Tensor};

use super::{FEATURES, Known, Method, MethodError, SCORE, pointwise, read};
use crate::graph::{Builder, Graph, Reduce, ValueId};
use crate::nets::{Design, LOGITS};
use crate::torch::Network;

/// See the module.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Vim {
    /// Dimensions of the usual space.
    pub dimensions: i64,
}

impl Method for Vim {
    fn graph(&self, design: Design) -> Result<Graph, MethodError> {
        let mut b = Builder::new("head");
        let features = read(&mut b, design, FEATURES)?;
        let logits = read(&mut b, design, LOGITS)?;
        let planes = b.shape(features).0;
        if !(1..planes).contains(&self.dimensions) {
            return Err(MethodError::Range {
                option: "dimensions",
                value: self.dimensions.to_string(),
                range: format!("1 to {}, fewer than {FEATURES} has planes", planes - 1),
            });
        }
        let score = self.score(&mut b, features, logits);
        Ok(b.finish(&[score]))
    }

    fn fit(&self, network: &Network, known: &Known<'_>) -> anyhow::Result<()> {
        let classifier = known.segmentation.parameters();
        let [weight, bias] = ["weight", "bias"].map(|s| &classifier[&format!("{LOGITS}.{s}")]);
        let weight = weight.flatten(1, -1);
        self.write(network, &known.pixels.features, &weight, bias)
    }
}

impl Vim {
    fn score(&self, b: &mut Builder, features: ValueId, logits: ValueId) -> ValueId {
        let rest = b.shape(features).0 - self.dimensions;
        let outside = b.conv("outside", features, rest, [1, 1]);
        let squares = b.mul("squares", outside, outside);
        let length = b.reduce("length", squares, Reduce::Sum);
        let virtual_logit = b.sqrt("virtual", length);
        let energy = b.energy("energy", logits);
        b.add(SCORE, virtual_logit, energy)
    }

    /// Fits on rows [N, C]; `weight` [K, C] and `bias` [K] are the classifier's.
    fn write(
        &self,
        network: &Network,
        rows: &Tensor,
        weight: &Tensor,
        bias: &Tensor,
    ) -> anyhow::Result<()> {
        let [rows, weight, bias] = [rows, weight, bias].map(|t| t.detach().to_kind(Kind::Double));
        // where the logits vanish
        let origin = -weight.f_pinverse(1e-10)?.matmul(&bias.unsqueeze(1));
        let moved = &rows - origin.tr();
        let second = moved.tr().matmul(&moved) / rows.size()[0] as f64;
        // ascending: the first directions are the least used
        let (_, directions) = second.f_linalg_eigh("L")?;
        let rest = rows.size()[1] - self.dimensions;
        let outside = directions.narrow(1, 0, rest).tr();
        let lengths = moved
            .matmul(&outside.tr())
            .norm_scalaropt_dim(2.0, [1i64].as_slice(), false);
        let logits = rows.matmul(&weight.tr()) + bias;
        let greatest = logits.amax([1i64].as_slice(), false).mean(Kind::Double);
        let alpha = greatest / lengths.mean(Kind::Double).clamp_min(1e-9);
        let outside = outside * alpha;
        network.set("outside.weight", &pointwise(&outside))?;
        network.set("outside.bias", &-outside.matmul(&origin))?;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::super::tests::{forward, plane};
    use super::*;

    #[test]
    fn the_score_is_the_scaled_residual_less_the_logsumexp() {
        // one logit x + 1 vanishes at (-1, 0). From there the rows are (1, ±1) and (3, ±1): x is the
        // usual direction, the residuals are 1, the logits 2 in the mean: alpha is 2
        let rows = Tensor::from_slice(&[0.0f32, 1.0, 0.0, -1.0, 2.0, 1.0, 2.0, -1.0]);
        let vim = Vim { dimensions: 1 };
        let mut b = Builder::new("head");
        let features = b.input(FEATURES, 2, 4);
        let logits = b.input(LOGITS, 1, 4);
        let out = vim.score(&mut b, features, logits);
        let network = Network::new(b.finish(&[out]), tch::Device::Cpu);
        let weight = Tensor::from_slice(&[1.0f32, 0.0]).reshape([1, 2]);
        let bias = Tensor::from_slice(&[1.0f32]);
        vim.write(&network, &rows.reshape([4, 2]), &weight, &bias)
            .unwrap();
        let score = |x: [f64; 2]| {
            let z = plane(&[x[0] + 1.0]);
            forward(&network, &[(FEATURES, &plane(&x)), (LOGITS, &z)])[0]
        };
        assert!((score([0.0, 3.0]) - 5.0).abs() < 1e-5, "2 * 3 - 1");
        assert!((score([0.0, -3.0]) - 5.0).abs() < 1e-5);
        assert!((score([4.0, 0.0]) + 5.0).abs() < 1e-5, "0 - 5");
    }
}
