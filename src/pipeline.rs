//! Where the parts are joined: a frame goes in, a verdict comes out.
//!
//! A [`Pipeline`] owns an engine and every buffer that a frame needs. It knows no files, topics or
//! threads: whoever has frames calls [`Pipeline::process`], whoever could not get one calls
//! [`Pipeline::fail`], and both get a [`Verdict`].

use std::time::{Duration, Instant};

use thiserror::Error;

use crate::decide::{
    AnomalyMask, ConfigError, Event, Failure, Observation, RegionError, RegionFinder, Regions,
    Supervisor, SupervisorConfig, Trapezoid, Verdict, threshold,
};
use crate::engine::{Engine, EngineError, EngineTimes, Mode, Perception};
use crate::frame::Frame;
use crate::model::{Manifest, ThresholdAt};
use crate::score::{ScoreError, ScoreKind, ScoreMap, ScoreStats, score};
use crate::time::{Clock, Stamp};

/// How frames are judged.
#[derive(Clone, Debug)]
pub struct Settings {
    /// How the engine runs.
    pub mode: Mode,
    /// Which score.
    pub score: ScoreKind,
    /// Anomalous where the score is above; 0..=1.
    pub threshold: f32,
    /// Regions smaller than this, in pixels of the score map, are specks and do not count.
    pub min_region: u32,
    /// Where anomalies matter.
    pub corridor: Trapezoid,
    /// When to warn and to stop.
    pub supervisor: SupervisorConfig,
}

impl Settings {
    /// The mode with the bundle's calibrated threshold; corridor and supervisor at their defaults.
    /// `None` where the bundle has no threshold of that score in that mode.
    pub fn calibrated(
        manifest: &Manifest,
        mode: Mode,
        score: ScoreKind,
        at: ThresholdAt,
    ) -> Option<Self> {
        let threshold = manifest.threshold(score, mode.name(), at)?;
        Some(Self::with_threshold(mode, score, threshold))
    }

    /// With a threshold from elsewhere; corridor and supervisor at their defaults.
    pub fn with_threshold(mode: Mode, score: ScoreKind, threshold: f32) -> Self {
        Self {
            mode,
            score,
            threshold,
            min_region: 12,
            corridor: Trapezoid::default(),
            supervisor: SupervisorConfig::default(),
        }
    }
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
}

/// Where the time of one frame went, on a monotonic clock.
#[derive(Clone, Copy, Debug, Default)]
pub struct FrameTimes {
    /// Inside the engine.
    pub engine: EngineTimes,
    /// Score map.
    pub score: Duration,
    /// Mask, regions and supervisor.
    pub decide: Duration,
    /// From the frame to the verdict.
    pub total: Duration,
}

/// What became of a frame.
#[derive(Debug)]
pub struct Outcome {
    /// The verdict.
    pub verdict: Verdict,
    /// Score statistics; `None` where there is no score map.
    pub stats: Option<ScoreStats>,
    /// Where the time went.
    pub times: FrameTimes,
    /// Why there is no observation.
    pub error: Option<PipelineError>,
}

/// From frames to verdicts.
pub struct Pipeline {
    engine: Box<dyn Engine>,
    settings: Settings,
    map: ScoreMap,
    mask: AnomalyMask,
    finder: RegionFinder,
    regions: Regions,
    supervisor: Supervisor,
}

impl Pipeline {
    /// Around an engine.
    ///
    /// # Errors
    /// A supervisor setting out of its range.
    pub fn new(engine: Box<dyn Engine>, settings: Settings) -> Result<Self, ConfigError> {
        Ok(Self {
            engine,
            map: ScoreMap::default(),
            mask: AnomalyMask::default(),
            finder: RegionFinder::new(settings.min_region),
            regions: Regions::default(),
            supervisor: Supervisor::new(settings.supervisor)?,
            settings,
        })
    }

    /// Judges a frame. `clock` is that of the capture stamps; it is read when the supervisor
    /// decides.
    pub fn process(&mut self, frame: &Frame, clock: &dyn Clock) -> Outcome {
        let began = Instant::now();
        let mut times = FrameTimes::default();
        match self.observe(frame, &mut times) {
            Ok((observation, stats)) => {
                let deciding = Instant::now();
                let verdict = self.supervisor.step(Event::Frame(observation), clock.now());
                times.decide += deciding.elapsed();
                times.total = began.elapsed();
                Outcome {
                    verdict,
                    stats: Some(stats),
                    times,
                    error: None,
                }
            }
            Err(error) => {
                let failure = match &error {
                    PipelineError::Engine(_) => Failure::Engine,
                    _ => Failure::Score,
                };
                let verdict = self.fail(Some(frame.stamp()), failure, clock);
                times.total = began.elapsed();
                Outcome {
                    verdict,
                    stats: None,
                    times,
                    error: Some(error),
                }
            }
        }
    }

    /// A frame that did not come to be, or a source that is lost.
    pub fn fail(&mut self, stamp: Option<Stamp>, failure: Failure, clock: &dyn Clock) -> Verdict {
        self.map.resize(0, 0);
        self.supervisor.step(
            Event::Failed {
                capture_stamp: stamp,
                failure,
            },
            clock.now(),
        )
    }

    fn observe(
        &mut self,
        frame: &Frame,
        times: &mut FrameTimes,
    ) -> Result<(Observation, ScoreStats), PipelineError> {
        let perception = self.engine.run(frame, self.settings.mode)?;
        times.engine = perception.times();
        let scoring = Instant::now();
        let logits = perception.logits().ok_or(PipelineError::NoLogits)?;
        let stats = score(
            self.settings.score,
            logits,
            perception.observer(),
            &mut self.map,
        )?;
        let deciding = Instant::now();
        times.score = deciding - scoring;
        let masked = threshold(&self.map, self.settings.threshold, &mut self.mask);
        self.finder.find(
            &self.mask,
            &self.map,
            &self.settings.corridor,
            &mut self.regions,
        )?;
        let count = |n: usize| u32::try_from(n).unwrap_or(u32::MAX);
        let observation = Observation {
            capture_stamp: frame.stamp(),
            pixels: count(self.map.values().len()),
            non_finite: count(stats.non_finite),
            anomalous_pixels: count(masked.anomalous),
            corridor_pixels: self.regions.corridor_area,
            nearest: self.regions.nearest,
        };
        times.decide = deciding.elapsed();
        Ok((observation, stats))
    }

    /// Settings in force.
    pub fn settings(&self) -> &Settings {
        &self.settings
    }

    /// The engine.
    pub fn engine(&self) -> &dyn Engine {
        self.engine.as_ref()
    }

    /// Score map of the last frame; empty where it failed.
    pub fn score_map(&self) -> &ScoreMap {
        &self.map
    }

    /// Mask of the last frame that did not fail.
    pub fn mask(&self) -> &AnomalyMask {
        &self.mask
    }

    /// Regions of the last frame that did not fail.
    pub fn regions(&self) -> &Regions {
        &self.regions
    }

    /// Runs the engine alone, for whoever wants its raw output.
    ///
    /// # Errors
    /// As [`Engine::run`].
    pub fn perceive(&mut self, frame: &Frame) -> Result<&Perception, EngineError> {
        self.engine.run(frame, self.settings.mode)
    }
}

impl std::fmt::Debug for Pipeline {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Pipeline")
            .field("settings", &self.settings)
            .finish_non_exhaustive()
    }
}
