//! The end of a STOP.

use super::FrameHandler;
use crate::decide::{Failure, Reason, Verdict};
use crate::time::{Clock, Stamp};

impl FrameHandler {
    /// Capture stamp of the frame that confirmed the STOP, in STOP.
    pub fn stopped_at(&self) -> Option<Stamp> {
        self.pipeline.supervisor.stopped_at()
    }

    /// Begins in the STOP that a handler before this one left: a reset ends it, and nothing else.
    pub fn keep_stop(&mut self, since: Stamp) {
        self.pipeline.supervisor.keep_stop(since);
    }

    /// Somebody entitled to it says that a STOP may end. Accepted where the reason of the verdict is
    /// [`Reason::ResetPending`], refused and forgotten otherwise.
    pub fn reset(&mut self, clock: &dyn Clock) -> Verdict {
        let mut verdict = self.pipeline.reset(clock);
        // the clock of the stamps may stand still, and the supervisor knows no other
        if matches!(verdict.reason, Reason::ResetPending { .. }) && self.is_silent() {
            verdict = self.pipeline.fail(None, Failure::Source, clock);
        }
        self.announce_alone(verdict, clock)
    }

    /// Whether the last verdict on a frame is stale by the machine's clock.
    fn is_silent(&self) -> bool {
        let live = self.live.as_ref().filter(|live| live.machine_ages);
        live.zip(self.posted).is_some_and(|(live, (at, _))| {
            live.board.now().saturating_sub(at) > live.board.stale_after()
        })
    }
}
