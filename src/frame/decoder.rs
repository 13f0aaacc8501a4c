//! From a camera message to a frame.

use super::{
    BayerPattern, CameraView, Encoding, Frame, FrameError, ImageView, MAX_PIXELS, RawImage, bayer,
    compressed, raw, yuv,
};

/// What a camera message may ask for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Most pixels of a frame; more than [`MAX_PIXELS`] is never allowed.
    pub max_pixels: u64,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            max_pixels: MAX_PIXELS,
        }
    }
}

/// Decodes camera messages into frames.
///
/// Raw encodings are converted straight into the frame: no allocation once the frame has held a
/// picture of that size. JPEG and PNG libraries allocate while they work.
#[derive(Debug, Default)]
pub struct Decoder {
    limits: Limits,
    scratch: Vec<u8>,
    /// In place of a library that fails.
    #[cfg(test)]
    pub(crate) fails: Option<fn()>,
}

impl Decoder {
    /// A decoder that refuses what is beyond `limits`.
    pub const fn new(limits: Limits) -> Self {
        Self {
            limits,
            scratch: Vec::new(),
            #[cfg(test)]
            fails: None,
        }
    }

    /// What it refuses.
    pub const fn limits(&self) -> Limits {
        self.limits
    }

    /// Decodes `view` into `out`, with the stamp of the message.
    ///
    /// A raw image must hold exactly the bytes that its step and height say, as cv_bridge asks
    /// too: with fewer the picture is cut off, and with more the sender and we disagree about the
    /// layout, so that what we would show is not what the camera saw.
    ///
    /// # Errors
    /// See [`FrameError`]; `out` is then empty, so that no stale picture can pass as this one.
    pub fn decode(&mut self, view: &CameraView<'_>, out: &mut Frame) -> Result<(), FrameError> {
        out.clear();
        #[cfg(test)]
        if let Some(fail) = self.fails {
            fail();
        }
        let result = match view {
            CameraView::Raw(view) => self.decode_raw(view, out),
            CameraView::Compressed(view) => {
                let done = compressed::decode(view, self.limits.max_pixels, &mut self.scratch, out);
                out.compressed = true;
                done
            }
        };
        if result.is_err() {
            out.clear();
        }
        result
    }

    fn decode_raw(&self, view: &ImageView<'_>, out: &mut Frame) -> Result<(), FrameError> {
        let image = RawImage::check(view, self.limits)?;
        let rgb = out.reset(view.width, view.height, view.stamp)?;
        let (width, step) = (view.width as usize, view.step as usize);
        let big = view.is_bigendian;
        match image.encoding() {
            Encoding::Rgb8 => raw::rgb(view.data, step, width, rgb),
            Encoding::Bgr8 => raw::swizzle::<3>(view.data, step, width, [2, 1, 0], rgb),
            Encoding::Rgba8 => raw::swizzle::<4>(view.data, step, width, [0, 1, 2], rgb),
            Encoding::Bgra8 => raw::swizzle::<4>(view.data, step, width, [2, 1, 0], rgb),
            Encoding::Mono8 => raw::mono8(view.data, step, width, rgb),
            Encoding::Mono16 => raw::mono16(view.data, step, width, big, rgb),
            Encoding::Yuv422 => yuv::packed422(view.data, step, width, [1, 0, 3, 2], rgb),
            Encoding::Yuv422Yuy2 => yuv::packed422(view.data, step, width, [0, 1, 2, 3], rgb),
            Encoding::Nv12 => yuv::semi_planar(view.data, step, width, [0, 1], rgb),
            Encoding::Nv21 => yuv::semi_planar(view.data, step, width, [1, 0], rgb),
            Encoding::Rgb16 => raw::rgb16(view.data, step, width, ([0, 1, 2], big), rgb),
            Encoding::Bgr16 => raw::rgb16(view.data, step, width, ([2, 1, 0], big), rgb),
            Encoding::Bayer8(pattern) => {
                bayer::bilinear(view.data, step, width, red(pattern), |row, x| row[x], rgb);
            }
            Encoding::Bayer16(pattern) => {
                let sample =
                    |row: &[u8], x: usize| raw::to_8_bits([row[2 * x], row[2 * x + 1]], big);
                bayer::bilinear(view.data, step, width, red(pattern), sample, rgb);
            }
        }
        Ok(())
    }
}

/// Column and row of the first red pixel.
const fn red(pattern: BayerPattern) -> (usize, usize) {
    match pattern {
        BayerPattern::Rggb => (0, 0),
        BayerPattern::Bggr => (1, 1),
        BayerPattern::Gbrg => (0, 1),
        BayerPattern::Grbg => (1, 0),
    }
}
