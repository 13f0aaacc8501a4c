use super::{
    ConfigError, Event, Failure, Observation, Reason, State, SupervisorConfig, Verdict, Watch,
};
use crate::time::{Now, Stamp};
use hits::Window;
use pictures::{Picture, Pictures};

mod faults;
mod hits;
mod pictures;
mod reset;
mod unwatched;

/// Turns events into verdicts. A state machine without clock, thread or allocation: the same
/// events at the same times give the same verdicts. `docs/safety.md` is its table.
///
/// ```
/// use lookout::decide::{Event, Observation, State, Supervisor, SupervisorConfig, Watch};
/// use lookout::time::{Now, Stamp};
///
/// let mut supervisor = Supervisor::new(SupervisorConfig::default())?;
/// let mut states = Vec::new();
/// for i in 0..4 {
///     let stamp = Stamp::from_nanos(i * 50_000_000);
///     let clear = Observation {
///         capture_stamp: stamp,
///         pixels: 120 * 88,
///         non_finite: 0,
///         score_min: 0.1,
///         score_max: 0.4,
///         anomalous_pixels: 0,
///         corridor_pixels: 0,
///         nearest: None,
///         tracked: None,
///         quality: None,
///         size: None,
///         watch: Watch::Counts,
///         fallback: false,
///     };
///     let now = Now::simulated(stamp);
///     states.push(supervisor.step(Event::Frame(clear), now).state);
/// }
/// assert_eq!(states, [State::Waiting, State::Waiting, State::Ok, State::Ok]);
/// # Ok::<(), lookout::decide::ConfigError>(())
/// ```
#[derive(Clone, Debug)]
pub struct Supervisor {
    config: SupervisorConfig,
    state: State,
    reason: Reason,
    /// What the last frame showed; none after a failed one.
    shown: Option<Observation>,
    /// Capture stamp of the last frame that was told of.
    told: Option<Stamp>,
    /// The stamps of the last two frames that had one are zero: nothing can be said of their age.
    unstamped: bool,
    /// The frame that the next one's stamp is compared with: its stamp, and when it was told of.
    last: Option<Now>,
    /// The present at the last event.
    previous: Option<Now>,
    /// What the last pictures were like.
    pictures: Pictures,
    /// Hits of the last frames that counted.
    window: Window,
    /// Good frames, one after another.
    good: u32,
    /// Clean frames since a reset was asked for.
    reset: Option<u32>,
    /// Why the last frame was not judged; none where it was.
    unjudged: Option<Reason>,
    /// Capture stamp of the frame that confirmed the STOP.
    stopped_at: Stamp,
    /// What the last event changed, where it was a frame.
    before: Option<Before>,
    /// What makes the last frame one that cannot be relied on.
    frame_fault: Option<Reason>,
}

/// What a frame found, so that a verdict that comes out too late can be undone.
#[derive(Clone, Copy, Debug)]
struct Before {
    capture_stamp: Stamp,
    state: State,
    window: Window,
    reset: Option<u32>,
}

impl Supervisor {
    /// A supervisor that waits, flag raised.
    ///
    /// # Errors
    /// The first setting that is out of its range.
    pub fn new(config: SupervisorConfig) -> Result<Self, ConfigError> {
        config.validate()?;
        Ok(Self {
            config,
            state: State::Waiting,
            reason: Reason::NoFrameYet,
            shown: None,
            told: None,
            unstamped: false,
            last: None,
            previous: None,
            pictures: Pictures::default(),
            window: Window::default(),
            good: 0,
            reset: None,
            unjudged: Some(Reason::NoFrameYet),
            stopped_at: Stamp::default(),
            before: None,
            frame_fault: None,
        })
    }

    /// The state after the last event.
    pub fn state(&self) -> State {
        self.state
    }

    /// What made the last frame that was observed one that cannot be relied on.
    pub fn frame_fault(&self) -> Option<Reason> {
        self.frame_fault
    }

    /// Takes an event that became known at `now`, whose stamp is on the clock of the capture stamps.
    pub fn step(&mut self, event: Event, now: Now) -> Verdict {
        let stepped = self.clock_step(now);
        if stepped.is_some() {
            // Stamps from before and after cannot be compared, and a frame's can be either.
            self.last = None;
        }
        if let Some(stamp) = event.first_told() {
            let zero = Some(Stamp::default());
            self.unstamped = self.told == zero && Some(stamp) == zero;
        }
        let before = self.before.take();
        match event {
            Event::Frame(observation) => {
                self.before = Some(Before {
                    capture_stamp: observation.capture_stamp,
                    state: self.state,
                    window: self.window,
                    reset: self.reset,
                });
                let picture = self.pictures.judge(&observation, &self.config.quality);
                let fault = stepped.or_else(|| self.fault_of(&observation, picture, now.stamp));
                self.frame_fault = fault;
                self.unjudged = None;
                if stepped.is_none() {
                    self.note_stamp(observation.capture_stamp, fault, now);
                }
                self.told = Some(observation.capture_stamp);
                self.shown = Some(observation);
                match (fault, picture) {
                    (Some(reason), _) => self.fault(reason),
                    _ => match (observation.watch, picture) {
                        (Watch::WeakMode, _) => self.weak_frame(picture),
                        (Watch::NoStopLevel, _) => self.frame_without_level(picture),
                        (_, Picture::Blurred(frames)) => self.blurred_frame(&observation, frames),
                        _ => self.good_frame(&observation),
                    },
                }
            }
            Event::Failed {
                capture_stamp,
                failure,
            } => {
                if let (Failure::Overdue, Some(before)) = (failure, before)
                    && capture_stamp == Some(before.capture_stamp)
                {
                    self.take_back(before);
                }
                let reason = stepped.unwrap_or(Reason::Failed { failure });
                self.frame_lost(capture_stamp, reason, now);
            }
            Event::Missed {
                capture_stamp,
                slack_ms,
                needed_ms,
            } => {
                let age = match self.unstamped {
                    true => i64::MAX,
                    false => now.stamp.nanos_since(capture_stamp),
                };
                let reason = stepped.unwrap_or(Reason::Refused {
                    age_ms: faults::whole_ms(age),
                    slack_ms,
                    needed_ms,
                });
                self.frame_lost(Some(capture_stamp), reason, now);
            }
            Event::Tick => {
                self.time_passed(stepped, now);
            }
            Event::Reset => {
                if !self.time_passed(stepped, now) {
                    self.reset_asked();
                }
            }
        }
        self.verdict(now.stamp)
    }

    /// The next stamp is compared with this one, also when it went backwards: a source that
    /// starts over is believed again after clean frames. Stamps from the future are forgotten.
    fn note_stamp(&mut self, stamp: Stamp, fault: Option<Reason>, now: Now) {
        if !matches!(fault, Some(Reason::FutureStamp { .. })) {
            self.last = Some(Now { stamp, ..now });
        }
    }

    /// A frame without observation.
    fn frame_lost(&mut self, capture_stamp: Option<Stamp>, reason: Reason, now: Now) {
        let last = self.last.map(|last| last.stamp);
        if let Some(stamp) = capture_stamp.filter(|&stamp| Some(stamp) > last)
            && !matches!(reason, Reason::ClockStepped { .. })
        {
            // Believed only as far as the clock allows, like that of a frame.
            let ahead = self.ahead(stamp, now.stamp);
            self.note_stamp(stamp, ahead, now);
        }
        self.told = capture_stamp.or(self.told);
        self.shown = None;
        self.fault(reason);
    }

    /// Both clocks count, so that neither can stand still unnoticed. Whether that is a fault.
    fn time_passed(&mut self, stepped: Option<Reason>, now: Now) -> bool {
        let missing = || {
            let last = self.last?;
            let gap = now.stamp.nanos_since(last.stamp);
            let missing = self.missing(gap.max(now.monotonic_since(last)))?;
            // frames may well come
            let unstamped = self.unstamped.then(|| self.missing(i64::MAX)).flatten();
            Some(unstamped.unwrap_or(missing))
        };
        let reason = stepped.or_else(missing);
        if let Some(reason) = reason {
            self.fault(reason);
        }
        reason.is_some()
    }

    fn fault(&mut self, reason: Reason) {
        self.good = 0;
        self.reason = reason;
        if self.state == State::Stop {
            self.fault_in_stop(reason);
        } else {
            self.state = State::Fault;
        }
        self.note_unjudged(reason);
    }

    fn confirmed(&mut self, observation: &Observation) {
        match self.window.confirmed(observation, &self.config) {
            Ok(reason) => {
                self.state = State::Stop;
                self.stopped_at = observation.capture_stamp;
                self.reset = None;
                self.reason = reason;
            }
            Err(fault) => self.fault(fault),
        }
    }

    fn candidate(&mut self, observation: &Observation) {
        self.state = State::Warn;
        self.reason = self.window.candidate(observation, &self.config);
    }

    /// A blurred frame can show a hazard, but not that there is none.
    fn blurred_frame(&mut self, observation: &Observation, frames: u32) {
        let config = self.config;
        let limit = config.quality.blur_fault_frames;
        let blurred = Reason::Blurred { frames, limit };
        let hit = self.window.is_hit(observation, &config);
        if hit {
            self.window.count(hit, observation, &config);
        }
        let moving = matches!(self.state, State::Ok | State::Warn);
        if self.state == State::Stop && hit && self.reset.is_some() {
            self.stopped_frame(observation, hit);
        } else if self.state != State::Stop && hit && self.window.confirms(observation, &config) {
            self.confirmed(observation);
        } else if self.state == State::Stop || frames >= limit {
            self.fault(blurred);
        } else {
            self.good = 0;
            if moving && hit {
                self.candidate(observation);
            } else {
                self.reason = blurred;
                if moving {
                    self.state = State::Warn;
                }
            }
        }
    }

    fn good_frame(&mut self, observation: &Observation) {
        let config = self.config;
        let hit = self.window.is_hit(observation, &config);
        self.window.count(hit, observation, &config);
        self.good = self.good.saturating_add(1);

        if self.state == State::Stop {
            self.stopped_frame(observation, hit);
        } else if hit && self.window.confirms(observation, &config) {
            self.confirmed(observation);
        } else if self.state == State::Waiting && self.good < config.start_frames {
            self.reason = Reason::Starting {
                good: self.good,
                needed: config.start_frames,
            };
        } else if self.state == State::Fault && self.good < config.fault_clear_frames {
            self.reason = Reason::Recovering {
                good: self.good,
                needed: config.fault_clear_frames,
            };
        } else if self.window.hits() > 0 {
            self.candidate(observation);
        } else {
            self.state = State::Ok;
            self.reason = Reason::Clear;
        }
    }

    fn verdict(&self, now: Stamp) -> Verdict {
        let shown = self.shown.as_ref();
        Verdict {
            state: self.state,
            safe_stop: self.state.safe_stop(),
            reason: self.reason,
            capture_stamp: self.told,
            age_nanos: self.told.map(|stamp| now.nanos_since(stamp)),
            anomalous_pixels: shown.map_or(0, |o| o.anomalous_pixels),
            corridor_pixels: shown.map_or(0, |o| o.corridor_pixels),
            nearest: shown.and_then(|o| o.nearest),
            tracked: shown.and_then(|o| o.tracked),
        }
    }
}

#[cfg(test)]
mod tests;
