//! Faults on purpose, behind a hidden flag: what the tests of a whole run break.

use std::fmt;
use std::str::FromStr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use lookout::engine::Engine;
use lookout::engine::inject::{EngineFault, FaultyEngine};
use lookout::time::{Clock, PacedClock, Stamp};

/// A comma-separated list: `panic@N`, `hang@N:MS`, `slow@N:MS` (from frame N on), `nan@N`, `constant@N`, `source-dies@N`,
/// `source-panics@N`, `source-stalls@N:MS`, `clock-step@MS:MS`, with frames N counted from 0 (those
/// of the engine over all that it ran) and the clock's step after so many ms of the run.
#[derive(Clone, Debug, Default)]
pub(crate) struct Faults {
    text: String,
    engine: Vec<(u64, EngineFault)>,
    source: Vec<(u64, SourceFault)>,
    clock: Option<(Duration, i64)>,
    ran: Arc<AtomicU64>,
}

#[derive(Clone, Copy, Debug)]
enum SourceFault {
    Dies,
    Panics,
    Stalls(Duration),
}

impl FromStr for Faults {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let mut faults = Self {
            text: text.to_owned(),
            // no fault comes before `start`
            ran: Arc::new(AtomicU64::new(1 << 62)),
            ..Self::default()
        };
        for item in text.split(',').filter(|item| !item.is_empty()) {
            let wrong = || format!("{item:?} is no fault");
            let (kind, rest) = item.split_once('@').ok_or_else(wrong)?;
            let (at, ms) = match rest.split_once(':') {
                Some((at, ms)) => (at, Some(ms.parse::<i64>().map_err(|_| wrong())?)),
                None => (rest, None),
            };
            let at: u64 = at.parse().map_err(|_| wrong())?;
            let time = ms
                .and_then(|ms| u64::try_from(ms).ok())
                .map(Duration::from_millis);
            match (kind, time) {
                ("panic", _) => faults.engine.push((at, EngineFault::Panic)),
                ("hang", Some(time)) => faults.engine.push((at, EngineFault::Hang(time))),
                ("slow", Some(time)) => faults.engine.push((at, EngineFault::Slow(time))),
                ("nan", _) => faults.engine.push((at, EngineFault::Nan)),
                ("constant", _) => faults.engine.push((at, EngineFault::Constant)),
                ("source-dies", _) => faults.source.push((at, SourceFault::Dies)),
                ("source-panics", _) => faults.source.push((at, SourceFault::Panics)),
                ("source-stalls", Some(time)) => {
                    faults.source.push((at, SourceFault::Stalls(time)));
                }
                ("clock-step", _) => {
                    let step = ms.ok_or_else(wrong)?;
                    faults.clock = Some((Duration::from_millis(at), step));
                }
                _ => return Err(wrong()),
            }
        }
        Ok(faults)
    }
}

impl fmt::Display for Faults {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

impl Faults {
    /// The engine with its faults, if any.
    pub(crate) fn engine(&self, engine: Box<dyn Engine>) -> Box<dyn Engine> {
        if self.engine.is_empty() {
            return engine;
        }
        let faults = self.engine.clone();
        Box::new(FaultyEngine::new(engine, faults, Arc::clone(&self.ran)))
    }

    /// Frames that the engine runs from here on count from 0.
    pub(crate) fn start(&self) {
        self.ran.store(0, Ordering::Relaxed);
    }

    /// Before the source gives frame `number`.
    #[expect(clippy::panic, reason = "that is what it is for")]
    pub(crate) fn source(&self, number: u64) -> Result<(), String> {
        match self.source.iter().find(|(at, _)| *at == number) {
            Some((_, SourceFault::Dies)) => Err("died on purpose".to_owned()),
            Some((_, SourceFault::Panics)) => panic!("a panic on purpose"),
            Some((_, SourceFault::Stalls(time))) => {
                thread::sleep(*time);
                Ok(())
            }
            None => Ok(()),
        }
    }

    /// The clock with its step, if any.
    pub(crate) fn clock(&self, inner: PacedClock) -> impl Clock + use<> {
        SteppingClock {
            inner,
            began: Instant::now(),
            step: self.clock,
        }
    }
}

struct SteppingClock {
    inner: PacedClock,
    began: Instant,
    step: Option<(Duration, i64)>,
}

impl Clock for SteppingClock {
    fn now(&self) -> Stamp {
        let now = self.inner.now();
        match self.step {
            Some((after, ms)) if self.began.elapsed() >= after => {
                Stamp::from_nanos(now.as_nanos().saturating_add(ms.saturating_mul(1_000_000)))
            }
            _ => now,
        }
    }

    fn monotonic(&self) -> Duration {
        self.inner.monotonic()
    }
}
