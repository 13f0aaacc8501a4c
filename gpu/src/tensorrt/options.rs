//! How an engine is to be built.

use std::ffi::{CString, c_void};
use std::ptr;

use super::{Error, Flavour, Typing, Version, sys};

/// What the layers of an engine compute in.
///
/// Where typing is [`Typing::Strong`] this is a claim about the graph and is checked against it: types
/// come from the graph. Where it is [`Typing::Weak`] it also allows the library to use that precision.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Precision {
    /// 32 bit floating point. TensorRT uses TF32 for it on GPUs that have TF32 (Ampere and later).
    Fp32,
    /// 16 bit floating point, with 32 bit wherever the library (weak) or the graph (strong) has it.
    Fp16,
    /// 8 bit integers: a graph with QuantizeLinear nodes, or, where the library still knows them, a
    /// calibration cache. What is not quantised may run in FP16 where typing is weak.
    Int8,
}

/// One input's sizes in an optimization profile, as N, C, H, W.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ShapeRange {
    /// Name of the input.
    pub name: String,
    /// The smallest.
    pub min: [i64; 4],
    /// The one to be fastest at.
    pub opt: [i64; 4],
    /// The greatest.
    pub max: [i64; 4],
}

impl ShapeRange {
    /// One size only. The library plans better for a size that cannot change, and DLA wants it.
    pub fn fixed(name: impl Into<String>, shape: [i64; 4]) -> Self {
        Self {
            name: name.into(),
            min: shape,
            opt: shape,
            max: shape,
        }
    }

    /// Whether there is one size only.
    pub fn is_fixed(&self) -> bool {
        self.min == self.max
    }
}

/// One optimization profile: sizes of every input whose size is open in the graph.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Profile {
    /// One an input.
    pub inputs: Vec<ShapeRange>,
}

/// Run on a deep learning accelerator of a Jetson.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Dla {
    /// Which one, from 0.
    pub core: u32,
    /// Layers that it cannot run go to the GPU; otherwise they are an error.
    pub gpu_fallback: bool,
}

/// How an engine is to be built. The default is FP32 on the GPU, everything else the library's own choice.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BuildOptions {
    /// What layers compute in.
    pub precision: Precision,
    /// The most scratch memory a layer may use, in bytes. `None`: as much as the device has.
    pub workspace: Option<u64>,
    /// How hard to look for fast kernels, 0 to 5.
    pub optimization_level: Option<u8>,
    /// Sizes that the engine is to serve, one profile each. Empty only for a graph of fixed sizes.
    pub profiles: Vec<Profile>,
    /// A deep learning accelerator in place of the GPU.
    pub dla: Option<Dla>,
    /// Ranges for INT8, as TensorRT's entropy calibrator (its second version) writes them. TensorRT 10 only.
    pub calibration_cache: Option<Vec<u8>>,
    /// Kernel times of an earlier build on this machine; one of another is ignored with a warning.
    /// TensorRT-RTX has none.
    pub timing_cache: Option<Vec<u8>>,
    /// Keep the names and kinds of layers for [`super::Engine::layer_information`].
    pub detailed_profile: bool,
    /// GPU generation to build for, as (8, 9). TensorRT-RTX only; TensorRT builds for the GPU that is there.
    pub compute_capability: Option<(u32, u32)>,
}

impl Default for BuildOptions {
    fn default() -> Self {
        Self {
            precision: Precision::Fp32,
            workspace: None,
            optimization_level: None,
            profiles: Vec::new(),
            dla: None,
            calibration_cache: None,
            timing_cache: None,
            detailed_profile: false,
            compute_capability: None,
        }
    }
}

/// What calibration caches of the supported calibrator have in their first line.
const CALIBRATOR: &[u8] = b"EntropyCalibration2";
/// The greatest optimization level.
const MAX_LEVEL: u8 = 5;

impl BuildOptions {
    /// Refuses what cannot be, before the library is asked: its own words for these are less clear, and
    /// some it passes over.
    pub(crate) fn check(
        &self,
        flavour: Flavour,
        version: Version,
        typing: Typing,
    ) -> Result<(), Error> {
        let library = format!("{flavour} {version}");
        if self.workspace == Some(0) {
            return Err(refuse("workspace", "0 bytes; leave it out for no limit"));
        }
        if let Some(level) = self.optimization_level.filter(|&level| level > MAX_LEVEL) {
            return Err(refuse("optimization_level", format!("{level} is over 5")));
        }
        if let Some(cache) = &self.calibration_cache {
            if typing == Typing::Strong {
                return Err(refuse(
                    "calibration_cache",
                    format!("{library} has no calibration any more; quantise the graph"),
                ));
            }
            if self.precision != Precision::Int8 {
                return Err(refuse("calibration_cache", "only INT8 has a use for it"));
            }
            let first = cache.split(|&byte| byte == b'\n').next().unwrap_or(cache);
            if !first
                .windows(CALIBRATOR.len())
                .any(|part| part == CALIBRATOR)
            {
                return Err(refuse(
                    "calibration_cache",
                    "its first line does not name EntropyCalibration2",
                ));
            }
        }
        if flavour == Flavour::Rtx {
            if self.timing_cache.is_some() {
                return Err(refuse("timing_cache", format!("{library} has none")));
            }
            if self.dla.is_some() {
                return Err(refuse("dla", format!("{library} does not know DLA")));
            }
        } else if self.compute_capability.is_some() {
            return Err(refuse(
                "compute_capability",
                format!("{library} builds for the GPU of the machine it builds on"),
            ));
        }
        if let Some((major, minor)) = self.compute_capability
            && (major == 0 || major > 99 || minor > 9)
        {
            return Err(refuse(
                "compute_capability",
                format!("{major}.{minor} is none"),
            ));
        }
        if self.dla.is_some_and(|dla| i32::try_from(dla.core).is_err()) {
            return Err(refuse("dla", "no machine has so many cores"));
        }
        if self.dla.is_some() && self.precision == Precision::Fp32 {
            return Err(refuse("dla", "it computes in FP16 and INT8 only"));
        }
        self.check_profiles()
    }

    fn check_profiles(&self) -> Result<(), Error> {
        for (index, profile) in self.profiles.iter().enumerate() {
            if profile.inputs.is_empty() {
                return Err(refuse("profiles", format!("profile {index} has no input")));
            }
            for (place, range) in profile.inputs.iter().enumerate() {
                let wrong = |reason: &str| {
                    let name = &range.name;
                    Err(refuse(
                        "profiles",
                        format!("profile {index}, input \"{name}\": {reason}"),
                    ))
                };
                if profile.inputs[..place]
                    .iter()
                    .any(|other| other.name == range.name)
                {
                    return wrong("twice");
                }
                for axis in 0..4 {
                    let (min, opt, max) = (range.min[axis], range.opt[axis], range.max[axis]);
                    if min < 1 {
                        return wrong(&format!("axis {axis} can be {min}"));
                    }
                    if !(min <= opt && opt <= max) {
                        return wrong(&format!(
                            "axis {axis}: {min}, {opt}, {max} is not in ascending order"
                        ));
                    }
                    if i32::try_from(max).is_err() {
                        return wrong(&format!("axis {axis} can be {max}"));
                    }
                }
                if self.dla.is_some() && !range.is_fixed() {
                    return wrong("DLA wants one size only");
                }
            }
        }
        Ok(())
    }
}

fn refuse(option: &'static str, reason: impl Into<String>) -> Error {
    Error::Option {
        option,
        reason: reason.into(),
    }
}

/// [`BuildOptions`] as the shim wants them, with everything that the pointers in there point at.
pub(crate) struct RawOptions<'a> {
    options: sys::Options,
    _profiles: Vec<sys::Profile>,
    _ranges: Vec<Vec<sys::Range>>,
    _names: Vec<CString>,
    _borrowed: std::marker::PhantomData<&'a BuildOptions>,
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
            _borrowed: std::marker::PhantomData,
        })
    }

    pub(crate) fn as_ptr(&self) -> *const sys::Options {
        &self.options
    }
}
