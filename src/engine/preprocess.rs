//! From packed RGB8 to the normalised planes that the networks read.

use fast_image_resize::images::{Image, ImageRef};
use fast_image_resize::{FilterType, PixelType, ResizeAlg, ResizeOptions, Resizer};

use super::placement::{Area, Placement};
use super::{EngineError, Resolution};
use crate::frame::Frame;
use crate::model::{FixedInput, Input, MAX_SIDE};

const STEP: u32 = 32;

/// Input width and height for a frame: the bundle's rows at that resolution, and as many columns
/// as keep the frame's shape, to the nearest multiple of 32; or the one size that the networks take.
///
/// # Errors
/// An empty frame, or one whose shape needs more than 2048 columns; the reduced resolution of networks
/// that take one size.
pub fn input_size(
    input: &Input,
    resolution: Resolution,
    width: u32,
    height: u32,
) -> Result<(u32, u32), EngineError> {
    if width == 0 || height == 0 {
        return Err(EngineError::EmptyFrame);
    }
    let rows = match (resolution, input.fixed()) {
        // another bundle's networks, which `engine::open` opens beside these
        (Resolution::Fallback, _) => return Err(EngineError::NoFallback),
        (Resolution::Full, Some(FixedInput { width, height, .. })) => return Ok((width, height)),
        (Resolution::Reduced, Some(FixedInput { width, height, .. })) => {
            return Err(EngineError::NoReduced { width, height });
        }
        (Resolution::Full, None) => &input.full_height,
        (Resolution::Reduced, None) => &input.reduced_height,
    };
    // a manifest that was read has them
    let rows = rows.as_ref().map_or(0, |rows| *rows.get_ref());
    let exact = u64::from(width) * u64::from(rows);
    let unit = u64::from(height) * u64::from(STEP);
    let columns = ((exact + unit / 2) / unit).max(1) * u64::from(STEP);
    match u32::try_from(columns) {
        // bounds memory for frames that are long and thin
        Ok(columns) if columns <= MAX_SIDE => Ok((columns, rows)),
        _ => Err(EngineError::FrameShape {
            width,
            height,
            input: columns,
            max: MAX_SIDE,
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

/// What one size, and place in it, needs.
struct Buffers {
    size: (u32, u32),
    picture: Area,
    resized: Image<'static>,
    /// 0, the mean colour, outside of the picture.
    planes: Vec<f32>,
}

impl Buffers {
    fn new(size: (u32, u32), picture: Area) -> Self {
        let Area { width, height, .. } = picture;
        Self {
            size,
            picture,
            resized: Image::new(width.max(1), height.max(1), PixelType::U8x3),
            planes: vec![0.0; 3 * size.0 as usize * size.1 as usize],
        }
    }

    fn empty() -> Self {
        Self::new((0, 0), Area::all((0, 0)))
    }

    fn is_for(&self, size: (u32, u32), picture: Area) -> bool {
        (self.size, self.picture) == (size, picture)
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
            buffers: [Buffers::empty(), Buffers::empty()],
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

    /// Makes the input planes of a frame that fills an input of that size.
    ///
    /// # Errors
    /// An empty frame.
    pub fn run(&mut self, frame: &Frame, size: (u32, u32)) -> Result<(), EngineError> {
        self.make(frame, size, Area::all(size))
    }

    /// Makes the input planes of a frame in its place; what is outside of the frame has the mean colour.
    ///
    /// # Errors
    /// An empty frame.
    pub fn place(&mut self, frame: &Frame, placement: &Placement) -> Result<(), EngineError> {
        self.make(frame, placement.input, placement.picture)
    }

    fn make(&mut self, frame: &Frame, size: (u32, u32), picture: Area) -> Result<(), EngineError> {
        let (width, height) = (frame.width(), frame.height());
        if width == 0 || height == 0 {
            return Err(EngineError::EmptyFrame);
        }
        if !self.buffers[0].is_for(size, picture) {
            self.buffers.swap(0, 1);
        }
        let [buffers, _] = &mut self.buffers;
        if !buffers.is_for(size, picture) {
            *buffers = Buffers::new(size, picture);
        }
        let failed = |message: String| EngineError::Resize {
            width,
            height,
            message,
        };
        let rgb = if (width, height) == (picture.width, picture.height) {
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
        let pixels = size.0 as usize * size.1 as usize;
        let (r, rest) = buffers.planes.split_at_mut(pixels);
        let (g, b) = rest.split_at_mut(pixels);
        let ([sr, sg, sb], [or, og, ob]) = (self.scale, self.offset);
        let [across, x] = [size.0 as usize, picture.x as usize];
        let line = picture.width as usize;
        let lines = rgb.as_chunks::<3>().0.chunks_exact(line.max(1));
        for (row, rgb) in (picture.y as usize..).zip(lines) {
            let row = row * across + x..row * across + x + line;
            let [r, g, b] = [&mut r[row.clone()], &mut g[row.clone()], &mut b[row]];
            for (((p, r), g), b) in rgb.iter().zip(r).zip(g).zip(b) {
                *r = f32::from(p[0]) * sr + or;
                *g = f32::from(p[1]) * sg + og;
                *b = f32::from(p[2]) * sb + ob;
            }
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

    #[test]
    fn a_frame_is_put_in_its_place_and_the_rest_is_the_mean_colour() {
        let bundle = Bundle::shipped().unwrap();
        let input = &bundle.manifest().input;
        let mut preprocessor = Preprocessor::new(input);
        let mut frame = Frame::new();
        frame.reset(4, 2, Stamp::default()).unwrap().fill(255);
        let picture = Area {
            x: 1,
            y: 2,
            width: 4,
            height: 2,
        };
        let placement = Placement {
            input: (6, 5),
            picture,
            logits: (6, 5),
            cells: picture,
        };
        preprocessor.place(&frame, &placement).unwrap();
        let (scale, offset) = Preprocessor::normalisation(input);
        for (at, value) in preprocessor.planes().iter().enumerate() {
            let (plane, y, x) = (at / 30, at / 6 % 5, at % 6);
            let inside = (1..5).contains(&x) && (2..4).contains(&y);
            let white = 255.0 * scale[plane] + offset[plane];
            assert_eq!(*value, if inside { white } else { 0.0 }, "{plane} {y} {x}");
        }
        // the same size, filled: nothing of the other place is left
        preprocessor.run(&frame, (6, 5)).unwrap();
        assert!(preprocessor.planes().iter().all(|value| *value > 0.5));
    }
}
