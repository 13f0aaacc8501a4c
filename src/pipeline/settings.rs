use serde::Deserialize;

use super::SettingsError;
use crate::decide::{StopLevel, StopLevelError, StoppingConfig, SupervisorConfig, Trapezoid};
use crate::engine::{Judge, Judges, Mode};
use crate::model::{Manifest, ThresholdAt};
use crate::schedule::AdmissionConfig;
use crate::score::ScoreKind;

/// Which mode a frame runs in.
#[derive(Clone, Copy, Debug)]
pub enum Schedule {
    /// Always the same; nothing is refused. For recordings that are handled as fast as possible,
    /// where there is no deadline.
    Fixed(Mode),
    /// The best that is predicted to be in time.
    Deadline(AdmissionConfig),
}

/// How frames are judged.
#[derive(Clone, Debug)]
pub struct Settings {
    /// Which mode a frame runs in.
    pub schedule: Schedule,
    /// Score and threshold of every mode that may run.
    pub judges: Judges,
    /// Regions smaller than this share of the score map, in parts per million, are specks and do
    /// not count.
    pub min_region_ppm: u32,
    /// Where anomalies matter while the camera is not known.
    pub corridor: Trapezoid,
    /// How wide the vehicle is, and how it stops.
    pub vehicle: StoppingConfig,
    /// When to warn and to stop.
    pub supervisor: SupervisorConfig,
    /// The least mode that counts as watching, or the best that may run where that is less.
    pub least_mode: Mode,
    /// Where the evidence of tracks decides about a stop, from when on; empty where the area in the
    /// corridor does.
    pub stop_levels: StopLevels,
}

/// The stop levels of the modes that have one.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct StopLevels {
    levels: [Option<StopLevel>; Mode::COUNT],
    promise: String,
}

impl StopLevels {
    /// None yet; what they will promise, in words.
    pub fn promising(promise: String) -> Self {
        Self {
            promise,
            ..Self::default()
        }
    }

    /// What they promise, in words; empty when no mode has a level.
    pub fn promise(&self) -> &str {
        &self.promise
    }

    /// With that of a mode, in place of what it had.
    pub fn with(mut self, mode: Mode, level: StopLevel) -> Self {
        self.levels[mode.index()] = Some(level);
        self
    }

    /// That of a mode.
    pub fn of(&self, mode: Mode) -> Option<&StopLevel> {
        self.levels[mode.index()].as_ref()
    }

    /// Whether no mode has one.
    pub fn is_empty(&self) -> bool {
        self.levels.iter().all(Option::is_none)
    }
}

/// What somebody sets in place of the defaults; what is missing stays at them.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct PartialSettings {
    /// The least mode that counts as watching.
    pub least_mode: Option<Mode>,
    /// When to warn and to stop.
    pub supervisor: Option<SupervisorConfig>,
    /// Where anomalies matter while the camera is not known; the bundle's own corridor where this is
    /// missing.
    pub corridor: Option<Trapezoid>,
    /// How wide the vehicle is, and how it stops.
    pub vehicle: Option<StoppingConfig>,
    /// Deadline and modes, where there is a deadline.
    pub admission: Option<AdmissionConfig>,
}

impl Settings {
    /// Twelve pixels of a score map of 120x88.
    pub const MIN_REGION_PPM: u32 = 1130;
    /// A mode without the observer finds a tenth of the anomalies.
    pub const LEAST_MODE: Mode = Mode::REDUCED;

    /// One mode for every frame; corridor and supervisor at their defaults.
    pub fn fixed(mode: Mode, judge: Judge) -> Self {
        Self::new(Schedule::Fixed(mode), Judges::one(mode, judge))
    }

    /// One mode for every frame, with the bundle's calibrated threshold. `None` where it has none
    /// of that score in that mode.
    pub fn calibrated(
        manifest: &Manifest,
        mode: Mode,
        score: ScoreKind,
        at: ThresholdAt,
    ) -> Option<Self> {
        let threshold = manifest.threshold(score, mode.name(), at)?;
        Some(Self::fixed(mode, Judge { score, threshold }))
    }

    /// The best mode that is in time; corridor and supervisor at their defaults, but for the age
    /// at which a result is late, which is the deadline.
    pub fn deadline(admission: AdmissionConfig, judges: Judges) -> Self {
        Self::new(Schedule::Deadline(admission), judges).held_to_deadline()
    }

    /// With what is `set`, and otherwise with the bundle's corridor where it has one.
    pub fn with(mut self, set: &PartialSettings, manifest: &Manifest) -> Self {
        if let (Schedule::Deadline(admission), Some(new)) = (&mut self.schedule, set.admission) {
            *admission = new;
        }
        self.supervisor = set.supervisor.unwrap_or(self.supervisor);
        self.least_mode = set.least_mode.unwrap_or(self.least_mode);
        let corridor = set.corridor.or(manifest.corridor);
        self.corridor = corridor.unwrap_or(self.corridor);
        self.vehicle = set.vehicle.unwrap_or(self.vehicle);
        self.held_to_deadline()
    }

    /// There is one deadline: the admission plans with it, and the supervisor holds verdicts to it.
    fn held_to_deadline(mut self) -> Self {
        if let Schedule::Deadline(AdmissionConfig { deadline_ms, .. }) = self.schedule {
            let supervisor = &mut self.supervisor;
            supervisor.max_age_ms = deadline_ms;
            supervisor.stale_after_ms = supervisor.stale_after_ms.max(deadline_ms);
        }
        self
    }

    fn new(schedule: Schedule, judges: Judges) -> Self {
        Self {
            schedule,
            judges,
            min_region_ppm: Self::MIN_REGION_PPM,
            corridor: Trapezoid::default(),
            vehicle: StoppingConfig::default(),
            supervisor: SupervisorConfig::default(),
            least_mode: Self::LEAST_MODE,
            stop_levels: StopLevels::default(),
        }
    }

    /// Checks the stop levels.
    ///
    /// # Errors
    /// One that cannot be.
    pub(super) fn check_stop_levels(&self) -> Result<(), StopLevelError> {
        let mut levels = self.stop_levels.levels.iter().flatten();
        levels.try_for_each(StopLevel::validate)
    }

    /// Whether a mode counts as watching. The mode that was asked for always does. Where there are stop
    /// levels, one without does not: evidence and areas are not mixed.
    pub fn is_watching(&self, mode: Mode) -> bool {
        let best = self.best_mode().map_or(0, Mode::index);
        let has_level = self.stop_levels.is_empty() || self.stop_levels.of(mode).is_some();
        mode.index() == best || has_level && mode.index() <= best.max(self.least_mode.index())
    }

    /// The best mode that may run.
    ///
    /// # Errors
    /// A fixed mode without a judge, or no judge at all.
    pub fn best_mode(&self) -> Result<Mode, SettingsError> {
        match self.schedule {
            Schedule::Fixed(mode) => self
                .judges
                .of(mode)
                .map(|_| mode)
                .ok_or(SettingsError::NoJudge { mode }),
            Schedule::Deadline(_) => self.judges.modes().next().ok_or(SettingsError::NoMode),
        }
    }
}
