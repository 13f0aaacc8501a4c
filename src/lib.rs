//! `lookout`: real-time perception for vehicles that says when it cannot be trusted.
//!
//! ```text
//!  bag, files ─► frame ─► engine ─► score ─► decide ─► annotated bag, frames.csv, report
//!               decoded   segmen-   map      mask, regions,
//!               RGB       tation,   0 .. 1   supervisor: verdict, safe-stop flag
//!                         observer
//! ```
//! A frame goes one way and never turns back. What is between the two ends is plain Rust on plain
//! data with a clock that is handed in ([`pipeline::Pipeline`] joins it):
//!
//! ```
//! use lookout::engine::{Mode, RtenEngine};
//! use lookout::frame::Frame;
//! use lookout::model::{Bundle, ThresholdAt};
//! use lookout::pipeline::{Pipeline, Settings};
//! use lookout::score::ScoreKind;
//! use lookout::time::{Stamp, SteppedClock};
//!
//! let bundle = Bundle::shipped()?;
//! let (mode, score) = (Mode::FULL, ScoreKind::OBSERVER);
//! let settings = Settings::calibrated(bundle.manifest(), mode, score, ThresholdAt::Fpr1)
//!     .ok_or("the bundle has no threshold for that")?;
//! let mut pipeline = Pipeline::new(Box::new(RtenEngine::load(&bundle, 1)?), settings)?;
//!
//! let frame = Frame::from_rgb(Stamp::default(), 480, 360, vec![90; 480 * 360 * 3])?;
//! let clock = SteppedClock::default();
//! let outcome = pipeline.process(&frame, mode, &clock);
//! assert!(outcome.verdict.safe_stop, "the flag is up until enough frames were good");
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! - [`time`] — capture stamps and clocks
//! - [`frame`] — camera messages of every encoding to packed RGB
//! - [`msg`] — the ROS 2 messages as structs, and CDR
//! - [`bag`] — rosbag2, read and written
//! - [`model`] — a bundle of networks, thresholds and their origin, checked on load
//! - [`engine`] — what runs the networks
//! - [`score`] — how unknown each pixel is
//! - [`calibration`] — files of cameras, and of stop levels with their promises
//! - [`decide`] — mask, regions, corridor, supervisor
//! - [`schedule`] — latency model and admission: in which mode a frame is run, or that it is refused
//! - [`pipeline`] — the above, joined
//! - [`live`] — a source and a worker, each at its own pace
//! - [`watchdog`] — the safe-stop flag and its heartbeat, whatever the pipeline does
//! - `ros` — the ROS 2 node (feature `ros`, on by default)
//! - [`paint`] — pictures of masks
//! - [`stages`] — what the work on a frame consists of, and what became of it
//! - [`status`] — a verdict, and the flag, as a diagnostic status
//! - [`profile`] — times, `frames.csv`, the report
//! - [`evaluate`] — metrics
//! - [`repeats`] — what is logged of errors that may come with every frame
//! - [`shutdown`] — SIGINT and SIGTERM as a request to end

#[macro_use]
mod named;

pub mod bag;
pub mod calibration;
pub mod decide;
pub mod engine;
pub mod evaluate;
pub mod frame;
mod lfs;
pub mod live;
pub mod model;
pub mod msg;
pub mod paint;
pub mod pipeline;
pub mod profile;
pub mod repeats;
#[cfg(feature = "ros")]
pub mod ros;
pub mod schedule;
pub mod score;
pub mod shutdown;
pub mod stages;
pub mod status;
pub mod time;
pub mod watchdog;
