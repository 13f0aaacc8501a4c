//! ONNX files from graphs.

mod export;

pub use export::{ExportError, export};
