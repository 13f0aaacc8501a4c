//! What this machine has: GPU, driver, TensorRT, NVRTC. All of it is found at run time.

use lookout_gpu::cuda::{Device, Nvrtc, probe};
use lookout_gpu::tensorrt::{self, Library, Runtime};

use super::TensorRtError;
use super::cache;

/// All that is needed to build and run engines. The runtime goes before the device, whose context it
/// lives in.
pub(super) struct Found {
    pub(super) runtime: Runtime,
    pub(super) library: Library,
    pub(super) nvrtc: Nvrtc,
    pub(super) device: Device,
}

impl Found {
    /// Looks for it, the GPU first: TensorRT must not be touched without one.
    pub(super) fn look() -> Result<Self, TensorRtError> {
        let proof = probe()?;
        // `CUDA_VISIBLE_DEVICES` says which is the first
        let device = Device::open(&proof, 0)?;
        let library = Library::load()?;
        let runtime = library.runtime(&proof)?;
        Ok(Self {
            device,
            library,
            runtime,
            nvrtc: Nvrtc::load()?,
        })
    }

    /// The GPU, as keys have it.
    pub(super) fn key_device(&self) -> cache::Device {
        key_device(&self.device)
    }

    /// TensorRT, as keys have it.
    pub(super) fn key_library(&self) -> cache::Library {
        key_library(&self.library)
    }

    /// Version of NVRTC, as keys have it.
    pub(super) fn nvrtc_version(&self) -> Result<String, TensorRtError> {
        let (major, minor) = self.nvrtc.version()?;
        Ok(format!("{major}.{minor}"))
    }

    /// For people.
    pub(super) fn description(&self, precision: &str) -> String {
        let library = self.key_library();
        format!("{library} ({precision}) on {}", self.device.info())
    }
}

/// The GPU, as keys have it.
pub(super) fn key_device(device: &Device) -> cache::Device {
    let info = device.info();
    let (major, minor) = info.driver;
    cache::Device {
        gpu: info.name.clone(),
        compute_capability: info.compute_capability,
        multiprocessors: info.multiprocessors,
        driver: format!("{major}.{minor}"),
    }
}

/// TensorRT, as keys have it.
pub(super) fn key_library(library: &Library) -> cache::Library {
    key_version(library.flavour(), library.version())
}

/// A version of TensorRT, as keys have it.
pub(super) fn key_version(
    flavour: tensorrt::Flavour,
    version: tensorrt::Version,
) -> cache::Library {
    cache::Library {
        flavour: match flavour {
            tensorrt::Flavour::TensorRt => cache::Flavour::Standard,
            tensorrt::Flavour::Rtx => cache::Flavour::Rtx,
        },
        version: version.to_string(),
    }
}
