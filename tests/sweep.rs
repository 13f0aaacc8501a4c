//! `lookout sweep` from the outside.

#![allow(clippy::unwrap_used, reason = "a test that fails may panic")]

mod support;

use std::fs;
use std::path::Path;

use support::{Run, command, finish};

/// Clean drives of half a second.
#[track_caller]
fn sweep(out: &Path, seeds: &str, more: &[&str]) -> Run {
    let mut sweep = command("sweep");
    sweep.arg("--out").arg(out).args(["--seeds", seeds]);
    sweep.args(["--speeds", "50", "--things", "none", "--seconds", "0.4"]);
    sweep.args(["--engine", "rten"]).args(more);
    finish(sweep)
}

fn rows(out: &Path) -> String {
    fs::read_to_string(out.join("sweep.csv")).unwrap()
}

#[test]
fn a_sweep_in_two_parts_gives_the_rows_of_one_in_one_part() {
    let dir = tempfile::tempdir().unwrap();
    let (whole, parts) = (dir.path().join("whole"), dir.path().join("parts"));
    let run = sweep(&whole, "3-4", &["--jobs", "2", "--json"]);
    run.ends_with(0).says(&["no false stop", "drives: 2"]);
    assert_eq!(run.json()["totals"]["clean"]["drives"], 2);

    sweep(&parts, "4", &[]).ends_with(0);
    let one = rows(&parts);
    assert_eq!(one.lines().count(), 2, "{one}");
    // killed while the next row was written
    fs::write(parts.join("sweep.csv"), one + "3,50.0,no").unwrap();
    sweep(&parts, "3-4", &[])
        .ends_with(0)
        .says(&["1 of 2 drives"]);
    assert_eq!(rows(&whole), rows(&parts));
    let page = fs::read_to_string(parts.join("sweep.html")).unwrap();
    assert!(page.ends_with("</html>") && page.contains("With nothing on the road"));
}

#[test]
fn a_sweep_goes_on_with_its_own_settings_only() {
    let dir = tempfile::tempdir().unwrap();
    let out = dir.path().join("out");
    sweep(&out, "3", &[]).ends_with(0);
    let before = rows(&out);
    sweep(&out, "3", &["--threshold", "0.9"]).fails(&["settings", "--out"]);
    assert_eq!(rows(&out), before);
    let other = dir.path().join("other");
    fs::create_dir(&other).unwrap();
    fs::write(other.join("notes.txt"), "mine").unwrap();
    sweep(&other, "3", &[]).fails(&["already has something in it"]);
}

#[test]
fn a_wrong_grid_is_a_usage_error() {
    let dir = tempfile::tempdir().unwrap();
    let out = dir.path().join("out");
    for (flag, value) in [
        ("--seeds", "9-3"),
        ("--speeds", "50,fast"),
        ("--things", "unicorn"),
        ("--seconds", "0"),
    ] {
        let mut sweep = command("sweep");
        sweep.arg("--out").arg(&out).args([flag, value]);
        finish(sweep).ends_with(2).says(&[flag]);
    }
    assert!(!out.exists());
}
