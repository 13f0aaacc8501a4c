//! From packed RGB8 to the normalised planes that the networks read.

use fast_image_resize::images::{Image, ImageRef};
use fast_image_resize::{FilterType, PixelType, ResizeAlg, ResizeOptions, Resizer};

use super::{EngineError, Resolution};
use crate::frame::Frame;
use crate::model::Input;

/// Widest input in pixels: bounds memory for frames that are long and thin.
const MAX_WIDTH: u32 = 2048;
const STEP: u32 = 32;

/// Input width and height for a frame: the bundle's rows at that resolution, and as many columns
/// as keep the frame's shape, to the nearest multiple of 32.
///
/// # Errors
/// An empty frame, or one whose shape needs more than 2048 columns.
pub fn input_size(
    input: &Input,
    resolution: Resolution,
    width: u32,
    height: u32,
) -> Result<(u32, u32), EngineError> {
    if width == 0 || height == 0 {
        return Err(EngineError::EmptyFrame);
    }
    let rows = match resolution {
        Resolution::Full => *input.full_height.get_ref(),
        Resolution::Reduced => *input.reduced_height.get_ref(),
    };
    let exact = u64::from(width) * u64::from(rows);
    let unit = u64::from(height) * u64::from(STEP);
    let columns = ((exact + unit / 2) / unit).max(1) * u64::from(STEP);
    match u32::try_from(columns) {
        Ok(columns) if columns <= MAX_WIDTH => Ok((columns, rows)),
        _ => Err(EngineError::FrameShape {
            width,
            height,
            input: columns,
            max: MAX_WIDTH,
        }),
    }
}

/// Resizes (bilinear, with the filter widened when shrinking) and normalises. Buffers are made at
/// the first frame of a size and kept for two sizes, so that changing between the resolutions makes
/// none.
pub struct Preprocessor {
    /// value * scale + offset, for each colour.
    scale: [f32; 3],
    offset: [f32; 3],
    resizer: Resizer,
    /// The one used last comes first.
    buffers: [Buffers; 2],
}

/// What one size needs.
struct Buffers {
    size: (u32, u32),
    resized: Image<'static>,
    planes: Vec<f32>,
}

impl Buffers {
    fn new(size: (u32, u32)) -> Self {
        Self {
            size,
            resized: Image::new(size.0.max(1), size.1.max(1), PixelType::U8x3),
            planes: vec![0.0; 3 * size.0 as usize * size.1 as usize],
        }
    }
}

impl Preprocessor {
    /// For a bundle's normalisation.
    pub fn new(input: &Input) -> Self {
        let (scale, offset) = Self::normalisation(input);
        Self {
            scale,
            offset,
            resizer: Resizer::new(),
            buffers: [Buffers::new((0, 0)), Buffers::new((0, 0))],
        }
    }

    /// Scale and offset of red, green and blue: `value * scale + offset` of `0 ..= 255`.
    pub(super) fn normalisation(input: &Input) -> ([f32; 3], [f32; 3]) {
        let (mean, std) = (input.mean.get_ref(), input.std.get_ref());
        (
            std::array::from_fn(|c| 1.0 / (255.0 * std[c])),
            std::array::from_fn(|c| -mean[c] / std[c]),
        )
    }

    /// Planes R, G, B of the last frame, row by row: the [1, 3, height, width] input.
    pub fn planes(&self) -> &[f32] {
        &self.buffers[0].planes
    }

    /// Width and height of the planes.
    pub fn size(&self) -> (u32, u32) {
        self.buffers[0].size
    }

    /// Makes the input planes of a frame at a size.
    ///
    /// # Errors
    /// An empty frame.
    pub fn run(&mut self, frame: &Frame, size: (u32, u32)) -> Result<(), EngineError> {
        let (width, height) = (frame.width(), frame.height());
        if width == 0 || height == 0 {
            return Err(EngineError::EmptyFrame);
        }
        let pixels = size.0 as usize * size.1 as usize;
        if self.buffers[0].size != size {
            self.buffers.swap(0, 1);
        }
        let [buffers, _] = &mut self.buffers;
        if buffers.size != size {
            *buffers = Buffers::new(size);
        }
        let failed = |message: String| EngineError::Resize {
            width,
            height,
            message,
        };
        let rgb = if (width, height) == size {
            frame.pixels()
        } else {
            let source = ImageRef::new(width, height, frame.pixels(), PixelType::U8x3)
                .map_err(|e| failed(e.to_string()))?;
            let options =
                ResizeOptions::new().resize_alg(ResizeAlg::Convolution(FilterType::Bilinear));
            self.resizer
                .resize(&source, &mut buffers.resized, &options)
                .map_err(|e| failed(e.to_string()))?;
            buffers.resized.buffer()
        };
        let (r, rest) = buffers.planes.split_at_mut(pixels);
        let (g, b) = rest.split_at_mut(pixels);
        let ([sr, sg, sb], [or, og, ob]) = (self.scale, self.offset);
        for (((p, r), g), b) in rgb.as_chunks::<3>().0.iter().zip(r).zip(g).zip(b) {
            *r = f32::from(p[0]) * sr + or;
            *g = f32::from(p[1]) * sg + og;
            *b = f32::from(p[2]) * sb + ob;
        }
        Ok(())
    }
}

impl std::fmt::Debug for Preprocessor {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Preprocessor")
            .field("size", &self.size())
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::Bundle;
    use crate::time::Stamp;

    #[test]
    fn buffers_of_two_sizes_are_kept_and_hold_what_belongs_to_them() {
        let bundle = Bundle::shipped().unwrap();
        let mut preprocessor = Preprocessor::new(&bundle.manifest().input);
        let mut frame = Frame::new();
        frame.reset(64, 48, Stamp::default()).unwrap().fill(90);
        let sizes = [(96, 64), (64, 32)];
        let mut first = Vec::new();
        for size in sizes {
            preprocessor.run(&frame, size).unwrap();
            first.push((
                preprocessor.planes().as_ptr(),
                preprocessor.planes().to_vec(),
            ));
        }
        for round in 0..4 {
            let (size, (at, planes)) = (sizes[round % 2], &first[round % 2]);
            preprocessor.run(&frame, size).unwrap();
            assert_eq!(preprocessor.size(), size);
            assert_eq!(preprocessor.planes().as_ptr(), *at, "another buffer");
            assert_eq!(preprocessor.planes(), planes);
        }
        preprocessor.run(&frame, (32, 32)).unwrap();
        assert_eq!(preprocessor.planes().len(), 3 * 32 * 32);
    }
}
