//! How an engine is to be built.

use super::{Error, Flavour, Typing, Version};

/// What the layers of an engine compute in.
///
/// Where typing is [`Typing::Strong`] this is a claim about the graph and is checked against it: types
/// come from the graph. Where it is [`Typing::Weak`] it also allows the library to use that precision.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Precision {
    /// 32 bit floating point, and nothing less: TF32, which TensorRT would use on Ampere and later, is off.
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

#[cfg(test)]
mod tests {
    use super::*;

    const TEN: (Flavour, u32, Typing) = (Flavour::TensorRt, 10, Typing::Weak);
    const ELEVEN: (Flavour, u32, Typing) = (Flavour::TensorRt, 11, Typing::Strong);
    const RTX: (Flavour, u32, Typing) = (Flavour::Rtx, 1, Typing::Strong);

    /// What `change` makes of good options: the option that is refused, if one is.
    fn refused(
        (flavour, major, typing): (Flavour, u32, Typing),
        change: impl FnOnce(&mut BuildOptions),
    ) -> Option<(&'static str, String)> {
        let mut options = BuildOptions {
            profiles: vec![Profile {
                inputs: vec![ShapeRange::fixed("image", [1, 3, 352, 480])],
            }],
            ..BuildOptions::default()
        };
        change(&mut options);
        let version = Version {
            major,
            minor: 3,
            patch: 0,
        };
        match options.check(flavour, version, typing) {
            Ok(()) => None,
            Err(Error::Option { option, reason }) => Some((option, reason)),
            Err(other) => panic!("{other}"),
        }
    }

    fn int8_with(cache: &[u8]) -> impl Fn(&mut BuildOptions) {
        move |o| {
            o.precision = Precision::Int8;
            o.calibration_cache = Some(cache.to_vec());
        }
    }

    #[test]
    fn good_options_pass_everywhere() {
        for library in [TEN, ELEVEN, RTX] {
            assert_eq!(refused(library, |_| ()), None);
            assert_eq!(refused(library, |o| o.workspace = Some(1 << 30)), None);
            assert_eq!(refused(library, |o| o.optimization_level = Some(5)), None);
            assert_eq!(refused(library, |o| o.profiles.clear()), None);
        }
    }

    #[test]
    fn each_library_has_options_of_its_own() {
        let option = |library, change: fn(&mut BuildOptions)| {
            refused(library, change).map(|(option, _)| option)
        };
        let timings = |o: &mut BuildOptions| o.timing_cache = Some(Vec::new());
        assert_eq!(option(TEN, timings), None);
        assert_eq!(option(RTX, timings), Some("timing_cache"));
        let capability = |o: &mut BuildOptions| o.compute_capability = Some((8, 9));
        assert_eq!(option(RTX, capability), None);
        assert_eq!(option(ELEVEN, capability), Some("compute_capability"));
        let dla = |o: &mut BuildOptions| {
            o.precision = Precision::Fp16;
            o.dla = Some(Dla {
                core: 1,
                gpu_fallback: false,
            });
        };
        assert_eq!(option(TEN, dla), None);
        assert_eq!(option(RTX, dla), Some("dla"));
    }

    #[test]
    fn calibration_is_for_int8_where_it_still_exists() {
        let cache: &[u8] = b"TRT-100300-EntropyCalibration2\nimage: 3c010a14\n";
        assert_eq!(refused(TEN, int8_with(cache)), None);
        let (option, reason) = refused(ELEVEN, int8_with(cache)).unwrap();
        assert_eq!(option, "calibration_cache");
        assert!(reason.contains("quantise the graph"), "{reason}");
        let for_fp32 = |o: &mut BuildOptions| o.calibration_cache = Some(cache.to_vec());
        assert!(refused(TEN, for_fp32).is_some());
        assert!(refused(TEN, int8_with(b"TRT-100300-MinMaxCalibration\n")).is_some());
        assert!(refused(TEN, int8_with(b"")).is_some());
    }

    #[test]
    fn dla_wants_one_size_and_no_fp32() {
        let dla = |o: &mut BuildOptions| {
            o.precision = Precision::Int8;
            o.dla = Some(Dla {
                core: 0,
                gpu_fallback: true,
            });
        };
        let ranged = |o: &mut BuildOptions| {
            dla(o);
            o.profiles[0].inputs[0].max[2] = 704;
        };
        assert_eq!(refused(TEN, ranged).unwrap().0, "profiles");
        let single = |o: &mut BuildOptions| {
            dla(o);
            o.precision = Precision::Fp32;
        };
        assert_eq!(refused(TEN, single).unwrap().0, "dla");
    }

    #[test]
    fn a_wrong_profile_is_told_by_its_input_and_axis() {
        let wrong = |change: fn(&mut Profile)| {
            let (option, reason) = refused(TEN, |o| change(&mut o.profiles[0])).unwrap();
            assert_eq!(option, "profiles");
            reason
        };
        assert!(wrong(|p| p.inputs.clear()).contains("no input"));
        assert!(wrong(|p| p.inputs.push(p.inputs[0].clone())).contains("twice"));
        let reason = wrong(|p| p.inputs[0].min[2] = 0);
        assert!(reason.contains("\"image\": axis 2"), "{reason}");
        assert!(wrong(|p| p.inputs[0].opt[3] = 481).contains("480, 481, 480"));
        assert!(wrong(|p| p.inputs[0].max[3] = 1 << 31).contains("2147483648"));
    }
}
