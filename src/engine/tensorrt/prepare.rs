//! Building what a bundle needs, ahead of its first frame.

use std::iter;
use std::path::PathBuf;

use super::cache::{Artefact, Cache, Origin, folder};
use super::error::TensorRtError;
use super::found::Found;
use super::plans::Maker;
use super::settings::BuildSettings;
use crate::model::Bundle;

/// An artefact that is ready to be used.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PreparedArtefact {
    /// Which.
    pub artefact: Artefact,
    /// Whether it was there, or why it was built and how long that took.
    pub from: Origin,
    /// Its length.
    pub bytes: usize,
    /// Its file; none where it could not be kept.
    pub path: Option<PathBuf>,
    /// What TensorRT says of an engine's layers, where the settings ask for it: JSON.
    pub layers: Option<String>,
}

/// All artefacts of a bundle.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Prepared {
    /// Where they are kept.
    pub folder: PathBuf,
    /// In the order in which they were made.
    pub artefacts: Vec<PreparedArtefact>,
}

/// How far preparing is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Progress<'a> {
    /// None that is there can be used: one is being built from now on.
    Building(Artefact),
    /// One is ready.
    Ready(&'a PreparedArtefact),
}

/// Builds the plans of a bundle's graphs and of its fallback's, and the kernels' cubin, as far as they are not there yet, and
/// remembers the settings: the engine is opened with them from then on.
///
/// # Errors
/// Settings that cannot be; no folder to keep engines in; no GPU, TensorRT or NVRTC; a failure of
/// one of these.
pub fn prepare(
    bundle: &Bundle,
    settings: &BuildSettings,
    progress: &mut dyn FnMut(Progress<'_>),
) -> Result<Prepared, TensorRtError> {
    settings.input_sizes(&bundle.manifest().input)?;
    let folder = folder(settings.cache_dir.as_deref())?;
    let cache = Cache::open(&folder)?;
    let found = Found::look()?;
    let mut artefacts = Vec::new();
    for part in iter::once(bundle).chain(bundle.fallback()) {
        let maker = Maker {
            found: &found,
            bundle: part,
            settings: &settings.of_part(bundle, part),
            cache: &cache,
        };
        artefacts.extend(maker.engines(progress)?.artefacts);
    }
    settings.remember(&folder)?;
    Ok(Prepared { folder, artefacts })
}
