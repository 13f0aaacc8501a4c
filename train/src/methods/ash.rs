//! Activation shaping (Djurisic et al., ICLR 2023): P, B and S, and SCALE (Xu et al., ICLR 2024), which
//! prunes nothing. Here each pixel is an activation of its own, shaped over its planes in front of the
//! classifier; the score is the free energy of the logits behind it.
//!
//! The features are behind a ReLU, so a plane that is 0 is never kept: where fewer than k are above
//! 0, B spreads the sum over those.

use serde::{Deserialize, Serialize};

use super::{FEATURES, Method, MethodError, SCORE, read, within};
use crate::data::CLASSES;
use crate::graph::{Builder, Graph, Reduce, ValueId};
use crate::nets::{Design, LOGITS};

/// See the module.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Ash {
    /// How what is kept is shaped.
    pub shape: Shape,
    /// Share of the planes that is not kept, in percent.
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

/// What counts as 0, and how far below the least that is kept a plane still is in part.
const LEAST: f32 = 1e-4;

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
}

impl Ash {
    fn shaped(&self, b: &mut Builder, x: ValueId) -> ValueId {
        let n = b.shape(x).0;
        let kept = n - (n as f64 * self.percentile / 100.0).round() as i64;
        let least = b.kth("kth", x, kept.max(1));
        let least = b.clip("least", least, LEAST, f32::MAX);
        let above = b.sub("above", x, least);
        let steep = b.affine("steep", above, 1.0 / LEAST, 1.0);
        let mask = b.clip("mask", steep, 0.0, 1.0);
        let pruned = b.mul("pruned", x, mask);
        let before = b.reduce("before", x, Reduce::Sum);
        match self.shape {
            Shape::P => pruned,
            Shape::B => {
                let count = b.reduce("count", mask, Reduce::Sum);
                let count = b.clip("some", count, 1.0, f32::MAX);
                let share = b.div("share", before, count);
                b.mul("shaped", mask, share)
            }
            Shape::S | Shape::Scale => {
                let behind = b.reduce("behind", pruned, Reduce::Sum);
                let behind = b.clip("not_none", behind, LEAST, f32::MAX);
                let ratio = b.div("ratio", before, behind);
                let factor = b.exp("factor", ratio);
                let all = if self.shape == Shape::S { pruned } else { x };
                b.mul("shaped", all, factor)
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::tests::{plane, run};
    use super::*;

    fn shaped(shape: Shape, percentile: f64, x: &[f64]) -> Vec<f64> {
        let mut b = Builder::new("head");
        let features = b.input(FEATURES, x.len() as i64, 4);
        let out = Ash { shape, percentile }.shaped(&mut b, features);
        run(b.finish(&[out]), &[(FEATURES, &plane(x))], &[])
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
}
