//! The loops over pixels: blocks of [`BLOCK`] pixels go through all planes, so that the running
//! values of a block stay in the first-level cache and every inner loop is one that compilers
//! turn into vector instructions.

use super::{LOG_FLOOR, Planes, ScoreKind};

/// Pixels a block: five f32 arrays of this length are 2.5 KiB.
const BLOCK: usize = 128;

/// `e^-87` is the smallest power that is still a normal f32.
const MIN_EXPONENT: f32 = -87.0;

/// A head's logit, even odds at 0.5. NaN and infinities give NaN.
pub(super) fn head(logits: &[f32], out: &mut [f32]) {
    for (out, &z) in out.iter_mut().zip(logits) {
        *out = ((z + 12.0) / 24.0).clamp(0.0, 1.0) + z * 0.0;
    }
}

/// What the running loop over the classes gathers for each pixel of a block.
struct Block {
    /// Largest logit.
    max: [f32; BLOCK],
    /// Its class.
    arg: [u32; BLOCK],
    /// 0, or NaN when a logit was not finite.
    poison: [f32; BLOCK],
    /// Sum of `e^(v - max)` over the other classes: summed apart from the largest class's 1, or
    /// everything under 6e-8 would be lost.
    others: [f32; BLOCK],
    /// Sum of `(max - v) * e^(v - max)`.
    spread: [f32; BLOCK],
}

/// Every score that reads the segmentation network's logits. `out` holds one plane.
pub(super) fn of_logits(kind: ScoreKind, logits: Planes<'_>, out: &mut [f32]) {
    let ln_classes = (logits.channels() as f32).ln();
    let mut block = Block {
        max: [0.0; BLOCK],
        arg: [0; BLOCK],
        poison: [0.0; BLOCK],
        others: [0.0; BLOCK],
        spread: [0.0; BLOCK],
    };
    for (index, out) in out.chunks_mut(BLOCK).enumerate() {
        let start = index * BLOCK;
        block.find_max(logits, start, out.len());
        if kind != ScoreKind::MaxLogit {
            block.sum_exponentials(logits, start, out.len());
        }
        for (i, out) in out.iter_mut().enumerate() {
            let score = match kind {
                // `score` sends heads elsewhere; were one to come here, it would be unknown.
                ScoreKind::Head(_) => f32::NAN,
                ScoreKind::MaxLogit => (40.0 - block.max[i]) / 80.0,
                ScoreKind::Energy => (40.0 - (block.max[i] + block.others[i].ln_1p())) / 80.0,
                ScoreKind::Softmax => {
                    1.0 + (block.others[i] / (1.0 + block.others[i])).ln() / LOG_FLOOR
                }
                ScoreKind::Entropy => {
                    let entropy =
                        block.others[i].ln_1p() + block.spread[i] / (1.0 + block.others[i]);
                    1.0 + (entropy / ln_classes).ln() / LOG_FLOOR
                }
            };
            *out = score.clamp(0.0, 1.0) + block.poison[i];
        }
    }
}

impl Block {
    fn find_max(&mut self, logits: Planes<'_>, start: usize, len: usize) {
        self.max.fill(f32::NEG_INFINITY);
        self.arg.fill(0);
        self.poison.fill(0.0);
        for (class, plane) in logits.planes().enumerate() {
            let values = &plane[start..start + len];
            let rest = self.max.iter_mut().zip(&mut self.arg).zip(&mut self.poison);
            for (&value, ((max, arg), poison)) in values.iter().zip(rest) {
                let larger = value > *max;
                *max = if larger { value } else { *max };
                *arg = if larger { class as u32 } else { *arg };
                *poison += value * 0.0;
            }
        }
    }

    fn sum_exponentials(&mut self, logits: Planes<'_>, start: usize, len: usize) {
        self.others.fill(0.0);
        self.spread.fill(0.0);
        for (class, plane) in logits.planes().enumerate() {
            let values = &plane[start..start + len];
            let sums = self.others.iter_mut().zip(&mut self.spread);
            let best = self.max.iter().zip(&self.arg);
            for ((&value, (&max, &arg)), (others, spread)) in values.iter().zip(best).zip(sums) {
                let below = value - max;
                let below = if below > MIN_EXPONENT {
                    below
                } else {
                    MIN_EXPONENT
                };
                let power = if arg == class as u32 {
                    0.0
                } else {
                    exp_non_positive(below)
                };
                *others += power;
                *spread -= below * power;
            }
        }
    }
}

/// `e^x` for `x` in `-87 ..= 0` within 2 units in the last place, without a call, so that the
/// loop around it becomes vector code and gives the same bits on every machine.
///
/// Range reduction after Cody and Waite (`x = n ln 2 + r`, `|r| <= ln 2 / 2`), then the Taylor
/// polynomial of `e^r` to degree 7 (error under 4e-9), then `2^n` put into the exponent bits.
#[inline]
fn exp_non_positive(x: f32) -> f32 {
    /// 1.5 * 2^23: adding it rounds to an integer that then sits in the low mantissa bits.
    const ROUND: f32 = 12_582_912.0;
    const LN2_HIGH: f32 = 0.693_359_4;
    const LN2_LOW: f32 = -2.121_944_4e-4;
    let shifted = x * std::f32::consts::LOG2_E + ROUND;
    let n = shifted - ROUND;
    let r = (x - n * LN2_HIGH) - n * LN2_LOW;
    let mut p = 1.0 / 5040.0;
    for coefficient in [
        1.0 / 720.0,
        1.0 / 120.0,
        1.0 / 24.0,
        1.0 / 6.0,
        0.5,
        1.0,
        1.0,
    ] {
        p = p * r + coefficient;
    }
    let power_of_two = f32::from_bits((shifted.to_bits() << 23).wrapping_add(127 << 23));
    p * power_of_two
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn exponential_agrees_with_double_precision() {
        let mut worst = 0.0f64;
        for step in 0..=87_000 {
            let x = -(step as f32) / 1000.0;
            let exact = f64::from(x).exp();
            worst = worst.max((f64::from(exp_non_positive(x)) / exact - 1.0).abs());
        }
        assert!(worst < 2.4e-7, "relative error {worst:e}");
    }
}
