//! `lookout engine`: TensorRT engines, built ahead, listed, cleared away.

#[cfg(not(feature = "tensorrt"))]
mod absent;
#[cfg(feature = "tensorrt")]
mod build;
#[cfg(feature = "tensorrt")]
mod clean;
#[cfg(feature = "tensorrt")]
mod info;
#[cfg(feature = "tensorrt")]
mod present;
#[cfg(feature = "tensorrt")]
mod words;

#[cfg(not(feature = "tensorrt"))]
pub(crate) use absent::{EngineCommand, run};
#[cfg(feature = "tensorrt")]
pub(crate) use present::{EngineCommand, run};
