use std::any::Any;
use std::fmt;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, channel};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use super::heart::Pulse;
use super::schedule::Schedule;
use super::view::View;
use super::{Applied, Beat, Board, TripKind, WatchdogConfig, WatchdogError};

const NAME: &str = "lookout-watchdog";

/// How long stopping waits for a sink that does not come back.
const STOP_WITHIN: Duration = Duration::from_millis(500);

/// A pipeline that has posted nothing for too long.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Hang {
    /// Since the last post, or since the watchdog's start.
    pub silent_for: Duration,
    /// What was allowed.
    pub limit: Duration,
}

impl fmt::Display for Hang {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (silent, limit) = (self.silent_for.as_millis(), self.limit.as_millis());
        write!(f, "no verdict for {silent} ms, limit {limit} ms")
    }
}

/// A thread that looks at a [`Board`] and gives out [`Beat`]s, at a fixed rate and whenever the
/// flag rises.
///
/// It stops when dropped.
#[derive(Debug)]
pub struct Watchdog {
    board: Arc<Board>,
    /// Taken when it is joined.
    thread: Option<JoinHandle<()>>,
    /// Ends when the thread does.
    running: Receiver<()>,
    applied: Applied,
}

impl Watchdog {
    /// Starts the thread, which gives every beat to `sink`: one at once, then one a period,
    /// counted from the first, and one more whenever the flag rises or a trip is latched.
    ///
    /// A sink that takes longer than a period delays beats, but not [`Board::flag`]; what it
    /// delays is in [`Beat::late_beats`]. A panic in the sink is caught and counted. With a
    /// [panic hook](super::install_panic_hook) it is a trip like any other.
    ///
    /// # Errors
    /// A setting out of its range, a board that was watched before, or no thread.
    pub fn start(
        board: &Arc<Board>,
        config: &WatchdogConfig,
        sink: impl FnMut(&Beat) + Send + 'static,
    ) -> Result<Self, WatchdogError> {
        Self::start_with(board, config, sink, |_| ())
    }

    /// As [`start`](Self::start); calls `on_hang` once, from the watchdog's thread, when nothing
    /// was posted for `hang_after_ms`. That is for the program to decide: a service would end, so
    /// that its supervisor starts it again.
    ///
    /// # Errors
    /// As [`start`](Self::start).
    pub fn start_with(
        board: &Arc<Board>,
        config: &WatchdogConfig,
        sink: impl FnMut(&Beat) + Send + 'static,
        on_hang: impl FnOnce(&Hang) + Send + 'static,
    ) -> Result<Self, WatchdogError> {
        config.validate()?;
        let (period, hang_after) = (config.period()?, config.hang_after()?);
        if board.watched.swap(true, Ordering::AcqRel) {
            return Err(WatchdogError::Watched);
        }
        let (running_until_dropped, running) = channel();
        let (tell_applied, applied) = channel();
        let (realtime, watched) = (config.realtime.clone(), Arc::clone(board));
        let body = move || {
            let _end = End {
                board: Arc::clone(&watched),
                _running: running_until_dropped,
            };
            // Set once: the board has one watchdog in its life.
            let _ = watched.watcher.set(thread::current());
            let _ = tell_applied.send(realtime.apply_to_thread(NAME));
            drop(tell_applied);
            let began = watched.now();
            let hang = hang_after.map(|limit| (limit, on_hang));
            let beating = Beating {
                schedule: Schedule::new(began, period),
                board: watched,
                view: View::default(),
                sink,
                sequence: 0,
                sink_failures: 0,
                told: Told::default(),
            };
            beating.run(began, hang);
        };
        let thread = thread::Builder::new()
            .name(NAME.to_owned())
            .spawn(body)
            .map_err(|error| {
                board.watched.store(false, Ordering::Release);
                WatchdogError::Thread(error)
            })?;
        Ok(Self {
            board: Arc::clone(board),
            thread: Some(thread),
            running,
            applied: applied.recv().unwrap_or_default(),
        })
    }

    /// What of [`WatchdogConfig::realtime`] the system granted to the thread.
    pub fn applied(&self) -> &Applied {
        &self.applied
    }

    /// Raises the flag for good, gives out a last beat that says so, and ends the thread. The board
    /// cannot be watched again.
    ///
    /// False where the sink did not come back within half a second; its thread is left behind then.
    pub fn stop(mut self) -> bool {
        self.end()
    }

    fn end(&mut self) -> bool {
        let Some(thread) = self.thread.take() else {
            return true;
        };
        self.board.close();
        if self.running.recv_timeout(STOP_WITHIN) == Err(RecvTimeoutError::Timeout) {
            log::error!("{NAME} does not end: its sink does not come back");
            return false;
        }
        thread.join().is_ok()
    }
}

impl Drop for Watchdog {
    fn drop(&mut self) {
        self.end();
    }
}

/// A board whose watchdog ended, for whatever reason, is raised for good.
struct End {
    board: Arc<Board>,
    _running: Sender<()>,
}

impl Drop for End {
    fn drop(&mut self) {
        self.board.close();
    }
}

/// What the last beat said of what the next one must not be late with.
#[derive(Clone, Copy, Default)]
struct Told {
    safe_stop: bool,
    panic: bool,
    output: bool,
}

impl Told {
    fn of(pulse: Pulse, safe_stop: bool) -> Self {
        Self {
            safe_stop,
            panic: pulse.latched(TripKind::Panic).is_some(),
            output: pulse.latched(TripKind::Output).is_some(),
        }
    }

    /// Only what got worse is news: a sink that trips on every beat must not cause the next one.
    fn is_news_after(self, told: Self) -> bool {
        self.safe_stop && !told.safe_stop
            || self.panic && !told.panic
            || self.output && !told.output
    }
}

struct Beating<S> {
    board: Arc<Board>,
    schedule: Schedule,
    view: View,
    sink: S,
    sequence: u64,
    sink_failures: u64,
    told: Told,
}

impl<S: FnMut(&Beat)> Beating<S> {
    /// Beats until the board is closed.
    fn run<H: FnOnce(&Hang)>(mut self, began: Duration, mut hang: Option<(Duration, H)>) {
        while !self.board.is_closed() {
            let now = self.board.now();
            let due = self.schedule.take(now);
            let pulse = self.board.heart.pulse();
            if due || Told::of(pulse, !pulse.is_clear(now)).is_news_after(self.told) {
                self.beat();
            }
            let silent_for = |last| now.saturating_sub(last);
            let silent_for = silent_for(self.board.last_post().unwrap_or(began).max(began));
            if let Some((limit, call)) = hang.take_if(|(limit, _)| silent_for >= *limit) {
                report(Hang { silent_for, limit }, call);
            }
            thread::park_timeout(self.pause());
        }
        self.beat();
    }

    /// Until the next beat is due, or until the flag rises by itself before that.
    fn pause(&self) -> Duration {
        let now = self.board.now();
        let pulse = self.board.heart.pulse();
        let wake = match pulse {
            Pulse::ClearUntil(until) if pulse.is_clear(now) => {
                self.schedule.next().min(Duration::from_nanos(until))
            }
            // It was down when last looked at and no longer is: that is to be told now.
            _ if !self.told.safe_stop => now,
            _ => self.schedule.next(),
        };
        wake.saturating_sub(now)
    }

    fn beat(&mut self) {
        let look = self.view.look(&self.board);
        let beat = Beat {
            sequence: self.sequence,
            at: look.at,
            safe_stop: look.safe_stop,
            cause: look.cause,
            verdict: look.posted.map(|posted| posted.verdict),
            verdict_age: look.posted.map(|posted| look.at.saturating_sub(posted.at)),
            late_beats: self.schedule.late(),
            sink_failures: self.sink_failures,
        };
        self.sequence += 1;
        self.told = Told::of(look.pulse, look.safe_stop);
        let sink = &mut self.sink;
        if let Err(payload) = catch_unwind(AssertUnwindSafe(|| sink(&beat))) {
            drop_quietly(payload);
            self.sink_failures += 1;
            if self.sink_failures == 1 {
                log::error!("{NAME}: its sink panicked; beats go on, further panics are counted");
            }
        }
    }
}

/// The callback goes first: what hangs may be what the log is written to.
fn report<H: FnOnce(&Hang)>(hang: Hang, call: H) {
    if let Err(payload) = catch_unwind(AssertUnwindSafe(|| call(&hang))) {
        drop_quietly(payload);
    }
    log::error!("the pipeline hangs: {hang}");
}

/// What a panic carries may panic itself when it is dropped; then it is left where it is.
fn drop_quietly(payload: Box<dyn Any + Send>) {
    if let Err(second) = catch_unwind(AssertUnwindSafe(|| drop(payload))) {
        std::mem::forget(second);
    }
}

#[cfg(test)]
#[path = "thread_tests.rs"]
mod tests;
