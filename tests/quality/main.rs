//! What the quality of real pictures is, and whether the limits tell spoilt ones from them. Run with
//! `--nocapture` for the figures of `docs/safety.md`.
#![allow(clippy::unwrap_used)]

mod shifted;

use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use jpeg_encoder::{ColorType, Encoder};
use lookout::bag::{BagReader, MessageBuf};
use lookout::decide::QualityLimits;
use lookout::frame::{CameraView, CompressedView, Decoder, Frame, Quality, QualityMeter, file};
use lookout::msg::{CompressedImageRef, cdr};
use lookout::time::Stamp;
use lookout_scene::{Anomaly, Drive, DriveConfig, Rendered};

fn data(below: &str) -> PathBuf {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../shared/data");
    root.join(below)
}

/// The files of a folder in their order; none where it is absent.
fn files(below: &str) -> Vec<PathBuf> {
    let folder = data(below);
    let entries = std::fs::read_dir(&folder).into_iter().flatten().flatten();
    let mut files: Vec<_> = entries.map(|entry| entry.path()).collect();
    files.sort();
    if files.is_empty() {
        eprintln!("skipped: {} is absent", folder.display());
    }
    files
}

fn pictures(below: &str) -> Vec<Frame> {
    let read = |path: &PathBuf| file::read_image(path).unwrap();
    files(below).iter().map(read).collect()
}

/// The frames of the drive, as a camera's JPEG brings them.
fn drive() -> Vec<Frame> {
    let folder = data("bags/camvid_val_drive_mcap");
    if !folder.exists() {
        eprintln!("skipped: {} is absent", folder.display());
        return Vec::new();
    }
    let mut reader = BagReader::open(&folder).unwrap();
    let (mut message, mut decoder) = (MessageBuf::new(), Decoder::default());
    let mut frames = Vec::new();
    while reader.read_next(&mut message).unwrap() {
        let image: CompressedImageRef<'_> = cdr::from_slice(message.data()).unwrap();
        let view = CompressedView {
            stamp: Stamp::default(),
            format: image.format,
            data: image.data,
        };
        let mut frame = Frame::new();
        decoder
            .decode(&CameraView::Compressed(view), &mut frame)
            .unwrap();
        frames.push(frame);
    }
    frames
}

/// Eighty frames of eight rendered drives.
fn rendered() -> Vec<Frame> {
    let mut out = Rendered::new();
    let mut frames = Vec::new();
    for seed in 0..8 {
        let config = DriveConfig {
            seed,
            ..DriveConfig::default()
        };
        let drive = Drive::new(config).unwrap();
        for i in (0..drive.frame_count()).step_by(30) {
            drive.render(i, &mut out);
            let rgb = out.rgb.clone();
            frames.push(Frame::from_rgb(Stamp::default(), out.width, out.height, rgb).unwrap());
        }
    }
    frames
}

/// The same picture with other values.
fn with(frame: &Frame, rgb: Vec<u8>) -> Frame {
    Frame::from_rgb(frame.stamp(), frame.width(), frame.height(), rgb).unwrap()
}

fn gained(frame: &Frame, gain: f32) -> Frame {
    let value = |v: &u8| (f32::from(*v) * gain) as u8;
    with(frame, frame.pixels().iter().map(value).collect())
}

/// The same, compressed and decoded.
fn as_jpeg(frame: &Frame, quality: u8) -> Frame {
    let (width, height) = (frame.width() as u16, frame.height() as u16);
    let mut data = Vec::new();
    Encoder::new(&mut data, quality)
        .encode(frame.pixels(), width, height, ColorType::Rgb)
        .unwrap();
    let view = CompressedView {
        stamp: frame.stamp(),
        format: "jpeg",
        data: &data,
    };
    let mut out = Frame::new();
    Decoder::default()
        .decode(&CameraView::Compressed(view), &mut out)
        .unwrap();
    out
}

/// A share of the rows replaced by grey, or by the row before them.
fn filled(frame: &Frame, rows: std::ops::Range<f32>, grey: Option<u8>) -> Frame {
    let (width, height) = (frame.width(), frame.height());
    let mut rgb = frame.pixels().to_vec();
    let step = 3 * width as usize;
    let at = |share: f32| (share * height as f32) as usize;
    for y in at(rows.start)..at(rows.end) {
        match grey {
            Some(grey) => rgb[y * step..(y + 1) * step].fill(grey),
            None => rgb.copy_within((y - 1) * step..y * step, y * step),
        }
    }
    Frame::from_rgb(frame.stamp(), width, height, rgb).unwrap()
}

/// As exposed for the scene (mean 100 or more) and then six times as long.
fn over_exposed(frame: &Frame) -> Frame {
    let sum: u64 = frame.pixels().iter().map(|v| u64::from(*v)).sum();
    let mean = sum as f32 / frame.pixels().len() as f32;
    gained(frame, 6.0 * (100.0 / mean).max(1.0))
}

/// A closed lid: dark noise only.
fn black(frame: &Frame) -> Frame {
    let dark = gained(frame, 9.0 / 255.0);
    noisy(&dark, 3.0)
}

/// Adds noise that is nearly normal, with the standard deviation in grey levels.
fn noisy(frame: &Frame, deviation: f32) -> Frame {
    let mut state = 0x2545_f491_u32;
    let mut uniform = || {
        state ^= state << 13;
        state ^= state >> 17;
        state ^= state << 5;
        state as f32 / u32::MAX as f32 - 0.5
    };
    // Twelve uniform numbers have a variance of one; four have a third of it.
    let mut normal = || (0..4).map(|_| uniform()).sum::<f32>() * 3f32.sqrt();
    let mut value = |v: &u8| (f32::from(*v) + deviation * normal()).round() as u8;
    with(frame, frame.pixels().iter().map(&mut value).collect())
}

/// Gaussian, with sigma in pixels of a picture 480 wide.
fn blurred(frame: &Frame, sigma: f32) -> Frame {
    let (width, height) = (frame.width(), frame.height());
    let picture = image::RgbImage::from_raw(width, height, frame.pixels().to_vec()).unwrap();
    let sigma = sigma * width as f32 / 480.0;
    with(frame, image::imageops::blur(&picture, sigma).into_raw())
}

fn measure(frames: &[Frame]) -> Vec<Quality> {
    let mut meter = QualityMeter::default();
    frames.iter().map(|frame| meter.measure(frame)).collect()
}

fn show(name: &str, values: impl Iterator<Item = u32>) {
    let mut values: Vec<u32> = values.collect();
    values.sort_unstable();
    let middle = values[values.len() / 2];
    let (least, most) = (values[0], values[values.len() - 1]);
    eprintln!("  {name:40} {least:>7} .. {most:<7} median {middle}");
}

fn sharpness(quality: &Quality) -> u32 {
    u32::from(quality.sharpness.unwrap())
}

#[test]
fn the_limits_tell_spoilt_pictures_from_real_ones() {
    let limits = QualityLimits::default();
    let sets = [
        ("CamVid train", pictures("camvid/train/images")),
        ("CamVid val", pictures("camvid/val/images")),
        ("drive bag", drive()),
        ("road anomalies", pictures("road_anomaly21_val/images")),
        ("rendered drives", rendered()),
    ];
    for (name, frames) in sets.iter().filter(|(_, frames)| !frames.is_empty()) {
        eprintln!("{name}: {} frames", frames.len());
        let own = measure(frames);
        show("bright", own.iter().map(|q| q.bright.into()));
        show("clipped_ppm", own.iter().map(|q| q.clipped_ppm));
        show("sharpness", own.iter().map(sharpness));
        show("repeated_rows", own.iter().map(|q| q.repeated_rows.into()));
        show("shifted_rows", own.iter().map(|q| q.shifted_rows.into()));
        for (i, quality) in own.iter().enumerate() {
            assert!(
                u32::from(quality.bright) >= limits.black_below,
                "{name} {i}"
            );
            assert!(quality.clipped_ppm < limits.over_exposed_ppm, "{name} {i}");
            assert!(sharpness(quality) >= limits.blurred_below, "{name} {i}");
            let repeated = u32::from(quality.repeated_rows);
            assert!(repeated < limits.incomplete_from, "{name} {i}: {repeated}");
            let shifted = u32::from(quality.shifted_rows);
            assert!(shifted < limits.shifted_from, "{name} {i}: {shifted}");
        }
        let again = own
            .windows(2)
            .filter(|w| w[0].fingerprint == w[1].fingerprint);
        assert_eq!(again.count(), 0, "{name}");

        let spoilt = |how: &dyn Fn(&Frame) -> Frame, step: usize| -> Vec<Quality> {
            let some: Vec<Frame> = frames.iter().step_by(step).map(how).collect();
            measure(&some)
        };
        let dark = spoilt(&black, 1);
        show("bright, black", dark.iter().map(|q| q.bright.into()));
        let is_black = |q: &&Quality| u32::from(q.bright) < limits.black_below;
        assert_eq!(dark.iter().filter(is_black).count(), dark.len(), "{name}");

        // the end is missing: filled with grey, with black, with the last row; or a band within
        type Fill<'a> = &'a dyn Fn(&Frame) -> Frame;
        let short: [(&str, Fill<'_>); 4] = [
            ("grey", &|frame| filled(frame, 0.8..1.0, Some(128))),
            ("black", &|frame| filled(frame, 0.8..1.0, Some(0))),
            ("last row", &|frame| filled(frame, 0.8..1.0, None)),
            ("band", &|frame| filled(frame, 0.6..0.7, Some(128))),
        ];
        for (how, fill) in short {
            let all = spoilt(fill, 1);
            show(
                &format!("repeated_rows, {how}"),
                all.iter().map(|q| q.repeated_rows.into()),
            );
            let told = |q: &&Quality| u32::from(q.repeated_rows) >= limits.incomplete_from;
            assert_eq!(all.iter().filter(told).count(), all.len(), "{name}: {how}");
        }

        let clipped = |q: &&Quality| q.clipped_ppm >= limits.over_exposed_ppm;
        let light = spoilt(&over_exposed, 1);
        show(
            "clipped_ppm, over-exposed 6 times",
            light.iter().map(|q| q.clipped_ppm),
        );
        assert_eq!(light.iter().filter(clipped).count(), light.len(), "{name}");
        let gain = spoilt(&|frame| gained(frame, 6.0), 1);
        let seen = gain.iter().filter(clipped).count();
        show(
            "clipped_ppm, values times 6",
            gain.iter().map(|q| q.clipped_ppm),
        );
        eprintln!("  {seen} of {} of those are over the limit", gain.len());

        // Blurring is slow: about forty pictures of a set.
        let step = frames.len().div_ceil(40);
        let soft = |q: &&Quality| sharpness(q) < limits.blurred_below;
        for sigma in [2.5, 4.0, 6.0] {
            let out: Vec<Frame> = frames
                .iter()
                .step_by(step)
                .map(|frame| blurred(frame, sigma))
                .collect();
            for deviation in [0.0, 4.0] {
                let noisy: Vec<Frame> = out.iter().map(|frame| noisy(frame, deviation)).collect();
                let all = measure(&noisy);
                let seen = all.iter().filter(soft).count();
                let what = format!("sharpness, blurred {sigma} px, noise {deviation}");
                show(&what, all.iter().map(sharpness));
                eprintln!("  {seen} of {} of those are under the limit", all.len());
                let required = if sigma < 4.0 { 0 } else { 95 };
                assert!(seen * 100 >= all.len() * required, "{name}: {what}");
            }
        }
    }
}

#[test]
fn no_whole_picture_of_other_cameras_counts_as_incomplete() {
    let limit = QualityLimits::default().incomplete_from;
    for set in [
        "campus_lums",
        "cityscapes_train",
        "highway_dnit",
        "idd_lite_train",
        "labelme_facade",
        "offroad_ycor",
    ] {
        let files = files(&format!("roads/{set}/images"));
        if files.is_empty() {
            continue;
        }
        // a tenth of them tells as much; one after the other, since all take a gigabyte
        let mut meter = QualityMeter::default();
        let read = |path: &PathBuf| meter.measure(&file::read_image(path).unwrap());
        let own: Vec<Quality> = files.iter().step_by(10).map(read).collect();
        eprintln!("{set}: {} frames", own.len());
        show("repeated_rows", own.iter().map(|q| q.repeated_rows.into()));
        for (i, quality) in own.iter().enumerate() {
            let repeated = u32::from(quality.repeated_rows);
            assert!(repeated < limit, "{set} {i}: {repeated}");
        }
    }
}

#[test]
fn measuring_a_picture_is_quick() {
    let out = |width, height| {
        let mut out = Rendered::new();
        let config = DriveConfig {
            width,
            height,
            ..DriveConfig::default()
        };
        Drive::new(config).unwrap().render(0, &mut out);
        // of a compressed picture more is looked at
        as_jpeg(
            &Frame::from_rgb(Stamp::default(), width, height, out.rgb).unwrap(),
            95,
        )
    };
    let mut meter = QualityMeter::default();
    for (frame, limit_us) in [(out(480, 360), 2_000), (out(1920, 1080), 10_000)] {
        let mut times = [Duration::ZERO; 50];
        for time in &mut times {
            let began = Instant::now();
            std::hint::black_box(meter.measure(&frame));
            *time = began.elapsed();
        }
        times.sort();
        let (width, height) = (frame.width(), frame.height());
        eprintln!(
            "{width} x {height}: median {:?}, least {:?}",
            times[25], times[0]
        );
        // Many times what it takes, for machines that are busy or build without optimising.
        assert!(times[0] < Duration::from_micros(limit_us), "{:?}", times[0]);
    }
}
