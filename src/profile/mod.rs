//! What a run looked like: how long every stage took, what was decided, and a report for people.
//!
//! - **stage**: a part of the work on one frame that is timed by itself ([`Stage`]).
//! - **record**: what is known of one frame when its verdict is published ([`FrameRecord`]).
//! - **profile**: all records of a run in fixed memory ([`RunProfile`]); its [`Summary`] is for
//!   machines, [`FramesCsv`] holds one row a frame, and [`report`] is a page for people.
//!
//! Nothing here reads a clock: whoever does the work measures it.

pub mod csv;
pub mod histogram;
pub mod record;
pub mod report;
mod run;
#[cfg(test)]
mod sample;
mod stage;
#[cfg(test)]
mod tests;

pub use self::csv::{FramesCsv, FramesCsvError};
pub use histogram::{LatencyHistogram, LatencySummary};
pub use record::{FrameRecord, ScoreStats};
pub use run::{
    FirstStop, FrameCounts, ModeCount, RunProfile, StageSummary, StateCounts, Summary,
    peak_resident_bytes,
};
pub use stage::{Stage, StageTimes};
