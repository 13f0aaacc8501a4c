//! Thresholds of every head in every mode, as `lookout calibrate` makes them.

use std::fs::{self, OpenOptions};
use std::io::Write;
use std::path::Path;

use anyhow::Context;
use lookout::score::ScoreKind;

use super::material::CALIBRATION;
use crate::run::{CONVENTION, run_lookout};

/// Modes with a head, and those without.
const MODES: [[&str; 2]; 2] = [["full+observer", "reduced+observer"], ["full", "reduced"]];

/// What makes them.
pub(super) struct Calibration<'a> {
    /// The program.
    pub(super) lookout: &'a Path,
    pub(super) bundle: &'a Path,
    /// Folder of the labelled set.
    pub(super) set: &'a Path,
}

impl Calibration<'_> {
    /// Adds those of the observer and of the logits, in all modes; files go to `folder`.
    pub(super) fn add_own(&self, folder: &Path) -> anyhow::Result<()> {
        for mode in MODES.concat() {
            let file = folder.join(format!("{mode}.toml"));
            self.run(ScoreKind::OBSERVER, mode, &file)?;
            self.add(&file, |_| true)?;
        }
        Ok(())
    }

    /// Adds those of another head; files go to `folder`, and where one is there it is taken.
    pub(super) fn add_head(&self, head: ScoreKind, folder: &Path) -> anyhow::Result<()> {
        for mode in MODES[0] {
            let file = folder.join(format!("{mode}.toml"));
            if !file.exists() {
                log::info!("calibrates {head} in {mode}");
                self.run(head, mode, &file)?;
            }
            let own = format!("score = \"{head}\"");
            self.add(&file, |entry| entry.lines().any(|line| line == own))?;
        }
        Ok(())
    }

    fn run(&self, score: ScoreKind, mode: &str, to: &Path) -> anyhow::Result<()> {
        run_lookout(self.lookout, self.bundle, to, |command| {
            command
                .arg("calibrate")
                .args([self.set.join("images"), self.set.join("masks")]);
            command.args(["--score", score.name(), "--mode", mode]);
            command
                .args(["--calibration", CALIBRATION])
                .args(CONVENTION);
        })
    }

    /// Adds the entries of a file that are wanted to the bundle's manifest.
    fn add(&self, file: &Path, wanted: impl Fn(&str) -> bool) -> anyhow::Result<()> {
        let text =
            fs::read_to_string(file).with_context(|| format!("cannot read {}", file.display()))?;
        let manifest = self.bundle.join("model.toml");
        let failed = || format!("cannot write {}", manifest.display());
        let options = OpenOptions::new().append(true).open(&manifest);
        options
            .and_then(|mut manifest| manifest.write_all(chosen(&text, wanted).as_bytes()))
            .with_context(failed)
    }
}

/// The entries that are wanted, each behind an empty line.
fn chosen(text: &str, wanted: impl Fn(&str) -> bool) -> String {
    let entries = text.split("[[threshold]]").skip(1);
    entries
        .filter(|entry| wanted(entry))
        .map(|entry| format!("\n[[threshold]]{}\n", entry.trim_end()))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_entries_of_the_head_are_taken() {
        let text = "[[threshold]]\nscore = \"vim\"\nfpr1 = 0.5\n\n[[threshold]]\nscore = \"energy\"\nfpr1 = 0.25\n";
        let own = chosen(text, |entry| {
            entry.lines().any(|line| line == "score = \"vim\"")
        });
        assert_eq!(own, "\n[[threshold]]\nscore = \"vim\"\nfpr1 = 0.5\n");
        let all: toml::Table = toml::from_str(&chosen(text, |_| true)).unwrap();
        assert_eq!(all["threshold"].as_array().unwrap().len(), 2);
    }
}
