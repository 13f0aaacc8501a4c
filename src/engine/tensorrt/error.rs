use thiserror::Error;

use super::cache::CacheError;
use super::settings::SettingsError;

/// Why engines cannot be built or used.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum TensorRtError {
    /// Settings that cannot be.
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
}
