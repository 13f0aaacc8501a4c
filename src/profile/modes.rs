//! What became of every frame against its deadline, and in which mode.

use super::gpu::GpuTally;
use super::modes_summary::DeadlineSummary;
use super::thin::{Merge, Thinned};
use super::{FrameFate, LatencyHistogram, Stage, StageTimes};
use crate::decide::{State, Verdict};
use crate::engine::GpuTimes;
use std::time::Duration;

/// Modes that are told apart; frames of further ones are counted in the totals only.
pub const MAX_MODES: usize = 6;
/// Where time goes: the modes, further modes, and none while every frame is refused.
pub(super) const LANES: usize = MAX_MODES + 2;
pub(super) const OTHER: usize = MAX_MODES;
pub(super) const REFUSING: usize = MAX_MODES + 1;
/// Steps of the timeline.
const TIMELINE: usize = 1000;

/// What is told of a frame. Small and `Copy`: made on the frame path without allocating.
#[derive(Clone, Copy, Debug)]
pub struct FrameOutcome {
    /// When its fate was known, since the start of the run on a monotonic clock.
    pub at: Duration,
    /// The mode it ran in; `None` when it ran in none.
    pub mode: Option<&'static str>,
    /// Time of each stage that ran.
    pub stages: StageTimes,
    /// What the GPU took of it by its own clock, where there is one; within `stages`, not beside them.
    pub gpu: Option<GpuTimes>,
    /// From having its bytes to having its verdict out; `None` when it was never tried.
    pub latency: Option<Duration>,
    /// From its capture to its publication; `None` where nothing was published of it, or where
    /// the clock of the capture stamps does not run.
    pub age: Option<Duration>,
    /// What became of it.
    pub fate: FrameFate,
    /// What was published of it, if anything.
    pub verdict: Option<Verdict>,
    /// Mean score of its pixels, where it was scored.
    pub mean_score: Option<f32>,
}

impl FrameOutcome {
    /// Of frames that nobody ran.
    pub fn untried(at: Duration, fate: FrameFate) -> Self {
        Self {
            at,
            mode: None,
            stages: StageTimes::default(),
            gpu: None,
            latency: None,
            age: None,
            fate,
            verdict: None,
            mean_score: None,
        }
    }
}

/// Frames without a verdict in time, by why.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, serde::Serialize)]
pub struct Misses {
    /// Came too late.
    pub late: u64,
    /// Were not tried, for want of time.
    pub refused: u64,
    /// Gave way to a newer frame.
    pub replaced: u64,
    /// Could not be handled.
    pub failed: u64,
}

impl Misses {
    /// All of them.
    pub const fn total(&self) -> u64 {
        self.late
            .saturating_add(self.refused)
            .saturating_add(self.replaced)
            .saturating_add(self.failed)
    }

    fn merge(&mut self, next: &Self) {
        self.late += next.late;
        self.refused += next.refused;
        self.replaced = self.replaced.saturating_add(next.replaced);
        self.failed += next.failed;
    }
}

/// The longest time without a verdict in time.
#[derive(Clone, Copy, Debug, PartialEq, serde::Serialize)]
pub struct FreshGap {
    /// How long, in milliseconds.
    pub ms: f64,
    /// When it began, in seconds since the start of the run.
    pub at_s: f64,
}

/// Frames of the timeline.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Step {
    pub(super) first: Duration,
    pub(super) last: Duration,
    /// Highest age at publication.
    pub(super) age_ms: Option<f64>,
    /// Bit `i` says that a frame was in lane `i`.
    pub(super) lanes: u8,
    pub(super) misses: Misses,
}

impl Step {
    /// Middle of the stretch.
    pub(super) fn at(&self) -> Duration {
        self.first + self.last.saturating_sub(self.first) / 2
    }
}

impl Merge for Step {
    fn merge(&mut self, next: &Self) {
        self.last = self.last.max(next.last);
        self.age_ms = match (self.age_ms, next.age_ms) {
            (Some(a), Some(b)) => Some(a.max(b)),
            (a, b) => a.or(b),
        };
        self.lanes |= next.lanes;
        self.misses.merge(&next.misses);
    }
}

/// The frames of one mode.
#[derive(Clone, Debug)]
pub(super) struct ModeTally {
    pub(super) name: &'static str,
    pub(super) frames: u64,
    pub(super) in_time: u64,
    pub(super) late: u64,
    pub(super) failed: u64,
    pub(super) latency: LatencyHistogram,
    pub(super) age: LatencyHistogram,
    pub(super) stages: [LatencyHistogram; Stage::COUNT],
    pub(super) gpu: GpuTally,
}

impl ModeTally {
    fn new() -> Self {
        Self {
            name: "",
            frames: 0,
            in_time: 0,
            late: 0,
            failed: 0,
            latency: LatencyHistogram::coarse(),
            age: LatencyHistogram::coarse(),
            stages: std::array::from_fn(|_| LatencyHistogram::coarse()),
            gpu: GpuTally::new(),
        }
    }
}

/// Takes in what became of every frame of a run, in about 1.5 MB however many there are. Adding
/// does not allocate. Percentiles by mode are right to 1 %, those of the whole run to 0.1 %;
/// counts and maxima are exact.
///
/// A mode is *in force* from a frame that ran in it until the next frame that ran in another one
/// or was refused: that is its share of the time.
#[derive(Clone, Debug)]
pub struct DeadlineProfile {
    pub(super) deadline: Duration,
    pub(super) modes: Box<[ModeTally]>,
    pub(super) used: usize,
    pub(super) latency: LatencyHistogram,
    pub(super) age: LatencyHistogram,
    pub(super) in_time: u64,
    pub(super) misses: Misses,
    pub(super) late_shown_as_fresh: u64,
    pub(super) fresh_checked: u64,
    pub(super) other_mode_frames: u64,
    pub(super) switches: u64,
    pub(super) time: [Duration; LANES],
    pub(super) first: Option<Duration>,
    /// The latest that was told, whatever came after it.
    pub(super) last: Duration,
    in_force: Option<usize>,
    ran_in: Option<&'static str>,
    fresh_until: Duration,
    gap: Option<(Duration, Duration)>,
    timeline: Thinned<Step>,
}

impl DeadlineProfile {
    /// Of no frames yet. `deadline` is the highest age at which a verdict may be published as
    /// fresh, counted from the capture stamp.
    pub fn new(deadline: Duration) -> Self {
        Self {
            deadline,
            modes: (0..MAX_MODES).map(|_| ModeTally::new()).collect(),
            used: 0,
            latency: LatencyHistogram::default(),
            age: LatencyHistogram::default(),
            in_time: 0,
            misses: Misses::default(),
            late_shown_as_fresh: 0,
            fresh_checked: 0,
            other_mode_frames: 0,
            switches: 0,
            time: [Duration::ZERO; LANES],
            first: None,
            last: Duration::ZERO,
            in_force: None,
            ran_in: None,
            fresh_until: Duration::ZERO,
            gap: None,
            timeline: Thinned::new(TIMELINE),
        }
    }

    /// Takes in one frame, or the frames that were replaced since the last.
    pub fn add(&mut self, outcome: &FrameOutcome) {
        let at = self.advance(outcome.at);
        self.check(outcome);
        let lane = match (outcome.mode, outcome.fate) {
            (Some(mode), _) => Some(self.ran(mode, outcome)),
            (None, FrameFate::Refused) => Some(REFUSING),
            (None, _) => None,
        };
        self.in_force = lane.or(self.in_force);
        let mut misses = Misses::default();
        match outcome.fate {
            FrameFate::InTime => {
                self.in_time += 1;
                self.close_gap(at);
            }
            FrameFate::Late => misses.late = 1,
            FrameFate::Refused => misses.refused = 1,
            FrameFate::Replaced(frames) => misses.replaced = frames,
            FrameFate::Failed => misses.failed = 1,
        }
        self.misses.merge(&misses);
        if let Some(latency) = outcome.latency {
            self.latency.add(latency);
        }
        if let Some(age) = outcome.age {
            self.age.add(age);
        }
        self.timeline.push(Step {
            first: at,
            last: at,
            age_ms: outcome.age.map(super::histogram::millis),
            lanes: lane.map_or(0, |lane| 1 << lane),
            misses,
        });
    }

    /// Gives the time since the last frame to the mode in force. A time before the last one
    /// counts as the last one.
    fn advance(&mut self, at: Duration) -> Duration {
        if self.first.is_none() {
            (self.first, self.last, self.fresh_until) = (Some(at), at, at);
        }
        if let Some(lane) = self.in_force {
            self.time[lane] = self.time[lane].saturating_add(at.saturating_sub(self.last));
        }
        self.last = self.last.max(at);
        self.last
    }

    /// Whether what was published shows an old frame as fresh; from the age and the verdict alone,
    /// whatever the scheduler made of it.
    fn check(&mut self, outcome: &FrameOutcome) {
        let Some((age, verdict)) = outcome.age.zip(outcome.verdict) else {
            return;
        };
        let shown_as_fresh = !verdict.safe_stop || matches!(verdict.state, State::Ok | State::Warn);
        self.fresh_checked += u64::from(shown_as_fresh);
        self.late_shown_as_fresh += u64::from(shown_as_fresh && age > self.deadline);
    }

    /// Counts a frame that ran; gives the lane of its mode.
    fn ran(&mut self, mode: &'static str, outcome: &FrameOutcome) -> usize {
        self.switches += u64::from(self.ran_in.is_some_and(|before| before != mode));
        self.ran_in = Some(mode);
        let known = self.modes[..self.used].iter().position(|m| m.name == mode);
        let lane = match known {
            Some(lane) => lane,
            None if self.used < MAX_MODES => {
                self.modes[self.used].name = mode;
                self.used += 1;
                self.used - 1
            }
            None => {
                self.other_mode_frames += 1;
                return OTHER;
            }
        };
        let tally = &mut self.modes[lane];
        tally.frames += 1;
        match outcome.fate {
            FrameFate::InTime => tally.in_time += 1,
            FrameFate::Late => tally.late += 1,
            FrameFate::Failed => tally.failed += 1,
            FrameFate::Refused | FrameFate::Replaced(_) => {}
        }
        if let Some(latency) = outcome.latency {
            tally.latency.add(latency);
        }
        if let Some(age) = outcome.age {
            tally.age.add(age);
        }
        for (histogram, (_, time)) in tally.stages.iter_mut().zip(outcome.stages.iter()) {
            if let Some(time) = time {
                histogram.add(time);
            }
        }
        if let Some(gpu) = &outcome.gpu {
            tally.gpu.add(gpu);
        }
        lane
    }

    fn close_gap(&mut self, at: Duration) {
        self.gap = Some(longer(self.gap, self.fresh_until, at));
        self.fresh_until = at;
    }

    /// The longest time without a verdict in time, from the first frame to `end`.
    pub(super) fn worst_gap(&self, end: Duration) -> Option<FreshGap> {
        self.first?;
        let (from, to) = longer(self.gap, self.fresh_until, end.max(self.last));
        Some(FreshGap {
            ms: super::histogram::millis(to.saturating_sub(from)),
            at_s: from.as_secs_f64(),
        })
    }

    /// Time of a lane up to `end`.
    pub(super) fn lane_time(&self, lane: usize, end: Duration) -> Duration {
        let open = self.in_force == Some(lane);
        let tail = end.saturating_sub(self.last);
        self.time[lane].saturating_add(if open { tail } else { Duration::ZERO })
    }

    pub(super) fn timeline(&self) -> &Thinned<Step> {
        &self.timeline
    }

    /// The run up to `end` (since its start, on the clock of [`FrameOutcome::at`]) in numbers.
    pub fn summary(&self, end: Duration) -> DeadlineSummary {
        DeadlineSummary::of(self, end)
    }
}

/// The longer of a gap and the time from `from` to `to`.
fn longer(gap: Option<(Duration, Duration)>, from: Duration, to: Duration) -> (Duration, Duration) {
    match gap {
        Some((a, b)) if b.saturating_sub(a) >= to.saturating_sub(from) => (a, b),
        _ => (from, to),
    }
}

#[cfg(test)]
#[path = "modes_tests.rs"]
mod tests;
