//! What the threads of a node share.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use super::super::clock::RosClock;
use super::super::diagnostics::Health;
use super::super::outlet::Outlet;
use super::super::parameters::{LiveSettings, SharedStore};
use crate::decide::Verdict;
use crate::msg::{DiagnosticStatus, LiveStatus};
use crate::time::{Clock, Stamp};
use crate::watchdog::Board;

/// What somebody else asks of the thread that handles frames.
pub(super) enum Command {
    /// Reset the latch of a STOP; the verdict goes back.
    Reset(SyncSender<Verdict>),
}

/// Requests that wait for the frames' thread.
const COMMANDS: usize = 4;

/// Shared by all threads of a node.
pub(super) struct Shared {
    /// Without the namespace.
    pub(super) name: String,
    pub(super) board: Arc<Board>,
    pub(super) store: SharedStore,
    pub(super) status: Outlet<DiagnosticStatus>,
    health: Mutex<Health>,
    clock: Mutex<Arc<RosClock>>,
    enabled: AtomicBool,
    commands: Mutex<Option<SyncSender<Command>>>,
    live: Mutex<LiveSettings>,
    /// One more for every change of `live`.
    live_version: AtomicU64,
    late_beats: AtomicU64,
    began: Instant,
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Shared {
    pub(super) fn new(
        name: String,
        board: Arc<Board>,
        store: SharedStore,
        status: Outlet<DiagnosticStatus>,
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
            commands: Mutex::new(None),
            live: Mutex::new(live),
            live_version: AtomicU64::new(0),
            late_beats: AtomicU64::new(0),
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

    /// True where it changed.
    pub(super) fn set_enabled(&self, on: bool) -> bool {
        let changed = self.enabled.swap(on, Ordering::AcqRel) != on;
        self.health().set_enabled(on);
        changed
    }

    /// Whoever handles frames from now on.
    pub(super) fn take_commands(&self) -> Receiver<Command> {
        let (sender, receiver) = sync_channel(COMMANDS);
        *lock(&self.commands) = Some(sender);
        receiver
    }

    /// Nobody handles frames any more.
    pub(super) fn end_commands(&self) {
        *lock(&self.commands) = None;
    }

    /// False where nobody handles frames, or is too busy to.
    pub(super) fn command(&self, command: Command) -> bool {
        let sender = lock(&self.commands).clone();
        sender.is_some_and(|sender| sender.try_send(command).is_ok())
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

    /// The watchdog's thread left out so many beats so far; it must not wait for a lock.
    pub(super) fn beat(&self, late_beats: u64) {
        self.late_beats.store(late_beats, Ordering::Relaxed);
    }

    pub(super) fn late_beats(&self) -> u64 {
        self.late_beats.load(Ordering::Relaxed)
    }

    /// Publishes `~/output/status`.
    pub(super) fn tell(&self, verdict: &Verdict, bundle: &str, live: &LiveStatus<'_>) {
        let status = DiagnosticStatus::of_verdict(verdict, bundle, Some(live));
        self.status.send(status);
    }
}
