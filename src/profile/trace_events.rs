//! The trace event format, as far as it is used here: an array, one event a line.

use serde::{Serialize, Serializer};
use std::io::{self, Write};
use std::time::Duration;

/// The buffer is written out when it has grown to this.
pub(super) const FLUSH_AT: usize = 64 * 1024;
const PID: u32 = 1;

/// One event of the format.
#[derive(Serialize)]
pub(super) struct Event<'a, A: Serialize> {
    pub(super) name: &'a str,
    pub(super) ph: &'static str,
    #[serde(serialize_with = "micros")]
    pub(super) ts: Duration,
    #[serde(
        serialize_with = "optional_micros",
        skip_serializing_if = "Option::is_none"
    )]
    pub(super) dur: Option<Duration>,
    pub(super) pid: u32,
    pub(super) tid: u32,
    /// Scope of an instant: its track.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) s: Option<&'static str>,
    pub(super) args: A,
}

fn micros<S: Serializer>(time: &Duration, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_f64(time.as_nanos() as f64 / 1e3)
}

fn optional_micros<S: Serializer>(
    time: &Option<Duration>,
    serializer: S,
) -> Result<S::Ok, S::Error> {
    micros(&time.unwrap_or_default(), serializer)
}

impl<'a, A: Serialize> Event<'a, A> {
    pub(super) fn new(name: &'a str, ph: &'static str, ts: Duration, tid: u32, args: A) -> Self {
        Self {
            name,
            ph,
            ts,
            dur: None,
            pid: PID,
            tid,
            s: None,
            args,
        }
    }
}

/// Writes events in pieces that hold whole events.
#[derive(Debug)]
pub(super) struct EventWriter<W: Write> {
    out: W,
    pub(super) buffer: Vec<u8>,
    end: Duration,
    first: bool,
    closed: bool,
}

impl<W: Write> EventWriter<W> {
    pub(super) fn new(out: W) -> Self {
        let mut buffer = Vec::with_capacity(FLUSH_AT + 4096);
        buffer.extend_from_slice(b"[\n");
        Self {
            out,
            buffer,
            end: Duration::ZERO,
            first: true,
            closed: false,
        }
    }

    /// The latest time of an event.
    pub(super) fn end(&self) -> Duration {
        self.end
    }

    pub(super) fn write<A: Serialize>(&mut self, event: &Event<'_, A>) -> io::Result<()> {
        let end = event.ts.saturating_add(event.dur.unwrap_or_default());
        self.end = self.end.max(end);
        if !std::mem::replace(&mut self.first, false) {
            // Before the event, so that a file that ends after any event lacks only the end.
            self.buffer.extend_from_slice(b",\n");
        }
        serde_json::to_writer(&mut self.buffer, event)?;
        if self.buffer.len() >= FLUSH_AT {
            self.flush()?;
        }
        Ok(())
    }

    pub(super) fn flush(&mut self) -> io::Result<()> {
        let written = self.out.write_all(&self.buffer);
        // What could not be written is given up: memory must not grow with a full disk.
        self.buffer.clear();
        written?;
        self.out.flush()
    }

    /// Ends the array; once only.
    pub(super) fn close(&mut self) -> io::Result<()> {
        if std::mem::replace(&mut self.closed, true) {
            return Ok(());
        }
        self.buffer.extend_from_slice(b"\n]\n");
        self.flush()
    }
}
