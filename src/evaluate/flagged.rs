use super::error::same_length;
use super::{EvaluateError, NORMAL};
use serde::Serialize;

/// The share of each picture's known pixels that is in the anomaly mask; one number a picture is
/// kept.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Flagged {
    shares: Vec<f64>,
}

/// Figures of [`Flagged`], over the pictures that have known pixels.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct FlaggedMetrics {
    /// Mean of the pictures' shares, `0 ..= 1`.
    pub mean: Option<f64>,
    /// The smallest share that at least nine tenths of the pictures do not exceed, `0 ..= 1`.
    pub p90: Option<f64>,
    /// Pictures counted.
    pub pictures: u64,
}

impl Flagged {
    /// Counts one picture: its anomaly mask (every value but 0 is anomalous) and its labels.
    /// Returns its share; one without known pixels has none and is not counted.
    ///
    /// # Errors
    /// [`EvaluateError::LengthMismatch`].
    pub fn add(&mut self, mask: &[u8], labels: &[u8]) -> Result<Option<f64>, EvaluateError> {
        same_length(("mask pixels", mask.len()), ("labels", labels.len()))?;
        let (mut known, mut flagged) = (0u64, 0u64);
        for (&pixel, _) in mask.iter().zip(labels).filter(|(_, l)| **l == NORMAL) {
            known += 1;
            flagged += u64::from(pixel != 0);
        }
        let share = (known > 0).then(|| flagged as f64 / known as f64);
        self.shares.extend(share);
        Ok(share)
    }

    /// The figures so far.
    pub fn metrics(&self) -> FlaggedMetrics {
        let mut shares = self.shares.clone();
        shares.sort_unstable_by(f64::total_cmp);
        let count = shares.len();
        FlaggedMetrics {
            mean: (count > 0).then(|| shares.iter().sum::<f64>() / count as f64),
            p90: (9 * count).div_ceil(10).checked_sub(1).map(|at| shares[at]),
            pictures: count as u64,
        }
    }
}
