//! Raw images: each encoding, and messages that contradict themselves.

use super::*;

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
