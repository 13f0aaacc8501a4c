//! Pictures in every encoding.

use lookout::frame::{CameraView, Decoder, Encoding, Frame, ImageView, RawImage};
use lookout::time::Stamp;

/// A picture with edges, gradients and colours, the same everywhere.
pub(crate) fn picture(width: u32, height: u32, seed: u32) -> Frame {
    let mut rgb = Vec::with_capacity(3 * (width * height) as usize);
    for y in 0..height {
        for x in 0..width {
            let block = (x / 23 + seed) ^ (y / 17);
            rgb.push((block * 37 % 256) as u8);
            rgb.push((x * 255 / width) as u8);
            rgb.push(((y * 255 / height) ^ ((seed * 31) & 0xff)) as u8);
        }
    }
    Frame::from_rgb(Stamp::from_nanos(i64::from(seed)), width, height, rgb).unwrap()
}

/// A message of a camera: its bytes, and what they decode to.
pub(crate) struct Message {
    view: ImageView<'static>,
    pub(crate) frame: Frame,
}

impl Message {
    /// Bytes that look like nothing, in an encoding, with a little room behind each row.
    pub(crate) fn noise(encoding: Encoding, width: u32, height: u32, seed: u32) -> Self {
        let pixel = match encoding {
            Encoding::Rgb8 | Encoding::Bgr8 => 3,
            Encoding::Rgba8 | Encoding::Bgra8 => 4,
            Encoding::Rgb16 | Encoding::Bgr16 => 6,
            Encoding::Mono16 | Encoding::Yuv422 | Encoding::Yuv422Yuy2 | Encoding::Bayer16(_) => 2,
            _ => 1,
        };
        let step = width * pixel + 6;
        let rows = match encoding {
            Encoding::Nv12 | Encoding::Nv21 => height + height / 2,
            _ => height,
        };
        let mut state = seed.wrapping_mul(2_654_435_761) | 1;
        let mut byte = |_| {
            state ^= state << 13;
            state ^= state >> 17;
            state ^= state << 5;
            (state >> 24) as u8
        };
        let data: Vec<u8> = (0..step * rows).map(&mut byte).collect();
        let view = ImageView {
            stamp: Stamp::from_nanos(i64::from(seed)),
            width,
            height,
            encoding: encoding.name(),
            is_bigendian: seed % 2 == 1,
            step,
            data: data.leak(),
        };
        let mut frame = Frame::new();
        let mut decoder = Decoder::default();
        decoder.decode(&CameraView::Raw(view), &mut frame).unwrap();
        Self { view, frame }
    }

    pub(crate) fn view(&self) -> ImageView<'static> {
        self.view
    }

    pub(crate) fn raw(&self) -> RawImage<'static> {
        RawImage::check(&self.view, Default::default()).unwrap()
    }
}
