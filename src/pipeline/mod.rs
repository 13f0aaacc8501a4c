//! Where the parts are joined: a frame goes in, a verdict comes out.
//!
//! A [`Pipeline`] owns an engine and every buffer that a frame needs. It knows no files, topics or
//! threads. Whoever has frames asks it frame by frame:
//!
//! 1. [`admit`](Pipeline::admit): in which mode is it run, if at all?
//! 2. [`process`](Pipeline::process): the frame's verdict. Between the two networks it asks the
//!    admission again.
//! 3. [`published`](Pipeline::published): how long all of it took, so that the next one is planned
//!    better.
//!
//! Whoever has none calls [`fail`](Pipeline::fail) or [`tick`](Pipeline::tick). All of them give a
//! [`Verdict`]. A panic inside the engine is caught: the frame is a FAULT, the supervisor and its
//! latch live on, and [`repair`](Pipeline::repair) opens the engine again.
//!
//! [`FrameHandler::run`] does all of it for a camera message, and holds the verdict to its deadline.
//! [`FrameHandler::assemble`] puts one together.

mod assembly;
mod frame_failure;
mod handler;
mod judged;
mod outcome;
mod settings;
mod surroundings;
mod work;

use std::time::{Duration, Instant};

pub use crate::engine::{Asked, Choice, GivenThresholds, Judge, Judges};
pub use assembly::{AssemblyError, watch};
pub use frame_failure::FrameFailure;
pub use handler::{FrameHandler, Live, Sink};
pub use judged::Judged;
pub use outcome::{FrameTimes, Outcome, PipelineError, SettingsError};
pub use settings::{PartialSettings, Schedule, Settings, StopLevels, Threshold};
pub use surroundings::{NoGround, Surroundings};

use work::{Observed, Work, perceive};

use crate::decide::{
    AnomalyMask, Event, Failure, Ground, GroundCorridor, GroundError, Motion, Reason, Regions,
    Sightings, Supervisor, Track, Verdict,
};
use crate::engine::{Engine, EngineError, Mode, Perception, Upload};
use crate::frame::{Frame, RawImage};
use crate::schedule::{Admission, Admit};
use crate::score::ScoreMap;
use crate::stages::StageTimes;
use crate::time::{Clock, Stamp, SteppedClock};
use crate::watchdog::{Contained, LatchedTrip, contain};

/// Opens the engine again after a panic.
pub type OpenEngine = Box<dyn FnMut() -> Result<Box<dyn Engine>, EngineError> + Send>;

/// From frames to verdicts.
pub struct Pipeline {
    /// None between a panic and its repair.
    engine: Option<Box<dyn Engine>>,
    /// The panics that took it.
    panics: Option<LatchedTrip>,
    name: &'static str,
    description: String,
    settings: Settings,
    /// The settings' corridor, with what is known of ground and speed now.
    corridor: GroundCorridor,
    admission: Option<Admission>,
    work: Work,
    supervisor: Supervisor,
}

impl Pipeline {
    /// Around an engine.
    ///
    /// # Errors
    /// A setting out of its range; no score and threshold for a mode that is to run.
    pub fn new(mut engine: Box<dyn Engine>, settings: Settings) -> Result<Self, SettingsError> {
        settings.best_mode()?;
        settings.vehicle.validate()?;
        settings.check_stop_levels()?;
        engine.set_judges(settings.judges);
        let admission = match settings.schedule {
            Schedule::Fixed(_) => None,
            Schedule::Deadline(mut config) => {
                let judged = |mode: &Mode| settings.judges.of(*mode).is_some();
                config.modes = config.modes.iter().filter(judged).collect();
                Some(Admission::new(config)?)
            }
        };
        Ok(Self {
            name: engine.name(),
            description: engine.description(),
            engine: Some(engine),
            panics: None,
            admission,
            work: Work::default(),
            supervisor: Supervisor::new(settings.supervisor)?,
            corridor: GroundCorridor::new(settings.corridor, settings.vehicle.way_width_m()),
            settings,
        })
    }

    /// Takes the times of a dry run of a mode, before the first frame.
    pub fn warm_up(&mut self, mode: Mode, stages: &StageTimes) {
        if let Some(admission) = &mut self.admission {
            admission.warm_up(mode, stages);
        }
    }

    /// Whether and how the frame that was captured at `stamp` is run. The verdict on a frame that
    /// is refused is FAULT.
    ///
    /// # Errors
    /// That verdict.
    pub fn admit(&mut self, stamp: Stamp, clock: &dyn Clock) -> Result<Mode, Verdict> {
        let admission = match (&mut self.admission, self.settings.schedule) {
            (Some(admission), _) => admission,
            (None, Schedule::Fixed(mode)) => return Ok(mode),
            // an admission is made for every schedule with a deadline
            (None, Schedule::Deadline(_)) => return Ok(Mode::FULL),
        };
        let now = clock.present();
        match admission.admit(now.stamp.saturating_since(stamp)) {
            Admit::Run { mode, .. } => Ok(mode),
            Admit::Refuse { slack, needed } => {
                self.work.map.resize(0, 0);
                let event = Event::Missed {
                    capture_stamp: stamp,
                    slack_ms: whole_ms(slack),
                    needed_ms: needed.map_or(u64::MAX, |time| whole_ms(time).unsigned_abs()),
                };
                Err(self.supervisor.step(event, now))
            }
        }
    }

    /// Works on a frame in a mode without judging it: a dry run, for its times.
    ///
    /// # Errors
    /// As in [`Outcome::error`].
    pub fn rehearse(&mut self, frame: &Frame, mode: Mode) -> Result<FrameTimes, PipelineError> {
        let mut times = FrameTimes::default();
        let mut ran = mode;
        // nobody may choose another mode meanwhile
        let admission = self.admission.take();
        let observed = self.observe(frame, &mut ran, &mut times, &SteppedClock::default());
        self.admission = admission;
        // what is shown in a dry run stands nowhere
        self.work.forget_tracks();
        observed.map(|_| times)
    }

    /// Hands over a camera's bytes before they are decoded, to an engine that takes them: see
    /// [`Engine::stage`]. A failure is told when the frame is processed.
    pub fn stage(&mut self, image: Option<&RawImage<'_>>) {
        if let Some(engine) = &mut self.engine {
            // as in `observe`: a broken engine must not take the supervisor with it
            match contain(|| engine.stage(image)) {
                Ok(Ok(_)) => {}
                Ok(Err(e)) => log::debug!("a frame is not sent ahead: {e}"),
                Err(panic) => {
                    self.lose_engine(panic);
                }
            }
        }
    }

    /// For the thread that takes camera messages: see [`Engine::uploader`]. To be asked for again after
    /// a [`repair`](Self::repair).
    pub fn uploader(&self) -> Option<Box<dyn Upload>> {
        self.engine.as_ref()?.uploader()
    }

    /// Judges a frame in a mode. `clock` is that of the capture stamps.
    pub fn process(&mut self, frame: &Frame, mode: Mode, clock: &dyn Clock) -> Outcome {
        let began = Instant::now();
        let mut times = FrameTimes::default();
        let mut ran = mode;
        let (verdict, stats, error) = match self.observe(frame, &mut ran, &mut times, clock) {
            Ok(Observed { observation, stats }) => {
                let deciding = Instant::now();
                let event = Event::Frame(observation);
                let verdict = self.supervisor.step(event, clock.present());
                self.settle_tracks();
                times.decide += deciding.elapsed();
                (verdict, Some(stats), None)
            }
            Err(error) => {
                let verdict = self.fail(Some(frame.stamp()), error.failure(), clock);
                (verdict, None, Some(error))
            }
        };
        times.total = began.elapsed();
        Outcome {
            verdict,
            mode: ran,
            stats,
            times,
            error,
        }
    }

    /// Takes the times of a frame whose verdict is out, publication included, and its age then.
    pub fn published(&mut self, outcome: &Outcome, stages: &StageTimes, age: Duration) {
        if let (Some(admission), None) = (&mut self.admission, &outcome.error) {
            admission.done(outcome.mode, stages, age);
        }
    }

    /// A verdict that was in time when it was made came out too late: takes it back.
    pub fn overdue(&mut self, stamp: Stamp, clock: &dyn Clock) -> Verdict {
        let event = Event::Failed {
            capture_stamp: Some(stamp),
            failure: Failure::Overdue,
        };
        self.work.came_late(&self.settings.stop_levels);
        self.supervisor.step(event, clock.present())
    }

    /// What a frame that cannot be relied on did to the tracks.
    fn settle_tracks(&mut self) {
        match self.supervisor.frame_fault() {
            None => {}
            Some(Reason::Late { .. }) => self.work.came_late(&self.settings.stop_levels),
            Some(_) => self.work.take_back(),
        }
    }

    /// A frame that did not come to be, a source that is lost, a result that could not be handed
    /// out.
    pub fn fail(&mut self, stamp: Option<Stamp>, failure: Failure, clock: &dyn Clock) -> Verdict {
        self.work.map.resize(0, 0);
        let event = Event::Failed {
            capture_stamp: stamp,
            failure,
        };
        self.supervisor.step(event, clock.present())
    }

    /// Time passed without a frame.
    pub fn tick(&mut self, clock: &dyn Clock) -> Verdict {
        self.supervisor.step(Event::Tick, clock.present())
    }

    /// Somebody entitled to it says that a STOP may end.
    pub fn reset(&mut self, clock: &dyn Clock) -> Verdict {
        self.supervisor.step(Event::Reset, clock.present())
    }

    /// Opens the engine again where a panic took it. Gives the panics, to be acknowledged to the board
    /// that they tripped.
    ///
    /// # Errors
    /// As `open`; there is no engine then, and every frame is a FAULT.
    pub fn repair(&mut self, open: &mut OpenEngine) -> Result<Option<LatchedTrip>, EngineError> {
        let mut engine = open()?;
        engine.set_judges(self.settings.judges);
        self.engine = Some(engine);
        Ok(self.panics.take())
    }

    /// Whether a panic took the engine.
    pub fn needs_repair(&self) -> bool {
        self.engine.is_none()
    }

    fn observe(
        &mut self,
        frame: &Frame,
        mode: &mut Mode,
        times: &mut FrameTimes,
        clock: &dyn Clock,
    ) -> Result<Observed, PipelineError> {
        let engine = self.engine.as_mut().ok_or(PipelineError::NoEngine)?;
        let (settings, admission, work) = (&self.settings, &mut self.admission, &mut self.work);
        let corridor = &mut self.corridor;
        // the engine is thrown away after a panic, and `work` is overwritten by the next frame
        let caught = contain(|| {
            perceive(engine.as_mut(), frame, mode, admission, clock)?;
            let judged = (*mode, settings, corridor);
            work.observe(engine.perception(), frame, judged, times)
        });
        caught.unwrap_or_else(|panic| {
            let message = self.lose_engine(panic);
            Err(PipelineError::Panicked { message })
        })
    }

    /// A panic in the engine, or in what works beside it on the same device: it is not used again.
    /// What the panic said.
    pub fn lose_engine(&mut self, panic: Contained) -> String {
        // what a broken engine does when it is dropped is its own affair
        let engine = self.engine.take();
        let dropped = contain(move || drop(engine)).err();
        for trip in [panic.trip, dropped.and_then(|second| second.trip)] {
            self.panics = match (self.panics.take(), trip) {
                (Some(before), Some(trip)) => Some(before.and(trip)),
                (before, trip) => before.or(trip),
            };
        }
        panic.message
    }

    /// From the next frame on these scores and thresholds. A mode has a judge after it if it had one
    /// before.
    pub fn set_judges(&mut self, judges: Judges) {
        let same = Mode::ALL
            .into_iter()
            .all(|mode| judges.of(mode).is_some() == self.settings.judges.of(mode).is_some());
        if same {
            self.settings.judges = judges;
            if let Some(engine) = &mut self.engine {
                engine.set_judges(judges);
            }
        }
    }

    /// What is known of the ground from the next frame on. A frame of another size than the ground
    /// was calibrated for is judged without it. Without a ground there are no distances, and the
    /// whole of the settings' corridor counts.
    ///
    /// # Errors
    /// As [`GroundCorridor::set_ground`]; there is no ground then.
    pub fn set_ground(&mut self, ground: Option<Ground>) -> Result<(), GroundError> {
        self.corridor.set_ground(ground)
    }

    /// How far from the camera something matters from the next frame on, in metres; needs a ground
    /// to hold. `None`, and whatever is negative or no finite number, is no limit: the whole of the
    /// settings' corridor counts.
    pub fn set_far_limit(&mut self, metres: Option<f32>) {
        self.corridor.set_far_limit(metres);
    }

    /// How fast the vehicle moves from the next frame on, in m/s, 0 where that is not known, and how its
    /// way bends, in 1/m, to the left positive; needs a ground to hold.
    pub fn set_way(&mut self, speed_mps: f32, to_the_left: f32) {
        self.corridor.set_curvature(to_the_left);
        self.work.motion.speed_mps = speed_mps;
        self.work.motion.curvature = to_the_left;
    }

    /// The corridor in force.
    pub fn corridor(&self) -> &GroundCorridor {
        &self.corridor
    }

    /// Settings in force.
    pub fn settings(&self) -> &Settings {
        &self.settings
    }

    /// The admission, where there is a deadline.
    pub fn admission(&self) -> Option<&Admission> {
        self.admission.as_ref()
    }

    /// Short name of the engine.
    pub fn engine_name(&self) -> &'static str {
        self.name
    }

    /// The engine in words.
    pub fn engine_description(&self) -> &str {
        &self.description
    }

    /// Score map of the last frame; empty where it failed.
    pub fn score_map(&self) -> &ScoreMap {
        &self.work.map
    }

    /// Mask of the last frame that did not fail.
    pub fn mask(&self) -> &AnomalyMask {
        &self.work.mask
    }

    /// Regions of the last frame that did not fail.
    pub fn regions(&self) -> &Regions {
        &self.work.regions
    }

    /// What the last frame showed of the ground; empty where the ground is not known.
    pub fn sightings(&self) -> &Sightings {
        &self.work.sightings
    }

    /// How the vehicle moved from the frame before to the last one.
    pub fn motion(&self) -> Motion {
        self.work.motion
    }

    /// Whether the picture of the last frame that did not fail is blurred.
    pub fn is_blurred(&self) -> bool {
        self.work.blurred
    }

    /// Why the last frame that was judged cannot be relied on; `None` where it can.
    pub fn frame_fault(&self) -> Option<Reason> {
        self.supervisor.frame_fault()
    }

    /// What is followed, after the last frame that a stop level was there for.
    pub fn tracks(&self) -> &[Track] {
        self.work.tracker.tracks()
    }

    /// What the networks made of the last frame.
    pub fn perception(&self) -> Option<&Perception> {
        self.engine.as_ref().map(|engine| engine.perception())
    }
}

fn whole_ms(time: Duration) -> i64 {
    i64::try_from(time.as_millis()).unwrap_or(i64::MAX)
}

impl std::fmt::Debug for Pipeline {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Pipeline")
            .field("engine", &self.description)
            .field("settings", &self.settings)
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod gpu_tests;
#[cfg(test)]
mod tests;
