use cudarc::driver::DriverError;
use thiserror::Error;

/// A call of the CUDA driver that failed.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[error("{call}: {name} ({code}): {text}")]
pub struct CudaError {
    /// What was being done.
    pub call: &'static str,
    /// The driver's number for it.
    pub code: u32,
    /// The driver's name for it, as `CUDA_ERROR_OUT_OF_MEMORY`.
    pub name: String,
    /// The driver's words for it.
    pub text: String,
}

impl CudaError {
    /// Something that the driver would refuse, or worse, would not: refused before it is asked.
    pub fn invalid(call: &'static str) -> Self {
        Self {
            call,
            code: cudarc::driver::sys::CUresult::CUDA_ERROR_INVALID_VALUE as u32,
            name: "CUDA_ERROR_INVALID_VALUE".into(),
            text: "refused before it was asked for".into(),
        }
    }

    pub(crate) fn new(call: &'static str, error: DriverError) -> Self {
        let said = |text: Result<&std::ffi::CStr, DriverError>| {
            text.map_or_else(|_| "unknown".into(), |t| t.to_string_lossy().into_owned())
        };
        Self {
            call,
            code: error.0 as u32,
            name: said(error.error_name()),
            text: said(error.error_string()),
        }
    }
}

/// Names the call of a failed result.
pub(crate) trait During<T> {
    fn during(self, call: &'static str) -> Result<T, CudaError>;
}

impl<T> During<T> for Result<T, DriverError> {
    fn during(self, call: &'static str) -> Result<T, CudaError> {
        self.map_err(|e| CudaError::new(call, e))
    }
}
