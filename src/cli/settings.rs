//! Settings from a file.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::Context;
use lookout::calibration::StopFile;
use lookout::model::Bundle;
use lookout::pipeline::{PartialSettings, Settings, Threshold};

/// Where settings come from.
#[derive(Debug, clap::Args)]
pub(crate) struct SettingsArgs {
    /// TOML file with least_mode, threshold, [thresholds] (of single modes), [supervisor], [corridor],
    /// [vehicle] and [admission]; what is missing is at its default.
    #[arg(long, value_name = "FILE")]
    settings: Option<PathBuf>,
    /// TOML file of stop levels, as `lookout calibrate stop` makes it: where the camera is known, the
    /// evidence of tracks decides about a stop, and not the area in the corridor. Rendered drives use those that
    /// ship with the bundle, unless this is `none`.
    #[arg(long, value_name = "FILE")]
    stop: Option<PathBuf>,
}

impl SettingsArgs {
    /// The flags that were given, as words of a command line.
    pub(crate) fn words(&self) -> Vec<String> {
        super::words([
            ("--settings", super::path_word(self.settings.as_deref())),
            ("--stop", super::path_word(self.stop.as_deref())),
        ])
    }

    /// Reads the file; nothing is set without one. Staleness limit and threshold of the command line go
    /// before the file's.
    pub(crate) fn read(
        &self,
        stale_ms: Option<u32>,
        threshold: Option<Threshold>,
    ) -> anyhow::Result<PartialSettings> {
        let mut set = match &self.settings {
            Some(path) => {
                let named = || format!("cannot use the settings in {}", path.display());
                let text = fs::read_to_string(path).with_context(named)?;
                toml::from_str(&text).with_context(named)?
            }
            None => PartialSettings::default(),
        };
        if let Some(stale_ms) = stale_ms {
            set.supervisor.get_or_insert_default().stale_after_ms = stale_ms;
        }
        if threshold.is_some() {
            set.threshold = threshold;
            set.thresholds.clear();
        }
        Ok(set)
    }

    /// With the stop levels of the file, where one is given.
    pub(crate) fn with_stop_levels(
        &self,
        settings: Settings,
        bundle: &Bundle,
    ) -> anyhow::Result<Settings> {
        match &self.stop {
            Some(path) if path.as_os_str() != "none" => {
                Ok(StopFile::read(path)?.applied(path, bundle, settings)?)
            }
            _ => Ok(settings),
        }
    }

    /// For rendered drives: with the stop levels that ship with the bundle, which were made from such drives, where
    /// they hold and nothing else was asked for.
    pub(crate) fn with_shipped_levels(&self, settings: Settings, bundle: &Bundle) -> Settings {
        if self.stop.is_some() {
            return settings;
        }
        let named = Path::new("those that ship with lookout");
        let shipped = StopFile::shipped();
        match shipped.and_then(|file| file.applied(named, bundle, settings.clone())) {
            Ok(settings) => settings,
            Err(error) => {
                log::info!("the area in the corridor decides about a stop: {error}");
                settings
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use lookout::engine::{Judge, Mode};
    use lookout::model::ThresholdAt;
    use lookout::score::ScoreKind;

    use super::*;

    #[test]
    fn rendered_drives_are_decided_by_the_levels_that_ship_unless_others_or_none_are_asked_for() {
        let bundle = Bundle::shipped().unwrap();
        let (score, at) = (ScoreKind::OBSERVER, ThresholdAt::Fpr1);
        let own = Settings::calibrated(bundle.manifest(), Mode::FULL, score, at).unwrap();
        let threshold = 0.9;
        let other = Settings::fixed(Mode::FULL, Judge { score, threshold });
        let by_evidence = |stop: Option<&str>, settings: &Settings| {
            let args = SettingsArgs {
                settings: None,
                stop: stop.map(PathBuf::from),
            };
            let settings = args.with_stop_levels(settings.clone(), &bundle).unwrap();
            !args
                .with_shipped_levels(settings, &bundle)
                .stop_levels
                .is_empty()
        };
        assert!(by_evidence(None, &own));
        assert!(!by_evidence(Some("none"), &own));
        assert!(!by_evidence(None, &other), "they hold for one threshold");
    }
}
