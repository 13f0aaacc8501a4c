//! The rows of `docs/safety.md`; each test names the requirements that it checks.

use super::*;
use crate::decide::{QualityLimits, Tracked, WeakMode};
use crate::frame::Quality;
use State::{Fault, Ok as Clear, Stop, Waiting, Warn};

mod document;
mod extremes;
mod faults;
mod invariants;
mod model;
mod pictures;
mod random;
mod reset;
mod states;
mod time;

const CONFIG: SupervisorConfig = SupervisorConfig {
    area_on_ppm: 40_000,
    area_off_ppm: 20_000,
    confirm_hits: 2,
    confirm_window: 3,
    start_frames: 2,
    fault_clear_frames: 3,
    reset_frames: 3,
    max_age_ms: 100,
    stale_after_ms: 200,
    future_tolerance_ms: 10,
    clock_step_ms: 50,
    quality: QualityLimits {
        black_below: 32,
        over_exposed_ppm: 120_000,
        incomplete_from: 50,
        shifted_from: 60,
        blurred_below: 250,
        blur_fault_frames: 3,
        frozen_frames: 3,
        size_may_change: false,
    },
    weak_mode: WeakMode::Warn,
};

/// A picture that nothing is wrong with.
const SHARP: Quality = Quality {
    fingerprint: 0,
    bright: 200,
    clipped_ppm: 0,
    sharpness: Some(500),
    repeated_rows: 0,
    shifted_rows: 0,
};

fn ms(ms: i64) -> Stamp {
    Stamp::from_nanos(ms * 1_000_000)
}

/// 1000 pixels: 40 are a hit, 20 after a hit.
fn frame(stamp_ms: i64, corridor_pixels: u32) -> Observation {
    Observation {
        capture_stamp: ms(stamp_ms),
        pixels: 1000,
        non_finite: 0,
        score_min: 0.1,
        score_max: 0.6,
        anomalous_pixels: corridor_pixels,
        corridor_pixels,
        nearest: None,
        tracked: None,
        quality: None,
        size: None,
        watch: Watch::Counts,
        fallback: false,
    }
}

/// A supervisor and a camera that sends a frame every 50 ms.
struct Drive {
    supervisor: Supervisor,
    now_ms: i64,
    pictures: u32,
}

impl Drive {
    fn of(config: SupervisorConfig) -> Self {
        Self {
            supervisor: Supervisor::new(config).unwrap(),
            now_ms: 0,
            pictures: 0,
        }
    }

    fn new() -> Self {
        Self::of(CONFIG)
    }

    /// Driving on a clear road.
    fn started() -> Self {
        let mut drive = Self::new();
        drive.frames(&[0, 0]);
        assert_eq!(drive.supervisor.state(), Clear);
        drive
    }

    /// Stopped before something.
    fn stopped() -> Self {
        let mut drive = Self::started();
        drive.frames(&[50, 50]);
        assert_eq!(drive.supervisor.state(), Stop);
        drive
    }

    /// One in each state, and the state.
    fn in_every_state() -> [(State, Self); 5] {
        let mut warned = Self::started();
        warned.frame(50);
        let mut faulty = Self::started();
        faulty.failed();
        let drives = [
            (Waiting, Self::new()),
            (Clear, Self::started()),
            (Warn, warned),
            (Stop, Self::stopped()),
            (Fault, faulty),
        ];
        for (state, drive) in &drives {
            assert_eq!(drive.supervisor.state(), *state);
        }
        drives
    }

    fn event(&mut self, event: Event) -> Verdict {
        self.supervisor.step(event, Now::simulated(ms(self.now_ms)))
    }

    fn frame(&mut self, corridor_pixels: u32) -> Verdict {
        self.frame_with(corridor_pixels, |_| ())
    }

    /// A frame that differs from the usual one in something.
    fn frame_with(
        &mut self,
        corridor_pixels: u32,
        change: impl FnOnce(&mut Observation),
    ) -> Verdict {
        self.now_ms += 50;
        let mut observation = frame(self.now_ms, corridor_pixels);
        change(&mut observation);
        self.event(Event::Frame(observation))
    }

    /// A frame with tracks, and an area that would be a hit without.
    fn tracked(&mut self, tracked: Tracked) -> Verdict {
        self.frame_with(60, |o| o.tracked = Some(tracked))
    }

    fn frames(&mut self, areas: &[u32]) -> Vec<State> {
        areas.iter().map(|area| self.frame(*area).state).collect()
    }

    /// A picture that was not seen before, with the given quality.
    fn picture(&mut self, corridor_pixels: u32, quality: Quality) -> Verdict {
        self.pictures += 1;
        let fingerprint = self.pictures;
        self.same_picture(
            corridor_pixels,
            Quality {
                fingerprint,
                ..quality
            },
        )
    }

    fn same_picture(&mut self, corridor_pixels: u32, quality: Quality) -> Verdict {
        self.frame_with(corridor_pixels, |o| o.quality = Some(quality))
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

#[test]
fn i10_a_step_takes_a_small_part_of_20_microseconds() {
    const STEPS: u32 = 200_000;
    let mut drive = Drive::of(SupervisorConfig::default());
    let began = std::time::Instant::now();
    let mut raised = 0;
    for i in 0..STEPS {
        let area = if i % 40 == 20 { 50 } else { 0 };
        let quality = if i % 40 < 5 {
            Quality {
                sharpness: Some(100),
                ..SHARP
            }
        } else {
            SHARP
        };
        raised += u32::from(drive.picture(area, quality).safe_stop);
    }
    let each = began.elapsed() / STEPS;
    assert!(raised < STEPS, "every kind of frame was among them");
    assert!(each.as_nanos() < 2_000, "{each:?} a step");
    eprintln!("{} ns a step", each.as_nanos());
}
