use super::ScoreError;

/// The class id of a pixel whose logits were not all finite.
pub const NO_CLASS: u8 = 255;

/// Planar `channels x height x width` values of one frame (batch 1), row-major in each plane:
/// the logits of the segmentation network, or the one plane of a head.
#[derive(Clone, Copy, Debug)]
pub struct Planes<'a> {
    channels: usize,
    height: usize,
    width: usize,
    data: &'a [f32],
}

impl<'a> Planes<'a> {
    /// Views `data` as planes.
    ///
    /// # Errors
    /// [`ScoreError::Empty`] when a size is zero, [`ScoreError::Length`] when `data` holds
    /// another number of values than the sizes promise.
    pub fn new(
        channels: usize,
        height: usize,
        width: usize,
        data: &'a [f32],
    ) -> Result<Self, ScoreError> {
        if channels == 0 || height == 0 || width == 0 {
            return Err(ScoreError::Empty {
                channels,
                width,
                height,
            });
        }
        let len = height
            .checked_mul(width)
            .and_then(|plane| plane.checked_mul(channels));
        if len != Some(data.len()) {
            return Err(ScoreError::Length {
                channels,
                width,
                height,
                len: data.len(),
            });
        }
        Ok(Self {
            channels,
            height,
            width,
            data,
        })
    }

    /// Number of planes, at least 1.
    pub fn channels(self) -> usize {
        self.channels
    }

    /// Height in pixels, at least 1.
    pub fn height(self) -> usize {
        self.height
    }

    /// Width in pixels, at least 1.
    pub fn width(self) -> usize {
        self.width
    }

    /// All values, plane after plane.
    pub fn data(self) -> &'a [f32] {
        self.data
    }

    /// The planes in order, `height * width` values each.
    pub fn planes(self) -> std::slice::ChunksExact<'a, f32> {
        self.data.chunks_exact(self.height * self.width)
    }

    pub(crate) fn expect_size(self, width: usize, height: usize) -> Result<(), ScoreError> {
        if (self.width, self.height) == (width, height) {
            return Ok(());
        }
        Err(ScoreError::SizeMismatch {
            width: self.width,
            height: self.height,
            expected_width: width,
            expected_height: height,
        })
    }

    pub(crate) fn expect_class_ids(self) -> Result<(), ScoreError> {
        if self.channels > usize::from(NO_CLASS) {
            return Err(ScoreError::TooManyClasses {
                channels: self.channels,
            });
        }
        Ok(())
    }
}

/// The class with the largest logit of each pixel, the lowest id among equals, [`NO_CLASS`] where
/// a logit is not finite.
///
/// # Errors
/// [`ScoreError::TooManyClasses`] over 255 classes, [`ScoreError::OutputLength`] when `out` does
/// not hold `width * height` ids.
pub fn argmax(logits: Planes<'_>, out: &mut [u8]) -> Result<(), ScoreError> {
    logits.expect_class_ids()?;
    let expected = logits.width * logits.height;
    if out.len() != expected {
        return Err(ScoreError::OutputLength {
            len: out.len(),
            expected,
        });
    }
    const BLOCK: usize = 256;
    for (index, classes) in out.chunks_mut(BLOCK).enumerate() {
        let start = index * BLOCK;
        let mut best = [f32::NEG_INFINITY; BLOCK];
        let mut poison = [0.0f32; BLOCK];
        classes.fill(0);
        for (class, plane) in logits.planes().enumerate() {
            let values = &plane[start..start + classes.len()];
            take_larger(class as u8, values, &mut best, &mut poison, classes);
        }
        void_poisoned(&poison, classes);
    }
    Ok(())
}

/// One channel's turn in a running arg-max: larger values take the pixel. `poison` becomes NaN
/// where a value is not finite (`x * 0` is 0 for every finite `x`).
pub(crate) fn take_larger(
    class: u8,
    values: &[f32],
    best: &mut [f32],
    poison: &mut [f32],
    classes: &mut [u8],
) {
    for (((&value, best), poison), id) in values.iter().zip(best).zip(poison).zip(classes) {
        let larger = value > *best;
        *best = if larger { value } else { *best };
        *id = if larger { class } else { *id };
        *poison += value * 0.0;
    }
}

/// Marks the pixels that [`take_larger`] poisoned.
pub(crate) fn void_poisoned(poison: &[f32], classes: &mut [u8]) {
    for (&poison, id) in poison.iter().zip(classes) {
        *id = if poison.is_nan() { NO_CLASS } else { *id };
    }
}
