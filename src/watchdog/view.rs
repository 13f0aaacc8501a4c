use std::time::Duration;

use super::board::{Notes, Posted, is_clear};
use super::heart::Pulse;
use super::text::clipped;
use super::{Board, Cause, TripKind};

/// What the watchdog has seen of a board: its own copies of the details, which it keeps when it
/// cannot have newer ones. It must never wait for a lock: whoever holds it may be a pipeline that
/// was preempted or that hangs, and that is when the flag matters.
#[derive(Default)]
pub(super) struct View {
    posted: Option<Posted>,
    notes: Notes,
}

/// A board at one moment.
pub(super) struct Look {
    pub(super) at: Duration,
    pub(super) pulse: Pulse,
    pub(super) safe_stop: bool,
    pub(super) cause: Cause,
    pub(super) posted: Option<Posted>,
}

impl View {
    pub(super) fn look(&mut self, board: &Board) -> Look {
        // The word before the time, as in `Board::flag`, and before the details, which a post or a
        // trip writes after it.
        let pulse = board.heart.pulse();
        let at = board.now();
        if let Some(posted) = board.posted() {
            self.posted = *posted;
        }
        if let Some(notes) = board.notes() {
            self.notes.clone_from(&notes);
        }
        Look {
            at,
            pulse,
            safe_stop: !pulse.is_clear(at),
            cause: self.cause(board, pulse, at),
            posted: self.posted,
        }
    }

    fn cause(&self, board: &Board, pulse: Pulse, now: Duration) -> Cause {
        match pulse {
            Pulse::Waiting => Cause::NoVerdictYet,
            Pulse::Repaired => Cause::Repaired,
            Pulse::Closed => Cause::Stopped,
            Pulse::Raised => self.verdict(false),
            Pulse::ClearUntil(_) if pulse.is_clear(now) => self.verdict(true),
            Pulse::ClearUntil(until) => Cause::Stale {
                since: Duration::from_nanos(until),
                limit: board.stale_after(),
            },
            Pulse::Latched { .. } => self.trip(pulse),
        }
    }

    /// Only a verdict that says what the flag says explains it.
    fn verdict(&self, clear: bool) -> Cause {
        match self.posted {
            Some(posted) if is_clear(&posted.verdict) == clear => {
                Cause::Verdict(posted.verdict.reason)
            }
            _ => Cause::DetailsBusy,
        }
    }

    /// A panic goes before an output failure, which may be its consequence.
    fn trip(&self, pulse: Pulse) -> Cause {
        let unread = "(its message could not be read)";
        let Notes { panic, output } = &self.notes;
        match pulse.latched(TripKind::Panic) {
            Some(number) if number == panic.number => Cause::Panic {
                thread: panic.thread.clone(),
                message: panic.message.clone(),
            },
            Some(_) => Cause::Panic {
                thread: clipped("(unknown)"),
                message: clipped(unread),
            },
            None if pulse.latched(TripKind::Output) == Some(output.number) => Cause::Output {
                message: output.message.clone(),
            },
            None => Cause::Output {
                message: clipped(unread),
            },
        }
    }
}
