//! JPEG and PNG, found by their magic bytes.

use std::fmt;

use png::{ColorType, Transformations};
use zune_jpeg::JpegDecoder;
use zune_jpeg::errors::DecodeErrors;
use zune_jpeg::zune_core::bytestream::ZCursor;
use zune_jpeg::zune_core::colorspace::ColorSpace;
use zune_jpeg::zune_core::options::DecoderOptions;

use super::error::clipped;
use super::jpeg::{self, Damage, Layout};
use super::png_data::png_decoder;
use super::{CompressedView, Frame, FrameError, checked_len};

named! {
    /// The compressed formats that are read.
    #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
    pub enum Codec {
        /// Baseline or progressive, grey, YCbCr, RGB or CMYK.
        Jpeg => "JPEG",
        /// Any colour type and depth. 16-bit samples keep their high byte; alpha is dropped, not
        /// blended; of an animation the default image.
        Png => "PNG",
    }
}

impl Codec {
    /// The codec whose magic bytes `data` starts with.
    pub fn detect(data: &[u8]) -> Option<Self> {
        if data.starts_with(&[0xff, 0xd8, 0xff]) {
            Some(Self::Jpeg)
        } else if data.starts_with(b"\x89PNG\r\n\x1a\n") {
            Some(Self::Png)
        } else {
            None
        }
    }
}

pub(super) fn decode(
    view: &CompressedView<'_>,
    max_pixels: u64,
    scratch: &mut Vec<u8>,
    out: &mut Frame,
) -> Result<(), FrameError> {
    let (stamp, format) = (view.stamp, view.format);
    if view.data.is_empty() {
        return Err(FrameError::DataLength {
            stamp,
            encoding: clipped(format),
            step: 0,
            height: 0,
            expected: 1,
            actual: 0,
        });
    }
    if let Some(why) = no_colours(format) {
        let format = clipped(format);
        return Err(FrameError::Mosaic { stamp, format, why });
    }
    match Codec::detect(view.data) {
        Some(Codec::Jpeg) => jpeg(view, max_pixels, scratch, out),
        Some(Codec::Png) => png(view, max_pixels, scratch, out),
        None => Err(FrameError::UnknownFormat {
            stamp,
            format: clipped(format),
            len: view.data.len() as u64,
            start: view.data.iter().copied().take(4).collect(),
        }),
    }
}

const MOSAIC: &str = "the picture is the raw mosaic of a Bayer sensor, compressed: publish a colour picture, \
                      or the raw image as bayer_*8 or bayer_*16";
const DEPTH: &str = "it is a depth picture, whose pixels are distances: give the topic of the camera's colour \
                     pictures, sensor_msgs/msg/Image or a CompressedImage of JPEG or PNG";

/// What pixels that are no colours are, where the format says it, in capitals or not. `image_transport` writes
/// "ENCODING; CODEC compressed TARGET": it leaves TARGET out where it codes the pixels as they are, and makes
/// colours of a mosaic where TARGET is a colour encoding. A depth picture is "ENCODING; compressedDepth CODEC".
fn no_colours(format: &str) -> Option<&'static str> {
    let (encoding, coding) = format.split_once(';').unwrap_or((format, ""));
    let is = |word: &str, wanted: &str| word.eq_ignore_ascii_case(wanted);
    if coding
        .split_whitespace()
        .any(|word| is(word, "compressedDepth"))
    {
        return Some(DEPTH);
    }
    let mut words = coding.split_whitespace();
    let target = words
        .find(|word| is(word, "compressed"))
        .and_then(|_| words.next());
    let pixels = target.unwrap_or(encoding).trim();
    let begin = pixels.get(.."bayer_".len())?;
    begin.eq_ignore_ascii_case("bayer_").then_some(MOSAIC)
}

/// The words of a decoder are for who writes programs.
fn decoder_says(error: impl fmt::Display) -> String {
    format!("it cannot be decoded ({error})")
}

/// What is wrong with the data was found here, while the decoder read it.
fn png_says(error: &png::DecodingError) -> String {
    match error {
        png::DecodingError::IoError(error) => error.to_string(),
        error => decoder_says(error),
    }
}

fn fault(view: &CompressedView<'_>, codec: Codec, reason: impl fmt::Display) -> FrameError {
    FrameError::Compressed {
        stamp: view.stamp,
        format: clipped(view.format),
        codec,
        len: view.data.len() as u64,
        reason: reason.to_string(),
    }
}

fn jpeg(
    view: &CompressedView<'_>,
    max_pixels: u64,
    scratch: &mut Vec<u8>,
    out: &mut Frame,
) -> Result<(), FrameError> {
    let fault = |reason: &dyn fmt::Display| fault(view, Codec::Jpeg, reason);
    // The decoder goes on where data is missing, so the data is checked by itself: all of the picture,
    // and nothing else, must be there.
    let mut data = view.data;
    let mut checked = jpeg::check(data);
    if checked == Err(Damage::NoTables) {
        jpeg::with_standard_tables(view.data, scratch);
        data = scratch;
        checked = jpeg::check(data);
    }
    match checked {
        // the limits below say by how much, where the decoder sees the same size
        Ok(_) | Err(Damage::TooLarge) => {}
        Err(damage) => return Err(fault(&damage)),
    }
    let options = DecoderOptions::default()
        .set_strict_mode(true)
        .set_max_width(usize::from(u16::MAX))
        .set_max_height(usize::from(u16::MAX))
        .jpeg_set_out_colorspace(ColorSpace::RGB);
    let mut decoder = JpegDecoder::new_with_options(ZCursor::new(data), options);
    let says = |error: DecodeErrors| fault(&decoder_says(error));
    decoder.decode_headers().map_err(says)?;
    let info = decoder.info().ok_or_else(|| fault(&"no image header"))?;
    let (width, height) = (u32::from(info.width), u32::from(info.height));
    let len = checked_len(view.stamp, view.format, width, height, max_pixels)?;
    let layout = checked.map_err(|damage| fault(&damage))?;
    if decoder.output_buffer_size() != Some(len) {
        return Err(fault(&"its colours do not convert to RGB"));
    }
    let rgb = out.reset(width, height, view.stamp)?;
    match layout {
        Layout::Together => decoder.decode_into(rgb).map_err(says),
        Layout::Apart => apart(data, rgb).map_err(|reason| fault(&reason)),
    }
}

/// Decodes a picture whose components come one after the other: zune-jpeg 0.5 shows them in false colours where one is
/// sampled coarser or where there are restart markers, and panics on some.
fn apart(data: &[u8], rgb: &mut [u8]) -> Result<(), String> {
    let mut decoder = jpeg_decoder::Decoder::new(data);
    decoder.set_max_decoding_buffer_size(rgb.len());
    let pixels = decoder.decode().map_err(|error| error.to_string())?;
    let format = decoder.info().map(|info| info.pixel_format);
    if format != Some(jpeg_decoder::PixelFormat::RGB24) || pixels.len() != rgb.len() {
        return Err("its colours do not convert to RGB".to_owned());
    }
    rgb.copy_from_slice(&pixels);
    Ok(())
}

fn png(
    view: &CompressedView<'_>,
    max_pixels: u64,
    scratch: &mut Vec<u8>,
    out: &mut Frame,
) -> Result<(), FrameError> {
    let fault = |reason: &dyn fmt::Display| fault(view, Codec::Png, reason);
    let says = |error: png::DecodingError| fault(&png_says(&error));
    let mut decoder = png_decoder(view.data);
    let info = decoder.read_header_info().map_err(says)?;
    let (width, height) = info.size();
    // The library paints what a palette lacks black, and ends the program where a palette is no list of
    // colours: indices are looked up here.
    let transformations = match info.color_type {
        ColorType::Indexed => Transformations::IDENTITY,
        _ => Transformations::EXPAND | Transformations::STRIP_16,
    };
    decoder.set_transformations(transformations);
    let len = checked_len(view.stamp, view.format, width, height, max_pixels)?;
    let mut reader = decoder.read_info().map_err(says)?;
    let rgb = out.reset(width, height, view.stamp)?;
    let (colour, depth) = reader.output_color_type();
    if colour == ColorType::Rgb {
        if reader.output_buffer_size() != Some(len) {
            return Err(fault(&"its rows do not have the size of its header"));
        }
        reader.next_frame(rgb).map_err(says)?;
    } else {
        let size = reader
            .output_buffer_size()
            .ok_or_else(|| fault(&"too large"))?;
        if size > len / 3 * 4 {
            return Err(fault(&"its rows do not have the size of its header"));
        }
        scratch.clear();
        scratch.resize(size, 0);
        reader.next_frame(scratch).map_err(says)?;
        let to = rgb.as_chunks_mut::<3>().0.iter_mut();
        match colour {
            ColorType::Grayscale => {
                to.zip(scratch.iter())
                    .for_each(|(to, grey)| *to = [*grey; 3]);
            }
            ColorType::GrayscaleAlpha => {
                let from = scratch.as_chunks::<2>().0;
                to.zip(from).for_each(|(to, &[grey, _])| *to = [grey; 3]);
            }
            ColorType::Rgba => {
                let from = scratch.as_chunks::<4>().0;
                to.zip(from).for_each(|(to, &[r, g, b, _])| *to = [r, g, b]);
            }
            ColorType::Indexed => {
                let palette = reader.info().palette.as_deref().unwrap_or_default();
                coloured(scratch, width as usize, depth as usize, palette, rgb)
                    .map_err(|reason| fault(&reason))?;
            }
            // straight into the frame, above
            ColorType::Rgb => {}
        }
    }
    // The rest of the file is read too: a truncated or corrupt end is no whole picture.
    reader.finish().map_err(says)
}

/// The colours of rows of indices of 1, 2, 4 or 8 bits; each row ends with a whole byte.
fn coloured(
    rows: &[u8],
    width: usize,
    bits: usize,
    palette: &[u8],
    rgb: &mut [u8],
) -> Result<(), String> {
    let (colours, rest) = palette.as_chunks::<3>();
    if colours.is_empty() || colours.len() > 256 || !rest.is_empty() {
        let bytes = palette.len();
        return Err(format!(
            "its palette of {bytes} bytes is no list of colours"
        ));
    }
    let mask = (1 << bits) - 1;
    let from = rows.chunks_exact((width * bits).div_ceil(8));
    for (row, to) in from.zip(rgb.chunks_exact_mut(3 * width)) {
        for (x, to) in to.as_chunks_mut::<3>().0.iter_mut().enumerate() {
            let right = 8 - bits - x * bits % 8;
            let index = usize::from(row[x * bits / 8] >> right) & mask;
            let colour = colours.get(index);
            *to = *colour.ok_or_else(|| {
                let there = colours.len();
                format!("a pixel has colour {index}, its palette has {there}")
            })?;
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::{DEPTH, MOSAIC, no_colours};

    #[test]
    fn pixels_that_are_no_colours_are_told_by_the_format() {
        for format in [
            "bayer_rggb8",
            "bayer_rggb8; png",
            "bayer_rggb8; jpeg compressed ",
            "bayer_grbg16; png compressed bayer_grbg16",
            "BAYER_RGGB8",
            "BAYER_RGGB8; jpeg compressed ",
            "Bayer_GRBG16; PNG Compressed Bayer_GRBG16",
            "rgb8; jpeg compressed BAYER_RGGB8",
        ] {
            assert_eq!(no_colours(format), Some(MOSAIC), "{format}");
        }
        for format in ["16UC1; compressedDepth", "32FC1; COMPRESSEDDEPTH png"] {
            assert_eq!(no_colours(format), Some(DEPTH), "{format}");
        }
        for format in [
            "",
            "jpeg",
            "rgb8; jpeg compressed bgr8",
            "bayer_rggb8; jpeg compressed bgr8",
            "BAYER_RGGB8; JPEG COMPRESSED BGR8",
            "mono8; png compressed ",
        ] {
            assert_eq!(no_colours(format), None, "{format}");
        }
    }
}
