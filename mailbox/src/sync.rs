//! What the crate needs of threads and atomics: the standard library's, or loom's in its models.
//!
//! Loom has no clock and no `park_timeout`. In a model a timeout of zero ends at once and every
//! other one never: a message that is not told to the receiver leaves it parked for ever, which
//! loom reports as a deadlock. So the models check that a waiting receiver does not depend on its
//! timeout, and they do not check the timeout, nor a park that ends for no reason. The usual tests
//! do.

#[cfg(not(loom))]
pub(crate) use std::{
    sync::atomic::{AtomicBool, AtomicU8, AtomicU64, Ordering, fence},
    sync::{Arc, Mutex, TryLockError},
    thread::{self, Thread, ThreadId},
};

#[cfg(loom)]
pub(crate) use {
    loom::sync::atomic::{AtomicBool, AtomicU8, AtomicU64, Ordering, fence},
    loom::sync::{Arc, Mutex},
    loom::thread::{self, Thread, ThreadId},
    std::sync::TryLockError,
};

use std::time::Duration;
#[cfg(not(loom))]
use std::time::Instant;

/// When a wait ends.
#[cfg(not(loom))]
pub(crate) struct Deadline {
    /// None: later than the clock can say.
    at: Option<Instant>,
}

#[cfg(not(loom))]
impl Deadline {
    pub(crate) fn after(timeout: Duration) -> Self {
        Self {
            at: Instant::now().checked_add(timeout),
        }
    }

    /// Parks this thread until it is unparked or the deadline has come, or for no reason. False,
    /// at once, when the deadline has passed.
    pub(crate) fn park(&self) -> bool {
        let Some(at) = self.at else {
            thread::park();
            return true;
        };
        let left = at.saturating_duration_since(Instant::now());
        if left.is_zero() {
            return false;
        }
        thread::park_timeout(left);
        true
    }
}

/// When a wait ends: at once or never.
#[cfg(loom)]
pub(crate) struct Deadline {
    passed: bool,
}

#[cfg(loom)]
impl Deadline {
    pub(crate) fn after(timeout: Duration) -> Self {
        Self {
            passed: timeout.is_zero(),
        }
    }

    pub(crate) fn park(&self) -> bool {
        if !self.passed {
            thread::park();
        }
        !self.passed
    }
}
