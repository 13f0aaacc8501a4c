//! A run against its deadline in numbers, for machines.

use super::modes::{DeadlineProfile, FreshGap, Misses, REFUSING};
use super::{GpuSummary, LatencySummary, MachineSummary, Stage, StageSummary};
use serde::Serialize;
use std::time::Duration;

/// What `profile` tells as JSON. Times ending in `_ms` are milliseconds, those in `seconds` or
/// `_s` seconds, shares and ratios 0 ..= 1. Fields are only ever added within one `schema`.
///
/// ```json
/// {
///   "schema": 1,
///   "source": "rendered drive", "engine": "rten 0.27", "camera_hz": 15.0, "load_threads": 2,
///   "deadlines": {
///     "deadline_ms": 100.0, "seconds": 20.0,
///     "frames": 300, "in_time": 280,
///     "misses": { "late": 3, "refused": 9, "replaced": 8, "failed": 0 },
///     "miss_ratio": 0.0667, "miss_ratio_taken": 0.0411,
///     "late_shown_as_fresh": 0, "fresh_checked": 277,
///     "mode_switches": 4, "worst_fresh_gap": { "ms": 480.0, "at_s": 7.1 },
///     "refusing_seconds": 0.6, "refusing_share": 0.03,
///     "latency": { "count": 283, "mean_ms": 61.0, "p50_ms": 58.0, "p90_ms": 74.0,
///                  "p99_ms": 101.0, "max_ms": 133.0 },
///     "age": { "count": 283, ".._ms": 0.0 },
///     "modes": [
///       { "mode": "full+observer", "frames": 200, "in_time": 198, "late": 2, "failed": 0,
///         "frame_share": 0.7067, "seconds": 14.1, "time_share": 0.705,
///         "latency": {}, "age": {},
///         "stages": [ { "stage": "decode", "count": 200, ".._ms": 0.0 } ],
///         "gpu": {
///           "enqueue": {},
///           "stages": [ { "stage": "preprocess", "count": 200, ".._ms": 0.0 } ],
///           "total": {}
///         } }
///     ],
///     "frames_in_other_modes": 0
///   },
///   "machine": {
///     "samples": 21, "cores": 2, "peak_resident_bytes": 91000000, "channels_left_out": 0,
///     "channels": [
///       { "name": "process", "quantity": "process-cpu", "unit": "cores", "samples": 20,
///         "min": 0.9, "mean": 1.1, "max": 1.4, "last": 1.1 }
///     ]
///   }
/// }
/// ```
/// `gpu` is not there where no time of a GPU is known; it lies within the CPU's `stages` and is never
/// to be added to them. `machine` is null where it was not sampled. [`Quantity`](super::Quantity) lists the quantities
/// and their units.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct ProfileSummary {
    /// Version of this layout: [`ProfileSummary::SCHEMA`].
    pub schema: u32,
    /// Where the frames came from.
    pub source: String,
    /// Engine with its version.
    pub engine: String,
    /// Frames a second that the camera gave.
    pub camera_hz: f64,
    /// Threads of background load.
    pub load_threads: usize,
    /// Deadlines and modes.
    pub deadlines: DeadlineSummary,
    /// The machine.
    pub machine: Option<MachineSummary>,
}

impl ProfileSummary {
    /// Version of the layout.
    pub const SCHEMA: u32 = 1;
}

/// A [`DeadlineProfile`] in numbers.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct DeadlineSummary {
    /// Highest age at which a verdict may be published as fresh.
    pub deadline_ms: f64,
    /// From the first frame to the end.
    pub seconds: f64,
    /// All that the camera gave.
    pub frames: u64,
    /// Those whose verdict was out in time.
    pub in_time: u64,
    /// Those without, by why.
    pub misses: Misses,
    /// Misses of all kinds by frames; 0 when there were no frames.
    pub miss_ratio: f64,
    /// The same without the frames that gave way to a newer one.
    pub miss_ratio_taken: f64,
    /// Verdicts of OK or WARN, or with the flag down, whose age was over the deadline. Computed
    /// from age and verdict alone, not from what the scheduler said. Must be 0.
    pub late_shown_as_fresh: u64,
    /// How many verdicts that was checked on: OK or WARN, with a known age.
    pub fresh_checked: u64,
    /// How often a frame ran in another mode than the one that ran before it.
    pub mode_switches: u64,
    /// Longest time without a verdict in time; `None` when there were no frames.
    pub worst_fresh_gap: Option<FreshGap>,
    /// Time in which frames were refused.
    pub refusing_seconds: f64,
    /// The same as a share of the run.
    pub refusing_share: f64,
    /// Time of the whole frame.
    pub latency: LatencySummary,
    /// Age at publication, late ones included.
    pub age: LatencySummary,
    /// The modes, in the order in which they came up.
    pub modes: Vec<ModeSummary>,
    /// Frames of modes beyond [`MAX_MODES`](super::MAX_MODES), in no entry of `modes`.
    pub frames_in_other_modes: u64,
}

/// One mode in numbers.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct ModeSummary {
    /// Its name.
    pub mode: &'static str,
    /// Frames that ran in it.
    pub frames: u64,
    /// Those whose verdict was in time.
    pub in_time: u64,
    /// Those whose verdict was late.
    pub late: u64,
    /// Those that failed.
    pub failed: u64,
    /// Share of the frames that ran in any mode.
    pub frame_share: f64,
    /// Time that it was in force.
    pub seconds: f64,
    /// The same as a share of the run.
    pub time_share: f64,
    /// Time of the whole frame.
    pub latency: LatencySummary,
    /// Age at publication.
    pub age: LatencySummary,
    /// Time of each stage, in the order of the work.
    pub stages: Vec<StageSummary>,
    /// The GPU's own times, where any is known.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub gpu: Option<GpuSummary>,
}

/// `part` of `whole`, 0 when there is no whole.
fn share(part: f64, whole: f64) -> f64 {
    if whole > 0.0 { part / whole } else { 0.0 }
}

impl DeadlineSummary {
    pub(super) fn of(profile: &DeadlineProfile, end: Duration) -> Self {
        let misses = profile.misses;
        let frames = profile.in_time.saturating_add(misses.total());
        let taken = frames.saturating_sub(misses.replaced);
        let start = profile.first.unwrap_or(end);
        let seconds = end.max(profile.last).saturating_sub(start).as_secs_f64();
        let refusing = profile.lane_time(REFUSING, end).as_secs_f64();
        let used = &profile.modes[..profile.used];
        let ran = used.iter().map(|m| m.frames).sum::<u64>() + profile.other_mode_frames;
        let modes = used
            .iter()
            .enumerate()
            .map(|(lane, tally)| {
                let time = profile.lane_time(lane, end).as_secs_f64();
                ModeSummary {
                    mode: tally.name,
                    frames: tally.frames,
                    in_time: tally.in_time,
                    late: tally.late,
                    failed: tally.failed,
                    frame_share: share(tally.frames as f64, ran as f64),
                    seconds: time,
                    time_share: share(time, seconds),
                    latency: tally.latency.summary(),
                    age: tally.age.summary(),
                    stages: Stage::ALL
                        .into_iter()
                        .zip(&tally.stages)
                        .map(|(stage, histogram)| StageSummary {
                            stage,
                            latency: histogram.summary(),
                        })
                        .collect(),
                    gpu: tally.gpu.summary(),
                }
            })
            .collect();
        Self {
            deadline_ms: super::histogram::millis(profile.deadline),
            seconds,
            frames,
            in_time: profile.in_time,
            misses,
            miss_ratio: share(misses.total() as f64, frames as f64),
            miss_ratio_taken: share(
                misses.total().saturating_sub(misses.replaced) as f64,
                taken as f64,
            ),
            late_shown_as_fresh: profile.late_shown_as_fresh,
            fresh_checked: profile.fresh_checked,
            mode_switches: profile.switches,
            worst_fresh_gap: profile.worst_gap(end),
            refusing_seconds: refusing,
            refusing_share: share(refusing, seconds),
            latency: profile.latency.summary(),
            age: profile.age.summary(),
            modes,
            frames_in_other_modes: profile.other_mode_frames,
        }
    }
}
