//! The loop that `replay` and `demo` share: camera messages of a bag in, everything else out.

use std::fs::{self, File};
use std::io::{BufWriter, Write};
use std::path::{Path, PathBuf};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::Context;
use indicatif::{ProgressBar, ProgressStyle};
use lookout::bag::{BagReader, MessageBuf, TopicInfo};
use lookout::decide::{Failure, State, Verdict};
use lookout::engine::EngineTimes;
use lookout::frame::{CameraView, CompressedView, Decoder, Frame, ImageView};
use lookout::model::Bundle;
use lookout::msg::{CompressedImageRef, ImageRef, RosMessage, cdr};
use lookout::paint::Painter;
use lookout::pipeline::{Outcome, Pipeline};
use lookout::profile::report::{ReportBuilder, ReportInfo};
use lookout::profile::{
    FrameRecord, FramesCsv, RunProfile, ScoreStats, Stage, StageTimes, Summary,
};
use lookout::time::{Clock, PacedClock, Stamp, SteppedClock};

use super::recorder::{At, Recorder};

/// The bag, and what of it to use.
pub(crate) struct Source {
    pub(crate) reader: BagReader,
    pub(crate) topic: TopicInfo,
    /// For the report.
    pub(crate) name: String,
}

/// Where results go.
pub(crate) struct Outputs {
    folder: PathBuf,
}

/// What a drive came to.
pub(crate) struct Driven {
    pub(crate) summary: Summary,
    pub(crate) report: ReportBuilder,
    pub(crate) last: Option<Verdict>,
    /// Why the bag could not be read to its end.
    pub(crate) broken: Option<anyhow::Error>,
}

impl Outputs {
    /// Prepares a folder; with `force`, takes away what an earlier run of ours left in it, but never
    /// the bag at `input`, which is about to be read.
    pub(crate) fn prepare(
        folder: &Path,
        force: bool,
        input: Option<&Path>,
    ) -> anyhow::Result<Self> {
        super::pictures::output_dir(folder, force)?;
        let outputs = Self {
            folder: folder.to_owned(),
        };
        let annotated = outputs.annotated();
        let old = [
            annotated.join("annotated_0.mcap"),
            annotated.join("metadata.yaml"),
            outputs.frames_csv(),
            outputs.report(),
        ];
        let input = input
            .map(Path::canonicalize)
            .transpose()
            .context("cannot find the bag")?;
        for path in old.iter().chain([&annotated]) {
            if input.is_some() && path.canonicalize().ok() == input {
                anyhow::bail!(
                    "{} is the bag to replay: choose another --out",
                    path.display()
                );
            }
        }
        if let Some(path) = old.iter().find(|p| p.is_dir()) {
            anyhow::bail!("cannot replace {}: it is a folder", path.display());
        }
        for path in old {
            match fs::remove_file(&path) {
                Err(e) if e.kind() != std::io::ErrorKind::NotFound => {
                    return Err(e).with_context(|| format!("cannot replace {}", path.display()));
                }
                _ => {}
            }
        }
        Ok(outputs)
    }

    fn annotated(&self) -> PathBuf {
        self.folder.join("annotated")
    }

    fn frames_csv(&self) -> PathBuf {
        self.folder.join("frames.csv")
    }

    /// `report.html`.
    pub(crate) fn report(&self) -> PathBuf {
        self.folder.join("report.html")
    }
}

/// How fast frames come.
enum Pace {
    /// As fast as they are handled; the clock stands at each frame's capture stamp.
    Unbound(SteppedClock),
    /// As recorded, or a multiple of it; what comes while a frame is handled replaces what waits.
    Recorded(PacedClock),
}

impl Pace {
    fn clock(&self) -> &dyn Clock {
        match self {
            Self::Unbound(clock) => clock,
            Self::Recorded(clock) => clock,
        }
    }
}

/// Runs a source through a pipeline. `rate` is a multiple of the recorded pace, `None` as fast as
/// possible. `each` sees every frame's record.
///
/// # Errors
/// Where an output cannot be written. A source that breaks ends the drive, and is told in
/// [`Driven::broken`].
pub(crate) fn drive(
    mut source: Source,
    mut pipeline: Pipeline,
    bundle: &Bundle,
    outputs: &Outputs,
    rate: Option<f64>,
    each: &mut dyn FnMut(&FrameRecord, &Pipeline),
) -> anyhow::Result<Driven> {
    let began = Instant::now();
    let mut run = Run::begin(&source, &pipeline, bundle, outputs)?;
    let bar = progress_bar(source.topic.message_count);
    let mut profile = RunProfile::new();
    let mut pace = None;
    let (mut message, mut next) = (MessageBuf::new(), MessageBuf::new());
    let mut broken = None;
    let mut more = read(&mut source.reader, &mut message, &mut broken);
    while more {
        let start = message.log_time();
        let pace = pace.get_or_insert_with(|| match rate {
            Some(rate) => Pace::Recorded(PacedClock::new(start, rate)),
            None => Pace::Unbound(SteppedClock::default()),
        });
        more = read(&mut source.reader, &mut next, &mut broken);
        if let Pace::Recorded(clock) = pace {
            thread::sleep(clock.until(message.log_time()));
            if more && clock.now() >= next.log_time() {
                profile.add_dropped(1);
                bar.inc(1);
                std::mem::swap(&mut message, &mut next);
                continue;
            }
        }
        let record = run.frame(&message, &mut pipeline, pace)?;
        profile.add(&record);
        run.report.add(&record);
        run.picture(&record);
        run.csv.write(&record)?;
        each(&record, &pipeline);
        bar.inc(1);
        std::mem::swap(&mut message, &mut next);
    }
    if broken.is_some() {
        // the rest of the drive is missing: the last word on the bag must not be an OK
        let pace = pace.unwrap_or_else(|| Pace::Unbound(SteppedClock::default()));
        let verdict = pipeline.fail(None, Failure::Source, pace.clock());
        run.recorder.verdict(run.last_log_time, &verdict)?;
        run.last = Some(verdict);
    }
    bar.finish_and_clear();
    run.recorder.finish()?;
    let summary = profile.summary(began.elapsed());
    Ok(Driven {
        summary,
        report: run.report,
        last: run.last,
        broken,
    })
}

fn read(reader: &mut BagReader, into: &mut MessageBuf, broken: &mut Option<anyhow::Error>) -> bool {
    match reader.read_next(into) {
        Ok(more) => more,
        Err(e) => {
            *broken = Some(e.into());
            false
        }
    }
}

/// Buffers and outputs of a drive.
struct Run {
    decoder: Decoder,
    frame: Frame,
    painter: Painter,
    overlay: Vec<u8>,
    recorder: Recorder,
    csv: FramesCsv<BufWriter<File>>,
    report: ReportBuilder,
    index: u64,
    last: Option<Verdict>,
    last_log_time: Stamp,
}

impl Run {
    fn begin(
        source: &Source,
        pipeline: &Pipeline,
        bundle: &Bundle,
        outputs: &Outputs,
    ) -> anyhow::Result<Self> {
        let settings = pipeline.settings();
        let info = ReportInfo {
            title: "lookout".to_owned(),
            source: source.name.clone(),
            bundle_name: bundle.manifest().name.clone(),
            bundle_hash: bundle.short_hash().to_owned(),
            engine: pipeline.engine().description(),
            mode: settings.mode.name().to_owned(),
            score: settings.score,
            threshold: settings.threshold,
            area_on: settings.supervisor.area_on,
            width: 0,
            height: 0,
        };
        let path = outputs.frames_csv();
        let file =
            File::create(&path).with_context(|| format!("cannot write {}", path.display()))?;
        Ok(Self {
            decoder: Decoder::default(),
            frame: Frame::new(),
            painter: Painter::default(),
            overlay: Vec::new(),
            recorder: Recorder::create(&outputs.annotated(), bundle.hash())?,
            csv: FramesCsv::new(BufWriter::new(file))?,
            report: ReportBuilder::new(info),
            index: 0,
            last: None,
            last_log_time: Stamp::default(),
        })
    }

    fn frame(
        &mut self,
        message: &MessageBuf,
        pipeline: &mut Pipeline,
        pace: &Pace,
    ) -> anyhow::Result<FrameRecord> {
        let began = Instant::now();
        // a rosbag2 has no times before the epoch
        let log_time = message.log_time().max(Stamp::default());
        self.last_log_time = log_time;
        let camera = Camera::parse(message);
        let stamp = camera.as_ref().map(Camera::stamp).ok();
        if let (Pace::Unbound(clock), Some(stamp)) = (pace, stamp) {
            clock.set(stamp);
        }
        let decoded = match &camera {
            Ok(camera) => self
                .decoder
                .decode(&camera.view(), &mut self.frame)
                .map_err(anyhow::Error::from),
            Err(e) => Err(anyhow::anyhow!("{e}")),
        };
        let decode = began.elapsed();
        let outcome = match &decoded {
            Ok(()) => pipeline.process(&self.frame, pace.clock()),
            Err(e) => {
                log::warn!("{} at {log_time}: {e:#}", message.topic());
                let failure = Failure::MalformedFrame;
                let verdict = pipeline.fail(stamp, failure, pace.clock());
                Outcome {
                    verdict,
                    stats: None,
                    times: Default::default(),
                    error: None,
                }
            }
        };
        if let Some(e) = &outcome.error {
            log::warn!("{} at {log_time}: {e}", message.topic());
        }

        let publishing = Instant::now();
        if let Ok(camera) = &camera {
            camera.record(&mut self.recorder, message.topic(), log_time)?;
        }
        if decoded.is_ok() && outcome.error.is_none() {
            let frame_id = camera.as_ref().map_or("", |c| c.frame_id());
            let at = At {
                log_time,
                stamp: self.frame.stamp(),
                frame_id,
            };
            self.painter
                .overlay(&self.frame, pipeline.mask(), &mut self.overlay);
            let size = (self.frame.width(), self.frame.height());
            self.recorder.mask(at, pipeline.mask())?;
            self.recorder.score_map(at, pipeline.score_map())?;
            self.recorder.overlay(at, &self.overlay, size)?;
            self.report.set_frame_size(size.0, size.1);
        }
        self.recorder.verdict(log_time, &outcome.verdict)?;
        self.last = Some(outcome.verdict);
        let latency = began.elapsed();
        let age = match pace {
            Pace::Unbound(_) => Some(latency),
            Pace::Recorded(clock) => stamp.map(|s| clock.now().saturating_since(s)),
        };
        let record = FrameRecord {
            index: self.index,
            verdict: outcome.verdict,
            mode: pipeline.settings().mode.name(),
            engine: pipeline.engine().name(),
            stages: stages(decode, &outcome, publishing.elapsed()),
            latency,
            age,
            score: outcome.stats.map(|s| ScoreStats {
                mean: s.mean,
                max: s.max,
            }),
        };
        self.index += 1;
        Ok(record)
    }

    /// Offers the frame's overlay for the report: the more of the corridor is anomalous, the worse.
    fn picture(&mut self, record: &FrameRecord) {
        let jpeg = self.recorder.last_overlay();
        if record.score.is_none() || jpeg.is_empty() {
            return;
        }
        let v = &record.verdict;
        let worst = v.corridor_pixels as f32 + 0.01 * v.anomalous_pixels as f32;
        self.report
            .picture_candidate(worst, record.index, || Some(jpeg.to_vec()));
    }
}

fn stages(decode: Duration, outcome: &Outcome, publish: Duration) -> StageTimes {
    let mut stages = StageTimes::default();
    stages.add(Stage::Decode, decode);
    if outcome.stats.is_some() {
        let EngineTimes {
            preprocess,
            segmentation,
            observer,
        } = outcome.times.engine;
        stages.add(Stage::Preprocess, preprocess);
        stages.add(Stage::Segmentation, segmentation);
        if !observer.is_zero() {
            stages.add(Stage::Observer, observer);
        }
        stages.add(Stage::Score, outcome.times.score);
        stages.add(Stage::Decide, outcome.times.decide);
    }
    stages.add(Stage::Publish, publish);
    stages
}

/// A camera message of either type, borrowed from the bag's buffer.
enum Camera<'a> {
    Raw(ImageRef<'a>),
    Compressed(CompressedImageRef<'a>),
}

impl<'a> Camera<'a> {
    fn parse(message: &'a MessageBuf) -> Result<Self, cdr::CdrError> {
        if message.type_name() == <ImageRef<'_> as RosMessage>::TYPE {
            return cdr::from_slice(message.data()).map(Self::Raw);
        }
        cdr::from_slice(message.data()).map(Self::Compressed)
    }

    fn stamp(&self) -> Stamp {
        match self {
            Self::Raw(m) => m.header.stamp.into(),
            Self::Compressed(m) => m.header.stamp.into(),
        }
    }

    fn frame_id(&self) -> &'a str {
        match self {
            Self::Raw(m) => m.header.frame_id,
            Self::Compressed(m) => m.header.frame_id,
        }
    }

    fn view(&self) -> CameraView<'a> {
        let stamp = self.stamp();
        match self {
            Self::Raw(m) => CameraView::Raw(ImageView {
                stamp,
                width: m.width,
                height: m.height,
                encoding: m.encoding,
                is_bigendian: m.is_bigendian != 0,
                step: m.step,
                data: m.data,
            }),
            Self::Compressed(m) => CameraView::Compressed(CompressedView {
                stamp,
                format: m.format,
                data: m.data,
            }),
        }
    }

    fn record(&self, to: &mut Recorder, topic: &str, log_time: Stamp) -> anyhow::Result<()> {
        match self {
            Self::Raw(m) => to.camera(topic, log_time, m)?,
            Self::Compressed(m) => to.camera(topic, log_time, m)?,
        }
        Ok(())
    }
}

fn progress_bar(total: Option<u64>) -> ProgressBar {
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
