//! What of TensorRT and CUDA this machine has.

use std::path::PathBuf;

use lookout_gpu::cuda::{self, probe};
use lookout_gpu::tensorrt;

use super::cache::{Device, Environment, Library};
use super::error::TensorRtError;
use super::found::{key_device, key_library, key_version};

/// What was found. What was not says why, for people.
#[derive(Clone, Debug)]
pub struct Machine {
    /// The GPU and its driver.
    pub device: Result<Device, String>,
    /// The TensorRT library.
    pub library: Result<Library, String>,
    /// Where it was found.
    pub library_path: Option<PathBuf>,
    /// The TensorRT whose headers this lookout was compiled against.
    pub compiled_for: Option<Library>,
    /// Version of NVRTC, such as `12.6`.
    pub nvrtc: Result<String, String>,
}

impl Machine {
    /// What built artefacts depend on; none without a GPU.
    pub fn environment(&self) -> Option<Environment> {
        Some(Environment {
            device: self.device.clone().ok()?,
            library: self.library.clone().ok(),
            nvrtc: self.nvrtc.clone().ok(),
        })
    }

    /// Whether engines can be built and run.
    ///
    /// # Errors
    /// The first thing that is missing.
    pub fn check(&self) -> Result<(), TensorRtError> {
        let missing = [
            ("NVIDIA GPU", self.device.as_ref().err()),
            ("TensorRT", self.library.as_ref().err()),
            ("NVRTC", self.nvrtc.as_ref().err()),
        ];
        let missing = missing
            .into_iter()
            .find_map(|(what, why)| Some((what, why?)));
        match missing {
            Some((what, message)) => Err(TensorRtError::Unavailable {
                what,
                message: message.clone(),
            }),
            None => Ok(()),
        }
    }
}

/// Looks at this machine.
pub fn machine() -> Machine {
    let device = probe()
        .map_err(|e| e.to_string())
        .and_then(|proof| cuda::Device::open(&proof, 0).map_err(|e| e.to_string()));
    let library = tensorrt::Library::load().map_err(|e| e.to_string());
    let nvrtc = cuda::Nvrtc::load().and_then(|nvrtc| nvrtc.version());
    let (flavour, version) = tensorrt::compiled_for();
    Machine {
        device: device.map(|device| key_device(&device)),
        library_path: library.as_ref().ok().map(|l| l.path().to_owned()),
        library: library.map(|library| key_library(&library)),
        compiled_for: Some(key_version(flavour, version)),
        nvrtc: nvrtc
            .map(|(major, minor)| format!("{major}.{minor}"))
            .map_err(|e| e.to_string()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::engine::tensorrt::cache::Flavour;

    fn whole() -> Machine {
        Machine {
            device: Ok(Device {
                gpu: "Orin".to_owned(),
                compute_capability: (8, 7),
                multiprocessors: 16,
                driver: "12.6".to_owned(),
            }),
            library: Ok(Library {
                flavour: Flavour::Standard,
                version: "10.3.0".to_owned(),
            }),
            library_path: None,
            compiled_for: None,
            nvrtc: Ok("12.6".to_owned()),
        }
    }

    #[test]
    fn the_first_thing_that_is_missing_is_named() {
        assert!(whole().check().is_ok());
        let told = |change: fn(&mut Machine)| {
            let mut machine = whole();
            change(&mut machine);
            machine.check().unwrap_err().to_string()
        };
        type Case = (fn(&mut Machine), &'static str);
        let cases: [Case; 4] = [
            (
                |m| m.device = Err("no driver".into()),
                "no NVIDIA GPU: no driver",
            ),
            (
                |m| m.library = Err("not found".into()),
                "no TensorRT: not found",
            ),
            (|m| m.nvrtc = Err("not found".into()), "no NVRTC: not found"),
            (
                |m| {
                    m.nvrtc = Err("not found".into());
                    m.device = Err("no driver".into());
                },
                "no NVIDIA GPU: no driver",
            ),
        ];
        for (change, words) in cases {
            assert_eq!(told(change), words);
        }
    }

    #[test]
    fn without_a_gpu_nothing_can_be_said_of_what_fits() {
        let environment = whole().environment().unwrap();
        assert_eq!(environment.library, whole().library.ok());
        assert_eq!(environment.nvrtc.as_deref(), Some("12.6"));
        let mut machine = whole();
        machine.library = Err("not found".into());
        assert_eq!(machine.environment().unwrap().library, None);
        machine.device = Err("no driver".into());
        assert_eq!(machine.environment(), None);
    }
}
