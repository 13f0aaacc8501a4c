//! What can go wrong, from finding the library to running an engine.

use std::path::PathBuf;

use cudarc::driver::DriverError;

use super::{DataType, Flavour, Precision, Version, compiled_for};
use crate::cuda::ProbeError;

/// Why TensorRT cannot be used, or refused.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// No library.
    #[error("no {flavour} library: tried {}; {reason}", searched.join(", "))]
    NotFound {
        /// What this was compiled for.
        flavour: Flavour,
        /// Names and paths, in the order tried.
        searched: Vec<String>,
        /// What the loader said of the last one.
        reason: String,
    },
    /// A library of another major version, or of the other product.
    #[error(
        "{} has version {found}, this was compiled for {} {compiled}: compile with its headers \
         (TENSORRT_INCLUDE_DIR)", path.display(), compiled_for().0
    )]
    WrongMajor {
        /// Version of the headers.
        compiled: Version,
        /// Version of the library.
        found: Version,
        /// The library.
        path: PathBuf,
    },
    /// A library of the right major version whose classes may be laid out otherwise: one older than the
    /// headers, or, for TensorRT-RTX, of another minor version.
    #[error(
        "{} has version {found}, this was compiled for {} {compiled}, which is not compatible: compile \
         with its headers (TENSORRT_INCLUDE_DIR)", path.display(), compiled_for().0
    )]
    WrongMinor {
        /// Version of the headers.
        compiled: Version,
        /// Version of the library.
        found: Version,
        /// The library.
        path: PathBuf,
    },
    /// A file that can be loaded and is not what it should be.
    #[error("{} has no symbol {symbol}", path.display())]
    MissingSymbol {
        /// The library.
        path: PathBuf,
        /// What it should export.
        symbol: &'static str,
    },
    /// A library that runs engines and cannot build them (the lean runtime), or no ONNX parser beside it.
    #[error("{} cannot build engines: {reason}", path.display())]
    NoBuilder {
        /// The library.
        path: PathBuf,
        /// What is missing.
        reason: String,
    },
    /// No GPU, or no driver.
    #[error(transparent)]
    NoDevice(#[from] ProbeError),
    /// An option that cannot be.
    #[error("{option}: {reason}")]
    Option {
        /// Which one.
        option: &'static str,
        /// Why not.
        reason: String,
    },
    /// An option that the library refused.
    #[error("{message}")]
    Refused {
        /// The shim's words, and the library's.
        message: String,
    },
    /// The ONNX parser refused the graph.
    #[error("not a graph that this TensorRT reads: {message}")]
    Graph {
        /// Node, operator and place in the parser's source, as far as it said.
        message: String,
    },
    /// The graph is not of the precision that was asked for.
    #[error("{message}")]
    Precision {
        /// What was asked for.
        asked: Precision,
        /// How the graph differs.
        message: String,
    },
    /// The library failed.
    #[error("TensorRT could not {action}: {message}")]
    Library {
        /// What it was to do.
        action: &'static str,
        /// What it logged.
        message: String,
    },
    /// An input or output of a kind that is not served.
    #[error("the engine cannot be used: {message}")]
    Tensor {
        /// Which, and why.
        message: String,
    },
    /// No such input or output.
    #[error("the engine has no tensor \"{name}\"; it has {}", known.join(", "))]
    NoTensor {
        /// What was asked for.
        name: String,
        /// What there is.
        known: Vec<String>,
    },
    /// A tensor of a type that is not of whole bytes.
    #[error("tensor \"{name}\" has elements of type {dtype:?}, whose size is not known")]
    ElementSize {
        /// Which one.
        name: String,
        /// Its type.
        dtype: DataType,
    },
    /// No such optimization profile.
    #[error("optimization profile {asked} was asked for; the engine has {profiles}")]
    NoProfile {
        /// What was asked for, from 0.
        asked: usize,
        /// How many there are.
        profiles: usize,
    },
    /// An input whose shape is not set.
    #[error("the shape of tensor \"{name}\" is not known: {shape:?}")]
    ShapeUnknown {
        /// Which tensor.
        name: String,
        /// What is known; -1 is not.
        shape: Vec<i64>,
    },
    /// A tensor without a buffer.
    #[error("tensor \"{name}\" has no memory bound to it")]
    NotBound {
        /// Which one.
        name: String,
    },
    /// A buffer too small for the shapes that are set.
    #[error("tensor \"{name}\" needs {needs} bytes for shape {shape:?}, its memory has {has}")]
    TooSmall {
        /// Which tensor.
        name: String,
        /// Its shape now.
        shape: Vec<i64>,
        /// Bytes needed.
        needs: u64,
        /// Bytes bound.
        has: u64,
    },
    /// A name that no tensor can have.
    #[error("a tensor name with a zero byte: {0:?}")]
    Name(String),
    /// The driver failed.
    #[error("CUDA: {0}")]
    Driver(#[from] DriverError),
}
