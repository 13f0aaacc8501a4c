//! Activation shaping (Djurisic et al., ICLR 2023): P, B and S, and SCALE (Xu et al., ICLR 2024), which
//! prunes nothing, in front of the classifier; the score is the free energy of the logits behind it. What
//! is shaped together is all planes of a picture, as in the papers, or those of each pixel alone.
//!
//! The features are behind a ReLU, so a plane that is 0 is never kept: where fewer than k are above
//! 0, B spreads the sum over those.

use serde::{Deserialize, Serialize};
use tch::{Kind, Tensor};

use super::{FEATURES, Known, Method, MethodError, SCORE, read, within};
use crate::data::CLASSES;
use crate::graph::{Builder, Conv, Graph, Reduce, ValueId};
use crate::nets::{Design, LOGITS};
use crate::torch::Network;

/// See the module.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Ash {
    /// How what is kept is shaped.
    pub shape: Shape,
    /// What is shaped together.
    pub by: Span,
    /// Share of the values that is not kept, in percent.
    pub percentile: f64,
}

/// How an activation is shaped.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Shape {
    /// What is kept stays as it is.
    P,
    /// The sum before is spread over what is kept.
    B,
    /// What is kept is multiplied by the exponential of the sum before over the sum behind.
    S,
    /// As S, and all is kept.
    Scale,
}

/// What is one activation.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Span {
    /// The planes of a pixel.
    Pixel,
    /// The planes of all pixels.
    Picture,
}

/// What counts as 0, and how far below the least that is kept a plane still is in part.
const LEAST: f32 = 1e-4;
/// Pixels of a picture that are counted to find the least that is kept: one of so many, in both directions.
const THIN: i64 = 4;
/// How often the range is halved in which that lies.
const HALVINGS: i32 = 20;
/// A count that is off by more than one over this moves it by all of a half.
const STEEP: f32 = 1e6;

impl Method for Ash {
    fn graph(&self, design: Design) -> Result<Graph, MethodError> {
        within("percentile", self.percentile, 0.0..=95.0)?;
        let mut b = Builder::new("head");
        let features = read(&mut b, design, FEATURES)?;
        let shaped = self.shaped(&mut b, features);
        // the segmentation network's own
        let logits = b.conv(LOGITS, shaped, CLASSES, [1, 1]);
        let score = b.energy(SCORE, logits);
        Ok(b.finish(&[score]))
    }

    fn learns(&self) -> bool {
        false
    }

    fn fit(&self, network: &Network, _known: &Known<'_>) -> anyhow::Result<()> {
        if let Some(own) = network.parameters().get("thin.weight") {
            let ones = Tensor::ones(own.size(), (Kind::Float, own.device()));
            network.set("thin.weight", &ones)?;
        }
        Ok(())
    }
}

impl Ash {
    fn shaped(&self, b: &mut Builder, x: ValueId) -> ValueId {
        let share = 1.0 - self.percentile / 100.0;
        let least = match self.by {
            Span::Pixel => {
                let n = b.shape(x).0;
                let kept = n - (n as f64 * self.percentile / 100.0).round() as i64;
                b.kth("kth", x, kept.max(1))
            }
            Span::Picture => level(b, x, share as f32),
        };
        let least = b.clip("least", least, LEAST, f32::MAX);
        let mask = above(b, "mask", x, least);
        let pruned = b.mul("pruned", x, mask);
        let before = self.sum(b, "before", x);
        match self.shape {
            Shape::P => pruned,
            Shape::B => {
                let count = self.sum(b, "count", mask);
                // of a picture it is a mean over the pixels
                let some = match self.by {
                    Span::Pixel => 1.0,
                    Span::Picture => LEAST,
                };
                let count = b.clip("some", count, some, f32::MAX);
                let share = b.div("share", before, count);
                b.mul("shaped", mask, share)
            }
            Shape::S | Shape::Scale => {
                let behind = self.sum(b, "behind", pruned);
                let behind = b.clip("not_none", behind, LEAST, f32::MAX);
                let ratio = b.div("ratio", before, behind);
                let factor = b.exp("factor", ratio);
                let all = if self.shape == Shape::S { pruned } else { x };
                b.mul("shaped", all, factor)
            }
        }
    }

    /// The sum over the planes; of a picture, its mean over the pixels.
    fn sum(&self, b: &mut Builder, name: &str, x: ValueId) -> ValueId {
        match self.by {
            Span::Pixel => b.reduce(name, x, Reduce::Sum),
            Span::Picture => mean_sum(b, name, x),
        }
    }
}

/// The mean over the pixels of the sum over the planes, one value a picture.
fn mean_sum(b: &mut Builder, name: &str, x: ValueId) -> ValueId {
    let means = b.global_average_pool(&format!("{name}.means"), x);
    b.reduce(name, means, Reduce::Sum)
}

/// 1 where x is at least so much, 0 where it is less.
fn above(b: &mut Builder, name: &str, x: ValueId, least: ValueId) -> ValueId {
    let above = b.sub(&format!("{name}.above"), x, least);
    let steep = b.affine(&format!("{name}.steep"), above, 1.0 / LEAST, 1.0);
    b.clip(name, steep, 0.0, 1.0)
}

/// The value that so large a share of a picture's values reaches. Sorting them all would take longer than the
/// segmentation network does, so the range is halved again and again; none is negative, so it ends at
/// their mean over the share.
fn level(b: &mut Builder, x: ValueId, share: f32) -> ValueId {
    let planes = b.shape(x).0;
    let thin = Conv {
        out_channels: planes,
        kernel: [1, 1],
        stride: THIN,
        padding: [0; 4],
        dilation: [1, 1],
        groups: planes,
        bias: false,
    };
    let x = b.conv_op("thin", x, thin);
    let wanted = share * planes as f32;
    let sum = mean_sum(b, "thin.sum", x);
    let most = b.affine("most", sum, 1.0 / wanted, 0.0);
    let mut level = b.affine("level", most, 0.5, 0.0);
    for i in 1..=HALVINGS {
        let name = |what: &str| format!("level{i}.{what}");
        let mask = above(b, &name("mask"), x, level);
        let count = mean_sum(b, &name("count"), mask);
        let more = b.affine(&name("more"), count, STEEP, -STEEP * wanted);
        let way = b.clip(&name("way"), more, -1.0, 1.0);
        let step = b.affine(&name("half"), most, 0.5f32.powi(i + 1), 0.0);
        let step = b.mul(&name("step"), step, way);
        level = b.add(&name("to"), level, step);
    }
    level
}

#[cfg(test)]
mod tests {
    use super::super::tests::{plane, run};
    use super::*;

    fn shaped(shape: Shape, percentile: f64, x: &[f64]) -> Vec<f64> {
        let mut b = Builder::new("head");
        let features = b.input(FEATURES, x.len() as i64, 4);
        let ash = Ash {
            shape,
            by: Span::Pixel,
            percentile,
        };
        let out = ash.shaped(&mut b, features);
        run(b.finish(&[out]), &[(FEATURES, &plane(x))], &[])
    }

    /// Half of a picture of two planes and eight pixels in a row, of which the first and the fifth are counted.
    fn half_of_a_picture(shape: Shape, x: [[f64; 8]; 2]) -> Vec<f64> {
        let mut b = Builder::new("head");
        let features = b.input(FEATURES, 2, 4);
        let ash = Ash {
            shape,
            by: Span::Picture,
            percentile: 50.0,
        };
        let out = ash.shaped(&mut b, features);
        let x = Tensor::from_slice(x.as_flattened()).to_kind(Kind::Float);
        let x = x.reshape([1, 2, 1, 8]);
        run(
            b.finish(&[out]),
            &[(FEATURES, &x)],
            &[("thin.weight", &[1.0, 1.0])],
        )
    }

    fn near(found: &[f64], wanted: &[f64]) {
        assert_eq!(found.len(), wanted.len());
        let apart = found
            .iter()
            .zip(wanted)
            .map(|(a, b)| (a - b).abs() / b.abs().max(1.0));
        assert!(apart.fold(0.0, f64::max) < 1e-5, "{found:?} {wanted:?}");
    }

    const X: [f64; 4] = [1.0, 2.0, 3.0, 4.0];

    #[test]
    fn four_planes_are_shaped_as_by_hand() {
        near(&shaped(Shape::P, 50.0, &X), &[0.0, 0.0, 3.0, 4.0]);
        near(&shaped(Shape::B, 50.0, &X), &[0.0, 0.0, 5.0, 5.0]);
        near(
            &shaped(Shape::S, 50.0, &X),
            &[0.0, 0.0, 12.518_201_7, 16.690_935_5],
        );
        let factor = 4.172_733_9;
        near(&shaped(Shape::Scale, 50.0, &X), &X.map(|v| v * factor));
    }

    #[test]
    fn nothing_pruned_is_the_identity_and_e_times_it() {
        near(&shaped(Shape::P, 0.0, &X), &X);
        near(
            &shaped(Shape::S, 0.0, &X),
            &X.map(|v| v * std::f64::consts::E),
        );
    }

    #[test]
    fn b_keeps_the_sum_and_p_is_idempotent() {
        let x = [0.3, 7.0, 0.0, 2.5, 4.0, 0.9];
        for percentile in [20.0, 50.0, 70.0] {
            let sum: f64 = shaped(Shape::B, percentile, &x).iter().sum();
            assert!(
                (sum - x.iter().sum::<f64>()).abs() < 1e-4,
                "{percentile}: {sum}"
            );
            let once = shaped(Shape::P, percentile, &x);
            near(&shaped(Shape::P, percentile, &once), &once);
        }
    }

    #[test]
    fn a_longer_activation_is_shaped_alike() {
        let x = [0.3, 7.0, 0.2, 2.5];
        for shape in [Shape::P, Shape::B, Shape::S, Shape::Scale] {
            let wanted: Vec<f64> = shaped(shape, 50.0, &x).iter().map(|v| v * 3.0).collect();
            near(&shaped(shape, 50.0, &x.map(|v| v * 3.0)), &wanted);
        }
    }

    #[test]
    fn planes_without_anything_stay_finite() {
        for shape in [Shape::P, Shape::B, Shape::S, Shape::Scale] {
            near(&shaped(shape, 50.0, &[0.0; 4]), &[0.0; 4]);
        }
        // one plane is left where two are to be kept
        near(
            &shaped(Shape::B, 50.0, &[0.0, 6.0, 0.0, 0.0]),
            &[0.0, 6.0, 0.0, 0.0],
        );
    }

    #[test]
    fn a_picture_is_shaped_as_one() {
        // counted are 1, 2, 5 and 6: half of them reach 5. Of all 16 values 14 do, 140 of the sum of 143
        let x = [
            [1.0, 11.0, 11.0, 11.0, 5.0, 11.0, 11.0, 10.0],
            [2.0, 11.0, 11.0, 10.0, 6.0, 10.0, 11.0, 11.0],
        ];
        let all = x.as_flattened();
        let of = |value: &dyn Fn(f64) -> f64| -> Vec<f64> {
            let kept = |&v: &f64| if v < 4.0 { 0.0 } else { value(v) };
            all.iter().map(kept).collect()
        };
        near(&half_of_a_picture(Shape::P, x), &of(&|v| v));
        near(&half_of_a_picture(Shape::B, x), &of(&|_| 143.0 / 14.0));
        let factor = (143.0f64 / 140.0).exp();
        near(&half_of_a_picture(Shape::S, x), &of(&|v| v * factor));
        let scaled: Vec<f64> = all.iter().map(|v| v * factor).collect();
        near(&half_of_a_picture(Shape::Scale, x), &scaled);
        for shape in [Shape::P, Shape::B, Shape::S, Shape::Scale] {
            near(&half_of_a_picture(shape, [[0.0; 8]; 2]), &[0.0; 16]);
        }
    }

    #[test]
    fn the_level_of_many_values_is_their_quantile() {
        // 0, 1, .. 99 of 100 pixels that are counted: 35 of them reach 65
        let mut b = Builder::new("head");
        let features = b.input(FEATURES, 1, 4);
        let out = level(&mut b, features, 0.35);
        let x = Tensor::arange(100, (Kind::Float, tch::Device::Cpu));
        let x = x
            .reshape([1, 1, 10, 10])
            .upsample_nearest2d([40, 40], None, None);
        let found = run(
            b.finish(&[out]),
            &[(FEATURES, &x)],
            &[("thin.weight", &[1.0])],
        )[0];
        assert!((63.999..65.001).contains(&found), "{found}");
    }
}
