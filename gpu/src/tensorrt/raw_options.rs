//! [`BuildOptions`] as the shim takes them.

use std::ffi::{CString, c_void};
use std::marker::PhantomData;
use std::ptr;

use super::{BuildOptions, Error, Precision, sys};

/// [`BuildOptions`] as the shim wants them, with everything that the pointers in there point at.
pub(crate) struct RawOptions<'a> {
    options: sys::Options,
    _profiles: Vec<sys::Profile>,
    _ranges: Vec<Vec<sys::Range>>,
    _names: Vec<CString>,
    _borrowed: PhantomData<&'a BuildOptions>,
}

impl<'a> RawOptions<'a> {
    /// Of options that have been checked.
    pub(crate) fn new(options: &'a BuildOptions) -> Result<Self, Error> {
        let mut names = Vec::new();
        let mut ranges = Vec::new();
        for profile in &options.profiles {
            let mut of_profile = Vec::with_capacity(profile.inputs.len());
            for input in &profile.inputs {
                let name = CString::new(input.name.as_str())
                    .map_err(|_| Error::Name(input.name.clone()))?;
                of_profile.push(sys::Range {
                    name: name.as_ptr(),
                    min: input.min,
                    opt: input.opt,
                    max: input.max,
                });
                // Its characters are on the heap and stay where they are when the vector grows.
                names.push(name);
            }
            ranges.push(of_profile);
        }
        let profiles: Vec<_> = ranges
            .iter()
            .map(|ranges| sys::Profile {
                ranges: ranges.as_ptr(),
                count: ranges.len(),
            })
            .collect();
        let bytes = |cache: &Option<Vec<u8>>| match cache {
            Some(cache) if !cache.is_empty() => (cache.as_ptr().cast::<c_void>(), cache.len()),
            _ => (ptr::null(), 0),
        };
        let (calibration_cache, calibration_cache_bytes) = bytes(&options.calibration_cache);
        let (timing_cache, timing_cache_bytes) = bytes(&options.timing_cache);
        let raw = sys::Options {
            profiles: profiles.as_ptr(),
            profile_count: profiles.len(),
            calibration_cache,
            calibration_cache_bytes,
            timing_cache,
            timing_cache_bytes,
            workspace: options.workspace.unwrap_or(0),
            precision: match options.precision {
                Precision::Fp32 => 0,
                Precision::Fp16 => 1,
                Precision::Int8 => 2,
            },
            optimization_level: options.optimization_level.map_or(-1, i32::from),
            dla_core: options
                .dla
                .and_then(|dla| i32::try_from(dla.core).ok())
                .unwrap_or(-1),
            gpu_fallback: i32::from(options.dla.is_some_and(|dla| dla.gpu_fallback)),
            detailed_profile: i32::from(options.detailed_profile),
            compute_capability: options
                .compute_capability
                .and_then(|(major, minor)| i32::try_from(major * 10 + minor).ok())
                .unwrap_or(0),
        };
        Ok(Self {
            options: raw,
            _profiles: profiles,
            _ranges: ranges,
            _names: names,
            _borrowed: PhantomData,
        })
    }

    pub(crate) fn as_ptr(&self) -> *const sys::Options {
        &self.options
    }
}
