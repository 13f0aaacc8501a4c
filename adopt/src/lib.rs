//! A segmentation network that somebody has as an ONNX graph becomes a **bundle** of lookout.
//!
//! lookout runs graphs of one form: the input `image`, f32 [1, 3, rows, columns] of red, green and blue, normalised, and the
//! output `logits`, f32 [1, classes, rows, columns], at the resolution that the network has by itself. Networks of all
//! other forms are made fit by editing their graph: what they need before (`Transpose`, `Cast`, ...) is put in, what
//! they have behind their logits (`ArgMax`, `Softmax`, `Resize`, ...) is cut off.
//!
//! 1. [`load::read`] takes the graph from its file, with the numbers that lie in files beside it;
//! 2. [`network::Network::adopt`] finds the input and the logits, edits the graph, and says what it found and did. It runs the
//!    graph, by a [`run::Runner`] that the caller has, to see the shapes of tensors;
//! 3. [`bundle::Draft::stage`] writes graph, manifest and card beside their place, [`bundle::Staged::keep`] puts them there.
//!
//! What the graph does not tell is asked for by an error that names the option. Nothing is guessed in silence.

pub mod activations;
pub mod bundle;
mod chain;
pub mod classes;
mod defaults;
mod ending;
mod error;
mod form;
pub mod graph;
pub mod input;
pub mod load;
pub mod network;
mod no_logits;
pub mod normalisation;
mod numbers;
pub mod output;
pub mod probe;
pub mod proto;
mod quantised;
pub mod reference;
pub mod run;
mod softplus;
pub mod tail;
pub mod walk;

pub use error::AdoptError;
