//! `lookout calibrate stop` and `lookout calibrate camera` from the outside.

#![allow(clippy::unwrap_used, reason = "a test that fails may panic")]

mod support;

use std::fs;
use std::path::Path;

use support::{Run, command, finish};

#[track_caller]
fn stop(more: &[&str], out: &Path) -> Run {
    let mut calibrate = command("calibrate");
    calibrate
        .args(["stop", "--engine", "rten", "--out"])
        .arg(out);
    calibrate
        .args(["--block", "0.5", "--confidence", "0.5"])
        .args(more);
    finish(calibrate)
}

/// Of a file of a camera.
fn pitch(text: &str) -> f64 {
    let line = text.lines().find(|l| l.contains("pitch_deg")).unwrap();
    line.split(':').nth(1).unwrap().trim().parse().unwrap()
}

#[test]
fn stop_levels_and_a_camera_are_made_from_clean_drives_and_used_by_others() {
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("stop.toml");
    // 35 s of tables: in fewer than e^6.2 frames the surest thing is no surprise that 30 frames confirm
    let drives = ["--rendered", "7000-7009", "--seconds", "7"];
    // of 70 blocks of half a second for levels: half of the times a rate of one in 4 blocks shows there
    stop(&[&drives[..], &["--hours", "0.0007"]].concat(), &file)
        .ends_with(0)
        .says(&[
            "at most one false stop in 0.0007 h",
            "at 15 frames a second",
            "seeds 7000-7009",
            "a sure thing is confirmed after",
        ]);
    let text = fs::read_to_string(&file).unwrap();
    // of every mode that counts as watching
    for words in [
        "name = \"full+observer\"",
        "name = \"reduced+observer\"",
        "calibrate stop",
    ] {
        assert!(text.contains(words), "{words} in {text}");
    }

    let demo = |more: &[&str], out: &str| {
        let mut demo = command("demo");
        demo.args([
            "--thing", "none", "--seed", "7002", "--engine", "rten", "--json", "--stop",
        ]);
        demo.arg(&file)
            .args(more)
            .arg("--out")
            .arg(dir.path().join(out));
        finish(demo)
    };
    let run = demo(&[], "demo");
    run.ends_with(0);
    let last = &run.json()["last_verdict"]["tracked"];
    assert!(last["level"].as_f64().unwrap() > 1.0, "{last}");
    let page = fs::read_to_string(dir.path().join("demo/report.html")).unwrap();
    assert!(page.contains("by evidence: at most one false stop"));
    // a replay of the drive, with the camera that the demo wrote, comes to the same end
    let mut replay = command("replay");
    replay.arg(dir.path().join("demo/drive")).arg("--camera");
    replay
        .arg(dir.path().join("demo/camera.yaml"))
        .arg("--stop")
        .arg(&file);
    replay
        .args(["--engine", "rten", "--json", "--out"])
        .arg(dir.path().join("replay"));
    let again = finish(replay);
    again.ends_with(0);
    assert_eq!(run.json()["states"], again.json()["states"]);
    assert_eq!(
        run.json()["last_verdict"]["reason"],
        again.json()["last_verdict"]["reason"]
    );

    let mut calibrate = command("calibrate");
    calibrate.arg("camera").arg(dir.path().join("demo/drive"));
    calibrate
        .args(["--lane-width", "3", "--picture"])
        .arg(dir.path().join("lanes.png"));
    let run = finish(calibrate);
    run.ends_with(0).says(&["frames show the lane"]);
    let found = String::from_utf8(run.stdout.clone()).unwrap();
    let truth = fs::read_to_string(dir.path().join("demo/camera.yaml")).unwrap();
    assert!(
        (pitch(&found) - pitch(&truth)).abs() < 0.3,
        "{found} {truth}"
    );
    assert!(dir.path().join("lanes.png").exists());

    // from its bag, too: with the camera, and not without
    let drive = dir.path().join("demo/drive");
    let (drive, camera) = (drive.to_str().unwrap(), dir.path().join("demo/camera.yaml"));
    let camera = ["--camera", camera.to_str().unwrap()];
    let own = dir.path().join("own.toml");
    let from_bag = [drive, "--hours", "0.0007", camera[0], camera[1]];
    stop(
        &[
            &from_bag[..],
            &["--rendered", "7000-7006", "--seconds", "8"],
        ]
        .concat(),
        &own,
    )
    .ends_with(0)
    .says(&["on roads like drive"]);
    // once, and no more often
    stop(&[&[drive][..], &from_bag].concat(), &own).fails(&["give every recording once"]);
    stop(&[drive, "--hours", "0.0007"], &own).fails(&["--camera-height"]);
    // its camera_info is there, and cannot be on such a mount
    let to_the_sky = ["--camera-height", "1.5", "--camera-pitch", "-45"];
    stop(
        &[&[drive, "--hours", "0.0007"], &to_the_sky[..]].concat(),
        &own,
    )
    .fails(&["has no distances", "the camera hardly sees the way"]);

    demo(&["--threshold", "0.9"], "other").fails(&["full+observer", "over 0.9 is in use"]);
    let other = text.replace("bundle_hash = \"", "bundle_hash = \"0");
    fs::write(&file, other).unwrap();
    demo(&[], "other").fails(&["lookout calibrate stop", "the bundle 0"]);
}

#[test]
fn a_level_that_nothing_could_reach_is_not_written() {
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("stop.toml");
    let drives = ["--rendered", "7000", "--seconds", "4.6"];
    stop(&[&drives[..], &["--hours", "0.0007"]].concat(), &file)
        .fails(&["nothing can confirm a stop", "more recordings"]);
    assert!(!file.exists());
}

#[test]
fn a_promise_that_the_recordings_cannot_carry_is_refused() {
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("stop.toml");
    let drives = ["--rendered", "7000", "--seconds", "1"];
    stop(&[&drives[..], &["--hours", "1"]].concat(), &file)
        .fails(&["too short for the promise", "min more"]);
    stop(&["--hours", "1"], &file).fails(&["nothing to calibrate with"]);
    stop(&[&drives[..], &["--hours", "0"]].concat(), &file).fails(&["hours"]);
    assert!(!file.exists());
    // before anything is rendered
    let nowhere = dir.path().join("none/stop.toml");
    let many = ["--rendered", "0-9999", "--hours", "0.001"];
    stop(&many, &nowhere).fails(&["cannot write", "none"]);
    stop(&["--rendered", "0-9999", "--hours", "100000"], &file).fails(&["min more"]);
}
