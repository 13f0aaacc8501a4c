//! A model **bundle**: a folder with `model.toml` (the **manifest**) and the ONNX graphs that it
//! names, checked when it is loaded. The manifest carries everything that makes the numbers mean
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

mod bundle;
mod error;
mod graph;
mod manifest;

pub use bundle::Bundle;
pub use error::ModelError;
pub use manifest::{
    Class, Input, Manifest, Observer, Provenance, Segmentation, ThresholdAt, ThresholdEntry,
};
