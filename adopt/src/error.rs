use std::path::PathBuf;

use thiserror::Error;

/// Why a network cannot be adopted.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum AdoptError {
    /// A file cannot be read.
    #[error("cannot read {path}: {cause}")]
    Read {
        /// The file.
        path: PathBuf,
        /// What the system says.
        cause: std::io::Error,
    },
    /// A file has more bytes than are read.
    #[error("{path} has {size} bytes; at most {limit} are read, which is what a bundle takes")]
    TooLarge {
        /// The file.
        path: PathBuf,
        /// Its bytes.
        size: u64,
        /// The most that are read.
        limit: u64,
    },
    /// The bytes are no protobuf message of ONNX.
    #[error("{path} is no ONNX graph, or a part of one: at byte {at}, {reason}")]
    NoGraph {
        /// The file.
        path: PathBuf,
        /// Byte of the file.
        at: usize,
        /// What is wrong there.
        reason: String,
    },
    /// A tensor's numbers are in another file, and cannot be taken from there.
    #[error("the numbers of the tensor {tensor:?} are in another file, {file:?}: {reason}")]
    ExternalData {
        /// The tensor.
        tensor: String,
        /// The file, as the graph names it.
        file: String,
        /// Why they cannot be taken.
        reason: String,
    },
    /// The nodes of the graph cannot be put in an order.
    #[error("the graph has a cycle: the node {node} needs its own output {tensor:?}")]
    Cycle {
        /// Name and operator of a node in it.
        node: String,
        /// What it makes and needs.
        tensor: String,
    },
    /// Two nodes make one tensor, or a node reads one that nothing makes.
    #[error("the graph is broken: {0}")]
    Broken(String),
    /// Weights that are no numbers.
    #[error(
        "the tensor {tensor:?} has {count} numbers that are NaN: the weights are broken, and no output can be relied on"
    )]
    NaN {
        /// The tensor.
        tensor: String,
        /// How many.
        count: usize,
    },
    /// The input of the network is not one that lookout can feed.
    #[error("{0}")]
    Input(String),
    /// No logits can be had from the network.
    #[error("{0}")]
    Output(String),
    /// Something is not in the graph and has to be said.
    #[error("{cause}; say it with {option}")]
    Ask {
        /// What is not known, and why.
        cause: String,
        /// The option that says it.
        option: &'static str,
    },
    /// An option does not fit the network.
    #[error("{option}: {cause}")]
    Option {
        /// The option.
        option: &'static str,
        /// What is wrong.
        cause: String,
    },
    /// The file of classes is not of the form.
    #[error("{path}:{line}: {cause}")]
    Classes {
        /// The file.
        path: PathBuf,
        /// Line, from 1.
        line: usize,
        /// What is wrong there.
        cause: String,
    },
    /// A file of numbers is not one that can be compared.
    #[error("{path}: {cause}")]
    Npy {
        /// The file.
        path: PathBuf,
        /// What is wrong.
        cause: String,
    },
    /// Something cannot be written.
    #[error("cannot write {path}: {cause}")]
    Write {
        /// File or folder.
        path: PathBuf,
        /// What the system says.
        cause: std::io::Error,
    },
    /// An engine cannot run the graph.
    #[error("{0}")]
    Run(String),
}
