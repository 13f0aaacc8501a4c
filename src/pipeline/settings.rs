use std::collections::BTreeMap;
use std::fmt;
use std::str::FromStr;

use serde::Deserialize;

use super::SettingsError;
use crate::decide::{
    StopLevel, StopLevelError, StoppingConfig, SupervisorConfig, Trapezoid, Watch,
};
use crate::engine::{Choice, GivenThresholds, Judge, Judges, Mode};
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
    /// That the head that is asked for does not run, and which score stands in for it; empty where it runs, or
    /// nobody wants one.
    pub unobserved: String,
    /// Why modes of the bundle are left out, a sentence each.
    pub left_out: Vec<String>,
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
    /// Threshold of every mode that is judged by the score that is asked for, 0..=1.
    pub threshold: Option<Threshold>,
    /// Thresholds of single modes, whatever their score.
    pub thresholds: BTreeMap<Mode, Threshold>,
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

/// A threshold in 0..=1.
#[derive(Clone, Copy, Debug, PartialEq, Deserialize)]
#[serde(try_from = "f32")]
pub struct Threshold(f32);

impl TryFrom<f32> for Threshold {
    type Error = String;

    fn try_from(value: f32) -> Result<Self, String> {
        match (0.0..=1.0).contains(&value) {
            true => Ok(Self(value)),
            false => Err(format!("threshold {value} is not in 0..=1")),
        }
    }
}

impl fmt::Display for Threshold {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl FromStr for Threshold {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let value = text.parse::<f32>().ok();
        let threshold = value.and_then(|value| Self::try_from(value).ok());
        threshold.ok_or_else(|| format!("{text:?} is not a number in 0..=1"))
    }
}

impl PartialSettings {
    /// The thresholds in it.
    pub fn given(&self) -> GivenThresholds {
        let of = |mode: Mode| self.thresholds.get(&mode).map(|threshold| threshold.0);
        GivenThresholds {
            all: self.threshold.map(|threshold| threshold.0),
            modes: Mode::ALL.map(of),
        }
    }
}

impl Settings {
    /// Twelve pixels of a score map of 120x88.
    pub const MIN_REGION_PPM: u32 = 1130;
    /// A mode without the observer finds a tenth of the anomalies.
    pub const LEAST_MODE: Mode = Mode::FALLBACK;

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

    /// The best mode that is in time, of those that a choice has; otherwise as [`deadline`](Self::deadline).
    pub fn chosen(admission: AdmissionConfig, choice: Choice) -> Self {
        Self {
            unobserved: choice.unobserved,
            left_out: choice.left_out,
            ..Self::deadline(admission, choice.judges)
        }
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
            unobserved: String::new(),
            left_out: Vec::new(),
        }
    }

    /// What every status has to say of how frames are judged; empty where there is nothing special.
    pub fn note(&self) -> String {
        self.special().join("; ")
    }

    /// All that people have to know of how frames are judged, a sentence each.
    pub fn notes(&self) -> Vec<String> {
        let mut notes = self.special();
        notes.extend(self.left_out.clone());
        notes
    }

    fn special(&self) -> Vec<String> {
        let mut notes = Vec::new();
        let is_deadline = matches!(self.schedule, Schedule::Deadline(_));
        let watching = |mode: &Mode| self.watch(*mode, true) == Watch::Counts;
        if !self.unobserved.is_empty() {
            let mut note = self.unobserved.clone();
            let least = self.judges.modes().filter(watching).last();
            if let Some(least) = least.filter(|_| is_deadline) {
                note += &format!(", and mode {least} is the least that counts as watching");
            }
            notes.push(note);
        }
        notes.extend(self.judges.modes().filter_map(|mode| {
            let threshold = self.judges.of(mode)?.threshold;
            (threshold >= 1.0).then(|| {
                format!("the threshold of the mode {mode} is 1: nothing can be anomalous in it, because no score is above 1")
            })
        }));
        // under a fixed schedule no other mode runs
        let lacks = |mode: &Mode| is_deadline && self.watch(*mode, true) == Watch::NoStopLevel;
        notes.extend(self.judges.modes().filter(lacks).map(|mode| {
            format!(
                "stop_file has no level for the mode {mode}: its frames do not count as watching where the ground \
                 is known, and raise the flag; make a level for each mode with `lookout calibrate stop`"
            )
        }));
        notes
    }

    /// Checks the stop levels.
    ///
    /// # Errors
    /// One that cannot be.
    pub(super) fn check_stop_levels(&self) -> Result<(), StopLevelError> {
        let mut levels = self.stop_levels.levels.iter().flatten();
        levels.try_for_each(StopLevel::validate)
    }

    /// Whether frames of a mode count as watching, on a ground that is known or not. Those of the mode that
    /// was asked for always do. Where the evidence of tracks decides, those of a mode without a stop level do
    /// not: evidence and areas are not mixed.
    pub fn watch(&self, mode: Mode, on_ground: bool) -> Watch {
        let best = self.best_mode().map_or(0, Mode::index);
        let by_evidence = on_ground && !self.stop_levels.is_empty();
        if mode.index() == best {
            Watch::Counts
        } else if mode.index() > best.max(self.least_mode.index()) {
            Watch::WeakMode
        } else if by_evidence && self.stop_levels.of(mode).is_none() {
            Watch::NoStopLevel
        } else {
            Watch::Counts
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
            Schedule::Deadline(_) => {
                let best = self.judges.modes().next();
                best.ok_or_else(|| SettingsError::NoMode {
                    left_out: self.left_out.clone(),
                })
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::engine::Asked;

    fn bare() -> Manifest {
        let text = include_str!("../../models/road/model.toml");
        let mut manifest: Manifest = toml::from_str(text).unwrap();
        (manifest.head, manifest.thresholds) = (None, Vec::new());
        manifest
    }

    fn chosen(set: &str) -> Settings {
        let set: PartialSettings = toml::from_str(set).unwrap();
        let asked = Asked {
            score: ScoreKind::OBSERVER,
            fallback: ScoreKind::Energy,
            at: ThresholdAt::Fpr1,
            given: set.given(),
        };
        let choice = Choice::new(&bare(), &asked);
        Settings::chosen(AdmissionConfig::default(), choice).with(&set, &bare())
    }

    #[test]
    fn without_an_observer_the_best_mode_is_the_least_that_counts_and_the_note_says_so() {
        let settings = chosen("threshold = 0.6");
        assert_eq!(settings.best_mode().unwrap(), Mode::FULL_LOGITS);
        let watch = |mode| settings.watch(mode, true);
        assert_eq!(watch(Mode::FULL_LOGITS), Watch::Counts);
        assert_eq!(watch(Mode::REDUCED_LOGITS), Watch::WeakMode);
        assert_eq!(
            settings.note(),
            "no observer: the score is max-logit, and mode full is the least that counts as watching"
        );
    }

    #[test]
    fn whoever_lets_a_lesser_mode_count_is_told_that_it_does() {
        let settings = chosen("threshold = 0.6\nleast_mode = \"reduced\"");
        assert_eq!(settings.watch(Mode::REDUCED_LOGITS, true), Watch::Counts);
        assert!(settings.note().contains("mode reduced is the least"));
    }

    #[test]
    fn without_any_threshold_the_error_names_the_modes_and_what_to_do() {
        let error = chosen("").best_mode().unwrap_err().to_string();
        for words in [
            "no mode has a score and a threshold",
            "mode full is left out",
            "max-logit",
        ] {
            assert!(error.contains(words), "{error}");
        }
        // one mode is enough
        let settings = chosen("[thresholds]\nreduced = 0.5");
        assert_eq!(settings.best_mode().unwrap(), Mode::REDUCED_LOGITS);
        assert_eq!(settings.left_out.len(), 1);
    }

    #[test]
    fn thresholds_that_cannot_be_are_refused() {
        for (text, words) in [
            ("threshold = 1.5", "1.5 is not in 0..=1"),
            ("threshold = nan", "not in 0..=1"),
            ("[thresholds]\nfull = -1.0", "-1 is not in 0..=1"),
            ("[thresholds]\nhalf = 0.5", "half"),
        ] {
            let error = toml::from_str::<PartialSettings>(text)
                .unwrap_err()
                .to_string();
            assert!(error.contains(words), "{error}");
        }
    }
}
