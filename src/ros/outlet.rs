//! A publisher that never blocks and whose message keeps its buffers.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use ros2_client::dds::rustdds::QosPolicies;
use ros2_client::{Context, Node, Publisher, WriteError};
use serde::{Serialize, Serializer};

use super::outputs::OutputError;
use super::qos;
use crate::msg::RosMessage;

/// A message that is shared with the publisher while that serialises it.
pub(super) struct SharedMessage<T>(Arc<T>);

impl<T: Serialize> Serialize for SharedMessage<T> {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        self.0.serialize(to)
    }
}

/// Publishes messages of one topic.
///
/// A subscriber that acknowledges nothing holds up nobody: of the messages for it the newest are
/// kept, up to the depth of the topic. A message is dropped, and counted, where the network takes
/// none.
pub struct Outlet<T: Serialize> {
    publisher: Publisher<SharedMessage<T>>,
    topic: String,
    sent: Sent,
}

impl<T: RosMessage + Serialize> Outlet<T> {
    /// Publishes at the node; `topic` is absolute and remapped.
    ///
    /// # Errors
    /// What RustDDS says.
    pub fn new(
        context: &Context,
        node: &mut Node,
        topic: &str,
        qos: &QosPolicies,
    ) -> Result<Self, OutputError> {
        let topic = topic.to_owned();
        let publisher = match qos::publisher::<T, _>(context, node, &topic, qos) {
            Ok(publisher) => publisher,
            Err(source) => return Err(OutputError::Create { topic, source }),
        };
        Ok(Self {
            publisher,
            topic,
            sent: Sent::default(),
        })
    }

    /// Publishes a message; false where it was dropped. Does not wait.
    pub fn send(&self, message: T) -> bool {
        self.send_shared(&Arc::new(message))
    }

    /// As [`send`](Self::send), without taking the message away.
    pub(super) fn send_shared(&self, message: &Arc<T>) -> bool {
        let result = self.publisher.publish(SharedMessage(Arc::clone(message)));
        self.sent.note(&self.topic, result)
    }

    /// Messages that were not sent.
    pub fn dropped(&self) -> u64 {
        self.sent.dropped.load(Ordering::Relaxed)
    }
}

/// Counts the messages that are not sent, and logs the first of a row.
#[derive(Default)]
struct Sent {
    dropped: AtomicU64,
    failing: AtomicBool,
}

impl Sent {
    /// Whether a message was sent.
    fn note<D>(&self, topic: &str, result: Result<(), WriteError<D>>) -> bool {
        let Err(error) = result else {
            if self.failing.swap(false, Ordering::Relaxed) {
                let dropped = self.dropped.load(Ordering::Relaxed);
                log::info!("{topic}: publishing again; {dropped} dropped so far");
            }
            return true;
        };
        self.dropped.fetch_add(1, Ordering::Relaxed);
        if !self.failing.swap(true, Ordering::Relaxed) {
            match error {
                WriteError::WouldBlock { .. } => log::warn!(
                    "{topic}: the network takes no message; they are dropped until it does"
                ),
                error => log::warn!("{topic}: cannot publish: {error}"),
            }
        }
        false
    }
}

/// An [`Outlet`] with a message that is written over for each publication.
pub(super) struct Refilled<T: Serialize> {
    outlet: Outlet<T>,
    message: Arc<T>,
}

impl<T: RosMessage + Serialize + Default> Refilled<T> {
    pub(super) fn new(
        context: &Context,
        node: &mut Node,
        topic: &str,
        qos: &QosPolicies,
    ) -> Result<Self, OutputError> {
        Ok(Self {
            outlet: Outlet::new(context, node, topic, qos)?,
            message: Arc::default(),
        })
    }

    /// Fills the message, which holds the one before, and publishes it; false where it was dropped
    /// or `fill` made none.
    pub(super) fn publish(&mut self, fill: impl FnOnce(&mut T) -> bool) -> bool {
        // The publisher let go of it when it had serialised it.
        if Arc::get_mut(&mut self.message).is_none() {
            self.message = Arc::default();
        }
        let filled = Arc::get_mut(&mut self.message).is_some_and(fill);
        filled && self.outlet.send_shared(&self.message)
    }

    pub(super) fn dropped(&self) -> u64 {
        self.outlet.dropped()
    }
}

#[cfg(test)]
mod tests {
    use super::super::test_log::logged;
    use super::*;

    #[test]
    fn whatever_fails_is_counted_and_the_first_of_a_row_is_logged() {
        let (reason, data) = (|| "on purpose".to_owned(), ());
        let serialization = WriteError::Serialization {
            reason: reason(),
            data,
        };
        // what there is where the transport's threads are gone
        let poisoned = WriteError::Poisoned {
            reason: reason(),
            data,
        };
        let middleware = WriteError::Middleware {
            reason: reason(),
            data,
        };
        let kinds = [
            (WriteError::WouldBlock { data }, "takes no message"),
            (serialization, "on purpose"),
            (poisoned, "on purpose"),
            (middleware, "on purpose"),
            (WriteError::Internal { reason: reason() }, "on purpose"),
            (
                WriteError::Io(std::io::Error::other(reason())),
                "on purpose",
            ),
        ];
        for (error, words) in kinds {
            let sent = Sent::default();
            let full = || Err(WriteError::WouldBlock { data });
            let lines = logged(|| {
                assert!(sent.note("/flag", Ok::<(), WriteError<()>>(())));
                assert!(!sent.note("/flag", Err(error)));
                assert!(!sent.note("/flag", full()) && !sent.note("/flag", full()));
                assert!(sent.note("/flag", Ok::<(), WriteError<()>>(())));
                assert!(sent.note("/flag", Ok::<(), WriteError<()>>(())));
                assert!(!sent.note("/flag", full()));
            });
            assert_eq!(sent.dropped.load(Ordering::Relaxed), 4);
            let [first, again, second] = &lines[..] else {
                panic!("{lines:?}");
            };
            assert!(
                first.starts_with("/flag: ") && first.contains(words),
                "{first}"
            );
            assert_eq!(again, "/flag: publishing again; 3 dropped so far");
            assert!(second.contains("takes no message"), "{second}");
        }
    }
}
