//! Messages with pictures, owned to be built and borrowed to be read.

use serde::{Deserialize, Serialize};

use super::{Header, HeaderRef, cdr};

/// `sensor_msgs/msg/Image`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Image {
    /// Capture stamp and coordinate frame.
    pub header: Header,
    /// Rows.
    pub height: u32,
    /// Columns.
    pub width: u32,
    /// Name of the encoding, as in `sensor_msgs/image_encodings.hpp`.
    pub encoding: String,
    /// Not zero: samples wider than a byte are big-endian.
    pub is_bigendian: u8,
    /// Bytes from one row to the next.
    pub step: u32,
    /// Rows of pixels, `step * height` bytes.
    #[serde(with = "serde_bytes")]
    pub data: Vec<u8>,
}

/// [`Image`], borrowed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct ImageRef<'a> {
    /// Capture stamp and coordinate frame.
    #[serde(borrow)]
    pub header: HeaderRef<'a>,
    /// Rows.
    pub height: u32,
    /// Columns.
    pub width: u32,
    /// Name of the encoding, as in `sensor_msgs/image_encodings.hpp`.
    #[serde(borrow, deserialize_with = "cdr::borrowed_str")]
    pub encoding: &'a str,
    /// Not zero: samples wider than a byte are big-endian.
    pub is_bigendian: u8,
    /// Bytes from one row to the next.
    pub step: u32,
    /// Rows of pixels, `step * height` bytes.
    #[serde(borrow, with = "serde_bytes")]
    pub data: &'a [u8],
}

/// `sensor_msgs/msg/CompressedImage`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct CompressedImage {
    /// Capture stamp and coordinate frame.
    pub header: Header,
    /// What the data is: "jpeg", "png", or as image_transport writes it.
    pub format: String,
    /// The compressed file.
    #[serde(with = "serde_bytes")]
    pub data: Vec<u8>,
}

/// [`CompressedImage`], borrowed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct CompressedImageRef<'a> {
    /// Capture stamp and coordinate frame.
    #[serde(borrow)]
    pub header: HeaderRef<'a>,
    /// What the data is: "jpeg", "png", or as image_transport writes it.
    #[serde(borrow, deserialize_with = "cdr::borrowed_str")]
    pub format: &'a str,
    /// The compressed file.
    #[serde(borrow, with = "serde_bytes")]
    pub data: &'a [u8],
}
