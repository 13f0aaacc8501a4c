use std::cell::Cell;
use std::fs;
use std::time::Instant;

use super::recent::{Arrivals, Recent};
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

#[test]
fn misses_are_a_warning_and_an_error_when_no_frame_is_in_time() {
    let mut health = active();
    drive(&mut health, 0, 9000, 40);
    health.frame(&outcome(MS(9000), 112, FrameFate::Late, clear()));
    let mut refused = outcome(MS(9001), 0, FrameFate::Refused, clear());
    (refused.mode, refused.latency, refused.age) = (None, None, None);
    health.frame(&refused);
    let missed =
        "2 of 275 frames missed the deadline of 100 ms in the last 10 s (1 late, 1 refused)";
    assert_eq!(status(&health, 9002, "latency"), said(WARN, missed));
    assert_eq!(value(&full(&health, 9002, "latency"), "max_ms"), "112.0");
    // it runs well again, and the misses are history
    drive(&mut health, 9002, 21_000, 40);
    let latency = full(&health, 21_000, "latency");
    assert_eq!(
        (latency.level, value(&latency, "misses").as_str()),
        (OK, "2")
    );

    drive(&mut health, 21_000, 36_000, 112);
    let (level, message) = status(&health, 36_000, "latency");
    assert_eq!(level, ERROR);
    assert!(
        message.starts_with("no frame within the deadline of 100 ms"),
        "{message}"
    );
    assert!(
        message.ends_with("p99 112 ms over the deadline of 100 ms"),
        "{message}"
    );
}

#[test]
fn too_few_frames_and_many_replaced_ones_are_warnings() {
    let mut health = active();
    for at in (0..4000).step_by(400).map(MS) {
        health.received(at);
        health.frame(&outcome(at, 40, FrameFate::InTime, clear()));
    }
    let few = "2.5 Hz, less than the 4.0 Hz that may lose a frame";
    assert_eq!(status(&health, 3700, "frames"), said(WARN, few));

    let mut health = active();
    drive(&mut health, 0, 3000, 40);
    let mut replaced = outcome(MS(3000), 0, FrameFate::Replaced(9), clear());
    replaced.verdict = None;
    health.frame(&replaced);
    assert_eq!(status(&health, 3000, "frames").0, OK, "9 of 91");
    health.frame(&replaced);
    let many = "18 of 91 frames gave way to newer ones in the last 10 s, more than 1 in 10";
    assert_eq!(status(&health, 3000, "frames"), said(WARN, many));
    assert_eq!(value(&full(&health, 3000, "frames"), "replaced"), "18");
    assert_eq!(
        status(&health, 3000, "verdict").0,
        OK,
        "the verdict before it stays"
    );
}

#[test]
fn a_malformed_frame_is_an_error_until_a_good_one_comes_and_a_warning_for_a_while() {
    let mut health = active();
    drive(&mut health, 0, 3000, 40);
    health.received(MS(3000));
    let why = "20x20 rgb8 of 7 bytes";
    health.malformed(MS(3001), &why);
    LAST.set(Some(fault(Failure::MalformedFrame)));
    let words = "1 malformed in the last 10 s, the last one: 20x20 rgb8 of 7 bytes";
    assert_eq!(status(&health, 3002, "frames"), said(ERROR, words));
    let verdict = full(&health, 3002, "verdict");
    assert_eq!(
        (verdict.level, &*verdict.message),
        (ERROR, "FAULT: malformed frame")
    );
    assert_eq!(value(&verdict, "fate"), "failed");
    drive(&mut health, 3003, 3300, 40);
    assert_eq!(status(&health, 3300, "frames"), said(WARN, words));
    drive(&mut health, 3300, 14_000, 40);
    let frames = full(&health, 14_000, "frames");
    assert_eq!(
        (frames.level, value(&frames, "malformed").as_str()),
        (OK, "1")
    );
}

#[test]
fn words_of_any_length_are_cut() {
    let mut health = active();
    health.received(MS(0));
    health.malformed(MS(0), &"ü".repeat(10_000));
    let (_, message) = status(&health, 1, "frames");
    assert!(message.len() < 300, "{} bytes", message.len());
}

#[test]
fn after_the_staleness_limit_everything_of_frames_is_stale() {
    let mut health = active();
    drive(&mut health, 0, 1000, 40);
    // the last one came at 990
    assert_eq!(status(&health, 1490, "frames").0, OK);
    assert_eq!(
        status(&health, 1491, "frames"),
        said(STALE, "no frame for 501 ms, limit 500 ms")
    );
    assert_eq!(status(&health, 1491, "latency").0, STALE);
    assert_eq!(
        status(&health, 990 + 41_944, "frames"),
        said(STALE, "no frame for 41 s, limit 500 ms")
    );
    // somebody notices
    health.verdict(Some(MS(510)));
    LAST.set(Some(fault(Failure::Source)));
    let lost = full(&health, 1501, "verdict");
    assert_eq!(
        (lost.level, lost.message.as_str()),
        (ERROR, "FAULT: source lost")
    );
    assert_eq!(value(&lost, "fate"), "none");
    assert_eq!(value(&lost, "age_ms"), "510.000");
    // it comes back
    drive(&mut health, 9000, 12_000, 40);
    assert_eq!(status(&health, 12_000, "frames").0, OK);
}

#[test]
fn frames_in_a_lesser_mode_than_the_best_are_a_warning_with_their_share() {
    let mut health = active();
    drive(&mut health, 0, 330, 40);
    assert_eq!(status(&health, 330, "latency").0, OK);
    for at in [400, 433, 466].map(MS) {
        health.received(at);
        health.frame(&FrameOutcome {
            mode: Some("reduced"),
            ..outcome(at, 40, FrameFate::InTime, clear())
        });
    }
    let words = "3 of 13 frames were judged in a lesser mode than full in the last 10 s";
    assert_eq!(status(&health, 500, "latency"), said(WARN, words));
    assert_eq!(value(&full(&health, 500, "latency"), "lesser_mode"), "3");
    drive(&mut health, 3000, 14_000, 40);
    assert_eq!(status(&health, 14_000, "latency").0, OK);
}

#[test]
fn processing_times_have_the_keys_of_autoware() {
    let mut health = active();
    let keys = [
        "processing_time_ms",
        "is_processing_time_ms_in_expected_range",
        "consecutive_processing_delay_ms",
        "is_consecutive_processing_delay_in_range",
    ];
    let mut after = |at: u64, processing: u64| {
        health.received(MS(at));
        health.frame(&outcome(MS(at), 2 * processing, FrameFate::Late, clear()));
        let latency = full(&health, at, "latency");
        keys.map(|key| value(&latency, key))
    };
    assert_eq!(after(0, 40), ["40.0", "true", "0.0", "true"]);
    assert_eq!(after(200, 101), ["101.0", "false", "0.0", "true"]);
    assert_eq!(after(701, 150), ["150.0", "false", "501.0", "false"]);
    assert_eq!(after(800, 100), ["100.0", "true", "0.0", "true"]);
}

#[test]
fn frequencies_are_of_the_last_seconds() {
    let mut arrivals = Arrivals::default();
    assert_eq!(arrivals.frequency(MS(0)), None);
    arrivals.add(MS(0));
    assert_eq!(arrivals.frequency(MS(0)), None, "one is no frequency");
    arrivals.add(MS(0));
    assert_eq!(arrivals.frequency(MS(0)), None, "nor are two at once");
    for i in 1..=1000 {
        arrivals.add(MS(5 * i));
    }
    let hz = arrivals.frequency(MS(5000)).unwrap();
    assert!((hz - 200.0).abs() < 1e-6, "{hz}");
    assert_eq!(arrivals.frequency(MS(10_001)), None, "all of them are old");
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
