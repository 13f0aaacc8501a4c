//! Is there a CUDA device, asked in a way that cannot crash.

use cudarc::driver::{DriverError, result, sys};

/// Shown by [`probe`]: the driver's library is there, it starts, and it has a device.
///
/// TensorRT wants it before it is touched: on a machine without a device its factory has been seen to
/// give a pointer that is neither null nor usable. `cudarc` panics when the library is not there.
#[derive(Debug, Clone)]
pub struct CudaProof {
    devices: usize,
}

impl CudaProof {
    /// How many devices there are, at least 1.
    pub fn devices(&self) -> usize {
        self.devices
    }
}

/// Why there is no CUDA device.
#[derive(Debug, thiserror::Error)]
pub enum ProbeError {
    /// The driver is not installed, or not visible in this container.
    #[error(
        "no CUDA driver: libcuda.so.1 is not there (is the NVIDIA driver installed; in a container, is \
         the GPU passed in?)"
    )]
    NoDriver,
    /// The driver's library is there and does not start.
    #[error("the CUDA driver does not start: {0}")]
    Init(DriverError),
    /// The driver runs and has no device.
    #[error("the CUDA driver has no device")]
    NoDevice,
}

/// Looks for a CUDA device.
///
/// # Errors
/// With what is missing.
pub fn probe() -> Result<CudaProof, ProbeError> {
    // SAFETY: it loads a library by name; libcuda has no start-up code that depends on ours.
    if !unsafe { sys::is_culib_present() } {
        return Err(ProbeError::NoDriver);
    }
    result::init().map_err(ProbeError::Init)?;
    let devices = result::device::get_count().map_err(ProbeError::Init)?;
    match usize::try_from(devices) {
        Ok(devices) if devices > 0 => Ok(CudaProof { devices }),
        _ => Err(ProbeError::NoDevice),
    }
}

#[cfg(test)]
impl CudaProof {
    /// Not a proof. For the one test that wants to see what the library does without a device.
    pub(crate) fn claimed() -> Self {
        Self { devices: 0 }
    }
}
