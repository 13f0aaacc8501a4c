//! `frames.csv`: one row a frame.

use super::histogram::millis;
use super::{FrameRecord, Stage};
use std::fmt::{Display, Write as _};
use std::io::Write;

/// A row or the header could not be written.
#[derive(Debug, thiserror::Error)]
pub enum FramesCsvError {
    /// The header.
    #[error("frames.csv: header not written: {0}")]
    Header(#[source] csv::Error),
    /// The row of a frame.
    #[error("frames.csv: row of frame {frame} not written")]
    Row {
        /// Its number.
        frame: u64,
        /// Why.
        source: csv::Error,
    },
}

/// Writes `frames.csv`. Every row is flushed, so that a run that is killed leaves a whole file
/// behind. After the first rows, writing one does not allocate.
///
/// The first [`VERDICT_COLUMNS`](Self::VERDICT_COLUMNS) columns say what was decided and come out
/// the same whenever the same bag is replayed; those after them say how long it took. A field is
/// empty where there is nothing to say: no stamp, no score, no age, a stage that did not run.
///
/// | column | meaning |
/// | --- | --- |
/// | `frame` | number in the source, from 0 |
/// | `stamp_ns` | capture stamp in nanoseconds |
/// | `mode` | how the engine ran |
/// | `anomalous_pixels`, `corridor_pixels` | pixels of the score map |
/// | `score_max` | largest score, 0 ..= 1 |
/// | `state`, `safe_stop` | the verdict; the flag is `true` or `false` |
/// | `reason`, `reason_text` | stable code, and the same for people |
/// | `age_ms`, `total_ms` | age at publication, time of the whole frame |
/// | `decode_ms` .. `publish_ms` | time of each [`Stage`] |
pub struct FramesCsv<W: Write> {
    writer: csv::Writer<W>,
    field: String,
}

impl<W: Write> FramesCsv<W> {
    /// How many columns, from the first on, do not depend on how fast the machine is.
    pub const VERDICT_COLUMNS: usize = 10;

    /// The columns before those of the stages.
    const COLUMNS: [&'static str; 12] = [
        "frame",
        "stamp_ns",
        "mode",
        "anomalous_pixels",
        "corridor_pixels",
        "score_max",
        "state",
        "safe_stop",
        "reason",
        "reason_text",
        "age_ms",
        "total_ms",
    ];

    /// Writes the header.
    ///
    /// # Errors
    /// [`FramesCsvError::Header`] when `out` fails.
    pub fn new(out: W) -> Result<Self, FramesCsvError> {
        let mut this = Self {
            writer: csv::Writer::from_writer(out),
            field: String::new(),
        };
        this.header().map_err(FramesCsvError::Header)?;
        Ok(this)
    }

    /// Writes the row of one frame and flushes it.
    ///
    /// # Errors
    /// [`FramesCsvError::Row`] when the output fails.
    pub fn write(&mut self, record: &FrameRecord) -> Result<(), FramesCsvError> {
        self.row(record).map_err(|source| FramesCsvError::Row {
            frame: record.index,
            source,
        })
    }

    fn header(&mut self) -> csv::Result<()> {
        for name in Self::COLUMNS {
            self.writer.write_field(name)?;
        }
        for stage in Stage::ALL {
            self.field(format_args!("{}_ms", stage.name()))?;
        }
        self.end_row()
    }

    fn row(&mut self, record: &FrameRecord) -> csv::Result<()> {
        let verdict = &record.verdict;
        self.field(record.index)?;
        self.optional(verdict.capture_stamp.map(|stamp| stamp.as_nanos()))?;
        self.field(record.mode)?;
        self.field(verdict.anomalous_pixels)?;
        self.field(verdict.corridor_pixels)?;
        self.optional(record.score.map(|score| score.max))?;
        self.field(verdict.state)?;
        self.field(verdict.safe_stop)?;
        self.field(verdict.reason.code())?;
        self.field(verdict.reason)?;
        self.millis(record.age)?;
        self.millis(Some(record.latency))?;
        for (_, time) in record.stages.iter() {
            self.millis(time)?;
        }
        self.end_row()
    }

    fn field(&mut self, value: impl Display) -> csv::Result<()> {
        self.field.clear();
        // Writing to a String cannot fail.
        let _ = write!(self.field, "{value}");
        self.writer.write_field(&self.field)
    }

    fn optional(&mut self, value: Option<impl Display>) -> csv::Result<()> {
        match value {
            Some(value) => self.field(value),
            None => self.writer.write_field(""),
        }
    }

    fn millis(&mut self, time: Option<std::time::Duration>) -> csv::Result<()> {
        match time {
            Some(time) => self.field(format_args!("{:.3}", millis(time))),
            None => self.writer.write_field(""),
        }
    }

    fn end_row(&mut self) -> csv::Result<()> {
        self.writer.write_record(None::<&[u8]>)?;
        Ok(self.writer.flush()?)
    }
}
