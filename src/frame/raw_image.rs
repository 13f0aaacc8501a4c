//! Raw camera messages that are what they say they are.

use super::error::clipped;
use super::{Encoding, Frame, FrameError, ImageView, Limits, checked_len};
use crate::time::Stamp;

/// A raw image that passed all checks: its encoding is known, its size suits the encoding, and its
/// bytes are exactly as many as step and height say. Borrowed from the message; nothing is decoded.
#[derive(Clone, Copy, Debug)]
pub struct RawImage<'a> {
    view: ImageView<'a>,
    encoding: Encoding,
}

impl<'a> RawImage<'a> {
    /// Everything that must hold before the pixels are touched.
    ///
    /// # Errors
    /// See [`FrameError`].
    pub fn check(view: &ImageView<'a>, limits: Limits) -> Result<Self, FrameError> {
        let Some(encoding) = Encoding::from_name(view.encoding) else {
            return Err(FrameError::UnknownEncoding {
                stamp: view.stamp,
                encoding: clipped(view.encoding),
            });
        };
        let ImageView {
            stamp,
            width,
            height,
            step,
            ..
        } = *view;
        let name = || encoding.name().to_owned();
        checked_len(stamp, encoding.name(), width, height, limits.max_pixels)?;
        let needs = match encoding {
            Encoding::Yuv422 | Encoding::Yuv422Yuy2 if width % 2 != 0 => Some("an even width"),
            Encoding::Nv12 | Encoding::Nv21 if width % 2 != 0 || height % 2 != 0 => {
                Some("an even width and height")
            }
            Encoding::Bayer8(_) | Encoding::Bayer16(_) if width < 2 || height < 2 => {
                Some("at least 2 x 2 pixels")
            }
            _ => None,
        };
        if let Some(needs) = needs {
            return Err(FrameError::BadSize {
                stamp,
                encoding: name(),
                needs,
                width,
                height,
            });
        }
        let needed = encoding.row_bytes(width);
        if u64::from(step) < needed {
            return Err(FrameError::StepTooSmall {
                stamp,
                encoding: name(),
                width,
                needed,
                step,
            });
        }
        // At most 2^32 * 1.5 * 50e6: far from the end of u64.
        let expected = u64::from(step) * encoding.rows(height);
        let actual = view.data.len() as u64;
        if actual != expected {
            let (step, encoding) = (u64::from(step), name());
            return Err(FrameError::DataLength {
                stamp,
                encoding,
                step,
                height,
                expected,
                actual,
            });
        }
        Ok(Self {
            view: *view,
            encoding,
        })
    }

    /// A decoded frame, as rgb8.
    ///
    /// # Errors
    /// An empty frame.
    pub fn of(frame: &'a Frame) -> Result<Self, FrameError> {
        let view = ImageView {
            stamp: frame.stamp(),
            width: frame.width(),
            height: frame.height(),
            encoding: Encoding::Rgb8.name(),
            is_bigendian: false,
            // at most 150 million bytes a frame
            step: frame.width().saturating_mul(3),
            data: frame.pixels(),
        };
        Self::check(&view, Limits::default())
    }

    /// When the picture was taken.
    pub const fn stamp(&self) -> Stamp {
        self.view.stamp
    }

    /// Columns, at least 1.
    pub const fn width(&self) -> u32 {
        self.view.width
    }

    /// Rows of the picture, at least 1.
    pub const fn height(&self) -> u32 {
        self.view.height
    }

    /// Bytes from one row to the next.
    pub const fn step(&self) -> u32 {
        self.view.step
    }

    /// How its bytes are laid out.
    pub const fn encoding(&self) -> Encoding {
        self.encoding
    }

    /// Byte order of samples wider than 8 bits.
    pub const fn is_bigendian(&self) -> bool {
        self.view.is_bigendian
    }

    /// All bytes: rows of [`step`](Self::step), as many as the encoding has for that height.
    pub const fn data(&self) -> &'a [u8] {
        self.view.data
    }
}
