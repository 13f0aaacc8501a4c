use std::sync::Arc;

use cudarc::driver::{CudaFunction, CudaModule, sys};
use cudarc::nvrtc::Ptx;

use super::error::During;
use super::{CudaError, Device};

/// Compiled kernels on a device.
#[derive(Clone, Debug)]
pub struct Module(Arc<CudaModule>);

impl Module {
    /// Loads a cubin that was compiled for this device.
    ///
    /// # Errors
    /// What is no cubin, or one for another device.
    pub fn load(device: &Device, cubin: &[u8]) -> Result<Self, CudaError> {
        // The driver reads the image's own header for its length: what is no ELF is not shown to it.
        if !cubin.starts_with(b"\x7fELF") {
            let invalid = sys::CUresult::CUDA_ERROR_INVALID_IMAGE;
            return Err(CudaError::new(
                "load kernels",
                cudarc::driver::DriverError(invalid),
            ));
        }
        let image = Ptx::from_binary(cubin.to_vec());
        let module = device.context.load_module(image).during("load kernels")?;
        Ok(Self(module))
    }

    /// The kernel of that name.
    ///
    /// # Errors
    /// There is none.
    pub fn kernel(&self, name: &str) -> Result<Kernel, CudaError> {
        // a name with a zero byte in it is nobody's
        if name.contains('\0') {
            let none = sys::CUresult::CUDA_ERROR_NOT_FOUND;
            return Err(CudaError::new(
                "find a kernel",
                cudarc::driver::DriverError(none),
            ));
        }
        self.0
            .load_function(name)
            .during("find a kernel")
            .map(Kernel)
    }
}

/// A kernel; it keeps its module.
#[derive(Clone, Debug)]
pub struct Kernel(CudaFunction);

impl Kernel {
    pub(super) fn raw(&self) -> sys::CUfunction {
        self.0.cu_function()
    }
}
