//! The CUDA kernels, compiled as C++ for this machine, against the CPU path: bit for bit.
//!
//! `LOOKOUT_KERNELS_CPU` names the library; without it one is built with `c++` (or `$CXX`).
//! `.ci/gpu/kernels.sh` runs this plain, with sanitizers, and with faults planted.
#![allow(clippy::unwrap_used, clippy::print_stderr, reason = "a test program")]

mod judge;
mod library;
mod message;
mod preprocess;
mod sources;
