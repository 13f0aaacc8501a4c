//! OOD scores: how unknown each pixel is, from the logits of the segmentation network or from a head
//! of the bundle, of which the observer is the first.
//!
//! Every score is mapped to `0 known ..= 1 unknown` by a fixed monotone function, so that score
//! maps of different frames compare, a threshold stays valid, and 16 bits keep the ranking. A
//! linear `1 - softmax` would tie all confident pixels; those scores are taken on a log scale
//! that ends at [`LOG_FLOOR`].
//!
//! | score       | source                                | map to 0 ..= 1                              |
//! |-------------|---------------------------------------|---------------------------------------------|
//! | a head's    | logit `z` of the head                 | `(z + 12) / 24`, so 0.5 is even odds        |
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
//! 2108.01634). A head that gives something else than logits comes here as logits
//! ([`Head::to_logits`](crate::model::Head::to_logits)).

mod error;
mod head_name;
mod kernels;
mod kind;
mod map;
mod planes;
pub mod resample;

pub use error::ScoreError;
pub use head_name::HeadName;
pub use kind::{ParseScoreKindError, ScoreKind};
pub use map::{ScoreMap, ScoreStats};
pub use planes::{NO_CLASS, Planes, argmax};

/// `-ln(1e-7)`: the log scales of softmax and entropy reach 0 where the probability left over (or
/// the relative entropy) is 1e-7.
pub const LOG_FLOOR: f32 = 16.118_095;

/// Scores every pixel with `kind` into `out`, which is resized to the logits' size and keeps its
/// buffer between calls.
///
/// `logits` are the segmentation network's, at least two channels. `head` is one plane of logits of
/// the same size, of the head whose score it is, and only read for [`ScoreKind::Head`].
///
/// # Errors
/// [`ScoreError::TooFewClasses`], [`ScoreError::HeadMissing`],
/// [`ScoreError::HeadChannels`] or [`ScoreError::SizeMismatch`]; `out` is untouched then.
pub fn score(
    kind: ScoreKind,
    logits: Planes<'_>,
    head: Option<Planes<'_>>,
    out: &mut ScoreMap,
) -> Result<ScoreStats, ScoreError> {
    if kind.needs_head() {
        let head = head.ok_or(ScoreError::HeadMissing)?;
        if head.channels() != 1 {
            return Err(ScoreError::HeadChannels {
                channels: head.channels(),
            });
        }
        head.expect_size(logits.width(), logits.height())?;
        out.resize(head.width(), head.height());
        kernels::head(head.data(), out.values_mut());
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
