//! Real signals to a real process: the program starts itself again, for one test alone.
#![cfg(target_os = "linux")]
#![allow(clippy::unwrap_used)]

mod support;

use std::io::{BufRead, BufReader, Lines, Write};
use std::os::unix::process::ExitStatusExt;
use std::path::Path;
use std::process::{Child, ChildStdout, Command, Stdio};
use std::time::{Duration, Instant};

use lookout::shutdown::{SAME_REQUEST_WITHIN, Shutdown};
use rustix::process::{Pid, Signal, kill_process};
use support::{MASK, Table, annotated, count, write_bag};

const IN_CHILD: &str = "LOOKOUT_TEST_SHUTDOWN";
const LIMIT: Duration = Duration::from_secs(20);

/// What the process does that gets the signals; in the test run itself, nothing.
#[test]
fn the_process_that_gets_them() {
    let Ok(then) = std::env::var(IN_CHILD) else {
        return;
    };
    let shutdown = Shutdown::on_signals().unwrap();
    say("ready");
    while !shutdown.wait_for(Duration::from_secs(1)) {}
    assert!(shutdown.requested());
    say("asked to end");
    match then.as_str() {
        "hang" => std::thread::sleep(LIMIT),
        "a moment" => std::thread::sleep(SAME_REQUEST_WITHIN / 2),
        _ => {}
    }
}

fn say(line: &str) {
    let mut out = std::io::stdout();
    writeln!(out, "{line}").unwrap();
    out.flush().unwrap();
}

struct Process {
    child: Child,
    lines: Lines<BufReader<ChildStdout>>,
}

impl Process {
    fn start(then: &str) -> Self {
        let mut child = Command::new(std::env::current_exe().unwrap())
            .args(["--exact", "the_process_that_gets_them", "--nocapture"])
            .env(IN_CHILD, then)
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let lines = BufReader::new(child.stdout.take().unwrap()).lines();
        let mut process = Self { child, lines };
        process.hear("ready");
        process
    }

    /// Waits for a line; among them are those of the test harness.
    fn hear(&mut self, wanted: &str) {
        let heard = self.lines.any(|line| line.unwrap().ends_with(wanted));
        assert!(heard, "it ended without a word");
    }

    fn send(&self, signal: Signal) {
        kill_process(Pid::from_child(&self.child), signal).unwrap();
    }

    /// The status it exits with, and how long that took.
    fn end(mut self) -> (Option<i32>, Duration) {
        let began = Instant::now();
        let status = self.child.wait().unwrap();
        assert_eq!(status.signal(), None, "it ends by itself");
        (status.code(), began.elapsed())
    }
}

#[test]
fn a_first_signal_is_a_request() {
    for signal in [Signal::TERM, Signal::INT] {
        let mut process = Process::start("end");
        process.send(signal);
        process.hear("asked to end");
        let (code, took) = process.end();
        assert_eq!(code, Some(0), "{signal:?}");
        assert!(took < Duration::from_secs(5), "{took:?}");
    }
}

#[test]
fn a_sigint_right_after_it_is_the_same_request() {
    let mut process = Process::start("a moment");
    process.send(Signal::INT);
    process.send(Signal::INT);
    process.hear("asked to end");
    process.send(Signal::INT);
    assert_eq!(process.end().0, Some(0), "it ends in order");
}

#[test]
fn a_later_sigint_ends_it_at_once() {
    for first in [Signal::INT, Signal::TERM] {
        let mut process = Process::start("hang");
        process.send(first);
        process.hear("asked to end");
        std::thread::sleep(SAME_REQUEST_WITHIN + Duration::from_millis(200));
        process.send(Signal::INT);
        let (code, took) = process.end();
        assert_eq!(code, Some(130), "{first:?}");
        assert!(took < LIMIT / 2, "{took:?}");
    }
}

#[test]
fn a_second_sigterm_changes_nothing() {
    let mut process = Process::start("hang");
    process.send(Signal::TERM);
    process.hear("asked to end");
    process.send(Signal::TERM);
    std::thread::sleep(SAME_REQUEST_WITHIN + Duration::from_millis(200));
    assert!(process.child.try_wait().unwrap().is_none());
    process.send(Signal::INT);
    assert_eq!(process.end().0, Some(130));
}

/// A command that works on a long input is asked to end once it is at work; what it wrote.
fn interrupted(arguments: &[&str], at_work: &Path, signal: Signal) -> (Option<i32>, String) {
    let mut command = support::command(arguments[0]);
    command
        .args(&arguments[1..])
        .stdout(Stdio::piped())
        .stderr(Stdio::piped());
    let child = command.spawn().unwrap();
    let began = Instant::now();
    while !at_work.exists() {
        assert!(began.elapsed() < 6 * LIMIT, "{arguments:?} does not begin");
        std::thread::sleep(Duration::from_millis(10));
    }
    // the first frame takes longest
    std::thread::sleep(Duration::from_secs(3));
    kill_process(Pid::from_child(&child), signal).unwrap();
    let output = child.wait_with_output().unwrap();
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    let json = String::from_utf8(output.stdout).unwrap();
    assert!(output.status.signal().is_none(), "{said}");
    (output.status.code(), json)
}

/// Rows, annotated bag, report and summary of a part of the drive, all of them readable.
fn part_is_written(out: &Path, json: &str, frames: usize) {
    let rows = Table::of(out).len();
    assert!((1..frames).contains(&rows), "{rows} of {frames} frames");
    let masks = count(&annotated(out), MASK);
    assert!(masks > 0 && masks <= rows, "{masks} masks, {rows} rows");
    let report = std::fs::read_to_string(out.join("report.html")).unwrap();
    assert!(report.trim_end().ends_with("</html>"));
    let summary: serde_json::Value = serde_json::from_str(json).unwrap();
    assert_eq!(summary["interrupted"], true);
}

#[test]
fn what_was_done_until_a_signal_is_written() {
    const FRAMES: u32 = 600;
    let dir = tempfile::tempdir().unwrap();
    let bag = dir.path().join("drive");
    let frames: Vec<_> = (0..FRAMES).map(support::compressed_image).collect();
    write_bag(&bag, &frames);
    let bag = bag.to_str().unwrap();
    let out = |name: &str| dir.path().join(name).to_str().unwrap().to_owned();
    // what is there when the first frame comes
    let runs: [(&str, &[&str], &str, Signal, i32); 4] = [
        ("max", &["replay", bag], "annotated", Signal::INT, 130),
        (
            "paced",
            &["replay", bag, "--rate", "1"],
            "annotated",
            Signal::TERM,
            143,
        ),
        ("profile", &["profile", bag], "trace.json", Signal::INT, 130),
        ("demo", &["demo"], "annotated", Signal::TERM, 143),
    ];
    for (name, arguments, marker, signal, code) in runs {
        let out = out(name);
        let all = [arguments, &["--out", &out, "--json"]].concat();
        let (ended, json) = interrupted(&all, &Path::new(&out).join(marker), signal);
        assert_eq!(ended, Some(code), "{name}");
        part_is_written(Path::new(&out), &json, FRAMES as usize);
    }
    for name in ["profile/profile.json", "profile/trace.json"] {
        let text = std::fs::read_to_string(dir.path().join(name)).unwrap();
        serde_json::from_str::<serde_json::Value>(&text).unwrap();
    }
}

#[test]
fn a_signal_ends_a_sweep_with_the_drives_that_are_done() {
    let dir = tempfile::tempdir().unwrap();
    let out = dir.path().join("out");
    let arguments = ["sweep", "--json", "--seeds", "0-999", "--out"];
    let all = [&arguments[..], &[out.to_str().unwrap()]].concat();
    let (code, json) = interrupted(&all, &out.join("sweep.csv"), Signal::INT);
    assert_eq!(code, Some(130));
    let told: serde_json::Value = serde_json::from_str(&json).unwrap();
    assert_eq!(
        (&told["interrupted"], &told["drives"]),
        (&true.into(), &4000.into())
    );
    let rows = std::fs::read_to_string(out.join("sweep.csv")).unwrap();
    assert_eq!(
        rows.lines().count() as u64,
        told["done"].as_u64().unwrap() + 1
    );
    let page = std::fs::read_to_string(out.join("sweep.html")).unwrap();
    assert!(page.ends_with("</html>") && page.contains("of 4000 drives are done"));
}

#[test]
fn a_signal_ends_a_score_run_between_two_pictures() {
    const PICTURES: u32 = 1000;
    let dir = tempfile::tempdir().unwrap();
    for i in 0..PICTURES {
        let file = dir.path().join(format!("pictures/{i:04}.jpg"));
        std::fs::create_dir_all(file.parent().unwrap()).unwrap();
        std::fs::write(file, support::compressed_image(i).data).unwrap();
    }
    let (pictures, out) = (dir.path().join("pictures"), dir.path().join("out"));
    let arguments = [
        "score",
        pictures.to_str().unwrap(),
        "--out",
        out.to_str().unwrap(),
    ];
    let (code, _) = interrupted(&arguments, &out.join("score/0000.png"), Signal::INT);
    assert_eq!(code, Some(130));
    let written = |folder: &str| std::fs::read_dir(out.join(folder)).unwrap().count();
    let done = written("score");
    assert!((1..PICTURES as usize).contains(&done), "{done}");
    assert_eq!((written("class"), written("mask")), (done, done));
}
