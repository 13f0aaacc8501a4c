//! How the process is asked to end: SIGINT (Ctrl-C, `ros2 launch`) and SIGTERM (systemd).

use std::io;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Condvar, Mutex, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use signal_hook::consts::{SIGINT, SIGTERM};
use signal_hook::flag;
use signal_hook::iterator::Signals;

const THREAD: &str = "lookout-signals";

/// What a shell expects of a program that Ctrl-C ended: 128 and the signal's number.
const INTERRUPTED: i32 = 130;

/// The signals cannot be caught.
#[derive(Debug, thiserror::Error)]
#[error("cannot catch SIGINT and SIGTERM")]
pub struct ShutdownError(#[from] io::Error);

#[derive(Debug, Default)]
struct Shared {
    /// Of its own, because a signal handler sets it.
    requested: Arc<AtomicBool>,
    turn: Mutex<()>,
    changed: Condvar,
}

/// Whether the process is to end, for everybody who has to know. Clones are of the same one.
#[derive(Clone, Debug, Default)]
pub struct Shutdown(Arc<Shared>);

impl Shutdown {
    /// One that no signal requests, only [`request`](Self::request).
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Catches SIGINT and SIGTERM from now until the process ends: the first of either is a request,
    /// and a SIGINT after that ends the process at once with status 130, without cleaning up.
    ///
    /// # Errors
    /// The system refuses the handlers or the thread that waits for them.
    pub fn on_signals() -> Result<Self, ShutdownError> {
        let shutdown = Self::new();
        let requested = &shutdown.0.requested;
        // First, so that it looks at what the signal before has set. The flag itself is set by the
        // handler, whether or not the thread below gets a turn.
        flag::register_conditional_shutdown(SIGINT, INTERRUPTED, Arc::clone(requested))?;
        flag::register(SIGINT, Arc::clone(requested))?;
        flag::register(SIGTERM, Arc::clone(requested))?;
        let mut signals = Signals::new([SIGINT, SIGTERM])?;
        let woken = shutdown.clone();
        thread::Builder::new()
            .name(THREAD.to_owned())
            .spawn(move || {
                for signal in signals.forever() {
                    let name = if signal == SIGINT {
                        "SIGINT"
                    } else {
                        "SIGTERM"
                    };
                    log::info!("{name}: shutting down");
                    woken.request();
                }
            })?;
        Ok(shutdown)
    }

    /// Requests it from within the program.
    pub fn request(&self) {
        self.0.requested.store(true, Ordering::SeqCst);
        // Under the lock, so that nobody can miss it between looking and waiting.
        drop(self.turn());
        self.0.changed.notify_all();
    }

    /// True from the first request on.
    #[must_use]
    pub fn requested(&self) -> bool {
        self.0.requested.load(Ordering::SeqCst)
    }

    /// Waits for a request.
    pub fn wait(&self) {
        let mut turn = self.turn();
        while !self.requested() {
            turn = (self.0.changed.wait(turn)).unwrap_or_else(PoisonError::into_inner);
        }
    }

    /// Waits for a request, but no longer than `limit`. True where there is one.
    pub fn wait_for(&self, limit: Duration) -> bool {
        let began = Instant::now();
        let mut turn = self.turn();
        while !self.requested() {
            let Some(left) = limit.checked_sub(began.elapsed()) else {
                return false;
            };
            let waited = self.0.changed.wait_timeout(turn, left);
            turn = waited.unwrap_or_else(PoisonError::into_inner).0;
        }
        true
    }

    fn turn(&self) -> std::sync::MutexGuard<'_, ()> {
        self.0.turn.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_request_wakes_all_who_wait_and_stays() {
        let shutdown = Shutdown::new();
        assert!(!shutdown.wait_for(Duration::from_millis(1)));
        let waiting: Vec<_> = (0..3)
            .map(|_| {
                let shutdown = shutdown.clone();
                thread::spawn(move || shutdown.wait())
            })
            .collect();
        shutdown.request();
        for thread in waiting {
            thread.join().unwrap();
        }
        assert!(shutdown.requested());
        assert!(shutdown.wait_for(Duration::ZERO));
    }
}
