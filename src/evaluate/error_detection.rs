use super::curve::Counts;
use super::error::same_length;
use super::{EvaluateError, bin_of};
use serde::Serialize;

/// Error detection in ObsNet's convention (arXiv 2108.01634): the positive is a **correctly
/// classified** pixel and the confidence is 1 - score. Not to be compared with
/// [`BinaryMetrics`](super::BinaryMetrics), whose positive is the anomalous pixel.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ErrorDetection {
    counts: Counts,
    non_finite: u64,
}

/// How well confidence tells correct pixels from wrong ones. A figure is `None` where a class
/// that it needs is absent.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct ErrorDetectionMetrics {
    /// Area under the ROC curve, `0 ..= 1`, ties count half. Needs both.
    pub auroc: Option<f64>,
    /// Area under the precision-recall curve of the correct pixels as average precision (step
    /// sum), `0 ..= 1`. Needs correct pixels.
    pub aupr: Option<f64>,
    /// Share of the wrong pixels that pass as correct, `0 ..= 1`, at the highest confidence
    /// threshold that at least 95 % of the correct ones pass. Needs both.
    pub fpr95: Option<f64>,
    /// Correctly classified pixels.
    pub correct: u64,
    /// Wrongly classified pixels.
    pub wrong: u64,
    /// Of both, the pixels whose score was NaN. They are evaluated as if it were 1.
    pub non_finite: u64,
}

impl ErrorDetection {
    /// No pixels yet.
    pub fn new() -> Self {
        Self::default()
    }

    /// Counts one pixel by its OOD score (not its confidence). Scores are clamped to `0 ..= 1`;
    /// NaN counts as 1.
    pub fn add(&mut self, score: f32, correct: bool) {
        self.non_finite += u64::from(score.is_nan());
        self.counts.add(u16::MAX - bin_of(score), correct);
    }

    /// Counts many pixels: OOD scores, predicted and true class ids. Pixels whose label is
    /// `ignore` are left out.
    ///
    /// # Errors
    /// [`EvaluateError::LengthMismatch`].
    pub fn add_slice(
        &mut self,
        scores: &[f32],
        predictions: &[u8],
        labels: &[u8],
        ignore: Option<u8>,
    ) -> Result<(), EvaluateError> {
        same_length(("scores", scores.len()), ("labels", labels.len()))?;
        same_length(("predictions", predictions.len()), ("labels", labels.len()))?;
        for ((&score, &prediction), &label) in scores.iter().zip(predictions).zip(labels) {
            if Some(label) != ignore {
                self.add(score, prediction == label);
            }
        }
        Ok(())
    }

    /// The figures so far.
    pub fn metrics(&self) -> ErrorDetectionMetrics {
        let areas = self.counts.areas();
        ErrorDetectionMetrics {
            auroc: areas.auroc,
            aupr: areas.average_precision,
            fpr95: areas.fpr95,
            correct: self.counts.positives(),
            wrong: self.counts.negatives(),
            non_finite: self.non_finite,
        }
    }
}
