//! The rows of `docs/safety.md`; each test names the requirements that it checks.

use super::super::Failure;
use super::*;

const CONFIG: SupervisorConfig = SupervisorConfig {
    area_on: 40,
    area_off: 20,
    confirm_hits: 2,
    confirm_window: 3,
    start_frames: 2,
    fault_clear_frames: 3,
    reset_frames: 3,
    max_age_ms: 100,
    stale_after_ms: 200,
    future_tolerance_ms: 10,
};

fn ms(ms: i64) -> Stamp {
    Stamp::from_nanos(ms * NANOS_PER_MS)
}

fn frame(stamp_ms: i64, corridor_pixels: u32) -> Observation {
    Observation {
        capture_stamp: ms(stamp_ms),
        pixels: 1000,
        non_finite: 0,
        anomalous_pixels: corridor_pixels,
        corridor_pixels,
        nearest: None,
    }
}

/// A supervisor and a camera that sends a frame every 50 ms.
struct Drive {
    supervisor: Supervisor,
    now_ms: i64,
}

impl Drive {
    fn new() -> Self {
        Self {
            supervisor: Supervisor::new(CONFIG).unwrap(),
            now_ms: 0,
        }
    }

    /// Driving on a clear road.
    fn started() -> Self {
        let mut drive = Self::new();
        drive.frames(&[0, 0]);
        assert_eq!(drive.supervisor.state(), State::Ok);
        drive
    }

    /// Stopped before something.
    fn stopped() -> Self {
        let mut drive = Self::started();
        drive.frames(&[50, 50]);
        assert_eq!(drive.supervisor.state(), State::Stop);
        drive
    }

    fn event(&mut self, event: Event) -> Verdict {
        self.supervisor.step(event, ms(self.now_ms))
    }

    fn frame(&mut self, corridor_pixels: u32) -> Verdict {
        self.now_ms += 50;
        self.event(Event::Frame(frame(self.now_ms, corridor_pixels)))
    }

    fn frames(&mut self, areas: &[u32]) -> Vec<State> {
        areas.iter().map(|area| self.frame(*area).state).collect()
    }

    fn failed(&mut self) -> Verdict {
        self.now_ms += 50;
        let capture_stamp = Some(ms(self.now_ms));
        self.event(Event::Failed {
            capture_stamp,
            failure: Failure::MalformedFrame,
        })
    }
}

use State::{Fault, Ok as Clear, Stop, Waiting, Warn};

#[test]
fn s01_it_starts_waiting_with_the_flag_raised_until_a_frame_comes() {
    let mut drive = Drive::new();
    for _ in 0..3 {
        drive.now_ms += 10_000;
        let verdict = drive.event(Event::Tick);
        assert_eq!((verdict.state, verdict.safe_stop), (Waiting, true));
        assert_eq!(verdict.reason, Reason::NoFrameYet);
        assert_eq!((verdict.capture_stamp, verdict.age_nanos), (None, None));
    }
}

#[test]
fn s02_the_first_ok_needs_good_frames_in_a_row() {
    let mut drive = Drive::new();
    let verdict = drive.frame(0);
    assert_eq!(verdict.reason, Reason::Starting { good: 1, needed: 2 });
    assert_eq!(verdict.state, Waiting);
    assert_eq!(drive.frames(&[0]), [Clear]);
    assert_eq!(Drive::new().frames(&[50, 0]), [Waiting, Warn]);
}

#[test]
fn s03_a_candidate_warns_until_the_window_is_free_of_it() {
    let mut drive = Drive::started();
    let verdict = drive.frame(40);
    assert_eq!((verdict.state, verdict.safe_stop), (Warn, false));
    assert_eq!(
        verdict.reason,
        Reason::Candidate {
            hits: 1,
            needed: 2,
            window: 3
        }
    );
    assert_eq!(drive.frames(&[0, 0, 0]), [Warn, Warn, Clear]);
}

#[test]
fn s04_n_of_m_hits_confirm_a_stop() {
    let cases: &[(&[u32], &[State])] = &[
        (&[40, 40], &[Warn, Stop]),
        (&[40, 0, 40], &[Warn, Warn, Stop]),
        (&[40, 0, 0, 40], &[Warn, Warn, Warn, Warn]),
        (&[39, 39, 39], &[Clear, Clear, Clear]),
    ];
    for (areas, states) in cases {
        assert_eq!(Drive::started().frames(areas), *states, "{areas:?}");
    }
    let mut drive = Drive::started();
    drive.frame(40);
    let reason = Reason::Confirmed {
        hits: 2,
        window: 3,
        corridor_pixels: 60,
    };
    assert_eq!(drive.frame(60).reason, reason);
}

#[test]
fn s04_hits_confirm_a_stop_from_every_state() {
    assert_eq!(Drive::new().frames(&[40, 40]), [Waiting, Stop]);
    let mut drive = Drive::started();
    drive.failed();
    assert_eq!(drive.frames(&[40, 40]), [Fault, Stop]);
    let mut drive = Drive::started();
    drive.frame(40);
    drive.failed();
    assert_eq!(
        drive.frames(&[40]),
        [Stop],
        "a fault in between does not wipe the hit out"
    );
}

#[test]
fn s05_after_a_hit_the_lower_area_is_enough() {
    assert_eq!(Drive::started().frames(&[40, 20]), [Warn, Stop]);
    assert_eq!(
        Drive::started().frames(&[40, 19, 20, 0]),
        [Warn, Warn, Warn, Clear]
    );
}

#[test]
fn s06_a_stop_stays_without_a_reset() {
    let mut drive = Drive::stopped();
    for _ in 0..100 {
        let verdict = drive.frame(0);
        assert_eq!((verdict.state, verdict.safe_stop), (Stop, true));
        assert_eq!(verdict.reason, Reason::Latched { since: ms(200) });
    }
}

#[test]
fn s07_a_reset_needs_clean_frames_in_a_row_after_it() {
    let mut drive = Drive::stopped();
    drive.frames(&[0, 0, 0, 0]);
    let verdict = drive.event(Event::Reset);
    assert_eq!(
        verdict.reason,
        Reason::ResetPending {
            clean: 0,
            needed: 3
        }
    );
    assert_eq!(drive.frames(&[0, 0, 0]), [Stop, Stop, Clear]);

    let mut drive = Drive::stopped();
    drive.event(Event::Reset);
    drive.frames(&[0, 0]);
    let verdict = drive.failed();
    assert_eq!(verdict.state, Stop);
    assert_eq!(
        verdict.reason,
        Reason::Failed {
            failure: Failure::MalformedFrame
        }
    );
    assert_eq!(
        drive.frames(&[0, 0, 0]),
        [Stop, Stop, Clear],
        "a fault starts the count again"
    );
}

#[test]
fn s08_a_hit_makes_a_reset_void() {
    let mut drive = Drive::stopped();
    drive.frame(0);
    drive.event(Event::Reset);
    drive.frame(0);
    assert_eq!(
        drive.frame(40).reason,
        Reason::ResetCancelled {
            corridor_pixels: 40
        }
    );
    assert_eq!(drive.frames(&[0; 10]), [Stop; 10]);
}

#[test]
fn s09_a_reset_in_any_other_state_does_nothing() {
    let mut drive = Drive::new();
    assert_eq!(drive.event(Event::Reset).state, Waiting);
    let mut drive = Drive::started();
    assert_eq!(drive.event(Event::Reset).state, Clear);
    assert_eq!(
        drive.frames(&[50, 50, 0, 0, 0, 0]),
        [Warn, Stop, Stop, Stop, Stop, Stop]
    );
    let mut drive = Drive::started();
    drive.failed();
    assert_eq!(drive.event(Event::Reset).state, Fault);
}

/// An event to be told at `now` (ms) after frames at 50 and 100 ms, and the reason it must give.
#[test]
fn f_each_unreliable_input_is_a_fault_with_its_reason() {
    let bad = |stamp, change: fn(&mut Observation)| {
        let mut observation = frame(stamp, 0);
        change(&mut observation);
        Event::Frame(observation)
    };
    let good = |stamp| bad(stamp, |_| ());
    let failed = |failure| Event::Failed {
        capture_stamp: None,
        failure,
    };
    let cases: Vec<(&str, Event, i64, Reason)> = vec![
        (
            "F01 tick",
            Event::Tick,
            301,
            Reason::Missing {
                gap_ms: 201,
                limit_ms: 200,
            },
        ),
        (
            "F01 reset",
            Event::Reset,
            301,
            Reason::Missing {
                gap_ms: 201,
                limit_ms: 200,
            },
        ),
        (
            "F01 frame",
            good(301),
            301,
            Reason::Missing {
                gap_ms: 201,
                limit_ms: 200,
            },
        ),
        (
            "F02",
            good(150),
            251,
            Reason::Late {
                age_ms: 101,
                limit_ms: 100,
            },
        ),
        (
            "F03",
            good(161),
            150,
            Reason::FutureStamp {
                ahead_ms: 11,
                limit_ms: 10,
            },
        ),
        (
            "F04 equal",
            good(100),
            150,
            Reason::StampRegressed {
                previous: ms(100),
                stamp: ms(100),
            },
        ),
        (
            "F04 back",
            good(99),
            150,
            Reason::StampRegressed {
                previous: ms(100),
                stamp: ms(99),
            },
        ),
        (
            "F05",
            bad(150, |o| o.non_finite = 1),
            150,
            Reason::NonFinite {
                pixels: 1,
                of: 1000,
            },
        ),
        (
            "F06",
            bad(150, |o| o.pixels = 0),
            150,
            Reason::EmptyScoreMap,
        ),
        (
            "F07",
            failed(Failure::MalformedFrame),
            150,
            Reason::Failed {
                failure: Failure::MalformedFrame,
            },
        ),
        (
            "F07",
            failed(Failure::Engine),
            150,
            Reason::Failed {
                failure: Failure::Engine,
            },
        ),
        (
            "F07",
            failed(Failure::Score),
            150,
            Reason::Failed {
                failure: Failure::Score,
            },
        ),
        (
            "F07",
            failed(Failure::Source),
            150,
            Reason::Failed {
                failure: Failure::Source,
            },
        ),
    ];
    for (id, event, now_ms, reason) in cases {
        let mut drive = Drive::started();
        drive.now_ms = now_ms;
        let verdict = drive.event(event);
        assert_eq!((verdict.state, verdict.safe_stop), (Fault, true), "{id}");
        assert_eq!(verdict.reason, reason, "{id}");
        assert!(!verdict.reason.to_string().is_empty() && !verdict.reason.code().is_empty());
    }
}

#[test]
fn f_inputs_at_the_limit_are_no_fault() {
    for (event, now_ms) in [
        (Event::Tick, 300),
        (Event::Frame(frame(300, 0)), 300),
        (Event::Frame(frame(150, 0)), 250),
        (Event::Frame(frame(160, 0)), 150),
        (Event::Frame(frame(101, 0)), 101),
    ] {
        let mut drive = Drive::started();
        drive.now_ms = now_ms;
        assert_eq!(drive.event(event).state, Clear, "{event:?} at {now_ms}");
    }
}

#[test]
fn f08_a_fault_ends_after_good_frames_in_a_row() {
    let mut drive = Drive::started();
    assert_eq!(drive.failed().state, Fault);
    assert_eq!(
        drive.frame(0).reason,
        Reason::Recovering { good: 1, needed: 3 }
    );
    drive.frame(0);
    drive.failed();
    assert_eq!(drive.frames(&[0, 0, 0]), [Fault, Fault, Clear]);
    drive.failed();
    assert_eq!(drive.frames(&[0, 0, 40]), [Fault, Fault, Warn]);
}

#[test]
fn f08_a_source_that_starts_over_is_believed_again() {
    let mut drive = Drive::started();
    drive.now_ms = 1_000;
    drive.event(Event::Failed {
        capture_stamp: Some(ms(1_000)),
        failure: Failure::Engine,
    });
    drive.now_ms = -5_000;
    let verdict = drive.frame(0);
    assert!(
        matches!(verdict.reason, Reason::StampRegressed { .. }),
        "{verdict:?}"
    );
    assert_eq!(drive.frames(&[0, 0, 0]), [Fault, Fault, Clear]);
}

#[test]
fn f09_a_fault_before_the_first_good_frame_is_a_fault() {
    assert_eq!(Drive::new().failed().state, Fault);
}

#[test]
fn verdicts_show_the_frame_that_was_told_of_last() {
    let mut drive = Drive::started();
    drive.now_ms += 50;
    let observation = Observation {
        nearest: Some(12.5),
        ..frame(140, 45)
    };
    let verdict = drive.event(Event::Frame(observation));
    assert_eq!(
        (verdict.capture_stamp, verdict.age_nanos),
        (Some(ms(140)), Some(10_000_000))
    );
    assert_eq!(
        (verdict.anomalous_pixels, verdict.corridor_pixels),
        (45, 45)
    );
    assert_eq!(verdict.nearest, Some(12.5));
    let verdict = drive.failed();
    assert_eq!((verdict.anomalous_pixels, verdict.nearest), (0, None));
    let json = serde_json::to_value(verdict).unwrap();
    assert_eq!(json["state"], "FAULT");
    assert_eq!(json["reason"]["code"], verdict.reason.code());
    assert_eq!(json["capture_stamp"], 200_000_000);
}

#[path = "supervisor_invariants.rs"]
mod invariants;
