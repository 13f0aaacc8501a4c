use super::{FrameRecord, LatencyHistogram, LatencySummary, Stage};
use crate::decide::State;
use crate::time::Stamp;
use heapless::LinearMap;
use serde::Serialize;
use std::time::Duration;

/// Modes that are counted apart; there are fewer.
const MAX_MODES: usize = 16;

/// Frames by what became of them.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct FrameCounts {
    /// Went through the engine and got a score map.
    pub handled: u64,
    /// Could not be decoded, run or scored.
    pub failed: u64,
    /// Were never tried: replaced by a newer one, or refused.
    pub dropped: u64,
}

/// Frames by the state that their verdict named.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
#[allow(missing_docs)] // the fields are the states of `decide::State`
pub struct StateCounts {
    pub waiting: u64,
    pub ok: u64,
    pub warn: u64,
    pub stop: u64,
    pub fault: u64,
}

impl StateCounts {
    /// How many frames had this state.
    pub const fn get(&self, state: State) -> u64 {
        match state {
            State::Waiting => self.waiting,
            State::Ok => self.ok,
            State::Warn => self.warn,
            State::Stop => self.stop,
            State::Fault => self.fault,
        }
    }

    fn count(&mut self, state: State) {
        let counter = match state {
            State::Waiting => &mut self.waiting,
            State::Ok => &mut self.ok,
            State::Warn => &mut self.warn,
            State::Stop => &mut self.stop,
            State::Fault => &mut self.fault,
        };
        *counter += 1;
    }
}

/// The first frame whose verdict was STOP.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct FirstStop {
    /// Its number in the source.
    pub frame: u64,
    /// Its capture stamp in nanoseconds.
    pub stamp_ns: Option<i64>,
    /// Distance to the nearest region in the corridor, in metres, where known.
    pub nearest: Option<f32>,
}

/// How many frames ran in a mode.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct ModeCount {
    /// Its name.
    pub mode: &'static str,
    /// Frames.
    pub frames: u64,
}

/// Latency of one stage, over the frames that it ran on.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct StageSummary {
    /// Which.
    pub stage: Stage,
    /// How long it took.
    #[serde(flatten)]
    pub latency: LatencySummary,
}

/// A run in a few numbers, for `--json`.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Summary {
    /// Frames by what became of them.
    pub frames: FrameCounts,
    /// Frames by state.
    pub states: StateCounts,
    /// Frames whose verdict raised the safe-stop flag.
    pub safe_stop_frames: u64,
    /// How often one frame's state differed from that of the frame before.
    pub transitions: u64,
    /// The first STOP, if there was one.
    pub first_stop: Option<FirstStop>,
    /// State of the last frame.
    pub last_state: Option<State>,
    /// Capture stamp of the first frame that had one, in nanoseconds.
    pub first_stamp_ns: Option<i64>,
    /// Capture stamp of the last frame that had one, in nanoseconds.
    pub last_stamp_ns: Option<i64>,
    /// Largest score of the run; `None` when no frame was handled. NaN scores are left out.
    pub score_max: Option<f32>,
    /// Frames by mode, in the order in which the modes came up.
    pub modes: Vec<ModeCount>,
    /// Time of the whole frame.
    pub latency: LatencySummary,
    /// Age at publication; its count is 0 where ages are not known.
    pub age: LatencySummary,
    /// Time of each stage, in the order of the work.
    pub stages: Vec<StageSummary>,
    /// Length of the run, in seconds.
    pub wall_seconds: f64,
    /// Handled and failed frames by wall time; 0 when the run took no time.
    pub frames_per_second: f64,
    /// Largest resident memory of the process so far, in bytes, where the system tells.
    pub peak_resident_bytes: Option<u64>,
}

/// Takes in the frames of a run, in about 1 MB however many there are. Adding does not allocate.
#[derive(Clone, Debug, Default)]
pub struct RunProfile {
    frames: FrameCounts,
    states: StateCounts,
    safe_stop_frames: u64,
    transitions: u64,
    first_stop: Option<FirstStop>,
    last_state: Option<State>,
    first_stamp: Option<Stamp>,
    last_stamp: Option<Stamp>,
    score_max: Option<f32>,
    modes: LinearMap<&'static str, u64, MAX_MODES>,
    latency: LatencyHistogram,
    age: LatencyHistogram,
    stages: [LatencyHistogram; Stage::COUNT],
}

impl RunProfile {
    /// Takes in one frame, handled or failed.
    pub fn add(&mut self, record: &FrameRecord) {
        let verdict = &record.verdict;
        match record.score {
            Some(score) => {
                self.frames.handled += 1;
                // `f32::max` passes over NaN.
                let max = self.score_max.unwrap_or(f32::NAN).max(score.max);
                self.score_max = Some(max).filter(|max| !max.is_nan());
            }
            None => self.frames.failed += 1,
        }
        self.states.count(verdict.state);
        self.safe_stop_frames += u64::from(verdict.safe_stop);
        self.transitions += u64::from(self.last_state.is_some_and(|last| last != verdict.state));
        self.last_state = Some(verdict.state);
        if verdict.state == State::Stop && self.first_stop.is_none() {
            self.first_stop = Some(FirstStop {
                frame: record.index,
                stamp_ns: verdict.capture_stamp.map(Stamp::as_nanos),
                nearest: verdict.nearest,
            });
        }
        self.first_stamp = self.first_stamp.or(verdict.capture_stamp);
        self.last_stamp = verdict.capture_stamp.or(self.last_stamp);
        match self.modes.get_mut(record.mode) {
            Some(frames) => *frames += 1,
            // More modes than there are: not counted apart.
            None => _ = self.modes.insert(record.mode, 1),
        }
        self.latency.add(record.latency);
        if let Some(age) = record.age {
            self.age.add(age);
        }
        for (histogram, (_, time)) in self.stages.iter_mut().zip(record.stages.iter()) {
            if let Some(time) = time {
                histogram.add(time);
            }
        }
    }

    /// Takes in frames that were never tried.
    pub fn add_dropped(&mut self, frames: u64) {
        self.frames.dropped = self.frames.dropped.saturating_add(frames);
    }

    /// The run in a few numbers. `wall` is how long it took, on a monotonic clock.
    pub fn summary(&self, wall: Duration) -> Summary {
        let wall_seconds = wall.as_secs_f64();
        let frames = self.frames.handled + self.frames.failed;
        Summary {
            frames: self.frames,
            states: self.states,
            safe_stop_frames: self.safe_stop_frames,
            transitions: self.transitions,
            first_stop: self.first_stop,
            last_state: self.last_state,
            first_stamp_ns: self.first_stamp.map(Stamp::as_nanos),
            last_stamp_ns: self.last_stamp.map(Stamp::as_nanos),
            score_max: self.score_max,
            modes: self
                .modes
                .iter()
                .map(|(&mode, &frames)| ModeCount { mode, frames })
                .collect(),
            latency: self.latency.summary(),
            age: self.age.summary(),
            stages: Stage::ALL
                .into_iter()
                .zip(&self.stages)
                .map(|(stage, histogram)| StageSummary {
                    stage,
                    latency: histogram.summary(),
                })
                .collect(),
            wall_seconds,
            frames_per_second: if wall_seconds > 0.0 {
                frames as f64 / wall_seconds
            } else {
                0.0
            },
            peak_resident_bytes: peak_resident_bytes(),
        }
    }
}

/// The largest resident memory that this process has had, in bytes; `None` where the system does
/// not tell in `/proc/self/status` (`VmHWM`).
pub fn peak_resident_bytes() -> Option<u64> {
    parse_vm_hwm(&std::fs::read_to_string("/proc/self/status").ok()?)
}

pub(super) fn parse_vm_hwm(status: &str) -> Option<u64> {
    super::machine::status_bytes(status, "VmHWM")
}
