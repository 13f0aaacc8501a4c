//! A bag as fast as its frames are handled: what `replay` and `demo` share.

use std::io::Write;
use std::time::Instant;

use indicatif::{ProgressBar, ProgressStyle};
use lookout::bag::{BagReader, MessageBuf, TopicInfo};
use lookout::decide::{Failure, State, Verdict};
use lookout::model::Bundle;
use lookout::pipeline::{OpenEngine, Pipeline};
use lookout::profile::report::ReportBuilder;
use lookout::profile::{FrameRecord, Summary};
use lookout::time::SteppedClock;

use super::camera::Camera;
use super::handler::Handler;
use super::outputs::Outputs;

/// The bag, and what of it to use.
pub(crate) struct Source {
    pub(crate) reader: BagReader,
    pub(crate) topic: TopicInfo,
    /// For the report.
    pub(crate) name: String,
}

/// What a drive came to.
pub(crate) struct Driven {
    pub(crate) summary: Summary,
    pub(crate) report: ReportBuilder,
    pub(crate) last: Option<Verdict>,
    /// Why the bag could not be read to its end.
    pub(crate) broken: Option<anyhow::Error>,
}

/// Runs a source through a pipeline; the clock stands at each frame's capture stamp, so the same
/// bag gives the same verdicts on every machine. `each` sees every frame's record.
///
/// # Errors
/// Where an output cannot be written. A source that breaks ends the drive, and is told in
/// [`Driven::broken`].
pub(crate) fn drive(
    mut source: Source,
    pipeline: Pipeline,
    bundle: &Bundle,
    outputs: &Outputs,
    open: OpenEngine,
    each: &mut dyn FnMut(&FrameRecord, &Pipeline),
) -> anyhow::Result<Driven> {
    let began = Instant::now();
    let mut handler = Handler::new(pipeline, bundle, outputs, &source.name, None, open)?;
    let bar = progress_bar(source.topic.message_count);
    let clock = SteppedClock::default();
    let mut message = MessageBuf::new();
    let mut broken = None;
    loop {
        match source.reader.read_next(&mut message) {
            Ok(true) => {}
            Ok(false) => break,
            Err(e) => {
                broken = Some(anyhow::Error::from(e));
                break;
            }
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
    if broken.is_some() {
        // the rest of the drive is missing: the last word on the bag must not be an OK
        handler.fail(Failure::Source, &clock, handler.last_log_time)?;
    }
    bar.finish_and_clear();
    handler.out.finish_records()?;
    Ok(Driven {
        summary: handler.out.profile.summary(began.elapsed()),
        report: handler.out.report,
        last: handler.frames.last(),
        broken,
    })
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
pub(crate) fn tell(
    driven: &Driven,
    outputs: &Outputs,
    json: bool,
    extra: Option<(&str, serde_json::Value)>,
) -> anyhow::Result<()> {
    let s = &driven.summary;
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
    if let Some(last) = &driven.last {
        writeln!(err, "last verdict: {}: {}", last.state, last.reason)?;
    }
    writeln!(err, "report: {}", outputs.report().display())?;
    if json {
        let mut value = serde_json::to_value(s)?;
        if let Some(map) = value.as_object_mut() {
            map.insert("last_verdict".into(), serde_json::to_value(driven.last)?);
            let broken = driven.broken.as_ref().map(|e| format!("{e:#}"));
            map.insert("source_error".into(), serde_json::to_value(broken)?);
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
