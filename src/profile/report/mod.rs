//! `report.html`: a run for people, in one file that needs no other.
//!
//! A [`ReportBuilder`] is told of every frame and keeps what the page will show in fixed memory:
//! time series that halve their resolution when they are full, keeping the extremes, the first
//! changes of state, and the pictures of the worst frames.

mod approach;
mod axis;
mod deadlines;
mod evidence;
mod gpu;
mod latency;
mod machine;
mod page;
mod pictures;
mod series;
#[cfg(test)]
mod tests;
mod timeline;
mod words;

use super::{DeadlineProfile, FrameRecord, MachineProfile, Summary};
use crate::decide::{Reason, State};
use crate::engine::Judges;
use crate::time::Stamp;
use deadlines::Deadlines;
pub use page::document;
use pictures::{Caption, Pictures};
pub use series::Approach;
use series::{Sample, Series};
use std::path::{Path, PathBuf};
use std::time::Duration;

/// Changes of state that the table shows; later ones are only counted.
pub const MAX_TRANSITIONS: usize = 200;

/// The report could not be written.
#[derive(Debug, thiserror::Error)]
#[error("report {} not written", path.display())]
pub struct ReportError {
    /// Where it was to go.
    pub path: PathBuf,
    /// Why not.
    pub source: std::io::Error,
}

/// What the page says about the run as a whole. Any text will do: the page escapes it.
#[derive(Clone, Debug, Default)]
pub struct ReportInfo {
    /// Heading, such as `Replay of camvid_val_drive`.
    pub title: String,
    /// Where the frames came from.
    pub source: String,
    /// Name of the bundle.
    pub bundle_name: String,
    /// Hash of the bundle, hexadecimal.
    pub bundle_hash: String,
    /// The engine that ran, with its version.
    pub engine: String,
    /// The mode that was asked for.
    pub mode: String,
    /// Which score judges each mode that may run, and from where on it is anomalous.
    pub judges: Judges,
    /// A frame is a hit from this anomalous area in the corridor on, in pixels of the score map;
    /// 0 when no score map came.
    pub area_on: u32,
    /// Where anomalies count, in a line; empty when it is not known.
    pub corridor: String,
    /// What decided about stops where there are stop levels, and what they promise, in a line; empty where
    /// there are none, and the area in the corridor decides.
    pub stop: String,
    /// What people have to know of how frames are judged, a sentence each.
    pub notes: Vec<String>,
    /// Width of the frames in pixels, 0 when none came.
    pub width: u32,
    /// Height of the frames in pixels, 0 when none came.
    pub height: u32,
}

/// A change of state from one frame to the next.
#[derive(Clone, Copy, Debug)]
struct Transition {
    frame: u64,
    seconds: Option<f64>,
    from: Option<State>,
    to: State,
    reason: Reason,
    nearest: Option<f32>,
}

/// Collects what the report will show. Memory is bounded: about 200 kB, 300 kB more with a
/// machine, and at most 32 pictures, of which the page shows eight.
#[derive(Clone, Debug)]
pub struct ReportBuilder {
    /// What the page says about the run as a whole; what is known late may be set late.
    pub info: ReportInfo,
    headlines: Vec<String>,
    series: Series,
    transitions: Vec<Transition>,
    transitions_left_out: u64,
    pictures: Pictures,
    first_stamp: Option<Stamp>,
    last_state: Option<State>,
    last_caption: Option<Caption>,
    next_approach: Option<Approach>,
    deadlines: Option<Deadlines>,
    machine: Option<MachineProfile>,
}

impl ReportBuilder {
    /// A report of no frames yet.
    pub fn new(info: ReportInfo) -> Self {
        Self {
            info,
            headlines: Vec::new(),
            series: Series::new(series::CAPACITY),
            transitions: Vec::with_capacity(MAX_TRANSITIONS),
            transitions_left_out: 0,
            pictures: Pictures::new(),
            first_stamp: None,
            last_state: None,
            last_caption: None,
            next_approach: None,
            deadlines: None,
            machine: None,
        }
    }

    /// Of the frame that is added next; the page has a section on it where a frame has one.
    pub fn approach(&mut self, approach: Approach) {
        self.next_approach = Some(approach);
    }

    /// Takes in one frame. Does not allocate.
    pub fn add(&mut self, record: &FrameRecord) {
        let verdict = &record.verdict;
        self.first_stamp = self.first_stamp.or(verdict.capture_stamp);
        let seconds = verdict
            .capture_stamp
            .zip(self.first_stamp)
            .map(|(stamp, first)| stamp.nanos_since(first) as f64 / 1e9);
        self.series.push(Sample {
            frame: record.index,
            seconds,
            score: record.score.map(|score| score.max),
            corridor_pixels: verdict.corridor_pixels,
            evidence: verdict.tracked.map(|t| t.evidence / t.level),
            latency_ms: super::histogram::millis(record.latency),
            state: verdict.state,
            flag: verdict.safe_stop,
            approach: self.next_approach.take(),
        });
        if self.last_state != Some(verdict.state) {
            if self.transitions.len() < MAX_TRANSITIONS {
                self.transitions.push(Transition {
                    frame: record.index,
                    seconds,
                    from: self.last_state,
                    to: verdict.state,
                    reason: verdict.reason,
                    nearest: verdict.nearest,
                });
            } else {
                self.transitions_left_out += 1;
            }
        }
        self.last_state = Some(verdict.state);
        self.last_caption = Some(Caption {
            frame: record.index,
            seconds,
            state: verdict.state,
            corridor_pixels: verdict.corridor_pixels,
            evidence: verdict.tracked.map(|t| t.evidence / t.level),
            score_max: record.score.map(|score| score.max),
        });
    }

    /// Offers the picture of a frame, after [`add`](Self::add) of the same frame. `make` gives a
    /// JPEG, or `None` when there is none after all; it is called only when the picture is the
    /// worst so far of its stretch of the run. `score` says how bad the frame is; NaN is worst.
    pub fn picture_candidate(
        &mut self,
        score: f32,
        index: u64,
        make: impl FnOnce() -> Option<Vec<u8>>,
    ) {
        let caption = self.last_caption.filter(|caption| caption.frame == index);
        self.pictures.offer(score, index, caption, make);
    }

    /// A line for the top of the page, such as `Seen at 47 m, stop raised 180 ms after`.
    pub fn headline(&mut self, line: impl Into<String>) {
        self.headlines.push(line.into());
    }

    /// Adds a section on deadlines and modes: the run up to `end`, as in
    /// [`DeadlineProfile::summary`].
    pub fn set_deadlines(&mut self, profile: &DeadlineProfile, end: Duration) {
        self.deadlines = Some(Deadlines::new(profile, end));
    }

    /// Adds a section on the machine.
    pub fn set_machine(&mut self, profile: MachineProfile) {
        self.machine = Some(profile);
    }

    /// The page.
    pub fn html(&self, summary: &Summary) -> String {
        page::page(self, summary).into_string()
    }

    /// Writes the page to `path`, over what is there.
    ///
    /// # Errors
    /// [`ReportError`] when the file cannot be written.
    pub fn write(&self, path: &Path, summary: &Summary) -> Result<(), ReportError> {
        std::fs::write(path, self.html(summary)).map_err(|source| ReportError {
            path: path.to_owned(),
            source,
        })
    }
}
