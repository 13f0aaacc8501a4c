//! Frames: what a camera saw at one instant, and how its bytes become packed RGB.
//!
//! Three words:
//! - a [`Frame`] is the decoded picture (packed RGB8) with its capture stamp;
//! - a [`CameraView`] borrows one camera message as it arrived: raw pixels in some
//!   [`Encoding`], or a compressed file (JPEG, PNG);
//! - a [`Decoder`] turns the second into the first, into a buffer that is reused.
//!
//! Nothing here panics on any input: a malformed message is a [`FrameError`] that names the
//! stamp, the encoding and the sizes. The topic is for the caller to add.
//!
//! ```
//! use lookout::frame::{CameraView, Decoder, Frame, ImageView, Limits};
//! use lookout::time::Stamp;
//!
//! let message = ImageView {
//!     stamp: Stamp::from_nanos(7),
//!     width: 2,
//!     height: 1,
//!     encoding: "bgr8",
//!     is_bigendian: false,
//!     step: 6,
//!     data: &[1, 2, 3, 4, 5, 6],
//! };
//! let mut decoder = Decoder::new(Limits::default());
//! let mut frame = Frame::new();
//! decoder.decode(&CameraView::Raw(message), &mut frame)?;
//! assert_eq!(frame.pixels(), [3, 2, 1, 6, 5, 4]);
//! # Ok::<(), lookout::frame::FrameError>(())
//! ```

mod bayer;
mod compressed;
mod decoder;
mod encoding;
mod error;
pub mod file;
mod jpeg;
mod png_data;
mod quality;
mod raw;
mod raw_image;
mod shifted;
mod view;
mod yuv;

pub use compressed::Codec;
pub use decoder::{Decoder, Limits};
pub use encoding::{BayerPattern, Encoding, UnknownEncoding};
pub use error::FrameError;
pub use quality::{Quality, QualityMeter};
pub use raw_image::RawImage;
pub use view::{CameraView, CompressedView, ImageView};

use crate::time::Stamp;

/// The most pixels a frame may have (50 megapixels): no road camera comes near, and what claims
/// more is a corrupt header.
pub const MAX_PIXELS: u64 = 50_000_000;

/// A decoded picture: packed RGB8, row-major, no padding, `width * height * 3` bytes, with the
/// stamp of its capture.
///
/// The buffer is kept when the frame is reset to a size that fits, so a frame that is reused
/// allocates only until it has seen its largest picture. An empty frame is 0 x 0.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Frame {
    stamp: Stamp,
    width: u32,
    height: u32,
    rgb: Vec<u8>,
    compressed: bool,
}

impl Frame {
    /// An empty frame, 0 x 0; allocates nothing.
    pub const fn new() -> Self {
        Self {
            stamp: Stamp::from_nanos(0),
            width: 0,
            height: 0,
            rgb: Vec::new(),
            compressed: false,
        }
    }

    /// A frame of packed RGB8 pixels that exist already.
    ///
    /// # Errors
    /// Zero size, more than [`MAX_PIXELS`], or `rgb.len()` is not `width * height * 3`.
    pub fn from_rgb(
        stamp: Stamp,
        width: u32,
        height: u32,
        rgb: Vec<u8>,
    ) -> Result<Self, FrameError> {
        let expected = checked_len(stamp, "rgb8", width, height, MAX_PIXELS)?;
        if rgb.len() != expected {
            return Err(FrameError::DataLength {
                stamp,
                encoding: "rgb8".into(),
                step: u64::from(width) * 3,
                height,
                expected: expected as u64,
                actual: rgb.len() as u64,
            });
        }
        Ok(Self {
            stamp,
            width,
            height,
            rgb,
            compressed: false,
        })
    }

    /// When the picture was taken, on the clock of the camera's stream.
    pub const fn stamp(&self) -> Stamp {
        self.stamp
    }

    /// Columns; 0 when empty.
    pub const fn width(&self) -> u32 {
        self.width
    }

    /// Rows; 0 when empty.
    pub const fn height(&self) -> u32 {
        self.height
    }

    /// True when there is no picture in the frame.
    pub const fn is_empty(&self) -> bool {
        self.rgb.is_empty()
    }

    /// Whether it was decoded from a compressed image, of which no part is lost unnoticed on its way.
    pub const fn is_compressed(&self) -> bool {
        self.compressed
    }

    /// All pixels: R, G, B, R, G, B, .. from the top left, row by row.
    pub fn pixels(&self) -> &[u8] {
        &self.rgb
    }

    /// All pixels, to be written; the length stays `width * height * 3`.
    pub fn pixels_mut(&mut self) -> &mut [u8] {
        &mut self.rgb
    }

    /// The colour of one pixel, `None` outside of the picture.
    pub fn pixel(&self, x: u32, y: u32) -> Option<[u8; 3]> {
        if x >= self.width || y >= self.height {
            return None;
        }
        let at = (y as usize * self.width as usize + x as usize) * 3;
        self.rgb.get(at..at + 3)?.try_into().ok()
    }

    /// Gives the frame a new stamp; the pixels stay.
    pub fn set_stamp(&mut self, stamp: Stamp) {
        self.stamp = stamp;
    }

    /// Gives the frame a new size and stamp and returns its pixels to be overwritten: what they
    /// hold before that is unspecified. Allocates only when the frame never was as large.
    ///
    /// # Errors
    /// Zero size or more than [`MAX_PIXELS`]; the frame is then empty.
    pub fn reset(
        &mut self,
        width: u32,
        height: u32,
        stamp: Stamp,
    ) -> Result<&mut [u8], FrameError> {
        self.clear();
        let len = checked_len(stamp, "rgb8", width, height, MAX_PIXELS)?;
        self.rgb.resize(len, 0);
        (self.stamp, self.width, self.height) = (stamp, width, height);
        Ok(&mut self.rgb)
    }

    /// Empties the frame and keeps its buffer.
    pub fn clear(&mut self) {
        // The length goes with the size; the bytes are dropped lazily by the next `resize`.
        self.rgb.clear();
        (self.stamp, self.width, self.height) = (Stamp::default(), 0, 0);
        self.compressed = false;
    }
}

/// Bytes of a packed RGB8 picture, after the checks that come before any allocation.
fn checked_len(
    stamp: Stamp,
    encoding: &str,
    width: u32,
    height: u32,
    max_pixels: u64,
) -> Result<usize, FrameError> {
    if width == 0 || height == 0 {
        return Err(FrameError::ZeroSize {
            stamp,
            encoding: error::clipped(encoding),
            width,
            height,
        });
    }
    // 32-bit factors: the product cannot overflow u64.
    let pixels = u64::from(width) * u64::from(height);
    let max = max_pixels.min(MAX_PIXELS);
    if pixels > max {
        return Err(FrameError::TooManyPixels {
            stamp,
            encoding: error::clipped(encoding),
            width,
            height,
            pixels,
            max,
        });
    }
    // At most 150 million, which fits a usize of 32 bits.
    Ok(pixels as usize * 3)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reset_keeps_the_buffer_when_the_picture_fits() {
        let mut frame = Frame::new();
        frame.reset(64, 48, Stamp::default()).unwrap();
        let (at, capacity) = (frame.rgb.as_ptr(), frame.rgb.capacity());
        frame.reset(32, 48, Stamp::default()).unwrap();
        frame.reset(64, 48, Stamp::from_nanos(3)).unwrap();
        assert_eq!((frame.rgb.as_ptr(), frame.rgb.capacity()), (at, capacity));
        assert_eq!(frame.pixels().len(), 64 * 48 * 3);
        assert_eq!(frame.stamp(), Stamp::from_nanos(3));
    }

    #[test]
    fn a_frame_of_100_megapixels_is_refused_and_leaves_the_frame_empty() {
        let mut frame = Frame::new();
        frame.reset(2, 2, Stamp::default()).unwrap();
        let error = frame
            .reset(10_000, 10_000, Stamp::from_nanos(5))
            .unwrap_err();
        assert!(
            matches!(
                error,
                FrameError::TooManyPixels {
                    pixels: 100_000_000,
                    ..
                }
            ),
            "{error}"
        );
        assert!(frame.is_empty());
        assert!(frame.reset(u32::MAX, u32::MAX, Stamp::default()).is_err());
        assert!(frame.reset(0, 4, Stamp::default()).is_err());
    }

    #[test]
    fn pixel_answers_inside_the_picture_only() {
        let frame = Frame::from_rgb(Stamp::default(), 2, 1, vec![1, 2, 3, 4, 5, 6]).unwrap();
        assert_eq!(frame.pixel(1, 0), Some([4, 5, 6]));
        assert_eq!(frame.pixel(2, 0), None);
        assert_eq!(frame.pixel(0, 1), None);
        assert!(Frame::from_rgb(Stamp::default(), 2, 1, vec![0; 5]).is_err());
    }
}
