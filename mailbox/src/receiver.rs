use std::fmt;
use std::time::Duration;

use crate::exchange::Hand;
use crate::shared::{Counts, Shared};
use crate::sync::{Arc, Deadline, Ordering, Thread, ThreadId, fence, thread};

/// The side that takes. It belongs to one thread at a time.
pub struct Receiver<T> {
    shared: Arc<Shared<T>>,
    message: Hand<T>,
    thread: Hand<Thread>,
    /// The thread that the sender was told to wake.
    registered: Option<ThreadId>,
}

/// How [`Receiver::wait`] ended.
#[derive(Debug, PartialEq, Eq)]
#[must_use]
pub enum Wait<'a, T> {
    /// The newest message, as [`Receiver::take`] gives it.
    Message(&'a mut T),
    /// No message came in time.
    TimedOut,
    /// The sender is gone and its last message was taken: no message will come any more.
    Closed,
}

/// The same without the message.
enum End {
    Message,
    TimedOut,
    Closed,
}

impl<T> Receiver<T> {
    pub(crate) fn new(shared: Arc<Shared<T>>, message: Hand<T>, thread: Hand<Thread>) -> Self {
        Self {
            shared,
            message,
            thread,
            registered: None,
        }
    }

    /// The newest message, if one was posted since the last that was taken. Neither waits nor
    /// allocates.
    ///
    /// The message is the receiver's until the next call that takes one. Then it goes back to be
    /// written again: what is left in it, the sender finds.
    pub fn take(&mut self) -> Option<&mut T> {
        if self.fetch() {
            self.message.value.as_mut()
        } else {
            None
        }
    }

    /// Waits up to `timeout` for a message and takes the newest. A message that waits already is
    /// taken at once, also from a closed mailbox and also with a timeout of zero.
    ///
    /// The thread is parked ([`std::thread::park_timeout`]). A post that comes when it does not
    /// wait can make its next park end early, as `unpark` by anybody may; this method goes on
    /// waiting then. Allocates nothing on a thread that the standard library started; on any other,
    /// the first call may make that thread's handle.
    pub fn wait(&mut self, timeout: Duration) -> Wait<'_, T> {
        match self.fetch_until(timeout) {
            // A message that was fetched is in hand.
            End::Message => self
                .message
                .value
                .as_mut()
                .map_or(Wait::TimedOut, Wait::Message),
            End::TimedOut => Wait::TimedOut,
            End::Closed => Wait::Closed,
        }
    }

    /// Whether the sender is gone. Its last message may still wait to be taken: nothing more will
    /// come when this was true before [`take`](Self::take) gave none.
    pub fn is_closed(&self) -> bool {
        self.shared.sender_gone.load(Ordering::Acquire)
    }

    /// What became of the messages so far.
    pub fn counts(&self) -> Counts {
        self.shared.counts()
    }

    fn fetch(&mut self) -> bool {
        let fetched = self.shared.messages.receive(&mut self.message);
        if fetched {
            self.shared.count_taken();
        }
        fetched
    }

    fn fetch_until(&mut self, timeout: Duration) -> End {
        if self.fetch() {
            return End::Message;
        }
        let deadline = Deadline::after(timeout);
        self.register();
        loop {
            // Before the message: what was posted before the close is then found.
            let closed = self.is_closed();
            if self.fetch() {
                return End::Message;
            }
            if closed {
                return End::Closed;
            }
            if !deadline.park() {
                return End::TimedOut;
            }
        }
    }

    /// Tells the sender which thread to wake. That stays good until the receiver is moved to
    /// another one. A former thread may be woken once or more for nothing.
    fn register(&mut self) {
        let current = thread::current();
        if self.registered == Some(current.id()) {
            return;
        }
        self.registered = Some(current.id());
        self.thread.value = Some(current);
        self.shared.threads.give(&mut self.thread);
        // Pairs with the fence of a sender that wakes.
        fence(Ordering::SeqCst);
    }
}

impl<T> Drop for Receiver<T> {
    fn drop(&mut self) {
        self.shared.receiver_gone.store(true, Ordering::Release);
    }
}

impl<T> fmt::Debug for Receiver<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Receiver")
            .field("closed", &self.is_closed())
            .field("counts", &self.counts())
            .finish_non_exhaustive()
    }
}
