//! PNG: colour types, palettes, and files that lost a part.

use std::io::Write;

use super::*;

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

#[test]
fn the_words_of_a_decoder_stand_behind_a_sentence() {
    let mut file = png_in_parts();
    // no such colour type
    file[25] = 7;
    let checksum = crc32fast::hash(&file[12..29]);
    file[29..33].copy_from_slice(&checksum.to_be_bytes());
    let text = decode_file(&file, "png").unwrap_err().to_string();
    assert!(text.contains(": it cannot be decoded ("), "{text}");
    let [head, upper, _, checksum] = &png_parts();
    let damaged = png_of_parts(&[head, upper, upper, checksum]);
    let text = decode_file(&damaged, "png").unwrap_err().to_string();
    assert!(text.contains(": the checksum of its pixels"), "{text}");
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
