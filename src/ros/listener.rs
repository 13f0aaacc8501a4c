//! Small topics of which only the latest message counts, or each is handled at once: one thread
//! for all of them, `lookout-listen`.

use std::io;
use std::pin::pin;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::{Builder, JoinHandle};
use std::time::{Duration, Instant};

use futures::channel::oneshot;
use futures::executor::block_on;
use futures::future::{BoxFuture, FutureExt, join_all, select};
use futures::stream::StreamExt;
use ros2_client::Subscription;
use serde::de::DeserializeOwned;

use crate::repeats::{Kind, Repeats};

/// The latest message of a topic, and when it came in on the clock of its [`Subscriptions`]; clones see
/// the same.
#[derive(Debug)]
pub struct Latest<T>(Arc<Mutex<Option<(T, Duration)>>>);

impl<T> Clone for Latest<T> {
    fn clone(&self) -> Self {
        Self(Arc::clone(&self.0))
    }
}

impl<T> Default for Latest<T> {
    fn default() -> Self {
        Self(Arc::default())
    }
}

impl<T> Latest<T> {
    /// Looks at the message and its arrival, without a copy; keep it short, a new one has to wait. None
    /// before the first.
    pub fn with<R>(&self, look: impl FnOnce(&T, Duration) -> R) -> Option<R> {
        let latest = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        latest
            .as_ref()
            .map(|(message, arrival)| look(message, *arrival))
    }

    pub(super) fn put(&self, message: T, arrival: Duration) {
        let mut latest = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        *latest = Some((message, arrival));
    }
}

/// What is listened to, before the thread begins.
pub struct Subscriptions {
    tasks: Vec<BoxFuture<'static, ()>>,
    malformed: Arc<AtomicU64>,
    clock: Arc<dyn Fn() -> Duration + Send + Sync>,
}

impl Subscriptions {
    /// Nothing yet. `clock` never goes backwards; it tells when messages arrive.
    pub fn new(clock: impl Fn() -> Duration + Send + Sync + 'static) -> Self {
        Self {
            tasks: Vec::new(),
            malformed: Arc::default(),
            clock: Arc::new(clock),
        }
    }

    /// Keeps the latest message of a topic, which is named in the log.
    pub fn latest<T>(&mut self, topic: &str, subscription: Subscription<T>) -> Latest<T>
    where
        T: DeserializeOwned + Send + Sync + 'static,
    {
        let latest = Latest::default();
        let (into, clock) = (latest.clone(), Arc::clone(&self.clock));
        self.each(topic, subscription, move |message| {
            into.put(message, clock())
        });
        latest
    }

    /// Hands every message of a topic to a function, on the thread of all; it must not wait.
    /// Messages that cannot be read are counted.
    pub fn each<T>(
        &mut self,
        topic: &str,
        subscription: Subscription<T>,
        mut handle: impl FnMut(T) + Send + 'static,
    ) where
        T: DeserializeOwned + Send + Sync + 'static,
    {
        let (malformed, topic) = (Arc::clone(&self.malformed), topic.to_owned());
        let mut repeats = Repeats::default();
        let task = async move {
            let mut messages = pin!(subscription.async_stream());
            while let Some(message) = messages.next().await {
                match message {
                    Ok((message, _)) => handle(message),
                    Err(error) => {
                        malformed.fetch_add(1, Ordering::Relaxed);
                        let error = error.to_string();
                        let repeated = repeats.note(Kind::of_text(&error), Instant::now());
                        if let Some(repeated) = repeated {
                            log::warn!(
                                "{topic}: a message cannot be read: {error}; check what publishes there, and \
                                 with which type{repeated}"
                            );
                        }
                    }
                }
            }
        };
        self.tasks.push(task.boxed());
    }

    /// Begins to listen.
    ///
    /// # Errors
    /// No thread.
    pub fn listen(self) -> io::Result<Listener> {
        let (stop, stopped) = oneshot::channel::<()>();
        let tasks = self.tasks;
        let thread = Builder::new()
            .name("lookout-listen".to_owned())
            .spawn(move || {
                block_on(select(join_all(tasks), stopped));
            })?;
        Ok(Listener {
            stop: Some(stop),
            thread: Some(thread),
            malformed: self.malformed,
        })
    }
}

/// Listens until it is dropped.
pub struct Listener {
    stop: Option<oneshot::Sender<()>>,
    thread: Option<JoinHandle<()>>,
    malformed: Arc<AtomicU64>,
}

impl Listener {
    /// Messages that could not be read.
    pub fn malformed(&self) -> u64 {
        self.malformed.load(Ordering::Relaxed)
    }
}

impl Drop for Listener {
    fn drop(&mut self) {
        drop(self.stop.take());
        if let Some(thread) = self.thread.take()
            && thread.join().is_err()
        {
            log::error!("the thread that listens to small topics panicked");
        }
    }
}
