use super::curve::{Counts, Step};
use super::error::same_length;
use super::{EvaluateError, bin_of};
use serde::Serialize;

/// Label of a pixel that is not anomalous.
pub const NORMAL: u8 = 0;
/// Label of an anomalous pixel.
pub const ANOMALOUS: u8 = 1;
/// Label of a pixel that is not evaluated.
pub const IGNORE: u8 = 255;

/// Scores of anomalous (positive) and normal (negative) pixels, pooled over any number of frames
/// in 1 MiB.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct BinaryHistogram {
    counts: Counts,
    non_finite: u64,
}

/// How well scores tell anomalous pixels from normal ones. A figure is `None` where a class that
/// it needs is absent.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct BinaryMetrics {
    /// Area under the ROC curve, `0 ..= 1`, trapezoids, so ties count half. Needs both classes.
    pub auroc: Option<f64>,
    /// Average precision, `0 ..= 1`: the sum over distinct scores, from the highest down, of
    /// (recall gained) x (precision there). Needs positives.
    pub ap: Option<f64>,
    /// False-positive rate, `0 ..= 1`, at the highest threshold whose true-positive rate is at
    /// least 0.95. Needs both classes.
    pub fpr95: Option<f64>,
    /// Anomalous pixels.
    pub positives: u64,
    /// Normal pixels.
    pub negatives: u64,
    /// Of both, the pixels whose score was NaN. They are evaluated as if it were 1.
    pub non_finite: u64,
}

/// A threshold, and what it does on the data that it was chosen on.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct Threshold {
    /// `score > threshold` is anomalous. Lies halfway between two of the 65536 steps, so it holds
    /// for scores as floats and as 16 bits alike; between -0.5 / 65535 (everything is anomalous)
    /// and 1 (nothing is).
    pub threshold: f32,
    /// True-positive rate; `None` without anomalous pixels.
    pub tpr: Option<f64>,
    /// False-positive rate; `None` without normal pixels.
    pub fpr: Option<f64>,
}

impl BinaryHistogram {
    /// An empty histogram.
    pub fn new() -> Self {
        Self::default()
    }

    /// Counts one pixel. Scores are `0 known ..= 1 unknown` and clamped; NaN counts as 1.
    pub fn add(&mut self, score: f32, positive: bool) {
        self.non_finite += u64::from(score.is_nan());
        self.counts.add(bin_of(score), positive);
    }

    /// Counts many pixels: scores, and labels of [`NORMAL`], [`ANOMALOUS`] or [`IGNORE`].
    ///
    /// # Errors
    /// [`EvaluateError::LengthMismatch`] or [`EvaluateError::UnknownLabel`].
    pub fn add_slice(&mut self, scores: &[f32], labels: &[u8]) -> Result<(), EvaluateError> {
        self.add_labelled(scores, labels, Self::add)
    }

    /// [`add_slice`](Self::add_slice) for scores of 16 bits (65535 unknown).
    ///
    /// # Errors
    /// [`EvaluateError::LengthMismatch`] or [`EvaluateError::UnknownLabel`].
    pub fn add_slice_u16(&mut self, scores: &[u16], labels: &[u8]) -> Result<(), EvaluateError> {
        self.add_labelled(scores, labels, |all, score, positive| {
            all.counts.add(score, positive);
        })
    }

    fn add_labelled<T: Copy>(
        &mut self,
        scores: &[T],
        labels: &[u8],
        add: impl Fn(&mut Self, T, bool),
    ) -> Result<(), EvaluateError> {
        same_length(("scores", scores.len()), ("labels", labels.len()))?;
        let known = |label: &u8| matches!(*label, NORMAL | ANOMALOUS | IGNORE);
        if let Some(index) = labels.iter().position(|label| !known(label)) {
            let label = labels[index];
            return Err(EvaluateError::UnknownLabel { label, index });
        }
        for (&score, &label) in scores.iter().zip(labels) {
            if label != IGNORE {
                add(self, score, label == ANOMALOUS);
            }
        }
        Ok(())
    }

    /// Adds what another histogram counted.
    pub fn merge(&mut self, other: &Self) {
        self.counts.merge(&other.counts);
        self.non_finite += other.non_finite;
    }

    /// The figures so far.
    pub fn metrics(&self) -> BinaryMetrics {
        let areas = self.counts.areas();
        BinaryMetrics {
            auroc: areas.auroc,
            ap: areas.average_precision,
            fpr95: areas.fpr95,
            positives: self.counts.positives(),
            negatives: self.counts.negatives(),
            non_finite: self.non_finite,
        }
    }

    /// The highest threshold whose true-positive rate is at least `rate`; `None` without
    /// anomalous pixels or with a rate outside `0 ..= 1`.
    pub fn threshold_at_tpr(&self, rate: f64) -> Option<Threshold> {
        let positives = self.counts.positives();
        if positives == 0 || !(0.0..=1.0).contains(&rate) {
            return None;
        }
        if rate == 0.0 {
            return Some(self.threshold(None));
        }
        let reached = |tp: u64| tp as f64 / positives as f64 >= rate;
        let step = self
            .counts
            .descending()
            .find(|step| reached(step.true_positives))?;
        Some(self.threshold(Some(step)))
    }

    /// The lowest threshold whose false-positive rate is at most `rate`; `None` without normal
    /// pixels or with a rate outside `0 ..= 1`.
    pub fn threshold_at_fpr(&self, rate: f64) -> Option<Threshold> {
        let negatives = self.counts.negatives();
        if negatives == 0 || !(0.0..=1.0).contains(&rate) {
            return None;
        }
        let allowed = |fp: u64| fp as f64 / negatives as f64 <= rate;
        let step = self
            .counts
            .descending()
            .take_while(|step| allowed(step.false_positives))
            .last();
        Some(self.threshold(step))
    }

    /// What a threshold that was chosen elsewhere does here.
    pub fn rates_at(&self, threshold: f32) -> Threshold {
        let over = |bin: usize| bin as f64 / 65535.0 > f64::from(threshold);
        let steps = self.counts.descending();
        let last = steps.take_while(|step| over(step.bin)).last();
        Threshold {
            threshold,
            ..self.threshold(last)
        }
    }

    /// The threshold of the best F1 (harmonic mean of precision and recall of the pixels), the
    /// highest of several: the one that SegmentMeIfYouCan tunes on the set that it judges. `None`
    /// without anomalous pixels.
    pub fn threshold_at_best_f1(&self) -> Option<Threshold> {
        let positives = self.counts.positives();
        let mut best = None;
        for step in self.counts.descending() {
            let (tp, fp) = (step.true_positives, step.false_positives);
            // 2 tp / (2 tp + fp + fn)
            let f1 = 2.0 * tp as f64 / (tp + fp + positives) as f64;
            if best.is_none_or(|(highest, _)| f1 > highest) {
                best = Some((f1, step));
            }
        }
        let (_, step) = best.filter(|_| positives > 0)?;
        Some(self.threshold(Some(step)))
    }

    /// Under which everything down to that bin lies; 1 without a bin.
    fn threshold(&self, step: Option<Step>) -> Threshold {
        let (threshold, tp, fp) = step.map_or((1.0, 0, 0), |step| {
            let threshold = ((step.bin as f64 - 0.5) / 65535.0) as f32;
            (threshold, step.true_positives, step.false_positives)
        });
        let rate = |count: u64, of: u64| (of > 0).then(|| count as f64 / of as f64);
        Threshold {
            threshold,
            tpr: rate(tp, self.counts.positives()),
            fpr: rate(fp, self.counts.negatives()),
        }
    }
}
