//! The networks of a bundle and those of its fallback as one engine.

use super::{Engine, EngineError, Judges, Mode, Perception, Resolution, Upload};
use crate::frame::{Frame, RawImage};
use crate::model::Bundle;

/// Two engines as one: a bundle's own networks, and those of its fallback.
struct WithFallback<E> {
    own: E,
    fallback: E,
    /// Resolution that the fallback's networks run at.
    least: Resolution,
    /// Which of the two ran last.
    last: Resolution,
}

/// Opens an engine for a bundle, and one for its fallback, where it has one; both as one.
///
/// # Errors
/// As `open`.
pub(super) fn with_fallback<E: Engine + 'static>(
    bundle: &Bundle,
    open: impl Fn(&Bundle) -> Result<E, EngineError>,
) -> Result<Box<dyn Engine>, EngineError> {
    let own = open(bundle)?;
    Ok(match bundle.fallback() {
        Some(fallback) => Box::new(WithFallback {
            own,
            fallback: open(fallback)?,
            least: least(fallback),
            last: Resolution::Full,
        }),
        None => Box::new(own),
    })
}

/// The least resolution of a bundle's own networks.
fn least(bundle: &Bundle) -> Resolution {
    let all = Resolution::of(&bundle.manifest().input);
    all.last().copied().unwrap_or(Resolution::Full)
}

impl<E: Engine> WithFallback<E> {
    /// The engine that runs this resolution, and what it calls it.
    fn of(&mut self, resolution: Resolution) -> (&mut E, Resolution) {
        self.last = resolution;
        match resolution {
            Resolution::Full | Resolution::Reduced => (&mut self.own, resolution),
            Resolution::Fallback => (&mut self.fallback, self.least),
        }
    }
}

impl<E: Engine> Engine for WithFallback<E> {
    fn name(&self) -> &'static str {
        self.own.name()
    }

    fn description(&self) -> String {
        self.own.description()
    }

    fn has_observer(&self) -> bool {
        self.own.has_observer()
    }

    fn segment(&mut self, frame: &Frame, resolution: Resolution) -> Result<(), EngineError> {
        let (engine, resolution) = self.of(resolution);
        engine.segment(frame, resolution)
    }

    fn observe(&mut self) -> Result<(), EngineError> {
        self.of(self.last).0.observe()
    }

    fn run(&mut self, frame: &Frame, mode: Mode) -> Result<&Perception, EngineError> {
        let (engine, resolution) = self.of(mode.resolution);
        engine.run(frame, Mode { resolution, ..mode })
    }

    fn perception(&self) -> &Perception {
        match self.last {
            Resolution::Full | Resolution::Reduced => self.own.perception(),
            Resolution::Fallback => self.fallback.perception(),
        }
    }

    fn set_judges(&mut self, judges: Judges) {
        self.own.set_judges(judges);
        self.fallback.set_judges(judges.of_the_fallback(self.least));
    }

    fn stage(&mut self, image: Option<&RawImage<'_>>) -> Result<bool, EngineError> {
        // a frame that the fallback gets is brought to it when it is segmented
        self.own.stage(image)
    }

    fn uploader(&self) -> Option<Box<dyn Upload>> {
        self.own.uploader()
    }
}
