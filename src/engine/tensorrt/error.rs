use std::path::PathBuf;

use lookout_gpu::cuda::{CudaError, NvrtcError, ProbeError};
use lookout_gpu::tensorrt;
use thiserror::Error;

use super::cache::CacheError;
use super::precision::PrecisionError;
use super::settings::SettingsError;

/// Why the networks cannot be built for, or run on, the GPU.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum TensorRtError {
    /// There is no GPU to use.
    #[error("no GPU: {0}")]
    NoDevice(#[from] ProbeError),
    /// A call of the CUDA driver failed.
    #[error("CUDA: {0}")]
    Cuda(#[from] CudaError),
    /// TensorRT is missing, or refused.
    #[error("TensorRT: {0}")]
    Library(#[from] tensorrt::Error),
    /// The kernels could not be compiled.
    #[error(transparent)]
    Nvrtc(#[from] NvrtcError),
    /// The settings of the build.
    #[error(transparent)]
    Settings(#[from] SettingsError),
    /// The folder for engines cannot be used.
    #[error(transparent)]
    Cache(#[from] CacheError),
    /// Something that this machine would have to have.
    #[error("no {what}: {message}")]
    Unavailable {
        /// What is missing: the GPU, TensorRT, NVRTC.
        what: &'static str,
        /// What was found in its place.
        message: String,
    },
    /// A graph whose precision cannot be told or changed.
    #[error(transparent)]
    Precision(#[from] PrecisionError),
    /// A graph for INT8 that has no scales.
    #[error("{} has no QuantizeLinear nodes: it is not quantised", path.display())]
    NotQuantised {
        /// The graph.
        path: PathBuf,
    },
    /// A file that cannot be read.
    #[error("cannot read {}: {source}", path.display())]
    File {
        /// Which.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// A frame whose input is not one that the engines were built for.
    #[error(
        "a camera of {camera_width}x{camera_height} needs an input {width} pixels wide, and the engine \
         takes {least} to {most}: `lookout engine build --camera {camera_width}x{camera_height}`"
    )]
    OutsideProfile {
        /// Camera width in pixels.
        camera_width: u32,
        /// Camera height in pixels.
        camera_height: u32,
        /// Input width that it needs.
        width: u32,
        /// Narrowest that was built for.
        least: i64,
        /// Widest that was built for.
        most: i64,
    },
    /// A tensor of the engine is not f32.
    #[error("{tensor} of the engine is {found:?}, not 32 bit floating point")]
    TensorType {
        /// Its name.
        tensor: String,
        /// What it is.
        found: tensorrt::DataType,
    },
    /// The observer's graph reads a tensor that the segmentation graph does not give.
    #[error("the observer's engine reads {tensor}, which the segmentation engine does not give")]
    NoSuchTensor {
        /// Its name.
        tensor: String,
    },
}
