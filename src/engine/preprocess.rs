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
/// the first frame of a size and kept.
pub struct Preprocessor {
    /// value * scale + offset, for each colour.
    scale: [f32; 3],
    offset: [f32; 3],
    resizer: Resizer,
    resized: Image<'static>,
    planes: Vec<f32>,
    size: (u32, u32),
}

impl Preprocessor {
    /// For a bundle's normalisation.
    pub fn new(input: &Input) -> Self {
        let (mean, std) = (input.mean.get_ref(), input.std.get_ref());
        Self {
            scale: std::array::from_fn(|c| 1.0 / (255.0 * std[c])),
            offset: std::array::from_fn(|c| -mean[c] / std[c]),
            resizer: Resizer::new(),
            resized: Image::new(1, 1, PixelType::U8x3),
            planes: Vec::new(),
            size: (0, 0),
        }
    }

    /// Planes R, G, B of the last frame, row by row: the [1, 3, height, width] input.
    pub fn planes(&self) -> &[f32] {
        &self.planes
    }

    /// Width and height of the planes.
    pub fn size(&self) -> (u32, u32) {
        self.size
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
        if self.size != size {
            self.size = size;
            self.planes.resize(3 * pixels, 0.0);
            self.resized = Image::new(size.0, size.1, PixelType::U8x3);
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
                .resize(&source, &mut self.resized, &options)
                .map_err(|e| failed(e.to_string()))?;
            self.resized.buffer()
        };
        let (r, rest) = self.planes.split_at_mut(pixels);
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
            .field("size", &self.size)
            .finish_non_exhaustive()
    }
}
