//! The CUDA kernels, and the same in Rust.
