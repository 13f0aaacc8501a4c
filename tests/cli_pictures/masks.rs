//! Which masks and labels belong to which pictures, and what their values mean.

use std::fs;
use std::path::Path;

use image::{DynamicImage, GrayImage, ImageBuffer, Luma, RgbImage};

use super::cases::case;
use super::evaluate::report;
use super::{SIZE, data, fails, lookout, succeeds};

const ENERGY: [&str; 4] = ["images", "masks", "--score", "energy"];

/// A mask with these values left of column 32, above row 8 right of it, and elsewhere.
fn drawn(anomalous: u8, ignored: u8) -> GrayImage {
    GrayImage::from_fn(SIZE.0, SIZE.1, |x, y| {
        Luma([match (x < 32, y < 8) {
            (true, _) => anomalous,
            (false, true) => ignored,
            (false, false) => 0,
        }])
    })
}

fn put(folder: &Path, stem: &str, mask: &GrayImage) {
    mask.save(folder.join(format!("masks/{stem}.png"))).unwrap();
}

/// Anomalous and known pixels that were counted.
fn counted(report: &serde_json::Value) -> (u64, u64) {
    let of = &report["anomaly"]["energy"];
    (
        of["positives"].as_u64().unwrap(),
        of["negatives"].as_u64().unwrap(),
    )
}

/// Of both pictures: 32 columns of 64 rows, and 64 columns of 56 rows.
const ANOMALOUS: u64 = 2 * 32 * 64;
const KNOWN: u64 = 2 * 64 * 56;

#[test]
fn a_set_of_0_and_255_only_is_refused_until_someone_says_what_255_is() {
    let data = data();
    for stem in ["a", "b"] {
        put(data.path(), stem, &drawn(0, 255));
    }
    for command in ["evaluate", "calibrate"] {
        let output = lookout(&[command, "images", "masks"], data.path());
        fails(
            &output,
            &[
                "--mask-convention lookout",
                "--mask-convention fishyscapes",
                "masks/a.png",
            ],
        );
    }
    let given = |name| {
        report(
            data.path(),
            &[&ENERGY[..], &["--mask-convention", name]].concat(),
        )
    };
    let void = 2 * 64 * 8;
    let ours = given("lookout");
    assert_eq!(counted(&ours), (void, ANOMALOUS + KNOWN));
    assert_eq!(ours["settings"]["mask_convention"], "lookout");
    for name in ["fishyscapes", "segment-me-if-you-can"] {
        let theirs = given(name);
        assert_eq!(counted(&theirs), (0, ANOMALOUS + KNOWN));
        assert_eq!(theirs["settings"]["mask_convention"], name);
    }
}

#[test]
fn a_1_anywhere_in_the_set_tells_that_255_is_ignored() {
    let data = data();
    put(data.path(), "a", &drawn(0, 255));
    put(data.path(), "b", &drawn(1, 255));
    let told = report(data.path(), &ENERGY);
    assert_eq!(counted(&told), (ANOMALOUS / 2, ANOMALOUS / 2 + KNOWN));
    assert_eq!(told["settings"]["mask_convention"], "fishyscapes");
    let words = ["1 anomalous, 255 ignored", "told by the value 1"];
    let table = lookout(&[&["evaluate"], &ENERGY[..]].concat(), data.path());
    let text = String::from_utf8_lossy(&table.stdout).into_owned();
    let output = lookout(&["calibrate", "images", "masks"], data.path());
    succeeds(&output);
    let calibrated = String::from_utf8_lossy(&output.stderr).into_owned();
    for word in words {
        assert!(text.contains(word), "{word}: {text}");
        assert!(calibrated.contains(word), "{word}: {calibrated}");
    }
}

#[test]
fn values_of_two_conventions_in_one_set_are_refused() {
    let data = data();
    put(data.path(), "a", &drawn(1, 255));
    put(data.path(), "b", &drawn(255, 128));
    let evaluate = || lookout(&[&["evaluate"], &ENERGY[..]].concat(), data.path());
    fails(&evaluate(), &["masks/a.png", "masks/b.png", "128"]);
    put(data.path(), "b", &drawn(1, 7));
    fails(&evaluate(), &["masks/b.png", "value 7", "column 32, row 0"]);
    // one that is given holds for every file
    let given = [&["evaluate", "--mask-convention", "lookout"], &ENERGY[..]].concat();
    fails(&lookout(&given, data.path()), &["masks/a.png", "value 1"]);
}

/// Writes a mask of one bit a pixel: white left of column 32.
fn one_bit(path: &Path) {
    let mut encoder = png::Encoder::new(fs::File::create(path).unwrap(), SIZE.0, SIZE.1);
    encoder.set_depth(png::BitDepth::One);
    let row = [[0xff; 4], [0; 4], [0; 4]].concat();
    let rows = row.repeat(SIZE.1 as usize);
    let mut writer = encoder.write_header().unwrap();
    writer.write_image_data(&rows).unwrap();
    writer.finish().unwrap();
}

#[test]
fn a_mask_counts_the_same_in_one_bit_sixteen_bits_and_equal_colours() {
    let data = data();
    let expected = counted(&report(data.path(), &ENERGY));
    assert_eq!(expected, (ANOMALOUS, KNOWN));
    let path = |stem: &str| data.path().join(format!("masks/{stem}.png"));
    let rgb = RgbImage::from_fn(SIZE.0, SIZE.1, |x, y| {
        image::Rgb([drawn(255, 128).get_pixel(x, y).0[0]; 3])
    });
    rgb.save(path("a")).unwrap();
    let wide: ImageBuffer<Luma<u16>, Vec<u16>> = ImageBuffer::from_fn(SIZE.0, SIZE.1, |x, y| {
        Luma([u16::from(drawn(255, 128).get_pixel(x, y).0[0]) * 257])
    });
    DynamicImage::ImageLuma16(wide).save(path("b")).unwrap();
    assert_eq!(counted(&report(data.path(), &ENERGY)), expected);

    one_bit(&path("a"));
    one_bit(&path("b"));
    let bits = counted(&report(data.path(), &ENERGY));
    assert_eq!(bits, (ANOMALOUS, 2 * 64 * 64));
    // beside masks with an ignored 255, a 1 of one bit may have been that
    put(data.path(), "a", &drawn(1, 255));
    let mixed = lookout(&[&["evaluate"], &ENERGY[..]].concat(), data.path());
    fails(&mixed, &["masks/b.png", "one bit", "--mask-convention"]);
}

#[test]
fn masks_are_found_in_folders_by_suffix_and_whatever_the_case_of_their_extension() {
    let data = data();
    let expected = report(data.path(), &ENERGY)["anomaly"].clone();
    for (from, to) in [
        ("images/a.png", "images/town/a_leftImg8bit.PNG"),
        ("images/b.jpg", "images/other/town/b_leftImg8bit.JPG"),
        ("masks/a.png", "masks/town/a_labels_semantic.PNG"),
        ("masks/b.png", "masks/other/town/b_labels_semantic.Png"),
    ] {
        let to = data.path().join(to);
        fs::create_dir_all(to.parent().unwrap()).unwrap();
        fs::rename(data.path().join(from), to).unwrap();
    }
    // what macOS leaves, and what is no picture of the set
    for name in ["images/town/._a_leftImg8bit.png", "images/town/depth.png"] {
        fs::write(data.path().join(name), "noise").unwrap();
    }
    #[cfg(unix)]
    std::os::unix::fs::symlink("..", data.path().join("images/town/round")).unwrap();
    let suffixes = ["--image-suffix", "_leftImg8bit"];
    let without = [&["evaluate"], &ENERGY[..], &suffixes].concat();
    let output = lookout(&without, data.path());
    fails(
        &output,
        &["town/b.png", "--mask-suffix \"_labels_semantic\""],
    );
    let with = [
        &ENERGY[..],
        &suffixes,
        &["--mask-suffix", "_labels_semantic"],
    ]
    .concat();
    let nested = report(data.path(), &with);
    assert_eq!(nested["anomaly"], expected);
    assert_eq!(nested["settings"]["pictures"], 2);
    let calibrate = [&["calibrate"], &with[..2], &with[4..]].concat();
    succeeds(&lookout(&calibrate, data.path()));
}

#[test]
fn masks_and_sheets_in_the_folder_of_the_pictures_are_no_pictures() {
    let data = data();
    let below = data.path().join("images/masks");
    fs::rename(data.path().join("masks"), &below).unwrap();
    let arguments = [
        "images",
        "images/masks",
        "--score",
        "energy",
        "--sheets",
        "images/sheets",
    ];
    for _ in 0..2 {
        let report = report(data.path(), &arguments);
        assert_eq!(report["settings"]["pictures"], 2);
        assert_eq!(counted(&report), (ANOMALOUS, KNOWN));
    }
    let calibrate = ["calibrate", "images", "images/masks"];
    fails(
        &lookout(&calibrate, data.path()),
        &["images/sheets/best.jpg"],
    );
}

#[test]
fn the_masks_of_users_are_told_or_refused() {
    let Some(folder) = case("14_masks") else {
        return;
    };
    let evaluate = |masks| report(&folder, &["im", masks, "--score", "energy"]);
    let theirs = evaluate("smiyc_0_1_255");
    assert_eq!(counted(&theirs), (800, 76_000));
    assert_eq!(theirs["settings"]["mask_convention"], "fishyscapes");
    // 20 rows of 20 pixels in each of two pictures of 240x180
    assert_eq!(
        counted(&evaluate("one_bit")),
        (2 * 400, 2 * (240 * 180 - 400))
    );
    for command in ["evaluate", "calibrate"] {
        let output = lookout(&[command, "im", "void255_only"], &folder);
        fails(&output, &["--mask-convention fishyscapes"]);
    }
}
