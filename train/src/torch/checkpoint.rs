//! Checkpoints: one safetensors file with everything that a resumed run needs, and a JSON beside it.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use serde::{Serialize, de::DeserializeOwned};
use tch::Tensor;
use thiserror::Error;

use super::{AdamW, Average, Network, NetworkError};

/// Why a checkpoint could not be written or read.
#[derive(Debug, Error)]
pub enum CheckpointError {
    /// The tensors.
    #[error("checkpoint {path}: {source}")]
    Tensors {
        /// File.
        path: PathBuf,
        /// What libtorch said.
        source: tch::TchError,
    },
    /// The progress file.
    #[error("checkpoint {path}: {source}")]
    Io {
        /// File.
        path: PathBuf,
        /// What the system said.
        source: std::io::Error,
    },
    /// The progress file is not what was written.
    #[error("checkpoint {path}: {source}")]
    Json {
        /// File.
        path: PathBuf,
        /// What is wrong.
        source: serde_json::Error,
    },
    /// It belongs to another network.
    #[error(transparent)]
    Network(#[from] NetworkError),
}

/// A checkpoint file's place: `{stem}.safetensors` and `{stem}.json`.
///
/// The JSON is written last and both by rename, so a run killed while it saves leaves the one
/// before; the JSON names the step, and the tensors carry it too.
#[derive(Clone, Debug)]
pub struct Checkpoint {
    tensors: PathBuf,
    progress: PathBuf,
}

impl Checkpoint {
    /// In `dir`, under that stem.
    pub fn new(dir: &Path, stem: &str) -> Self {
        Self {
            tensors: dir.join(format!("{stem}.safetensors")),
            progress: dir.join(format!("{stem}.json")),
        }
    }

    /// Whether there is one.
    pub fn exists(&self) -> bool {
        self.tensors.is_file() && self.progress.is_file()
    }

    /// Writes network, optimiser, average and the run's own progress record.
    ///
    /// # Errors
    /// Where a file cannot be written.
    pub fn save<P: Serialize>(
        &self,
        network: &Network,
        optimiser: &AdamW,
        average: &Average,
        progress: &P,
    ) -> Result<(), CheckpointError> {
        let mut all: Vec<(String, Tensor)> = vec![];
        let mut put = |prefix: &str, tensors: &BTreeMap<String, Tensor>| {
            for (n, t) in tensors {
                all.push((format!("{prefix}/{n}"), t.detach().contiguous()));
            }
        };
        put("network", network.parameters());
        put("optimiser", &optimiser.state());
        put("average", average.values());
        let part = self.tensors.with_extension("part");
        Tensor::write_safetensors(&all, &part).map_err(|source| CheckpointError::Tensors {
            path: part.clone(),
            source,
        })?;
        self.rename(&part, &self.tensors)?;
        let json = serde_json::to_vec_pretty(progress).map_err(|source| CheckpointError::Json {
            path: self.progress.clone(),
            source,
        })?;
        let part = self.progress.with_extension("json.part");
        std::fs::write(&part, json).map_err(|source| CheckpointError::Io {
            path: part.clone(),
            source,
        })?;
        self.rename(&part, &self.progress)
    }

    fn rename(&self, from: &Path, to: &Path) -> Result<(), CheckpointError> {
        std::fs::rename(from, to).map_err(|source| CheckpointError::Io {
            path: to.to_owned(),
            source,
        })
    }

    /// The run's own progress record.
    ///
    /// # Errors
    /// Where the file is missing or is not such a record.
    pub fn progress<P: DeserializeOwned>(&self) -> Result<P, CheckpointError> {
        let path = || self.progress.clone();
        let bytes = std::fs::read(&self.progress).map_err(|source| CheckpointError::Io {
            path: path(),
            source,
        })?;
        serde_json::from_slice(&bytes).map_err(|source| CheckpointError::Json {
            path: path(),
            source,
        })
    }

    fn read(&self, prefix: &str) -> Result<BTreeMap<String, Tensor>, CheckpointError> {
        let all =
            Tensor::read_safetensors(&self.tensors).map_err(|source| CheckpointError::Tensors {
                path: self.tensors.clone(),
                source,
            })?;
        let own = |(n, t): (String, Tensor)| Some((n.strip_prefix(prefix)?.to_owned(), t));
        Ok(all.into_iter().filter_map(own).collect())
    }

    /// Loads the averaged weights: what a finished run is used for.
    ///
    /// # Errors
    /// Where it is unreadable or of another network.
    pub fn load_average(&self, network: &Network) -> Result<(), CheckpointError> {
        Ok(network.load(&self.read("average/")?)?)
    }

    /// Restores everything, to go on with the run.
    ///
    /// # Errors
    /// Where it is unreadable or of another network.
    pub fn resume(
        &self,
        network: &Network,
        optimiser: &mut AdamW,
        average: &mut Average,
        steps: i64,
    ) -> Result<(), CheckpointError> {
        network.load(&self.read("network/")?)?;
        optimiser.restore(&self.read("optimiser/")?, steps);
        average.restore(&self.read("average/")?);
        Ok(())
    }
}
