//! Metrics over whole data sets in bounded memory: histograms of scores and a confusion matrix.
//!
//! Two conventions, never mixed:
//! - **anomaly** ([`BinaryHistogram`]): positive = anomalous pixel, ignored pixels left out, pooled
//!   over the set, as SegmentMeIfYouCan and Fishyscapes do it.
//! - **error detection** ([`ErrorDetection`]): positive = correctly classified pixel, confidence =
//!   1 - score, as ObsNet does it (arXiv 2108.01634).
//!
//! Beside the pixels, what they make up is counted: things found ([`Things`]), components by sIoU
//! and PPV ([`Segments`]), and the known pixels flagged in each picture ([`Flagged`]).
//!
//! Scores are counted in [`BINS`] bins, the steps of the 16-bit score maps that `lookout score`
//! writes: scores that round to the same step are ties.

mod anomaly;
mod components;
mod confusion;
mod curve;
mod error;
mod error_detection;
mod flagged;
mod segments;
mod things;

pub use anomaly::{ANOMALOUS, BinaryHistogram, BinaryMetrics, IGNORE, NORMAL, Threshold};
pub use components::{Component, Components};
pub use confusion::{Confusion, SegmentationMetrics};
pub use error::EvaluateError;
pub use error_detection::{ErrorDetection, ErrorDetectionMetrics};
pub use flagged::{Flagged, FlaggedMetrics};
pub use segments::{SegmentMetrics, Segments};
pub use things::{Found, ThingClass, ThingMetrics, Things};

/// Bins of a histogram: one a step of a 16-bit score.
pub const BINS: usize = 1 << 16;

/// The bin of a score: `round(score * 65535)`, scores outside `0 ..= 1` clamped. NaN, which is
/// "unknown", falls into the last bin.
pub fn bin_of(score: f32) -> u16 {
    if score.is_nan() {
        u16::MAX
    } else {
        (score.clamp(0.0, 1.0) * 65535.0).round() as u16
    }
}

#[cfg(test)]
mod component_tests;
#[cfg(test)]
mod tests;
