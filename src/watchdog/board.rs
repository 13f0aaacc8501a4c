use std::fmt;
use std::ops::RangeInclusive;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Mutex, MutexGuard, OnceLock, TryLockError};
use std::thread::Thread;
use std::time::{Duration, Instant};

use super::config::{Millis, in_range};
use super::heart::{Heart, Pulse, is_newer, nanos, number};
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
    },
    /// Results cannot be handed out.
    Output {
        /// What failed.
        message: &'a str,
    },
}

impl Trip<'_> {
    /// Without its texts.
    pub const fn kind(&self) -> TripKind {
        match self {
            Self::Panic { .. } => TripKind::Panic,
            Self::Output { .. } => TripKind::Output,
        }
    }
}

/// The kinds of [`Trip`]. Each has its latch, because each has its own owner who repairs it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum TripKind {
    /// [`Trip::Panic`].
    Panic,
    /// [`Trip::Output`].
    Output,
}

/// A trip that holds the flag up, to be named when it is acknowledged.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[must_use = "the flag stays raised until the trip is acknowledged"]
pub struct LatchedTrip {
    /// Its kind.
    pub kind: TripKind,
    number: u32,
}

/// The last post, for those who tell of it.
#[derive(Clone, Copy, Debug)]
pub(super) struct Posted {
    pub(super) verdict: Verdict,
    pub(super) at: Duration,
}

/// What the newest trip of a kind said.
#[derive(Clone, Debug, Default)]
pub(super) struct Note {
    pub(super) number: u32,
    pub(super) thread: ThreadName,
    pub(super) message: Message,
}

/// By [`TripKind`].
#[derive(Clone, Debug, Default)]
pub(super) struct Notes {
    pub(super) panic: Note,
    pub(super) output: Note,
}

impl Notes {
    fn of(&mut self, kind: TripKind) -> &mut Note {
        match kind {
            TripKind::Panic => &mut self.panic,
            TripKind::Output => &mut self.output,
        }
    }
}

/// Where the pipeline posts its verdicts and where the safe-stop flag is; shared by `Arc`.
///
/// The flag itself is a single atomic word. What else a beat tells (which verdict, which panic) is
/// behind mutexes that are held for a copy only, and that nobody waits for: the flag must not
/// depend on a thread that was preempted while it held one.
///
/// Until the first post, the flag is raised.
pub struct Board {
    pub(super) heart: Heart,
    /// In nanoseconds.
    stale_after: AtomicU64,
    clock: Box<dyn Fn() -> Duration + Send + Sync>,
    panics: AtomicU64,
    output_failures: AtomicU64,
    /// Nanoseconds of the last post; 0 before the first.
    last_post: AtomicU64,
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
            heart: Heart::new(),
            stale_after: AtomicU64::new(nanos(staleness(stale_after_ms)?)),
            clock: Box::new(clock),
            panics: AtomicU64::new(0),
            output_failures: AtomicU64::new(0),
            last_post: AtomicU64::new(0),
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
        let pulse = self.heart.pulse();
        !pulse.is_clear(self.now())
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
        let before = self.heart.post(clear_until);
        self.last_post.store(nanos(now).max(1), Ordering::Release);
        // When a reader has the lock at this moment it keeps the verdict before this one.
        if let Some(mut posted) = some_tries(&self.posted) {
            *posted = Some(Posted {
                verdict: *verdict,
                at: now,
            });
        }
        let was_clear = before.is_some_and(|pulse| pulse.is_clear(now));
        if was_clear && clear_until.is_none_or(|until| until <= now) {
            self.wake();
        }
    }

    /// Raises the flag now, until the trip is acknowledged. Allocates nothing and waits for nobody,
    /// so that a panic hook may call it.
    pub fn trip(&self, trip: Trip<'_>) -> LatchedTrip {
        let kind = trip.kind();
        let counted = self.counter(kind).fetch_add(1, Ordering::AcqRel);
        let latched = LatchedTrip {
            kind,
            number: number(counted.wrapping_add(1)),
        };
        self.heart.latch(kind, latched.number);
        if let Some(mut notes) = some_tries(&self.notes) {
            let (thread, message) = match trip {
                Trip::Panic { thread, message } => (thread, message),
                Trip::Output { message } => ("", message),
            };
            let note = notes.of(kind);
            if is_newer(latched.number, note.number) {
                *note = Note {
                    number: latched.number,
                    thread: clipped(thread),
                    message: clipped(message),
                };
            }
        }
        self.wake();
        latched
    }

    /// The newest trip of a kind, while one holds the flag up. To be taken before the repair
    /// begins: see [`acknowledge`](Self::acknowledge).
    pub fn latched(&self, kind: TripKind) -> Option<LatchedTrip> {
        let number = self.heart.pulse().latched(kind)?;
        Some(LatchedTrip { kind, number })
    }

    /// Says that a trip, and all of its kind before it, were dealt with. The flag stays raised
    /// until the next clear verdict.
    ///
    /// False where it changed nothing: a newer trip of that kind came meanwhile, and holds the
    /// flag, or it was acknowledged before.
    pub fn acknowledge(&self, trip: LatchedTrip) -> bool {
        self.heart.release(trip.kind, trip.number)
    }

    /// Trips of a kind so far.
    pub fn trips(&self, kind: TripKind) -> u64 {
        self.counter(kind).load(Ordering::Acquire)
    }

    fn counter(&self, kind: TripKind) -> &AtomicU64 {
        match kind {
            TripKind::Panic => &self.panics,
            TripKind::Output => &self.output_failures,
        }
    }

    /// When something was last posted.
    pub(super) fn last_post(&self) -> Option<Duration> {
        match self.last_post.load(Ordering::Acquire) {
            0 => None,
            nanos => Some(Duration::from_nanos(nanos)),
        }
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
        self.heart.close();
        self.wake();
    }

    pub(super) fn is_closed(&self) -> bool {
        self.heart.pulse() == Pulse::Closed
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
            .field("pulse", &self.heart.pulse())
            .field("stale_after", &self.stale_after())
            .field("panics", &self.panics)
            .field("output_failures", &self.output_failures)
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
