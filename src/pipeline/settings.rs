use super::SettingsError;
use crate::decide::{SupervisorConfig, Trapezoid};
use crate::engine::Mode;
use crate::model::{Manifest, ThresholdAt};
use crate::schedule::AdmissionConfig;
use crate::score::ScoreKind;

/// Which score is compared with which threshold.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Judge {
    /// Which score.
    pub score: ScoreKind,
    /// Anomalous where the score is above; 0..=1.
    pub threshold: f32,
}

/// A judge for every mode that may run. Thresholds are not shared: scores spread differently at
/// another resolution.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Judges([Option<Judge>; Mode::ALL.len()]);

impl Judges {
    /// One mode.
    pub fn one(mode: Mode, judge: Judge) -> Self {
        let mut judges = Self::default();
        judges.0[mode.index()] = Some(judge);
        judges
    }

    /// Every mode that the bundle has a calibrated threshold for: `score` where the mode can give
    /// it, `fallback` (a score of the logits) in the modes without the observer.
    pub fn calibrated(
        manifest: &Manifest,
        score: ScoreKind,
        fallback: ScoreKind,
        at: ThresholdAt,
    ) -> Self {
        let mut judges = Self::default();
        for mode in Mode::ALL {
            let score = match mode.observer {
                true if !score.needs_observer() => continue, // the observer would run for nothing
                true => score,
                false if score.needs_observer() => fallback,
                false => score,
            };
            let threshold = manifest.threshold(score, mode.name(), at);
            judges.0[mode.index()] = threshold.map(|threshold| Judge { score, threshold });
        }
        judges
    }

    /// The same with another threshold wherever that score is compared.
    #[must_use]
    pub fn with_threshold(mut self, score: ScoreKind, threshold: f32) -> Self {
        for judge in self.0.iter_mut().flatten().filter(|j| j.score == score) {
            judge.threshold = threshold;
        }
        self
    }

    /// The judge of a mode.
    pub fn of(&self, mode: Mode) -> Option<Judge> {
        self.0[mode.index()]
    }

    /// The modes that have one, the best first.
    pub fn modes(&self) -> impl Iterator<Item = Mode> + '_ {
        Mode::ALL
            .into_iter()
            .filter(|&mode| self.of(mode).is_some())
    }
}

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
    /// Where anomalies matter.
    pub corridor: Trapezoid,
    /// When to warn and to stop.
    pub supervisor: SupervisorConfig,
}

impl Settings {
    /// Twelve pixels of a score map of 120x88.
    pub const MIN_REGION_PPM: u32 = 1130;

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
        let mut settings = Self::new(Schedule::Deadline(admission), judges);
        settings.supervisor.max_age_ms = admission.deadline_ms;
        settings.supervisor.stale_after_ms = settings
            .supervisor
            .stale_after_ms
            .max(admission.deadline_ms);
        settings
    }

    fn new(schedule: Schedule, judges: Judges) -> Self {
        Self {
            schedule,
            judges,
            min_region_ppm: Self::MIN_REGION_PPM,
            corridor: Trapezoid::default(),
            supervisor: SupervisorConfig::default(),
        }
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
