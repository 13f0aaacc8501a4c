//! The commands on picture files, run as a user runs them.

#![allow(clippy::unwrap_used, reason = "helpers of tests")]

#[path = "../support/cases.rs"]
mod cases;
mod evaluate;
mod masks;

use std::fs;
use std::path::Path;
use std::process::{Command, Output};

const SIZE: (u32, u32) = (96, 64);

fn lookout(arguments: &[&str], folder: &Path) -> Output {
    Command::new(env!("CARGO_BIN_EXE_lookout"))
        .args(arguments)
        .args(["--engine", "rten"])
        .current_dir(folder)
        .output()
        .unwrap()
}

fn fails(output: &Output, words: &[&str]) {
    let text = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(1), "{text}");
    assert!(!text.contains("panicked"), "{text}");
    for word in words {
        assert!(text.contains(word), "{word}: {text}");
    }
}

fn succeeds(output: &Output) {
    assert!(
        output.status.success(),
        "{}",
        String::from_utf8_lossy(&output.stderr)
    );
}

/// Two pictures, `a.png` and `b.jpg`, a text file, and masks.
fn data() -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    for name in ["images", "masks"] {
        fs::create_dir(folder.path().join(name)).unwrap();
    }
    let picture = image::RgbImage::from_fn(SIZE.0, SIZE.1, |x, y| {
        image::Rgb([(x * 2) as u8, (y * 3) as u8, ((x * y) % 256) as u8])
    });
    picture.save(folder.path().join("images/a.png")).unwrap();
    picture.save(folder.path().join("images/b.jpg")).unwrap();
    fs::write(folder.path().join("images/notes.txt"), "no picture").unwrap();
    for name in ["a", "b"] {
        let mask = image::GrayImage::from_fn(SIZE.0, SIZE.1, |x, y| {
            image::Luma([if x < 32 {
                255
            } else if y < 8 {
                128
            } else {
                0
            }])
        });
        mask.save(folder.path().join(format!("masks/{name}.png")))
            .unwrap();
    }
    folder
}

fn header(path: &Path) -> (u32, u32, png::ColorType, png::BitDepth) {
    let file = std::io::BufReader::new(fs::File::open(path).unwrap());
    let reader = png::Decoder::new(file).read_info().unwrap();
    let info = reader.info();
    (info.width, info.height, info.color_type, info.bit_depth)
}

#[test]
fn score_writes_three_pictures_of_each() {
    let data = data();
    let output = lookout(&["score", "images", "--out", "out"], data.path());
    succeeds(&output);
    assert!(String::from_utf8_lossy(&output.stderr).contains("notes.txt"));
    for (kind, depth) in [
        ("score", png::BitDepth::Sixteen),
        ("class", png::BitDepth::Eight),
        ("mask", png::BitDepth::Eight),
    ] {
        for stem in ["a", "b"] {
            let path = data.path().join(format!("out/{kind}/{stem}.png"));
            assert_eq!(
                header(&path),
                (SIZE.0, SIZE.1, png::ColorType::Grayscale, depth)
            );
        }
    }
    let again = lookout(&["score", "images", "--out", "out"], data.path());
    fails(&again, &["out", "--force"]);
    succeeds(&lookout(
        &["score", "images", "--out", "out", "--force"],
        data.path(),
    ));
}

#[test]
fn image_writes_overlay_and_mask_and_says_what_it_saw() {
    let data = data();
    let arguments = [
        "image",
        "images/a.png",
        "images/b.jpg",
        "--out",
        "out",
        "--json",
    ];
    let output = lookout(&arguments, data.path());
    succeeds(&output);
    let lines: Vec<serde_json::Value> = String::from_utf8(output.stdout)
        .unwrap()
        .lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect();
    assert_eq!(lines.len(), 2);
    assert!(lines[0]["file"].as_str().unwrap().ends_with("a.png"));
    let eight = png::BitDepth::Eight;
    for stem in ["a", "b"] {
        let file = |what: &str| header(&data.path().join(format!("out/{stem}_{what}.png")));
        assert_eq!(
            file("overlay"),
            (SIZE.0, SIZE.1, png::ColorType::Rgb, eight)
        );
        assert_eq!(
            file("mask"),
            (SIZE.0, SIZE.1, png::ColorType::Grayscale, eight)
        );
    }
}

#[test]
fn names_that_meet_are_refused_before_anything_is_written() {
    let data = data();
    fs::copy(
        data.path().join("images/b.jpg"),
        data.path().join("images/a.jpg"),
    )
    .unwrap();
    fails(
        &lookout(&["score", "images", "--out", "out"], data.path()),
        &["a.png", "a.jpg"],
    );
    let both = ["image", "images/a.png", "images/a.jpg", "--out", "out"];
    fails(&lookout(&both, data.path()), &["a.png", "a.jpg"]);
    assert!(!data.path().join("out").exists());
}

#[test]
fn an_output_never_replaces_an_input() {
    let data = data();
    fs::rename(data.path().join("images"), data.path().join("score")).unwrap();
    let before = fs::read(data.path().join("score/a.png")).unwrap();
    fails(
        &lookout(&["score", "score", "--out", ".", "--force"], data.path()),
        &["a.png"],
    );
    assert_eq!(fs::read(data.path().join("score/a.png")).unwrap(), before);
}

#[test]
fn a_broken_picture_is_named_and_the_others_are_done() {
    let data = data();
    fs::write(data.path().join("images/broken.png"), "noise").unwrap();
    fails(
        &lookout(&["score", "images", "--out", "out"], data.path()),
        &["broken.png"],
    );
    assert!(data.path().join("out/score/b.png").exists());
}

#[test]
fn a_picture_that_is_cut_off_is_named_by_every_command() {
    for (name, end) in [
        ("a.png", &[][..]),
        ("a.webp", &[]),
        ("b.jpg", &[]),
        ("b.jpg", &[0xff, 0xd9]),
    ] {
        let data = data();
        let path = data.path().join("images").join(name);
        if name == "a.webp" {
            let whole = data.path().join("images/a.png");
            image::open(&whole).unwrap().save(&path).unwrap();
            fs::remove_file(whole).unwrap();
        }
        let whole = fs::read(&path).unwrap();
        fs::write(&path, [&whole[..whole.len() / 2], end].concat()).unwrap();
        let file = format!("images/{name}");
        for command in [
            &["image", &file, "--out", "image"][..],
            &["score", "images", "--out", "score"],
            &["evaluate", "images", "masks", "--score", "energy"],
            &["calibrate", "images", "masks"],
        ] {
            fails(&lookout(command, data.path()), &[&file]);
        }
    }
}

#[test]
fn pictures_that_are_a_fault_in_a_drive_are_named_by_every_command() {
    let data = data();
    let path = |name: &str| data.path().join(name);
    let whole = image::open(path("images/a.png")).unwrap().into_rgb8();
    let black = image::RgbImage::new(SIZE.0, SIZE.1);
    let half = image::RgbImage::from_fn(SIZE.0, SIZE.1, |x, y| match y < SIZE.1 / 2 {
        true => *whole.get_pixel(x, y),
        false => image::Rgb([128; 3]),
    });
    for (name, picture) in [("c", &black), ("d", &half), ("e", &black)] {
        picture.save(path(&format!("images/{name}.png"))).unwrap();
        fs::copy(path("masks/a.png"), path(&format!("masks/{name}.png"))).unwrap();
    }
    for command in [
        &[
            "image",
            "images/c.png",
            "images/d.png",
            "images/e.png",
            "--out",
            "image",
        ][..],
        &["score", "images", "--out", "score"],
        &["evaluate", "images", "masks", "--score", "energy"],
        &["calibrate", "images", "masks"],
    ] {
        let output = lookout(command, data.path());
        succeeds(&output);
        let said = String::from_utf8_lossy(&output.stderr);
        let warned = |file: &str, words: &[&str]| {
            let begin = format!("warning: images/{file}: ");
            let line = said.lines().find(|line| line.starts_with(&begin));
            let line = line.unwrap_or_else(|| panic!("{file}: {said}"));
            assert!(words.iter().all(|word| line.contains(word)), "{line}");
        };
        warned("c.png", &["is black", "FAULT (black)", "2 pictures are so"]);
        warned("d.png", &["FAULT (incomplete)", "no other picture"]);
        assert!(!said.contains("images/e.png: the picture"), "{said}");
    }
}

#[test]
fn masks_that_do_not_fit_are_named() {
    let data = data();
    let mask = data.path().join("masks/b.png");
    let evaluate = || {
        lookout(
            &["evaluate", "images", "masks", "--score", "energy"],
            data.path(),
        )
    };
    image::GrayImage::from_pixel(8, 8, image::Luma([0]))
        .save(&mask)
        .unwrap();
    fails(
        &evaluate(),
        &["masks/b.png", "8x8", "images/b.jpg", "96x64"],
    );
    image::GrayImage::from_pixel(SIZE.0, SIZE.1, image::Luma([7]))
        .save(&mask)
        .unwrap();
    fails(&evaluate(), &["masks/b.png", "value 7"]);
    fs::remove_file(&mask).unwrap();
    fails(&evaluate(), &["masks/b.png"]);
    fails(
        &lookout(&["evaluate", "images", "-"], data.path()),
        &["--labels"],
    );
}
