//! The two networks of the shipped bundle.

mod observer;
mod segmentation;

pub use observer::observer;
pub use segmentation::{ACTIVATIONS, AUXILIARY, LOGITS, segmentation};
