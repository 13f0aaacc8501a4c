//! Synthetic runs for the tests.

use super::{
    DeadlineProfile, FrameFate, FrameOutcome, FrameRecord, MachineProfile, ProfileSummary, Stage,
    StageTimes,
};
use crate::decide::{Failure, Reason, State, Verdict};
use crate::score::ScoreStats;
use crate::time::Stamp;
use std::time::Duration;

/// 2023-11-14 22:13:20 UTC.
pub(super) const START_NS: i64 = 1_700_000_000_000_000_000;

/// A frame of nothing in particular, at 20 frames a second.
pub(super) fn record(index: u64, state: State, reason: Reason) -> FrameRecord {
    let wobble = index.wrapping_mul(2_654_435_761) % 1000;
    let mut stages = StageTimes::default();
    for (stage, micros) in Stage::ALL
        .into_iter()
        .zip([2100, 900, 14_000, 6_500, 700, 400, 1_500])
    {
        stages.add(
            stage,
            Duration::from_micros(micros + micros * wobble / 4000),
        );
    }
    FrameRecord {
        index,
        verdict: Verdict {
            state,
            safe_stop: state.safe_stop(),
            reason,
            capture_stamp: Some(Stamp::from_nanos(START_NS + index as i64 * 50_000_000)),
            age_nanos: Some(31_000_000),
            anomalous_pixels: (wobble / 40) as u32,
            corridor_pixels: (wobble / 200) as u32,
            nearest: None,
            tracked: None,
        },
        mode: "full+observer",
        stages,
        latency: stages.total(),
        age: Some(stages.total() + Duration::from_millis(4)),
        score: Some(ScoreStats {
            mean: 0.05,
            max: 0.30 + wobble as f32 / 8000.0,
            ..ScoreStats::default()
        }),
    }
}

/// A drive of 400 frames: start, clear road, a doubt, a failed frame, an object that comes nearer
/// and is confirmed.
pub(super) fn drive() -> Vec<FrameRecord> {
    let confirmed = 287;
    let since = Stamp::from_nanos(START_NS + confirmed * 50_000_000);
    (0..400u64)
        .map(|i| {
            let (state, reason) = match i as i64 {
                0..2 => (
                    State::Waiting,
                    Reason::Starting {
                        good: i as u32 + 1,
                        needed: 3,
                    },
                ),
                120..125 => (
                    State::Warn,
                    Reason::Candidate {
                        hits: 1,
                        needed: 3,
                        window: 5,
                    },
                ),
                200 => (
                    State::Fault,
                    Reason::Failed {
                        failure: Failure::MalformedFrame,
                    },
                ),
                201..205 => (
                    State::Fault,
                    Reason::Recovering {
                        good: i as u32 - 200,
                        needed: 5,
                    },
                ),
                285..287 => (
                    State::Warn,
                    Reason::Candidate {
                        hits: i as u32 - 284,
                        needed: 3,
                        window: 5,
                    },
                ),
                287 => (
                    State::Stop,
                    Reason::Confirmed {
                        hits: 3,
                        window: 5,
                        corridor_pixels: 57,
                    },
                ),
                288.. => (State::Stop, Reason::Latched { since }),
                _ => (State::Ok, Reason::Clear),
            };
            let mut record = record(i, state, reason);
            if i == 200 {
                record.score = None;
                (
                    record.verdict.anomalous_pixels,
                    record.verdict.corridor_pixels,
                ) = (0, 0);
            } else if (120..122).contains(&i) || i >= 270 {
                let near = if i < 270 {
                    0.45
                } else {
                    ((i - 270) as f32 / 110.0).min(1.0)
                };
                record.score = Some(ScoreStats {
                    mean: 0.06,
                    max: (0.45 + near * 0.9).min(0.98),
                    ..ScoreStats::default()
                });
                record.verdict.corridor_pixels += (40.0 + 1900.0 * near * near) as u32;
                record.verdict.nearest = Some(60.0 - 55.0 * near);
            }
            if i == 0 {
                record.latency += Duration::from_millis(140);
            }
            record
        })
        .collect()
}

/// A run of 20 s against 100 ms on a small board that grows hot: full at first, reduced later,
/// some frames refused between.
pub(super) fn profiled() -> (ProfileSummary, DeadlineProfile, MachineProfile) {
    let mut deadlines = DeadlineProfile::new(Duration::from_millis(100));
    for i in 0..299u64 {
        let at = Duration::from_micros(66_667 * i);
        let mut record = record(i, State::Ok, Reason::Clear);
        let hot = i >= 140;
        let mode = if hot {
            "reduced+observer"
        } else {
            "full+observer"
        };
        let fate = match i {
            138 => FrameFate::Replaced(2),
            135..138 => FrameFate::Late,
            139..145 => FrameFate::Refused,
            200 => FrameFate::Failed,
            _ => FrameFate::InTime,
        };
        let tried = !matches!(fate, FrameFate::Replaced(_) | FrameFate::Refused);
        let mut age = record.latency + Duration::from_millis(30 + i.min(150) / 5);
        if fate == FrameFate::Late {
            age += Duration::from_millis(60);
            record.verdict.state = State::Fault;
            record.verdict.safe_stop = true;
        }
        deadlines.add(&FrameOutcome {
            at,
            mode: tried.then_some(mode),
            stages: if tried {
                record.stages
            } else {
                StageTimes::default()
            },
            gpu: None,
            latency: tried.then_some(record.latency),
            age: (tried && fate != FrameFate::Failed).then_some(age),
            fate,
            verdict: tried.then_some(record.verdict),
            mean_score: None,
        });
    }
    let machine = super::machine::sample_profile();
    let summary = ProfileSummary {
        schema: ProfileSummary::SCHEMA,
        source: "rendered drive".to_owned(),
        engine: "rten 0.27".to_owned(),
        camera_hz: 15.0,
        load_threads: 2,
        deadlines: deadlines.summary(Duration::from_secs(20)),
        machine: Some(machine.summary()),
    };
    (summary, deadlines, machine)
}
