//! Graphs on libtorch: parameters, forward pass, optimiser, checkpoints.

mod checkpoint;
mod network;
mod optimiser;

pub use checkpoint::{Checkpoint, CheckpointError};
pub use network::{Mode, Network, NetworkError, channels_last};
pub use optimiser::{AdamW, Average, StateError};
