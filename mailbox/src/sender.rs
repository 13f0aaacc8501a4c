use std::fmt;

use crate::exchange::Hand;
use crate::shared::{Counts, Shared};
use crate::sync::{Arc, Ordering, Thread, fence};

/// The side that posts. It belongs to one thread at a time; dropping it closes the mailbox.
pub struct Sender<T> {
    shared: Arc<Shared<T>>,
    message: Hand<T>,
    /// The receiver's thread, once it waited.
    thread: Hand<Thread>,
}

impl<T> Sender<T> {
    pub(crate) fn new(shared: Arc<Shared<T>>, message: Hand<T>, thread: Hand<Thread>) -> Self {
        Self {
            shared,
            message,
            thread,
        }
    }

    /// The message to write, before it is posted. It holds what one of the earlier messages left in
    /// it, so that its buffers can be used again: write all of it.
    pub fn slot(&mut self) -> &mut T
    where
        T: Default,
    {
        // There is always a message in hand; the default only spares a panic that cannot happen.
        self.message.value.get_or_insert_with(T::default)
    }

    /// Posts the message in [`slot`](Self::slot) and wakes the receiver if it waits. Neither waits
    /// nor allocates. True when that replaced a message that was not taken.
    ///
    /// After the receiver is gone it does the same, and nobody takes the message.
    pub fn post(&mut self) -> bool {
        self.shared.count_posted();
        let replaced = self.shared.messages.give(&mut self.message);
        if replaced {
            self.shared.count_replaced();
        }
        self.wake();
        replaced
    }

    /// Closes the mailbox, as dropping the sender does. A message that was posted and not taken can
    /// still be taken.
    pub fn close(self) {}

    /// Whether the receiver is gone: nothing will be taken any more, and [`counts`](Self::counts) has
    /// all that was.
    pub fn is_closed(&self) -> bool {
        self.shared.receiver_gone.load(Ordering::Acquire)
    }

    /// What became of the messages so far.
    pub fn counts(&self) -> Counts {
        self.shared.counts()
    }

    /// Wakes the receiver's thread. What it is to find must have been published before.
    fn wake(&mut self) {
        // Pairs with the fence of a receiver that registers: either it is seen here, or what was
        // published is seen there.
        fence(Ordering::SeqCst);
        self.shared.threads.receive(&mut self.thread);
        if let Some(thread) = &self.thread.value {
            thread.unpark();
        }
    }
}

impl<T> Drop for Sender<T> {
    fn drop(&mut self) {
        self.shared.sender_gone.store(true, Ordering::Release);
        self.wake();
    }
}

impl<T> fmt::Debug for Sender<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Sender")
            .field("closed", &self.is_closed())
            .field("counts", &self.counts())
            .finish_non_exhaustive()
    }
}
