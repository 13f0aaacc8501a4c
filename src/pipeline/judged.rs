//! What the handler says of a message.

use std::time::{Duration, Instant};

use super::{FrameFailure, Outcome};
use crate::decide::Verdict;
use crate::engine::GpuTimes;
use crate::score::ScoreStats;
use crate::stages::{FrameFate, Stage, StageTimes};
use crate::time::Stamp;

/// What was made of a message.
#[derive(Debug)]
pub struct Judged {
    /// The verdict, as it was handed out last.
    pub verdict: Verdict,
    /// What became of the frame.
    pub fate: FrameFate,
    /// Why there is nothing to see.
    pub error: Option<FrameFailure>,
    /// Where the engine ran, or tried to.
    pub outcome: Option<Outcome>,
    /// Capture stamp, where one could be read.
    pub stamp: Option<Stamp>,
    /// How old what was captured then was when the verdict was out; nothing before that.
    pub age: Option<Duration>,
    /// When decoding began.
    pub decode_at: Instant,
    /// When the frame was decoded.
    pub engine_at: Instant,
    /// When the verdict was there.
    pub publish_at: Instant,
}

impl Judged {
    /// Times of the stages that were passed, without publication. Of a frame that failed, nothing
    /// is worth timing.
    pub fn stages(&self) -> StageTimes {
        let whole = self.outcome.as_ref().filter(|o| o.error.is_none());
        let mut stages = whole.map_or_else(StageTimes::default, |outcome| outcome.times.stages());
        stages.add(Stage::Decode, self.engine_at - self.decode_at);
        stages
    }

    /// What the GPU took by its own clock, where there is one; within the stages, not beside them. Of a
    /// frame that failed, nothing is worth timing.
    pub fn gpu(&self) -> Option<GpuTimes> {
        let whole = self.outcome.as_ref().filter(|o| o.error.is_none())?;
        whole.times.engine.gpu
    }

    /// Name of the mode that the frame ran in.
    pub fn mode(&self) -> &'static str {
        match (&self.outcome, self.fate) {
            (Some(outcome), _) => outcome.mode.name(),
            (None, FrameFate::Refused) => "refused",
            (None, _) => "none",
        }
    }

    /// Whether mask and scores are those of this frame.
    pub fn is_shown(&self) -> bool {
        self.outcome.as_ref().is_some_and(|o| o.error.is_none())
    }

    /// Of the score map.
    pub fn score(&self) -> Option<ScoreStats> {
        self.outcome.as_ref()?.stats
    }
}
