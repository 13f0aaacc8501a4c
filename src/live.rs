//! A source and a worker, each at its own pace: the thread that takes messages always drains into a
//! newest-only mailbox, the thread that handles them gets the newest and never waits for the other.
//!
//! - **source**: gives message after message, and may block; runs on a thread of its own.
//! - **worker**: handles a message, or is told that none came for a *tick*; runs on the caller's
//!   thread.
//!
//! A panic on either side ends the run with that as its reason. The flag does not depend on it: see
//! [`watchdog`](crate::watchdog).

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::thread;
use std::time::Duration;

use lookout_mailbox::{Counts, Wait, mailbox};
use thiserror::Error;

use crate::watchdog::panic_message;

/// Where messages of type `M` come from.
pub trait Source<M>: Send {
    /// Waits for the next message and puts it into `message`, which holds an older one; false at
    /// the end.
    ///
    /// # Errors
    /// Why there will be no more, in words.
    fn fetch(&mut self, message: &mut M) -> Result<bool, String>;
}

impl<M, F: FnMut(&mut M) -> Result<bool, String> + Send> Source<M> for F {
    fn fetch(&mut self, message: &mut M) -> Result<bool, String> {
        self(message)
    }
}

/// What is done with messages.
pub trait Worker<M> {
    /// The newest message.
    fn handle(&mut self, message: &M);

    /// So many messages gave their place to a newer one since this was said last.
    fn replaced(&mut self, messages: u64);

    /// No message for a tick.
    fn idle(&mut self);
}

/// Why a run ended before its source did.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum LiveError {
    /// The source broke.
    #[error("the source ended early: {0}")]
    Source(String),
    /// The source's thread panicked.
    #[error("the source's thread panicked: {0}")]
    SourcePanicked(String),
    /// The worker panicked.
    #[error("the handling of a frame panicked: {0}")]
    WorkerPanicked(String),
    /// There is no thread for the source.
    #[error("cannot start the source's thread: {0}")]
    Thread(String),
}

/// Runs until the source ends or a side breaks.
///
/// The worker's panic is reported when the source gives its next message or ends.
///
/// # Errors
/// Whatever ended it but the source's end. Messages that were handled before are counted.
pub fn run<M: Default + Send>(
    mut source: impl Source<M>,
    worker: &mut impl Worker<M>,
    tick: Duration,
) -> (Counts, Result<(), LiveError>) {
    let (mut sender, mut receiver) = mailbox::<M>();
    thread::scope(|scope| {
        let fetching = move || -> Result<(), LiveError> {
            loop {
                let slot = sender.slot();
                match catch_unwind(AssertUnwindSafe(|| source.fetch(slot))) {
                    Ok(Ok(true)) if !sender.is_closed() => {
                        // replacements are in the receiver's counts
                        sender.post();
                    }
                    Ok(Ok(_)) => return Ok(()),
                    Ok(Err(why)) => return Err(LiveError::Source(why)),
                    Err(panic) => {
                        return Err(LiveError::SourcePanicked(panic_message(panic.as_ref())));
                    }
                }
            }
        };
        let spawned = thread::Builder::new()
            .name("lookout-source".to_owned())
            .spawn_scoped(scope, fetching);
        let thread = match spawned {
            Ok(thread) => thread,
            Err(e) => return (receiver.counts(), Err(LiveError::Thread(e.to_string()))),
        };
        let mut replaced = 0;
        let worked = catch_unwind(AssertUnwindSafe(|| {
            loop {
                match receiver.wait(tick) {
                    Wait::Message(message) => worker.handle(message),
                    Wait::TimedOut => worker.idle(),
                    Wait::Closed => return,
                }
                let before = std::mem::replace(&mut replaced, receiver.counts().replaced);
                if replaced > before {
                    worker.replaced(replaced - before);
                }
            }
        }));
        let counts = receiver.counts();
        drop(receiver);
        let fetched = thread
            .join()
            .unwrap_or_else(|panic| Err(LiveError::SourcePanicked(panic_message(panic.as_ref()))));
        match worked {
            Ok(()) => (counts, fetched),
            Err(panic) => (
                counts,
                Err(LiveError::WorkerPanicked(panic_message(panic.as_ref()))),
            ),
        }
    })
}

#[cfg(test)]
#[path = "live_tests.rs"]
mod tests;
