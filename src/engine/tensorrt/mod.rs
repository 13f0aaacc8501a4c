//! TensorRT on an NVIDIA GPU: one stream, one captured graph a part, results no larger than needed.
//!
//! ```text
//!  upload stream    camera's bytes ─► slot ┐ (two slots: the next frame comes while one is worked on)
//!                                          ▼
//!  one stream       ┌ graph: preprocess ─► segmentation ─► judge ─► results ┐  mandatory part
//!                   └ graph: head ─► judge ─► results ┘                        optional part
//! ```
//! - A **slot** holds a camera message on its way: pinned memory and its copy on the GPU, or on a Jetson
//!   memory that both see.
//! - A **lane** is one size of the networks' input: its buffers, and both parts captured on them. What
//!   differs from frame to frame lies in a block of parameters that each replay reads anew.
//! - A **part** is a network with what comes before and after it, captured as one CUDA graph. A launch
//!   cannot be called back, so the head is a part of its own, which the deadline can refuse.
//!
//! Activations never leave the GPU. Of the results the CPU gets scores, classes, mask and counts a block;
//! logits only where nobody has said how to judge.
//!
//! All `unsafe` is in the crate `lookout-gpu`, and in `launch`, which hands kernels their arguments.

pub mod cache;
mod engine;
mod error;
mod found;
pub mod kernels;
mod lane;
mod launch;
mod load;
mod machine;
mod part;
mod plans;
pub mod precision;
mod prepare;
mod remembered;
mod settings;
mod slots;

pub use engine::TensorRtEngine;
pub use error::TensorRtError;
pub use machine::{Machine, machine};
pub use prepare::{Prepared, PreparedArtefact, Progress, prepare};
pub use settings::{BuildSettings, InputSizes, Precision, SettingsError};

const NAME: &str = "tensorrt";

/// What an engine is made of.
struct Loaded {
    gpu: lane::Gpu,
    /// For camera bytes.
    upload: lookout_gpu::cuda::Stream,
    /// In words for people.
    description: String,
    /// Width and height of a frame that the engines take.
    camera: (u32, u32),
}
