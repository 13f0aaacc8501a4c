//! The camera: a subscription whose frames go into buffers that are kept.
//!
//! A [`CameraSource`] is one end of [`live::run`](crate::live::run): it takes whatever there is as
//! soon as it is there, so that the newest-only mailbox decides what is dropped and not the queue of
//! the reader, which hands out the oldest first. That queue is short besides
//! ([`qos::CAMERA_SAMPLES`]): should the thread be held up, it comes back to the newest frames.
//!
//! A message that cannot be read is a [`CameraMessage`] too, one that says why: the supervisor has
//! to hear of it.

use std::cell::RefCell;
use std::pin::pin;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Condvar, Mutex, PoisonError};
use std::task::{Context as TaskContext, Poll, Wake, Waker};
use std::time::Duration;

use futures::Stream;
use ros2_client::{Context, CreateError, Node, ReadError, Subscription};
use serde::de::{DeserializeSeed, Deserializer};

use super::message::{CameraMessage, Fill};
use super::qos;
use crate::live::Source;
use crate::msg::{CompressedImage, Image};

/// Which of the two camera topics is subscribed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum ImageTransport {
    /// `sensor_msgs/msg/Image`.
    #[default]
    Raw,
    /// `sensor_msgs/msg/CompressedImage`.
    Compressed,
}

impl ImageTransport {
    /// The topic, before remapping.
    pub const fn topic(self) -> &'static str {
        match self {
            Self::Raw => "~/input/image",
            Self::Compressed => "~/input/image/compressed",
        }
    }
}

/// A wakeup that got lost costs no more than this.
const CHECK_PERIOD: Duration = Duration::from_millis(50);
/// Old frames that are thrown away at most when a source begins.
const MAX_DISCARDED: usize = 256;

/// A subscription to camera frames. It stays in the graph while no source is running.
pub struct CameraSubscription {
    shared: Arc<CameraReader>,
}

struct CameraReader {
    // Messages are read by a seed into a buffer of ours, the value is nothing.
    subscription: Subscription<()>,
    transport: ImageTransport,
}

impl CameraSubscription {
    /// Subscribes at the node; `topic` is absolute and remapped.
    ///
    /// # Errors
    /// What RustDDS says.
    pub fn new(
        context: &Context,
        node: &mut Node,
        topic: &str,
        transport: ImageTransport,
    ) -> Result<Self, CreateError> {
        let qos = qos::input();
        let subscription = match transport {
            ImageTransport::Raw => qos::subscribe::<Image, ()>(context, node, topic, &qos)?,
            ImageTransport::Compressed => {
                qos::subscribe::<CompressedImage, ()>(context, node, topic, &qos)?
            }
        };
        let shared = Arc::new(CameraReader {
            subscription,
            transport,
        });
        Ok(Self { shared })
    }

    /// Frames from now on: what came before is thrown away. One source at a time gets them.
    pub fn source(&self) -> CameraSource {
        for _ in 0..MAX_DISCARDED {
            if let Ok(None) = self.shared.subscription.take_seed(Discard) {
                break;
            }
        }
        CameraSource {
            shared: Arc::clone(&self.shared),
            signal: Arc::default(),
        }
    }
}

/// Reads nothing of a message.
#[derive(Clone, Copy)]
struct Discard;

impl<'de> DeserializeSeed<'de> for Discard {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, _: D) -> Result<(), D::Error> {
        Ok(())
    }
}

/// Gives frame after frame until it is stopped.
pub struct CameraSource {
    shared: Arc<CameraReader>,
    signal: Arc<Signal>,
}

impl CameraSource {
    /// Ends the source from another thread.
    pub fn stopper(&self) -> Stopper {
        Stopper(Arc::clone(&self.signal))
    }

    /// Takes one message, if there is one. The waker is told of the next.
    fn poll(
        &self,
        message: &mut CameraMessage,
        waker: &Waker,
    ) -> Poll<Option<Result<(), ReadError>>> {
        let into = RefCell::new(message);
        let seed = Fill::new(&into, self.shared.transport);
        let stream = pin!(self.shared.subscription.async_stream_seed(seed));
        stream
            .poll_next(&mut TaskContext::from_waker(waker))
            .map(|taken| taken.map(|result| result.map(|_| ())))
    }
}

impl Source<CameraMessage> for CameraSource {
    fn fetch(&mut self, message: &mut CameraMessage) -> Result<bool, String> {
        let waker = Waker::from(Arc::clone(&self.signal));
        loop {
            if self.signal.stopped.load(Ordering::Acquire) {
                return Ok(false);
            }
            match self.poll(message, &waker) {
                Poll::Ready(Some(Ok(()))) => {}
                Poll::Ready(Some(Err(
                    error @ (ReadError::Deserialization { .. } | ReadError::Malformed),
                ))) => message.malform(None, error.to_string()),
                Poll::Ready(Some(Err(error))) => return Err(error.to_string()),
                Poll::Ready(None) => return Err("the subscription ended".to_owned()),
                Poll::Pending => {
                    self.signal.wait(CHECK_PERIOD);
                    continue;
                }
            }
            return Ok(true);
        }
    }
}

/// Ends a [`CameraSource`]: its `fetch` returns false within 100 ms, and ever after.
#[derive(Clone)]
pub struct Stopper(Arc<Signal>);

impl Stopper {
    /// Ends it.
    pub fn stop(&self) {
        self.0.stopped.store(true, Ordering::Release);
        self.0.wake_by_ref();
    }
}

/// Wakes the thread of a source.
#[derive(Default)]
struct Signal {
    stopped: AtomicBool,
    woken: Mutex<bool>,
    changed: Condvar,
}

impl Signal {
    fn wait(&self, limit: Duration) {
        let woken = self.woken.lock().unwrap_or_else(PoisonError::into_inner);
        let waited = self
            .changed
            .wait_timeout_while(woken, limit, |woken| !*woken);
        let (mut woken, _) = waited.unwrap_or_else(PoisonError::into_inner);
        *woken = false;
    }
}

impl Wake for Signal {
    fn wake(self: Arc<Self>) {
        self.wake_by_ref();
    }

    fn wake_by_ref(self: &Arc<Self>) {
        *self.woken.lock().unwrap_or_else(PoisonError::into_inner) = true;
        self.changed.notify_one();
    }
}

#[cfg(test)]
#[path = "input_tests.rs"]
mod tests;
