//! Decoding of camera messages through the public interface.

#![allow(clippy::unwrap_used, reason = "helpers of tests")]

mod png_files;
mod random;
mod raw;

use jpeg_encoder::{ColorType, Encoder, SamplingFactor};
use lookout::frame::{
    CameraView, CompressedView, Decoder, Encoding, Frame, FrameError, ImageView, Limits,
};
use lookout::time::Stamp;

const STAMP: Stamp = Stamp::from_nanos(1_500_000_000);

fn view<'a>(encoding: &'a str, size: (u32, u32), step: u32, data: &'a [u8]) -> ImageView<'a> {
    let (width, height) = size;
    ImageView {
        stamp: STAMP,
        width,
        height,
        encoding,
        is_bigendian: false,
        step,
        data,
    }
}

fn decode(view: ImageView<'_>) -> Result<Frame, FrameError> {
    let mut frame = Frame::new();
    Decoder::new(Limits::default()).decode(&CameraView::Raw(view), &mut frame)?;
    Ok(frame)
}

fn decode_file(data: &[u8], format: &str) -> Result<Frame, FrameError> {
    let mut frame = Frame::new();
    let view = CompressedView {
        stamp: STAMP,
        format,
        data,
    };
    Decoder::new(Limits::default()).decode(&CameraView::Compressed(view), &mut frame)?;
    Ok(frame)
}

fn png_of(colour: png::ColorType, depth: png::BitDepth, palette: &[u8], data: &[u8]) -> Vec<u8> {
    let mut out = Vec::new();
    let mut encoder = png::Encoder::new(&mut out, 2, 1);
    encoder.set_color(colour);
    encoder.set_depth(depth);
    if !palette.is_empty() {
        encoder.set_palette(palette.to_vec());
    }
    let mut writer = encoder.write_header().unwrap();
    writer.write_image_data(data).unwrap();
    writer.finish().unwrap();
    out
}

/// A smooth picture, 48 x 32.
fn jpeg(grey: bool) -> Vec<u8> {
    let mut out = Vec::new();
    let mut encoder = image::codecs::jpeg::JpegEncoder::new_with_quality(&mut out, 95);
    let rgb = image::RgbImage::from_fn(48, 32, |x, y| image::Rgb([x as u8 * 5, y as u8 * 7, 90]));
    if grey {
        encoder
            .encode_image(&image::DynamicImage::ImageRgb8(rgb).into_luma8())
            .unwrap();
    } else {
        encoder.encode_image(&rgb).unwrap();
    }
    out
}

#[test]
fn jpeg_in_colour_and_grey_becomes_rgb() {
    let frame = decode_file(&jpeg(false), "rgb8; jpeg compressed bgr8").unwrap();
    assert_eq!((frame.width(), frame.height()), (48, 32));
    for (x, y) in [(10, 10), (40, 20)] {
        let [r, g, b] = frame.pixel(x, y).unwrap().map(i32::from);
        let near = |a: i32, b: u32| (a - b as i32).abs() < 12;
        assert!(
            near(r, x * 5) && near(g, y * 7) && near(b, 90),
            "{r} {g} {b} at {x} {y}"
        );
    }
    let grey = decode_file(&jpeg(true), "").unwrap();
    assert!(
        grey.pixels()
            .chunks(3)
            .all(|p| p[0] == p[1] && p[1] == p[2])
    );
}

#[test]
fn a_jpeg_whose_components_come_apart_has_its_colours() {
    let (width, height) = (165, 123);
    let of = |x: u16, y: u16| [x as u8, y as u8 * 2, 200 - x as u8 / 2 - y as u8 / 2];
    let pixels: Vec<u8> = (0..height)
        .flat_map(|y| (0..width).flat_map(move |x| of(x, y)))
        .collect();
    for sampling in [
        SamplingFactor::F_1_1,
        SamplingFactor::F_2_1,
        SamplingFactor::F_1_2,
        SamplingFactor::F_2_2,
        SamplingFactor::F_4_1,
        SamplingFactor::F_1_4,
    ] {
        let coded = |apart: bool, restart: u16| {
            let mut data = vec![];
            let mut encoder = Encoder::new(&mut data, 95);
            encoder.set_sampling_factor(sampling);
            encoder.set_optimized_huffman_tables(apart);
            encoder.set_restart_interval(restart);
            encoder
                .encode(&pixels, width, height, ColorType::Rgb)
                .unwrap();
            decode_file(&data, "jpeg").unwrap()
        };
        // this encoder writes components apart where their codes are optimised, and sampled by four always
        for frame in [coded(false, 0), coded(true, 0), coded(false, 5)] {
            let off: u32 = (frame.pixels().iter().zip(&pixels))
                .map(|(a, b)| u32::from(a.abs_diff(*b)))
                .sum();
            let mean = f64::from(off) / pixels.len() as f64;
            assert!(mean < 3.0, "{sampling:?}: {mean} levels off");
        }
    }
}

#[test]
fn truncated_files_are_errors_at_any_length() {
    let png = png_of(
        png::ColorType::Rgb,
        png::BitDepth::Eight,
        &[],
        &[1, 2, 3, 4, 5, 6],
    );
    for file in [jpeg(false), png] {
        for len in (0..file.len())
            .step_by(7)
            .chain([file.len() - 2, file.len() - 1])
        {
            let Err(error) = decode_file(&file[..len], "x") else {
                panic!("{len} bytes")
            };
            assert!(error.to_string().contains("\"x\""), "{error}");
        }
    }
}

#[test]
fn a_header_that_claims_100_megapixels_is_refused() {
    let mut png = png_of(
        png::ColorType::Rgb,
        png::BitDepth::Eight,
        &[],
        &[1, 2, 3, 4, 5, 6],
    );
    png[16..20].copy_from_slice(&10_000u32.to_be_bytes());
    png[20..24].copy_from_slice(&10_000u32.to_be_bytes());
    let crc = crc32fast::hash(&png[12..29]);
    png[29..33].copy_from_slice(&crc.to_be_bytes());
    let mut jpeg = jpeg(false);
    let sof = jpeg
        .windows(2)
        .position(|marker| marker == [0xff, 0xc0])
        .unwrap();
    jpeg[sof + 5..sof + 7].copy_from_slice(&10_000u16.to_be_bytes());
    jpeg[sof + 7..sof + 9].copy_from_slice(&10_000u16.to_be_bytes());
    for file in [png, jpeg] {
        let error = decode_file(&file, "x").unwrap_err();
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
    }
}

#[test]
fn what_is_neither_jpeg_nor_png_names_the_format_and_its_first_bytes() {
    let error = decode_file(b"RIFFxxxx", "rgb8; webp")
        .unwrap_err()
        .to_string();
    assert!(error.contains("\"rgb8; webp\"") && error.contains("[52, 49, 46, 46]"));
}

#[test]
fn a_message_without_data_and_a_depth_picture_are_called_so() {
    let said = |data: &[u8], format| decode_file(data, format).unwrap_err().to_string();
    for format in ["jpeg", "", "16UC1; compressedDepth png"] {
        let empty = said(&[], format);
        assert!(empty.contains("message has no data"), "{empty}");
        assert!(empty.contains(&format!("{format:?}")), "{empty}");
    }
    for data in [&[0; 12][..], &jpeg(true)] {
        let depth = said(data, "16UC1; compressedDepth png");
        assert!(depth.contains("is a depth picture"), "{depth}");
        assert!(depth.contains("sensor_msgs/msg/Image"), "{depth}");
    }
}

#[test]
fn an_error_keeps_the_begin_of_a_text_however_long_it_is() {
    let mut large = jpeg(false);
    let sof = large.windows(2).position(|marker| marker == [0xff, 0xc0]);
    large[sof.unwrap() + 5..][..4].fill(0xff);
    let damaged = &jpeg(false)[..200];
    for letters in ["\u{1}", "A", "xé"] {
        let text = letters.repeat(1 << 20);
        let mosaic = format!("bayer_{text}");
        let errors = [
            decode(view(&text, (2, 1), 6, &[0; 6])).unwrap_err(),
            decode_file(b"RIFFxxxx", &text).unwrap_err(),
            decode_file(damaged, &text).unwrap_err(),
            decode_file(&large, &text).unwrap_err(),
            decode_file(damaged, &mosaic).unwrap_err(),
        ];
        for error in errors {
            let said = error.to_string();
            assert!(said.len() < 1200, "{letters:?}: {} bytes", said.len());
            assert!(said.contains('…'), "{said}");
        }
    }
}
