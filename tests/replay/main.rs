//! `lookout replay`, run as a user runs it: what comes out, and what is said of bags and folders
//! that are not as they should be.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    reason = "a test that fails may panic"
)]

mod damage;
mod folders;
#[path = "../support/mod.rs"]
mod support;

use std::fs;
use std::path::Path;

use lookout::bag::{BagWriter, Qos};
use lookout::msg::{
    Bool, CameraInfo, CompressedImageRef, Image, ImageRef, Odometry, RosMessage, Time, cdr,
};
use lookout::time::Stamp;
use serde::Serialize;
use support::cases::case;
use support::{
    MASK, OVERLAY, SAFE_STOP, SCORE_MAP, STATUS, TOPIC, Table, annotated, command,
    compressed_image, count, finish, flags, image, images, replay, snapshot, stamp, storage,
    write_bag,
};

/// Six good frames in, everything out.
fn good_bag<M: RosMessage + Serialize>(frames: &[M]) {
    let dir = tempfile::tempdir().unwrap();
    let (bag, out) = (dir.path().join("drive"), dir.path().join("out"));
    write_bag(&bag, frames);
    replay(&bag, &out, &[]).ends_with(0);
    assert!(out.join("annotated/metadata.yaml").is_file());
    let report = fs::read_to_string(out.join("report.html")).unwrap();
    assert!(report.contains("<html") && report.contains("data:image/jpeg;base64,"));

    let table = Table::of(&out);
    assert_eq!(table.column("frame"), ["0", "1", "2", "3", "4", "5"]);
    assert_eq!(table.get(0, "state"), "WAITING");
    for row in 0..6 {
        let nanos = stamp(row as u32).as_nanos().to_string();
        assert_eq!(table.get(row, "stamp_ns"), nanos);
        assert_ne!(table.get(row, "state"), "FAULT");
        let score: f32 = table.get(row, "score_max").parse().unwrap();
        assert!((0.0..=1.0).contains(&score), "{score}");
    }

    let all = annotated(&out);
    for topic in [TOPIC, MASK, SCORE_MAP, OVERLAY] {
        assert_eq!(count(&all, topic), 6, "{topic}");
    }
    let flags = flags(&all);
    assert!(flags.len() >= 6 && flags[0]);
    assert!(count(&all, STATUS) >= 6);
    let sent: Vec<Vec<u8>> = frames.iter().map(|m| cdr::to_vec(m).unwrap()).collect();
    assert_eq!(all[TOPIC], sent);
    for (i, (mask, scores)) in all[MASK].iter().zip(&all[SCORE_MAP]).enumerate() {
        let mask: ImageRef<'_> = cdr::from_slice(mask).unwrap();
        let scores: ImageRef<'_> = cdr::from_slice(scores).unwrap();
        assert_eq!((mask.encoding, scores.encoding), ("mono8", "mono16"));
        assert_eq!((mask.width, mask.height), (scores.width, scores.height));
        assert_eq!(mask.data.len(), (mask.width * mask.height) as usize);
        assert_eq!(scores.data.len(), 2 * mask.data.len());
        assert!(mask.data.iter().all(|&value| matches!(value, 0 | 255)));
        let marked = mask.data.iter().filter(|&&value| value == 255).count();
        assert_eq!(table.get(i, "anomalous_pixels"), marked.to_string());
        assert_eq!(mask.header.stamp, Time::from(stamp(i as u32)));
    }
    for overlay in &all[OVERLAY] {
        let overlay: CompressedImageRef<'_> = cdr::from_slice(overlay).unwrap();
        assert_eq!(overlay.format, "jpeg");
        let picture = image::load_from_memory(overlay.data).unwrap();
        assert_eq!((picture.width(), picture.height()), support::SIZE);
    }
}

#[test]
fn a_drive_of_raw_images_gives_rows_report_and_annotated_bag() {
    good_bag(&images(6));
}

#[test]
fn a_drive_of_compressed_images_gives_rows_report_and_annotated_bag() {
    let frames: Vec<_> = (0..6).map(compressed_image).collect();
    good_bag(&frames);
}

#[track_caller]
fn same_results(first: &Path, second: &Path) {
    assert_eq!(Table::of(first).verdicts(), Table::of(second).verdicts());
    let (first, second) = (annotated(first), annotated(second));
    assert!(count(&first, MASK) > 0);
    for topic in [MASK, SCORE_MAP, SAFE_STOP, STATUS] {
        assert!(first[topic] == second[topic], "{topic} differs");
    }
}

/// Frames with the camera_info of their camera and the odometry of a vehicle between them.
fn bag_of_a_vehicle(bag: &Path, camera: Option<CameraInfo>) {
    let mut writer = BagWriter::create(bag, "drive").unwrap();
    let images = writer.add_topic::<Image>(TOPIC, Qos::Sensor).unwrap();
    let infos = writer
        .add_topic::<CameraInfo>("/camera/camera_info", Qos::Sensor)
        .unwrap();
    let odometry = writer.add_topic::<Odometry>("/odom", Qos::Sensor).unwrap();
    for i in 0..6 {
        let at = stamp(i);
        if let Some(camera) = &camera {
            writer.write(infos, at, camera).unwrap();
        }
        let mut moved = Odometry::default();
        moved.twist.twist.linear.x = 10.0;
        writer.write(odometry, at, &moved).unwrap();
        writer.write(images, at, &image(i)).unwrap();
    }
    writer.finish().unwrap();
}

#[test]
fn camera_and_odometry_of_a_bag_are_used_and_what_holds_is_said() {
    let dir = tempfile::tempdir().unwrap();
    let (with, without) = (dir.path().join("with"), dir.path().join("without"));
    let camera = CameraInfo {
        width: support::SIZE.0,
        height: support::SIZE.1,
        distortion_model: "plumb_bob".to_owned(),
        k: [80.0, 0.0, 48.0, 0.0, 80.0, 32.0, 0.0, 0.0, 1.0],
        ..CameraInfo::default()
    };
    bag_of_a_vehicle(&with, Some(camera));
    bag_of_a_vehicle(&without, None);
    let file = dir.path().join("camera.yaml");
    let yaml = "image_width: 96\nimage_height: 64\ncamera_matrix:\n  data: [80.0, 0, 48, 0, 80.0, 32, 0, 0, 1]\n\
                distortion_model: equidistant\ndistortion_coefficients:\n  data: [0.0, 0, 0, 0]\n\
                mount: {height_m: 1.2, pitch_uncertainty_deg: 1}\n";
    fs::write(&file, yaml).unwrap();
    let file = file.to_str().unwrap();
    let on_ground = |height: &str| {
        format!("2.5 m wide, camera {height} m high, stopping distance from odometry")
    };
    let height = ["--camera-height", "1.4", "--camera-pitch", "-1"];
    let cases = [
        (&with, &height[..], on_ground("1.4")),
        (
            &with,
            &[],
            "trapezoid, the camera's height is not known".to_owned(),
        ),
        (&without, &height, "trapezoid, no camera known".to_owned()),
        (&without, &["--camera", file], on_ground("1.2")),
        (
            &with,
            &["--camera", file, "--camera-height", "2"],
            on_ground("2.0"),
        ),
        (
            &with,
            &["--rate", "10", "--camera-height", "1.4"],
            on_ground("1.4"),
        ),
    ];
    for (i, (bag, flags, corridor)) in cases.into_iter().enumerate() {
        let out = dir.path().join(format!("out{i}"));
        let run = replay(bag, &out, &[flags, &["--json"]].concat());
        let json = run.ends_with(0).json();
        assert_eq!(json["corridor"], corridor, "{flags:?}");
        assert_eq!(json["frames"]["failed"], 0, "{flags:?}");
        let page = fs::read_to_string(out.join("report.html")).unwrap();
        let words = corridor.split(',').next().unwrap();
        assert!(page.contains(words), "{words} in the report");
    }
    for (flags, words) in [
        (&["--camera-height", "-1"][..], "camera height is -1 m"),
        (
            &["--camera-pitch", "1"],
            "--camera-pitch needs --camera-height",
        ),
        (&["--camera", "none.yaml"], "cannot read none.yaml"),
        (
            &["--camera", file, "--camera-pitch", "-45"],
            "the camera hardly sees the way: 0 of 4096 points",
        ),
    ] {
        let run = replay(&with, &dir.path().join("refused"), flags);
        assert!(run.ends_with(1).stderr.contains(words), "{flags:?}");
    }
}

#[test]
fn the_same_bag_twice_gives_the_same_verdicts_and_masks() {
    let dir = tempfile::tempdir().unwrap();
    let bag = dir.path().join("drive");
    write_bag(&bag, &images(6));
    let outs = ["a", "b"].map(|name| dir.path().join(name));
    for out in &outs {
        replay(&bag, out, &[]).ends_with(0);
    }
    same_results(&outs[0], &outs[1]);
}

#[test]
fn the_camvid_drive_is_handled_whole_and_twice_the_same() {
    let bag =
        Path::new(env!("CARGO_MANIFEST_DIR")).join("../shared/data/bags/camvid_val_drive_mcap");
    if !bag.is_dir() {
        eprintln!(
            "the_camvid_drive_is_handled_whole_and_twice_the_same: skipped, no {}",
            bag.display()
        );
        return;
    }
    let dir = tempfile::tempdir().unwrap();
    let outs = ["a", "b"].map(|name| dir.path().join(name));
    for out in &outs {
        let run = replay(&bag, out, &["--json"]);
        let json = run.ends_with(0).json();
        let frames = &json["frames"];
        assert_eq!(frames["handled"], 101, "{frames}");
        assert_eq!(frames["failed"], 0, "{frames}");
        assert_eq!(frames["dropped"], 0, "{frames}");
        assert_eq!(Table::of(out).len(), 101);
    }
    same_results(&outs[0], &outs[1]);
}

#[test]
fn json_is_one_object_with_frames_states_and_latency() {
    let dir = tempfile::tempdir().unwrap();
    let (bag, out) = (dir.path().join("drive"), dir.path().join("out"));
    write_bag(&bag, &images(3));
    let run = replay(&bag, &out, &["--json"]);
    let json = run.ends_with(0).json();
    assert_eq!(json["frames"]["handled"], 3, "{json}");
    let states = json["states"].as_object().unwrap();
    let total: u64 = states.values().map(|n| n.as_u64().unwrap()).sum();
    assert_eq!(total, 3, "{json}");
    assert_eq!(json["latency"]["count"], 3, "{json}");
    assert!(json["source_error"].is_null(), "{json}");
    // nothing but the summary goes there
    let quiet = replay(&bag, &dir.path().join("quiet"), &[]);
    assert!(quiet.ends_with(0).stdout.is_empty());
}

#[test]
fn exit_verdict_tells_a_fault_from_a_clear_road() {
    let dir = tempfile::tempdir().unwrap();
    let (clear, fault) = (dir.path().join("clear"), dir.path().join("fault"));
    write_bag(&clear, &images(6));
    let mut frames = images(6);
    frames[5].encoding = "none".to_owned();
    write_bag(&fault, &frames);
    // no score is over 1: nothing is anomalous
    let flags = ["--exit-verdict", "--threshold", "1"];
    replay(&clear, &dir.path().join("a"), &flags).ends_with(0);
    replay(&fault, &dir.path().join("b"), &flags).ends_with(3);
    replay(&fault, &dir.path().join("c"), &flags[1..]).ends_with(0);
}

#[test]
fn frames_without_stamps_are_called_that_at_every_rate() {
    let dir = tempfile::tempdir().unwrap();
    let bag = dir.path().join("drive");
    let mut frames = images(8);
    for frame in &mut frames {
        frame.header.stamp = Stamp::default().into();
    }
    write_bag(&bag, &frames);
    for rate in ["max", "1", "2"] {
        let out = dir.path().join(rate);
        replay(&bag, &out, &["--rate", rate]).ends_with(0);
        let table = Table::of(&out);
        let said = table.column("reason_text");
        assert!(said.len() > 1, "{rate}: {said:?}");
        for text in &said[1..] {
            let words = "the driver does not stamp its frames";
            assert!(text.contains(words), "{rate}: {said:?}");
        }
    }
}

#[test]
fn a_wrong_topic_names_the_image_topics_there_are() {
    let dir = tempfile::tempdir().unwrap();
    let (bag, out) = (dir.path().join("drive"), dir.path().join("out"));
    let mut writer = BagWriter::create(&bag, "drive").unwrap();
    for topic in ["/front/image", "/rear/image"] {
        let id = writer.add_topic::<Image>(topic, Qos::Sensor).unwrap();
        writer.write(id, stamp(0), &image(0)).unwrap();
    }
    let chatter = writer.add_topic::<Bool>("/chatter", Qos::Reliable).unwrap();
    writer
        .write(chatter, stamp(0), &Bool { data: true })
        .unwrap();
    writer.finish().unwrap();
    for wrong in ["/side/image", "/chatter"] {
        let run = replay(&bag, &out, &["--topic", wrong]);
        run.fails(&[wrong, "/front/image", "/rear/image"]);
    }
    let counted = ["/front/image", "/rear/image"]
        .map(|topic| format!("{topic} (sensor_msgs/msg/Image, cdr, 1 message)"));
    replay(&bag, &out, &[]).fails(&["choose one with --topic", &counted[0], &counted[1]]);
    assert!(!out.exists());
    replay(&bag, &out, &["--topic", "/rear/image"]).ends_with(0);
    assert_eq!(Table::of(&out).len(), 1);
}

#[test]
fn a_bag_without_images_names_the_topics_that_it_has() {
    let dir = tempfile::tempdir().unwrap();
    let (bag, out) = (dir.path().join("drive"), dir.path().join("out"));
    write_bag(&bag, &[Bool { data: true }]);
    let topic = format!("{TOPIC} (std_msgs/msg/Bool, cdr, 1 message)");
    replay(&bag, &out, &[]).fails(&["drive", "no image topic", &topic]);
    replay(&bag, &out, &["--topic", "/other"]).fails(&["drive"]);
    assert!(!out.exists());
}

#[test]
fn of_many_topics_twenty_are_named() {
    let dir = tempfile::tempdir().unwrap();
    let (bag, out) = (dir.path().join("drive"), dir.path().join("out"));
    let mut writer = BagWriter::create(&bag, "drive").unwrap();
    for number in 10..40 {
        let topic = format!("/flag{number}");
        let id = writer.add_topic::<Bool>(&topic, Qos::Reliable).unwrap();
        writer.write(id, stamp(0), &Bool { data: true }).unwrap();
    }
    writer.finish().unwrap();
    for flags in [&[][..], &["--topic", "/other"]] {
        let run = replay(&bag, &out, flags);
        run.fails(&["/flag10 (", "/flag29 (", " and 10 more"]);
        assert!(!run.stderr.contains("/flag30"), "{}", run.stderr);
    }
}

#[test]
fn an_image_topic_without_a_message_is_no_clear_road() {
    let dir = tempfile::tempdir().unwrap();
    let (bag, out) = (dir.path().join("drive"), dir.path().join("out"));
    write_bag::<Image>(&bag, &[]);
    let run = replay(&bag, &out, &["--exit-verdict"]);
    assert_ne!(run.code, Some(0), "{}", run.stderr);
}

#[test]
fn what_is_no_bag_is_named() {
    let dir = tempfile::tempdir().unwrap();
    let out = dir.path().join("out");
    let text = dir.path().join("notes.txt");
    fs::write(&text, "no bag").unwrap();
    let empty = dir.path().join("empty");
    fs::create_dir(&empty).unwrap();
    let absent = dir.path().join("absent");
    for path in [&text, &empty, &absent] {
        replay(path, &out, &[]).fails(&[path.to_str().unwrap()]);
    }
    assert!(!out.exists());
}

#[test]
fn wrong_arguments_are_usage_errors() {
    let dir = tempfile::tempdir().unwrap();
    let (bag, out) = (dir.path().join("drive"), dir.path().join("out"));
    write_bag(&bag, &images(1));
    for (flag, value) in [
        ("--rate", "0"),
        ("--rate", "nan"),
        ("--rate", "fast"),
        ("--engine", "gpu"),
        ("--threads", "0"),
        ("--score", "no name"),
        ("--frobnicate", "1"),
    ] {
        let mut command = command("replay");
        command.arg(&bag).arg("--out").arg(&out).args([flag, value]);
        finish(command).ends_with(2).says(&[flag]);
    }
    let mut without_out = command("replay");
    without_out.arg(&bag);
    finish(without_out).ends_with(2).says(&["--out"]);
    // it could be a head: only the bundle tells
    let mut guess = command("replay");
    guess
        .arg(&bag)
        .arg("--out")
        .arg(&out)
        .args(["--score", "guess"]);
    finish(guess)
        .ends_with(1)
        .says(&["no score guess", "max-logit"]);
    assert!(!out.exists());
}
