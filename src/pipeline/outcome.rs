use std::time::Duration;

use thiserror::Error;

use crate::decide::{ConfigError, Failure, RegionError, StopLevelError, StoppingError, Verdict};
use crate::engine::{EngineError, EngineTimes, Mode};
use crate::schedule::AdmissionConfigError;
use crate::score::{ScoreError, ScoreStats};
use crate::stages::{Stage, StageTimes};

/// Why settings cannot be used.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum SettingsError {
    /// The supervisor refuses its settings.
    #[error(transparent)]
    Supervisor(#[from] ConfigError),
    /// The admission refuses its settings.
    #[error(transparent)]
    Admission(#[from] AdmissionConfigError),
    /// The vehicle is impossible.
    #[error(transparent)]
    Vehicle(#[from] StoppingError),
    /// A stop level cannot be.
    #[error(transparent)]
    StopLevel(#[from] StopLevelError),
    /// A mode has no score and no threshold.
    #[error("mode {mode} has no score and no threshold")]
    NoJudge {
        /// The mode.
        mode: Mode,
    },
    /// No mode has score and threshold.
    #[error("no mode has a score and a threshold{}", reasons(.left_out))]
    NoMode {
        /// Why, a sentence for each.
        left_out: Vec<String>,
    },
}

fn reasons(left_out: &[String]) -> String {
    left_out.iter().map(|why| format!("; {why}")).collect()
}

/// Why a frame got no observation; the verdict is FAULT then.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum PipelineError {
    /// The engine.
    #[error(transparent)]
    Engine(#[from] EngineError),
    /// The score.
    #[error(transparent)]
    Score(#[from] ScoreError),
    /// The regions.
    #[error(transparent)]
    Regions(#[from] RegionError),
    /// The engine gave no logits.
    #[error("the engine gave no logits")]
    NoLogits,
    /// The mode has no score and threshold.
    #[error("mode {mode} has no score and no threshold")]
    NoJudge {
        /// The mode.
        mode: Mode,
    },
    /// The engine, or what works on its output, panicked. The engine is not used again.
    #[error("the engine panicked: {message}")]
    Panicked {
        /// What it said.
        message: String,
    },
    /// An earlier frame's panic took the engine, and it has not been opened again.
    #[error("the engine panicked and has not been opened again")]
    NoEngine,
}

impl PipelineError {
    /// The word for it in verdicts.
    pub fn failure(&self) -> Failure {
        match self {
            Self::Engine(_) | Self::NoEngine => Failure::Engine,
            Self::Panicked { .. } => Failure::Panicked,
            Self::Score(_) | Self::Regions(_) | Self::NoLogits | Self::NoJudge { .. } => {
                Failure::Score
            }
        }
    }
}

/// Where the time of one frame went, on a monotonic clock.
#[derive(Clone, Copy, Debug, Default)]
pub struct FrameTimes {
    /// Inside the engine.
    pub engine: EngineTimes,
    /// Score map.
    pub score: Duration,
    /// Picture quality, mask, regions and supervisor.
    pub decide: Duration,
    /// From the frame to the verdict.
    pub total: Duration,
}

impl FrameTimes {
    /// As stages; those around the pipeline (decode, publish) are missing. The GPU's own times are not
    /// among them: they are within them.
    pub fn stages(&self) -> StageTimes {
        let mut stages = StageTimes::default();
        stages.add(Stage::Preprocess, self.engine.preprocess);
        stages.add(Stage::Segmentation, self.engine.segmentation);
        if !self.engine.observer.is_zero() {
            stages.add(Stage::Observer, self.engine.observer);
        }
        stages.add(Stage::Score, self.score);
        stages.add(Stage::Decide, self.decide);
        stages
    }
}

/// What became of a frame.
#[derive(Debug)]
pub struct Outcome {
    /// The verdict.
    pub verdict: Verdict,
    /// The mode that the frame ran in to its end.
    pub mode: Mode,
    /// Score statistics; `None` where there is no score map.
    pub stats: Option<ScoreStats>,
    /// Where the time went.
    pub times: FrameTimes,
    /// Why there is no observation.
    pub error: Option<PipelineError>,
}
