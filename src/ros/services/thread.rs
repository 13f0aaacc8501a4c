use std::panic::AssertUnwindSafe;
use std::sync::mpsc::{Receiver, RecvTimeoutError, channel};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use futures::channel::oneshot;
use futures::executor::block_on;
use futures::future::{FutureExt, select};
use futures::stream::{FuturesUnordered, StreamExt};

use super::server::{ServiceError, Serving};
use crate::watchdog::panic_message;

const THREAD: &str = "lookout-services";

/// How long stopping waits for a handler that does not come back.
const STOP_WITHIN: Duration = Duration::from_millis(100);

/// The thread that runs servers. It stops when dropped.
#[derive(Debug)]
pub struct Services {
    /// Taken to stop it.
    stop: Option<oneshot::Sender<()>>,
    thread: Option<JoinHandle<()>>,
    /// Ends when the thread does.
    running: Receiver<()>,
}

impl Services {
    /// Runs servers, until stopped. One that panics is logged and gone; the others go on.
    ///
    /// # Errors
    /// No thread to be had.
    pub fn start(servers: Vec<Serving>) -> Result<Self, ServiceError> {
        let (stop, stopped) = oneshot::channel::<()>();
        let (running_until_dropped, running) = channel::<()>();
        let work = move || {
            let _running = running_until_dropped;
            let mut servers: FuturesUnordered<_> = servers
                .into_iter()
                .map(|server| AssertUnwindSafe(server).catch_unwind())
                .collect();
            let serving = async move {
                while let Some(ended) = servers.next().await {
                    match ended {
                        Ok(()) => log::error!("a server has ended"),
                        Err(panic) => {
                            log::error!("a server has panicked: {}", panic_message(panic.as_ref()));
                        }
                    }
                }
                // Nothing is left to serve, but it is for others to say when to stop.
                std::future::pending::<()>().await;
            };
            block_on(select(stopped, serving.boxed()));
        };
        let thread = thread::Builder::new()
            .name(THREAD.to_owned())
            .spawn(work)
            .map_err(|source| ServiceError::Thread {
                name: THREAD,
                source,
            })?;
        Ok(Self {
            stop: Some(stop),
            thread: Some(thread),
            running,
        })
    }

    /// Ends the thread and with it the services, within 100 ms.
    ///
    /// False where a handler did not come back in that time; its thread is left behind then.
    pub fn stop(mut self) -> bool {
        self.end()
    }

    fn end(&mut self) -> bool {
        // Dropping the sender is what stops it.
        drop(self.stop.take());
        let Some(thread) = self.thread.take() else {
            return true;
        };
        if self.running.recv_timeout(STOP_WITHIN) == Err(RecvTimeoutError::Timeout) {
            log::error!("{THREAD} does not end: a handler does not come back");
            return false;
        }
        thread.join().is_ok()
    }
}

impl Drop for Services {
    fn drop(&mut self) {
        self.end();
    }
}
