//! What the threads of a node share.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::mpsc::{Receiver, SyncSender, TrySendError, sync_channel};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, TryLockError};
use std::time::{Duration, Instant};

use super::super::clock::RosClock;
use super::super::diagnostics::Health;
use super::super::parameters::{LiveSettings, SharedStore};
use super::judging::Judging;
use super::progress::Progress;
use crate::engine::Judges;
use crate::msg::DiagnosticStatus;
use crate::status::{LiveStatus, Networks};
use crate::time::{Clock, Stamp};
use crate::watchdog::{Beat, Board, BoardReader, Cause, Snapshot, Trip};

/// Asks the thread that handles frames to reset the latch of a STOP. It is carried out or refused, never
/// both: whoever withdraws it before it is taken knows that nothing will come of it.
pub(super) struct ResetRequest {
    taken: Arc<AtomicBool>,
    reply: SyncSender<Result<String, String>>,
}

/// What whoever asked keeps. The answer ends without one where the request is gone, or its thread.
pub(super) struct ResetAnswer {
    taken: Arc<AtomicBool>,
    pub(super) answer: Receiver<Result<String, String>>,
}

impl ResetAnswer {
    /// False where it was taken already.
    pub(super) fn withdraw(&self) -> bool {
        !self.taken.swap(true, Ordering::AcqRel)
    }
}

/// Why a request does not reach the thread that handles frames.
pub(super) enum Unheard {
    /// There is none.
    Gone,
    /// It has not taken those before.
    Busy,
}

impl ResetRequest {
    /// And where the answer comes.
    pub(super) fn new() -> (Self, ResetAnswer) {
        let (reply, answer) = sync_channel(1);
        let taken = Arc::<AtomicBool>::default();
        let kept = Arc::clone(&taken);
        (
            Self { taken, reply },
            ResetAnswer {
                taken: kept,
                answer,
            },
        )
    }

    /// False where it was withdrawn.
    pub(super) fn take(&self) -> bool {
        !self.taken.swap(true, Ordering::AcqRel)
    }

    pub(super) fn answer(&self, answer: Result<String, String>) {
        // whoever asked may have gone
        let _ = self.reply.try_send(answer);
    }
}

/// Who reads the board for `~/output/status`, one at a time, and what was published last.
#[derive(Default)]
struct Published {
    reader: BoardReader,
    flag: Option<bool>,
    /// When the flag changed, on the board's clock.
    since: Duration,
    sent: Option<(bool, &'static str)>,
    /// What was seen at the last beat.
    seen: Option<&'static str>,
}

impl Published {
    fn read(&mut self, board: &Board) -> (Snapshot, Duration) {
        let snapshot = self.reader.read(board);
        if self.flag.replace(snapshot.safe_stop) != Some(snapshot.safe_stop) {
            self.since = snapshot.at;
        }
        let unchanged_for = snapshot.at.saturating_sub(self.since);
        (snapshot, unchanged_for)
    }
}

/// Hands a message to whoever publishes it, and does not wait.
pub(super) type Publish<T> = Box<dyn Fn(T) + Send + Sync>;

/// Requests that wait for the frames' thread.
const COMMANDS: usize = 4;

/// The state that all threads of a node share.
pub(super) struct NodeState {
    /// With the namespace, and without the first slash.
    pub(super) name: String,
    pub(super) board: Arc<Board>,
    pub(super) store: SharedStore,
    status: Publish<DiagnosticStatus>,
    health: Mutex<Health>,
    clock: Mutex<Arc<RosClock>>,
    enabled: AtomicBool,
    /// The life cycle ends the judging, or has ended it.
    held: AtomicBool,
    commands: Mutex<Option<SyncSender<ResetRequest>>>,
    published: Mutex<Published>,
    /// Hash of the bundle, what every status says of it, and by which scores modes are judged.
    networks: Mutex<(String, String, Judges)>,
    /// While the node is configured.
    judging: Mutex<Option<Judging>>,
    live: Mutex<LiveSettings>,
    /// One more for every change of `live`.
    live_version: AtomicU64,
    late_beats: AtomicU64,
    /// Of the thread that handles frames.
    pub(super) progress: Progress,
    began: Instant,
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl NodeState {
    pub(super) fn new(
        name: String,
        board: Arc<Board>,
        store: SharedStore,
        status: Publish<DiagnosticStatus>,
        health: Health,
        live: LiveSettings,
    ) -> Self {
        Self {
            name,
            board,
            store,
            status,
            health: Mutex::new(health),
            clock: Mutex::new(Arc::new(RosClock::system())),
            enabled: AtomicBool::new(true),
            held: AtomicBool::new(false),
            commands: Mutex::new(None),
            published: Mutex::default(),
            networks: Mutex::new(("unknown".to_owned(), String::new(), Judges::default())),
            judging: Mutex::default(),
            live: Mutex::new(live),
            live_version: AtomicU64::new(0),
            late_beats: AtomicU64::new(0),
            progress: Progress::default(),
            began: Instant::now(),
        }
    }

    /// On the monotonic clock of [`Health`].
    pub(super) fn at(&self) -> Duration {
        self.began.elapsed()
    }

    pub(super) fn health(&self) -> MutexGuard<'_, Health> {
        lock(&self.health)
    }

    /// The clock of the capture stamps.
    pub(super) fn clock(&self) -> Arc<RosClock> {
        Arc::clone(&lock(&self.clock))
    }

    pub(super) fn set_clock(&self, clock: Arc<RosClock>) {
        *lock(&self.clock) = clock;
    }

    /// The present on the clock of the capture stamps.
    pub(super) fn stamp(&self) -> Stamp {
        self.clock().now()
    }

    pub(super) fn is_enabled(&self) -> bool {
        self.enabled.load(Ordering::Acquire)
    }

    /// True where it changed. The flag is up when this returns from switching off; from switching on it
    /// stays up until frames were judged.
    pub(super) fn set_enabled(&self, on: bool) -> bool {
        let changed = self.enabled.swap(on, Ordering::AcqRel) != on;
        if !on {
            self.disable("a service disabled it");
        }
        self.health().enabled = on;
        changed
    }

    /// Neither a service nor the life cycle says that no frames are judged.
    pub(super) fn judges(&self) -> bool {
        self.is_enabled() && !self.held.load(Ordering::Acquire)
    }

    /// The life cycle ends the judging, because `why`. The flag is up when this returns, and until the next
    /// [`go_on`](Self::go_on): the thread that is about to end may still have a frame before it.
    pub(super) fn hold(&self, why: &str) {
        // before the trip: that thread must not take it for one that is over
        self.held.store(true, Ordering::Release);
        self.disable(why);
    }

    /// A new thread will handle frames.
    pub(super) fn go_on(&self) {
        self.held.store(false, Ordering::Release);
    }

    /// Raises the flag until the thread that handles frames goes on, because `why`.
    fn disable(&self, why: &str) {
        let _ = self.board.trip(Trip::Disabled { message: why });
    }

    /// Whoever handles frames from now on.
    pub(super) fn take_commands(&self) -> Receiver<ResetRequest> {
        let (sender, receiver) = sync_channel(COMMANDS);
        *lock(&self.commands) = Some(sender);
        receiver
    }

    /// Nobody handles frames any more.
    pub(super) fn end_commands(&self) {
        *lock(&self.commands) = None;
    }

    /// Hands a request to whoever handles frames.
    pub(super) fn command(&self, command: ResetRequest) -> Result<(), Unheard> {
        let sender = lock(&self.commands).clone().ok_or(Unheard::Gone)?;
        sender.try_send(command).map_err(|e| match e {
            TrySendError::Full(_) => Unheard::Busy,
            TrySendError::Disconnected(_) => Unheard::Gone,
        })
    }

    pub(super) fn set_live(&self, live: LiveSettings) {
        *lock(&self.live) = live;
        self.live_version.fetch_add(1, Ordering::Release);
    }

    pub(super) fn live(&self) -> LiveSettings {
        *lock(&self.live)
    }

    /// Whether [`live`](Self::live) changed since `seen`, which becomes the present version.
    pub(super) fn live_changed(&self, seen: &mut u64) -> bool {
        let version = self.live_version.load(Ordering::Acquire);
        std::mem::replace(seen, version) != version
    }

    /// A beat of the watchdog, whose thread must not wait for a lock. Where the flag is what it is for
    /// another reason than was published last, and nobody else published that until the second beat, it
    /// is published here; a trip at once, because nobody else does.
    pub(super) fn beat(&self, beat: &Beat) {
        self.late_beats.store(beat.late_beats, Ordering::Relaxed);
        let mut published = match self.published.try_lock() {
            Ok(published) => published,
            // a publisher that panicked must not silence the status
            Err(TryLockError::Poisoned(poisoned)) => poisoned.into_inner(),
            Err(TryLockError::WouldBlock) => return,
        };
        let (snapshot, unchanged_for) = published.read(&self.board);
        let code = snapshot.cause.code();
        let again = published.seen.replace(code) == Some(code);
        let due = match snapshot.cause {
            Cause::DetailsBusy => false,
            Cause::Verdict(_) | Cause::Stale { .. } => again,
            _ => true,
        };
        let sent = Some((snapshot.safe_stop, code));
        if due && published.sent != sent {
            published.sent = sent;
            self.send(&snapshot, unchanged_for, &LiveStatus::default());
        }
    }

    pub(super) fn late_beats(&self) -> u64 {
        self.late_beats.load(Ordering::Relaxed)
    }

    /// Publishes `~/output/status`: what the board says now.
    pub(super) fn publish_status(&self, live: &LiveStatus<'_>) {
        let mut published = lock(&self.published);
        let (snapshot, unchanged_for) = published.read(&self.board);
        published.sent = Some((snapshot.safe_stop, snapshot.cause.code()));
        self.send(&snapshot, unchanged_for, live);
    }

    /// What the board says now, and for how long.
    pub(super) fn flag(&self) -> (Snapshot, Duration) {
        lock(&self.published).read(&self.board)
    }

    /// What every status says of the networks from now on.
    pub(super) fn set_networks(&self, networks: Networks<'_>) {
        let (hash, note) = (networks.bundle_hash.to_owned(), networks.note.to_owned());
        *lock(&self.networks) = (hash, note, networks.judges);
    }

    /// What every status says of how frames are judged.
    pub(super) fn note(&self) -> String {
        lock(&self.networks).1.clone()
    }

    /// Says that from now on; the diagnostics too.
    pub(super) fn set_note(&self, note: &str) {
        note.clone_into(&mut lock(&self.networks).1);
        self.health().set_note(note);
    }

    /// What the node was configured to judge by; none where it is not.
    pub(super) fn set_judging(&self, judging: Option<Judging>) {
        self.progress.reset();
        *lock(&self.judging) = judging;
    }

    /// As [`set_judging`](Self::set_judging) said last.
    pub(super) fn judging(&self) -> Option<Judging> {
        lock(&self.judging).clone()
    }

    fn send(&self, snapshot: &Snapshot, unchanged_for: Duration, live: &LiveStatus<'_>) {
        let kept = lock(&self.networks);
        let networks = Networks {
            bundle_hash: &kept.0,
            note: &kept.1,
            judges: kept.2,
        };
        let mut status = DiagnosticStatus::of_flag(snapshot, unchanged_for, networks, live);
        drop(kept);
        status.name = format!("{}: verdict", self.name);
        (self.status)(status);
    }
}
