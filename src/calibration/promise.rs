//! What a rate of false stops costs: how many blocks of clean driving carry it, and which level.
//!
//! Frames depend on each other, blocks of time that are long against what is in view hardly do. A false
//! stop in a block needs its largest evidence to reach the level; so the level is an order statistic of
//! those maxima, and how often a new block reaches it is bounded like a share of coloured balls
//! (Clopper and Pearson, 1934).

use serde::{Deserialize, Serialize};
use thiserror::Error;

/// At most one false stop in so many hours, with that confidence.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Promise {
    /// Hours of driving for one false stop: over 0.
    pub hours: f64,
    /// How sure that is: 0.5 ..= 0.9999.
    pub confidence: f64,
    /// Length of a block in seconds: over 0, at most a quarter of the hours.
    pub block_s: f64,
}

/// A promise that cannot be.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum PromiseError {
    /// The hours are no time.
    #[error("the hours of the promise are not over 0 and up to a million")]
    Hours,
    /// The confidence is out of its range.
    #[error("the confidence of the promise is not in 0.5 ..= 0.9999")]
    Confidence,
    /// The blocks are too long for the hours, or no time.
    #[error("the blocks of the promise are not over 0 s and up to a quarter of its hours")]
    Block,
}

/// Recordings that are too short for a promise.
#[derive(Clone, Copy, Debug, PartialEq, Error)]
#[error(
    "the recordings are too short for the promise: {blocks} blocks of {block_s} s are there to set the \
     level with, {needed} are needed, so {missing_minutes} min more of recordings are (half of every \
     recording goes into the table of clean frames; what is shorter than a block, is a fault, or stands, does not \
     count); or promise less"
)]
pub struct TooFewBlocks {
    /// Blocks that are there.
    pub blocks: usize,
    /// Blocks that are needed.
    pub needed: usize,
    /// Length of a block, in seconds.
    pub block_s: f64,
    /// Minutes of recordings that are missing, rounded up.
    pub missing_minutes: u64,
}

impl Promise {
    /// Checks every range.
    ///
    /// # Errors
    /// The first value that cannot be.
    pub fn validate(&self) -> Result<(), PromiseError> {
        if !(self.hours > 0.0 && self.hours <= 1e6) {
            return Err(PromiseError::Hours);
        }
        if !(0.5..=0.9999).contains(&self.confidence) {
            return Err(PromiseError::Confidence);
        }
        if !(self.block_s > 0.0 && self.block_s <= self.hours * 900.0) {
            return Err(PromiseError::Block);
        }
        Ok(())
    }

    /// Share of blocks that may hold a false stop.
    pub fn share(&self) -> f64 {
        self.block_s / (self.hours * 3600.0)
    }

    /// The level for it, from the largest evidence in each block of clean driving: the least that keeps
    /// the promise with its confidence.
    ///
    /// # Errors
    /// The blocks are too few for any level.
    pub fn level(&self, maxima: &[f32]) -> Result<f32, TooFewBlocks> {
        let mut sorted = maxima.to_vec();
        sorted.sort_unstable_by(|a, b| b.total_cmp(a));
        match self.may_reach(sorted.len()) {
            // so many of the blocks reach it, and no more
            Some(reach) => Ok(sorted.get(reach).map_or(0.0, |next| next.next_up())),
            None => Err(self.too_few(sorted.len())),
        }
    }

    /// How many of so many blocks may reach the level: the most for which a larger share than allowed is
    /// refuted with the confidence.
    fn may_reach(&self, blocks: usize) -> Option<usize> {
        let refuted = |reach: usize| at_most(reach, blocks, self.share()) <= 1.0 - self.confidence;
        // it grows with what reaches it
        (0..blocks).take_while(|reach| refuted(*reach)).last()
    }

    /// Whether so many blocks carry it.
    ///
    /// # Errors
    /// They are too few for any level.
    pub fn check(&self, blocks: usize) -> Result<(), TooFewBlocks> {
        match blocks >= self.needed() {
            true => Ok(()),
            false => Err(self.too_few(blocks)),
        }
    }

    /// The least number of blocks that carry it.
    pub(super) fn needed(&self) -> usize {
        ((1.0 - self.confidence).ln() / (-self.share()).ln_1p()).ceil() as usize
    }

    fn too_few(&self, blocks: usize) -> TooFewBlocks {
        let needed = self.needed();
        // every second block is in the table of clean frames
        let missing = 2.0 * needed.saturating_sub(blocks) as f64;
        TooFewBlocks {
            blocks,
            needed,
            block_s: self.block_s,
            missing_minutes: (missing * self.block_s / 60.0 - 1e-9).ceil() as u64,
        }
    }
}

/// Probability that of `n` independent blocks, each with probability `p`, at most `k` reach the level.
fn at_most(k: usize, n: usize, p: f64) -> f64 {
    // terms by their ratios, in logarithms: n may be large
    let (log_odds, n) = (p.ln() - (-p).ln_1p(), n as f64);
    let mut log_term = n * (-p).ln_1p();
    let mut sum = log_term.exp();
    for i in 1..=k {
        let i = i as f64;
        log_term += ((n - i + 1.0) / i).ln() + log_odds;
        sum += log_term.exp();
    }
    sum.min(1.0)
}

#[cfg(test)]
mod tests {
    use rand::seq::SliceRandom;
    use rand::{RngExt, SeedableRng};

    use super::*;

    const PROMISE: Promise = Promise {
        hours: 0.25,
        confidence: 0.9,
        block_s: 10.0,
    };

    #[test]
    fn the_binomial_is_that_of_tables() {
        // of 10 with 0.5: 1, 11, 56 of 1024; of 300 with 0.01: e^-3 and a little less
        assert!((at_most(0, 10, 0.5) - 1.0 / 1024.0).abs() < 1e-12);
        assert!((at_most(2, 10, 0.5) - 56.0 / 1024.0).abs() < 1e-12);
        assert!((at_most(0, 300, 0.01) - 0.99f64.powi(300)).abs() < 1e-12);
        assert!((at_most(10, 10, 0.3) - 1.0).abs() < 1e-12);
        // no underflow where the sum is what counts
        assert!((at_most(1000, 100_000, 0.01) - 0.5).abs() < 0.02);
    }

    #[test]
    fn a_promise_that_the_blocks_cannot_carry_is_refused_with_what_is_missing() {
        // ln 0.1 / ln (1 - 1/90): 207 blocks without any at the level
        let maxima = vec![1.0; 206];
        let error = PROMISE.level(&maxima).unwrap_err();
        assert_eq!((error.blocks, error.needed), (206, 207));
        // 20 s
        assert_eq!(error.missing_minutes, 1);
        assert!(error.to_string().contains("1 min more"), "{error}");
        // 2 * 30 blocks of 10 s are enough, and said to be
        assert_eq!(PROMISE.check(177).unwrap_err().missing_minutes, 10);
        assert_eq!(PROMISE.check(176).unwrap_err().missing_minutes, 11);
        assert_eq!(PROMISE.check(207), Ok(()));
        assert!(error.to_string().contains("207 are needed"), "{error}");
        let level = PROMISE.level(&vec![1.0; 207]).unwrap();
        assert!(
            level > 1.0 && level < 1.000_001,
            "over every block: {level}"
        );
    }

    #[test]
    fn more_blocks_allow_some_of_them_to_reach_the_level() {
        let maxima: Vec<f32> = (0..2000).map(|i| i as f32).collect();
        let level = PROMISE.level(&maxima).unwrap();
        let reach = maxima.iter().filter(|m| **m >= level).count();
        // 22 are expected at the promised rate
        assert!((10..=17).contains(&reach), "{reach}");
    }

    #[test]
    fn what_is_no_promise_is_refused() {
        assert_eq!(PROMISE.validate(), Ok(()));
        for (promise, error) in [
            (
                Promise {
                    hours: 0.0,
                    ..PROMISE
                },
                PromiseError::Hours,
            ),
            (
                Promise {
                    hours: f64::NAN,
                    ..PROMISE
                },
                PromiseError::Hours,
            ),
            (
                Promise {
                    confidence: 0.49,
                    ..PROMISE
                },
                PromiseError::Confidence,
            ),
            (
                Promise {
                    confidence: 1.0,
                    ..PROMISE
                },
                PromiseError::Confidence,
            ),
            (
                Promise {
                    block_s: 0.0,
                    ..PROMISE
                },
                PromiseError::Block,
            ),
            (
                Promise {
                    block_s: 226.0,
                    ..PROMISE
                },
                PromiseError::Block,
            ),
        ] {
            assert_eq!(promise.validate(), Err(error));
        }
    }

    /// Of 1,000 random splits of clean blocks into some to calibrate with and the rest, how many keep the
    /// promised rate in the rest, where what drives there has `shift` more evidence.
    fn kept(shift: f32) -> f64 {
        let mut rng = rand_pcg::Pcg64::seed_from_u64(5);
        // clean blocks: most have little, a few have much, as the maxima of a CUSUM are
        let mut blocks: Vec<f32> = (0..40_000)
            .map(|_| -3.0 * f32::ln(1.0 - rng.random_range(0.0f32..1.0)))
            .collect();
        let splits = 1000;
        let kept = (0..splits)
            .filter(|_| {
                let (some, rest) = blocks.partial_shuffle(&mut rng, 600);
                let level = PROMISE.level(some).unwrap();
                let stops = rest.iter().filter(|m| **m + shift >= level).count();
                stops as f64 <= PROMISE.share() * rest.len() as f64
            })
            .count();
        kept as f64 / f64::from(splits)
    }

    #[test]
    fn over_a_thousand_splits_the_promise_is_kept_as_often_as_it_says() {
        let kept = kept(0.0);
        // three standard deviations of a thousand splits
        assert!(kept >= PROMISE.confidence - 0.03, "{kept}");
        assert!(
            kept < 0.999,
            "a promise that is always kept costs too much: {kept}"
        );
    }

    #[test]
    fn scores_that_are_shifted_by_a_quantile_break_the_promise() {
        // from the 99th to the 97th percent of those blocks
        assert!(kept(3.3) < 0.5, "{}", kept(3.3));
    }
}
