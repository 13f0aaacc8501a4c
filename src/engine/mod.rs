//! Engines: what runs the two networks of a bundle on a frame.
//!
//! Three words:
//! - an **engine** holds the loaded graphs and all buffers ([`Engine`]); it runs them in two parts,
//!   so that whoever watches the deadline can decide in between whether the second still fits;
//! - a **mode** is a way to run it: which graphs, at which resolution ([`Mode`]);
//! - a **perception** is what a run gives: logits and observer logits at low resolution
//!   ([`Perception`]).
//!
//! [`open`] makes one: rten, built in; ONNX Runtime, where its library is found; or TensorRT, in a build with
//! the feature `tensorrt`, where its library and a GPU are.

mod cpu;
mod error;
mod judge;
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

pub use self::ort::{Ort, OrtEngine};
#[doc(hidden)]
pub use self::rten::load_model;
pub use self::rten::{Rten, RtenEngine};
pub use cpu::{Backend, CpuEngine, Output};
pub use error::EngineError;
pub use judge::{Judge, Judges};
pub use ort_library::find_onnxruntime;
pub use perception::{EngineTimes, GpuTimes, Perception, Scored};
pub use placement::{Area, Placement};
pub use preprocess::{Preprocessor, input_size};
pub use raw::{RawGraph, RawTensor};
pub use select::{EngineFactory, EngineKind, Options, open};

use crate::frame::{Frame, RawImage};
use std::fmt;
use std::str::FromStr;

/// Input resolution.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Resolution {
    /// The bundle's `full_height` rows, or the one size that its networks take.
    Full,
    /// The bundle's `reduced_height` rows; networks that take one size have none.
    Reduced,
}

/// A way to run an engine.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, serde::Deserialize)]
#[serde(try_from = "String")]
pub struct Mode {
    /// Input resolution.
    pub resolution: Resolution,
    /// Whether the observer runs too.
    pub observer: bool,
}

impl Mode {
    /// Everything.
    pub const FULL: Mode = Mode {
        resolution: Resolution::Full,
        observer: true,
    };
    /// Full resolution without the observer.
    pub const FULL_LOGITS: Mode = Mode {
        resolution: Resolution::Full,
        observer: false,
    };
    /// Reduced resolution with the observer.
    pub const REDUCED: Mode = Mode {
        resolution: Resolution::Reduced,
        observer: true,
    };
    /// Reduced resolution without the observer.
    pub const REDUCED_LOGITS: Mode = Mode {
        resolution: Resolution::Reduced,
        observer: false,
    };

    /// How many there are.
    pub const COUNT: usize = 4;

    /// Every mode, best first. The observer counts for more than the resolution: only it knows
    /// when the segmentation network is lost.
    pub const ALL: [Mode; Self::COUNT] = [
        Self::FULL,
        Self::REDUCED,
        Self::FULL_LOGITS,
        Self::REDUCED_LOGITS,
    ];

    /// The place in [`ALL`](Self::ALL).
    pub const fn index(self) -> usize {
        match (self.resolution, self.observer) {
            (Resolution::Full, true) => 0,
            (Resolution::Reduced, true) => 1,
            (Resolution::Full, false) => 2,
            (Resolution::Reduced, false) => 3,
        }
    }

    /// The same resolution without the observer.
    pub const fn without_observer(self) -> Mode {
        Mode {
            observer: false,
            ..self
        }
    }

    /// The name in tables, files and manifests.
    pub const fn name(self) -> &'static str {
        match (self.resolution, self.observer) {
            (Resolution::Full, true) => "full+observer",
            (Resolution::Full, false) => "full",
            (Resolution::Reduced, true) => "reduced+observer",
            (Resolution::Reduced, false) => "reduced",
        }
    }
}

impl fmt::Display for Mode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

impl TryFrom<String> for Mode {
    type Error = String;

    fn try_from(name: String) -> Result<Self, String> {
        name.parse()
    }
}

impl FromStr for Mode {
    type Err = String;

    fn from_str(s: &str) -> Result<Self, String> {
        let found = Self::ALL.into_iter().find(|mode| mode.name() == s);
        found.ok_or_else(|| {
            let [a, b, c, d] = Self::ALL.map(Self::name);
            format!("mode {s:?} is not {a}, {b}, {c} or {d}")
        })
    }
}

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

    /// Whether the bundle has an observer.
    fn has_observer(&self) -> bool;

    /// The mandatory part: runs the segmentation network on a frame. The first frame of a size
    /// makes the buffers for it.
    ///
    /// # Errors
    /// A frame of a shape that the bundle does not take, or a failure of the library. The engine
    /// can be used again after an error.
    fn segment(&mut self, frame: &Frame, resolution: Resolution) -> Result<(), EngineError>;

    /// The optional part: runs the observer on the frame that was segmented last.
    ///
    /// # Errors
    /// A bundle without an observer, no segmented frame, or a failure of the library.
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn modes_are_numbered_best_first_and_read_by_name() {
        for (i, mode) in Mode::ALL.into_iter().enumerate() {
            assert_eq!(mode.index(), i);
            assert_eq!(mode.name().parse(), Ok(mode));
            assert_eq!(mode.without_observer().resolution, mode.resolution);
            assert!(!mode.without_observer().observer);
        }
        assert_eq!(
            "best".parse::<Mode>(),
            Err("mode \"best\" is not full+observer, reduced+observer, full or reduced".into())
        );
    }
}
