//! Which TensorRT this was compiled against.

use std::fmt;

use super::sys;

/// The two products behind one interface.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Flavour {
    /// TensorRT: every Jetson, data centre and desktop GPUs. Builds on the GPU that will run the engine.
    TensorRt,
    /// TensorRT-RTX: desktop GPUs from Turing on. Builds without a GPU; compiles its kernels when run.
    Rtx,
}

impl fmt::Display for Flavour {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::TensorRt => "TensorRT",
            Self::Rtx => "TensorRT-RTX",
        })
    }
}

/// Version of headers or of a library.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Version {
    /// First number.
    pub major: u32,
    /// Second number.
    pub minor: u32,
    /// Third number.
    pub patch: u32,
}

impl fmt::Display for Version {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}.{}", self.major, self.minor, self.patch)
    }
}

/// Where the types of an engine come from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Typing {
    /// The precision asked for decides what the library may use: TensorRT 10.
    Weak,
    /// The graph decides; for FP16 or INT8 it has to say so itself. TensorRT 11 and TensorRT-RTX.
    Strong,
}

/// Product and version of the headers. Only a library of the same kind can be loaded.
pub fn compiled_for() -> (Flavour, Version) {
    let (mut major, mut minor, mut patch, mut rtx) = (0, 0, 0, 0);
    sys::lookout_trt_compiled(&mut major, &mut minor, &mut patch, &mut rtx);
    let number = i32::unsigned_abs;
    let version = Version {
        major: number(major),
        minor: number(minor),
        patch: number(patch),
    };
    let flavour = if rtx != 0 {
        Flavour::Rtx
    } else {
        Flavour::TensorRt
    };
    (flavour, version)
}

pub(crate) fn typing() -> Typing {
    if sys::lookout_trt_strongly_typed() != 0 {
        Typing::Strong
    } else {
        Typing::Weak
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_are_ordered_and_shown() {
        let version = |major, minor, patch| Version {
            major,
            minor,
            patch,
        };
        assert_eq!(version(11, 4, 0).to_string(), "11.4.0");
        assert!(version(10, 16, 0) > version(10, 3, 9));
        assert!(version(11, 0, 0) > version(10, 16, 1));
    }

    #[test]
    fn headers_are_of_a_supported_kind() {
        let (flavour, version) = compiled_for();
        match flavour {
            Flavour::TensorRt => assert!(version.major >= 10),
            Flavour::Rtx => assert_eq!(version.major, 1),
        }
        assert_eq!(
            typing() == Typing::Weak,
            flavour == Flavour::TensorRt && version.major == 10
        );
    }
}
