//! A bag at the pace of its recording: threads, deadline, watchdog, heartbeat.

use std::fs::File;
use std::io::{self, BufWriter, Write};
use std::path::Path;
use std::sync::mpsc::{SyncSender, sync_channel};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use anyhow::Context;
use lookout::bag::{BagReader, MessageBuf};
use lookout::decide::Failure;
use lookout::live::{self, Worker};
use lookout::pipeline;
use lookout::shutdown::Shutdown;
use lookout::time::{Clock, PacedClock, Stamp};
use lookout::watchdog::{Beat, Realtime, WatchdogConfig, parse_cpus};

use super::camera::Camera;
use super::drive::Lost;
use super::handler::{Handled, Handler};
use super::surroundings::Surroundings;

/// Without a message for so long, the supervisor is asked what it thinks of that.
const TICK: Duration = Duration::from_millis(50);
/// A capture stamp further from the log time than this is on another clock.
const SAME_CLOCK: Duration = Duration::from_secs(10);
/// Beats that wait to be written; the numbers of further ones are missing in the file.
const WAITING_BEATS: usize = 1024;

/// Deadline, staleness, heartbeat, and what the system is asked for.
#[derive(Debug, clap::Args)]
pub(crate) struct LiveArgs {
    /// No frame and no fresh verdict for longer than this raises the flag, in ms; 500 without it
    /// and without settings.
    #[arg(long, value_name = "MS", value_parser = clap::value_parser!(u32).range(10..=60_000))]
    pub(crate) stale_ms: Option<u32>,
    /// The watchdog repeats the flag at this period, in ms.
    #[arg(long, default_value_t = 100, value_name = "MS", value_parser = clap::value_parser!(u32).range(10..=1000))]
    heartbeat_ms: u32,
    /// Ask for SCHED_FIFO at this priority: the frames' thread, and one above it the watchdog.
    #[arg(long, value_name = "1..98", value_parser = clap::value_parser!(u8).range(1..=98))]
    fifo: Option<u8>,
    /// Ask for these processors, as in 0,2-3.
    #[arg(long, value_name = "LIST")]
    cpus: Option<String>,
    /// Ask for all memory to stay in RAM (mlockall).
    #[arg(long)]
    lock_memory: bool,
}

impl LiveArgs {
    fn realtime(&self, above: u8) -> anyhow::Result<Realtime> {
        let cpus = self
            .cpus
            .as_deref()
            .map(parse_cpus)
            .transpose()?
            .unwrap_or_default();
        Ok(Realtime {
            fifo_priority: self.fifo.map(|p| p + above),
            cpus,
            lock_memory: self.lock_memory,
        })
    }
}

/// A message to start with, and the clock that it sets.
pub(crate) struct Paced {
    reader: BagReader,
    pub(crate) first: MessageBuf,
    rate: f64,
    origin: Stamp,
    surroundings: Surroundings,
    shutdown: Shutdown,
}

impl Paced {
    /// Reads the first camera message, and before it what the bag says of camera and vehicle; `None`
    /// where the bag has no camera message.
    pub(crate) fn open(
        mut reader: BagReader,
        rate: f64,
        surroundings: &mut Surroundings,
        shutdown: &Shutdown,
    ) -> anyhow::Result<Option<Self>> {
        surroundings.follow(&mut reader);
        let mut first = MessageBuf::new();
        loop {
            if !reader.read_next(&mut first)? {
                return Ok(None);
            }
            if !surroundings.hear(&first) {
                break;
            }
        }
        let log_time = first.log_time();
        let stamp = Camera::parse(&first).map(|c| c.stamp()).unwrap_or(log_time);
        let apart = log_time
            .saturating_since(stamp)
            .max(stamp.saturating_since(log_time));
        let origin = if apart > SAME_CLOCK {
            log::warn!(
                "capture stamps are {:.1} s away from the times of recording, on another clock: \
                 ages are counted as if the first frame came without delay",
                apart.as_secs_f64()
            );
            stamp
        } else {
            log_time
        };
        Ok(Some(Self {
            reader,
            first,
            rate,
            origin,
            surroundings: surroundings.clone(),
            shutdown: shutdown.clone(),
        }))
    }

    /// Starts the clock.
    pub(crate) fn clock(&self) -> PacedClock {
        PacedClock::new(self.origin, self.rate)
    }

    /// Gives every message at its time, until the process is asked to end; what the bag lost goes into
    /// `lost` at its end.
    fn source(self, lost: &mut Lost) -> impl FnMut(&mut MessageBuf) -> Result<bool, String> + Send {
        let Self {
            mut reader,
            first,
            rate,
            surroundings,
            shutdown,
            ..
        } = self;
        let (begin, start) = (Instant::now(), first.log_time());
        let mut first = Some(first);
        move |message| {
            loop {
                let more = match first.take() {
                    Some(first) => {
                        *message = first;
                        true
                    }
                    None => reader.read_next(message).map_err(|e| e.to_string())?,
                };
                if !more {
                    *lost = Lost::of(&reader);
                    return Ok(false);
                }
                let after = message.log_time().saturating_since(start).as_secs_f64() / rate;
                let after = Duration::try_from_secs_f64(after).unwrap_or(Duration::MAX);
                shutdown.wait_for(after.saturating_sub(begin.elapsed()));
                if shutdown.requested() {
                    return Ok(false);
                }
                if !surroundings.hear(message) {
                    return Ok(true);
                }
            }
        }
    }
}

/// What sees a live run frame by frame.
pub(crate) trait RunMonitor {
    /// A frame was handled.
    fn frame(&mut self, handled: &Handled);

    /// Frames gave their place to newer ones.
    fn replaced(&mut self, frames: u64);
}

/// Nobody.
impl RunMonitor for () {
    fn frame(&mut self, _: &Handled) {}

    fn replaced(&mut self, _: u64) {}
}

/// Runs a paced bag through a handler whose verdicts go to a board. Gives what ended it before the
/// bag's end or what could not be recorded, and what the bag lost.
pub(crate) fn run(
    paced: Paced,
    handler: &mut Handler,
    args: &LiveArgs,
    heartbeat: &Path,
    monitor: &mut dyn RunMonitor,
) -> anyhow::Result<(Option<anyhow::Error>, Lost)> {
    let board = handler.frames.board().context("nobody holds the flag")?;
    let realtime = args.realtime(0)?;
    if args.lock_memory {
        realtime.lock_process_memory();
    }
    let config = WatchdogConfig {
        period_ms: args.heartbeat_ms,
        realtime: args.realtime(1)?,
    };
    let named = || format!("cannot write {}", heartbeat.display());
    let file = File::create(heartbeat).with_context(named)?;
    let (beats, rows) = Heartbeat::start(BufWriter::new(file)).with_context(named)?;
    let watchdog = pipeline::watch(board, &config, move |beat| {
        let _ = beats.try_send(beat.clone());
    })?;
    realtime.apply_to_thread("frames");
    let clock = paced.clock();
    let mut lost = Lost::default();
    let source = paced.source(&mut lost);
    let mut frames = Frames {
        handler,
        clock: &clock,
        monitor,
        output_error: None,
    };
    let (_, ended) = live::run(source, &mut frames, TICK);
    let output_error = frames.output_error.take();
    if let Err(e) = &ended {
        log::error!("{e}");
    }
    if ended.is_err() || lost.ends_early() {
        let at = handler.last_log_time;
        if let Err(e) = handler.fail(Failure::Source, &clock, at) {
            log::error!("cannot record: {e:#}");
        }
    }
    // the last beat is in the file before anything is said of the run
    if watchdog.stop() && rows.join().is_err() {
        log::error!("the thread that writes heartbeat.csv panicked");
    }
    let broken = ended.err().map(anyhow::Error::from).or(output_error);
    Ok((broken, lost))
}

/// The thread that handles frames.
struct Frames<'a> {
    handler: &'a mut Handler,
    clock: &'a dyn Clock,
    monitor: &'a mut dyn RunMonitor,
    /// Why nothing is recorded any more.
    output_error: Option<anyhow::Error>,
}

impl Frames<'_> {
    /// A result that cannot be recorded raises the flag once; then the drive goes on without
    /// recording.
    fn output_failed(&mut self, error: anyhow::Error) {
        log::error!("recording ends here, what was recorded stays: {error:#}");
        self.handler.out.stop_recording();
        let at = self.handler.last_log_time;
        if let Err(e) = self.handler.fail(Failure::Output, self.clock, at) {
            log::error!("{e:#}");
        }
        self.output_error.get_or_insert(error);
    }
}

impl Worker<MessageBuf> for Frames<'_> {
    fn handle(&mut self, message: &MessageBuf) {
        let handled = self.handler.message(message, self.clock);
        self.monitor.frame(&handled);
        if let Err(error) = handled.recorded {
            self.output_failed(error);
        }
    }

    fn replaced(&mut self, messages: u64) {
        self.handler.out.profile.add_dropped(messages);
        self.monitor.replaced(messages);
    }

    fn idle(&mut self) {
        if let Err(error) = self.handler.tick(self.clock) {
            self.output_failed(error);
        }
    }
}

/// `heartbeat.csv`: a row a beat, on disk at once. A thread of its own writes it: the watchdog waits for
/// no disk and no terminal.
struct Heartbeat<W> {
    file: W,
    safe_stop: Option<bool>,
}

impl<W: Write + Send + 'static> Heartbeat<W> {
    /// Gives where beats go, and the thread, which ends when that is dropped.
    fn start(mut file: W) -> io::Result<(SyncSender<Beat>, JoinHandle<()>)> {
        writeln!(
            file,
            "sequence,at_ms,safe_stop,cause,message,verdict_age_ms,late_beats"
        )?;
        let (beats, waiting) = sync_channel(WAITING_BEATS);
        let mut rows = Self {
            file,
            safe_stop: None,
        };
        let thread = thread::Builder::new()
            .name("lookout-heartbeat".to_owned())
            .spawn(move || waiting.iter().for_each(|beat| rows.beat(&beat)))?;
        Ok((beats, thread))
    }

    fn beat(&mut self, beat: &Beat) {
        if self.safe_stop.replace(beat.safe_stop) != Some(beat.safe_stop) {
            let word = if beat.safe_stop { "raised" } else { "down" };
            log::info!("safe-stop flag {word}: {}", beat.cause);
        }
        let at_ms = beat.at.as_secs_f64() * 1e3;
        let message = beat.cause.to_string().replace(['"', '\n'], "'");
        let (n, stop, code, late) = (
            beat.sequence,
            beat.safe_stop,
            beat.cause.code(),
            beat.late_beats,
        );
        let age = beat
            .verdict_age
            .map_or(f64::NAN, |age| age.as_secs_f64() * 1e3);
        let row = writeln!(
            self.file,
            "{n},{at_ms:.1},{stop},{code},\"{message}\",{age:.1},{late}"
        );
        // a full disk must not silence the flag; the run's own records tell of it
        let _ = row.and_then(|()| self.file.flush());
    }
}

#[cfg(test)]
mod tests {
    use std::sync::{Arc, Mutex};

    use lookout::watchdog::Cause;

    use super::*;

    struct Blocked(Arc<Mutex<Vec<u8>>>);

    impl Write for Blocked {
        fn write(&mut self, row: &[u8]) -> io::Result<usize> {
            self.0.lock().unwrap().extend_from_slice(row);
            Ok(row.len())
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    #[test]
    fn a_disk_that_takes_nothing_delays_no_beat_and_takes_bounded_memory() {
        let written = Arc::new(Mutex::new(Vec::new()));
        let (beats, rows) = Heartbeat::start(Blocked(Arc::clone(&written))).unwrap();
        let blocked = written.lock().unwrap();
        let mut beat = Beat {
            sequence: 0,
            at: Duration::ZERO,
            safe_stop: true,
            cause: Cause::NoVerdictYet,
            verdict: None,
            verdict_age: None,
            late_beats: 0,
            sink_failures: 0,
        };
        let mut taken = 0;
        for sequence in 0..10 * WAITING_BEATS as u64 {
            beat.sequence = sequence;
            taken += usize::from(beats.try_send(beat.clone()).is_ok());
        }
        assert!(
            (WAITING_BEATS..=WAITING_BEATS + 1).contains(&taken),
            "{taken}"
        );
        drop((blocked, beats));
        rows.join().unwrap();
        let text = String::from_utf8(written.lock().unwrap().clone()).unwrap();
        assert_eq!(text.lines().count(), 1 + taken);
    }
}
