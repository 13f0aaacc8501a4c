//! Opening the engine.

use lookout_gpu::cuda::{Priority, Stream};

use super::cache::Cache;
use super::found::Found;
use super::lane::Gpu;
use super::launch::Kernels;
use super::plans::{Engines, Maker};
use super::settings::BuildSettings;
use super::{Loaded, TensorRtEngine, TensorRtError};
use crate::engine::EngineError;
use crate::model::Bundle;

impl TensorRtEngine {
    /// Opens the GPU and makes engines for a bundle, or takes them from the cache; tries them on a grey
    /// frame.
    ///
    /// # Errors
    /// No GPU, TensorRT or NVRTC; settings that cannot be; a graph that TensorRT refuses; networks that give
    /// values that are not finite.
    pub fn load(bundle: &Bundle, settings: &BuildSettings) -> Result<Self, EngineError> {
        let found = Found::look()?;
        let cache = Cache::open_or_without(settings.cache_dir.as_deref());
        let maker = Maker {
            found: &found,
            bundle,
            settings,
            cache: &cache,
        };
        let engines = maker.engines(&mut |_| {})?;
        let loaded = loaded(&found, engines, settings)?;
        Self::new(bundle, loaded)
    }
}

fn loaded(
    found: &Found,
    engines: Engines,
    settings: &BuildSettings,
) -> Result<Loaded, TensorRtError> {
    let device = &found.device;
    Ok(Loaded {
        description: found.description(settings.precision.name()),
        // what the networks do goes before whatever else the GPU does, frames to come go last
        upload: Stream::new(device, Priority::Lowest)?,
        gpu: Gpu {
            stream: Stream::new(device, Priority::Highest)?,
            kernels: Kernels::load(device, &engines.cubin)?,
            segmentation: engines.segmentation,
            head: engines.head,
        },
        // settings without a camera were refused before
        camera: settings.cameras.first().copied().unwrap_or((1280, 720)),
    })
}
