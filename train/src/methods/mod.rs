//! Methods that say of each pixel whether it is known, side by side.
//!
//! A method is a head: a graph that reads some of the picture, the class logits and the activations
//! of a frozen segmentation network and gives one score plane, higher where things are unknown. What
//! it may have beside the graph: a training, on labelled pixels or on frames; numbers that are fitted
//! once that is over; class logits of its own. Everything else, the bench does for all alike.

mod ash;
mod baselines;
mod biamat;
mod cnc;
mod csi;
mod cutmix;
mod cutpaste;
mod dias;
mod distances;
mod gaussians;
mod godin;
mod grood;
mod hood;
mod known;
mod laa;
mod mahalanobis;
mod observer;
mod perturbation;
mod pixels;
mod resmooth;
mod rotation;
mod standardised;
mod tail;
mod trunk;
mod vim;
mod vos;

use std::fmt::Display;
use std::ops::RangeInclusive;

use serde::{Deserialize, Serialize};
use tch::Tensor;
use thiserror::Error;

pub use ash::{Ash, Shape, Span};
use baselines::Baseline;
pub use biamat::BiaMat;
pub use cnc::Cnc;
pub use csi::Csi;
pub use cutmix::CutMix;
pub use cutpaste::CutPaste;
pub use dias::Dias;
pub use godin::{GeneralizedOdin, Likeness};
pub use grood::{Grood, GroodScore};
pub use hood::Hood;
pub use known::{Known, Scenes, Seen};
pub(crate) use known::{pixels_of, see};
pub use laa::Laa;
pub use mahalanobis::Mahalanobis;
pub use observer::Observer;
pub(crate) use observer::shipped as shipped_observer;
pub(crate) use perturbation::Perturbation;
pub use pixels::Pixels;
pub use resmooth::ReSmooth;
pub use rotation::Rotation;
pub use standardised::StandardisedMaxLogit;
pub use vim::Vim;
pub use vos::Vos;

use crate::data::{Batch, CLASSES, Canvas, Rng};
use crate::graph::{Builder, Graph, ValueId};
use crate::nets::{Design, LOGITS};
use crate::torch::Network;

/// Name of the score plane of a head.
pub const SCORE: &str = "score";
/// Name of the activation that the class logits are made of.
pub const FEATURES: &str = "decoder4";

/// What cannot be a row, found before anything is trained.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum MethodError {
    /// The design has no such activation.
    #[error(
        "it reads the activation {activation:?}, which the networks {design:?} do not have: they have {there:?}"
    )]
    NoActivation {
        /// What is read.
        activation: String,
        /// Whose networks.
        design: Design,
        /// What they have.
        there: Vec<&'static str>,
    },
    /// The design's last layers cannot be had alone.
    #[error(
        "it needs the last layers of the segmentation network alone, which the networks {design:?} do not give"
    )]
    NoEnd {
        /// Whose networks.
        design: Design,
    },
    /// A number that the method cannot do anything with.
    #[error("{option} = {value} is out of range: it must be {range}")]
    Range {
        /// Name of the option.
        option: &'static str,
        /// What it is.
        value: String,
        /// What it may be.
        range: String,
    },
}

/// How a plane becomes an OOD score of 0 to 1.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Kind {
    /// By a sigmoid.
    Logit,
    /// It is one.
    Probability,
    /// By a sigmoid of (x - center) / scale.
    Energy,
}

/// How far a training is.
#[derive(Clone, Copy, Debug)]
pub struct Step {
    /// Steps done.
    pub number: usize,
    /// Steps in all.
    pub of: usize,
    /// Seed of the run.
    pub seed: u64,
}

/// How a method is trained.
pub enum Training<'a> {
    /// Not at all.
    None,
    /// On labelled pixels of frozen activations.
    Pixels(&'a dyn PixelLoss),
    /// On frames.
    Frames(&'a dyn FrameLoss),
}

/// A training on labelled pixels of frozen activations.
pub trait PixelLoss {
    /// The loss of a step.
    ///
    /// # Errors
    /// Where libtorch refuses.
    fn loss(&self, network: &Network, pixels: &Pixels, step: Step) -> anyhow::Result<Tensor>;
}

/// A training on frames.
pub trait FrameLoss {
    /// Changes a frame before it is seen.
    fn alter(&self, _canvas: &mut Canvas, _scenes: &Scenes, _rng: &mut Rng) {}

    /// The loss of a step.
    ///
    /// # Errors
    /// Where libtorch refuses.
    fn loss(
        &self,
        network: &Network,
        batch: &Batch,
        known: &Known<'_>,
        step: Step,
    ) -> anyhow::Result<Tensor>;
}

/// A method; see the module.
pub trait Method {
    /// The head, and what its training reads. A parameter that is called as one of the segmentation
    /// network's begins with its value.
    ///
    /// # Errors
    /// Where the design lacks what it reads, or an option is out of range.
    fn graph(&self, design: Design) -> Result<Graph, MethodError>;

    /// Name of the score plane.
    fn output(&self) -> &'static str {
        SCORE
    }

    /// How the score is to be read.
    fn kind(&self) -> Kind {
        Kind::Energy
    }

    /// Name of the output that replaces the class logits, where the method trains its own.
    fn classes(&self) -> Option<&'static str> {
        None
    }

    /// Whether pictures are made more familiar before they are judged, which no head can do.
    fn is_perturbed(&self) -> bool {
        false
    }

    /// Whether it learns anything of pictures of known things, in a training or when it is fitted.
    fn learns(&self) -> bool {
        true
    }

    /// How it is trained.
    fn training(&self) -> Training<'_> {
        Training::None
    }

    /// Fits what is fitted, once the training is over.
    ///
    /// # Errors
    /// Where data cannot be read, libtorch refuses, or too little is known.
    fn fit(&self, _network: &Network, _known: &Known<'_>) -> anyhow::Result<()> {
        Ok(())
    }
}

/// A method that has no options.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct NoOptions {}

/// `[method]` of a row: its name and its options.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "name", rename_all = "kebab-case")]
pub enum Config {
    /// One minus the greatest class probability.
    Softmax(NoOptions),
    /// Minus the greatest logit.
    MaxLogit(NoOptions),
    /// Entropy of the class probabilities.
    Entropy(NoOptions),
    /// Free energy.
    Energy(NoOptions),
    /// Minus the norm of the features.
    FeatureNorm(NoOptions),
    /// See the struct, as all others.
    StandardisedMaxLogit(StandardisedMaxLogit),
    /// Distance to class Gaussians.
    Mahalanobis(Mahalanobis),
    /// Virtual logit.
    Vim(Vim),
    /// Activation shaping.
    Ash(Ash),
    /// Gradients of prototypes.
    Grood(Grood),
    /// Virtual outliers.
    Vos(Vos),
    /// Decomposed confidence.
    GeneralizedOdin(GeneralizedOdin),
    /// Patches of the same picture.
    #[serde(rename = "cutpaste")]
    CutPaste(CutPaste),
    /// Quarter turns.
    Rotation(Rotation),
    /// Independent features.
    Hood(Hood),
    /// Contrast with shifted pictures.
    Csi(Csi),
    /// Local adversarial attacks.
    Laa(Laa),
    /// Compounded corruptions.
    Cnc(Cnc),
    /// Boxes of other pictures.
    #[serde(rename = "cutmix")]
    CutMix(CutMix),
    /// Smoothed labels.
    #[serde(rename = "resmooth")]
    ReSmooth(ReSmooth),
    /// A copycat network.
    Dias(Dias),
    /// Attacks beside an auxiliary set.
    #[serde(rename = "biamat")]
    BiaMat(BiaMat),
    /// The shipped observer.
    Observer(Observer),
}

impl Config {
    /// The method.
    pub fn method(&self) -> &dyn Method {
        match self {
            Self::Softmax(_) => &Baseline::Softmax,
            Self::MaxLogit(_) => &Baseline::MaxLogit,
            Self::Entropy(_) => &Baseline::Entropy,
            Self::Energy(_) => &Baseline::Energy,
            Self::FeatureNorm(_) => &Baseline::FeatureNorm,
            Self::StandardisedMaxLogit(m) => m,
            Self::Mahalanobis(m) => m,
            Self::Vim(m) => m,
            Self::Ash(m) => m,
            Self::Grood(m) => m,
            Self::Vos(m) => m,
            Self::GeneralizedOdin(m) => m,
            Self::CutPaste(m) => m,
            Self::Rotation(m) => m,
            Self::Hood(m) => m,
            Self::Csi(m) => m,
            Self::Laa(m) => m,
            Self::Cnc(m) => m,
            Self::CutMix(m) => m,
            Self::ReSmooth(m) => m,
            Self::Dias(m) => m,
            Self::BiaMat(m) => m,
            Self::Observer(m) => m,
        }
    }
}

/// Refuses an option that is not in its range.
fn within<T: PartialOrd + Display>(
    option: &'static str,
    value: T,
    range: RangeInclusive<T>,
) -> Result<(), MethodError> {
    if range.contains(&value) {
        return Ok(());
    }
    Err(MethodError::Range {
        option,
        value: value.to_string(),
        range: format!("{} to {}", range.start(), range.end()),
    })
}

/// Declares an activation of the design, or [`LOGITS`], as an input.
fn read(b: &mut Builder, design: Design, name: &str) -> Result<ValueId, MethodError> {
    if name == LOGITS {
        return Ok(b.input(LOGITS, CLASSES, 4));
    }
    let there = design.activations();
    match there.iter().find(|a| a.0 == name) {
        Some(&(name, stride, channels)) => Ok(b.input(name, channels, stride)),
        None => Err(MethodError::NoActivation {
            activation: name.to_owned(),
            design,
            there: there.iter().map(|a| a.0).collect(),
        }),
    }
}

/// Numbers as the weights of a 1x1 convolution, a row for each plane that it makes.
fn pointwise(rows: &Tensor) -> Tensor {
    let size = rows.size();
    rows.reshape([size[0], size[1], 1, 1])
}

/// Rows of pixels [N, C] as a picture of one row, [1, C, 1, N].
fn as_planes(rows: &Tensor) -> Tensor {
    rows.tr().contiguous().unsqueeze(0).unsqueeze(2)
}

/// The reverse of [`as_planes`], of any pictures: [N, C, H, W] to a row for each pixel.
fn as_rows(planes: &Tensor) -> Tensor {
    let channels = planes.size()[1];
    planes.permute([0, 2, 3, 1]).reshape([-1, channels])
}

#[cfg(test)]
mod tests;
