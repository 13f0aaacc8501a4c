//! What can be wrong with a camera message.

use std::fmt;

use super::{Codec, Encoding};
use crate::time::Stamp;

/// Why a camera message is no frame. Names the capture stamp, the encoding (of a raw image) or
/// format (of a compressed one) and the numbers that disagree; the caller adds the topic. Encodings and
/// formats that are longer than any that is known are cut off.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum FrameError {
    /// The encoding is none of [`Encoding`](super::Encoding).
    #[error(
        "frame {stamp}: unknown encoding {encoding:?}; known are {}",
        Encoding::names()
    )]
    UnknownEncoding {
        /// Capture stamp.
        stamp: Stamp,
        /// The encoding as the message names it.
        encoding: String,
    },
    /// Width or height is zero.
    #[error("frame {stamp}: {encoding} image of zero size, {width} x {height}")]
    ZeroSize {
        /// Capture stamp.
        stamp: Stamp,
        /// Encoding or format.
        encoding: String,
        /// Columns claimed.
        width: u32,
        /// Rows claimed.
        height: u32,
    },
    /// More pixels than the limit; found before anything was allocated.
    #[error(
        "frame {stamp}: {encoding} image of {width} x {height} has {pixels} pixels, the limit is \
         {max}"
    )]
    TooManyPixels {
        /// Capture stamp.
        stamp: Stamp,
        /// Encoding or format.
        encoding: String,
        /// Columns claimed.
        width: u32,
        /// Rows claimed.
        height: u32,
        /// `width * height`.
        pixels: u64,
        /// The limit.
        max: u64,
    },
    /// The encoding needs an even or larger size than the message has.
    #[error("frame {stamp}: {encoding} needs {needs}, the image is {width} x {height}")]
    BadSize {
        /// Capture stamp.
        stamp: Stamp,
        /// Encoding.
        encoding: String,
        /// What the encoding asks of the size.
        needs: &'static str,
        /// Columns claimed.
        width: u32,
        /// Rows claimed.
        height: u32,
    },
    /// A row does not fit between two steps.
    #[error(
        "frame {stamp}: {encoding} rows of {width} pixels take {needed} bytes, but step is {step}"
    )]
    StepTooSmall {
        /// Capture stamp.
        stamp: Stamp,
        /// Encoding.
        encoding: String,
        /// Columns claimed.
        width: u32,
        /// Bytes of one row.
        needed: u64,
        /// Bytes from row to row claimed.
        step: u32,
    },
    /// There are fewer or more bytes than step and height say.
    #[error(fmt = data_length)]
    DataLength {
        /// Capture stamp.
        stamp: Stamp,
        /// Encoding or format.
        encoding: String,
        /// Bytes from row to row; 0 of a compressed image, which has no data at all.
        step: u64,
        /// Rows.
        height: u32,
        /// Bytes there should be.
        expected: u64,
        /// Bytes there are.
        actual: u64,
    },
    /// The compressed data starts like no format that is read here.
    #[error(
        "frame {stamp}: compressed image, format {format:?}, is neither JPEG nor PNG: {len} \
         bytes starting with {start:02x?}"
    )]
    UnknownFormat {
        /// Capture stamp.
        stamp: Stamp,
        /// The format as the message names it.
        format: String,
        /// Bytes of compressed data.
        len: u64,
        /// The first bytes, at most four.
        start: Vec<u8>,
    },
    /// The format says that the pixels are no colours: those of a mosaic, behind the colour filter of a sensor,
    /// or distances.
    #[error("frame {stamp}: format {format:?} says that {why}")]
    Mosaic {
        /// Capture stamp.
        stamp: Stamp,
        /// The format as the message names it.
        format: String,
        /// What the pixels are, and what to do.
        why: &'static str,
    },
    /// The compressed data is truncated, corrupt or of a kind that is not supported.
    #[error("frame {stamp}: {codec} of {len} bytes (format {format:?}): {reason}")]
    Compressed {
        /// Capture stamp.
        stamp: Stamp,
        /// The format as the message names it.
        format: String,
        /// The format that the data is in.
        codec: Codec,
        /// Bytes of compressed data.
        len: u64,
        /// What the decoder says.
        reason: String,
    },
}

fn data_length(
    stamp: &Stamp,
    encoding: &str,
    step: &u64,
    height: &u32,
    expected: &u64,
    actual: &u64,
    f: &mut fmt::Formatter<'_>,
) -> fmt::Result {
    match step {
        0 => write!(
            f,
            "frame {stamp}: the compressed message has no data; its format is {encoding:?}"
        ),
        _ => write!(
            f,
            "frame {stamp}: {encoding} with step {step} and height {height} takes {expected} bytes, \
             but there are {actual}"
        ),
    }
}

/// The most bytes that an error keeps of a text of a message.
const LONGEST: usize = 100;

/// A text of a message as an error keeps it: a message may hold hundreds of megabytes of it, and a line
/// of the log is made of every error.
pub(super) fn clipped(text: &str) -> String {
    match text.len() {
        ..=LONGEST => text.to_owned(),
        _ => format!("{}…", &text[..text.floor_char_boundary(LONGEST)]),
    }
}

impl FrameError {
    /// Capture stamp of the message that is at fault.
    pub const fn stamp(&self) -> Stamp {
        match self {
            Self::UnknownEncoding { stamp, .. }
            | Self::ZeroSize { stamp, .. }
            | Self::TooManyPixels { stamp, .. }
            | Self::BadSize { stamp, .. }
            | Self::StepTooSmall { stamp, .. }
            | Self::DataLength { stamp, .. }
            | Self::UnknownFormat { stamp, .. }
            | Self::Mosaic { stamp, .. }
            | Self::Compressed { stamp, .. } => *stamp,
        }
    }
}
