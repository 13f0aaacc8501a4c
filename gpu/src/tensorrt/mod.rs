//! TensorRT: building engines from ONNX graphs and running them.
//!
//! TensorRT is C++ without a C interface, and its classes change from version to version. A shim in C++
//! (`gpu/shim`) is compiled against the headers of the version in use and offers plain C; the library
//! itself is found at run time. In here three layers lie over it:
//!
//! - `sys` is the shim's interface, as it is;
//! - `result` has one function a call, with owned handles and errors;
//! - what is public is safe: one chain of ownership ([`Library`], [`Runtime`], [`Engine`], [`Context`]),
//!   buffers that live as long as something may use them, sizes that are checked.
//!
//! [`Library`] builds a *plan* (a serialized engine) from an ONNX graph; a [`Runtime`] makes an [`Engine`]
//! of it; a [`Context`] runs that, with the sizes of one optimization *profile*.

mod context;
mod engine;
mod error;
mod library;
mod log;
mod memory;
mod options;
mod raw_options;
mod result;
mod runtime;
mod sys;
mod version;

pub use context::Context;
pub use engine::{DataType, Engine, TensorInfo};
pub use error::Error;
pub use library::{Built, LIBRARY_VARIABLE, Library};
pub use memory::DeviceMemory;
pub use options::{BuildOptions, Dla, Precision, Profile, ShapeRange};
pub use runtime::Runtime;
pub use version::{Flavour, Typing, Version, compiled_for};
