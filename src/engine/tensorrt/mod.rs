//! TensorRT on an NVIDIA GPU: one stream, one captured graph a part, results no larger than needed.

pub mod cache;
pub mod kernels;
pub mod precision;
