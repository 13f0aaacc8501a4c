//! Generalized ODIN (Hsu et al., CVPR 2020), per pixel, on frozen features: logits are a likeness h of
//! each class over a confidence g, trained together; the score is minus the greatest h. Pictures may be
//! perturbed before they are judged, in the table only: see [`super::perturbation`].

use serde::{Deserialize, Serialize};
use tch::{Reduction, Tensor};

use super::{
    FEATURES, Known, Method, MethodError, PixelLoss, Pixels, SCORE, Step, Training, as_planes,
    as_rows, read,
};
use crate::data::CLASSES;
use crate::graph::{Builder, Graph, Reduce, ValueId};
use crate::nets::Design;
use crate::torch::{Mode, Network};

/// See the module.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct GeneralizedOdin {
    /// What h is.
    pub likeness: Likeness,
    /// Whether pictures are perturbed.
    #[serde(default)]
    pub perturbed: bool,
}

/// How like a class features are.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Likeness {
    /// Cosine of the angle to the class's weights.
    Cosine,
    /// Inner product with them, and a bias.
    Inner,
    /// Minus the mean squared difference to them.
    Euclidean,
}

/// Pixels of each class in a step.
const EACH: i64 = 64;
/// Added to lengths.
const LEAST: f64 = 1e-4;

impl Method for GeneralizedOdin {
    fn graph(&self, design: Design) -> Result<Graph, MethodError> {
        let mut b = Builder::new("head");
        let features = read(&mut b, design, FEATURES)?;
        let likeness = self.likeness.planes(&mut b, features, CLASSES);
        let greatest = b.reduce("greatest", likeness, Reduce::Max);
        let score = b.affine(SCORE, greatest, -1.0, 0.0);
        let confidence = b.conv_bn("confidence", features, 1, [1, 1], 1, 1);
        let confidence = b.sigmoid("g", confidence);
        Ok(b.finish(&[score, likeness, confidence]))
    }

    fn classes(&self) -> Option<&'static str> {
        Some("likeness")
    }

    fn is_perturbed(&self) -> bool {
        self.perturbed
    }

    fn training(&self) -> Training<'_> {
        Training::Pixels(self)
    }

    fn fit(&self, network: &Network, _known: &Known<'_>) -> anyhow::Result<()> {
        self.likeness.settle(network)
    }
}

impl Likeness {
    /// A plane for each class, of weights that are [settled](Self::settle).
    fn planes(self, b: &mut Builder, x: ValueId, classes: i64) -> ValueId {
        let squares = b.mul("squares", x, x);
        let length = b.reduce("length", squares, Reduce::Sum);
        let planes = b.shape(x).0 as f32;
        let h = match self {
            Self::Cosine => {
                let norm = b.sqrt("norm", length);
                let norm = b.affine("not_none", norm, 1.0, LEAST as f32);
                let unit = b.div("unit", x, norm);
                b.conv("h", unit, classes, [1, 1])
            }
            Self::Inner => b.conv("h", x, classes, [1, 1]),
            Self::Euclidean => {
                let cross = b.conv("h", x, classes, [1, 1]);
                let mean = b.affine("mean", length, 1.0 / planes, 0.0);
                b.sub("difference", cross, mean)
            }
        };
        b.rename(h, "likeness")
    }

    /// Of rows [N, C] with the weights [K, C] and the biases [K] as they are trained.
    fn of(self, x: &Tensor, weight: &Tensor, bias: &Tensor) -> Tensor {
        let unit = |t: &Tensor| t / (t.norm_scalaropt_dim(2.0, [1i64].as_slice(), true) + LEAST);
        match self {
            Self::Cosine => unit(x).matmul(&unit(weight).tr()),
            Self::Inner => x.matmul(&weight.tr()) + bias,
            Self::Euclidean => {
                let apart = x.unsqueeze(1) - weight.unsqueeze(0);
                -apart.square().mean_dim([2i64].as_slice(), false, x.kind())
            }
        }
    }

    /// Turns trained weights into those of the convolution.
    fn settle(self, network: &Network) -> anyhow::Result<()> {
        let weight = network.parameters()["h.weight"].detach().flatten(1, -1);
        let planes = weight.size()[1] as f64;
        let length = weight.norm_scalaropt_dim(2.0, [1i64].as_slice(), true);
        match self {
            Self::Cosine => {
                network.set("h.weight", &(&weight / (length + LEAST)))?;
                network.set("h.bias", &weight.select(1, 0).zeros_like())?;
            }
            Self::Inner => {}
            Self::Euclidean => {
                network.set("h.weight", &(&weight * (2.0 / planes)))?;
                network.set("h.bias", &(-length.square() / planes))?;
            }
        }
        Ok(())
    }
}

impl PixelLoss for GeneralizedOdin {
    fn loss(&self, network: &Network, pixels: &Pixels, _step: Step) -> anyhow::Result<Tensor> {
        let drawn = pixels.draw(EACH);
        let out = network.forward(&[(FEATURES, &as_planes(&drawn.features))], Mode::Train)?;
        let confidence = as_rows(&out["g"]);
        let [weight, bias] = ["h.weight", "h.bias"].map(|n| &network.parameters()[n]);
        let likeness = self
            .likeness
            .of(&drawn.features, &weight.flatten(1, -1), bias);
        let logits = quotient(&likeness, &confidence);
        Ok(logits.cross_entropy_loss::<Tensor>(&drawn.label, None, Reduction::Mean, -100, 0.0))
    }
}

/// The logits h / g.
fn quotient(likeness: &Tensor, confidence: &Tensor) -> Tensor {
    likeness / confidence
}

#[cfg(test)]
mod tests {
    use super::super::tests::{forward, plane};
    use super::*;
    use tch::Kind;

    fn row(x: &[f64]) -> Tensor {
        Tensor::from_slice(x).unsqueeze(0)
    }

    fn of(likeness: Likeness, x: &[f64], w: &[f64]) -> f64 {
        let none = Tensor::from_slice(&[0.0f64]);
        likeness.of(&row(x), &row(w), &none).double_value(&[0, 0])
    }

    #[test]
    fn likenesses_and_their_quotient_are_those_computed_by_hand() {
        let cosine = of(Likeness::Cosine, &[3.0, 4.0], &[1.0, 0.0]);
        assert!((cosine - 0.6).abs() < 1e-4, "{cosine}");
        let logit = quotient(&row(&[0.6]), &row(&[0.5])).double_value(&[0, 0]);
        assert!((logit - 1.2).abs() < 1e-9);
        assert_eq!(of(Likeness::Inner, &[3.0, 4.0], &[1.0, 0.5]), 5.0);
        assert_eq!(of(Likeness::Euclidean, &[1.0, 2.0], &[3.0, 2.0]), -2.0);
    }

    #[test]
    fn a_longer_feature_has_the_same_cosine() {
        let short = of(Likeness::Cosine, &[3.0, 4.0], &[0.5, 2.0]);
        let long = of(Likeness::Cosine, &[300.0, 400.0], &[0.5, 2.0]);
        assert!((short - long).abs() < 1e-4);
    }

    #[test]
    fn the_head_gives_what_was_trained_and_the_order_of_the_quotients() {
        let (x, classes) = ([0.5, 2.0, 1.0], 3);
        for likeness in [Likeness::Cosine, Likeness::Inner, Likeness::Euclidean] {
            tch::manual_seed(6);
            let mut b = Builder::new("head");
            let features = b.input(FEATURES, 3, 4);
            let out = likeness.planes(&mut b, features, classes);
            let network = Network::new(b.finish(&[out]), tch::Device::Cpu);
            network
                .set("h.bias", &Tensor::from_slice(&[0.1f32, -0.2, 0.3]))
                .unwrap();
            let [w, bias] = ["h.weight", "h.bias"].map(|n| network.parameters()[n].copy());
            let trained = likeness.of(
                &row(&x),
                &w.flatten(1, -1).to_kind(Kind::Double),
                &bias.to_kind(Kind::Double),
            );
            likeness.settle(&network).unwrap();
            let found = forward(&network, &[(FEATURES, &plane(&x))]);
            let wanted: Vec<f64> = trained.flatten(0, -1).try_into().unwrap();
            for (a, b) in found.iter().zip(&wanted) {
                assert!((a - b).abs() < 1e-5, "{likeness:?}: {found:?} {wanted:?}");
            }
            let order = |t: &Tensor| t.argmax(1, false).int64_value(&[0]);
            assert_eq!(order(&trained), order(&quotient(&trained, &row(&[0.03]))));
        }
    }
}
