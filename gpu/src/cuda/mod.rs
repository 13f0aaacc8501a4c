//! Memory, streams, events, captured graphs and kernels.

mod probe;

pub use probe::{CudaProof, ProbeError, probe};
