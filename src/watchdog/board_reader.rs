use std::time::Duration;

use super::board::{Notes, Posted, is_clear};
use super::flag_word::FlagState;
use super::text::clipped;
use super::{Board, Cause, TripKind};
use crate::decide::Verdict;

/// What somebody has seen of a board: own copies of the details, which are kept where newer ones
/// cannot be had. It never waits for a lock: whoever holds it may be a pipeline that was preempted or
/// that hangs, and that is when the flag matters.
#[derive(Debug, Default)]
pub struct BoardReader {
    posted: Option<Posted>,
    notes: Notes,
}

/// A board at one moment.
#[derive(Clone, Debug)]
pub struct Snapshot {
    /// When, on the board's clock.
    pub at: Duration,
    /// The flag: true means that the vehicle must not go on.
    pub safe_stop: bool,
    /// Why the flag is what it is.
    pub cause: Cause,
    pub(super) state: FlagState,
    pub(super) posted: Option<Posted>,
}

impl Snapshot {
    /// The last verdict that was posted, whether it still counts or not.
    pub fn verdict(&self) -> Option<Verdict> {
        self.posted.map(|posted| posted.verdict)
    }
}

impl BoardReader {
    /// The flag, and why it is what it is.
    pub fn read(&mut self, board: &Board) -> Snapshot {
        // The word before the time, as in `Board::flag`, and before the details, which a post or a
        // trip writes after it.
        let state = board.word.state();
        let at = board.now();
        if let Some(posted) = board.posted() {
            self.posted = *posted;
        }
        if let Some(notes) = board.notes() {
            self.notes.clone_from(&notes);
        }
        Snapshot {
            at,
            state,
            safe_stop: !state.is_clear(at),
            cause: self.cause(board, state, at),
            posted: self.posted,
        }
    }

    fn cause(&self, board: &Board, state: FlagState, now: Duration) -> Cause {
        match state {
            FlagState::Waiting => Cause::NoVerdictYet,
            FlagState::Repaired => Cause::Repaired,
            FlagState::Closed => Cause::Stopped,
            FlagState::Raised => self.verdict(false),
            FlagState::ClearUntil(_) if state.is_clear(now) => self.verdict(true),
            // posts of ticks do not count: they say nothing newer of the road
            FlagState::ClearUntil(until) => {
                let limit = board.stale_after();
                let over = now.saturating_sub(Duration::from_nanos(until));
                let age = limit.saturating_add(over);
                Cause::Stale { age, limit }
            }
            FlagState::Latched { .. } => self.trip(state),
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

    /// A panic goes before a request.
    fn trip(&self, state: FlagState) -> Cause {
        let Notes {
            thread,
            panic,
            disabled,
            ..
        } = &self.notes;
        match state.latched(TripKind::Panic) {
            Some(_) if thread.is_empty() => Cause::Panic {
                thread: clipped("(unknown)"),
                message: clipped("(its message could not be read)"),
            },
            Some(_) => Cause::Panic {
                thread: thread.clone(),
                message: panic.clone(),
            },
            None => Cause::Disabled {
                message: disabled.clone(),
            },
        }
    }
}
