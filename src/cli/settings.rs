//! Settings from a file.

use std::fs;
use std::path::PathBuf;

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
    /// evidence of tracks decides about a stop, and not the area in the corridor.
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
        let Some(path) = &self.stop else {
            return Ok(settings);
        };
        Ok(StopFile::read(path)?.applied(path, bundle, settings)?)
    }
}
