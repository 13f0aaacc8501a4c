//! A trace of a run that opens in Perfetto (<https://ui.perfetto.dev>) and in `chrome://tracing`.

use super::machine::MachineProfile;
use super::trace_events::{Event, EventWriter};
use super::{FrameFate, FrameOutcome, GpuStage, Stage};
use crate::decide::State;
use crate::engine::GpuTimes;
use serde::Serialize;
use std::io::{self, Write};
use std::time::Duration;

named! {
    /// A line of the trace, from top to bottom, under the name that the viewer shows.
    #[derive(Clone, Copy, Debug, PartialEq, Eq)]
    pub enum Track {
        /// What the source does: frames that gave way to newer ones, frames that could not be had.
        Source = 1 => "source",
        /// Decoding.
        Decode = 2 => "decode",
        /// The engine and all up to the verdict, in a span a frame.
        Engine = 3 => "engine",
        /// Publication.
        Publish = 4 => "publish",
        /// The supervisor's state.
        Supervisor = 5 => "supervisor",
        /// The mode in force, or `refusing`.
        Mode = 6 => "mode",
        /// What the GPU did, stage after stage, where its times are known: only in the trace of a run that has one.
        Gpu = 7 => "GPU: how long, not when",
    }
}

/// What the trace shows of one frame. Times are since the start of the run, on a monotonic clock.
#[derive(Clone, Copy, Debug)]
pub struct FrameTrace {
    /// Number in the source.
    pub frame: u64,
    /// What became of it.
    pub outcome: FrameOutcome,
    /// When its decoding began.
    pub decode_at: Duration,
    /// When the work of the engine's thread on it began: preprocessing up to the decision.
    pub engine_at: Duration,
    /// How long it took there. The span is drawn at least as long as its stages together.
    pub engine_time: Duration,
    /// When its publication began.
    pub publish_at: Duration,
}

/// Writes a trace event file in its array form, one event a line, in memory that does not grow.
///
/// Stages of a frame are drawn end to end from the time that their thread began with it: how long
/// each took is measured, the order is that of the work, and time between two stages is at the end
/// of the frame's span, if anywhere.
///
/// Stages on the GPU have a track of their own, and are drawn end to end from the time that the
/// engine's thread began with the frame. The GPU tells how long each took, not when it was: in truth
/// they come later by what it took to ask for them and to copy the picture, with pauses between the
/// networks, but all before the engine's thread has waited for them. Judging and copying after
/// segmentation and after the observer are one piece, at the end.
///
/// Nothing is lost but what is still in the buffer when a run is killed, and events are written whole. Both
/// viewers open such a file, which lacks the closing
/// `]` of the array and the ends of the last state and mode; for other readers of JSON, add the
/// `]`. [`finish`](Self::finish), or dropping the trace, writes a file that is valid JSON.
#[derive(Debug)]
pub struct Trace<W: Write> {
    events: EventWriter<W>,
    state: Option<State>,
    mode: Option<&'static str>,
    has_gpu: bool,
}

#[derive(Clone, Copy, Serialize)]
struct FrameArgs {
    frame: u64,
    #[serde(skip_serializing_if = "Option::is_none")]
    mode: Option<&'static str>,
}

#[derive(Serialize)]
struct Nothing {}

#[derive(Serialize)]
struct Count {
    frames: u64,
}

#[derive(Serialize)]
struct Value {
    value: f64,
}

#[derive(Serialize)]
struct Name<'a> {
    name: &'a str,
}

#[derive(Serialize)]
struct SortIndex {
    sort_index: u32,
}

impl<W: Write> Trace<W> {
    /// Begins a trace named after what ran, such as `lookout profile`.
    ///
    /// # Errors
    /// When `out` fails.
    pub fn new(out: W, name: &str) -> io::Result<Self> {
        let mut this = Self {
            events: EventWriter::new(out),
            state: None,
            mode: None,
            has_gpu: false,
        };
        this.metadata("process_name", 0, Name { name })?;
        for track in Track::ALL.into_iter().filter(|track| *track != Track::Gpu) {
            this.track(track)?;
        }
        Ok(this)
    }

    fn track(&mut self, track: Track) -> io::Result<()> {
        let tid = track as u32;
        self.metadata("thread_name", tid, Name { name: track.name() })?;
        self.metadata("thread_sort_index", tid, SortIndex { sort_index: tid })
    }

    /// Writes one frame: its stages, its fate, its age, and a change of mode or state.
    ///
    /// # Errors
    /// When the output fails; the events of the frame may be missing then.
    pub fn frame(&mut self, frame: &FrameTrace) -> io::Result<()> {
        let outcome = &frame.outcome;
        let args = FrameArgs {
            frame: frame.frame,
            mode: outcome.mode,
        };
        let time = |stage| outcome.stages.get(stage);
        if let Some(decode) = time(Stage::Decode) {
            self.span("decode", Track::Decode, frame.decode_at, decode, args)?;
        }
        let engine = self.engine(frame, args)?;
        if let Some(gpu) = &outcome.gpu {
            self.gpu(gpu, frame.engine_at, args)?;
        }
        let publish = time(Stage::Publish);
        if let Some(publish) = publish {
            self.span("publish", Track::Publish, frame.publish_at, publish, args)?;
        }
        let tried = outcome.mode.is_some() || publish.is_some();
        let done = match (publish, tried) {
            (Some(publish), _) => frame.publish_at.saturating_add(publish),
            (None, true) => engine,
            (None, false) => frame.engine_at.max(frame.decode_at),
        };
        match outcome.fate {
            FrameFate::InTime => {}
            FrameFate::Late => self.instant("late", Track::Publish, done, args)?,
            FrameFate::Refused => self.instant("refused", Track::Engine, done, args)?,
            FrameFate::Failed => self.instant("failed", Track::Engine, done, args)?,
            FrameFate::Replaced(frames) => {
                self.instant("replaced", Track::Source, done, Count { frames })?;
            }
        }
        if let Some(age) = outcome.age {
            self.counter("age at publication [ms]", done, age.as_secs_f64() * 1e3)?;
        }
        match (outcome.mode, outcome.fate) {
            (Some(mode), _) => self.mode(mode, frame.engine_at)?,
            (None, FrameFate::Refused) => self.mode("refusing", done)?,
            _ => {}
        }
        match outcome.verdict {
            Some(verdict) => self.state(verdict.state, done),
            None => Ok(()),
        }
    }

    /// The frame's span with the stages in it; gives its end.
    fn engine(&mut self, frame: &FrameTrace, args: FrameArgs) -> io::Result<Duration> {
        let inside = |(stage, _): &(Stage, _)| !matches!(stage, Stage::Decode | Stage::Publish);
        let stages = || frame.outcome.stages.iter().filter(inside);
        let work = stages()
            .filter_map(|(_, time)| time)
            .fold(Duration::ZERO, Duration::saturating_add);
        let whole = work.max(frame.engine_time);
        let end = frame.engine_at.saturating_add(whole);
        if frame.outcome.mode.is_none() && work.is_zero() {
            return Ok(end);
        }
        self.span("frame", Track::Engine, frame.engine_at, whole, args)?;
        let mut at = frame.engine_at;
        for (stage, time) in stages() {
            if let Some(time) = time {
                self.span(stage.name(), Track::Engine, at, time, args)?;
                at = at.saturating_add(time);
            }
        }
        Ok(end)
    }

    /// The GPU's stages, as far as they are known.
    fn gpu(&mut self, times: &GpuTimes, from: Duration, args: FrameArgs) -> io::Result<()> {
        if !std::mem::replace(&mut self.has_gpu, true) {
            self.track(Track::Gpu)?;
        }
        let mut at = from;
        for stage in GpuStage::ALL {
            if let Some(time) = stage.of(times) {
                self.span(stage.name(), Track::Gpu, at, time, args)?;
                at = at.saturating_add(time);
            }
        }
        Ok(())
    }

    /// Says that a mode is in force from `at` on.
    ///
    /// # Errors
    /// When the output fails.
    pub fn mode(&mut self, mode: &'static str, at: Duration) -> io::Result<()> {
        if self.mode == Some(mode) {
            return Ok(());
        }
        let before = self.mode.replace(mode);
        self.change(Track::Mode, before, mode, at)
    }

    /// Says that the supervisor is in a state from `at` on; for changes that no frame brings, such
    /// as the watchdog's.
    ///
    /// # Errors
    /// When the output fails.
    pub fn state(&mut self, state: State, at: Duration) -> io::Result<()> {
        if self.state == Some(state) {
            return Ok(());
        }
        let before = self.state.replace(state);
        self.change(Track::Supervisor, before.map(State::name), state.name(), at)
    }

    /// Writes the series of a machine's channels as counters.
    ///
    /// # Errors
    /// When the output fails.
    pub fn machine(&mut self, machine: &MachineProfile) -> io::Result<()> {
        for (i, channel) in machine.channels().iter().enumerate() {
            let quantity = channel.quantity;
            let name = match quantity.unit() {
                "" => format!("{} {}", channel.name, quantity.title()),
                unit => format!("{} {} [{unit}]", channel.name, quantity.title()),
            };
            for step in machine.steps() {
                if let Some(value) = step.value(i) {
                    self.counter(&name, step.at(), value)?;
                }
            }
        }
        Ok(())
    }

    /// Ends the last mode and state and the array.
    ///
    /// # Errors
    /// When the output fails.
    pub fn finish(mut self) -> io::Result<()> {
        self.close()
    }

    fn close(&mut self) -> io::Result<()> {
        let end = self.events.end();
        if let Some(mode) = self.mode.take() {
            self.end(mode, Track::Mode, end)?;
        }
        if let Some(state) = self.state.take() {
            self.end(state.name(), Track::Supervisor, end)?;
        }
        self.events.close()
    }

    fn end(&mut self, name: &str, track: Track, at: Duration) -> io::Result<()> {
        self.events
            .write(&Event::new(name, "E", at, track as u32, Nothing {}))
    }

    /// Ends one span of a track and begins the next.
    fn change(
        &mut self,
        track: Track,
        before: Option<&str>,
        after: &str,
        at: Duration,
    ) -> io::Result<()> {
        if let Some(before) = before {
            self.end(before, track, at)?;
        }
        self.events
            .write(&Event::new(after, "B", at, track as u32, Nothing {}))
    }

    fn span(
        &mut self,
        name: &str,
        track: Track,
        at: Duration,
        time: Duration,
        args: FrameArgs,
    ) -> io::Result<()> {
        self.events.write(&Event {
            dur: Some(time),
            ..Event::new(name, "X", at, track as u32, args)
        })
    }

    fn instant<A: Serialize>(
        &mut self,
        name: &str,
        track: Track,
        at: Duration,
        args: A,
    ) -> io::Result<()> {
        self.events.write(&Event {
            s: Some("t"),
            ..Event::new(name, "i", at, track as u32, args)
        })
    }

    fn counter(&mut self, name: &str, at: Duration, value: f64) -> io::Result<()> {
        self.events
            .write(&Event::new(name, "C", at, 0, Value { value }))
    }

    fn metadata<A: Serialize>(&mut self, name: &str, tid: u32, args: A) -> io::Result<()> {
        self.events
            .write(&Event::new(name, "M", Duration::ZERO, tid, args))
    }
}

impl<W: Write> Drop for Trace<W> {
    fn drop(&mut self) {
        // Whoever wants to know of errors calls `finish`.
        let _ = self.close();
    }
}

#[cfg(test)]
#[path = "trace_tests.rs"]
mod tests;
