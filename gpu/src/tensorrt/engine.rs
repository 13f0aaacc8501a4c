//! An engine: what goes in, what comes out, and contexts to run it in.

use std::ffi::CString;
use std::fmt;
use std::sync::Arc;

use super::context::Context;
use super::runtime::SharedRuntime;
use super::{Error, ShapeRange, result, sys};

/// Type of a tensor's elements.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum DataType {
    /// 32 bit floating point.
    Float,
    /// 16 bit floating point.
    Half,
    /// 16 bit floating point with 8 bits of exponent.
    BFloat16,
    /// 8 bit signed.
    Int8,
    /// 32 bit signed.
    Int32,
    /// 64 bit signed.
    Int64,
    /// 8 bit unsigned.
    UInt8,
    /// One byte.
    Bool,
    /// 8 bit floating point.
    Fp8,
    /// Something newer, or less than a byte; TensorRT's number.
    Other(i32),
}

impl DataType {
    fn from_raw(raw: i32) -> Self {
        // nvinfer1::DataType; these numbers are the same in TensorRT 10, 11 and TensorRT-RTX.
        match raw {
            0 => Self::Float,
            1 => Self::Half,
            2 => Self::Int8,
            3 => Self::Int32,
            4 => Self::Bool,
            5 => Self::UInt8,
            6 => Self::Fp8,
            7 => Self::BFloat16,
            8 => Self::Int64,
            other => Self::Other(other),
        }
    }

    /// Bytes an element takes.
    pub fn bytes(self) -> Option<usize> {
        Some(match self {
            Self::Int64 => 8,
            Self::Float | Self::Int32 => 4,
            Self::Half | Self::BFloat16 => 2,
            Self::Int8 | Self::UInt8 | Self::Bool | Self::Fp8 => 1,
            Self::Other(_) => return None,
        })
    }
}

/// An input or an output.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TensorInfo {
    /// As in the graph.
    pub name: String,
    /// Otherwise an output.
    pub input: bool,
    /// Type of its elements.
    pub dtype: DataType,
    /// As N, C, H, W for pictures; -1 where the size is chosen when run.
    pub shape: Vec<i64>,
}

/// An engine, ready to run on this machine's GPU.
///
/// # On thread safety
/// An engine can be shared by threads that each run it in their own [`Context`]: what is asked of the engine
/// does not modify it, and making a context is one of the calls that may be made from several threads. See
/// [`super::Runtime`] for NVIDIA's rule.
#[derive(Clone)]
pub struct Engine(Arc<Inner>);

pub(crate) struct Inner {
    // Before the runtime: fields are dropped in this order.
    raw: result::Engine,
    tensors: Vec<TensorInfo>,
    names: Vec<CString>,
    profiles: usize,
    _runtime: Arc<SharedRuntime>,
}

// SAFETY: TensorRT does not tie its objects to the thread that made them.
unsafe impl Send for result::Engine {}
// SAFETY: through a shared reference it is only asked, or makes contexts; NVIDIA lists both as safe.
unsafe impl Sync for result::Engine {}

impl Engine {
    pub(crate) fn new(raw: result::Engine, runtime: Arc<SharedRuntime>) -> Result<Self, Error> {
        let mut tensors = Vec::new();
        let mut names = Vec::new();
        for index in 0..raw.tensors() {
            let (tensor, name) = raw.tensor(index)?;
            names.push(name.to_owned());
            tensors.push(TensorInfo {
                name: name.to_string_lossy().into_owned(),
                input: tensor.input != 0,
                dtype: DataType::from_raw(tensor.dtype),
                shape: shape_of(sys::Shape {
                    d: tensor.shape,
                    rank: tensor.rank,
                }),
            });
        }
        let profiles = usize::try_from(raw.profiles()).unwrap_or(0);
        Ok(Self(Arc::new(Inner {
            raw,
            tensors,
            names,
            profiles,
            _runtime: runtime,
        })))
    }

    /// Inputs and outputs, in the engine's order.
    pub fn tensors(&self) -> &[TensorInfo] {
        &self.0.tensors
    }

    /// How many optimization profiles there are.
    pub fn profiles(&self) -> usize {
        self.0.profiles
    }

    /// The sizes of an input that a profile serves; `None` for an output or an input that is no picture.
    ///
    /// # Errors
    /// No such tensor or profile.
    pub fn profile_shape(&self, name: &str, profile: usize) -> Result<Option<ShapeRange>, Error> {
        let index = self.0.index(name)?;
        let number = self.0.profile(profile)?;
        let raw = &self.0.raw;
        let of = |select| {
            let shape = raw.profile_shape(&self.0.names[index], number, select);
            <[i64; 4]>::try_from(shape_of(shape)).ok()
        };
        Ok(match (of(0), of(1), of(2)) {
            (Some(min), Some(opt), Some(max)) => Some(ShapeRange {
                name: name.to_owned(),
                min,
                opt,
                max,
            }),
            _ => None,
        })
    }

    /// Bytes of device memory that this profile needs for what is between the layers; 0 for a profile that
    /// is not there. A context allocates the most that any profile needs, whichever is its own.
    pub fn device_memory(&self, profile: usize) -> u64 {
        let Ok(profile) = self.0.profile(profile) else {
            return 0;
        };
        u64::try_from(self.0.raw.device_memory(profile)).unwrap_or(0)
    }

    /// The layers as JSON: names only, unless built with
    /// [`detailed_profile`](super::BuildOptions::detailed_profile). Empty if the library does not say.
    pub fn layer_information(&self) -> String {
        self.0.raw.information().unwrap_or_else(|error| {
            log::warn!("{error}");
            String::new()
        })
    }

    /// A context to run this engine in, with the sizes of one profile. Allocates its device memory. The CUDA
    /// context that is current on this thread has to be the one the engine was read in.
    ///
    /// # Errors
    /// No such profile, or no memory.
    pub fn context(&self, profile: usize) -> Result<Context, Error> {
        let number = self.0.profile(profile)?;
        let raw = self.0.raw.context(number)?;
        Context::new(raw, Arc::clone(&self.0))
    }
}

impl fmt::Debug for Engine {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Engine")
            .field("tensors", &self.0.tensors)
            .field("profiles", &self.0.profiles)
            .finish_non_exhaustive()
    }
}

impl Inner {
    pub(crate) fn tensors(&self) -> &[TensorInfo] {
        &self.tensors
    }

    pub(crate) fn name(&self, index: usize) -> &CString {
        &self.names[index]
    }

    /// Place of a tensor.
    pub(crate) fn index(&self, name: &str) -> Result<usize, Error> {
        self.tensors
            .iter()
            .position(|tensor| tensor.name == name)
            .ok_or_else(|| Error::NoTensor {
                name: name.to_owned(),
                known: self.tensors.iter().map(|t| t.name.clone()).collect(),
            })
    }

    fn profile(&self, asked: usize) -> Result<i32, Error> {
        i32::try_from(asked)
            .ok()
            .filter(|_| asked < self.profiles)
            .ok_or(Error::NoProfile {
                asked,
                profiles: self.profiles,
            })
    }
}

/// Empty if the library does not know the shape.
pub(crate) fn shape_of(shape: sys::Shape) -> Vec<i64> {
    let rank = usize::try_from(shape.rank).unwrap_or(0);
    shape.d[..rank.min(sys::MAX_RANK)].to_vec()
}
