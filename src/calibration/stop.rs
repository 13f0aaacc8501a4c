//! Files of stop levels: what confirms a stop, what was promised, and what it was made from.

use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};
use thiserror::Error;

use super::Promise;
use super::file::{self, FileError};
use crate::decide::{StopLevel, StoppingConfig};
use crate::engine::{Judges, Mode};
use crate::model::Bundle;
use crate::pipeline::{Settings, StopLevels};
use crate::score::ScoreKind;

/// A larger file is not one of stop levels.
const MAX_BYTES: u64 = 256 << 10;

/// Stop levels of the modes of one bundle, and how they were made.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct StopFile {
    /// How sightings are measured in it: [`VERSION`](Self::VERSION).
    #[serde(default)]
    pub version: u32,
    /// Hash of the bundle that they hold for.
    pub bundle_hash: String,
    /// When they were made: year-month-day.
    pub date: String,
    /// The command that made them.
    pub command: String,
    /// What they keep.
    pub promise: Promise,
    /// What they were made from.
    pub data: StopData,
    /// The vehicle that they were made for: its way and its stopping distance decide what counts.
    pub vehicle: StoppingConfig,
    /// One for each mode.
    #[serde(rename = "mode")]
    pub modes: Vec<StopMode>,
}

/// Clean recordings.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct StopData {
    /// Hash of every sighting in them, in order: the same recordings through the same networks.
    pub hash: String,
    /// What they show, in words.
    pub recordings: String,
    /// Frames.
    pub frames: u64,
    /// Their time together, in hours.
    pub hours: f64,
    /// Their frames a second. Evidence is gathered by the frame, so the promise holds at this rate.
    pub frame_rate: f64,
}

/// The stop level of a mode.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct StopMode {
    /// Name of the mode.
    pub name: String,
    /// Score that the sightings are made of.
    pub score: ScoreKind,
    /// Threshold of the mask that they are made of.
    pub threshold: f32,
    /// What confirms a stop.
    pub stop: StopLevel,
}

/// Why a file of stop levels cannot be used.
#[derive(Debug, Error)]
pub enum StopFileError {
    /// It cannot be read, or it is not one of stop levels.
    #[error(transparent)]
    File(#[from] FileError),
    /// It was made with other networks.
    #[error(
        "{}: the stop levels were made with the bundle {}, and the one in use is {}: make them again by \
         `lookout calibrate stop`",
        path.display(), short(made_with), short(in_use)
    )]
    OtherBundle {
        /// Which file.
        path: PathBuf,
        /// Hash of the bundle that they hold for.
        made_with: String,
        /// Hash of the one in use.
        in_use: String,
    },
    /// A mode is judged by another score or threshold than the levels were made with, or by none there.
    #[error("{}: the stop levels do not hold for mode {mode}: {reason}", path.display())]
    OtherMode {
        /// Which file.
        path: PathBuf,
        /// Which mode.
        mode: String,
        /// Why.
        reason: String,
    },
}

impl StopData {
    fn validate(&self, promise: &Promise) -> Result<(), String> {
        if !(self.hours > 0.0 && self.hours.is_finite()) {
            return Err(format!("its recordings of {} h are no time", self.hours));
        }
        // every second block sets the level, and of an odd number one more may
        let blocks = (self.hours * 3600.0 / promise.block_s).round() as usize;
        if let Err(error) = promise.check(blocks.div_ceil(2)) {
            return Err(error.to_string());
        }
        if !(self.frame_rate > 0.0 && self.frame_rate <= 1000.0) {
            let rate = self.frame_rate;
            return Err(format!(
                "{rate} frames a second are not over 0 and up to 1000"
            ));
        }
        Ok(())
    }
}

/// Enough of a hash to tell it.
fn short(hash: &str) -> &str {
    hash.get(..12).unwrap_or(hash)
}

impl StopFile {
    /// Raised whenever sightings are measured in another way, because levels of other sightings say nothing of these.
    /// 2: weighed scores, root of the height. Older files have no version.
    pub const VERSION: u32 = 2;

    /// Reads a file and checks what is in it.
    ///
    /// # Errors
    /// It cannot be read, or what is in it cannot be.
    pub fn read(path: &Path) -> Result<Self, StopFileError> {
        Ok(file::read(path, MAX_BYTES, Self::parse)?)
    }

    /// The levels of the built-in bundle for rendered drives, `calibration/stops/road-rendered.toml`.
    ///
    /// # Errors
    /// Never, as long as that file is one: a test reads it.
    pub fn shipped() -> Result<Self, StopFileError> {
        let path = "calibration/stops/road-rendered.toml";
        let text = include_str!("../../calibration/stops/road-rendered.toml");
        let parsed = Self::parse(text);
        Ok(parsed.map_err(|reason| FileError::Content {
            path: path.into(),
            reason,
        })?)
    }

    fn parse(text: &str) -> Result<Self, String> {
        let file: Self = toml::from_str(text).map_err(|e| e.to_string())?;
        if file.version != Self::VERSION {
            return Err(
                "the stop levels were made by another version, which measures sightings in another way: make them again by \
                 `lookout calibrate stop`"
                    .to_owned(),
            );
        }
        file.promise.validate().map_err(|e| e.to_string())?;
        file.data.validate(&file.promise)?;
        file.vehicle.validate().map_err(|e| e.to_string())?;
        for (i, mode) in file.modes.iter().enumerate() {
            mode.name.parse::<Mode>()?;
            if file.modes.iter().take(i).any(|m| m.name == mode.name) {
                return Err(format!("mode {} is there twice", mode.name));
            }
            mode.stop
                .validate()
                .map_err(|e| format!("mode {}: {e}", mode.name))?;
        }
        Ok(file)
    }

    /// Settings with its levels, for a bundle; `path` is named in errors.
    ///
    /// # Errors
    /// They are those of another bundle, or of other scores and thresholds, or the mode that was asked
    /// for has none.
    pub fn applied(
        &self,
        path: &Path,
        bundle: &Bundle,
        mut settings: Settings,
    ) -> Result<Settings, StopFileError> {
        if self.bundle_hash != bundle.hash() {
            return Err(StopFileError::OtherBundle {
                path: path.into(),
                made_with: self.bundle_hash.clone(),
                in_use: bundle.hash().to_owned(),
            });
        }
        if let Some(other) = self.other_vehicle(&settings.vehicle) {
            log::warn!(
                "{}: the stop levels were made for another vehicle, so their promise does not hold: {other}; make them \
                 again by `lookout calibrate stop`",
                path.display()
            );
        }
        let best = settings.best_mode().unwrap_or(Mode::FULL);
        settings.stop_levels = self.levels(path, &settings.judges, best)?;
        Ok(settings)
    }

    /// What decides the way and the stopping distance, where a vehicle has another than they were made for.
    fn other_vehicle(&self, vehicle: &StoppingConfig) -> Option<String> {
        let of = |v: &StoppingConfig| {
            format!(
                "a way {} m wide, {} m/s² after {} ms, and {} m more",
                v.way_width_m(),
                v.deceleration_mps2,
                v.reaction_time_ms,
                v.margin_m
            )
        };
        let (made_for, own) = (of(&self.vehicle), of(vehicle));
        (made_for != own).then(|| format!("for {made_for}, and this one has {own}"))
    }

    fn levels(
        &self,
        path: &Path,
        judges: &Judges,
        best: Mode,
    ) -> Result<StopLevels, StopFileError> {
        let mut levels = StopLevels::promising(self.line());
        for mode in Mode::ALL {
            let other = |reason| StopFileError::OtherMode {
                path: path.into(),
                mode: mode.name().to_owned(),
                reason,
            };
            let Some(judge) = judges.of(mode) else {
                continue;
            };
            match self.modes.iter().find(|m| m.name == mode.name()) {
                Some(made) if (made.score, made.threshold) == (judge.score, judge.threshold) => {
                    levels = levels.with(mode, made.stop.clone());
                }
                Some(made) => {
                    return Err(other(format!(
                        "they were made with score {} over {}, and {} over {} is in use",
                        made.score, made.threshold, judge.score, judge.threshold
                    )));
                }
                None if mode == best => return Err(other("it has none".to_owned())),
                // the settings say what becomes of frames of that mode
                None => {}
            }
        }
        Ok(levels)
    }

    /// What is promised, in one line.
    pub fn line(&self) -> String {
        format!(
            "at most one false stop in {} h, with {} % confidence, at {} frames a second, on roads like {} ({:.2} h)",
            self.promise.hours,
            self.promise.confidence * 100.0,
            self.data.frame_rate,
            self.data.recordings,
            self.data.hours
        )
    }
}

#[cfg(test)]
#[path = "stop_tests.rs"]
mod tests;
