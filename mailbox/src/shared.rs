use crate::exchange::Exchange;
use crate::sync::{AtomicBool, AtomicU64, Ordering, Thread};

/// What became of the messages since the mailbox was made.
///
/// When both sides are quiet, `posted = taken + replaced + waiting` with 0 or 1 waiting. While they
/// are at work the three are read one after another: `posted` is never less than `taken +
/// replaced`, and may be ahead of them by what happened in between.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counts {
    /// Messages that the sender posted.
    pub posted: u64,
    /// Messages that the receiver took.
    pub taken: u64,
    /// Messages that were replaced by the next one before they were taken.
    pub replaced: u64,
}

impl Counts {
    /// Messages posted and neither taken nor replaced: 0 or 1 when both sides are quiet.
    pub fn waiting(&self) -> u64 {
        self.posted
            .saturating_sub(self.taken)
            .saturating_sub(self.replaced)
    }
}

/// What the two sides have in common.
pub(crate) struct Shared<T> {
    pub(crate) messages: Exchange<T>,
    /// The thread to wake, from the receiver to the sender.
    pub(crate) threads: Exchange<Thread>,
    pub(crate) sender_gone: AtomicBool,
    pub(crate) receiver_gone: AtomicBool,
    posted: AtomicU64,
    taken: AtomicU64,
    replaced: AtomicU64,
}

impl<T> Shared<T> {
    pub(crate) fn new(messages: Exchange<T>, threads: Exchange<Thread>) -> Self {
        Self {
            messages,
            threads,
            sender_gone: AtomicBool::new(false),
            receiver_gone: AtomicBool::new(false),
            posted: AtomicU64::new(0),
            taken: AtomicU64::new(0),
            replaced: AtomicU64::new(0),
        }
    }

    /// To be called before the message is given: whoever knows that it was taken or replaced then
    /// knows also that it was posted.
    pub(crate) fn count_posted(&self) {
        self.posted.fetch_add(1, Ordering::Relaxed);
    }

    pub(crate) fn count_taken(&self) {
        self.taken.fetch_add(1, Ordering::Release);
    }

    pub(crate) fn count_replaced(&self) {
        self.replaced.fetch_add(1, Ordering::Release);
    }

    pub(crate) fn counts(&self) -> Counts {
        let taken = self.taken.load(Ordering::Acquire);
        let replaced = self.replaced.load(Ordering::Acquire);
        // Last, so that it covers the other two.
        let posted = self.posted.load(Ordering::Relaxed);
        Counts {
            posted,
            taken,
            replaced,
        }
    }
}
