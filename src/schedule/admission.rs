//! Whether a frame is run, in which mode, and whether its observer is.

use super::config::{AdmissionConfig, AdmissionConfigError};
use super::ladder::{Ladder, PerMode};
use super::latency::{LatencyModel, Prediction};
use crate::engine::Mode;
use crate::stages::{Stage, StageTimes};
use std::time::Duration;

/// First stage that is still to come when a frame is admitted.
const ADMITTED_BEFORE: Stage = Stage::Preprocess;

/// What becomes of a frame.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Admit {
    /// It is run.
    Run {
        /// In which mode.
        mode: Mode,
        /// Whether it is run although no mode is predicted to be in time, to see whether that is
        /// still so. Its result is published like any other.
        probe: bool,
    },
    /// It is not: a miss.
    Refuse {
        /// What is left until the deadline.
        slack: Duration,
        /// Predicted p99 of the cheapest mode. `None` when no mode that may be used has enough dry
        /// runs.
        needed: Option<Duration>,
    },
}

/// What became of all frames so far. A frame that was admitted and never [`done`](Admission::done),
/// because something failed, is in `offered` alone.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct AdmissionCounters {
    /// Frames that asked for admission.
    pub offered: u64,
    /// Frames that were run, in each mode, in the order of [`Mode::ALL`].
    pub run: [u64; Mode::COUNT],
    /// Frames that were refused.
    pub refused: u64,
    /// Frames that were admitted as probes.
    pub probes: u64,
    /// Frames that were admitted with the observer and went on without.
    pub downgraded: u64,
    /// Frames that were run and published after the deadline.
    pub late: u64,
    /// Changes of the mode in force.
    pub switches: u64,
}

impl AdmissionCounters {
    /// Frames that were run.
    pub fn ran(&self) -> u64 {
        self.run.iter().sum()
    }

    /// Frames that were run and published in time.
    pub fn in_time(&self) -> u64 {
        self.ran().saturating_sub(self.late)
    }
}

/// Decides frame by frame: [`admit`](Self::admit) when it is decoded,
/// [`observer_fits`](Self::observer_fits) when its segmentation is there, and
/// [`done`](Self::done) when its verdict is published. Ages are times since the capture stamp.
///
/// Best mode whose predicted p99 of all that is still to come fits into the slack; none, and the
/// frame is refused. It goes to a cheaper mode at once, to a better one after `recover_frames`
/// frames in which that one would have fitted, and after more of them where that did not last
/// before.
///
/// A refused frame measures nothing. So one in `probe_every` of the frames that no mode fits is run
/// in the cheapest mode, and as long as such probes come in time the next frame is one too: each
/// is a verdict that a refusal would have cost.
#[derive(Clone, Debug)]
pub struct Admission {
    config: AdmissionConfig,
    model: LatencyModel,
    ladder: Ladder,
    /// Frames since the last probe that no mode fitted.
    unfit: u32,
    running: Option<Running>,
    counters: AdmissionCounters,
}

/// The frame that is being run.
#[derive(Clone, Copy, Debug)]
struct Running {
    mode: Mode,
    probe: bool,
    downgraded: bool,
}

impl Admission {
    /// An admission whose model knows nothing yet: it refuses every frame until
    /// [`warm_up`](Self::warm_up).
    ///
    /// # Errors
    /// A setting out of its range.
    pub fn new(config: AdmissionConfig) -> Result<Self, AdmissionConfigError> {
        config.validate()?;
        Ok(Self {
            config,
            model: LatencyModel::default(),
            ladder: Ladder::new(config.recover_frames),
            unfit: 0,
            running: None,
            counters: AdmissionCounters::default(),
        })
    }

    /// Takes a dry run; see [`LatencyModel::warm_up`].
    pub fn warm_up(&mut self, mode: Mode, times: &StageTimes) {
        self.model.warm_up(mode, times);
    }

    /// What became of all frames so far.
    pub fn counters(&self) -> AdmissionCounters {
        AdmissionCounters {
            switches: self.ladder.switches(),
            ..self.counters
        }
    }

    /// Decides on a frame of this age that is decoded.
    pub fn admit(&mut self, age: Duration) -> Admit {
        self.counters.offered += 1;
        let slack = self.slack(age);
        let room = slack.mul_f64(f64::from(100 - self.config.recover_margin_percent) / 100.0);
        let (mut fits, mut roomy): (PerMode<bool>, PerMode<bool>) = Default::default();
        let mut cheapest: Option<(Duration, Mode)> = None;
        for mode in self.config.modes.iter() {
            let Some(Prediction { p99, .. }) = self.model.predict(mode, ADMITTED_BEFORE) else {
                continue;
            };
            fits[mode.index()] = p99 <= slack;
            roomy[mode.index()] = p99 <= room;
            if cheapest.is_none_or(|(least, _)| p99 < least) {
                cheapest = Some((p99, mode));
            }
        }
        let (mode, probe) = match (self.ladder.choose(fits, roomy), cheapest) {
            (Some(mode), _) => (mode, false),
            (None, Some((_, mode))) if self.probe_is_due(slack) => (mode, true),
            (None, cheapest) => {
                self.running = None;
                self.counters.refused += 1;
                let needed = cheapest.map(|(p99, _)| p99);
                return Admit::Refuse { slack, needed };
            }
        };
        self.counters.probes += u64::from(probe);
        self.running = Some(Running {
            mode,
            probe,
            downgraded: false,
        });
        Admit::Run { mode, probe }
    }

    /// Whether the observer of the frame that is being run, now of this age, is predicted to be in
    /// time. If not, the frame goes on as one of the mode without observer and of the same
    /// resolution. Where that mode may not be used the answer is yes: there is nothing to go on to.
    /// No for a mode without observer.
    pub fn observer_fits(&mut self, age: Duration) -> bool {
        let slack = self.slack(age);
        let Some(running) = self.running.as_mut().filter(|r| r.mode.observer) else {
            return false;
        };
        let rest = self.model.predict(running.mode, Stage::Observer);
        let fits = rest.is_some_and(|rest| rest.p99 <= slack);
        if fits || !self.config.modes.contains(running.mode.without_observer()) {
            return true;
        }
        self.counters.downgraded += u64::from(!running.downgraded);
        running.downgraded = true;
        false
    }

    /// Whether a verdict of this age is fresh.
    pub fn in_time(&self, age: Duration) -> bool {
        age <= self.config.deadline()
    }

    /// Takes the times of a frame that was run, in the mode that it ended in, and its age when its
    /// verdict was published. Tells whether that was in time.
    pub fn done(&mut self, mode: Mode, times: &StageTimes, age: Duration) -> bool {
        let in_time = self.in_time(age);
        self.counters.run[mode.index()] += 1;
        self.counters.late += u64::from(!in_time);
        match self.running.take() {
            Some(running) if running.downgraded && running.mode.without_observer() == mode => {
                self.model.record_downgraded(running.mode, times);
            }
            Some(running) if running.probe && in_time => {
                self.unfit = self.config.probe_every - 1;
                self.model.record(mode, times);
            }
            _ => self.model.record(mode, times),
        }
        in_time
    }

    fn slack(&self, age: Duration) -> Duration {
        self.config.deadline().saturating_sub(age)
    }

    /// Counts a frame that no mode fits.
    fn probe_is_due(&mut self, slack: Duration) -> bool {
        if slack.is_zero() {
            return false;
        }
        self.unfit += 1;
        let due = self.unfit >= self.config.probe_every;
        if due {
            self.unfit = 0;
        }
        due
    }
}

#[cfg(test)]
#[path = "admission_tests.rs"]
mod tests;
