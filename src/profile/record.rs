//! What is known of one frame when its verdict is published.

use super::StageTimes;
use crate::decide::Verdict;
use crate::score::ScoreStats;
use std::time::Duration;

/// One frame of a run. Small and `Copy`: made on the frame path without allocating.
#[derive(Clone, Copy, Debug)]
pub struct FrameRecord {
    /// Number of the frame in its source, from 0.
    pub index: u64,
    /// The supervisor's word on it: capture stamp, state, reason, anomalous pixels.
    pub verdict: Verdict,
    /// How the engine ran, such as `full+observer`.
    pub mode: &'static str,
    /// Time of each stage that ran.
    pub stages: StageTimes,
    /// Time of the whole frame, from having its bytes to having its verdict out.
    pub latency: Duration,
    /// Age at publication on the clock of the capture stamps; `None` where that clock does not
    /// run, as in a replay as fast as possible.
    pub age: Option<Duration>,
    /// Its scores; `None` when the frame failed and has no score map.
    pub score: Option<ScoreStats>,
}
