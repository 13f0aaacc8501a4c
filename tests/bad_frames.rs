//! Frames that are not as they should be: each is a FAULT with the flag raised, the frames round
//! it are handled.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    reason = "a test that fails may panic"
)]

mod support;

use std::path::Path;

use lookout::bag::{BagWriter, Qos};
use lookout::msg::{CompressedImage, Image, RosMessage};
use serde::Serialize;
use support::cases::case;
use support::{
    MASK, OVERLAY, SCORE_MAP, TOPIC, Table, annotated, compressed_image, count, flags, image,
    replay, stamp, write_bag,
};

/// No score is over 1: no STOP, so that a bad frame shows as the FAULT that it is.
const NOTHING_ANOMALOUS: [&str; 2] = ["--threshold", "1"];

/// Replays frames of which the third is bad; `words` are to be said of it.
#[track_caller]
fn third_is_a_fault<M: RosMessage + Serialize>(frames: &[M], text: &str, words: &[&str]) {
    let dir = tempfile::tempdir().unwrap();
    let (bag, out) = (dir.path().join("drive"), dir.path().join("out"));
    write_bag(&bag, frames);
    let flags = [NOTHING_ANOMALOUS.as_slice(), &["--json"]].concat();
    let run = replay(&bag, &out, &flags);
    run.ends_with(0).says(&[TOPIC]).says(words);
    let json = run.json();
    assert_eq!(json["frames"]["handled"], 3, "{json}");
    assert_eq!(json["frames"]["failed"], 1, "{json}");
    if let Some(peak) = json["peak_resident_bytes"].as_u64() {
        assert!(peak < 300_000_000, "{peak} bytes at the most");
    }
    third_row_is_a_fault(&out, text);
}

#[track_caller]
fn third_row_is_a_fault(out: &Path, text: &str) {
    let table = Table::of(out);
    assert_eq!(
        table.column("state"),
        ["WAITING", "WAITING", "FAULT", "FAULT"]
    );
    assert_eq!(
        table.column("reason"),
        ["starting", "starting", "failed", "recovering"]
    );
    assert_eq!(table.get(2, "reason_text"), text);
    assert_eq!(table.get(2, "safe_stop"), "true");
    for (row, handled) in [true, true, false, true].into_iter().enumerate() {
        assert_eq!(!table.get(row, "score_max").is_empty(), handled, "{row}");
    }
    let all = annotated(out);
    assert_eq!(count(&all, TOPIC), 4);
    for topic in [MASK, SCORE_MAP, OVERLAY] {
        assert_eq!(count(&all, topic), 3, "{topic}");
    }
    assert_eq!(flags(&all), [true; 4]);
}

/// Two good frames, the bad one, a good one.
#[track_caller]
fn malformed(bad: Image, words: &[&str]) {
    let frames = [image(0), image(1), bad, image(3)];
    third_is_a_fault(&frames, "malformed frame", words);
}

#[test]
fn an_unknown_encoding_is_a_fault_that_names_it() {
    let bad = Image {
        encoding: "rgb32f".to_owned(),
        ..image(2)
    };
    malformed(bad, &["rgb32f", "1700000000.200000000"]);
}

#[test]
fn a_step_smaller_than_a_row_is_a_fault_that_names_both() {
    let mut bad = image(2);
    bad.step -= 1;
    bad.data.truncate((bad.step * bad.height) as usize);
    malformed(bad, &["rgb8", "288", "287"]);
}

#[test]
fn data_that_does_not_fit_the_step_is_a_fault_that_names_the_sizes() {
    let mut bad = image(2);
    bad.data.truncate(288 * 63);
    malformed(bad, &["rgb8", "18432", "18144"]);
    let mut bad = image(2);
    bad.data.push(0);
    malformed(bad, &["rgb8", "18432", "18433"]);
}

#[test]
fn a_frame_of_zero_size_is_a_fault() {
    let bad = Image {
        width: 0,
        height: 0,
        step: 0,
        data: vec![],
        ..image(2)
    };
    malformed(bad, &["rgb8", "zero size", "0 x 0"]);
}

#[test]
fn a_frame_that_claims_100_megapixels_is_a_fault_and_takes_no_memory() {
    let bad = Image {
        width: 10_000,
        height: 10_000,
        step: 30_000,
        data: vec![0; 64],
        ..image(2)
    };
    malformed(bad, &["rgb8", "10000 x 10000", "100000000"]);
}

#[test]
fn a_frame_too_long_and_thin_for_the_networks_is_a_fault() {
    let bad = Image {
        width: 6000,
        height: 1,
        step: 18_000,
        data: vec![90; 18_000],
        ..image(2)
    };
    let frames = [image(0), image(1), bad, image(3)];
    third_is_a_fault(&frames, "engine failed", &["6000x1"]);
}

#[test]
fn a_jpeg_that_is_cut_off_is_a_fault() {
    let mut frames: Vec<CompressedImage> = (0..4).map(compressed_image).collect();
    let half = frames[2].data.len() / 2;
    frames[2].data.truncate(half);
    third_is_a_fault(&frames, "malformed frame", &["JPEG", "cut off"]);
    frames[2].data.clear();
    third_is_a_fault(&frames, "malformed frame", &["has no data"]);
}

/// Of four frames, of which the others are good.
#[track_caller]
fn assert_third_is_a_fault(out: &Path, reason: &str) {
    let table = Table::of(out);
    let reasons = ["starting", "starting", reason, "recovering"];
    assert_eq!(table.column("reason"), reasons);
    let states = ["WAITING", "WAITING", "FAULT", "FAULT"];
    assert_eq!(table.column("state"), states);
    assert_eq!(flags(&annotated(out)), [true; 4]);
}

#[test]
fn a_raw_picture_whose_end_was_filled_with_grey_is_a_fault() {
    let dir = tempfile::tempdir().unwrap();
    let (bag, out) = (dir.path().join("drive"), dir.path().join("out"));
    let mut frames: Vec<Image> = (0..4).map(image).collect();
    let data = &mut frames[2].data;
    let from = data.len() / 5 * 4;
    data[from..].fill(128);
    write_bag(&bag, &frames);
    replay(&bag, &out, &NOTHING_ANOMALOUS).ends_with(0);
    assert_third_is_a_fault(&out, "incomplete");
}

#[test]
fn a_jpeg_that_ends_early_but_has_its_end_marker_is_a_fault() {
    let mut frames: Vec<CompressedImage> = (0..4).map(compressed_image).collect();
    let data = &mut frames[2].data;
    data.truncate(data.len() * 6 / 10);
    // a marker cut in two would be another damage
    while data.last() == Some(&0xff) {
        data.pop();
    }
    data.extend([0xff, 0xd9]);
    third_is_a_fault(&frames, "malformed frame", &["JPEG of"]);
}

#[test]
fn the_mosaic_of_a_sensor_is_a_fault_that_says_what_to_publish() {
    let mut frames: Vec<CompressedImage> = (0..4).map(compressed_image).collect();
    frames[2].format = "bayer_rggb8; jpeg compressed ".to_owned();
    let words = ["bayer_rggb8; jpeg compressed", "publish a colour picture"];
    third_is_a_fault(&frames, "malformed frame", &words);
}

#[test]
fn every_frame_of_a_camera_that_loses_packets_is_a_fault() {
    let Some(bag) = case("01_jpeg_half_then_eoi.mcap") else {
        return;
    };
    let dir = tempfile::tempdir().unwrap();
    let out = dir.path().join("out");
    let run = replay(&bag, &out, &["--json", "--exit-verdict"]);
    let json = run.ends_with(3).says(&["JPEG", "cut off"]).json();
    assert_eq!(json["frames"]["failed"], 10, "{json}");
    assert_eq!(json["last_verdict"]["state"], "FAULT", "{json}");
    assert_eq!(Table::of(&out).column("reason"), ["failed"; 10]);
    let all = annotated(&out);
    assert_eq!(count(&all, MASK), 0);
    assert!(flags(&all).iter().all(|&flag| flag));
}

#[test]
fn motion_jpeg_without_code_tables_is_judged_as_the_same_pictures_with_them() {
    let Some(bare) = case("04_mjpeg_without_dht.mcap") else {
        return;
    };
    let dir = tempfile::tempdir().unwrap();
    let outs = ["bare", "whole"].map(|name| dir.path().join(name));
    replay(&bare, &outs[0], &[]).ends_with(0);
    replay(&case("00_good.mcap").unwrap(), &outs[1], &[]).ends_with(0);
    let (bare, whole) = (Table::of(&outs[0]), Table::of(&outs[1]));
    assert_eq!(bare.len(), 10);
    assert_eq!(bare.verdicts(), whole.verdicts());
    assert!(annotated(&outs[0])[MASK] == annotated(&outs[1])[MASK]);
}

#[test]
fn a_camera_that_always_sends_the_wrong_thing_fills_no_disk_with_log() {
    let dir = tempfile::tempdir().unwrap();
    let (bag, out) = (dir.path().join("drive"), dir.path().join("out"));
    let bad = |index| Image {
        encoding: "rgb32f".to_owned(),
        ..image(index)
    };
    write_bag(&bag, &(0..100).map(bad).collect::<Vec<_>>());
    let run = replay(&bag, &out, &[]);
    run.ends_with(0).says(&[
        "unknown encoding \"rgb32f\"; known are rgb8, bgr8",
        "set the camera's driver to one of these encodings; repeats are only counted",
        "0 frames handled, 100 failed",
    ]);
    assert_eq!(run.stderr.matches("unknown encoding").count(), 1);
    assert_eq!(run.stderr.matches("rgb32f").count(), 1);
}

#[test]
fn each_kind_of_bad_frame_is_logged_once_also_where_good_ones_are_between() {
    let dir = tempfile::tempdir().unwrap();
    let (bag, out) = (dir.path().join("drive"), dir.path().join("out"));
    let frames = (0..40).map(|index| {
        let mut frame = image(index);
        match index % 4 {
            1 => frame.encoding = "rgb32f".to_owned(),
            2 => frame.encoding = "rgb64f".to_owned(),
            3 => frame.data.truncate(288 * (63 - index as usize)),
            _ => {}
        }
        frame
    });
    write_bag(&bag, &frames.collect::<Vec<_>>());
    let run = replay(&bag, &out, &NOTHING_ANOMALOUS);
    run.ends_with(0).says(&["10 frames handled, 30 failed"]);
    for words in [
        "unknown encoding \"rgb32f\"",
        "unknown encoding \"rgb64f\"",
        "but there are",
    ] {
        assert_eq!(run.stderr.matches(words).count(), 1, "{words}");
    }
    assert_eq!(run.stderr.matches("repeats are only counted").count(), 3);
}

/// Says that it is an image and is none.
#[derive(Serialize)]
struct Stub {
    number: u32,
}

impl RosMessage for Stub {
    const TYPE: &'static str = Image::TYPE;
    const DEFINITION: &'static str = Image::DEFINITION;
}

#[test]
fn a_message_that_is_no_image_is_a_fault() {
    let dir = tempfile::tempdir().unwrap();
    let (bag, out) = (dir.path().join("drive"), dir.path().join("out"));
    let mut writer = BagWriter::create(&bag, "drive").unwrap();
    let topic = writer.add_topic::<Image>(TOPIC, Qos::Sensor).unwrap();
    writer.write(topic, stamp(0), &Stub { number: 7 }).unwrap();
    writer.write(topic, stamp(1), &image(1)).unwrap();
    writer.finish().unwrap();
    let run = replay(&bag, &out, &NOTHING_ANOMALOUS);
    run.ends_with(0).says(&[TOPIC, "CDR"]);
    let table = Table::of(&out);
    assert_eq!(table.column("reason"), ["failed", "recovering"]);
    assert_eq!(table.column("state"), ["FAULT", "FAULT"]);
    assert_eq!(table.get(0, "stamp_ns"), "");
    assert_eq!(flags(&annotated(&out)), [true; 2]);
}

#[test]
fn a_stamp_that_is_no_time_is_a_fault() {
    let dir = tempfile::tempdir().unwrap();
    let (bag, out) = (dir.path().join("drive"), dir.path().join("out"));
    let mut frames: Vec<Image> = (0..4).map(image).collect();
    frames[2].header.stamp.nanosec = 1_000_000_000;
    write_bag(&bag, &frames);
    let run = replay(&bag, &out, &NOTHING_ANOMALOUS);
    run.ends_with(0)
        .says(&[TOPIC, "1000000000 ns is not a valid time"]);
    assert_third_is_a_fault(&out, "failed");
}

#[test]
fn only_bad_frames_end_without_a_panic_and_with_a_report() {
    let dir = tempfile::tempdir().unwrap();
    let (bag, out) = (dir.path().join("drive"), dir.path().join("out"));
    let bad = |index| Image {
        encoding: "rgb32f".to_owned(),
        ..image(index)
    };
    write_bag(&bag, &[bad(0), bad(1), bad(2)]);
    replay(&bag, &out, &["--exit-verdict"]).ends_with(3);
    assert_eq!(Table::of(&out).column("state"), ["FAULT"; 3]);
    assert!(out.join("report.html").is_file());
    assert_eq!(count(&annotated(&out), MASK), 0);
}

#[test]
fn a_stamp_that_goes_backwards_is_a_fault() {
    let dir = tempfile::tempdir().unwrap();
    let (bag, out) = (dir.path().join("drive"), dir.path().join("out"));
    let mut frames: Vec<Image> = (0..6).map(image).collect();
    // earlier than the frame before, then the same again
    frames[3].header.stamp = image(1).header.stamp;
    frames[5].header.stamp = image(4).header.stamp;
    write_bag(&bag, &frames);
    let flags_of_run = [NOTHING_ANOMALOUS.as_slice(), &["--json"]].concat();
    let run = replay(&bag, &out, &flags_of_run);
    let json = run.ends_with(0).json();
    assert_eq!(json["frames"]["handled"], 6, "{json}");
    let table = Table::of(&out);
    let backwards = "stamp-regressed";
    assert_eq!(
        table.column("reason"),
        [
            "starting",
            "starting",
            "clear",
            backwards,
            "recovering",
            backwards
        ]
    );
    assert_eq!(
        table.column("state"),
        ["WAITING", "WAITING", "OK", "FAULT", "FAULT", "FAULT"]
    );
    assert_eq!(
        flags(&annotated(&out)),
        [true, true, false, true, true, true]
    );
}
