use crate::score::ScoreMap;

/// The anomalous pixels of one frame: 255 anomalous, 0 not, row-major, at the score map's size.
/// The buffer is kept between frames.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct AnomalyMask {
    width: usize,
    height: usize,
    pixels: Vec<u8>,
}

/// What a threshold found.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, serde::Serialize)]
pub struct MaskStats {
    /// Anomalous pixels, those without a score among them.
    pub anomalous: usize,
    /// Pixels whose score is NaN. They count as anomalous.
    pub non_finite: usize,
}

impl AnomalyMask {
    /// Value of an anomalous pixel.
    pub const ANOMALOUS: u8 = 255;

    /// A mask of the given pixels, row-major, every value but 0 anomalous; `None` when `pixels`
    /// does not hold `width * height` of them.
    pub fn from_pixels(width: usize, height: usize, mut pixels: Vec<u8>) -> Option<Self> {
        if width.checked_mul(height) != Some(pixels.len()) {
            return None;
        }
        for pixel in &mut pixels {
            *pixel = if *pixel == 0 { 0 } else { Self::ANOMALOUS };
        }
        Some(Self {
            width,
            height,
            pixels,
        })
    }

    /// Becomes a copy of another mask, in its own buffer.
    pub fn copy_from(&mut self, other: &Self) {
        self.fill_from(other.width, other.height, &other.pixels);
    }

    /// Becomes a mask of these pixels, each 0 or 255, row-major; those of a size that they are not are
    /// nothing.
    pub(crate) fn fill_from(&mut self, width: usize, height: usize, pixels: &[u8]) {
        let fits = width.checked_mul(height) == Some(pixels.len());
        (self.width, self.height) = if fits { (width, height) } else { (0, 0) };
        self.pixels.clear();
        self.pixels
            .extend_from_slice(if fits { pixels } else { &[] });
    }

    /// Width in pixels.
    pub fn width(&self) -> usize {
        self.width
    }

    /// Height in pixels.
    pub fn height(&self) -> usize {
        self.height
    }

    /// The pixels, row-major, 0 or 255.
    pub fn pixels(&self) -> &[u8] {
        &self.pixels
    }
}

/// Marks every pixel whose score is greater than `threshold`. NaN, in the map or as the threshold,
/// is anomalous: what is not known is not clear. `out` takes the map's size and allocates only to
/// grow.
pub fn threshold(map: &ScoreMap, threshold: f32, out: &mut AnomalyMask) -> MaskStats {
    (out.width, out.height) = (map.width(), map.height());
    out.pixels.resize(map.values().len(), 0);
    let mut stats = MaskStats::default();
    for (scores, pixels) in map.values().chunks(128).zip(out.pixels.chunks_mut(128)) {
        let (mut anomalous, mut non_finite) = (0u8, 0u8);
        for (&score, pixel) in scores.iter().zip(pixels) {
            let known = score <= threshold;
            *pixel = if known { 0 } else { AnomalyMask::ANOMALOUS };
            anomalous += u8::from(!known);
            non_finite += u8::from(score.is_nan());
        }
        stats.anomalous += usize::from(anomalous);
        stats.non_finite += usize::from(non_finite);
    }
    stats
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_scores_over_the_threshold_or_nan_are_anomalous() {
        let cases: &[(f32, f32, bool)] = &[
            (0.5, 0.5, false),
            (0.500_001, 0.5, true),
            (0.0, 0.5, false),
            (1.0, 0.5, true),
            (1.0, 1.0, false),
            (0.0, -1e-6, true),
            (f32::NAN, 1.0, true),
            (0.0, f32::NAN, true),
        ];
        for &(score, limit, anomalous) in cases {
            let map = ScoreMap::from_values(1, 1, vec![score]).unwrap();
            let mut mask = AnomalyMask::default();
            let stats = threshold(&map, limit, &mut mask);
            assert_eq!(mask.pixels()[0] == 255, anomalous, "{score} over {limit}");
            assert_eq!(stats.anomalous, usize::from(anomalous));
            assert_eq!(stats.non_finite, usize::from(score.is_nan()));
        }
    }

    #[test]
    fn counts_hold_over_more_pixels_than_a_block() {
        let values = (0..1000).map(|i| if i % 4 == 0 { f32::NAN } else { (i % 2) as f32 });
        let map = ScoreMap::from_values(40, 25, values.collect()).unwrap();
        let mut mask = AnomalyMask::default();
        let stats = threshold(&map, 0.5, &mut mask);
        assert_eq!(
            stats,
            MaskStats {
                anomalous: 750,
                non_finite: 250
            }
        );
        assert_eq!(mask.pixels().iter().filter(|&&p| p == 255).count(), 750);
        assert_eq!((mask.width(), mask.height()), (40, 25));
    }

    #[test]
    fn a_mask_needs_as_many_pixels_as_its_size_says() {
        assert!(AnomalyMask::from_pixels(2, 2, vec![0; 3]).is_none());
        assert!(AnomalyMask::from_pixels(usize::MAX, 2, vec![0; 3]).is_none());
        assert_eq!(
            AnomalyMask::from_pixels(2, 1, vec![0, 7]).unwrap().pixels(),
            [0, 255]
        );
    }
}
