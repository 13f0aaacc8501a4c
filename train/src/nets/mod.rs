//! The networks of the shipped bundles.

mod adopted;
mod backbone;
mod fusion;
mod observer;
mod segmentation;

pub use adopted::{COLOURS, Shown};
pub use backbone::{PREFIX as BACKBONE_PREFIX, backbone, load_backbone};
pub use fusion::Fusion;
use serde::{Deserialize, Serialize};

use crate::graph::{Builder, Graph, ValueId};

/// Name of the class logits, at 1/4 of the image.
pub const LOGITS: &str = "logits";
/// Name of the observer's output, one plane at 1/4: its own logit joined with the energy.
pub const OBSERVER: &str = "observer";
/// Name of the observer's own logit: what is trained, not exported.
pub const OWN_LOGIT: &str = "own";
/// Names of the auxiliary logits at 1/8 and 1/16: used in training only, not exported.
pub const AUXILIARY: [&str; 2] = ["auxiliary8", "auxiliary16"];

/// Which pair of networks.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Design {
    /// Of the bundle `road`.
    Road,
    /// Of the bundle `road-small`.
    Small,
}

impl Design {
    /// The segmentation network. Input: `image`. Outputs: [`LOGITS`], [`Self::activations`],
    /// [`AUXILIARY`].
    pub fn segmentation(self, classes: i64) -> Graph {
        match self {
            Self::Road => segmentation::segmentation(&segmentation::ROAD, classes),
            Self::Small => segmentation::segmentation(&segmentation::SMALL, classes),
        }
    }

    /// The last layers of the segmentation network alone, under the same names, on the activations
    /// `decoder8` and `detail4`, which become inputs. Makes `decoder4` and [`LOGITS`]. `None` where the
    /// design has no such end.
    pub fn end(self, b: &mut Builder, classes: i64) -> Option<[ValueId; 2]> {
        match self {
            Self::Road => Some(segmentation::end_alone(b, classes)),
            Self::Small => None,
        }
    }

    /// The observer. Inputs: `image`, [`LOGITS`], [`Self::activations`]. Outputs: [`OBSERVER`],
    /// [`OWN_LOGIT`], `energy`, `probabilities`.
    pub fn observer(self, classes: i64) -> Graph {
        let widths = match self {
            Self::Road => &observer::ROAD,
            Self::Small => &observer::SMALL,
        };
        observer::observer(widths, self.activations(), classes)
    }

    /// Names of the activations that the observer reads, with their strides and planes.
    pub fn activations(self) -> &'static [(&'static str, i64, i64)] {
        match self {
            Self::Road => segmentation::ROAD.activations,
            Self::Small => segmentation::SMALL.activations,
        }
    }
}
