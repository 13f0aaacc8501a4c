use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, channel};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use super::board::LatchedTrip;
use super::board_reader::BoardReader;
use super::flag_word::FlagState;
use super::panics::{Contained, contain};
use super::schedule::Schedule;
use super::{Applied, Beat, Board, TripKind, WatchdogConfig, WatchdogError};

const NAME: &str = "lookout-watchdog";

/// How long stopping waits for a sink that does not come back.
const STOP_WITHIN: Duration = Duration::from_millis(500);

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
    /// [panic hook](super::install_panic_hook) it raises the flag until the sink works again.
    ///
    /// # Errors
    /// A setting out of its range, a board that was watched before, or no thread.
    pub fn start(
        board: &Arc<Board>,
        config: &WatchdogConfig,
        sink: impl FnMut(&Beat) + Send + 'static,
    ) -> Result<Self, WatchdogError> {
        config.validate()?;
        let period = config.period()?;
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
            let beating = Beating {
                schedule: Schedule::new(watched.now(), period),
                board: watched,
                reader: BoardReader::default(),
                sink,
                sequence: 0,
                sink_failures: 0,
                broken: None,
                last: LastBeat::default(),
            };
            beating.run();
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
struct LastBeat {
    safe_stop: bool,
    panic: bool,
    disabled: bool,
}

impl LastBeat {
    fn of(state: FlagState, safe_stop: bool) -> Self {
        Self {
            safe_stop,
            panic: state.latched(TripKind::Panic).is_some(),
            disabled: state.latched(TripKind::Disabled).is_some(),
        }
    }

    /// Only what got worse is news: a sink that trips on every beat must not cause the next one.
    fn is_news_after(self, last: Self) -> bool {
        self.safe_stop && !last.safe_stop
            || self.panic && !last.panic
            || self.disabled && !last.disabled
    }
}

struct Beating<S> {
    board: Arc<Board>,
    schedule: Schedule,
    reader: BoardReader,
    sink: S,
    sequence: u64,
    sink_failures: u64,
    /// Panics of the sink since it last worked.
    broken: Option<LatchedTrip>,
    last: LastBeat,
}

impl<S: FnMut(&Beat)> Beating<S> {
    /// Beats until the board is closed.
    fn run(mut self) {
        while !self.board.is_closed() {
            let now = self.board.now();
            let due = self.schedule.take(now);
            let state = self.board.word.state();
            if due || LastBeat::of(state, !state.is_clear(now)).is_news_after(self.last) {
                self.beat();
            }
            thread::park_timeout(self.pause());
        }
        self.beat();
    }

    /// Until the next beat is due, or until the flag rises by itself before that.
    fn pause(&self) -> Duration {
        let now = self.board.now();
        let state = self.board.word.state();
        let wake = match state {
            FlagState::ClearUntil(until) if state.is_clear(now) => {
                self.schedule.next().min(Duration::from_nanos(until))
            }
            // It was down when last looked at and no longer is: that is to be told now.
            _ if !self.last.safe_stop => now,
            _ => self.schedule.next(),
        };
        wake.saturating_sub(now)
    }

    fn beat(&mut self) {
        let snapshot = self.reader.read(&self.board);
        let beat = Beat {
            sequence: self.sequence,
            at: snapshot.at,
            safe_stop: snapshot.safe_stop,
            verdict: snapshot.verdict(),
            cause: snapshot.cause,
            verdict_age: snapshot
                .posted
                .map(|posted| snapshot.at.saturating_sub(posted.at)),
            late_beats: self.schedule.late(),
            sink_failures: self.sink_failures,
        };
        self.sequence += 1;
        self.last = LastBeat::of(snapshot.state, snapshot.safe_stop);
        let sink = &mut self.sink;
        match contain(|| sink(&beat)) {
            // what the panics before left behind is gone when the sink works again
            Ok(()) => {
                if let Some(trip) = self.broken.take() {
                    self.board.acknowledge(trip);
                }
            }
            Err(Contained { message, trip }) => {
                self.sink_failures += 1;
                if self.sink_failures == 1 {
                    log::error!(
                        "{NAME}: the flag was not handed out, because that panicked: {message}; \
                         further panics are only counted"
                    );
                }
                self.broken = match (self.broken.take(), trip) {
                    (Some(before), Some(trip)) => Some(before.and(trip)),
                    (before, trip) => before.or(trip),
                };
            }
        }
    }
}

#[cfg(test)]
#[path = "thread_tests.rs"]
mod tests;
