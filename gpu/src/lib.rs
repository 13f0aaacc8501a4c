//! What `lookout` needs of an NVIDIA GPU, safe to call: all `unsafe` of the project is in here.
//!
//! - [`cuda`] — memory, streams, events, captured graphs, kernels, over `cudarc`
//! - [`tensorrt`] — building and running engines
//!
//! Neither CUDA nor TensorRT is linked: their libraries are looked for when they are asked for, and a
//! machine without them gets an error that says what is missing.

pub mod cuda;
pub mod tensorrt;
