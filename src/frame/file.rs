//! Picture files (JPEG, PNG, WebP) for the commands that work on files.

use std::error::Error;
use std::io::Cursor;
use std::path::{Path, PathBuf};

use image_webp::WebPDecoder;

use super::{
    CameraView, Codec, CompressedView, Decoder, Frame, FrameError, MAX_PIXELS, checked_len,
};
use crate::lfs;
use crate::time::Stamp;
use crate::watchdog::contain;

pub use super::png_data::png_decoder;

/// Why a picture file is no frame.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum FileError {
    /// The file cannot be opened or read.
    #[error("cannot read {}", path.display())]
    Io {
        /// The file.
        path: PathBuf,
        /// What the system says.
        source: std::io::Error,
    },
    /// Neither JPEG nor PNG nor WebP, or a WebP that is animated, cut off or damaged.
    #[error("{} is not a picture that can be decoded", path.display())]
    Image {
        /// The file.
        path: PathBuf,
        /// What the decoder says.
        source: Box<dyn Error + Send + Sync>,
    },
    /// Zero size, more pixels than the limit, or a JPEG or PNG that is cut off or damaged.
    #[error("{} cannot be a frame", path.display())]
    Frame {
        /// The file.
        path: PathBuf,
        /// The numbers.
        source: FrameError,
    },
}

/// The bytes of a picture file.
///
/// # Errors
/// The file cannot be read, or Git LFS left a pointer in its place; the error names the file.
pub fn read_bytes(path: &Path) -> Result<Vec<u8>, FileError> {
    let data = std::fs::read(path).map_err(|source| FileError::Io {
        path: path.into(),
        source,
    })?;
    match lfs::is_pointer(&data) {
        true => Err(FileError::Image {
            path: path.into(),
            source: lfs::ADVICE.into(),
        }),
        false => Ok(data),
    }
}

/// Reads a JPEG, PNG or WebP file, told apart by content and not by name, as a frame with stamp
/// zero. Alpha is dropped, of 16-bit samples the high byte is kept; an orientation in Exif data is
/// not applied, as it is not for camera messages.
///
/// # Errors
/// The file cannot be read, is no such picture, or has zero or more than
/// [`MAX_PIXELS`] pixels; every error names the file.
pub fn read_image(path: &Path) -> Result<Frame, FileError> {
    let image = |source: Box<dyn Error + Send + Sync>| FileError::Image {
        path: path.into(),
        source,
    };
    let frame = |source| FileError::Frame {
        path: path.into(),
        source,
    };
    let data = read_bytes(path)?;
    // as a camera's message: what is not whole is refused
    if Codec::detect(&data).is_some() {
        let (stamp, format) = (Stamp::default(), "file");
        let view = CompressedView {
            stamp,
            format,
            data: &data,
        };
        let mut out = Frame::new();
        let camera = CameraView::Compressed(view);
        // a library that panics on one file must not take the others with it
        let decoded = contain(|| Decoder::default().decode(&camera, &mut out));
        decoded
            .map_err(|panic| {
                image(format!("the decoder panicked on it: {}", panic.message).into())
            })?
            .map_err(frame)?;
        return Ok(out);
    }
    if !(data.starts_with(b"RIFF") && data.get(8..12) == Some(&b"WEBP"[..])) {
        return Err(image("it is neither JPEG nor PNG nor WebP".into()));
    }
    // a file that lost bytes anywhere is shorter than it says, and the decoder does not compare
    let (there, claimed) = (
        data.len() as u64,
        data.get(4..).and_then(<[u8]>::first_chunk),
    );
    let whole = claimed.map_or(u64::MAX, |&size| u64::from(u32::from_le_bytes(size)) + 8);
    if there < whole {
        return Err(image(
            format!("it is cut off, or lost a part: {there} of its {whole} bytes are there").into(),
        ));
    }
    let mut decoder = WebPDecoder::new(Cursor::new(data)).map_err(|e| image(e.into()))?;
    if decoder.is_animated() {
        // image-webp 0.2 ends the program where a picture of them has another size than it says
        return Err(image(
            "it is an animation, which is several pictures".into(),
        ));
    }
    let (width, height) = decoder.dimensions();
    let rgb = checked_len(Stamp::default(), "file", width, height, MAX_PIXELS).map_err(frame)?;
    let alpha = decoder.has_alpha();
    let mut pixels = vec![0; if alpha { rgb / 3 * 4 } else { rgb }];
    (decoder.read_image(&mut pixels)).map_err(|e| image(e.into()))?;
    if alpha {
        let (with_alpha, _) = pixels.as_chunks::<4>();
        pixels = with_alpha
            .iter()
            .flat_map(|&[r, g, b, _]| [r, g, b])
            .collect();
    }
    Frame::from_rgb(Stamp::default(), width, height, pixels).map_err(frame)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn png_and_webp_files_are_read_by_content() {
        let folder = tempfile::tempdir().unwrap();
        let pixels = image::RgbImage::from_raw(2, 1, vec![9, 8, 7, 6, 5, 4]).unwrap();
        for format in [image::ImageFormat::Png, image::ImageFormat::WebP] {
            let path = folder.path().join("picture.dat");
            pixels.save_with_format(&path, format).unwrap();
            let frame = read_image(&path).unwrap();
            assert_eq!((frame.width(), frame.height()), (2, 1));
            assert_eq!(frame.pixels(), [9, 8, 7, 6, 5, 4], "{format:?}");
        }
        let path = folder.path().join("alpha.webp");
        let pixels = image::RgbaImage::from_raw(2, 1, vec![9, 8, 7, 255, 6, 5, 4, 128]).unwrap();
        pixels.save(&path).unwrap();
        assert_eq!(read_image(&path).unwrap().pixels(), [9, 8, 7, 6, 5, 4]);
    }

    #[test]
    fn what_is_no_picture_is_an_error_that_names_the_file() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("noise.jpg");
        std::fs::write(&path, b"not a picture").unwrap();
        assert!(
            read_image(&path)
                .unwrap_err()
                .to_string()
                .contains("noise.jpg")
        );
        std::fs::write(&path, b"GIF89a").unwrap();
        let gif = read_image(&path).unwrap_err();
        assert!(matches!(gif, FileError::Image { .. }), "{gif}");
        let missing = read_image(&folder.path().join("missing.png")).unwrap_err();
        assert!(matches!(missing, FileError::Io { .. }));
    }

    #[test]
    fn a_picture_that_git_lfs_did_not_fetch_is_named_as_such() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a.jpg");
        let pointer = "version https://git-lfs.github.com/spec/v1\noid sha256:0\nsize 19\n";
        std::fs::write(&path, pointer).unwrap();
        let error = read_image(&path).unwrap_err();
        assert!(error.to_string().contains("a.jpg"), "{error}");
        let cause = std::error::Error::source(&error).unwrap().to_string();
        assert!(cause.contains("git lfs pull"), "{cause}");
    }

    #[test]
    fn a_webp_that_lost_bytes_anywhere_is_no_picture() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("picture.webp");
        let pixels = image::RgbImage::from_fn(40, 30, |x, y| {
            image::Rgb([(x * 6) as u8, (y * 8) as u8, (x * y) as u8])
        });
        pixels.save(&path).unwrap();
        let lossless = std::fs::read(&path).unwrap();
        let lossy = &include_bytes!("../../fuzz/seeds/webp/lossy.webp")[..];
        for whole in [&lossless[..], lossy] {
            std::fs::write(&path, whole).unwrap();
            read_image(&path).unwrap();
            for at in 0..whole.len() {
                for end in [&[][..], whole.get(at + 5..).unwrap_or_default()] {
                    std::fs::write(&path, [&whole[..at], end].concat()).unwrap();
                    assert!(read_image(&path).is_err(), "byte {at}");
                }
            }
        }
    }

    /// A chunk of a WebP file.
    fn chunk(name: &[u8; 4], body: &[u8]) -> Vec<u8> {
        let length = (body.len() as u32).to_le_bytes();
        let filling = vec![0; body.len() % 2];
        [&name[..], &length, body, &filling].concat()
    }

    /// An animation of one picture of 33 x 17 pixels, which is said to be 16 x 16, as its alpha is: what
    /// ended the program.
    fn animation() -> Vec<u8> {
        let still = &include_bytes!("../../fuzz/seeds/webp/lossy.webp")[12..];
        let place = [0, 0, 0, 0, 0, 0, 15, 0, 0, 15, 0, 0, 0, 0, 0, 0];
        let alpha = chunk(b"ALPH", &[0; 1 + 16 * 16]);
        let canvas = [0x12, 0, 0, 0, 32, 0, 0, 16, 0, 0];
        let chunks = [
            b"WEBP".to_vec(),
            chunk(b"VP8X", &canvas),
            chunk(b"ANIM", &[0; 6]),
            chunk(b"ANMF", &[&place[..], &alpha, still].concat()),
        ];
        chunk(b"RIFF", &chunks.concat())
    }

    #[test]
    fn an_animation_is_no_picture() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("moving.webp");
        std::fs::write(&path, animation()).unwrap();
        let error = read_image(&path).unwrap_err();
        assert!(error.to_string().contains("moving.webp"), "{error}");
        let cause = std::error::Error::source(&error).unwrap().to_string();
        assert!(cause.contains("animation"), "{cause}");
    }

    #[test]
    fn a_webp_that_claims_more_pixels_than_a_frame_may_have_is_refused() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("large.webp");
        let mut canvas = [0; 10];
        canvas[4..].fill(0x7f);
        let chunks = [
            b"WEBP".to_vec(),
            chunk(b"VP8X", &canvas),
            chunk(b"VP8 ", &[0; 10]),
        ];
        std::fs::write(&path, chunk(b"RIFF", &chunks.concat())).unwrap();
        read_image(&path).unwrap_err();
    }
}
