//! What reads serialized engines.

use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use super::engine::Engine;
use super::{Error, result};

/// Reads serialized engines.
///
/// # On thread safety
/// NVIDIA's rule, in short: an object is used by one thread at a time, except that several threads may at
/// once ask a runtime or an engine without modifying it, read engines and make execution contexts; each
/// thread runs in a context of its own; the logger is one for the whole process
/// (<https://docs.nvidia.com/deeplearning/tensorrt/latest/architecture/how-trt-works.html>, "Thread Safety").
pub struct Runtime(Arc<SharedRuntime>);

/// Kept by the engines too: their memory and their logger are the runtime's.
pub(crate) struct SharedRuntime {
    pub(crate) raw: Mutex<result::Runtime>,
}

// SAFETY: TensorRT does not tie its objects to the thread that made them, and what the mutex holds is used
// by one thread at a time.
unsafe impl Send for result::Runtime {}

impl Runtime {
    pub(crate) fn new(raw: result::Runtime) -> Self {
        Self(Arc::new(SharedRuntime {
            raw: Mutex::new(raw),
        }))
    }

    /// Chooses the DLA core that engines built for DLA will run on.
    ///
    /// # Errors
    /// No such core.
    pub fn set_dla_core(&self, core: u32) -> Result<(), Error> {
        let core = i32::try_from(core).unwrap_or(i32::MAX);
        self.0.lock().set_dla_core(core)
    }

    /// Reads an engine. Only bytes that were built here may come in: the library trusts them and runs the
    /// code in them.
    ///
    /// # Errors
    /// An engine of another version or another GPU, damaged bytes, no memory; or an input or output that is
    /// not a dense tensor in device memory.
    pub fn deserialize(&self, plan: &[u8]) -> Result<Engine, Error> {
        let raw = self.0.lock().deserialize(plan)?;
        Engine::new(raw, Arc::clone(&self.0))
    }
}

impl fmt::Debug for Runtime {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Runtime").finish_non_exhaustive()
    }
}

impl SharedRuntime {
    fn lock(&self) -> MutexGuard<'_, result::Runtime> {
        // A panic while it was held left no half-done state: the shim's calls are whole.
        self.raw.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use crate::cuda::{CudaProof, probe};
    use crate::tensorrt::{BuildOptions, Library, Profile, ShapeRange};

    /// What `probe` keeps callers from: the library is asked to start without a device.
    #[test]
    #[ignore = "needs TensorRT-RTX; .ci/gpu/run_real.sh runs it"]
    fn without_a_device_the_library_refuses_an_engine_in_its_own_words() {
        let library = Library::load().unwrap();
        let onnx = include_bytes!("../../../models/road/segmentation.onnx");
        let options = BuildOptions {
            profiles: vec![Profile {
                inputs: vec![ShapeRange::fixed("image", [1, 3, 224, 480])],
            }],
            ..BuildOptions::default()
        };
        let plan = library.build(onnx, &options).unwrap();
        if let Ok(device) = probe() {
            let engine = library.runtime(&device).unwrap().deserialize(&plan);
            assert!(engine.is_ok(), "{:?}", engine.err());
            return;
        }
        let runtime = library.runtime(&CudaProof::claimed()).unwrap();
        let error = runtime.deserialize(&plan).unwrap_err().to_string();
        assert!(error.contains("could not read the engine"), "{error}");
        assert!(error.contains("cudaError"), "{error}");
    }
}
