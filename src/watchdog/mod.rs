//! What holds the safe-stop flag, whatever the pipeline does.
//!
//! - The **board** ([`Board`]) is where the pipeline *posts* each verdict. A post that lowers the
//!   flag lowers it for a limited time only, so that a pipeline that hangs has to do nothing for
//!   the flag to rise. Anybody may ask [`Board::flag`] at any time.
//! - The **staleness limit** is that time: a verdict on a frame of age `a` keeps the flag down for
//!   the limit less `a`, and not a nanosecond longer.
//! - A **trip** ([`Trip`]) raises the flag from outside of the verdicts: a thread panicked, or
//!   somebody asked that no frames are judged. It stays until its owner acknowledges it; verdicts do
//!   not lower the flag as long. A panic has an owner where it is [contained](contain).
//! - The **heartbeat** is what the [`Watchdog`] gives out from its own thread at a fixed rate: one
//!   [`Beat`] after another, each with the flag and its [`Cause`]. Whoever receives them takes a
//!   missing beat for a raised flag.
//!
//! ```
//! use std::sync::{Arc, mpsc};
//! use std::time::Duration;
//!
//! use lookout::decide::{Event, Supervisor, SupervisorConfig};
//! use lookout::time::{Now, Stamp};
//! use lookout::watchdog::{Board, Watchdog, WatchdogConfig, install_panic_hook};
//!
//! let board = Arc::new(Board::new(300)?); // staleness limit in ms
//! install_panic_hook(&board);
//! let (beats, heard) = mpsc::channel();
//! let watchdog = Watchdog::start(&board, &WatchdogConfig::default(), move |beat| {
//!     let _ = beats.send(beat.safe_stop);
//! })?;
//!
//! // The pipeline, on a thread of its own:
//! let mut supervisor = Supervisor::new(SupervisorConfig::default())?;
//! let verdict = supervisor.step(Event::Tick, Now::simulated(Stamp::default()));
//! board.post(&verdict, Duration::from_millis(40)); // the frame is 40 ms old
//!
//! assert!(board.flag(), "no frame yet");
//! watchdog.stop();
//! assert!(heard.iter().all(|safe_stop| safe_stop));
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! # Limits
//! The clock is [`Instant`](std::time::Instant), which stands still while the machine is
//! suspended. All of it lives in one process: when that is killed, beats end, and ending beats are
//! the signal.

mod beat;
mod board;
mod board_reader;
mod config;
mod cpu_list;
mod flag_word;
mod panics;
mod realtime;
mod schedule;
mod text;
mod thread;

pub use beat::{Beat, Cause};
pub use board::{Board, LatchedTrip, Trip, TripKind};
pub use board_reader::{BoardReader, Snapshot};
pub use config::{WatchdogConfig, WatchdogError};
pub use cpu_list::{CpuListError, parse_cpus};
pub(crate) use panics::panic_message;
#[cfg(test)]
pub(crate) use panics::trip;
pub use panics::{Contained, contain, install_panic_hook};
pub use realtime::{Answer, Applied, Realtime, Refusal, Request};
#[cfg(feature = "ros")]
pub(crate) use text::Clip;
pub use text::{Message, ThreadName};
pub use thread::Watchdog;

#[cfg(test)]
mod document_tests;
