//! How the thread that handles frames gets on, for whoever looks meanwhile. Without a lock: neither waits for
//! the other, and one that hangs is seen.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;

use super::super::diagnostics::Underway;

/// What that thread says of itself.
#[derive(Default)]
pub(super) struct Progress {
    /// One more than the nanoseconds from the node's start to when it began with the present frame; 0 between
    /// frames.
    began: AtomicU64,
    without_clock: AtomicBool,
    without_engine: AtomicBool,
}

impl Progress {
    /// A new engine, and no frame yet.
    pub(super) fn reset(&self) {
        self.end(false);
        self.set_without_clock(false);
    }

    /// A frame is begun with, so long after the node's start.
    pub(super) fn begin(&self, at: Duration) {
        let nanos = u64::try_from(at.as_nanos()).unwrap_or(u64::MAX);
        self.began.store(nanos.saturating_add(1), Ordering::Release);
    }

    /// It is done with, whatever came of it. A panic may have taken the engine, and none is open yet.
    pub(super) fn end(&self, without_engine: bool) {
        self.began.store(0, Ordering::Release);
        self.without_engine.store(without_engine, Ordering::Release);
    }

    /// Opens an engine: no frame is at work meanwhile, and there is no engine.
    pub(super) fn opening<T, E>(&self, open: impl FnOnce() -> Result<T, E>) -> Result<T, E> {
        self.end(true);
        let opened = open();
        self.end(opened.is_err());
        opened
    }

    /// Whether frames come that nobody can tell the age of.
    pub(super) fn set_without_clock(&self, without: bool) {
        self.without_clock.store(without, Ordering::Release);
    }

    /// What is so now.
    pub(super) fn seen(&self) -> Underway {
        let began = self.began.load(Ordering::Acquire);
        Underway {
            since: began.checked_sub(1).map(Duration::from_nanos),
            without_clock: self.without_clock.load(Ordering::Acquire),
            without_engine: self.without_engine.load(Ordering::Acquire),
        }
    }
}
