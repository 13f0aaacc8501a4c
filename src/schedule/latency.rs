//! How long the rest of a frame will take.

use super::mode_windows::{ModeWindows, Sample};
use super::pace::Pace;
use super::window::Window;
use crate::engine::Mode;
use crate::stages::{Stage, StageTimes};
use heapless::Deque;
use std::time::Duration;

/// Frames from which the baseline of a stage outside the dry runs is learnt.
pub(super) const LEARN: usize = 15;
/// A frame that took this many times as long as the machine's pace explains was hung, not slow: no
/// mode would have saved it, and no prediction is to be made from it.
const HANG: f32 = 10.0;
/// Stages that take the same time in every mode and that a dry run need not have.
const OUTSIDE: [Stage; 2] = [Stage::Decode, Stage::Publish];

/// A predicted time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Prediction {
    /// Half of the frames take at most this.
    pub p50: Duration,
    /// 99 % of the frames take at most this.
    pub p99: Duration,
}

/// Predicts, for each mode, the time of all that is still to come of a frame.
///
/// A prediction is the product of three: a *baseline* in time, from dry runs; the *pace*, how many
/// times slower than then the machine is now, from the last frames in whatever mode they were; and
/// a quantile of the last 128 *residuals*, what baseline and pace did not explain. Throttling moves
/// the pace, within two frames and for all modes; interference shows in the residuals. Why so:
/// `docs/decisions/latency-model.md`.
///
/// Dry runs come before the first frame, at least [`MIN_DRY_RUNS`](Self::MIN_DRY_RUNS) and better 20
/// a mode, the modes in turn, so that a change of the machine's pace meanwhile does not make one
/// mode look slower than the others. A mode without them has no prediction.
///
/// Predicting is a look-up; recording a frame costs at most about two microseconds. After the dry runs
/// nothing allocates. Any times are taken: a frame counts as at most 1000 times
/// faster or slower than at warm-up.
#[derive(Clone, Debug, Default)]
pub struct LatencyModel {
    modes: Box<[ModeWindows; Mode::COUNT]>,
    pace: Pace,
    /// Frames that wait until their centred pace is known.
    waiting: Deque<Waiting, { Pace::DELAY + 1 }>,
    /// Times of [`OUTSIDE`] at pace 1, in seconds, of the first frames.
    outside: [Window<LEARN>; OUTSIDE.len()],
    frames: usize,
    hangs: u64,
}

#[derive(Clone, Copy, Debug)]
struct Waiting {
    mode: Mode,
    /// Another mode that learns from this frame too.
    shared_with: Mode,
    sample: Sample,
}

impl LatencyModel {
    /// Dry runs of a mode from which on it has a prediction.
    pub const MIN_DRY_RUNS: usize = ModeWindows::MIN_DRY_RUNS;

    /// Takes the times of a dry run. The last 64 of a mode count; its windows start over.
    ///
    /// Decoding and publication may be missing: they are learnt from the first frames. Any other
    /// stage that is missing in all dry runs of a mode is not predicted.
    pub fn warm_up(&mut self, mode: Mode, times: &StageTimes) {
        self.modes[mode.index()].warm_up(times);
    }

    /// Takes the times of a frame that was run in a mode. Ignored when the mode has too few dry
    /// runs.
    pub fn record(&mut self, mode: Mode, times: &StageTimes) {
        // What disturbs one mode disturbs the others. Without this a mode that one bad spell made
        // unfit would never run again, and so never learn that the spell is over.
        let others = Mode::COUNT - 1;
        let turns = (0..others).map(|i| mode.index() + 1 + (self.frames + i) % others);
        let mut turns = turns.map(|turn| Mode::ALL[turn % Mode::COUNT]);
        let shared_with = turns.find(|other| self.modes[other.index()].is_warm());
        self.take(mode, shared_with.unwrap_or(mode), times);
    }

    /// Takes the times of a frame that was admitted in a mode with the observer but went on without
    /// it. The mode that it was admitted in learns from it too, or it would never see the frames
    /// that were too slow for it.
    pub fn record_downgraded(&mut self, admitted: Mode, times: &StageTimes) {
        self.take(admitted.without_observer(), admitted, times);
    }

    fn take(&mut self, mode: Mode, shared_with: Mode, times: &StageTimes) {
        if !self.modes[mode.index()].is_warm() {
            return;
        }
        self.learn_outside(times);
        let Some(sample) = self.modes[mode.index()].sample(times) else {
            return;
        };
        self.frames = self.frames.wrapping_add(1);
        self.pace.push(sample.whole);
        if self.waiting.is_full() {
            self.waiting.pop_front();
        }
        // There is room: one was taken out when it was full.
        let _ = self.waiting.push_back(Waiting {
            mode,
            shared_with,
            sample,
        });
        let (Some(pace), Some(middle)) = (self.pace.centred(), self.waiting.front()) else {
            return;
        };
        if middle.sample.whole > HANG * pace {
            self.hangs += 1;
            return;
        }
        let Waiting {
            mode,
            shared_with,
            sample,
        } = *middle;
        self.modes[mode.index()].push(&sample, pace);
        if shared_with != mode {
            self.modes[shared_with.index()].push(&sample, pace);
        }
    }

    /// The median of the first frames; one frame would not do, as the first publication often does
    /// more than the later ones.
    fn learn_outside(&mut self, times: &StageTimes) {
        let pace = self.pace.now();
        for (stage, window) in OUTSIDE.into_iter().zip(&mut self.outside) {
            let Some(time) = times.get(stage).filter(|_| window.len() < LEARN) else {
                continue;
            };
            window.push(time.as_secs_f32() / pace);
            for mode in self.modes.iter_mut() {
                if mode.is_warm() && !mode.dry_runs_have(stage) {
                    mode.set_baseline(stage, window);
                }
            }
        }
    }

    /// How many times slower than at the dry runs the machine is now: 1 as then, 2 half as fast.
    pub fn pace(&self) -> f32 {
        self.pace.now()
    }

    /// Frames that took more than ten times what the machine's pace explains. They are in no
    /// window.
    pub fn hangs(&self) -> u64 {
        self.hangs
    }

    /// The time of all stages of a mode from one on, publication included. `None` when the mode has
    /// too few dry runs, or no stage from there on was ever measured.
    pub fn predict(&self, mode: Mode, from: Stage) -> Option<Prediction> {
        let (windows, pace) = (&self.modes[mode.index()], self.pace.now());
        Some(Prediction {
            p50: windows.from(from, 0.5, pace)?,
            p99: windows.from(from, 0.99, pace)?,
        })
    }
}

#[cfg(test)]
#[path = "latency_tests.rs"]
mod tests;
