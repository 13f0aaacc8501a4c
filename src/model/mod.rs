//! A model **bundle**: a folder with `model.toml` (the **manifest**) and the ONNX graphs that it
//! names, checked when it is loaded. A graph may keep the numbers of its tensors in further files of the folder, each
//! with its hash in the manifest; they are put into the graph. The manifest carries everything that makes the numbers mean
//! something: normalisation, class names and colours, tensor names, thresholds with the
//! **calibration** they come from, provenance and licence.
//!
//! ```
//! use lookout::model::Bundle;
//!
//! let bundle = Bundle::shipped()?;
//! assert_eq!(bundle.manifest().classes.get_ref().len(), 11);
//! # Ok::<(), lookout::model::ModelError>(())
//! ```

mod acceptance;
mod bundle;
mod error;
mod external;
mod head;
mod input;
mod manifest;
#[cfg_attr(
    not(feature = "tensorrt"),
    allow(dead_code, reason = "TensorRT's engine edits more of a graph")
)]
pub(crate) mod wire;

pub use acceptance::Acceptance;
pub use bundle::Bundle;
pub use error::ModelError;
pub use head::{Head, HeadKind};
pub(crate) use input::MAX_SIDE;
pub use input::{Fit, FixedInput, Input};
pub use manifest::{
    Class, Fallback, Manifest, Provenance, Segmentation, ThresholdAt, ThresholdEntry,
};
pub use wire::WireError;
