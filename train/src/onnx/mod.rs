//! ONNX files from graphs.

mod export;
mod proto;

pub use export::{ExportError, export};
