//! What a built artefact depends on.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use serde::{Deserialize, Serialize};

use super::super::Precision;
use super::digest::Digest;

named! {
    /// What is built and kept.
    #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
    #[serde(rename_all = "lowercase")]
    pub enum Artefact {
        /// The plan of the segmentation network.
        Segmentation => "segmentation",
        /// The plan of the observer, or of the head that was chosen in its place.
        Observer => "observer",
        /// The cubin of lookout's own CUDA kernels.
        Kernels => "kernels",
    }
}

impl Artefact {
    /// Subject and verb of a sentence about it.
    pub const fn is(self) -> &'static str {
        match self {
            Self::Segmentation => "segmentation engine is",
            Self::Observer => "engine of the observer, or of another head, is",
            Self::Kernels => "GPU kernels are",
        }
    }

    /// Ending of its file.
    pub const fn extension(self) -> &'static str {
        match self {
            Self::Segmentation | Self::Observer => "plan",
            Self::Kernels => "cubin",
        }
    }
}

/// The graphs of a bundle that run.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Graph {
    /// The segmentation network.
    Segmentation,
    /// The observer, or the head that was chosen in its place.
    Observer,
}

named! {
    /// Which TensorRT: their plans are not each other's.
    #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
    #[serde(rename_all = "lowercase")]
    pub enum Flavour {
        /// TensorRT, as JetPack and the server packages have it.
        Standard => "standard",
        /// TensorRT for RTX.
        Rtx => "rtx",
    }
}

/// A TensorRT library.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Library {
    /// Which TensorRT.
    pub flavour: Flavour,
    /// Version of the library that is loaded, such as `10.3.0`.
    pub version: String,
}

impl fmt::Display for Library {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.flavour {
            Flavour::Standard => write!(f, "TensorRT {}", self.version),
            Flavour::Rtx => write!(f, "TensorRT for RTX {}", self.version),
        }
    }
}

/// The GPU and its driver.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Device {
    /// Name that the driver gives it.
    pub gpu: String,
    /// Compute capability, major and minor.
    pub compute_capability: (u32, u32),
    /// Streaming multiprocessors. Boards with different numbers of them may share a name.
    pub multiprocessors: u32,
    /// CUDA version that the driver supports, such as `12.6`.
    pub driver: String,
}

/// Everything of a machine that a built artefact depends on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Environment {
    /// The GPU.
    pub device: Device,
    /// The TensorRT that is there, if any.
    pub library: Option<Library>,
    /// Version of the NVRTC that is there, if any.
    pub nvrtc: Option<String>,
}

/// Shapes that an input may have, outermost dimension first.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ShapeRange {
    /// Smallest in each dimension.
    pub min: Vec<u32>,
    /// The one that kernels are chosen for.
    pub opt: Vec<u32>,
    /// Largest in each dimension.
    pub max: Vec<u32>,
}

/// An optimisation profile: the shapes of each input, by the tensor's name.
pub type Profile = BTreeMap<String, ShapeRange>;

/// How a plan is built.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PlanRecipe {
    /// Which network.
    pub graph: Graph,
    /// What builds it.
    pub library: Library,
    /// Precision of the layers.
    pub precision: Precision,
    /// DLA core that it runs on; the GPU without it.
    pub dla: Option<u32>,
    /// Most scratch memory in bytes, below 2^63; the library's own limit without it.
    pub workspace: Option<u64>,
    /// Builder optimisation level; the library's own default without it.
    pub optimization_level: Option<u8>,
    /// Whether the plan tells what its layers do.
    pub detailed_profile: bool,
    /// The INT8 calibration cache, where there is one.
    pub calibration: Option<Digest>,
    /// Any other builder flag that is set, by name.
    pub flags: BTreeSet<String>,
    /// Optimisation profiles, in the builder's order.
    pub profiles: Vec<Profile>,
}

/// How kernels are compiled.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct KernelRecipe {
    /// Version of NVRTC, such as `12.6`.
    pub nvrtc: String,
    /// Compiler options in their order, definitions too.
    pub options: Vec<String>,
}

/// How an artefact is built.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Recipe {
    /// A TensorRT plan.
    Plan(PlanRecipe),
    /// A cubin of lookout's kernels.
    Kernels(KernelRecipe),
}

/// What an artefact depends on: where two keys are the same, so is what would be built.
///
/// [`text`](Self::text) says it in TOML, [`stem`](Self::stem) names its files.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Key {
    /// What it is built from: the ONNX file, or the text of the kernels.
    pub source: Digest,
    /// Where it runs.
    pub device: Device,
    /// How it is built.
    pub recipe: Recipe,
}

impl Key {
    /// What is built.
    pub fn artefact(&self) -> Artefact {
        match &self.recipe {
            Recipe::Plan(plan) => match plan.graph {
                Graph::Segmentation => Artefact::Segmentation,
                Graph::Observer => Artefact::Observer,
            },
            Recipe::Kernels(_) => Artefact::Kernels,
        }
    }

    /// Name of its files, without the ending: the SHA-256 of its text.
    pub fn stem(&self) -> String {
        Digest::of(self.text().as_bytes()).to_string()
    }
}
