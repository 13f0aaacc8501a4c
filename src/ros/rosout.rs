//! The log of the process, on the console and, while a node lives, on `/rosout`.
//!
//! What the console shows goes to `/rosout` as well, except what RustDDS and ros2_client say: they
//! would speak of the publishing of their own words. A thread publishes; whoever logs puts a line
//! into a queue that drops its oldest when it is full, and never waits for the network or for stderr.

use std::cell::Cell;
use std::collections::VecDeque;
use std::io::{self, Write as _};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread::{Builder, JoinHandle};

use chrono::Utc;
use env_logger::fmt::Formatter;
use log::{Level, LevelFilter, Metadata, Record};
use ros2_client::{Context, Node};

use super::console::Console;
use super::outlet::Outlet;
use super::outputs::OutputError;
use super::qos;
use crate::msg::Log;
use crate::time::{Clock, SystemClock};

/// Lines that wait to be published.
const QUEUE: usize = 256;
/// Bytes of a line; the rest is cut off.
const LONGEST: usize = 4096;
/// Crates whose words are not forwarded.
const TRANSPORT: [&str; 2] = ["rustdds", "ros2_client"];
/// Modules of theirs that warn of what is not amiss (every datagram over 1500 bytes, a peer without
/// addresses yet, no ROS installation), or at every message of what is said here once.
const CHATTER: [&str; 5] = [
    "ros2_client::distributions",
    "rustdds::dds::with_key::datawriter",
    "rustdds::dds::with_key::simpledatareader",
    "rustdds::network::udp_sender",
    "rustdds::rtps::writer",
];

thread_local! {
    /// Set on the thread that publishes: what it says is not forwarded.
    static PUBLISHES: Cell<bool> = const { Cell::new(false) };
}

/// A line of the console. That of env_logger with a time takes a crate as large as chrono, which
/// RustDDS brings.
fn write_line(out: &mut Formatter, record: &Record<'_>) -> io::Result<()> {
    let at = Utc::now().format("%FT%TZ");
    let (level, target) = (record.level(), record.target());
    let style = out.default_level_style(level);
    writeln!(
        out,
        "[{at} {style}{level:<5}{style:#} {target}] {}",
        record.args()
    )
}

/// Shows `level` and worse; of the transport below, WARN and worse. The variable `RUST_LOG` says it
/// otherwise, also for the transport.
pub fn filter(builder: &mut env_logger::Builder, level: LevelFilter) {
    builder.filter_level(level);
    for transport in TRANSPORT {
        builder.filter_module(transport, level.min(LevelFilter::Warn));
    }
    for chatter in CHATTER {
        builder.filter_module(chatter, level.min(LevelFilter::Error));
    }
    builder.parse_default_env();
}

/// A logger for [`log::set_boxed_logger`].
pub struct RosLogger {
    console: env_logger::Logger,
    stderr: Option<Console>,
    rosout: Rosout,
}

impl RosLogger {
    /// Shows what [`filter`] lets through.
    pub fn new(level: LevelFilter) -> Self {
        let mut builder = env_logger::Builder::new();
        filter(&mut builder, level);
        builder.format(write_line);
        let stderr = Console::new(io::stderr()).ok();
        if let Some(console) = &stderr {
            builder.target(env_logger::Target::Pipe(Box::new(console.clone())));
        }
        Self {
            stderr,
            ..Self::with(builder.build())
        }
    }

    /// Shows what another logger shows.
    pub fn with(console: env_logger::Logger) -> Self {
        Self {
            console,
            stderr: None,
            rosout: Rosout::default(),
        }
    }

    /// Connects the log to a node.
    pub fn rosout(&self) -> Rosout {
        self.rosout.clone()
    }

    /// Makes it the process's logger.
    ///
    /// # Errors
    /// There is one already.
    pub fn install(self) -> Result<Rosout, log::SetLoggerError> {
        let (rosout, level) = (self.rosout(), self.console.filter());
        log::set_boxed_logger(Box::new(self))?;
        log::set_max_level(level);
        Ok(rosout)
    }
}

impl log::Log for RosLogger {
    fn enabled(&self, metadata: &Metadata<'_>) -> bool {
        self.console.enabled(metadata)
    }

    fn log(&self, record: &Record<'_>) {
        if self.console.matches(record) {
            self.console.log(record);
            self.rosout.queue.push(record);
        }
    }

    fn flush(&self) {
        if let Some(stderr) = &self.stderr {
            stderr.finish();
        }
    }
}

/// The way from the log to `/rosout`; clones are the same way.
#[derive(Clone, Default)]
pub struct Rosout {
    queue: Arc<Queue>,
}

impl Rosout {
    /// Publishes at the node until the result is dropped. `name` is that of the logger: the node's
    /// with its namespace, joined by dots, as `front.lookout`. What was said before is not
    /// published.
    ///
    /// # Errors
    /// What RustDDS says; a node that is attached already.
    pub fn attach(
        &self,
        context: &Context,
        node: &mut Node,
        topic: &str,
        name: &str,
    ) -> Result<Attached, OutputError> {
        let outlet = Outlet::<Log>::new(context, node, topic, &qos::rosout())?;
        self.forward(name, move |line| {
            outlet.send(line);
        })
    }

    /// Hands every line to `send`, on a thread of its own, until the result is dropped.
    ///
    /// # Errors
    /// The log goes elsewhere already; no thread.
    pub(super) fn forward(
        &self,
        name: &str,
        send: impl Fn(Log) + Send + 'static,
    ) -> Result<Attached, OutputError> {
        if !self.queue.open() {
            let text = "the log goes to another node already";
            return Err(OutputError::Thread(io::Error::other(text)));
        }
        let (queue, name) = (Arc::clone(&self.queue), name.to_owned());
        let spawned = Builder::new()
            .name("lookout-rosout".to_owned())
            .spawn(move || {
                PUBLISHES.set(true);
                while let Some(mut line) = queue.next() {
                    line.name.clone_from(&name);
                    send(line);
                }
                std::thread::sleep(qos::LINGER);
            });
        match spawned {
            Ok(thread) => Ok(Attached {
                queue: Arc::clone(&self.queue),
                thread: Some(thread),
            }),
            Err(error) => {
                self.queue.close();
                Err(OutputError::Thread(error))
            }
        }
    }

    /// Lines that were dropped because the queue was full.
    pub fn dropped(&self) -> u64 {
        self.queue.dropped.load(Ordering::Relaxed)
    }
}

/// Publishes the log until it is dropped, which publishes what still waits and takes 100 ms.
pub struct Attached {
    queue: Arc<Queue>,
    thread: Option<JoinHandle<()>>,
}

impl Drop for Attached {
    fn drop(&mut self) {
        self.queue.close();
        if let Some(thread) = self.thread.take()
            && thread.join().is_err()
        {
            log::error!("the thread that publishes the log panicked");
        }
    }
}

/// Lines on their way to the thread that publishes.
#[derive(Default)]
struct Queue {
    lines: Mutex<Lines>,
    changed: Condvar,
    dropped: AtomicU64,
}

#[derive(Default)]
struct Lines {
    waiting: VecDeque<Log>,
    open: bool,
}

impl Queue {
    fn lines(&self) -> MutexGuard<'_, Lines> {
        self.lines.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// False where it is open already.
    fn open(&self) -> bool {
        !std::mem::replace(&mut self.lines().open, true)
    }

    fn close(&self) {
        self.lines().open = false;
        self.changed.notify_all();
    }

    fn push(&self, record: &Record<'_>) {
        if PUBLISHES.get() || !is_forwarded(record.target()) || !self.lines().open {
            return;
        }
        // Formatted without the lock: whoever's `Display` logs would wait for itself.
        let line = line_of(record);
        let mut lines = self.lines();
        if !lines.open {
            return;
        }
        if lines.waiting.len() >= QUEUE {
            lines.waiting.pop_front();
            self.dropped.fetch_add(1, Ordering::Relaxed);
        }
        lines.waiting.push_back(line);
        drop(lines);
        self.changed.notify_one();
    }

    /// The next line; none when it is closed and empty.
    fn next(&self) -> Option<Log> {
        let mut lines = self.lines();
        loop {
            if let Some(line) = lines.waiting.pop_front() {
                return Some(line);
            }
            if !lines.open {
                return None;
            }
            let waited = self.changed.wait(lines);
            lines = waited.unwrap_or_else(PoisonError::into_inner);
        }
    }
}

/// Whether what a module says goes to `/rosout`.
fn is_forwarded(target: &str) -> bool {
    let root = target.split("::").next().unwrap_or_default();
    !TRANSPORT.contains(&root)
}

fn line_of(record: &Record<'_>) -> Log {
    let mut msg = record.args().to_string();
    if msg.len() > LONGEST {
        msg.truncate(msg.floor_char_boundary(LONGEST));
    }
    Log {
        // The time of day under simulated time too, as rcl has it.
        stamp: SystemClock::default().now().into(),
        level: match record.level() {
            Level::Error => Log::ERROR,
            Level::Warn => Log::WARN,
            Level::Info => Log::INFO,
            Level::Debug | Level::Trace => Log::DEBUG,
        },
        name: String::new(),
        msg,
        file: record.file().unwrap_or_default().to_owned(),
        function: record.module_path().unwrap_or_default().to_owned(),
        line: record.line().unwrap_or_default(),
    }
}

#[cfg(test)]
mod tests {
    use log::Log as _;

    use super::*;

    fn say(logger: &RosLogger, target: &str, level: Level, text: &str) {
        logger.log(
            &Record::builder()
                .target(target)
                .level(level)
                .line(Some(7))
                .args(format_args!("{text}"))
                .build(),
        );
    }

    fn logger() -> RosLogger {
        let mut console = env_logger::Builder::new();
        console.filter_level(LevelFilter::Info);
        RosLogger::with(console.is_test(true).build())
    }

    #[test]
    fn lines_wait_while_a_node_lives_and_the_transport_is_not_among_them() {
        let logger = logger();
        let queue = &logger.rosout.queue;
        say(&logger, "lookout::live", Level::Warn, "before");
        assert!(queue.open() && !queue.open());
        for target in ["rustdds::rtps::reader", "ros2_client", "rustdds"] {
            say(&logger, target, Level::Error, "no");
        }
        say(&logger, "lookout::live", Level::Debug, "below the level");
        say(&logger, "rustdds_like", Level::Warn, "other");
        say(&logger, "lookout::live", Level::Error, "bad");
        queue.close();
        let lines: Vec<Log> = std::iter::from_fn(|| queue.next()).collect();
        let said: Vec<(&str, u8)> = lines.iter().map(|l| (l.msg.as_str(), l.level)).collect();
        assert_eq!(said, [("other", Log::WARN), ("bad", Log::ERROR)]);
        assert_eq!(lines[0].line, 7);
    }

    #[test]
    fn the_queue_drops_its_oldest_and_cuts_lines() {
        let logger = logger();
        let queue = &logger.rosout.queue;
        queue.open();
        for i in 0..QUEUE + 3 {
            say(&logger, "lookout", Level::Info, &i.to_string());
        }
        assert_eq!(logger.rosout().dropped(), 3);
        assert_eq!(queue.next().unwrap().msg, "3");
        assert_eq!(queue.lines().waiting.len(), QUEUE - 1);
        say(&logger, "lookout", Level::Info, &"ä".repeat(LONGEST));
        let last = queue.lines().waiting.pop_back().unwrap();
        assert_eq!(last.msg.len(), LONGEST);
    }

    #[test]
    fn the_transport_is_quieter_than_the_rest() {
        let logger = RosLogger::new(LevelFilter::Debug);
        let shows = |target: &str, level| {
            let metadata = Metadata::builder().target(target).level(level).build();
            logger.enabled(&metadata)
        };
        assert!(shows("lookout", Level::Debug));
        assert!(shows("rustdds", Level::Warn) && !shows("rustdds", Level::Info));
        assert!(!shows("ros2_client::context", Level::Info));
        for chatter in CHATTER {
            assert!(shows(chatter, Level::Error) && !shows(chatter, Level::Warn));
        }
    }
}
