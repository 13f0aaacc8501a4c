use std::fmt::{self, Write as _};
use std::time::Duration;

use super::drift::{CleanMeans, Drift};
use super::recent::{Arrivals, Recent};
use crate::decide::NoLimit;
use crate::engine::{Judges, Mode};
use crate::pipeline::NoGround;
use crate::profile::FrameOutcome;
use crate::schedule::Window;
use crate::stages::FrameFate;
use crate::watchdog::{Clip, Message};

/// What the levels are judged by.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Limits {
    /// Largest age of a verdict when it is out, in ms.
    pub deadline_ms: u32,
    /// Longest time without a frame, in ms.
    pub stale_after_ms: u32,
}

/// What happened how often.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counts {
    /// Camera messages that arrived.
    pub received: u64,
    /// Frames with a verdict within the deadline.
    pub in_time: u64,
    /// Frames with a verdict after it.
    pub late: u64,
    /// Of both, those that were judged in a lesser mode than the best.
    pub lesser: u64,
    /// Frames that were not tried, for want of time.
    pub refused: u64,
    /// Frames that gave way to a newer one.
    pub replaced: u64,
    /// Messages that are no picture.
    pub malformed: u64,
    /// Frames that could not be run or scored.
    pub failed: u64,
    /// Log records that did not reach `/rosout`.
    pub log_records_dropped: u64,
    /// Beats that the watchdog left out.
    pub late_beats: u64,
}

impl Counts {
    /// Frames that the networks saw.
    pub const fn judged(&self) -> u64 {
        self.in_time.saturating_add(self.late)
    }

    /// Frames that missed the deadline.
    pub const fn missed(&self) -> u64 {
        self.late.saturating_add(self.refused)
    }

    pub(super) fn add(&mut self, other: &Self) {
        for (sum, more) in [
            (&mut self.received, other.received),
            (&mut self.in_time, other.in_time),
            (&mut self.late, other.late),
            (&mut self.lesser, other.lesser),
            (&mut self.refused, other.refused),
            (&mut self.replaced, other.replaced),
            (&mut self.malformed, other.malformed),
            (&mut self.failed, other.failed),
            (&mut self.log_records_dropped, other.log_records_dropped),
            (&mut self.late_beats, other.late_beats),
        ] {
            *sum = sum.saturating_add(more);
        }
    }
}

/// The engine that is loaded, in words.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct EngineWords {
    /// Its short name: `rten`, `ort`.
    pub name: String,
    /// What it is: library, version, threads.
    pub description: String,
    /// The best mode that may run.
    pub mode: &'static str,
    /// Name of the bundle.
    pub bundle: String,
    /// Hash of the bundle.
    pub bundle_hash: String,
    /// What the stop levels promise; empty where the area in the corridor decides.
    pub stop_promise: String,
    /// What every status says of how frames are judged; empty where nothing is special.
    pub note: String,
    /// Why modes of the bundle are left out; empty where none is.
    pub left_out: String,
    /// By which score each mode is judged.
    pub judges: Judges,
    /// Mean scores of clean frames, by mode.
    pub clean_means: CleanMeans,
}

/// What the thread that handles frames is at.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Underway {
    /// Since when it is at the present frame; `None` between frames.
    pub since: Option<Duration>,
    /// Frames come, and the simulated clock that their age is told by does not.
    pub without_clock: bool,
    /// A panic took the engine, and it is being opened again, or could not be.
    pub without_engine: bool,
}

/// What the board does not know of the last verdict.
#[derive(Clone, Copy, Debug)]
pub(super) struct LastVerdict {
    pub(super) age: Option<Duration>,
    pub(super) mode: Option<&'static str>,
    pub(super) fate: Option<FrameFate>,
}

/// Why a frame has no verdict of its own.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Broken {
    /// It is no picture.
    Malformed,
    /// It could not be run or scored.
    Failed,
}

/// Times that the quantiles are of.
const TIMES: usize = 256;

/// What was seen of frames since the node became active.
#[derive(Clone, Debug, Default)]
pub(super) struct Seen {
    pub(super) recent: Recent,
    pub(super) drift: Drift,
    pub(super) arrivals: Arrivals,
    /// In ms: age at publication, time in the node, of it on the GPU.
    pub(super) ages: Window<TIMES>,
    pub(super) processing: Window<TIMES>,
    pub(super) gpu: Window<TIMES>,
    /// What was wrong with the last frame that was handled, if anything.
    pub(super) broken: Option<Broken>,
    pub(super) mode: Option<&'static str>,
    pub(super) verdict: Option<LastVerdict>,
    /// How long the last frame took, and since when frames take longer than the deadline.
    pub(super) last_processing: Option<Duration>,
    pub(super) slow_since: Option<Duration>,
}

/// What the node tells about itself, in fixed memory. All times are on one monotonic clock; nothing
/// here reads it.
#[derive(Clone, Debug)]
pub struct Health {
    pub(super) limits: Limits,
    pub(super) total: Counts,
    pub(super) seen: Seen,
    /// What was wrong with the last message that was no picture.
    pub(super) malformed: Message,
    pub(super) engine: Option<EngineWords>,
    pub(super) lifecycle: String,
    pub(super) active: bool,
    /// Whether frames are judged while active (`~/enable`).
    pub enabled: bool,
    /// Why the last transition failed; `None` once one went well.
    pub failure: Option<String>,
    /// The topic that frames come from, as the hardware that the statuses are of.
    pub camera: String,
    /// Why no frame comes; `None` where they come.
    pub waiting: Option<String>,
    /// Whether the socket's receive buffer is large enough; what is wrong with it and what helps, where it is
    /// not. Not known before it was looked at.
    pub receive_buffer: Option<Result<(), String>>,
    /// The stopping distance in force, in metres, or the reason why it is unknown; `None` where the node uses no
    /// odometry.
    pub far_limit: Option<Result<f32, NoLimit>>,
    /// Whether the last frame had distances, or the reason why it had none; `None` where the camera's height is
    /// not known, because then no frame has any.
    pub ground: Option<Result<(), NoGround>>,
    /// The topic of the camera's calibration.
    pub camera_info: String,
    /// The calibration changes again and again.
    pub is_camera_unsteady: bool,
    /// What the thread that handles frames is at.
    pub underway: Underway,
}

impl Health {
    /// Of a node that was just started: unconfigured, without an engine, enabled.
    pub fn new(limits: Limits) -> Self {
        Self {
            limits,
            total: Counts::default(),
            seen: Seen::default(),
            malformed: Message::new(),
            engine: None,
            lifecycle: "unconfigured".to_owned(),
            active: false,
            enabled: true,
            failure: None,
            camera: String::new(),
            waiting: None,
            receive_buffer: None,
            far_limit: None,
            ground: None,
            camera_info: String::new(),
            is_camera_unsteady: false,
            underway: Underway::default(),
        }
    }

    /// Everything since the start.
    pub const fn counts(&self) -> &Counts {
        &self.total
    }

    fn count(&mut self, at: Duration, what: impl Fn(&mut Counts)) {
        what(&mut self.total);
        what(self.seen.recent.at(at));
    }

    /// A camera message arrived; also one that gives way to a newer one, or is malformed.
    pub fn received(&mut self, at: Duration) {
        self.count(at, |counts| add(&mut counts.received, 1));
        self.seen.arrivals.add(at);
    }

    /// What became of a frame. Its latency, its age at publication and what the GPU took of it go into
    /// the quantiles, its verdict into the status `verdict`. A message that is no picture is told with
    /// [`malformed`](Self::malformed) instead.
    pub fn frame(&mut self, frame: &FrameOutcome) {
        self.count(frame.at, |counts| match frame.fate {
            FrameFate::InTime => add(&mut counts.in_time, 1),
            FrameFate::Late => add(&mut counts.late, 1),
            FrameFate::Refused => add(&mut counts.refused, 1),
            FrameFate::Replaced(frames) => add(&mut counts.replaced, frames),
            FrameFate::Failed => add(&mut counts.failed, 1),
        });
        if matches!(frame.fate, FrameFate::Replaced(_)) {
            return;
        }
        self.seen.broken = (frame.fate == FrameFate::Failed).then_some(Broken::Failed);
        if matches!(frame.fate, FrameFate::InTime | FrameFate::Late) {
            let best = self.engine.as_ref().map(|words| words.mode);
            if frame.mode.is_some() && frame.mode != best {
                self.count(frame.at, |counts| add(&mut counts.lesser, 1));
            }
            let deadline = Duration::from_millis(self.limits.deadline_ms.into());
            self.seen.last_processing = frame.latency.or(self.seen.last_processing);
            self.seen.slow_since = match frame.latency {
                Some(latency) if latency > deadline => self.seen.slow_since.or(Some(frame.at)),
                _ => None,
            };
            let ms = |time: Duration| time.as_secs_f32() * 1e3;
            if let Some(age) = frame.age {
                self.seen.ages.push(ms(age));
            }
            if let Some(latency) = frame.latency {
                self.seen.processing.push(ms(latency));
            }
            if let Some(gpu) = frame.gpu.and_then(|gpu| gpu.total()) {
                self.seen.gpu.push(ms(gpu));
            }
        }
        if let (Some(clean), Some(mean)) = (self.clean_mean(frame.mode), frame.mean_score) {
            self.seen.drift.add(frame.at, mean, clean);
        }
        self.seen.mode = frame.mode.or(self.seen.mode);
        self.seen.verdict = Some(LastVerdict {
            age: frame.age,
            mode: frame.mode,
            fate: Some(frame.fate),
        });
    }

    /// The mean scores of clean frames in a mode, where the bundle has them.
    fn clean_mean(&self, mode: Option<&str>) -> Option<[f32; 2]> {
        let mode: Mode = mode?.parse().ok()?;
        *self.engine.as_ref()?.clean_means.get(mode.index())?
    }

    /// A message is no picture, and why. Words beyond 192 bytes are cut.
    pub fn malformed(&mut self, at: Duration, why: &dyn fmt::Display) {
        self.count(at, |counts| add(&mut counts.malformed, 1));
        self.seen.broken = Some(Broken::Malformed);
        self.malformed.clear();
        // Cannot fail: what does not fit is dropped.
        let _ = write!(Clip(&mut self.malformed), "{why}");
        self.seen.verdict = Some(LastVerdict {
            age: None,
            mode: None,
            fate: Some(FrameFate::Failed),
        });
    }

    /// There is a verdict without a frame; the age of the last one then.
    pub fn verdict(&mut self, age: Option<Duration>) {
        self.seen.verdict = Some(LastVerdict {
            age,
            mode: None,
            fate: None,
        });
    }

    /// An engine was loaded, to be judged by these limits; times and verdicts of an earlier one are
    /// forgotten.
    pub fn configured(&mut self, engine: EngineWords, limits: Limits) {
        self.limits = limits;
        self.engine = Some(engine);
        (self.ground, self.far_limit) = (None, None);
        self.is_camera_unsteady = false;
        self.seen = Seen::default();
    }

    /// What every status says of how frames are judged, from now on.
    pub fn set_note(&mut self, note: &str) {
        if let Some(engine) = &mut self.engine {
            note.clone_into(&mut engine.note);
        }
    }

    /// The engine is gone: unloaded, or a panic took it.
    pub fn no_engine(&mut self) {
        self.engine = None;
        self.seen.mode = None;
    }

    /// Label of the lifecycle state, and whether it is the one in which frames are judged. What was
    /// seen of frames before an activation is not held against those after it.
    pub fn set_lifecycle(&mut self, label: &str, active: bool) {
        if active && !self.active {
            self.seen = Seen::default();
        }
        label.clone_into(&mut self.lifecycle);
        self.active = active;
    }

    /// Time since the last camera message; `None` before the first, and while none is expected.
    pub fn quiet_for(&self, now: Duration) -> Option<Option<Duration>> {
        let expected = self.active && self.enabled;
        let last = self.seen.arrivals.last();
        expected.then(|| last.map(|last| now.saturating_sub(last)))
    }

    /// So many log records did not reach `/rosout` since the start.
    pub fn set_log_records_dropped(&mut self, at: Duration, total: u64) {
        let more = total.saturating_sub(self.total.log_records_dropped);
        self.count(at, |counts| add(&mut counts.log_records_dropped, more));
    }

    /// So many beats were left out by the watchdog since the start.
    pub fn set_late_beats(&mut self, at: Duration, total: u64) {
        let more = total.saturating_sub(self.total.late_beats);
        self.count(at, |counts| add(&mut counts.late_beats, more));
    }
}

fn add(counter: &mut u64, more: u64) {
    *counter = counter.saturating_add(more);
}
