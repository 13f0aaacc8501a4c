//! Trainer of lookout's two networks on libtorch. See `lookout-train --help` and the bundle's card.

pub mod bench;
pub mod data;
pub mod graph;
pub mod methods;
pub mod nets;
pub mod onnx;
pub mod run;
pub mod torch;
