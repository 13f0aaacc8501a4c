//! Shifted rows: how many losses are found, and that no whole picture is taken for one.

use super::*;

/// What is left of a raw image that lost bytes and ends with those of the picture before.
fn lost(frame: &Frame, before: &Frame, at: usize, count: usize) -> Frame {
    let (whole, fill) = (frame.pixels(), before.pixels());
    let parts = [
        &whole[..at],
        &whole[at + count..],
        &fill[fill.len() - count..],
    ];
    with(frame, parts.concat())
}

/// More than 2 % of the pixels differ by more than 16 levels.
fn differs_visibly(a: &Frame, b: &Frame) -> bool {
    let pixels = a.pixels().chunks(3).zip(b.pixels().chunks(3));
    let far = |(a, b): &(&[u8], &[u8])| a.iter().zip(*b).any(|(a, b)| a.abs_diff(*b) > 16);
    50 * pixels.filter(far).count() > a.pixels().len() / 3
}

/// Pictures that were damaged in just this way before they came into the set.
const DAMAGED_BEFORE: [&str; 2] = ["lums_235.webp", "lums_38.webp"];

#[test]
fn most_raw_images_whose_rows_are_shifted_are_told_and_no_whole_one_is() {
    let limit = QualityLimits::default().shifted_from;
    let mut meter = QualityMeter::default();
    let mut state = 0x2545_f491_u32;
    let mut random = |below: usize| {
        state ^= state << 13;
        state ^= state >> 17;
        state ^= state << 5;
        state as usize % below
    };
    // of each half of the sets: as raw images, and compressed after the loss
    let mut all = [[0; 3]; 2];
    for set in [
        "camvid/train/images",
        "camvid/val/images",
        "road_anomaly21_val/images",
        "roads/campus_lums/images",
        "roads/cityscapes_train/images",
        "roads/highway_dnit/images",
        "roads/idd_lite_train/images",
        "roads/labelme_facade/images",
        "roads/offroad_ycor/images",
    ] {
        let files = files(set);
        let Some(last) = files.last() else {
            continue;
        };
        let chosen = files.len().min(300);
        let mut before = file::read_image(last).unwrap();
        let (mut most, mut told, mut visible) = ([0; 2], [[0; 2]; 2], [0; 2]);
        for i in 0..chosen {
            let path = &files[i * files.len() / chosen];
            let half = usize::from(2 * i >= chosen);
            let frame = file::read_image(path).unwrap();
            let name = path.file_name().unwrap().to_str().unwrap();
            let compressed = u32::from(meter.measure(&frame).shifted_rows);
            if DAMAGED_BEFORE.contains(&name) {
                assert!(compressed >= limit, "{name}: {compressed}");
                continue;
            }
            // as a raw image has it
            let rgb = frame.pixels().to_vec();
            let frame = Frame::from_rgb(frame.stamp(), frame.width(), frame.height(), rgb).unwrap();
            let rows = u32::from(meter.measure(&frame).shifted_rows);
            assert!(rows < limit, "{set}, {name}: {rows}");
            most[half] = rows.max(most[half]);
            let count = 512 + random(2561);
            let damaged = lost(&frame, &before, random(frame.pixels().len() - count), count);
            if differs_visibly(&frame, &damaged) {
                visible[half] += 1;
                for (told, image) in told[half]
                    .iter_mut()
                    .zip([&damaged, &as_jpeg(&damaged, 90)])
                {
                    let rows = u32::from(meter.measure(image).shifted_rows);
                    *told += u32::from(rows >= limit);
                }
            }
            let compressed = u32::from(meter.measure(&as_jpeg(&frame, 90)).shifted_rows);
            assert!(compressed < limit, "{set}, {name}, as JPEG: {compressed}");
            before = frame;
        }
        eprintln!("{set}: shifted_rows up to {most:?}, {told:?} of {visible:?} told");
        for half in 0..2 {
            all[half][0] += told[half][0];
            all[half][1] += told[half][1];
            all[half][2] += visible[half];
        }
    }
    eprintln!("all: {all:?}");
    for [raw, compressed, visible] in all {
        assert!(raw * 100 >= visible * 84, "{raw} of {visible}");
        assert!(
            compressed * 100 >= visible * 64,
            "compressed: {compressed} of {visible}"
        );
    }
}

/// Frames of whole rendered drives in which an edge that leads straight ahead stands out most: a seam of the road, a post, a sofa, a shadow.
#[test]
fn an_edge_of_the_road_is_no_shift_of_a_compressed_image() {
    let limit = QualityLimits::default().shifted_from;
    let mut meter = QualityMeter::default();
    for (seed, at, anomaly) in [
        (3005, 259, Anomaly::None),
        (3010, 135, Anomaly::None),
        (113, 129, Anomaly::HeldOut),
        (122, 241, Anomaly::HeldOut),
        (98, 134, Anomaly::HeldOut),
    ] {
        let config = DriveConfig {
            seed,
            anomaly,
            duration_s: 20.1,
            swerves: false,
            ..DriveConfig::default()
        };
        let mut out = Rendered::new();
        Drive::new(config).unwrap().render(at, &mut out);
        let raw = Frame::from_rgb(Stamp::default(), out.width, out.height, out.rgb).unwrap();
        let mut frame = as_jpeg(&raw, 95);
        let compressed = u32::from(meter.measure(&frame).shifted_rows);
        assert!(compressed < limit, "{seed}, {at}: {compressed}");
        let as_raw = u32::from(meter.measure(&raw).shifted_rows);
        assert!(as_raw > limit, "{seed}, {at}: {as_raw} proves nothing");
        // the flag goes with the picture
        frame.reset(1, 1, Stamp::default()).unwrap();
        assert!(!frame.is_compressed());
    }
}

/// Of any rendered frame half of whose rows are shifted: where no real pictures are, too.
#[test]
fn rows_that_were_shifted_before_the_compression_count_in_full() {
    let limit = QualityLimits::default().shifted_from;
    let mut out = Rendered::new();
    let drive = Drive::new(DriveConfig::default()).unwrap();
    drive.render(100, &mut out);
    let whole = Frame::from_rgb(Stamp::default(), out.width, out.height, out.rgb).unwrap();
    let mut meter = QualityMeter::default();
    let mut counted = |frame: &Frame| u32::from(meter.measure(frame).shifted_rows);
    assert!(counted(&as_jpeg(&whole, 90)) < limit / 2);
    let damaged = lost(&whole, &whole, whole.pixels().len() / 2, 700);
    let raw = counted(&damaged);
    let compressed = counted(&as_jpeg(&damaged, 90));
    // a fifth of what counts raw would be far less
    assert!(
        compressed > limit && compressed > raw / 2,
        "{raw} {compressed}"
    );
}
