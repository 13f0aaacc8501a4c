//! An engine that sees a hazard, takes time and panics as the test says.

use super::*;

/// In place of the number of engines that were opened: none can be.
pub(super) const NO_ENGINE: u64 = u64::MAX;

pub(super) struct Eye {
    world: Arc<World>,
    number: u64,
    perception: Perception,
}

impl Eye {
    pub(super) fn open(world: &Arc<World>) -> Result<Box<dyn Engine>, EngineError> {
        if world.opened.load(Ordering::Relaxed) == NO_ENGINE {
            return Err(EngineError::NoObserver);
        }
        let pixels = MAP.0 * MAP.1;
        let observer = Some(vec![-6.0; pixels]);
        let mut perception = Perception::of_planes(MAP, vec![0.0; 2 * pixels], observer);
        // scores that are the same everywhere are a fault
        perception.observer[0] = -5.0;
        perception.logits[0] = 1.0;
        let world = Arc::clone(world);
        let number = world.opened.fetch_add(1, Ordering::Relaxed) + 1;
        Ok(Box::new(Self {
            world,
            number,
            perception,
        }))
    }
}

impl Engine for Eye {
    fn name(&self) -> &'static str {
        "eye"
    }

    fn description(&self) -> String {
        self.name().to_owned()
    }

    fn has_observer(&self) -> bool {
        true
    }

    fn stage(&mut self, _: Option<&RawImage<'_>>) -> Result<bool, EngineError> {
        self.world.panic_at(Place::Stage);
        Ok(true)
    }

    fn segment(&mut self, _: &Frame, _: Resolution) -> Result<(), EngineError> {
        self.world
            .pass(self.world.segment_ms.load(Ordering::Relaxed));
        self.world.panic_at(Place::Segment);
        let logit = match self.world.hazard.load(Ordering::Relaxed) {
            true => 9.0,
            false => -6.0,
        };
        for row in 3..=8 {
            self.perception.observer[row * MAP.0 + 6..][..4].fill(logit);
        }
        Ok(())
    }

    fn observe(&mut self) -> Result<(), EngineError> {
        self.world.panic_at(Place::Observe);
        Ok(())
    }

    fn perception(&self) -> &Perception {
        &self.perception
    }

    fn uploader(&self) -> Option<Box<dyn Upload>> {
        Some(Box::new(Sender {
            world: Arc::clone(&self.world),
            engine: self.number,
        }))
    }
}

struct Sender {
    world: Arc<World>,
    engine: u64,
}

impl Upload for Sender {
    fn upload(&mut self, _: &RawImage<'_>) -> Result<(), EngineError> {
        let uploaded_to = &self.world.uploaded_to;
        uploaded_to.store(self.engine, Ordering::Relaxed);
        self.world.panic_at(Place::Upload);
        Ok(())
    }
}
