use super::ScoreError;
use serde::Serialize;

/// OOD scores of one frame at the network's output resolution, row-major, `0 known ..= 1
/// unknown`; NaN where the network's output was not finite.
///
/// The buffer is kept between frames: [`resize`](Self::resize) allocates only to grow.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct ScoreMap {
    width: usize,
    height: usize,
    values: Vec<f32>,
}

/// What a score map holds, in numbers.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize)]
pub struct ScoreStats {
    /// Pixels whose score is NaN because a logit was NaN or infinite. Anything but 0 is a fault.
    pub non_finite: usize,
    /// Smallest finite score; NaN when there is none.
    pub min: f32,
    /// Largest finite score; NaN when there is none.
    pub max: f32,
    /// Mean of the finite scores; NaN when there is none.
    pub mean: f32,
}

impl ScoreMap {
    /// A map of zeros.
    pub fn new(width: usize, height: usize) -> Self {
        let mut map = Self::default();
        map.resize(width, height);
        map
    }

    /// A map of the given scores, row-major.
    ///
    /// # Errors
    /// [`ScoreError::Length`] when `values` does not hold `width * height` scores.
    pub fn from_values(width: usize, height: usize, values: Vec<f32>) -> Result<Self, ScoreError> {
        if width.checked_mul(height) != Some(values.len()) {
            return Err(ScoreError::Length {
                channels: 1,
                width,
                height,
                len: values.len(),
            });
        }
        Ok(Self {
            width,
            height,
            values,
        })
    }

    /// Changes the size; what the values are afterwards is not specified. A size whose product
    /// overflows gives an empty map.
    pub fn resize(&mut self, width: usize, height: usize) {
        let (width, height, len) = match width.checked_mul(height) {
            Some(len) => (width, height, len),
            None => (0, 0, 0),
        };
        (self.width, self.height) = (width, height);
        self.values.resize(len, 0.0);
    }

    /// Becomes a copy of another map, in its own buffer.
    pub fn copy_from(&mut self, other: &Self) {
        (self.width, self.height) = (other.width, other.height);
        self.values.clear();
        self.values.extend_from_slice(&other.values);
    }

    /// Width in pixels.
    pub fn width(&self) -> usize {
        self.width
    }

    /// Height in pixels.
    pub fn height(&self) -> usize {
        self.height
    }

    /// The scores, row-major.
    pub fn values(&self) -> &[f32] {
        &self.values
    }

    /// The scores, row-major.
    pub fn values_mut(&mut self) -> &mut [f32] {
        &mut self.values
    }

    /// Counts, range and mean.
    pub fn stats(&self) -> ScoreStats {
        let (mut min, mut max, mut sum, mut finite) = (f32::INFINITY, f32::NEG_INFINITY, 0.0, 0);
        // Short rows summed in f32, rows in f64: fast, and exact enough for any size.
        for row in self.values.chunks(64) {
            let mut row_sum = 0.0f32;
            for &value in row {
                let ok = value.is_finite();
                finite += usize::from(ok);
                row_sum += if ok { value } else { 0.0 };
                min = if ok && value < min { value } else { min };
                max = if ok && value > max { value } else { max };
            }
            sum += f64::from(row_sum);
        }
        let non_finite = self.values.len() - finite;
        if finite == 0 {
            return ScoreStats {
                non_finite,
                min: f32::NAN,
                max: f32::NAN,
                mean: f32::NAN,
            };
        }
        ScoreStats {
            non_finite,
            min,
            max,
            mean: (sum / finite as f64) as f32,
        }
    }
}
