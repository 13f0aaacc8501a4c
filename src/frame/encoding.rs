//! The raw encodings and their ROS names.

use std::fmt;
use std::str::FromStr;

/// Which colours the top left 2 x 2 pixels of a Bayer sensor see, row by row.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum BayerPattern {
    /// R G / G B.
    Rggb,
    /// B G / G R.
    Bggr,
    /// G B / R G.
    Gbrg,
    /// G R / B G.
    Grbg,
}

/// How the bytes of a raw image (`sensor_msgs/Image`) are laid out.
///
/// Parsed from the ROS names (`sensor_msgs/image_encodings.hpp`), which are lower case and
/// matched exactly. OpenCV's type names ("8UC1", "8UC3", "16UC1") say nothing about what the channels
/// mean; they are read as the drivers that send them mean them: one channel is grey, three are BGR.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Encoding {
    /// R G B.
    Rgb8,
    /// B G R.
    Bgr8,
    /// R G B A; alpha is dropped, not blended.
    Rgba8,
    /// B G R A; alpha is dropped, not blended.
    Bgra8,
    /// One byte of grey.
    Mono8,
    /// Two bytes of grey, `is_bigendian` says in which order.
    Mono16,
    /// R G B of two bytes each, as Mono16.
    Rgb16,
    /// B G R of two bytes each, as Mono16.
    Bgr16,
    /// U Y V Y for two pixels ("yuv422", "uyvy").
    Yuv422,
    /// Y U Y V for two pixels ("yuv422_yuy2", "yuyv").
    Yuv422Yuy2,
    /// Plane of Y, then half as many rows of U V pairs.
    Nv12,
    /// Plane of Y, then half as many rows of V U pairs.
    Nv21,
    /// One byte behind the colour filter of a Bayer sensor ("bayer_rggb8", ..).
    Bayer8(BayerPattern),
    /// Two bytes, as Mono16, behind such a filter ("bayer_rggb16", ..).
    Bayer16(BayerPattern),
}

/// The name is no encoding that can be decoded.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("unknown image encoding {0:?}")]
pub struct UnknownEncoding(pub String);

impl Encoding {
    /// Every encoding, for tables and help texts.
    pub const ALL: [Encoding; 20] = [
        Self::Rgb8,
        Self::Bgr8,
        Self::Rgba8,
        Self::Bgra8,
        Self::Mono8,
        Self::Mono16,
        Self::Yuv422,
        Self::Yuv422Yuy2,
        Self::Nv12,
        Self::Nv21,
        Self::Bayer8(BayerPattern::Rggb),
        Self::Bayer8(BayerPattern::Bggr),
        Self::Bayer8(BayerPattern::Gbrg),
        Self::Bayer8(BayerPattern::Grbg),
        Self::Rgb16,
        Self::Bgr16,
        Self::Bayer16(BayerPattern::Rggb),
        Self::Bayer16(BayerPattern::Bggr),
        Self::Bayer16(BayerPattern::Gbrg),
        Self::Bayer16(BayerPattern::Grbg),
    ];

    /// The ROS name; where there are two, the older one.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Rgb8 => "rgb8",
            Self::Bgr8 => "bgr8",
            Self::Rgba8 => "rgba8",
            Self::Bgra8 => "bgra8",
            Self::Mono8 => "mono8",
            Self::Mono16 => "mono16",
            Self::Yuv422 => "yuv422",
            Self::Yuv422Yuy2 => "yuv422_yuy2",
            Self::Nv12 => "nv12",
            Self::Nv21 => "nv21",
            Self::Bayer8(BayerPattern::Rggb) => "bayer_rggb8",
            Self::Bayer8(BayerPattern::Bggr) => "bayer_bggr8",
            Self::Bayer8(BayerPattern::Gbrg) => "bayer_gbrg8",
            Self::Bayer8(BayerPattern::Grbg) => "bayer_grbg8",
            Self::Rgb16 => "rgb16",
            Self::Bgr16 => "bgr16",
            Self::Bayer16(BayerPattern::Rggb) => "bayer_rggb16",
            Self::Bayer16(BayerPattern::Bggr) => "bayer_bggr16",
            Self::Bayer16(BayerPattern::Gbrg) => "bayer_gbrg16",
            Self::Bayer16(BayerPattern::Grbg) => "bayer_grbg16",
        }
    }

    /// All names that are read, for messages.
    pub fn names() -> String {
        let names = Self::ALL.into_iter().map(Self::name);
        let more = ["uyvy", "yuyv", "8UC1", "8UC3", "16UC1"];
        names.chain(more).collect::<Vec<_>>().join(", ")
    }

    /// The encoding of a ROS name, without the allocation of [`FromStr`]'s error.
    pub fn from_name(name: &str) -> Option<Self> {
        match name {
            "uyvy" => Some(Self::Yuv422),
            "yuyv" => Some(Self::Yuv422Yuy2),
            "8UC1" => Some(Self::Mono8),
            "8UC3" => Some(Self::Bgr8),
            "16UC1" => Some(Self::Mono16),
            _ => Self::ALL
                .into_iter()
                .find(|encoding| encoding.name() == name),
        }
    }

    /// Bytes a row of the first plane takes at least.
    pub(super) const fn row_bytes(self, width: u32) -> u64 {
        let width = width as u64;
        match self {
            Self::Rgb8 | Self::Bgr8 => width * 3,
            Self::Rgba8 | Self::Bgra8 => width * 4,
            Self::Rgb16 | Self::Bgr16 => width * 6,
            Self::Mono16 | Self::Yuv422 | Self::Yuv422Yuy2 | Self::Bayer16(_) => width * 2,
            Self::Mono8 | Self::Nv12 | Self::Nv21 | Self::Bayer8(_) => width,
        }
    }

    /// Rows of `step` bytes in the data of an image that is `height` rows high.
    pub(super) const fn rows(self, height: u32) -> u64 {
        match self {
            Self::Nv12 | Self::Nv21 => height as u64 + height as u64 / 2,
            _ => height as u64,
        }
    }
}

impl FromStr for Encoding {
    type Err = UnknownEncoding;

    fn from_str(name: &str) -> Result<Self, UnknownEncoding> {
        Self::from_name(name).ok_or_else(|| UnknownEncoding(name.into()))
    }
}

impl fmt::Display for Encoding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_name_parses_back_to_its_encoding() {
        for encoding in Encoding::ALL {
            assert_eq!(encoding.to_string().parse(), Ok(encoding));
        }
        assert_eq!("uyvy".parse(), Ok(Encoding::Yuv422));
        assert_eq!("yuyv".parse(), Ok(Encoding::Yuv422Yuy2));
        assert_eq!("8UC1".parse(), Ok(Encoding::Mono8));
        assert_eq!("8UC3".parse(), Ok(Encoding::Bgr8));
        assert_eq!("16UC1".parse(), Ok(Encoding::Mono16));
    }

    #[test]
    fn names_without_a_colour_meaning_are_refused() {
        for name in ["8UC2", "16UC3", "32FC1", "RGB8", "rgb8 ", ""] {
            assert_eq!(name.parse::<Encoding>(), Err(UnknownEncoding(name.into())));
        }
    }
}
