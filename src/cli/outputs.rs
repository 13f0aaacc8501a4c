//! The folder that a run writes into.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::Context;

use super::pictures::{self, FolderLock};

/// Where results go.
pub(crate) struct Outputs {
    folder: PathBuf,
    _lock: FolderLock,
}

impl Outputs {
    /// Prepares a folder; with `force`, takes away what an earlier run of ours left in it, but never
    /// the bag at `input`, which is about to be read.
    pub(crate) fn prepare(
        folder: &Path,
        force: bool,
        input: Option<&Path>,
    ) -> anyhow::Result<Self> {
        let lock = pictures::output_dir(folder, force)?;
        let outputs = Self {
            folder: folder.to_owned(),
            _lock: lock,
        };
        let annotated = outputs.annotated();
        let old = [
            annotated.join("annotated_0.mcap"),
            annotated.join("metadata.yaml"),
            outputs.frames_csv(),
            outputs.report(),
            outputs.heartbeat_csv(),
            outputs.trace(),
            outputs.profile(),
        ];
        let input = input
            .map(Path::canonicalize)
            .transpose()
            .context("cannot find the bag")?;
        for path in old.iter().chain([&annotated]) {
            if input.is_some() && path.canonicalize().ok() == input {
                anyhow::bail!(
                    "{} is the bag to replay: choose another --out",
                    path.display()
                );
            }
        }
        if let Some(path) = old.iter().find(|p| p.is_dir()) {
            anyhow::bail!("cannot replace {}: it is a folder", path.display());
        }
        for path in old {
            match fs::remove_file(&path) {
                Err(e) if e.kind() != std::io::ErrorKind::NotFound => {
                    return Err(e).with_context(|| format!("cannot replace {}", path.display()));
                }
                _ => {}
            }
        }
        Ok(outputs)
    }

    /// `annotated/`, a rosbag2.
    pub(crate) fn annotated(&self) -> PathBuf {
        self.folder.join("annotated")
    }

    /// `frames.csv`.
    pub(crate) fn frames_csv(&self) -> PathBuf {
        self.folder.join("frames.csv")
    }

    /// `report.html`.
    pub(crate) fn report(&self) -> PathBuf {
        self.folder.join("report.html")
    }

    /// `heartbeat.csv`, of paced runs.
    pub(crate) fn heartbeat_csv(&self) -> PathBuf {
        self.folder.join("heartbeat.csv")
    }

    /// `trace.json`, of `lookout profile`.
    pub(crate) fn trace(&self) -> PathBuf {
        self.folder.join("trace.json")
    }

    /// `profile.json`, of `lookout profile`.
    pub(crate) fn profile(&self) -> PathBuf {
        self.folder.join("profile.json")
    }
}
