//! Scores of the class logits alone, and of the features' norm: what every other method must beat.

use super::{FEATURES, Kind, Method, MethodError, SCORE, read};
use crate::data::CLASSES;
use crate::graph::{Builder, Graph, Reduce, ValueId};
use crate::nets::{Design, LOGITS};

/// Which.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Baseline {
    Softmax,
    MaxLogit,
    Entropy,
    Energy,
    FeatureNorm,
}

impl Method for Baseline {
    fn graph(&self, design: Design) -> Result<Graph, MethodError> {
        let mut b = Builder::new("head");
        let reads = match self {
            Self::FeatureNorm => FEATURES,
            _ => LOGITS,
        };
        let planes = read(&mut b, design, reads)?;
        let score = self.score(&mut b, planes);
        Ok(b.finish(&[score]))
    }

    fn kind(&self) -> Kind {
        match self {
            Self::Softmax | Self::Entropy => Kind::Probability,
            Self::MaxLogit | Self::Energy | Self::FeatureNorm => Kind::Energy,
        }
    }

    fn learns(&self) -> bool {
        false
    }
}

impl Baseline {
    pub(super) fn score(self, b: &mut Builder, logits: ValueId) -> ValueId {
        match self {
            Self::Softmax => {
                let p = b.softmax("probabilities", logits);
                let greatest = b.reduce("greatest", p, Reduce::Max);
                b.affine(SCORE, greatest, -1.0, 1.0)
            }
            Self::MaxLogit => {
                let greatest = b.reduce("greatest", logits, Reduce::Max);
                b.affine(SCORE, greatest, -1.0, 0.0)
            }
            // ln(sum(exp(z))) - sum(p z), as a share of the greatest that there is
            Self::Entropy => {
                let p = b.softmax("probabilities", logits);
                let energy = b.energy("energy", logits);
                let weighed = b.mul("weighed", p, logits);
                let mean = b.reduce("mean", weighed, Reduce::Sum);
                let sum = b.add("nats", energy, mean);
                let most = (CLASSES as f32).ln();
                b.affine(SCORE, sum, -1.0 / most, 0.0)
            }
            Self::Energy => b.energy(SCORE, logits),
            // of features: those of unknown things are short
            Self::FeatureNorm => {
                let squares = b.mul("squares", logits, logits);
                let sum = b.reduce("sum", squares, Reduce::Sum);
                let norm = b.sqrt("norm", sum);
                b.affine(SCORE, norm, -1.0, 0.0)
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::tests::{plane, run};
    use super::*;

    fn score(method: Baseline, z: &[f64]) -> f64 {
        let mut b = Builder::new("head");
        let logits = b.input(LOGITS, z.len() as i64, 4);
        let out = method.score(&mut b, logits);
        run(b.finish(&[out]), &[(LOGITS, &plane(z))], &[])[0]
    }

    #[test]
    fn scores_of_two_logits_are_those_computed_by_hand() {
        // z = (1, 2): p = (.2689414, .7310586), ln(e + e^2) = 2.3132617
        let near = |found: f64, wanted: f64| assert!((found - wanted).abs() < 1e-5, "{found}");
        near(score(Baseline::Softmax, &[1.0, 2.0]), 0.268_941_4);
        near(score(Baseline::MaxLogit, &[1.0, 2.0]), -2.0);
        near(score(Baseline::Energy, &[1.0, 2.0]), -2.313_261_7);
        near(score(Baseline::FeatureNorm, &[3.0, -4.0]), -5.0);
        // 0.5822031 nats, of ln 11
        near(
            score(Baseline::Entropy, &[1.0, 2.0]),
            0.582_203_1 / 11f64.ln(),
        );
    }

    #[test]
    fn the_entropy_of_eleven_equal_classes_is_one_and_of_a_certain_one_is_none() {
        assert!((score(Baseline::Entropy, &[0.7; 11]) - 1.0).abs() < 1e-5);
        let mut sure = [0.0; 11];
        sure[4] = 60.0;
        assert!(score(Baseline::Entropy, &sure).abs() < 1e-5);
    }
}
