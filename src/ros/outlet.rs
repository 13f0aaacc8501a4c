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
    dropped: AtomicU64,
    full: AtomicBool,
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
            dropped: AtomicU64::new(0),
            full: AtomicBool::new(false),
        })
    }

    /// Publishes a message; false where it was dropped. Does not wait.
    pub fn send(&self, message: T) -> bool {
        self.send_shared(&Arc::new(message))
    }

    /// As [`send`](Self::send), without taking the message away.
    pub(super) fn send_shared(&self, message: &Arc<T>) -> bool {
        let result = self.publisher.publish(SharedMessage(Arc::clone(message)));
        match result {
            Ok(()) => {
                if self.full.swap(false, Ordering::Relaxed) {
                    let dropped = self.dropped();
                    log::info!("{}: publishing again; {dropped} dropped so far", self.topic);
                }
                true
            }
            Err(error) => {
                self.dropped.fetch_add(1, Ordering::Relaxed);
                if !self.full.swap(true, Ordering::Relaxed) {
                    self.log_failure(&error);
                }
                false
            }
        }
    }

    fn log_failure(&self, error: &WriteError<SharedMessage<T>>) {
        match error {
            WriteError::WouldBlock { .. } => log::warn!(
                "{}: the network takes no message; they are dropped until it does",
                self.topic
            ),
            error => log::warn!("{}: cannot publish: {error}", self.topic),
        }
    }

    /// Messages that were not sent.
    pub fn dropped(&self) -> u64 {
        self.dropped.load(Ordering::Relaxed)
    }

    /// The topic.
    pub fn topic(&self) -> &str {
        &self.topic
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
