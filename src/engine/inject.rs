//! Faults on purpose, for tests of what stands round an engine. Not for anything else.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::thread;
use std::time::Duration;

use super::{Engine, EngineError, Perception, Resolution};
use crate::frame::Frame;

/// A fault of an engine.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum EngineFault {
    /// Panics.
    Panic,
    /// Hangs for so long, then goes on.
    Hang(Duration),
    /// Takes so much longer, from that frame on.
    Slow(Duration),
    /// Every logit is NaN.
    Nan,
    /// Every logit is the same.
    Constant,
}

/// An engine that has a fault at certain frames, counted from 0 over all that it is asked for.
pub struct FaultyEngine {
    inner: Box<dyn Engine>,
    faults: Vec<(u64, EngineFault)>,
    ran: Arc<AtomicU64>,
    last: Option<EngineFault>,
    changed: Perception,
}

impl FaultyEngine {
    /// `inner`, but for the faults. `ran` counts the frames that were segmented, here and by the
    /// engine before this one.
    pub fn new(
        inner: Box<dyn Engine>,
        faults: Vec<(u64, EngineFault)>,
        ran: Arc<AtomicU64>,
    ) -> Self {
        Self {
            inner,
            faults,
            ran,
            last: None,
            changed: Perception::default(),
        }
    }

    fn spoil(&mut self) {
        let value = match self.last {
            Some(EngineFault::Nan) => f32::NAN,
            Some(EngineFault::Constant) => 1.0,
            _ => return,
        };
        self.changed.clone_from(self.inner.perception());
        self.changed.logits.fill(value);
        self.changed.observer.fill(value);
    }
}

impl Engine for FaultyEngine {
    fn name(&self) -> &'static str {
        self.inner.name()
    }

    fn description(&self) -> String {
        format!("{}, with faults on purpose", self.inner.description())
    }

    fn has_observer(&self) -> bool {
        self.inner.has_observer()
    }

    #[expect(clippy::panic, reason = "that is what it is for")]
    fn segment(&mut self, frame: &Frame, resolution: Resolution) -> Result<(), EngineError> {
        let number = self.ran.fetch_add(1, Ordering::Relaxed);
        let found = self.faults.iter().find(|(frame, _)| *frame == number);
        self.last = found.map(|(_, fault)| *fault);
        match self.last {
            Some(EngineFault::Panic) => panic!("a panic on purpose"),
            Some(EngineFault::Hang(time)) => thread::sleep(time),
            _ => {}
        }
        let slow = self
            .faults
            .iter()
            .rev()
            .find_map(|(from, fault)| match fault {
                EngineFault::Slow(time) if number >= *from => Some(*time),
                _ => None,
            });
        if let Some(time) = slow {
            thread::sleep(time);
        }
        self.inner.segment(frame, resolution)?;
        self.spoil();
        Ok(())
    }

    fn observe(&mut self) -> Result<(), EngineError> {
        self.inner.observe()?;
        self.spoil();
        Ok(())
    }

    fn perception(&self) -> &Perception {
        match self.last {
            Some(EngineFault::Nan | EngineFault::Constant) => &self.changed,
            _ => self.inner.perception(),
        }
    }
}
