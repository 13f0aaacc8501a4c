//! What both conventions share: counts by bin, and the curves over them.

use super::BINS;

/// Share of the positives at which the false-positive rate is read.
const TPR_LEVEL: f64 = 0.95;

/// Positives and negatives by bin.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Counts {
    positives: Vec<u64>,
    negatives: Vec<u64>,
}

/// Totals while going down from the highest bin: everything in `bin` and above.
#[derive(Clone, Copy, Debug)]
pub(super) struct Step {
    pub(super) bin: usize,
    pub(super) true_positives: u64,
    pub(super) false_positives: u64,
}

/// Figures that a missing class leaves undefined are `None`.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Areas {
    pub(super) auroc: Option<f64>,
    pub(super) average_precision: Option<f64>,
    pub(super) fpr95: Option<f64>,
}

impl Default for Counts {
    fn default() -> Self {
        Self {
            positives: vec![0; BINS],
            negatives: vec![0; BINS],
        }
    }
}

impl Counts {
    pub(super) fn add(&mut self, bin: u16, positive: bool) {
        let side = if positive {
            &mut self.positives
        } else {
            &mut self.negatives
        };
        side[usize::from(bin)] += 1;
    }

    pub(super) fn merge(&mut self, other: &Self) {
        for (sum, more) in self.positives.iter_mut().zip(&other.positives) {
            *sum += more;
        }
        for (sum, more) in self.negatives.iter_mut().zip(&other.negatives) {
            *sum += more;
        }
    }

    pub(super) fn positives(&self) -> u64 {
        self.positives.iter().sum()
    }

    pub(super) fn negatives(&self) -> u64 {
        self.negatives.iter().sum()
    }

    /// One step a bin that holds anything, from the highest down.
    pub(super) fn descending(&self) -> impl Iterator<Item = Step> + '_ {
        let (mut true_positives, mut false_positives) = (0, 0);
        let bins = self.positives.iter().zip(&self.negatives).enumerate().rev();
        bins.filter(|(_, (p, n))| **p + **n > 0)
            .map(move |(bin, (p, n))| {
                true_positives += p;
                false_positives += n;
                Step {
                    bin,
                    true_positives,
                    false_positives,
                }
            })
    }

    pub(super) fn areas(&self) -> Areas {
        let (positives, negatives) = (self.positives() as f64, self.negatives() as f64);
        let (mut area, mut precision_sum) = (0.0, 0.0);
        let mut fpr95 = None;
        let (mut last_tp, mut last_fp) = (0, 0);
        for step in self.descending() {
            let (tp, fp) = (step.true_positives as f64, step.false_positives as f64);
            // Trapezoid: ties count half.
            area += (step.false_positives - last_fp) as f64 * (tp + last_tp as f64) / 2.0;
            precision_sum += (step.true_positives - last_tp) as f64 * tp / (tp + fp);
            if fpr95.is_none() && tp / positives >= TPR_LEVEL {
                fpr95 = Some(fp / negatives);
            }
            (last_tp, last_fp) = (step.true_positives, step.false_positives);
        }
        let both = positives > 0.0 && negatives > 0.0;
        Areas {
            auroc: both.then(|| area / positives / negatives),
            average_precision: (positives > 0.0).then(|| precision_sum / positives),
            fpr95: fpr95.filter(|_| both),
        }
    }
}
