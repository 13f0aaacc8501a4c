use std::path::PathBuf;

use thiserror::Error;

/// Why an engine cannot be made or cannot run.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum EngineError {
    /// A graph cannot be loaded.
    #[error("{engine}: cannot load {graph}: {message}")]
    Load {
        /// Engine name.
        engine: &'static str,
        /// Graph, by its file name.
        graph: String,
        /// What the library said.
        message: String,
    },
    /// A graph lacks a tensor that the manifest names.
    #[error("{engine}: {graph} has no tensor {tensor}; the manifest names it")]
    MissingTensor {
        /// Engine name.
        engine: &'static str,
        /// Graph, by its file name.
        graph: String,
        /// Tensor name.
        tensor: String,
    },
    /// A tensor has another shape than the manifest promises.
    #[error(
        "{engine}: {tensor} has shape {found:?}, and the manifest's input and stride promise \
         {expected:?}; where the network gives another size, resize it in the graph"
    )]
    Shape {
        /// Engine name.
        engine: &'static str,
        /// Graph, by its file name, and name of the tensor.
        tensor: String,
        /// Shape that the manifest promises.
        expected: [usize; 4],
        /// Shape that came.
        found: Vec<usize>,
    },
    /// The networks gave something that is no number on a plain grey frame: broken weights.
    #[error("{engine}: {tensor} has {count} values that are not finite on a grey frame")]
    NonFinite {
        /// Engine name.
        engine: &'static str,
        /// Tensor name.
        tensor: String,
        /// How many.
        count: usize,
    },
    /// The frame is empty.
    #[error("an empty frame")]
    EmptyFrame,
    /// The frame is too long and thin for the networks.
    #[error(
        "a frame of {width}x{height} needs an input {input} pixels wide, at most {max} are taken"
    )]
    FrameShape {
        /// Frame width in pixels.
        width: u32,
        /// Frame height in pixels.
        height: u32,
        /// Input width that it would need.
        input: u64,
        /// Widest input.
        max: u32,
    },
    /// The networks take one size, and the other resolution was asked for.
    #[error(
        "the bundle's networks take one size only, {width}x{height}: there is no reduced resolution"
    )]
    NoReduced {
        /// Columns that they take.
        width: u32,
        /// Rows that they take.
        height: u32,
    },
    /// The networks of a fallback were asked for, of an engine that has none.
    #[error("the fallback's networks were asked for, and this engine has none")]
    NoFallback,
    /// The bundle has no observer, and no other head was chosen.
    #[error("the observer was asked for, and the bundle has none")]
    NoObserver,
    /// The observer was asked for before anything was segmented.
    #[error("the observer was asked for without a segmented frame")]
    NothingSegmented,
    /// The library failed while running.
    #[error("{engine}: {graph} failed: {message}")]
    Run {
        /// Engine name.
        engine: &'static str,
        /// Graph, by its file name.
        graph: String,
        /// What the library said.
        message: String,
    },
    /// Resizing failed.
    #[error("cannot resize {width}x{height} to the input: {message}")]
    Resize {
        /// Frame width in pixels.
        width: u32,
        /// Frame height in pixels.
        height: u32,
        /// What the library said.
        message: String,
    },
    /// The GPU.
    #[cfg(feature = "tensorrt")]
    #[error(transparent)]
    TensorRt(#[from] Box<super::tensorrt::TensorRtError>),
    /// ONNX Runtime was asked for and is not there.
    #[error("ONNX Runtime not found; looked at {}", display(.searched))]
    NoOnnxRuntime {
        /// Places looked at.
        searched: Vec<PathBuf>,
    },
    /// The ONNX Runtime library that was found cannot be used.
    #[error("ONNX Runtime at {path}: {message}")]
    OnnxRuntime {
        /// The library.
        path: PathBuf,
        /// What is wrong.
        message: String,
    },
    /// An engine is too far from the reference for a bundle.
    #[error("{engine} is not accepted for the bundle {bundle}: {figures}; {limits}")]
    NotAccepted {
        /// The engine in words.
        engine: String,
        /// Name of the bundle.
        bundle: String,
        /// What was found, of the modes that are beyond the limits.
        figures: String,
        /// The limits in words.
        limits: String,
    },
    /// An engine cannot be held against the reference.
    #[error("{engine} cannot be held against the reference for the bundle {bundle}: {source}")]
    NotCompared {
        /// The engine in words.
        engine: String,
        /// Name of the bundle.
        bundle: String,
        /// Why.
        source: Box<super::CompareError>,
    },
    /// TensorRT was asked for and cannot be used.
    #[error("TensorRT cannot be used: {message}")]
    NoTensorRt {
        /// What is missing.
        message: String,
    },
}

fn display(paths: &[PathBuf]) -> String {
    let names: Vec<_> = paths.iter().map(|p| p.display().to_string()).collect();
    names.join(", ")
}

#[cfg(feature = "tensorrt")]
impl From<super::tensorrt::TensorRtError> for EngineError {
    fn from(e: super::tensorrt::TensorRtError) -> Self {
        Self::TensorRt(Box::new(e))
    }
}
