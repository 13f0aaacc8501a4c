//! OOD scores: how unknown each pixel is, from the logits of the segmentation network or from the
//! observer.
//!
//! Every score is mapped to `0 known ..= 1 unknown` by a fixed monotone function, so that score
//! maps of different frames compare, a threshold stays valid, and 16 bits keep the ranking. A
//! linear `1 - softmax` would tie all confident pixels; those scores are taken on a log scale
//! that ends at [`LOG_FLOOR`].
//!
//! | score       | source                                | map to 0 ..= 1                              |
//! |-------------|---------------------------------------|---------------------------------------------|
//! | `observer`  | logit `z` of the observer             | `(z + 12) / 24`, so 0.5 is even odds        |
//! | `softmax`   | largest class probability `p`         | `1 + ln(1 - p) / 16.118`                    |
//! | `max-logit` | largest logit `m`                     | `(40 - m) / 80`                             |
//! | `entropy`   | entropy `H` over `C` classes, in nats | `1 + ln(H / ln C) / 16.118`                 |
//! | `energy`    | `logsumexp` `e` of the logits         | `(40 - e) / 80`                             |
//!
//! All are clamped to `0 ..= 1`. A pixel with a NaN or infinite logit gets NaN, never "known",
//! and is counted in [`ScoreStats::non_finite`].
//!
//! Sources: softmax (Hendrycks and Gimpel, arXiv 1610.02136), max-logit (Hendrycks et al., arXiv
//! 1911.11132), energy (Liu et al., arXiv 2010.03759), observer (Besnier et al., arXiv
//! 2108.01634).

mod error;
mod kernels;
mod kind;
mod map;
mod planes;
pub mod resample;

pub use error::ScoreError;
pub use kind::{ParseScoreKindError, ScoreKind};
pub use map::{ScoreMap, ScoreStats};
pub use planes::{NO_CLASS, Planes, argmax};

/// `-ln(1e-7)`: the log scales of softmax and entropy reach 0 where the probability left over (or
/// the relative entropy) is 1e-7.
pub const LOG_FLOOR: f32 = 16.118_095;

/// Scores every pixel with `kind` into `out`, which is resized to the logits' size and keeps its
/// buffer between calls.
///
/// `logits` are the segmentation network's, at least two channels. `observer` is one plane of
/// logits of the same size and only read for [`ScoreKind::Observer`].
///
/// # Errors
/// [`ScoreError::TooFewClasses`], [`ScoreError::ObserverMissing`],
/// [`ScoreError::ObserverChannels`] or [`ScoreError::SizeMismatch`]; `out` is untouched then.
pub fn score(
    kind: ScoreKind,
    logits: Planes<'_>,
    observer: Option<Planes<'_>>,
    out: &mut ScoreMap,
) -> Result<ScoreStats, ScoreError> {
    if kind == ScoreKind::Observer {
        let observer = observer.ok_or(ScoreError::ObserverMissing)?;
        if observer.channels() != 1 {
            return Err(ScoreError::ObserverChannels {
                channels: observer.channels(),
            });
        }
        observer.expect_size(logits.width(), logits.height())?;
        out.resize(observer.width(), observer.height());
        kernels::observer(observer.data(), out.values_mut());
    } else {
        if logits.channels() < 2 {
            return Err(ScoreError::TooFewClasses {
                channels: logits.channels(),
            });
        }
        out.resize(logits.width(), logits.height());
        kernels::of_logits(kind, logits, out.values_mut());
    }
    Ok(out.stats())
}

#[cfg(test)]
mod tests;
