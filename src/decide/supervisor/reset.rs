//! How a latched STOP ends, and what keeps it.

use super::super::{Failure, Observation, Reason, State};
use super::hits::Window;
use super::{Before, Supervisor};
use crate::time::Stamp;

impl Supervisor {
    /// Capture stamp of the frame that confirmed the STOP, in STOP.
    pub fn stopped_at(&self) -> Option<Stamp> {
        (self.state == State::Stop).then_some(self.stopped_at)
    }

    /// A STOP that a supervisor before this one left, `since` the frame that confirmed it: it holds until a
    /// reset, like any other.
    pub fn keep_stop(&mut self, since: Stamp) {
        self.state = State::Stop;
        self.stopped_at = since;
        self.reset = None;
        self.reason = Reason::Latched { since };
    }

    /// Somebody entitled to it says that a STOP may end. Refused while frames are not judged: what is
    /// refused is not remembered.
    pub(super) fn reset_asked(&mut self) {
        if self.state != State::Stop {
            return;
        }
        match (self.reset, self.unjudged) {
            (None, Some(reason)) => self.reason = reason,
            (waiting, _) => {
                let clean = waiting.unwrap_or(0);
                self.reset = Some(clean);
                self.reason = Reason::ResetPending {
                    clean,
                    needed: self.config.reset_frames,
                };
            }
        }
    }

    /// A fault in STOP. An accepted reset outlasts a single bad frame, and none that leaves nobody watching:
    /// whoever asked for it said nothing of the road after that.
    pub(super) fn fault_in_stop(&mut self, reason: Reason) {
        let again = self.unjudged.is_some() && is_unjudged(&reason);
        self.reset = match again || ends_reset(&reason) {
            true => None,
            false => self.reset.map(|_| 0),
        };
    }

    /// Keeps why the last frame was not judged.
    pub(super) fn note_unjudged(&mut self, reason: Reason) {
        if is_unjudged(&reason) {
            self.unjudged = Some(reason);
        }
    }

    pub(super) fn stopped_frame(&mut self, observation: &Observation, hit: bool) {
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
                self.window = Window::default();
                self.state = State::Ok;
                self.reason = Reason::Clear;
            }
        }
    }

    /// The verdict on the last frame came out too late, so the frame counts for nothing: it neither
    /// wipes out a hit nor ends a STOP. A STOP that it confirmed, or a reset that it made void, stays.
    pub(super) fn take_back(&mut self, before: Before) {
        if self.state == State::Stop && self.window.ends_with_hit() {
            return;
        }
        self.window = before.window;
        if before.state == State::Stop && self.state != State::Stop {
            self.state = State::Stop;
            self.reset = before.reset;
        }
    }
}

/// Whether an accepted reset is void with it: no frame came, or none was to be judged.
fn ends_reset(reason: &Reason) -> bool {
    match reason {
        Reason::Missing { .. } | Reason::ClockStepped { .. } => true,
        Reason::Failed { failure } => matches!(
            failure,
            Failure::Source | Failure::Panicked | Failure::Disabled
        ),
        _ => false,
    }
}

/// Whether there is no frame that was judged.
fn is_unjudged(reason: &Reason) -> bool {
    match reason {
        Reason::Refused { .. } => true,
        Reason::Failed { failure } => !matches!(failure, Failure::Overdue | Failure::Output),
        reason => ends_reset(reason),
    }
}
