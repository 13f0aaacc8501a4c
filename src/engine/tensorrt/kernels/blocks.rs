//! What the blocks of a launch found, added up.

use crate::decide::MaskStats;
use crate::score::ScoreStats;

/// What one block of [`JUDGE`](super::JUDGE) found among its pixels.
#[repr(C)]
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct BlockCounts {
    /// Anomalous pixels, those without a score among them.
    pub anomalous: u32,
    /// Pixels whose score is NaN.
    pub non_finite: u32,
    /// Smallest finite score; infinity when there is none.
    pub min: f32,
    /// Largest finite score; minus infinity when there is none.
    pub max: f32,
    /// Sum of the finite scores.
    pub sum: f32,
}

const _: () = assert!(size_of::<BlockCounts>() == 20 && align_of::<BlockCounts>() == 4);

impl BlockCounts {
    /// Bytes of one in device memory.
    pub const BYTES: usize = 20;

    /// Reads them as they were copied from the device; an incomplete last one is left out.
    pub fn from_bytes(bytes: &[u8]) -> impl Iterator<Item = Self> {
        bytes.as_chunks::<{ Self::BYTES }>().0.iter().map(|bytes| {
            let word = |at: usize| {
                u32::from_ne_bytes([bytes[at], bytes[at + 1], bytes[at + 2], bytes[at + 3]])
            };
            Self {
                anomalous: word(0),
                non_finite: word(4),
                min: f32::from_bits(word(8)),
                max: f32::from_bits(word(12)),
                sum: f32::from_bits(word(16)),
            }
        })
    }
}

/// The figures of a whole frame of `pixels` pixels: those of
/// [`ScoreMap::stats`](crate::score::ScoreMap::stats) and [`threshold`](crate::decide::threshold()).
/// All but the mean are equal to theirs; the mean is summed in another order.
pub fn fold(
    blocks: impl IntoIterator<Item = BlockCounts>,
    pixels: usize,
) -> (ScoreStats, MaskStats) {
    let mut mask = MaskStats::default();
    let (mut min, mut max, mut sum) = (f32::INFINITY, f32::NEG_INFINITY, 0.0);
    for block in blocks {
        mask.anomalous += block.anomalous as usize;
        mask.non_finite += block.non_finite as usize;
        min = if block.min < min { block.min } else { min };
        max = if block.max > max { block.max } else { max };
        sum += f64::from(block.sum);
    }
    let finite = pixels.saturating_sub(mask.non_finite);
    let of_finite = |value: f32| if finite == 0 { f32::NAN } else { value };
    let score = ScoreStats {
        non_finite: mask.non_finite,
        min: of_finite(min),
        max: of_finite(max),
        mean: of_finite((sum / finite as f64) as f32),
    };
    (score, mask)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn block(anomalous: u32, non_finite: u32, [min, max, sum]: [f32; 3]) -> BlockCounts {
        BlockCounts {
            anomalous,
            non_finite,
            min,
            max,
            sum,
        }
    }

    #[test]
    fn counts_add_up_and_the_mean_is_of_the_finite() {
        let nothing = [f32::INFINITY, f32::NEG_INFINITY, 0.0];
        let blocks = [
            block(2, 1, [0.25, 0.75, 1.0]),
            block(4, 4, nothing),
            block(0, 0, [0.5, 0.5, 2.0]),
        ];
        let (score, mask) = fold(blocks, 12);
        assert_eq!((mask.anomalous, mask.non_finite), (6, 5));
        assert_eq!((score.non_finite, score.min, score.max), (5, 0.25, 0.75));
        assert_eq!(score.mean, 3.0 / 7.0);

        let (score, mask) = fold([block(4, 4, nothing)], 4);
        assert_eq!((score.non_finite, mask.anomalous), (4, 4));
        assert!(score.min.is_nan() && score.max.is_nan() && score.mean.is_nan());
    }

    #[test]
    fn bytes_are_read_field_by_field() {
        let words = [7, 3, 0.25f32.to_bits(), 0.5f32.to_bits(), 9.5f32.to_bits()];
        let mut bytes: Vec<u8> = words.into_iter().flat_map(u32::to_ne_bytes).collect();
        bytes.extend_from_within(..);
        bytes.push(1);
        let one = block(7, 3, [0.25, 0.5, 9.5]);
        assert!(BlockCounts::from_bytes(&bytes).eq([one, one]));
    }
}
