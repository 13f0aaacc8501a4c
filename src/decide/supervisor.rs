use super::{ConfigError, Event, Observation, Reason, State, SupervisorConfig, Verdict};
use crate::time::Stamp;

const NANOS_PER_MS: i64 = 1_000_000;

/// Turns events into verdicts. A state machine without clock, thread or allocation: the same
/// events at the same times give the same verdicts. `docs/safety.md` is its table.
///
/// ```
/// use lookout::decide::{Event, Observation, State, Supervisor, SupervisorConfig};
/// use lookout::time::Stamp;
///
/// let mut supervisor = Supervisor::new(SupervisorConfig::default())?;
/// let mut states = Vec::new();
/// for i in 0..4 {
///     let stamp = Stamp::from_nanos(i * 50_000_000);
///     let clear = Observation {
///         capture_stamp: stamp,
///         pixels: 120 * 88,
///         non_finite: 0,
///         anomalous_pixels: 0,
///         corridor_pixels: 0,
///         nearest: None,
///     };
///     states.push(supervisor.step(Event::Frame(clear), stamp).state);
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
    /// The one that the next frame's is compared with.
    last_stamp: Option<Stamp>,
    /// Hits of the last frames without fault, the latest in the lowest bit.
    window: u64,
    /// Frames without fault, one after another.
    good: u32,
    /// Clean frames since a reset was asked for.
    reset: Option<u32>,
    /// Capture stamp of the frame that confirmed the STOP.
    stopped_at: Stamp,
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
            last_stamp: None,
            window: 0,
            good: 0,
            reset: None,
            stopped_at: Stamp::default(),
        })
    }

    /// The settings.
    pub fn config(&self) -> &SupervisorConfig {
        &self.config
    }

    /// The state after the last event.
    pub fn state(&self) -> State {
        self.state
    }

    /// Takes an event that became known at `now`, on the clock of the capture stamps.
    pub fn step(&mut self, event: Event, now: Stamp) -> Verdict {
        match event {
            Event::Frame(observation) => {
                let fault = self.fault_of(&observation, now);
                self.note_stamp(observation.capture_stamp, fault);
                self.told = Some(observation.capture_stamp);
                self.shown = Some(observation);
                match fault {
                    Some(reason) => self.fault(reason),
                    None => self.good_frame(observation),
                }
            }
            Event::Failed {
                capture_stamp,
                failure,
            } => {
                let reason = Reason::Failed { failure };
                if let Some(stamp) = capture_stamp.filter(|&stamp| Some(stamp) > self.last_stamp) {
                    // Believed only as far as the clock allows, like that of a frame.
                    let ahead = self.ahead(stamp, now);
                    self.note_stamp(stamp, ahead);
                }
                self.told = capture_stamp.or(self.told);
                self.shown = None;
                self.fault(reason);
            }
            Event::Tick => self.check_missing(now),
            Event::Reset => {
                if self.state == State::Stop && self.reset.is_none() {
                    self.reset = Some(0);
                    self.reason = Reason::ResetPending {
                        clean: 0,
                        needed: self.config.reset_frames,
                    };
                }
                self.check_missing(now);
            }
        }
        self.verdict(now)
    }

    /// What makes a frame one that cannot be relied on; the first that holds.
    fn fault_of(&self, observation: &Observation, now: Stamp) -> Option<Reason> {
        let stamp = observation.capture_stamp;
        if let Some(ahead) = self.ahead(stamp, now) {
            return Some(ahead);
        }
        if let Some(previous) = self.last_stamp {
            if stamp <= previous {
                return Some(Reason::StampRegressed { previous, stamp });
            }
            if let Some(missing) = self.missing(previous, stamp) {
                return Some(missing);
            }
        }
        let age = now.nanos_since(stamp);
        let limit_ms = self.config.max_age_ms;
        if age > i64::from(limit_ms) * NANOS_PER_MS {
            return Some(Reason::Late {
                age_ms: whole_ms(age),
                limit_ms,
            });
        }
        if observation.pixels == 0 {
            return Some(Reason::EmptyScoreMap);
        }
        if observation.non_finite > 0 {
            let (pixels, of) = (observation.non_finite, observation.pixels);
            return Some(Reason::NonFinite { pixels, of });
        }
        None
    }

    fn ahead(&self, stamp: Stamp, now: Stamp) -> Option<Reason> {
        let ahead = stamp.nanos_since(now);
        let limit_ms = self.config.future_tolerance_ms;
        (ahead > i64::from(limit_ms) * NANOS_PER_MS).then(|| Reason::FutureStamp {
            ahead_ms: whole_ms(ahead),
            limit_ms,
        })
    }

    fn missing(&self, last: Stamp, now: Stamp) -> Option<Reason> {
        let gap = now.nanos_since(last);
        let limit_ms = self.config.stale_after_ms;
        (gap > i64::from(limit_ms) * NANOS_PER_MS).then(|| Reason::Missing {
            gap_ms: whole_ms(gap),
            limit_ms,
        })
    }

    /// The next stamp is compared with this one, also when it went backwards: a source that
    /// starts over is believed again after clean frames. Stamps from the future are forgotten.
    fn note_stamp(&mut self, stamp: Stamp, fault: Option<Reason>) {
        if !matches!(fault, Some(Reason::FutureStamp { .. })) {
            self.last_stamp = Some(stamp);
        }
    }

    fn check_missing(&mut self, now: Stamp) {
        if let Some(reason) = self.last_stamp.and_then(|last| self.missing(last, now)) {
            self.fault(reason);
        }
    }

    fn fault(&mut self, reason: Reason) {
        self.good = 0;
        self.reason = reason;
        if self.state == State::Stop {
            self.reset = self.reset.map(|_| 0);
        } else {
            self.state = State::Fault;
        }
    }

    fn good_frame(&mut self, observation: Observation) {
        let config = self.config;
        let was_hit = self.window & 1 == 1;
        let needed_area = if was_hit {
            config.area_off
        } else {
            config.area_on
        };
        let hit = observation.corridor_pixels >= needed_area;
        self.window = (self.window << 1 | u64::from(hit)) & window_bits(config.confirm_window);
        let hits = self.window.count_ones();
        self.good = self.good.saturating_add(1);

        if self.state == State::Stop {
            self.stopped_frame(observation, hit);
        } else if hit && hits >= config.confirm_hits {
            self.state = State::Stop;
            self.stopped_at = observation.capture_stamp;
            self.reset = None;
            self.reason = Reason::Confirmed {
                hits,
                window: config.confirm_window,
                corridor_pixels: observation.corridor_pixels,
            };
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
        } else if hits > 0 {
            self.state = State::Warn;
            self.reason = Reason::Candidate {
                hits,
                needed: config.confirm_hits,
                window: config.confirm_window,
            };
        } else {
            self.state = State::Ok;
            self.reason = Reason::Clear;
        }
    }

    fn stopped_frame(&mut self, observation: Observation, hit: bool) {
        let needed = self.config.reset_frames;
        match self.reset {
            None => {
                self.reason = Reason::Latched {
                    since: self.stopped_at,
                }
            }
            Some(_) if hit => {
                self.reset = None;
                self.reason = Reason::ResetCancelled {
                    corridor_pixels: observation.corridor_pixels,
                };
            }
            Some(clean) if clean + 1 < needed => {
                self.reset = Some(clean + 1);
                self.reason = Reason::ResetPending {
                    clean: clean + 1,
                    needed,
                };
            }
            Some(_) => {
                self.reset = None;
                self.window = 0;
                self.state = State::Ok;
                self.reason = Reason::Clear;
            }
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
        }
    }
}

/// Of a positive time.
fn whole_ms(nanos: i64) -> u64 {
    nanos.max(0).unsigned_abs() / NANOS_PER_MS.unsigned_abs()
}

/// The lowest `frames` bits, `frames` in `1 ..= 64`.
fn window_bits(frames: u32) -> u64 {
    u64::MAX >> (64 - frames.clamp(1, 64))
}

#[cfg(test)]
#[path = "supervisor_tests.rs"]
mod tests;
