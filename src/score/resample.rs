//! Bilinear resampling with half-pixel centres, as ONNX `Resize` with `half_pixel` and torch's
//! `interpolate(mode="bilinear", align_corners=False)` (no antialiasing), for offline commands
//! that write maps at the image's size.
//!
//! NaN spreads to every pixel that touches it: an unknown pixel never becomes known.

use super::planes::{take_larger, void_poisoned};
use super::{Planes, ScoreError, ScoreMap};

/// The most pixels a target may have.
pub const MAX_PIXELS: usize = 1 << 28;

/// Where one target row or column comes from.
#[derive(Clone, Copy, Debug)]
struct Tap {
    near: usize,
    far: usize,
    /// Weight of `far`, 0 ..= 1.
    weight: f32,
}

impl Tap {
    fn table(source: usize, target: usize) -> Vec<Self> {
        let scale = source as f64 / target as f64;
        let tap = |i: usize| {
            let position = ((i as f64 + 0.5) * scale - 0.5).max(0.0);
            let near = (position as usize).min(source - 1);
            let far = (near + 1).min(source - 1);
            Self {
                near,
                far,
                weight: (position - near as f64).min(1.0) as f32,
            }
        };
        (0..target).map(tap).collect()
    }
}

fn lerp(near: f32, far: f32, weight: f32) -> f32 {
    near + (far - near) * weight
}

/// Resamples maps of one size to another; its tables and row buffers are made once.
#[derive(Clone, Debug)]
pub struct Resampler {
    source: (usize, usize),
    target: (usize, usize),
    columns: Vec<Tap>,
    rows: Vec<Tap>,
    blended: Vec<f32>,
    stretched: Vec<f32>,
    best: Vec<f32>,
    poison: Vec<f32>,
}

impl Resampler {
    /// From `source` to `target`, both `(width, height)` in pixels.
    ///
    /// # Errors
    /// [`ScoreError::Empty`] when a size is zero, [`ScoreError::TooLarge`] over [`MAX_PIXELS`].
    pub fn new(source: (usize, usize), target: (usize, usize)) -> Result<Self, ScoreError> {
        for (width, height) in [source, target] {
            if width == 0 || height == 0 {
                return Err(ScoreError::Empty {
                    channels: 1,
                    width,
                    height,
                });
            }
            if width
                .checked_mul(height)
                .is_none_or(|pixels| pixels > MAX_PIXELS)
            {
                return Err(ScoreError::TooLarge {
                    width,
                    height,
                    limit: MAX_PIXELS,
                });
            }
        }
        Ok(Self {
            source,
            target,
            columns: Tap::table(source.0, target.0),
            rows: Tap::table(source.1, target.1),
            blended: vec![0.0; source.0],
            stretched: vec![0.0; target.0],
            best: vec![0.0; target.0],
            poison: vec![0.0; target.0],
        })
    }

    /// Width and height of what comes out, in pixels.
    pub fn target(&self) -> (usize, usize) {
        self.target
    }

    /// A score map at the target size.
    ///
    /// # Errors
    /// [`ScoreError::SizeMismatch`] when `map` has not the source size.
    pub fn scores(&mut self, map: &ScoreMap, out: &mut ScoreMap) -> Result<(), ScoreError> {
        let planes = Planes::new(1, map.height(), map.width(), map.values())?;
        planes.expect_size(self.source.0, self.source.1)?;
        out.resize(self.target.0, self.target.1);
        self.plane(planes.data(), out.values_mut());
        Ok(())
    }

    /// All planes at the target size, plane after plane. `out` holds
    /// `channels * target_height * target_width` values.
    ///
    /// # Errors
    /// [`ScoreError::SizeMismatch`] when `planes` has not the source size,
    /// [`ScoreError::OutputLength`] when `out` has another length.
    pub fn planes(&mut self, planes: Planes<'_>, out: &mut [f32]) -> Result<(), ScoreError> {
        planes.expect_size(self.source.0, self.source.1)?;
        let pixels = self.target.0 * self.target.1;
        let expected = pixels.saturating_mul(planes.channels());
        if out.len() != expected {
            return Err(ScoreError::OutputLength {
                len: out.len(),
                expected,
            });
        }
        for (plane, out) in planes.planes().zip(out.chunks_exact_mut(pixels)) {
            self.plane(plane, out);
        }
        Ok(())
    }

    /// The arg-max of the resampled logits, row by row, so that the full-size planes never exist.
    /// Equal logits give the lowest id, a logit that is not finite [`NO_CLASS`](super::NO_CLASS).
    ///
    /// # Errors
    /// As [`planes`](Self::planes), with one id a target pixel in `out`, and
    /// [`ScoreError::TooManyClasses`] over 255 classes.
    pub fn argmax(&mut self, logits: Planes<'_>, out: &mut [u8]) -> Result<(), ScoreError> {
        logits.expect_size(self.source.0, self.source.1)?;
        logits.expect_class_ids()?;
        let expected = self.target.0 * self.target.1;
        if out.len() != expected {
            return Err(ScoreError::OutputLength {
                len: out.len(),
                expected,
            });
        }
        let Self {
            rows,
            columns,
            blended,
            stretched,
            best,
            poison,
            ..
        } = self;
        for (row, classes) in rows.iter().zip(out.chunks_exact_mut(columns.len())) {
            best.fill(f32::NEG_INFINITY);
            poison.fill(0.0);
            classes.fill(0);
            for (class, plane) in logits.planes().enumerate() {
                row_of(plane, *row, columns, blended, stretched);
                take_larger(class as u8, stretched, best, poison, classes);
            }
            void_poisoned(poison, classes);
        }
        Ok(())
    }

    fn plane(&mut self, plane: &[f32], out: &mut [f32]) {
        for (row, out) in self
            .rows
            .iter()
            .zip(out.chunks_exact_mut(self.columns.len()))
        {
            row_of(plane, *row, &self.columns, &mut self.blended, out);
        }
    }
}

/// One target row: two source rows blended, then stretched.
fn row_of(plane: &[f32], row: Tap, columns: &[Tap], blended: &mut [f32], out: &mut [f32]) {
    let width = blended.len();
    let near = &plane[row.near * width..][..width];
    let far = &plane[row.far * width..][..width];
    for ((blended, &near), &far) in blended.iter_mut().zip(near).zip(far) {
        *blended = lerp(near, far, row.weight);
    }
    for (out, tap) in out.iter_mut().zip(columns) {
        *out = lerp(blended[tap.near], blended[tap.far], tap.weight);
    }
}
