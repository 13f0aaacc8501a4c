//! Pictures of two encoders, whole and damaged. Visible damage is what a decoder that goes on shows.

use image::{ExtendedColorType, ImageEncoder, RgbImage};
use jpeg_encoder::{ColorType, Encoder, SamplingFactor};
use rand::{RngExt, SeedableRng};

use super::*;

type Rng = rand_pcg::Pcg64;

/// A street of sorts: gradients, boxes, texture.
fn picture(width: u32, height: u32, rng: &mut Rng) -> RgbImage {
    let mut image = RgbImage::from_fn(width, height, |x, y| {
        let grain = (x * 31 + y * 17 + x * y) % 23;
        [
            (y * 255 / height + grain) as u8 / 2 + 60,
            (x % 200 + grain) as u8,
            90,
        ]
        .into()
    });
    for _ in 0..40 {
        let (w, h) = (
            rng.random_range(4..width / 3),
            rng.random_range(4..height / 3),
        );
        let (left, top) = (
            rng.random_range(0..width - w),
            rng.random_range(0..height - h),
        );
        let colour: [u8; 3] = rng.random();
        for y in top..top + h {
            for x in left..left + w {
                image.put_pixel(x, y, colour.into());
            }
        }
    }
    image
}

fn encoded(rng: &mut Rng) -> Vec<u8> {
    let (width, height) = (rng.random_range(150..420), rng.random_range(150..320));
    let image = picture(width, height, rng);
    let quality = rng.random_range(40..96);
    let mut data = vec![];
    if rng.random_bool(0.25) {
        let encoder = image::codecs::jpeg::JpegEncoder::new_with_quality(&mut data, quality);
        let written = encoder.write_image(&image, width, height, ExtendedColorType::Rgb8);
        written.unwrap();
        return data;
    }
    let mut encoder = Encoder::new(&mut data, quality);
    let sampling = [
        SamplingFactor::F_1_1,
        SamplingFactor::F_2_1,
        SamplingFactor::F_2_2,
    ];
    encoder.set_sampling_factor(sampling[rng.random_range(0..3)]);
    // with both, this encoder leaves bytes over in the first scan; libjpeg says so too
    match rng.random_range(0..10) {
        0..3 => encoder.set_progressive(true),
        3..7 => encoder.set_restart_interval(rng.random_range(1..60)),
        _ => {}
    }
    encoder.set_optimized_huffman_tables(rng.random_bool(0.5));
    let (w, h) = (width as u16, height as u16);
    encoder.encode(&image, w, h, ColorType::Rgb).unwrap();
    data
}

/// Where the coded data of the first scan begins.
fn coded(data: &[u8]) -> usize {
    let mut at = 2;
    loop {
        let length = usize::from(u16::from_be_bytes([data[at + 2], data[at + 3]]));
        if data[at + 1] == 0xda {
            return at + 2 + length;
        }
        at += 2 + length;
    }
}

/// Cut, a hole, packets swapped, a packet repeated; the end marker is kept.
fn damaged(data: &[u8], rng: &mut Rng) -> Vec<u8> {
    let from = coded(data);
    let (head, body) = data[..data.len() - 2].split_at(from);
    let packet = rng.random_range(512..1500).min(body.len() / 4);
    let at = rng.random_range(0..body.len() - 2 * packet);
    let (first, second) = (&body[at..at + packet], &body[at + packet..at + 2 * packet]);
    let rest = &body[at + 2 * packet..];
    let body = match rng.random_range(0..4) {
        0 => body[..rng.random_range(body.len() / 5..body.len() * 19 / 20)].to_vec(),
        1 => [&body[..at], second, rest].concat(),
        2 => [&body[..at], second, first, rest].concat(),
        _ => [&body[..at], first, first, second, rest].concat(),
    };
    [head, &body, &[0xff, 0xd9]].concat()
}

/// Whether more than 2 % of the pixels are more than 16 levels off, or it does not decode at all.
fn is_visible(whole: &[u8], damaged: &[u8]) -> bool {
    let decode = |data| image::load_from_memory(data).map(image::DynamicImage::into_rgb8);
    let (Ok(whole), Ok(damaged)) = (decode(whole), decode(damaged)) else {
        return true;
    };
    let off = whole
        .pixels()
        .zip(damaged.pixels())
        .filter(|(a, b)| a.0.iter().zip(b.0).any(|(a, b)| a.abs_diff(b) > 16));
    off.count() * 50 > (whole.width() * whole.height()) as usize
}

#[test]
fn whole_pictures_are_whole_and_damage_that_can_be_seen_is_found() {
    let mut rng = Rng::seed_from_u64(12);
    let (mut visible, mut found) = (0, 0);
    for number in 0..1000 {
        let whole = encoded(&mut rng);
        assert!(
            check(&whole).is_ok(),
            "picture {number}: {:?}",
            check(&whole)
        );
        let damaged = damaged(&whole, &mut rng);
        if is_visible(&whole, &damaged) {
            visible += 1;
            found += usize::from(check(&damaged).is_err());
        }
    }
    assert!(visible > 700, "{visible} damages can be seen");
    assert!(found * 100 >= visible * 99, "{found} of {visible} found");
}

#[test]
fn a_byte_of_any_value_anywhere_is_never_a_panic() {
    let mut rng = Rng::seed_from_u64(5);
    for _ in 0..60 {
        let whole = encoded(&mut rng);
        for _ in 0..60 {
            let mut data = whole.clone();
            for _ in 0..rng.random_range(1..4) {
                let at = rng.random_range(0..data.len());
                data[at] = rng.random();
            }
            data.truncate(rng.random_range(0..=data.len()));
            let _ = check(&data);
        }
    }
}

#[test]
fn zeros_and_ones_before_a_marker_are_filling_and_other_bytes_are_not() {
    let mut rng = Rng::seed_from_u64(6);
    for _ in 0..20 {
        let whole = encoded(&mut rng);
        let (body, end) = whole.split_at(whole.len() - 2);
        let with = |bytes: &[u8]| check(&[body, bytes, end].concat());
        assert!(check(&whole).is_ok());
        assert_eq!(with(&[0, 0, 0]), check(&whole));
        assert_eq!(with(&[0xff, 0xff]), check(&whole));
        assert!(with(&[1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12]).is_err());
        assert!(check(body).is_err(), "no end marker");
    }
}

#[test]
fn motion_jpeg_gets_the_standard_tables() {
    let image = picture(160, 120, &mut Rng::seed_from_u64(7));
    let mut data = vec![];
    let encoder = Encoder::new(&mut data, 80);
    encoder.encode(&image, 160, 120, ColorType::Rgb).unwrap();
    // leave the code tables out
    let mut at = 2;
    let mut bare = data[..2].to_vec();
    let body = coded(&data);
    while at < body {
        let length = usize::from(u16::from_be_bytes([data[at + 2], data[at + 3]]));
        if data[at + 1] != 0xc4 {
            bare.extend_from_slice(&data[at..at + 2 + length]);
        }
        at += 2 + length;
    }
    bare.extend_from_slice(&data[body..]);
    assert_eq!(check(&bare), Err(Damage::NoTables));
    let mut mended = vec![];
    with_standard_tables(&bare, &mut mended);
    assert_eq!(check(&mended), Ok(Layout::Together));
}

/// A segment with its marker and length.
fn segment(marker: u8, body: &[u8]) -> Vec<u8> {
    let length = (body.len() as u16 + 2).to_be_bytes();
    [&[0xff, marker][..], &length, body].concat()
}

#[test]
fn a_header_of_many_components_is_refused_before_anything_is_made_for_them() {
    let mut frame = [
        &[8][..],
        &7000u16.to_be_bytes(),
        &7000u16.to_be_bytes(),
        &[255],
    ]
    .concat();
    for id in 0..255 {
        frame.extend([id, 0x11, 0]);
    }
    let data = [vec![0xff, 0xd8], segment(0xc2, &frame)].concat();
    assert_eq!(
        check(&data),
        Err(Damage::Header("it has more than four components"))
    );
}

#[test]
fn a_picture_of_endless_empty_scans_is_refused() {
    // one block of grey; both code tables have one code, of one bit, for nothing
    let table = |kind| {
        let mut body = vec![kind, 1];
        body.resize(18, 0);
        segment(0xc4, &body)
    };
    let scan = |from, to, depth| {
        let mut scan = segment(0xda, &[1, 1, 0, from, to, depth]);
        scan.push(0x7f);
        scan
    };
    let with = |scans: &[Vec<u8>]| {
        let frame = segment(0xc2, &[8, 0, 8, 0, 8, 1, 1, 0x11, 0]);
        let begin = [
            vec![0xff, 0xd8],
            frame,
            table(0x00),
            table(0x10),
            scan(0, 0, 0),
        ]
        .concat();
        check(&[&begin[..], &scans.concat(), &[0xff, 0xd9]].concat())
    };
    let all = scan(1, 63, 0);
    assert_eq!(with(std::slice::from_ref(&all)), Ok(Layout::Together));
    assert_eq!(with(&[all.clone(), all]), Err(Damage::Scans), "sent twice");
    // every coefficient alone, and its last bit once more
    let (first, last) = (
        (1..64).map(|k| scan(k, k, 1)),
        (1..64).map(|k| scan(k, k, 0x10)),
    );
    let endless: Vec<_> = first.chain(last).collect();
    let too_many = Damage::Header("it has more scans than any encoder writes");
    assert_eq!(with(&endless), Err(too_many));
    assert_eq!(
        with(&endless[..MOST_SCANS as usize - 1]),
        Err(Damage::Scans)
    );
}

#[test]
fn a_progressive_picture_that_lacks_scans_is_not_whole() {
    let image = picture(160, 120, &mut Rng::seed_from_u64(8));
    let mut data = vec![];
    let mut encoder = Encoder::new(&mut data, 80);
    encoder.set_progressive(true);
    encoder.encode(&image, 160, 120, ColorType::Rgb).unwrap();
    assert_eq!(check(&data), Ok(Layout::Together));
    // cut off before each of its scans but the first; the end marker is there
    let scans: Vec<usize> = (0..data.len() - 1)
        .filter(|&at| data[at..at + 2] == [0xff, 0xda])
        .collect();
    assert!(scans.len() > 4, "{scans:?}");
    for &scan in &scans[1..] {
        let cut = [&data[..scan], &[0xff, 0xd9]].concat();
        assert_eq!(check(&cut), Err(Damage::Scans), "cut at {scan}");
    }
}

/// The frame header's sampling of the components, horizontal and vertical.
fn sampled(mut data: Vec<u8>, sampling: [u8; 3]) -> Vec<u8> {
    let frame = (2..data.len() - 1).find(|&at| data[at..at + 2] == [0xff, 0xc0]);
    let first = frame.unwrap() + 11;
    for (number, sampling) in sampling.into_iter().enumerate() {
        data[first + 3 * number] = sampling;
    }
    data
}

#[test]
fn colours_that_decoders_read_differently_are_refused() {
    let image = picture(160, 120, &mut Rng::seed_from_u64(9));
    let mut data = vec![];
    let encoder = Encoder::new(&mut data, 80);
    encoder.encode(&image, 160, 120, ColorType::Rgb).unwrap();
    for sampling in [
        [0x11, 0x21, 0x21],
        [0x11, 0x22, 0x22],
        [0x22, 0x11, 0x22],
        [0x41, 0x11, 0x22],
        [0x21, 0x41, 0x41],
        [0x31, 0x21, 0x21],
    ] {
        let refused = check(&sampled(data.clone(), sampling));
        assert_eq!(refused, Err(Damage::Sampling), "{sampling:02x?}");
    }
}

#[test]
fn components_that_come_apart_are_told_from_those_that_come_together() {
    for (sampling, restart) in [
        (SamplingFactor::F_1_1, 0),
        (SamplingFactor::F_2_1, 0),
        (SamplingFactor::F_2_2, 0),
        (SamplingFactor::F_4_1, 3),
    ] {
        let image = picture(161, 123, &mut Rng::seed_from_u64(10));
        let mut data = vec![];
        let mut encoder = Encoder::new(&mut data, 90);
        encoder.set_sampling_factor(sampling);
        match restart {
            0 => encoder.set_optimized_huffman_tables(true),
            interval => encoder.set_restart_interval(interval),
        }
        encoder.encode(&image, 161, 123, ColorType::Rgb).unwrap();
        assert_eq!(check(&data), Ok(Layout::Apart), "{sampling:?}");
    }
}
