//! Engines: what runs the segmentation network of a bundle and one of its heads on a frame.
//!
//! Three words:
//! - an **engine** holds the loaded graphs and all buffers ([`Engine`]); it runs them in two parts,
//!   so that whoever watches the deadline can decide in between whether the second still fits;
//! - a **mode** is a way to run it: which graphs, at which resolution ([`Mode`]);
//! - a **perception** is what a run gives: logits of both graphs at low resolution
//!   ([`Perception`]).
//!
//! [`open`] makes one: rten, built in; ONNX Runtime, where its library is found; or TensorRT, in a build with
//! the feature `tensorrt`, where its library and a GPU are.

mod acceptance;
mod cpu;
mod error;
mod fallback;
mod judge;
mod mode;
mod ort;
mod ort_library;
mod perception;
mod placement;
mod preprocess;
mod raw;
mod rten;
mod rten_rules;
mod select;
#[cfg(feature = "tensorrt")]
pub mod tensorrt;
mod trial;

pub use self::ort::{Ort, OrtEngine};
#[doc(hidden)]
pub use self::rten::load_model;
pub use self::rten::{Rten, RtenEngine};
pub use acceptance::{Agreement, CompareError, compare, reference};
pub use cpu::{Backend, CpuEngine, Output};
pub use error::EngineError;
pub use judge::{Asked, Choice, GivenThresholds, Judge, Judges};
pub use mode::{MissingMode, Mode, Resolution};
pub use ort_library::find_onnxruntime;
pub use perception::{EngineTimes, GpuTimes, Perception, Scored};
pub use placement::{Area, Placement};
pub use preprocess::{Preprocessor, input_size};
pub use raw::{RawGraph, RawTensor, explain_rten};
pub use select::{EngineFactory, EngineKind, Options, open, open_unchecked};

use crate::frame::{Frame, RawImage};

/// Brings camera bytes ahead of their frame's turn; see [`Engine::uploader`].
pub trait Upload: Send {
    /// Sends a message's bytes on their way, in place of one that was brought before and is not in work.
    /// Returns when they are copied from the message.
    ///
    /// # Errors
    /// A failure of the library; the frame can be segmented all the same.
    fn upload(&mut self, image: &RawImage<'_>) -> Result<(), EngineError>;
}

/// Runs the networks of one bundle. An engine is used by one thread at a time.
pub trait Engine: Send {
    /// Short name: `rten`, `ort`, `tensorrt`.
    fn name(&self) -> &'static str;

    /// What it is in words for people: library, version, threads.
    fn description(&self) -> String;

    /// Whether the bundle has an observer, or another head was chosen in its place.
    fn has_observer(&self) -> bool;

    /// The mandatory part: runs the segmentation network on a frame. The first frame of a size
    /// makes the buffers for it.
    ///
    /// # Errors
    /// A frame of a shape that the bundle does not take, or a failure of the library. The engine
    /// can be used again after an error.
    fn segment(&mut self, frame: &Frame, resolution: Resolution) -> Result<(), EngineError>;

    /// The optional part: runs the observer, or the head that was chosen in its place, on the frame that was
    /// segmented last.
    ///
    /// # Errors
    /// A bundle without such a head, no segmented frame, or a failure of the library.
    fn observe(&mut self) -> Result<(), EngineError>;

    /// What the parts made of the last frame; empty before the first and after a failure.
    fn perception(&self) -> &Perception;

    /// How frames are judged from now on. An engine that judges where it runs then shows what came of
    /// it ([`Perception::scored`]) and no logits; all others leave it to whoever asked.
    fn set_judges(&mut self, _judges: Judges) {}

    /// Hands over a camera's bytes before they are decoded; true where the engine takes them. The next
    /// [`segment`](Self::segment), of the frame that is decoded from them, then reads them, and they were
    /// on their way meanwhile. Whoever decodes something else says so with `None`: what was handed over
    /// before is forgotten.
    ///
    /// # Errors
    /// A failure of the library; the frame can be segmented all the same.
    fn stage(&mut self, _image: Option<&RawImage<'_>>) -> Result<bool, EngineError> {
        Ok(false)
    }

    /// For the thread that takes messages from a camera: it may bring the next one to where the networks
    /// run while they still work on the one before. [`stage`](Self::stage) finds it there.
    fn uploader(&self) -> Option<Box<dyn Upload>> {
        None
    }

    /// Both parts, as the mode asks.
    ///
    /// # Errors
    /// As the parts.
    fn run(&mut self, frame: &Frame, mode: Mode) -> Result<&Perception, EngineError> {
        if mode.observer && !self.has_observer() {
            return Err(EngineError::NoObserver);
        }
        self.segment(frame, mode.resolution)?;
        if mode.observer {
            self.observe()?;
        }
        Ok(self.perception())
    }
}
