//! Real signals to a real process: the program starts itself again, for one test alone.
#![cfg(all(target_os = "linux", feature = "ros"))]
#![allow(clippy::unwrap_used)]

use std::io::{BufRead, BufReader, Lines, Write};
use std::os::unix::process::ExitStatusExt;
use std::process::{Child, ChildStdout, Command, Stdio};
use std::time::{Duration, Instant};

use lookout::ros::shutdown::Shutdown;
use rustix::process::{Pid, Signal, kill_process};

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
    shutdown.wait();
    assert!(shutdown.requested());
    say("asked to end");
    if then == "hang" {
        std::thread::sleep(LIMIT);
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
fn a_sigint_after_that_ends_it_at_once() {
    for first in [Signal::INT, Signal::TERM] {
        let mut process = Process::start("hang");
        process.send(first);
        process.hear("asked to end");
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
    std::thread::sleep(Duration::from_millis(200));
    assert!(process.child.try_wait().unwrap().is_none());
    process.send(Signal::INT);
    assert_eq!(process.end().0, Some(130));
}
