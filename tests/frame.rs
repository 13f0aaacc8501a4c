//! Decoding of camera messages through the public interface.

#![allow(clippy::unwrap_used, reason = "helpers of tests")]

use std::io::Write;

use lookout::frame::{
    CameraView, CompressedView, Decoder, Encoding, Frame, FrameError, ImageView, Limits,
};
use lookout::time::Stamp;
use proptest::prelude::*;

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

#[test]
fn every_encoding_gives_its_pixels_and_leaves_out_the_padding() {
    // Padding is 99 everywhere.
    type Case = (&'static str, (u32, u32), u32, &'static [u8], &'static [u8]);
    let cases: &[Case] = &[
        (
            "rgb8",
            (1, 2),
            4,
            &[1, 2, 3, 99, 4, 5, 6, 99],
            &[1, 2, 3, 4, 5, 6],
        ),
        (
            "bgr8",
            (1, 2),
            4,
            &[1, 2, 3, 99, 4, 5, 6, 99],
            &[3, 2, 1, 6, 5, 4],
        ),
        (
            "rgba8",
            (1, 2),
            5,
            &[1, 2, 3, 0, 99, 4, 5, 6, 0, 99],
            &[1, 2, 3, 4, 5, 6],
        ),
        (
            "bgra8",
            (1, 2),
            4,
            &[1, 2, 3, 0, 4, 5, 6, 0],
            &[3, 2, 1, 6, 5, 4],
        ),
        (
            "mono8",
            (2, 2),
            3,
            &[1, 2, 99, 3, 4, 99],
            &[1, 1, 1, 2, 2, 2, 3, 3, 3, 4, 4, 4],
        ),
        // little-endian 0x0080 = 128 -> 0, 0x0081 = 129 -> 1, 0xffff -> 255
        (
            "mono16",
            (3, 1),
            8,
            &[0x80, 0, 0x81, 0, 0xff, 0xff, 99, 99],
            &[0, 0, 0, 1, 1, 1, 255, 255, 255],
        ),
        // U Y V Y: red at full saturation, then the same colour darker
        (
            "yuv422",
            (2, 1),
            5,
            &[90, 81, 240, 16, 99],
            &[254, 0, 0, 179, 0, 0],
        ),
        (
            "uyvy",
            (2, 1),
            4,
            &[128, 235, 128, 16],
            &[255, 255, 255, 0, 0, 0],
        ),
        (
            "yuv422_yuy2",
            (2, 1),
            4,
            &[81, 90, 16, 240],
            &[254, 0, 0, 179, 0, 0],
        ),
        (
            "yuyv",
            (2, 1),
            4,
            &[235, 128, 16, 128],
            &[255, 255, 255, 0, 0, 0],
        ),
        (
            "nv12",
            (2, 2),
            3,
            &[81, 81, 99, 16, 16, 99, 90, 240, 99],
            &[254, 0, 0, 254, 0, 0, 179, 0, 0, 179, 0, 0],
        ),
        (
            "nv21",
            (2, 2),
            2,
            &[81, 81, 16, 16, 240, 90],
            &[254, 0, 0, 254, 0, 0, 179, 0, 0, 179, 0, 0],
        ),
    ];
    for (encoding, size, step, data, expected) in cases {
        let frame = decode(view(encoding, *size, *step, data)).unwrap();
        assert_eq!(frame.pixels(), *expected, "{encoding}");
        assert_eq!(
            (frame.width(), frame.height(), frame.stamp()),
            (size.0, size.1, STAMP)
        );
    }
}

#[test]
fn mono16_respects_the_byte_order() {
    let big = ImageView {
        is_bigendian: true,
        ..view("mono16", (1, 1), 2, &[0x80, 0x00])
    };
    assert_eq!(decode(big).unwrap().pixels(), [128; 3]);
    assert_eq!(
        decode(view("mono16", (1, 1), 2, &[0x80, 0x00]))
            .unwrap()
            .pixels(),
        [0; 3]
    );
}

#[test]
fn bayer_keeps_what_was_measured_and_interpolates_the_rest() {
    // Red 200, green 100, blue 50 everywhere, seen through each pattern.
    let (r, g, b) = (200, 100, 50);
    for (encoding, tile) in [
        ("bayer_rggb8", [r, g, g, b]),
        ("bayer_bggr8", [b, g, g, r]),
        ("bayer_gbrg8", [g, b, r, g]),
        ("bayer_grbg8", [g, r, b, g]),
    ] {
        for (width, height) in [(2, 2), (4, 4), (5, 3)] {
            let data: Vec<u8> = (0..height)
                .flat_map(|y| (0..width).map(move |x| tile[(y % 2) * 2 + x % 2]))
                .collect();
            let size = (width as u32, height as u32);
            let frame = decode(view(encoding, size, width as u32, &data)).unwrap();
            for pixel in frame.pixels().chunks(3) {
                assert_eq!(pixel, [r, g, b], "{encoding} {width} x {height}");
            }
        }
    }
}

#[test]
fn two_bytes_a_sample_are_the_same_picture_in_either_byte_order() {
    let (r, g, b) = (200u8, 100, 50);
    let tile = |pattern: &str| match pattern {
        "rggb" => [r, g, g, b],
        "bggr" => [b, g, g, r],
        "gbrg" => [g, b, r, g],
        _ => [g, r, b, g],
    };
    let wide = |samples: &[u8]| -> Vec<u8> { samples.iter().flat_map(|&s| [s, s]).collect() };
    for pattern in ["rggb", "bggr", "gbrg", "grbg"] {
        let data: Vec<u8> = (0..12)
            .map(|i| tile(pattern)[i / 4 % 2 * 2 + i % 2])
            .collect();
        let frame = decode(view(&format!("bayer_{pattern}16"), (4, 3), 8, &wide(&data))).unwrap();
        assert!(
            frame.pixels().chunks(3).all(|p| p == [r, g, b]),
            "{pattern}"
        );
    }
    for (encoding, data) in [("rgb16", [r, g, b]), ("bgr16", [b, g, r])] {
        let frame = decode(view(encoding, (1, 1), 6, &wide(&data))).unwrap();
        assert_eq!(frame.pixels(), [r, g, b], "{encoding}");
        // the high byte alone counts for most of it
        let high: Vec<u8> = data.iter().flat_map(|&s| [s, 0]).collect();
        let big = ImageView {
            is_bigendian: true,
            ..view(encoding, (1, 1), 6, &high)
        };
        let seen = decode(big).unwrap();
        assert!(
            seen.pixels()
                .iter()
                .zip([r, g, b])
                .all(|(&s, c)| c - s <= 1)
        );
    }
    // as drivers mean OpenCV's names
    let frame = decode(view("8UC3", (1, 1), 3, &[b, g, r])).unwrap();
    assert_eq!(frame.pixels(), [r, g, b]);
}

#[test]
fn bayer_interpolates_between_the_nearest_neighbours() {
    // R G R G / G B G B / R G R G / G B G B
    let data = [
        10, 20, 30, 40, 50, 60, 70, 80, 90, 100, 110, 120, 130, 140, 150, 160,
    ];
    let frame = decode(view("bayer_rggb8", (4, 4), 4, &data)).unwrap();
    // blue pixel (1, 1): red (10 + 30 + 90 + 110) / 4, green (20 + 50 + 70 + 100) / 4
    assert_eq!(frame.pixel(1, 1), Some([60, 60, 60]));
    // green on a blue row (2, 1): red (30 + 110) / 2, blue (60 + 80) / 2
    assert_eq!(frame.pixel(2, 1), Some([70, 70, 70]));
    // red pixel at the corner (0, 0), mirrored: green (20 + 20 + 50 + 50) / 4, blue 60
    assert_eq!(frame.pixel(0, 0), Some([10, 35, 60]));
}

#[test]
fn malformed_images_are_errors_that_name_the_numbers() {
    let cases: &[(ImageView<'_>, &str)] = &[
        (
            view("rgb32", (1, 1), 6, &[0; 6]),
            "frame 1.500000000: unknown encoding \"rgb32\"",
        ),
        (
            view("8UC2", (1, 1), 3, &[0; 3]),
            "unknown encoding \"8UC2\"; known are rgb8, bgr8",
        ),
        (
            view("rgb8", (0, 4), 0, &[]),
            "rgb8 image of zero size, 0 x 4",
        ),
        (
            view("mono8", (10_000, 10_000), 10_000, &[]),
            "100000000 pixels, the limit is 50000000",
        ),
        (
            view("rgb8", (u32::MAX, u32::MAX), u32::MAX, &[]),
            "the limit is 50000000",
        ),
        (
            view("rgb8", (2, 1), 5, &[0; 5]),
            "rgb8 rows of 2 pixels take 6 bytes, but step is 5",
        ),
        (
            view("mono16", (2, 1), 2, &[0; 2]),
            "take 4 bytes, but step is 2",
        ),
        (
            view("rgb8", (1, 2), 3, &[0; 5]),
            "takes 6 bytes, but there are 5",
        ),
        (
            view("rgb8", (1, 2), 3, &[0; 7]),
            "takes 6 bytes, but there are 7",
        ),
        (
            view("nv12", (2, 2), 2, &[0; 4]),
            "takes 6 bytes, but there are 4",
        ),
        (
            view("yuv422", (3, 1), 6, &[0; 6]),
            "yuv422 needs an even width, the image is 3 x 1",
        ),
        (
            view("nv21", (2, 3), 2, &[0; 9]),
            "nv21 needs an even width and height",
        ),
        (
            view("bayer_rggb8", (1, 2), 1, &[0; 2]),
            "bayer_rggb8 needs at least 2 x 2 pixels",
        ),
    ];
    for (view, expected) in cases {
        let error = decode(*view).unwrap_err();
        assert!(error.to_string().contains(expected), "{error}");
        assert_eq!(error.stamp(), STAMP);
    }
}

#[test]
fn a_failed_decode_leaves_no_stale_picture() {
    let mut decoder = Decoder::new(Limits::default());
    let mut frame = Frame::new();
    let good = CameraView::Raw(view("mono8", (2, 1), 2, &[7, 8]));
    let bad = CameraView::Raw(view("mono8", (2, 1), 1, &[7]));
    decoder.decode(&good, &mut frame).unwrap();
    decoder.decode(&bad, &mut frame).unwrap_err();
    assert!(frame.is_empty());
    assert_eq!((frame.width(), frame.height()), (0, 0));
}

#[test]
fn raw_encodings_reuse_the_buffer() {
    let mut decoder = Decoder::new(Limits::default());
    let mut frame = Frame::new();
    let data = vec![100; 64 * 48 * 6];
    let mut at = None;
    for encoding in Encoding::ALL {
        let name = encoding.to_string();
        let rows = if name.starts_with("nv") { 72 } else { 48 };
        let view = view(&name, (64, 48), 384, &data);
        let data = vec![100; 384 * rows];
        decoder
            .decode(
                &CameraView::Raw(ImageView {
                    data: &data,
                    ..view
                }),
                &mut frame,
            )
            .unwrap();
        assert_eq!(
            *at.get_or_insert(frame.pixels().as_ptr()),
            frame.pixels().as_ptr(),
            "{name}"
        );
    }
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

#[test]
fn png_of_every_colour_type_becomes_rgb() {
    use png::{BitDepth, ColorType};
    for (colour, depth, palette, data, expected) in [
        (
            ColorType::Grayscale,
            BitDepth::Eight,
            vec![],
            vec![1, 2],
            [1, 1, 1, 2, 2, 2],
        ),
        (
            ColorType::Grayscale,
            BitDepth::One,
            vec![],
            vec![0b0100_0000],
            [0, 0, 0, 255, 255, 255],
        ),
        (
            ColorType::Grayscale,
            BitDepth::Sixteen,
            vec![],
            vec![1, 9, 2, 9],
            [1, 1, 1, 2, 2, 2],
        ),
        (
            ColorType::GrayscaleAlpha,
            BitDepth::Eight,
            vec![],
            vec![1, 0, 2, 9],
            [1, 1, 1, 2, 2, 2],
        ),
        (
            ColorType::Rgb,
            BitDepth::Eight,
            vec![],
            vec![1, 2, 3, 4, 5, 6],
            [1, 2, 3, 4, 5, 6],
        ),
        (
            ColorType::Rgba,
            BitDepth::Eight,
            vec![],
            vec![1, 2, 3, 0, 4, 5, 6, 255],
            [1, 2, 3, 4, 5, 6],
        ),
        (
            ColorType::Indexed,
            BitDepth::Eight,
            vec![1, 2, 3, 4, 5, 6],
            vec![1, 0],
            [4, 5, 6, 1, 2, 3],
        ),
    ] {
        let file = png_of(colour, depth, &palette, &data);
        let frame = decode_file(&file, "jpeg").unwrap();
        assert_eq!(frame.pixels(), expected, "{colour:?} {depth:?}");
    }
}

/// A PNG of two indices, with these bytes as its palette.
fn png_with_palette(palette: Option<&[u8]>, indices: [u8; 2]) -> Vec<u8> {
    let (colour, depth) = (png::ColorType::Indexed, png::BitDepth::Eight);
    let whole = png_of(colour, depth, &[0, 0, 0], &indices);
    let (signature, mut rest) = whole.split_at(8);
    let mut out = signature.to_vec();
    while let Some((length, _)) = rest.split_first_chunk() {
        let (chunk, after) = rest.split_at(12 + u32::from_be_bytes(*length) as usize);
        rest = after;
        if &chunk[4..8] != b"PLTE" {
            out.extend(chunk);
        } else if let Some(palette) = palette {
            let body = [&b"PLTE"[..], palette].concat();
            out.extend((palette.len() as u32).to_be_bytes());
            out.extend(&body);
            out.extend(crc32fast::hash(&body).to_be_bytes());
        }
    }
    out
}

#[test]
fn a_palette_that_is_none_and_colours_that_it_lacks_are_errors() {
    let colours: Vec<u8> = (0..=255).chain(0..=255).chain(0..=255).collect();
    let frame = decode_file(&png_with_palette(Some(&colours), [255, 1]), "x").unwrap();
    assert_eq!(frame.pixels(), [253, 254, 255, 3, 4, 5]);
    let long = [&colours[..], &colours].concat();
    for (palette, words) in [
        (None, ""),
        (Some(&[][..]), ""),
        (Some(&[1]), ""),
        (Some(&[1, 2, 3, 4, 5]), "palette"),
        (Some(&long), ""),
        (Some(&[1, 2, 3]), "colour 1, its palette has 1"),
    ] {
        let error = decode_file(&png_with_palette(palette, [0, 1]), "x").unwrap_err();
        assert!(error.to_string().contains(words), "{error}");
    }
}

#[test]
fn indices_of_one_two_and_four_bits_are_looked_up() {
    use png::BitDepth;
    let colours = [1, 2, 3, 4, 5, 6];
    for (depth, byte) in [
        (BitDepth::One, 0b1000_0000),
        (BitDepth::Two, 0b0100_0000),
        (BitDepth::Four, 0b0001_0000),
    ] {
        let file = png_of(png::ColorType::Indexed, depth, &colours, &[byte]);
        let frame = decode_file(&file, "x").unwrap();
        assert_eq!(frame.pixels(), [4, 5, 6, 1, 2, 3], "{depth:?}");
    }
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

/// The coded data of a PNG of 64 x 64 grey pixels, not compressed: beginning, halves, checksum.
fn png_parts() -> [Vec<u8>; 4] {
    let rows: Vec<u8> = (0..64 * 65u32)
        .map(|i| if i % 65 == 0 { 0 } else { (i * i % 251) as u8 })
        .collect();
    let (mut a, mut b) = (1u32, 0u32);
    for &byte in &rows {
        a = (a + u32::from(byte)) % 65_521;
        b = (b + a) % 65_521;
    }
    let length = rows.len() as u16;
    let head = [
        &[0x78, 0x01, 0x01][..],
        &length.to_le_bytes(),
        &(!length).to_le_bytes(),
    ]
    .concat();
    let checksum = ((b << 16) | a).to_be_bytes();
    let (upper, lower) = rows.split_at(rows.len() / 2);
    [head, upper.to_vec(), lower.to_vec(), checksum.to_vec()]
}

/// That PNG with these parts, each with its right CRC.
fn png_of_parts(parts: &[&[u8]]) -> Vec<u8> {
    let size = 64u32.to_be_bytes();
    let header = [&size[..], &size, &[8, 0, 0, 0, 0]].concat();
    let mut png = b"\x89PNG\r\n\x1a\n".to_vec();
    let mut chunk = |kind: &[u8; 4], body: &[u8]| {
        let named = [&kind[..], body].concat();
        png.extend((body.len() as u32).to_be_bytes());
        png.extend(&named);
        png.extend(crc32fast::hash(&named).to_be_bytes());
    };
    chunk(b"IHDR", &header);
    parts.iter().for_each(|part| chunk(b"IDAT", part));
    chunk(b"IEND", &[]);
    png
}

fn png_in_parts() -> Vec<u8> {
    png_of_parts(&png_parts().each_ref().map(Vec::as_slice))
}

#[test]
fn a_png_with_parts_swapped_repeated_or_of_another_picture_is_an_error() {
    let [head, upper, lower, checksum] = &png_parts();
    decode_file(&png_of_parts(&[head, upper, lower, checksum]), "png").unwrap();
    let in_one = [&head[..], upper, lower, checksum].concat();
    decode_file(&png_of_parts(&[&in_one]), "png").unwrap();
    let swapped_in_one = [&head[..], lower, upper, checksum].concat();
    let mut other = lower.clone();
    other[700] ^= 1;
    let cases: [(&[&[u8]], &str); 7] = [
        (&[head, lower, upper, checksum], "swapped"),
        (&[&swapped_in_one], "swapped in one chunk"),
        (&[head, upper, upper, checksum], "the upper half twice"),
        (&[head, upper, &other, checksum], "of another picture"),
        (&[head, upper, lower, checksum, lower], "one more"),
        (&[head, upper, lower], "without its checksum"),
        (&[head, upper, lower, &checksum[..3]], "with a part of it"),
    ];
    for (parts, what) in cases {
        let result = decode_file(&png_of_parts(parts), "png");
        assert!(result.is_err(), "{what}");
    }
}

/// Its data is more than is decompressed at a time, and refers back.
#[test]
fn a_large_png_in_many_parts_comes_back_as_it_was_and_needs_each_of_them() {
    let mut noise = 1u32;
    let rgb: Vec<u8> = (0..300 * 200 * 3u32)
        .map(|i| {
            noise = noise.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            (i % 900 / 3 + (noise >> 30)) as u8
        })
        .collect();
    let mut file = vec![];
    let mut encoder = png::Encoder::new(&mut file, 300, 200);
    encoder.set_color(png::ColorType::Rgb);
    let mut writer = encoder.write_header().unwrap();
    let mut rows = writer.stream_writer_with_size(1000).unwrap();
    rows.write_all(&rgb).unwrap();
    rows.finish().unwrap();
    writer.finish().unwrap();
    assert!(decode_file(&file, "png").unwrap().pixels() == rgb);

    let kinds = file.windows(4).enumerate().filter(|(_, w)| w == b"IDAT");
    let parts: Vec<usize> = kinds.map(|(at, _)| at - 4).collect();
    assert!(parts.len() > 10, "{} parts", parts.len());
    for part in parts.windows(2) {
        let hole = [&file[..part[0]], &file[part[1]..]].concat();
        assert!(decode_file(&hole, "png").is_err(), "without {part:?}");
    }
}

#[test]
fn a_png_that_lost_or_repeated_a_part_is_an_error() {
    let whole = png_in_parts();
    decode_file(&whole, "png").unwrap();
    // the end has a part of its own, of twelve bytes
    for at in (0..whole.len() - 64 - 12).step_by(29) {
        let hole = [&whole[..at], &whole[at + 64..]].concat();
        assert!(decode_file(&hole, "png").is_err(), "a hole at {at}");
        let repeated = [&whole[..at + 64], &whole[at..]].concat();
        assert!(decode_file(&repeated, "png").is_err(), "repeated at {at}");
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
    let error = decode_file(b"RIFFxxxx", "16UC1; compressedDepth")
        .unwrap_err()
        .to_string();
    assert!(error.contains("\"16UC1; compressedDepth\"") && error.contains("[52, 49, 46, 46]"));
    assert!(decode_file(&[], "jpeg").is_err());
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(1000))]

    #[test]
    fn raw_bytes_of_any_size_never_panic(
        encoding in (0..Encoding::ALL.len()).prop_map(|i| Encoding::ALL[i].to_string()),
        width in 0u32..20, height in 0u32..20, pad in 0u32..5, is_bigendian: bool,
        exact in proptest::bool::weighted(0.8), data in proptest::collection::vec(any::<u8>(), 2400),
    ) {
        let step = width * 4 + pad;
        let rows = if encoding.starts_with("nv") { height + height / 2 } else { height };
        let len = if exact { (step * rows) as usize } else { data.len() };
        let data = &data[..len.min(data.len())];
        let view = ImageView { is_bigendian, ..view(&encoding, (width, height), step, data) };
        if let Ok(frame) = decode(view) {
            prop_assert_eq!(frame.pixels().len(), (width * height * 3) as usize);
        }
    }

    #[test]
    fn any_claim_about_any_bytes_never_panics(
        encoding in "[a-z0-9_]{0,12}", width: u32, height: u32, step: u32,
        data in proptest::collection::vec(any::<u8>(), 0..64),
    ) {
        let _ = decode(view(&encoding, (width, height), step, &data));
        let _ = decode(view("nv12", (width & !1, height & !1), step, &data));
    }

    #[test]
    fn damaged_jpeg_and_png_never_panic(
        hits in proptest::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..8),
        is_png: bool, grey: bool,
    ) {
        let mut file = if is_png {
            png_of(png::ColorType::Rgb, png::BitDepth::Eight, &[], &[1, 2, 3, 4, 5, 6])
        } else {
            jpeg(grey)
        };
        for (at, value) in hits {
            let at = at.index(file.len());
            file[at] = value;
        }
        let _ = decode_file(&file, "x");
    }
}
