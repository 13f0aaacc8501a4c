use std::fmt;
use std::ops::RangeInclusive;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Mutex, MutexGuard, OnceLock, TryLockError};
use std::thread::Thread;
use std::time::{Duration, Instant};

use super::config::{Millis, in_range};
use super::flag_word::{FlagState, FlagWord, nanos};
use super::text::clipped;
use super::{Message, ThreadName, WatchdogError};
use crate::decide::Verdict;

/// What raises the flag from outside of the verdicts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Trip<'a> {
    /// A thread panicked. The [panic hook](super::install_panic_hook) trips with it.
    Panic {
        /// Name of the thread.
        thread: &'a str,
        /// What the panic said.
        message: &'a str,
        /// Whether somebody repairs what the panic left behind: see [`contain`](super::contain).
        owned: bool,
    },
    /// Somebody asked that no frames are judged.
    Disabled {
        /// Who, or how.
        message: &'a str,
    },
}

impl LatchedTrip {
    /// Both together; of one kind.
    pub fn and(self, other: Self) -> Self {
        let count = self.count.saturating_add(other.count);
        Self { count, ..self }
    }
}

impl Trip<'_> {
    /// Without its texts.
    pub const fn kind(&self) -> TripKind {
        match self {
            Self::Panic { .. } => TripKind::Panic,
            Self::Disabled { .. } => TripKind::Disabled,
        }
    }
}

/// The kinds of [`Trip`]. Each has its latch.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum TripKind {
    /// [`Trip::Panic`].
    Panic,
    /// [`Trip::Disabled`].
    Disabled,
}

/// Trips that hold the flag up, to be given back when they are acknowledged.
#[derive(Debug, PartialEq, Eq)]
#[must_use = "the flag stays raised until the trip is acknowledged"]
pub struct LatchedTrip {
    /// Their kind.
    pub kind: TripKind,
    /// How many of that kind.
    pub(super) count: u32,
}

/// The last post, for those who tell of it.
#[derive(Clone, Copy, Debug)]
pub(super) struct Posted {
    pub(super) verdict: Verdict,
    pub(super) at: Duration,
}

/// What the newest trips said; of panics, the newest that nobody repairs goes before all others.
#[derive(Clone, Debug, Default)]
pub(super) struct Notes {
    pub(super) thread: ThreadName,
    pub(super) panic: Message,
    lost: bool,
    pub(super) disabled: Message,
}

/// Where the pipeline posts its verdicts and where the safe-stop flag is; shared by `Arc`.
///
/// The flag itself is a single atomic word. What else a beat tells (which verdict, which panic) is
/// behind mutexes that are held for a copy only, and that nobody waits for: the flag must not
/// depend on a thread that was preempted while it held one.
///
/// Until the first post, the flag is raised.
pub struct Board {
    pub(super) word: FlagWord,
    /// In nanoseconds.
    stale_after: AtomicU64,
    clock: Box<dyn Fn() -> Duration + Send + Sync>,
    panics: AtomicU64,
    /// A panic was nobody's to repair.
    lost: AtomicBool,
    posted: Mutex<Option<Posted>>,
    notes: Mutex<Notes>,
    /// A watchdog was started.
    pub(super) watched: AtomicBool,
    /// Its thread.
    pub(super) watcher: OnceLock<Thread>,
}

fn staleness(stale_after_ms: u32) -> Result<Duration, WatchdogError> {
    let range = Millis {
        name: "stale_after_ms",
        range: Board::STALE_AFTER_MS,
    };
    in_range(range, stale_after_ms)
}

impl Board {
    /// What the staleness limit may be, in milliseconds.
    pub const STALE_AFTER_MS: RangeInclusive<u32> = 10..=60_000;

    /// A board whose clock begins now. `stale_after_ms` is the staleness limit in milliseconds,
    /// `10 ..= 60_000`.
    ///
    /// # Errors
    /// The limit is out of its range.
    pub fn new(stale_after_ms: u32) -> Result<Self, WatchdogError> {
        let origin = Instant::now();
        Self::with_clock(stale_after_ms, move || origin.elapsed())
    }

    /// With a clock that tells the time since an origin of its own and never goes backwards.
    ///
    /// # Errors
    /// As [`new`](Self::new).
    pub fn with_clock(
        stale_after_ms: u32,
        clock: impl Fn() -> Duration + Send + Sync + 'static,
    ) -> Result<Self, WatchdogError> {
        Ok(Self {
            word: FlagWord::new(),
            stale_after: AtomicU64::new(nanos(staleness(stale_after_ms)?)),
            clock: Box::new(clock),
            panics: AtomicU64::new(0),
            lost: AtomicBool::new(false),
            posted: Mutex::new(None),
            notes: Mutex::default(),
            watched: AtomicBool::new(false),
            watcher: OnceLock::new(),
        })
    }

    /// The staleness limit.
    pub fn stale_after(&self) -> Duration {
        Duration::from_nanos(self.stale_after.load(Ordering::Acquire))
    }

    /// Another staleness limit, from the next post on: what was posted before keeps the limit that it
    /// was posted under.
    ///
    /// # Errors
    /// As [`new`](Self::new); the limit stays as it was.
    pub fn set_stale_after_ms(&self, stale_after_ms: u32) -> Result<(), WatchdogError> {
        let limit = nanos(staleness(stale_after_ms)?);
        self.stale_after.store(limit, Ordering::Release);
        Ok(())
    }

    /// The board's time: since its clock's origin, monotonic.
    pub fn now(&self) -> Duration {
        (self.clock)()
    }

    /// The safe-stop flag; true means raised: the vehicle must not go on. From any thread, at any
    /// time, without waiting.
    pub fn flag(&self) -> bool {
        // The word before the time: a reader that is held up in between errs to the safe side.
        let state = self.word.state();
        !state.is_clear(self.now())
    }

    /// A verdict, and how old its frame is now. A verdict with its flag down lowers the board's for
    /// the staleness limit less `age`; one with its flag raised raises it at once. While a trip is
    /// latched the flag stays raised.
    ///
    /// One thread posts. Allocates nothing and waits for nobody.
    pub fn post(&self, verdict: &Verdict, age: Duration) {
        let now = self.now();
        let clear_until =
            is_clear(verdict).then(|| now.saturating_add(self.stale_after().saturating_sub(age)));
        // The flag before the details, because it matters more.
        let before = self.word.post(clear_until);
        // When a reader has the lock at this moment it keeps the verdict before this one.
        if let Some(mut posted) = some_tries(&self.posted) {
            *posted = Some(Posted {
                verdict: *verdict,
                at: now,
            });
        }
        let was_clear = before.is_some_and(|state| state.is_clear(now));
        if was_clear && clear_until.is_none_or(|until| until <= now) {
            self.wake();
        }
    }

    /// Raises the flag now, until the trip is acknowledged. Allocates nothing and waits for nobody,
    /// so that a panic hook may call it.
    pub fn trip(&self, trip: Trip<'_>) -> LatchedTrip {
        let kind = trip.kind();
        self.word.latch(kind);
        if let Trip::Panic { owned, .. } = trip {
            self.panics.fetch_add(1, Ordering::AcqRel);
            self.lost.fetch_or(!owned, Ordering::AcqRel);
        }
        if let Some(mut notes) = some_tries(&self.notes) {
            match trip {
                Trip::Panic { owned: true, .. } if notes.lost => {}
                Trip::Panic {
                    thread,
                    message,
                    owned,
                } => {
                    notes.lost = !owned;
                    notes.thread = clipped(thread);
                    notes.panic = clipped(message);
                }
                Trip::Disabled { message } => notes.disabled = clipped(message),
            }
        }
        self.wake();
        LatchedTrip { kind, count: 1 }
    }

    /// The trips of a kind that hold the flag up now, for whoever is responsible for all of that
    /// kind.
    pub fn latched(&self, kind: TripKind) -> Option<LatchedTrip> {
        let count = self.word.state().latched(kind)?;
        Some(LatchedTrip { kind, count })
    }

    /// Says that these trips were dealt with; others of their kind still hold the flag up. Where there
    /// are none it stays raised until the next clear verdict.
    ///
    /// False where it changed nothing.
    pub fn acknowledge(&self, trip: LatchedTrip) -> bool {
        self.word.release(trip.kind, trip.count)
    }

    /// Panics so far.
    pub fn panics(&self) -> u64 {
        self.panics.load(Ordering::Acquire)
    }

    /// Whether a thread panicked whose work nobody repairs: the flag stays up until the process ends,
    /// and the process should end, so that whoever started it starts it again.
    pub fn is_lost(&self) -> bool {
        self.lost.load(Ordering::Acquire)
    }

    /// The last post, unless somebody is busy with it.
    pub(super) fn posted(&self) -> Option<MutexGuard<'_, Option<Posted>>> {
        one_try(&self.posted)
    }

    /// What the trips said, unless somebody is busy with it.
    pub(super) fn notes(&self) -> Option<MutexGuard<'_, Notes>> {
        one_try(&self.notes)
    }

    /// Raises the flag for good.
    pub(super) fn close(&self) {
        self.word.close();
        self.wake();
    }

    pub(super) fn is_closed(&self) -> bool {
        self.word.state() == FlagState::Closed
    }

    fn wake(&self) {
        if let Some(watcher) = self.watcher.get() {
            watcher.unpark();
        }
    }
}

impl fmt::Debug for Board {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Board")
            .field("state", &self.word.state())
            .field("stale_after", &self.stale_after())
            .field("panics", &self.panics)
            .finish_non_exhaustive()
    }
}

/// Whether a verdict asks for the flag to be down; where state and flag disagree it does not.
pub(super) fn is_clear(verdict: &Verdict) -> bool {
    !verdict.safe_stop && !verdict.state.safe_stop()
}

/// The lock, if it is free. What a panic left behind is whole: it is written by assignment.
fn one_try<T>(mutex: &Mutex<T>) -> Option<MutexGuard<'_, T>> {
    match mutex.try_lock() {
        Ok(guard) => Some(guard),
        Err(TryLockError::Poisoned(poisoned)) => Some(poisoned.into_inner()),
        Err(TryLockError::WouldBlock) => None,
    }
}

/// The lock, if it becomes free within about the time of a copy. Whoever holds it may have been
/// preempted, or may be this very thread, panicking.
fn some_tries<T>(mutex: &Mutex<T>) -> Option<MutexGuard<'_, T>> {
    (0..1000).find_map(|_| {
        let guard = one_try(mutex);
        if guard.is_none() {
            std::hint::spin_loop();
        }
        guard
    })
}

#[cfg(test)]
#[path = "board_tests.rs"]
mod tests;
