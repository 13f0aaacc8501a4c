//! Camera messages as they arrive, borrowed.

use crate::time::Stamp;

/// A raw picture (`sensor_msgs/Image`) whose bytes are borrowed from the message.
#[derive(Clone, Copy, Debug)]
pub struct ImageView<'a> {
    /// When the picture was taken.
    pub stamp: Stamp,
    /// Columns.
    pub width: u32,
    /// Rows of the picture. For nv12 and nv21 too: the colour rows are extra.
    pub height: u32,
    /// The ROS name of the encoding, see [`Encoding`](super::Encoding).
    pub encoding: &'a str,
    /// Byte order of samples wider than 8 bits (mono16).
    pub is_bigendian: bool,
    /// Bytes from one row to the next.
    pub step: u32,
    /// `step * height` bytes (nv12 and nv21: `step * height * 3 / 2`).
    pub data: &'a [u8],
}

/// A compressed picture (`sensor_msgs/CompressedImage`): a whole JPEG or PNG file, borrowed.
#[derive(Clone, Copy, Debug)]
pub struct CompressedView<'a> {
    /// When the picture was taken.
    pub stamp: Stamp,
    /// What the sender calls the format ("jpeg", "rgb8; jpeg compressed bgr8"). Only named in
    /// errors: the magic bytes of `data` decide.
    pub format: &'a str,
    /// The compressed file.
    pub data: &'a [u8],
}

/// One camera message.
#[derive(Clone, Copy, Debug)]
pub enum CameraView<'a> {
    /// Raw pixels.
    Raw(ImageView<'a>),
    /// A JPEG or PNG file.
    Compressed(CompressedView<'a>),
}
