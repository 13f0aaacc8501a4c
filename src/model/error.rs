use std::path::PathBuf;

use thiserror::Error;

use super::WireError;
use crate::score::ScoreKind;

/// Why a bundle was refused.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum ModelError {
    /// A file of the bundle cannot be read.
    #[error("cannot read {path}")]
    Io {
        /// File.
        path: PathBuf,
        /// What the system said.
        source: std::io::Error,
    },
    /// A file of the bundle was not fetched from Git LFS.
    #[error("{path} is a pointer of Git LFS and not the file: fetch it with `git lfs pull`")]
    LfsPointer {
        /// File.
        path: PathBuf,
    },
    /// A part of a graph is not as ONNX has it.
    #[error("{path} is no ONNX graph")]
    Wire {
        /// The graph.
        path: PathBuf,
        /// What is wrong.
        source: WireError,
    },
    /// A graph keeps a tensor's numbers in another file, and they cannot be taken from there.
    #[error("{path}: the numbers of tensor {tensor:?} are in another file, {file:?}: {reason}")]
    ExternalData {
        /// The graph.
        path: PathBuf,
        /// The tensor.
        tensor: String,
        /// The file, as the graph names it.
        file: String,
        /// Why they cannot be taken.
        reason: String,
    },
    /// A file is no graph, or one that no reader may be given.
    #[error("{path} is no ONNX graph: at byte {at}, {reason}")]
    Graph {
        /// The file.
        path: PathBuf,
        /// Byte of the file.
        at: usize,
        /// What is wrong there.
        reason: &'static str,
    },
    /// The manifest is not TOML, or not of the manifest's form.
    #[error("{path}:{line}: {message}")]
    Manifest {
        /// The manifest.
        path: PathBuf,
        /// Line, from 1.
        line: usize,
        /// What is wrong there.
        message: String,
    },
    /// The bundle has no head of that name.
    #[error("the bundle {bundle} has no score {score}: it has {}", names(.scores))]
    NoScore {
        /// Name of the bundle.
        bundle: String,
        /// What was asked for.
        score: ScoreKind,
        /// What it has.
        scores: Vec<ScoreKind>,
    },
    /// A network that gives labels only, and no head that makes a score.
    #[error(
        "the network of the bundle {bundle} gives labels only, so the scores softmax, max-logit, entropy and energy are \
         impossible: use it with an observer, which `lookout-train observer` makes"
    )]
    LabelsOnly {
        /// Name of the bundle.
        bundle: String,
    },
    /// A picture that engines are tried on is not the one that the manifest describes.
    #[error("{path}: sha256 is {found}, [acceptance] of the manifest says {expected}")]
    Picture {
        /// The file.
        path: PathBuf,
        /// What the manifest says.
        expected: String,
        /// What the file has.
        found: String,
    },
    /// A graph, or a file with its data, is not the one that the manifest describes.
    #[error("{path}: sha256 is {found}, {manifest}:{line} says {expected}")]
    Hash {
        /// The file.
        path: PathBuf,
        /// The manifest.
        manifest: PathBuf,
        /// Line of the manifest.
        line: usize,
        /// What the manifest says.
        expected: String,
        /// What the file has.
        found: String,
    },
}

fn names(scores: &[ScoreKind]) -> String {
    let names: Vec<_> = scores.iter().map(ScoreKind::name).collect();
    names.join(", ")
}
