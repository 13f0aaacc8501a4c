//! What a run leaves behind: its configuration, lines of metrics, checkpoints, a summary.

use std::fs::{self, File, OpenOptions};
use std::io::Write;
use std::path::{Path, PathBuf};

use anyhow::Context;
use serde::{Deserialize, Serialize, de::DeserializeOwned};

use crate::torch::Checkpoint;

/// Some steps, as a line of `metrics.jsonl`.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct StepRecord {
    /// Steps done.
    pub step: usize,
    /// Learning rate of the last step.
    pub rate: f64,
    /// Mean training loss over the steps since the line before.
    pub loss: f64,
    /// Validation metrics by name, where it was validated here.
    pub validation: Option<serde_json::Value>,
    /// Seconds since the run (or its resumption) began.
    pub seconds: f64,
}

/// Where a run stands; saved with every checkpoint.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct Progress {
    /// Optimiser steps done.
    pub step: usize,
    /// Best validation figure so far.
    pub best: Option<f64>,
    /// Step of the best figure.
    pub best_step: usize,
}

/// A run's folder.
#[derive(Debug)]
pub struct RunDir {
    dir: PathBuf,
}

impl RunDir {
    /// Makes the folder and writes `config.json`. On `resume` the configuration must be the same;
    /// keys that a configuration once had and that no longer decide anything are passed over.
    ///
    /// # Errors
    /// Where it cannot be written, already holds a run and `resume` is not set, or holds another.
    pub fn open<C: Serialize + DeserializeOwned>(
        dir: &Path,
        config: &C,
        resume: bool,
    ) -> anyhow::Result<Self> {
        fs::create_dir_all(dir).with_context(|| format!("cannot make {}", dir.display()))?;
        let path = dir.join("config.json");
        let text = serde_json::to_string_pretty(config)?;
        if path.exists() {
            let old = fs::read_to_string(&path)?;
            anyhow::ensure!(
                resume,
                "{} already holds a run: --resume it or choose another folder",
                dir.display()
            );
            let known = |text: &str| -> anyhow::Result<String> {
                let config: C = serde_json::from_str(text)
                    .with_context(|| format!("cannot read {}", path.display()))?;
                Ok(serde_json::to_string(&config)?)
            };
            anyhow::ensure!(
                known(&old)? == known(&text)?,
                "{} was begun with another configuration",
                path.display()
            );
        }
        fs::write(&path, text)?;
        Ok(Self {
            dir: dir.to_owned(),
        })
    }

    /// Whether the run came to its end: its summary is there.
    pub fn is_finished(dir: &Path) -> bool {
        dir.join("summary.json").is_file()
    }

    /// The checkpoint to resume from.
    pub fn last(&self) -> Checkpoint {
        Checkpoint::new(&self.dir, "last")
    }

    /// The checkpoint with the best validation figure.
    pub fn best(&self) -> Checkpoint {
        Checkpoint::new(&self.dir, "best")
    }

    /// Appends a line to `metrics.jsonl`.
    ///
    /// # Errors
    /// Where it cannot be written.
    pub fn record(&self, record: &StepRecord) -> anyhow::Result<()> {
        let path = self.dir.join("metrics.jsonl");
        let mut file: File = OpenOptions::new().create(true).append(true).open(&path)?;
        writeln!(file, "{}", serde_json::to_string(record)?)?;
        Ok(())
    }

    /// Writes `summary.json`.
    ///
    /// # Errors
    /// Where it cannot be written.
    pub fn summary<S: Serialize>(&self, summary: &S) -> anyhow::Result<()> {
        fs::write(
            self.dir.join("summary.json"),
            serde_json::to_string_pretty(summary)?,
        )?;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Serialize, Deserialize)]
    struct Config {
        rate: f64,
    }

    #[test]
    fn a_run_is_resumed_only_with_its_own_configuration() {
        let dir = tempfile::tempdir().unwrap();
        let open = |rate, resume| RunDir::open(dir.path(), &Config { rate }, resume);
        open(0.1, false).unwrap();
        open(0.1, true).unwrap();
        assert!(open(0.1, false).is_err(), "begun anew over a run");
        assert!(open(0.2, true).is_err(), "resumed with another rate");
    }

    #[test]
    fn a_key_that_decides_nothing_any_more_does_not_stop_a_resume() {
        let dir = tempfile::tempdir().unwrap();
        let old = r#"{"rate": 0.1, "max_steps": null}"#;
        fs::write(dir.path().join("config.json"), old).unwrap();
        RunDir::open(dir.path(), &Config { rate: 0.1 }, true).unwrap();
    }
}
