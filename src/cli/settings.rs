//! Settings from a file.

use std::fs;
use std::path::PathBuf;

use anyhow::Context;
use lookout::decide::{SupervisorConfig, Trapezoid};
use lookout::engine::Mode;
use lookout::model::Manifest;
use lookout::pipeline::Settings;
use lookout::schedule::AdmissionConfig;
use serde::Deserialize;

/// Where settings come from.
#[derive(Debug, clap::Args)]
pub(crate) struct SettingsArgs {
    /// TOML file with least_mode, [supervisor], [corridor] and [admission]; what is missing is at its
    /// default.
    #[arg(long, value_name = "FILE")]
    settings: Option<PathBuf>,
}

/// Contents of the file.
#[derive(Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct SettingsFile {
    /// The least mode that counts as watching.
    pub(crate) least_mode: Option<Mode>,
    pub(crate) supervisor: Option<SupervisorConfig>,
    pub(crate) corridor: Option<Trapezoid>,
    pub(crate) admission: Option<AdmissionConfig>,
}

impl SettingsArgs {
    /// Reads the file; nothing is set without one.
    pub(crate) fn read(&self) -> anyhow::Result<SettingsFile> {
        let Some(path) = &self.settings else {
            return Ok(SettingsFile::default());
        };
        let named = || format!("cannot use the settings in {}", path.display());
        let text = fs::read_to_string(path).with_context(named)?;
        toml::from_str(&text).with_context(named)
    }
}

impl SettingsFile {
    /// Puts in force what the file says, and the bundle's corridor where the file has none.
    pub(crate) fn apply(&self, settings: &mut Settings, manifest: &Manifest) {
        if let Some(supervisor) = self.supervisor {
            settings.supervisor = supervisor;
        }
        if let Some(mode) = self.least_mode {
            settings.least_mode = mode;
        }
        if let Some(corridor) = self.corridor.or(manifest.corridor) {
            settings.corridor = corridor;
        }
    }
}
