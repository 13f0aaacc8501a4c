//! What a thread or the process asks of the system so that it runs in time. Nothing is asked for
//! unless a setting says so, and nothing that is refused is fatal.

use std::fmt;
use std::ops::RangeInclusive;

use serde::{Deserialize, Serialize};

use super::WatchdogError;

#[cfg(target_os = "linux")]
mod linux;
#[cfg(target_os = "linux")]
use linux as system;
#[cfg(not(target_os = "linux"))]
use unsupported as system;

/// Highest processor number that can be named.
pub(super) const LAST_CPU: u16 = 1023;

/// What is asked for.
///
/// ```
/// use lookout::watchdog::Realtime;
///
/// let realtime = Realtime { cpus: vec![0], ..Realtime::default() };
/// let applied = realtime.apply_to_thread("pipeline");
/// for answer in &applied.answers {
///     println!("{answer}"); // "pipeline: processors 0: granted"
/// }
/// ```
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Realtime {
    /// `SCHED_FIFO` with this priority, `1 ..= 99`; none: as the thread is.
    pub fifo_priority: Option<u8>,
    /// Processors that the thread may run on, `0 ..= 1023`; empty: as the thread is.
    pub cpus: Vec<u16>,
    /// Keep all memory of the process in RAM, present and future.
    pub lock_memory: bool,
}

/// One thing asked for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Request {
    /// `SCHED_FIFO` with a priority.
    Fifo(u8),
    /// These processors only.
    Cpus(Vec<u16>),
    /// Memory that is never swapped out.
    LockMemory,
}

impl fmt::Display for Request {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Fifo(priority) => write!(f, "SCHED_FIFO priority {priority}"),
            Self::Cpus(cpus) => write!(f, "processors {}", Numbers(cpus)),
            Self::LockMemory => write!(f, "memory locked"),
        }
    }
}

/// Why something was refused.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Refusal {
    /// What the system said.
    pub why: String,
    /// What to do about it.
    pub advice: String,
}

/// What became of a [`Request`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Answer {
    /// The thread, or the process, that it was asked for.
    pub target: String,
    /// What was asked for.
    pub request: Request,
    /// None where it was granted.
    pub refusal: Option<Refusal>,
}

impl fmt::Display for Answer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}: ", self.target, self.request)?;
        match &self.refusal {
            None => write!(f, "granted"),
            Some(Refusal { why, advice }) => write!(f, "refused: {why}; {advice}"),
        }
    }
}

/// All that was asked for, in the order of the asking.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Applied {
    /// One a request.
    pub answers: Vec<Answer>,
}

impl Applied {
    /// Whether nothing was refused.
    pub fn all_granted(&self) -> bool {
        self.answers.iter().all(|answer| answer.refusal.is_none())
    }

    fn note(&mut self, target: &str, request: Request, result: Result<(), Refusal>) {
        let answer = Answer {
            target: target.to_owned(),
            request,
            refusal: result.err(),
        };
        if answer.refusal.is_some() {
            log::warn!("{answer}");
        }
        self.answers.push(answer);
    }
}

impl Realtime {
    /// What [`fifo_priority`](Self::fifo_priority) may be.
    pub const FIFO_PRIORITY: RangeInclusive<u8> = 1..=99;

    /// Checks every range.
    ///
    /// # Errors
    /// The first field that is out of its range.
    pub fn validate(&self) -> Result<(), WatchdogError> {
        let range = |name, value: u32, min, max| {
            if (min..=max).contains(&value) {
                return Ok(());
            }
            Err(WatchdogError::OutOfRange {
                name,
                value,
                min,
                max,
            })
        };
        if let Some(priority) = self.fifo_priority {
            let (least, most) = Self::FIFO_PRIORITY.into_inner();
            range("fifo_priority", priority.into(), least.into(), most.into())?;
        }
        self.cpus
            .iter()
            .try_for_each(|cpu| range("cpus", u32::from(*cpu), 0, LAST_CPU.into()))
    }

    /// Asks for priority and processors for the calling thread, which `thread` names in what is
    /// said about it. Each refusal is logged as a warning.
    pub fn apply_to_thread(&self, thread: &str) -> Applied {
        let mut applied = Applied::default();
        // Processors first: to be moved with a priority would delay whoever is there.
        if !self.cpus.is_empty() {
            let result = system::run_on(&self.cpus);
            applied.note(thread, Request::Cpus(self.cpus.clone()), result);
        }
        if let Some(priority) = self.fifo_priority {
            let result = system::run_fifo(priority);
            applied.note(thread, Request::Fifo(priority), result);
        }
        applied
    }

    /// Asks for the memory of the whole process to be locked, if that is set; to be called once,
    /// before the threads that it matters to are started. A refusal is logged as a warning.
    pub fn lock_process_memory(&self) -> Applied {
        let mut applied = Applied::default();
        if self.lock_memory {
            applied.note("process", Request::LockMemory, system::lock_memory());
        }
        applied
    }
}

/// `0, 2, 3`
struct Numbers<'a>(&'a [u16]);

impl fmt::Display for Numbers<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (i, number) in self.0.iter().enumerate() {
            let comma = if i == 0 { "" } else { ", " };
            write!(f, "{comma}{number}")?;
        }
        Ok(())
    }
}

#[cfg(not(target_os = "linux"))]
mod unsupported {
    use super::Refusal;

    fn refusal() -> Refusal {
        Refusal {
            why: "not supported on this system".to_owned(),
            advice: "leave the setting out, or use Linux".to_owned(),
        }
    }

    pub(super) fn run_fifo(_: u8) -> Result<(), Refusal> {
        Err(refusal())
    }

    pub(super) fn run_on(_: &[u16]) -> Result<(), Refusal> {
        Err(refusal())
    }

    pub(super) fn lock_memory() -> Result<(), Refusal> {
        Err(refusal())
    }
}
