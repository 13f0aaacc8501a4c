//! Memory, streams, events, captured graphs and kernels: what lookout needs of CUDA, over `cudarc`.
//!
//! Four words:
//! - a [`Device`] is an opened GPU; whoever wants one shows a [`CudaProof`];
//! - [`DeviceBuffer`] and [`HostBuffer`] are memory. A host buffer is pinned, and knows whether the GPU
//!   still works on it: who reads or writes it waits for that, so nobody sees half a result;
//! - [`Work`] is what is asked of a [`Stream`]: copies, kernels, networks, marks in time. It is done at
//!   once, or captured;
//! - a [`Graph`] is captured work. It keeps alive all that it touches, and is replayed with one call.
//!
//! # On thread safety
//! The driver API may be called from any thread, with the context current there; every call here makes it
//! so first. A graph may not be launched by two threads at a time
//! (<https://docs.nvidia.com/cuda/cuda-driver-api/graphs-thread-safety.html>): launching takes `&mut`.

mod device;
mod error;
mod event;
mod graph;
mod memory;
mod module;
mod nvrtc;
mod probe;
mod stream;
mod work;

pub use device::{Device, DeviceInfo};
pub use error::CudaError;
pub use event::Event;
pub use graph::Graph;
pub use memory::{DeviceBuffer, HostBuffer, HostKind};
pub use module::{Kernel, Module};
pub use nvrtc::{Nvrtc, NvrtcError};
pub use probe::{CudaProof, ProbeError, probe};
pub use stream::{Priority, Stream};
pub use work::{Geometry, Work};
