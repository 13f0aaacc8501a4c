//! Checkpoints: one safetensors file with everything that a resumed run needs, and a JSON beside it.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use serde::{Serialize, de::DeserializeOwned};
use tch::Tensor;
use thiserror::Error;

use super::{AdamW, Average, Network, NetworkError, StateError};

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
    #[error("checkpoint {path}: {source}")]
    Network {
        /// File.
        path: PathBuf,
        /// What differs.
        source: Box<NetworkError>,
    },
    /// The state of the optimiser or of the average is not whole.
    #[error("checkpoint {path}: {part}: {source}")]
    State {
        /// File.
        path: PathBuf,
        /// `optimiser` or `average`.
        part: &'static str,
        /// What differs.
        source: StateError,
    },
}

/// A checkpoint file's place: `{stem}.safetensors` and `{stem}.json`.
///
/// Both are written in full beside their places, then renamed, the JSON last: a run killed while it
/// saves leaves the checkpoint before. Killed between the two renames it leaves the new tensors and
/// the new JSON still beside its place, and reading puts that where it belongs.
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

    fn tensors_part(&self) -> PathBuf {
        self.tensors.with_extension("part")
    }

    fn progress_part(&self) -> PathBuf {
        self.progress.with_extension("json.part")
    }

    /// Whether a save was cut off between its two renames: the JSON is only begun once the tensors
    /// are written, so a JSON left over without tensors left over is whole and belongs to them.
    fn is_half_renamed(&self) -> bool {
        self.progress_part().is_file() && !self.tensors_part().is_file() && self.tensors.is_file()
    }

    /// Whether there is one.
    pub fn exists(&self) -> bool {
        if self.is_half_renamed() {
            return true;
        }
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
        let json = serde_json::to_vec_pretty(progress).map_err(|source| CheckpointError::Json {
            path: self.progress.clone(),
            source,
        })?;
        let (tensors_part, progress_part) = (self.tensors_part(), self.progress_part());
        Tensor::write_safetensors(&all, &tensors_part).map_err(|source| {
            CheckpointError::Tensors {
                path: tensors_part.clone(),
                source,
            }
        })?;
        std::fs::write(&progress_part, json).map_err(|source| CheckpointError::Io {
            path: progress_part.clone(),
            source,
        })?;
        self.rename(&tensors_part, &self.tensors)?;
        self.rename(&progress_part, &self.progress)
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
        if self.is_half_renamed() {
            self.rename(&self.progress_part(), &self.progress)?;
        }
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
        self.load(network, "average/")
    }

    fn load(&self, network: &Network, prefix: &str) -> Result<(), CheckpointError> {
        let values = self.read(prefix)?;
        network
            .load(&values)
            .map_err(|source| CheckpointError::Network {
                path: self.tensors.clone(),
                source: Box::new(source),
            })
    }

    fn state_error(&self, part: &'static str, source: StateError) -> CheckpointError {
        CheckpointError::State {
            path: self.tensors.clone(),
            part,
            source,
        }
    }

    /// Restores everything, to go on with the run.
    ///
    /// # Errors
    /// Where it is unreadable, of another network or not whole.
    pub fn resume(
        &self,
        network: &Network,
        optimiser: &mut AdamW,
        average: &mut Average,
        steps: i64,
    ) -> Result<(), CheckpointError> {
        self.load(network, "network/")?;
        optimiser
            .restore(&self.read("optimiser/")?, steps)
            .map_err(|source| self.state_error("optimiser", source))?;
        average
            .restore(&self.read("average/")?)
            .map_err(|source| self.state_error("average", source))
    }
}

#[cfg(test)]
mod tests {
    use tch::{Device, Kind};

    use super::*;
    use crate::graph::Builder;
    use crate::torch::Mode;

    fn network() -> Network {
        let mut b = Builder::new("tiny");
        let image = b.input("image", 3, 1);
        let x = b.conv_bn_relu("body", image, 4, [3, 3], 1, 1);
        let y = b.conv("head", x, 2, [1, 1]);
        Network::new(b.finish(&[y]), Device::Cpu)
    }

    fn trained() -> (Network, AdamW, Average) {
        let network = network();
        let mut optimiser = AdamW::new(&network, 0.01);
        let mut average = Average::new(&network);
        for step in 1..=3 {
            let image = Tensor::randn([2, 3, 8, 8], (Kind::Float, Device::Cpu));
            let out = network.forward(&[("image", &image)], Mode::Train).unwrap();
            let loss = out["head"].square().mean(Kind::Float);
            optimiser.step(&loss, 1e-2);
            average.update(&network, step);
        }
        (network, optimiser, average)
    }

    fn same(a: &BTreeMap<String, Tensor>, b: &BTreeMap<String, Tensor>) -> bool {
        a.len() == b.len() && a.iter().all(|(name, t)| t.equal(&b[name]))
    }

    #[test]
    fn a_checkpoint_brings_everything_back() {
        let dir = tempfile::tempdir().unwrap();
        let checkpoint = Checkpoint::new(dir.path(), "last");
        assert!(!checkpoint.exists());
        let (saved_network, saved_optimiser, saved_average) = trained();
        checkpoint
            .save(&saved_network, &saved_optimiser, &saved_average, &3)
            .unwrap();
        let network = network();
        let (mut optimiser, mut average) = (AdamW::new(&network, 0.01), Average::new(&network));
        assert_eq!(checkpoint.progress::<i64>().unwrap(), 3);
        checkpoint
            .resume(&network, &mut optimiser, &mut average, 3)
            .unwrap();
        assert!(same(network.parameters(), saved_network.parameters()));
        assert!(same(&optimiser.state(), &saved_optimiser.state()));
        assert!(same(average.values(), saved_average.values()));
    }

    #[test]
    fn a_checkpoint_that_lacks_a_tensor_is_refused() {
        for lost in [
            "optimiser/head.weight.second",
            "average/body.bn.running_var",
        ] {
            let dir = tempfile::tempdir().unwrap();
            let checkpoint = Checkpoint::new(dir.path(), "last");
            let (network, mut optimiser, mut average) = trained();
            checkpoint.save(&network, &optimiser, &average, &3).unwrap();
            let mut all = Tensor::read_safetensors(&checkpoint.tensors).unwrap();
            let count = all.len();
            all.retain(|(name, _)| name != lost);
            assert_eq!(all.len(), count - 1);
            Tensor::write_safetensors(&all, &checkpoint.tensors).unwrap();
            let error = checkpoint
                .resume(&network, &mut optimiser, &mut average, 3)
                .unwrap_err();
            let (part, name) = lost.split_once('/').unwrap();
            assert!(error.to_string().contains(part), "{error}");
            assert!(error.to_string().contains(name), "{error}");
        }
    }

    #[test]
    fn a_save_cut_off_between_its_renames_is_finished() {
        let dir = tempfile::tempdir().unwrap();
        let checkpoint = Checkpoint::new(dir.path(), "last");
        let (network, optimiser, average) = trained();
        checkpoint.save(&network, &optimiser, &average, &3).unwrap();
        std::fs::write(checkpoint.progress_part(), "4").unwrap();
        assert!(checkpoint.exists());
        assert_eq!(checkpoint.progress::<i64>().unwrap(), 4);
        assert!(!checkpoint.progress_part().exists());
    }
}
