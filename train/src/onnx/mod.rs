//! ONNX files from graphs, and networks from ONNX files.

mod export;
mod import;

pub use export::{ExportError, export, export_at};
pub use import::{ImportError, Imported};
