use std::cell::Cell;
use std::fs;
use std::time::Instant;

use super::recent::Recent;
use super::*;
use crate::decide::{Failure, GroundError, NoLimit, Reason, State, Verdict};
use crate::engine::{Judge, Judges, Mode};
use crate::msg::DiagnosticStatus;
use crate::pipeline::NoGround;
use crate::profile::{FrameFate, FrameOutcome, Machine, StageTimes};
use crate::score::ScoreKind;
use crate::watchdog::{Board, BoardReader};
use proptest::prelude::*;

mod around;
mod drift;
mod files;
mod frames;
mod gpu;

const MS: fn(u64) -> Duration = Duration::from_millis;
const LIMITS: Limits = Limits {
    deadline_ms: 100,
    stale_after_ms: 500,
};
const OK: u8 = DiagnosticStatus::OK;
const WARN: u8 = DiagnosticStatus::WARN;
const ERROR: u8 = DiagnosticStatus::ERROR;
const STALE: u8 = DiagnosticStatus::STALE;

thread_local! {
    /// The verdict that is on the board.
    static LAST: Cell<Option<Verdict>> = const { Cell::new(None) };
}

/// What the board says.
fn flag() -> Snapshot {
    let board = Board::new(60_000).unwrap();
    if let Some(verdict) = LAST.get() {
        board.post(&verdict, Duration::ZERO);
    }
    BoardReader::default().read(&board)
}

fn words() -> EngineWords {
    EngineWords {
        name: "rten".to_owned(),
        description: "rten, 2 threads".to_owned(),
        mode: "full",
        bundle: "road".to_owned(),
        bundle_hash: "abc123".to_owned(),
        stop_promise: "at most one false stop in 2 h".to_owned(),
        note: String::new(),
        left_out: String::new(),
        judges: Judges::one(
            Mode::FULL_LOGITS,
            Judge {
                score: ScoreKind::Energy,
                threshold: 0.5,
            },
        ),
        clean_means: [Some([0.1, 0.2]); Mode::COUNT],
    }
}

fn active() -> Health {
    let mut health = Health::new(LIMITS);
    health.configured(words(), LIMITS);
    health.set_lifecycle("active", true);
    health
}

fn clear() -> Verdict {
    Verdict {
        state: State::Ok,
        safe_stop: false,
        reason: Reason::Clear,
        capture_stamp: Some(Stamp::from_nanos(5)),
        age_nanos: Some(1),
        anomalous_pixels: 0,
        corridor_pixels: 0,
        nearest: None,
        tracked: None,
    }
}

fn fault(failure: Failure) -> Verdict {
    Verdict {
        state: State::Fault,
        safe_stop: true,
        reason: Reason::Failed { failure },
        ..clear()
    }
}

fn outcome(at: Duration, age: u64, fate: FrameFate, verdict: Verdict) -> FrameOutcome {
    LAST.set(Some(verdict));
    FrameOutcome {
        at,
        mode: Some("full"),
        stages: StageTimes::default(),
        gpu: None,
        latency: Some(MS(age / 2)),
        age: Some(MS(age)),
        fate,
        verdict: Some(verdict),
        mean_score: Some(0.15),
    }
}

/// Frames at 30 Hz from `from` to `to`, each `age` old when its verdict is out.
fn drive(health: &mut Health, from: u64, to: u64, age: u64) {
    for at in (from..to).step_by(33).map(MS) {
        health.received(at);
        let fate = match age > 100 {
            true => FrameFate::Late,
            false => FrameFate::InTime,
        };
        health.frame(&outcome(at, age, fate, clear()));
    }
}

/// Level and message of a status.
fn status(health: &Health, now: u64, name: &str) -> (u8, String) {
    let found = full(health, now, name);
    (found.level, found.message)
}

fn full(health: &Health, now: u64, name: &str) -> DiagnosticStatus {
    let flag = (&flag(), Duration::ZERO);
    let array = array(health, "eye", flag, MS(now), Stamp::default(), None);
    let name = format!("eye: {name}");
    let found = array.status.into_iter().find(|status| status.name == name);
    found.unwrap()
}

fn value(status: &DiagnosticStatus, key: &str) -> String {
    let pair = status.values.iter().find(|pair| pair.key == key);
    pair.unwrap_or_else(|| panic!("no {key} in {status:?}"))
        .value
        .clone()
}

fn said(level: u8, message: &str) -> (u8, String) {
    (level, message.to_owned())
}

#[test]
fn before_anything_was_configured_nothing_is_ok() {
    let mut health = Health::new(LIMITS);
    health.camera = "/front/image_raw".to_owned();
    let (flag, stamp) = ((&flag(), Duration::ZERO), Stamp::from_nanos(7));
    let array = array(&health, "eye", flag, MS(5000), stamp, None);
    assert!(
        array
            .status
            .iter()
            .all(|s| s.hardware_id == "/front/image_raw")
    );
    assert_eq!(array.header.stamp.nanosec, 7);
    let names: Vec<&str> = array.status.iter().map(|s| s.name.as_str()).collect();
    assert_eq!(
        names,
        [
            "eye: frames",
            "eye: latency",
            "eye: engine",
            "eye: verdict",
            "eye: machine"
        ]
    );
    let levels: Vec<u8> = array.status.iter().map(|s| s.level).collect();
    assert_eq!(levels, [STALE, STALE, WARN, STALE, OK]);
    assert_eq!(
        status(&health, 0, "engine"),
        said(
            WARN,
            "unconfigured: no engine is loaded, frames are not judged"
        )
    );
    let machine = full(&health, 0, "machine");
    assert_eq!(machine.message, "nothing is read of the machine");
    assert_eq!(value(&machine, "receive_buffer"), "unknown");
}

#[test]
fn before_the_first_frame_it_waits_and_no_number_is_made_up() {
    let health = active();
    assert_eq!(
        status(&health, 60_000, "verdict"),
        said(STALE, "WAITING: no frame has been judged yet")
    );
    for name in ["frames", "latency"] {
        let want = said(STALE, "waiting for the first frame");
        assert_eq!(status(&health, 60_000, name), want, "{name}");
    }
    let latency = full(&health, 60_000, "latency");
    for key in [
        "p50_ms",
        "p99_ms",
        "max_ms",
        "processing_p99_ms",
        "gpu_p50_ms",
        "gpu_p99_ms",
    ] {
        assert_eq!(value(&latency, key), "unknown", "{key}");
    }
    let frames = full(&health, 60_000, "frames");
    assert_eq!(value(&frames, "frequency_hz"), "unknown");
    assert_eq!(value(&frames, "since_last_ms"), "unknown");
    let engine = full(&health, 60_000, "engine");
    assert_eq!(
        (engine.level, value(&engine, "mode").as_str()),
        (OK, "unknown")
    );
    assert_eq!(value(&engine, "score"), "unknown");
}

#[test]
fn a_run_as_it_should_be_is_ok_in_every_status() {
    let mut health = active();
    drive(&mut health, 0, 12_000, 40);
    health.receive_buffer = Some(Ok(()));
    assert_eq!(status(&health, 12_000, "frames"), said(OK, "30.3 Hz"));
    let latency = full(&health, 12_000, "latency");
    assert_eq!(latency.message, "p99 40 ms, deadline 100 ms");
    assert_eq!(latency.level, OK);
    for (key, want) in [
        ("deadline_ms", "100"),
        ("p50_ms", "40.0"),
        ("max_ms", "40.0"),
        ("processing_p99_ms", "20.0"),
        ("gpu_p99_ms", "unknown"),
        ("window", "256"),
        ("misses", "0"),
    ] {
        assert_eq!(value(&latency, key), want, "{key}");
    }
    assert_eq!(
        status(&health, 12_000, "engine"),
        said(OK, "active: rten, mode full, score energy")
    );
    assert_eq!(value(&full(&health, 12_000, "engine"), "score"), "energy");
    let verdict = full(&health, 12_000, "verdict");
    assert_eq!(
        (verdict.level, verdict.message.as_str()),
        (OK, "OK: corridor clear")
    );
    for (key, want) in [
        ("age_ms", "40.000"),
        ("mode", "full"),
        ("score", "energy"),
        ("fate", "in-time"),
        ("bundle", "abc123"),
        ("state", "OK"),
    ] {
        assert_eq!(value(&verdict, key), want, "{key}");
    }
    let frames = full(&health, 12_000, "frames");
    assert_eq!(value(&frames, "received"), "364");
    assert_eq!(value(&frames, "judged"), "364");
    assert_eq!(value(&frames, "since_last_ms"), "21.0");
    assert_eq!(
        value(&full(&health, 12_000, "machine"), "receive_buffer"),
        "large enough"
    );
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..Default::default() })]

    #[test]
    fn recent_is_what_happened_in_the_last_ten_seconds(
        mut times in prop::collection::vec(0u64..40_000, 0..100), after in 0u64..15_000,
    ) {
        times.sort_unstable();
        let mut recent = Recent::default();
        for &at in &times {
            recent.at(MS(at)).received += 1;
        }
        let now = times.last().unwrap_or(&0) + after;
        let fresh = |at: &&u64| **at / 1000 + 10 > now / 1000;
        let want = times.iter().filter(fresh).count() as u64;
        prop_assert_eq!(recent.sum(MS(now)).received, want);
    }

    #[test]
    fn whatever_happens_every_status_has_a_level_and_words(
        events in prop::collection::vec((0u8..8, any::<u64>(), any::<u64>()), 0..40),
        now in any::<u64>(),
    ) {
        let mut health = active();
        for (kind, at, n) in events {
            let at = Duration::from_nanos(at);
            let one = |fate| outcome(at, n / 1_000_000, fate, clear());
            match kind {
                0 => health.received(at),
                1 => health.frame(&one(FrameFate::InTime)),
                2 => health.frame(&one(FrameFate::Late)),
                3 => health.frame(&one(FrameFate::Replaced(n))),
                4 => health.frame(&one(FrameFate::Failed)),
                5 => health.malformed(at, &n),
                6 => health.set_late_beats(at, n),
                _ => health.verdict(None),
            }
        }
        let (flag, now) = ((&flag(), Duration::ZERO), Duration::from_nanos(now));
        let array = array(&health, "eye", flag, now, Stamp::default(), None);
        for status in array.status {
            prop_assert!(status.level <= STALE, "{:?}", status);
            prop_assert!(!status.message.is_empty(), "{:?}", status);
            let text = format!("{status:?}");
            prop_assert!(!text.contains("NaN"), "{}", text);
        }
    }
}
