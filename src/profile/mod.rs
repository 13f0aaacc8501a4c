//! What a run looked like: how long every stage took, what was decided, and a report for people.
//!
//! - **stage**: a part of the work on one frame that is timed by itself ([`Stage`]).
//! - **record**: what is known of one frame when its verdict is published ([`FrameRecord`]).
//! - **profile**: all records of a run in fixed memory ([`RunProfile`]); its [`Summary`] is for
//!   machines, [`FramesCsv`] holds one row a frame, and [`report`] is a page for people.
//!
//! And for runs against a deadline:
//! - [`DeadlineProfile`]: what became of every frame, in which mode, in fixed memory; with a GPU, its
//!   own times ([`GpuSummary`]) apart from the CPU's stages.
//! - [`machine`]: processor, memory, temperatures, clocks and power during the run.
//! - [`Trace`]: every frame and stage on a time line that opens in Perfetto.
//! - [`Load`]: keeps cores busy beside it.
//! - [`ProfileSummary`]: all of it in numbers, as JSON and as a table for the terminal.
//!
//! Nothing here reads a clock but [`machine`]: whoever does the work measures it.

pub mod csv;
mod gpu;
pub mod histogram;
pub mod load;
pub mod machine;
mod modes;
mod modes_summary;
pub mod record;
pub mod report;
mod run;
#[cfg(test)]
mod sample;
mod table;
#[cfg(test)]
mod tests;
mod thin;
mod trace;
mod trace_events;

pub use self::csv::{FramesCsv, FramesCsvError};
pub use gpu::{GpuStage, GpuStageSummary, GpuSummary};
pub use histogram::{LatencyHistogram, LatencySummary};
pub use load::Load;
pub use machine::{
    Channel, ChannelSummary, Machine, MachineProfile, MachineSampler, MachineSummary, Quantity,
};
pub use modes::{DeadlineProfile, FrameOutcome, FreshGap, MAX_MODES, Misses};
pub use modes_summary::{DeadlineSummary, ModeSummary, ProfileSummary};
pub use record::FrameRecord;
pub use run::{
    FirstStop, FrameCounts, ModeCount, RunProfile, StageSummary, StateCounts, Summary,
    peak_resident_bytes,
};
pub use trace::{FrameTrace, Trace, Track};

pub use crate::stages::{FrameFate, Stage, StageTimes};
