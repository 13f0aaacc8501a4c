//! Camera messages of every encoding.

use lookout::frame::{CameraView, Decoder, Encoding, Frame, FrameError, ImageView, Limits};
use lookout::time::Stamp;
use rand::Rng;

/// What a camera sent. Its bytes end where the last row does.
pub(crate) struct Message {
    pub(crate) encoding: Encoding,
    pub(crate) size: (u32, u32),
    pub(crate) step: u32,
    pub(crate) big_endian: bool,
    pub(crate) data: Box<[u8]>,
}

/// Whether there are pictures of that size in an encoding.
pub(crate) fn suits(encoding: Encoding, (width, height): (u32, u32)) -> bool {
    match encoding {
        Encoding::Yuv422 | Encoding::Yuv422Yuy2 => width % 2 == 0,
        Encoding::Nv12 | Encoding::Nv21 => width % 2 == 0 && height % 2 == 0,
        Encoding::Bayer8(_) | Encoding::Bayer16(_) => width > 1 && height > 1,
        _ => true,
    }
}

fn pixel_bytes(encoding: Encoding) -> u32 {
    match encoding {
        Encoding::Rgb8 | Encoding::Bgr8 => 3,
        Encoding::Rgba8 | Encoding::Bgra8 => 4,
        Encoding::Rgb16 | Encoding::Bgr16 => 6,
        Encoding::Mono16 | Encoding::Yuv422 | Encoding::Yuv422Yuy2 | Encoding::Bayer16(_) => 2,
        _ => 1,
    }
}

impl Message {
    /// Of zeros, with `padding` bytes after every row.
    fn blank(encoding: Encoding, size: (u32, u32), padding: u32, big_endian: bool) -> Self {
        let (width, height) = size;
        let step = width * pixel_bytes(encoding) + padding;
        let rows = match encoding {
            Encoding::Nv12 | Encoding::Nv21 => height + height / 2,
            _ => height,
        };
        let data = vec![0; step as usize * rows as usize].into_boxed_slice();
        Self {
            encoding,
            size,
            step,
            big_endian,
            data,
        }
    }

    /// Of random bytes, in the padding too.
    pub(crate) fn random(
        encoding: Encoding,
        size: (u32, u32),
        padding: u32,
        big_endian: bool,
        random: &mut impl Rng,
    ) -> Self {
        let mut message = Self::blank(encoding, size, padding, big_endian);
        random.fill_bytes(&mut message.data);
        message
    }

    /// A picture's samples at the places that the encoding has for them: red as it is stands for V,
    /// green for Y and grey, blue for U. The colours are wrong then, edges and shades are a camera's.
    pub(crate) fn of(frame: &Frame, encoding: Encoding, padding: u32) -> Self {
        let size = (frame.width(), frame.height());
        let mut message = Self::blank(encoding, size, padding, false);
        let (step, height) = (message.step as usize, size.1 as usize);
        let pixels = frame.pixels().as_chunks::<3>().0;
        for (at, &[r, g, b]) in pixels.iter().enumerate() {
            let (x, y) = (at % size.0 as usize, at / size.0 as usize);
            let row = &mut message.data[y * step..];
            let odd = x % 2;
            match encoding {
                Encoding::Rgb8 => row[3 * x..][..3].copy_from_slice(&[r, g, b]),
                Encoding::Bgr8 => row[3 * x..][..3].copy_from_slice(&[b, g, r]),
                Encoding::Rgba8 => row[4 * x..][..4].copy_from_slice(&[r, g, b, 77]),
                Encoding::Bgra8 => row[4 * x..][..4].copy_from_slice(&[b, g, r, 77]),
                Encoding::Mono8 => row[x] = g,
                Encoding::Mono16 => row[2 * x..][..2].copy_from_slice(&[r, g]),
                Encoding::Yuv422 => row[2 * x..][..2].copy_from_slice(&[[b, r][odd], g]),
                Encoding::Yuv422Yuy2 => row[2 * x..][..2].copy_from_slice(&[g, [b, r][odd]]),
                Encoding::Nv12 | Encoding::Nv21 => {
                    row[x] = g;
                    let u = (odd == 0) == (encoding == Encoding::Nv12);
                    message.data[step * (height + y / 2) + x] = if u { b } else { r };
                }
                Encoding::Bayer8(_) => row[x] = [r, g, b][odd + y % 2],
                Encoding::Rgb16 => row[6 * x..][..6].copy_from_slice(&[g, r, b, g, r, b]),
                Encoding::Bgr16 => row[6 * x..][..6].copy_from_slice(&[r, b, g, r, b, g]),
                Encoding::Bayer16(_) => {
                    row[2 * x..][..2].copy_from_slice(&[b, [r, g, b][odd + y % 2]]);
                }
            }
        }
        message
    }

    /// As the CPU path decodes it.
    pub(crate) fn decode(&self) -> Result<Frame, FrameError> {
        let view = CameraView::Raw(ImageView {
            stamp: Stamp::default(),
            width: self.size.0,
            height: self.size.1,
            encoding: self.encoding.name(),
            is_bigendian: self.big_endian,
            step: self.step,
            data: &self.data,
        });
        let mut frame = Frame::new();
        Decoder::new(Limits::default()).decode(&view, &mut frame)?;
        Ok(frame)
    }
}
