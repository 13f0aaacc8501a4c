//! How the process is asked to end: SIGINT (Ctrl-C, `ros2 launch`) and SIGTERM (systemd).

use std::io;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Condvar, Mutex, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use signal_hook::consts::{SIGINT, SIGTERM};
use signal_hook::iterator::Signals;
use signal_hook::{flag, low_level};

const THREAD: &str = "lookout-signals";

/// What a shell expects of a program that a signal ended: 128 and the signal's number.
const ENDED_BY: i32 = 128;
/// The request of the program itself: no signal's number.
const BY_ITSELF: usize = usize::MAX;

/// A second SIGINT within this time is the same request: on Ctrl-C the terminal sends one to each
/// process of the group, and `ros2 launch` sends its children one more.
pub const SAME_REQUEST_WITHIN: Duration = Duration::from_secs(1);

/// The signals cannot be caught.
#[derive(Debug, thiserror::Error)]
#[error("cannot catch SIGINT and SIGTERM")]
pub struct ShutdownError(#[from] io::Error);

#[derive(Debug, Default)]
struct Request {
    /// 0 without a request, else the signal's number or [`BY_ITSELF`]. Of its own, because a signal
    /// handler sets it.
    requested: Arc<AtomicUsize>,
    turn: Mutex<()>,
    changed: Condvar,
}

/// Whether the process is to end, for everybody who has to know. Clones are of the same one. No signal requests the
/// default one, only [`request`](Self::request).
#[derive(Clone, Debug, Default)]
pub struct Shutdown(Arc<Request>);

impl Shutdown {
    /// Catches SIGINT and SIGTERM from now until the process ends: the first of either is a request.
    /// A SIGINT more than [`SAME_REQUEST_WITHIN`] later ends the process at once with status 130, without
    /// cleaning up.
    ///
    /// # Errors
    /// The system refuses the handlers or the thread that waits for them.
    pub fn on_signals() -> Result<Self, ShutdownError> {
        let shutdown = Self::default();
        let requested = &shutdown.0.requested;
        // The handler sets the flag, whether or not the thread below gets a turn.
        for signal in [SIGINT, SIGTERM] {
            flag::register_usize(signal, Arc::clone(requested), signal as usize)?;
        }
        let mut signals = Signals::new([SIGINT, SIGTERM])?;
        let woken = shutdown.clone();
        thread::Builder::new()
            .name(THREAD.to_owned())
            .spawn(move || {
                let mut first = None;
                for signal in signals.forever() {
                    let now = Instant::now();
                    let asked = now.duration_since(*first.get_or_insert(now));
                    if signal == SIGINT && asked > SAME_REQUEST_WITHIN {
                        low_level::exit(ENDED_BY + SIGINT);
                    }
                    if asked.is_zero() {
                        woken.request();
                        let name = low_level::signal_name(signal).unwrap_or("a signal");
                        log::info!("{name}: lookout ends what it does");
                    }
                }
            })?;
        Ok(shutdown)
    }

    /// Requests it from within the program.
    pub fn request(&self) {
        let seen = (Ordering::SeqCst, Ordering::SeqCst);
        // a signal's own number stays
        let _ = (self.0.requested).compare_exchange(0, BY_ITSELF, seen.0, seen.1);
        // Under the lock, so that nobody can miss it between looking and waiting.
        drop(self.turn());
        self.0.changed.notify_all();
    }

    /// True from the first request on.
    #[must_use]
    pub fn requested(&self) -> bool {
        self.0.requested.load(Ordering::SeqCst) != 0
    }

    /// The exit code for a program that a signal asked to end, 130 or 143; `None` where none did.
    #[must_use]
    pub fn exit_code(&self) -> Option<u8> {
        let signal = i32::try_from(self.0.requested.load(Ordering::SeqCst)).ok()?;
        (signal != 0).then_some(())?;
        u8::try_from(ENDED_BY + signal).ok()
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
        let shutdown = Shutdown::default();
        assert!(!shutdown.wait_for(Duration::from_millis(1)));
        let waiting: Vec<_> = (0..3)
            .map(|_| {
                let shutdown = shutdown.clone();
                thread::spawn(move || assert!(shutdown.wait_for(Duration::from_secs(20))))
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
