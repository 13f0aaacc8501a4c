use std::fmt;
use std::sync::Arc;

use cudarc::driver::CudaContext;
use cudarc::driver::sys::CUdevice_attribute as Attribute;

use super::CudaError;
use super::error::During;
use crate::cuda::CudaProof;

/// What is known of a GPU.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DeviceInfo {
    /// As the driver numbers it, from 0.
    pub ordinal: usize,
    /// As the driver names it.
    pub name: String,
    /// Major and minor: 8, 7 for an Orin.
    pub compute_capability: (u32, u32),
    /// CUDA version of the driver, major and minor.
    pub driver: (u32, u32),
    /// Whether it shares its memory with the CPU, as a Jetson's does.
    pub integrated: bool,
    /// Bytes of memory.
    pub memory: u64,
    /// Streaming multiprocessors.
    pub multiprocessors: u32,
}

impl fmt::Display for DeviceInfo {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let ((major, minor), (cuda, update)) = (self.compute_capability, self.driver);
        write!(
            f,
            "{} (compute capability {major}.{minor}, driver for CUDA {cuda}.{update})",
            self.name
        )
    }
}

/// An opened GPU: its primary context, which TensorRT uses too.
#[derive(Clone)]
pub struct Device {
    pub(super) context: Arc<CudaContext>,
    info: Arc<DeviceInfo>,
}

impl Device {
    /// Opens the GPU with that number.
    ///
    /// # Errors
    /// No such device, or one that cannot be used.
    pub fn open(_proof: &CudaProof, ordinal: usize) -> Result<Self, CudaError> {
        let context = CudaContext::new(ordinal).during("open the device")?;
        // SAFETY: no `CudaSlice` is made of this context, which is all that the tracking serves; order
        // between streams is kept by events of our own.
        unsafe { context.disable_event_tracking() };
        let attribute = |a: Attribute| context.attribute(a).during("ask for an attribute");
        let count = |a| attribute(a).map(|n| u32::try_from(n).unwrap_or(0));
        let mut version = 0;
        // SAFETY: writes one int.
        unsafe { cudarc::driver::sys::cuDriverGetVersion(&mut version) }
            .result()
            .during("ask for the driver's version")?;
        let version = u32::try_from(version).unwrap_or(0);
        let info = DeviceInfo {
            ordinal,
            name: context.name().during("ask for the device's name")?,
            compute_capability: (
                count(Attribute::CU_DEVICE_ATTRIBUTE_COMPUTE_CAPABILITY_MAJOR)?,
                count(Attribute::CU_DEVICE_ATTRIBUTE_COMPUTE_CAPABILITY_MINOR)?,
            ),
            driver: (version / 1000, version % 1000 / 10),
            integrated: attribute(Attribute::CU_DEVICE_ATTRIBUTE_INTEGRATED)? != 0,
            memory: context.total_mem().during("ask for the memory's size")? as u64,
            multiprocessors: count(Attribute::CU_DEVICE_ATTRIBUTE_MULTIPROCESSOR_COUNT)?,
        };
        Ok(Self {
            context,
            info: Arc::new(info),
        })
    }

    /// What is known of it.
    pub fn info(&self) -> &DeviceInfo {
        &self.info
    }

    /// Waits until all streams are done.
    ///
    /// # Errors
    /// What failed on the device since it was asked last.
    pub fn synchronize(&self) -> Result<(), CudaError> {
        self.context.synchronize().during("wait for the device")
    }

    /// What went wrong where nothing could be returned, as in `drop`; told once.
    ///
    /// # Errors
    /// That.
    pub fn check(&self) -> Result<(), CudaError> {
        self.context.check_err().during("release something")
    }

    /// Makes the context current on this thread.
    pub(super) fn bind(&self) -> Result<(), CudaError> {
        self.context.bind_to_thread().during("use the device")
    }
}

impl fmt::Debug for Device {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Device").field(&self.info).finish()
    }
}
