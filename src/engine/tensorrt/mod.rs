//! TensorRT on an NVIDIA GPU: one stream, one captured graph a part, results no larger than needed.

pub mod cache;
mod error;
pub mod kernels;
mod machine;
mod prepare;
mod settings;

pub use error::TensorRtError;
pub use machine::{Machine, machine};
pub use prepare::{Prepared, PreparedArtefact, Progress, prepare};
pub use settings::{BuildSettings, InputSizes, Precision, SettingsError};
