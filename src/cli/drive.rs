//! A bag as fast as its frames are handled: what `replay` and `demo` share.

use std::io::Write;
use std::time::Instant;

use indicatif::{ProgressBar, ProgressStyle};
use lookout::bag::{BagReader, Gaps, MessageBuf};
use lookout::decide::{Failure, State, Verdict};
use lookout::pipeline::Pipeline;
use lookout::profile::report::ReportBuilder;
use lookout::profile::{FrameRecord, Summary};
use lookout::shutdown::Shutdown;
use lookout::time::{Stamp, SteppedClock};
use serde_json::json;

use super::camera::Camera;
use super::handler::Handler;
use super::outputs::Outputs;

/// What a drive came to.
pub(crate) struct DriveResult {
    pub(crate) summary: Summary,
    pub(crate) report: ReportBuilder,
    pub(crate) last: Option<Verdict>,
    /// The corridor that its frames were judged by.
    pub(crate) corridor: String,
    /// What people have to know of how they were judged.
    pub(crate) notes: Vec<String>,
    /// Why the bag could not be read to its end.
    pub(crate) broken: Option<anyhow::Error>,
    /// What the bag could not give.
    pub(crate) lost: Lost,
    /// The exit code of a signal that came before the end.
    pub(crate) interrupted: Option<u8>,
}

impl DriveResult {
    /// Ends what the handler records of a drive that `began` then.
    pub(crate) fn of(
        mut handler: Handler,
        began: Instant,
        (broken, lost): (Option<anyhow::Error>, Lost),
        shutdown: &Shutdown,
    ) -> anyhow::Result<Self> {
        handler.out.finish_records()?;
        let corridor = handler.tell_corridor();
        Ok(Self {
            corridor,
            notes: handler.frames.pipeline().settings().notes(),
            summary: handler.out.profile.summary(began.elapsed()),
            report: handler.out.report,
            last: handler.frames.last(),
            broken,
            lost,
            interrupted: shutdown.exit_code(),
        })
    }
}

/// What a bag could not give.
#[derive(Clone, Debug, Default)]
pub(crate) struct Lost {
    pub(crate) gaps: Gaps,
    /// Messages, where the bag counts them.
    pub(crate) messages: Option<u64>,
}

impl Lost {
    /// Of a reader that was read to its end.
    pub(crate) fn of(reader: &BagReader) -> Self {
        Self {
            gaps: reader.gaps().clone(),
            messages: reader.lost(),
        }
    }

    /// Whether the drive went on after the last message that there is.
    pub(crate) fn ends_early(&self) -> bool {
        self.gaps.at_the_end()
    }

    /// For people; `None` where nothing is lost.
    pub(crate) fn line(&self) -> Option<String> {
        let first = self.gaps.list().first()?;
        let messages = match self.messages {
            Some(1) => "1 message".to_owned(),
            Some(n) => format!("{n} messages"),
            None => "an unknown number of messages".to_owned(),
        };
        let end = match self.ends_early() {
            true => ", and the end of the drive",
            false => "",
        };
        Some(format!(
            "The recording is damaged in {} places: {messages} lost, {:.1} s between the messages around \
             the gaps{end}; the first: {}: {}",
            self.gaps.count(),
            self.gaps.seconds(),
            first.path.display(),
            first.reason
        ))
    }

    fn json(&self) -> serde_json::Value {
        let nanos = |stamp: Option<Stamp>| stamp.map(Stamp::as_nanos);
        let gaps = self.gaps.list().iter().map(|gap| {
            json!({
                "file": gap.path.display().to_string(),
                "reason": gap.reason,
                "after_ns": nanos(gap.after),
                "before_ns": nanos(gap.before),
                "seconds": gap.seconds(),
            })
        });
        json!({
            "count": self.gaps.count(),
            "seconds": self.gaps.seconds(),
            "messages": self.messages,
            "at_the_end": self.ends_early(),
            "gaps": gaps.collect::<Vec<_>>(),
        })
    }
}

/// Runs the topic that is selected in a bag, with so many `messages`, through a handler, with what the bag
/// says of camera and vehicle; the clock stands at each frame's capture stamp, so the same bag gives the same
/// verdicts on every machine. `each` sees every frame's record. A request to shut
/// down ends it after the frame at hand.
///
/// # Errors
/// Where an output cannot be written. A source that breaks ends the drive, and is told in
/// [`DriveResult::broken`].
pub(crate) fn drive(
    mut reader: BagReader,
    messages: Option<u64>,
    mut handler: Handler,
    shutdown: &Shutdown,
    each: &mut dyn FnMut(&FrameRecord, &Pipeline),
) -> anyhow::Result<DriveResult> {
    let began = Instant::now();
    let bar = progress_bar(messages);
    let clock = SteppedClock::default();
    handler.surroundings.follow(&mut reader);
    let mut message = MessageBuf::new();
    let mut broken = None;
    while !shutdown.requested() {
        match reader.read_next(&mut message) {
            Ok(true) => {}
            Ok(false) => break,
            Err(e) => {
                broken = Some(anyhow::Error::from(e));
                break;
            }
        }
        if handler.surroundings.hear(&message) {
            continue;
        }
        if let Ok(camera) = Camera::parse(&message) {
            clock.set(camera.stamp());
        }
        let handled = handler.message(&message, &clock);
        handled.recorded?;
        if let Some(record) = &handled.record {
            each(record, handler.frames.pipeline());
        }
        bar.inc(1);
    }
    let mut lost = Lost::of(&reader);
    if shutdown.requested() {
        // what was not looked at is not lost
        lost.messages = None;
    }
    if broken.is_some() || lost.ends_early() {
        // the rest of the drive is missing: the last word on the bag must not be an OK
        handler.fail(Failure::Source, &clock, handler.last_log_time)?;
    }
    bar.finish_and_clear();
    DriveResult::of(handler, began, (broken, lost), shutdown)
}

pub(crate) fn progress_bar(total: Option<u64>) -> ProgressBar {
    let bar = match total {
        Some(n) => ProgressBar::new(n),
        None => ProgressBar::new_spinner(),
    };
    let template = "{wide_bar} {pos}/{len} frames, {per_sec}, ETA {eta}";
    if let Ok(style) = ProgressStyle::with_template(template) {
        bar.set_style(style);
    }
    bar
}

/// Prints the outcome: for people on stderr; as JSON on stdout where asked for.
pub(crate) fn print_summary(
    result: &DriveResult,
    outputs: &Outputs,
    json: bool,
    extra: Option<(&str, serde_json::Value)>,
) -> anyhow::Result<()> {
    let s = &result.summary;
    let states = [
        (State::Waiting, s.states.waiting),
        (State::Ok, s.states.ok),
        (State::Warn, s.states.warn),
        (State::Stop, s.states.stop),
        (State::Fault, s.states.fault),
    ];
    let named: Vec<String> = states
        .iter()
        .filter(|(_, n)| *n > 0)
        .map(|(s, n)| format!("{s} {n}"))
        .collect();
    let mut err = std::io::stderr().lock();
    writeln!(
        err,
        "{} frames handled, {} failed, {} dropped in {:.1} s ({:.1} a second); states: {}",
        s.frames.handled,
        s.frames.failed,
        s.frames.dropped,
        s.wall_seconds,
        s.frames_per_second,
        named.join(", "),
    )?;
    if let Some(last) = &result.last {
        writeln!(err, "last verdict: {}: {}", last.state, last.reason)?;
    }
    writeln!(err, "corridor: {}", result.corridor)?;
    for note in &result.notes {
        writeln!(err, "note: {note}")?;
    }
    if let Some(line) = result.lost.line() {
        writeln!(err, "{line}")?;
    }
    if result.interrupted.is_some() {
        writeln!(err, "interrupted: the rest of the drive was not looked at")?;
    }
    writeln!(err, "report: {}", outputs.report().display())?;
    if json {
        let mut value = serde_json::to_value(s)?;
        if let Some(map) = value.as_object_mut() {
            map.insert("last_verdict".into(), serde_json::to_value(result.last)?);
            map.insert("corridor".into(), result.corridor.as_str().into());
            map.insert("notes".into(), json!(result.notes));
            let broken = result.broken.as_ref().map(|e| format!("{e:#}"));
            map.insert("source_error".into(), serde_json::to_value(broken)?);
            map.insert("lost".into(), result.lost.json());
            map.insert("interrupted".into(), result.interrupted.is_some().into());
            if let Some((key, extra)) = extra {
                map.insert(key.to_owned(), extra);
            }
        }
        let mut out = std::io::stdout().lock();
        serde_json::to_writer_pretty(&mut out, &value)?;
        writeln!(out)?;
    }
    Ok(())
}
