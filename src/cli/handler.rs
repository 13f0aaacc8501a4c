//! Messages of a bag: handled, and what came of them recorded.

use std::fs::File;
use std::io::BufWriter;
use std::time::Instant;

use anyhow::Context;
use lookout::bag::MessageBuf;
use lookout::decide::{Failure, Verdict};
use lookout::engine::Mode;
use lookout::frame::Frame;
use lookout::model::Bundle;
use lookout::paint::Painter;
use lookout::pipeline::{FrameHandler, Judged, Pipeline, Sink};
use lookout::profile::report::{ReportBuilder, ReportInfo};
use lookout::profile::{FrameFate, FrameRecord, FramesCsv, RunProfile, Stage, StageTimes};
use lookout::repeats::Repeats;
use lookout::status::Networks;
use lookout::time::{Clock, Stamp};

use super::camera::Camera;
use super::outputs::Outputs;
use super::recorder::{At, Recorder};
use super::surroundings::Surroundings;

/// Where verdicts and pictures are recorded.
struct Records {
    recorder: Recorder,
    csv: FramesCsv<BufWriter<File>>,
}

/// What became of a message.
pub(crate) struct Handled {
    pub(crate) judged: Judged,
    pub(crate) record: Option<FrameRecord>,
    /// What could not be recorded of it.
    pub(crate) recorded: anyhow::Result<()>,
}

/// A run: what handles frames, and what is recorded of it.
pub(crate) struct Handler {
    pub(crate) frames: FrameHandler,
    pub(crate) out: Recording,
    /// What is known of camera and vehicle.
    pub(crate) surroundings: Surroundings,
    pub(crate) last_log_time: Stamp,
}

/// Report, profile and bag of a run, and the buffers for them.
pub(crate) struct Recording {
    pub(crate) report: ReportBuilder,
    pub(crate) profile: RunProfile,
    records: Option<Records>,
    painter: Painter,
    overlay: Vec<u8>,
    index: u64,
    /// What was logged of frames that could not be judged.
    repeats: Repeats,
}

impl Handler {
    /// Makes the outputs. `source` is named in the report.
    pub(crate) fn new(
        frames: FrameHandler,
        bundle: &Bundle,
        outputs: &Outputs,
        source: &str,
    ) -> anyhow::Result<Self> {
        let pipeline = frames.pipeline();
        let settings = pipeline.settings();
        let mode = settings.best_mode()?;
        let info = ReportInfo {
            title: "lookout".to_owned(),
            source: source.to_owned(),
            bundle_name: bundle.manifest().name.clone(),
            bundle_hash: bundle.short_hash().to_owned(),
            engine: pipeline.engine_description().to_owned(),
            mode: mode.name().to_owned(),
            judges: settings.judges,
            notes: settings.notes(),
            ..ReportInfo::default()
        };
        let surroundings = Surroundings::new(settings.vehicle)?;
        let path = outputs.frames_csv();
        let file =
            File::create(&path).with_context(|| format!("cannot write {}", path.display()))?;
        let networks = Networks {
            bundle_hash: bundle.hash(),
            note: &settings.note(),
            judges: settings.judges,
        };
        let recorder = Recorder::create(&outputs.annotated(), networks)?;
        let csv = FramesCsv::new(BufWriter::new(file))?;
        let out = Recording {
            report: ReportBuilder::new(info),
            profile: RunProfile::default(),
            records: Some(Records { recorder, csv }),
            painter: Painter::default(),
            overlay: Vec::new(),
            index: 0,
            repeats: Repeats::default(),
        };
        Ok(Self {
            frames,
            out,
            surroundings,
            last_log_time: Stamp::default(),
        })
    }

    /// Handles a camera message.
    pub(crate) fn message(&mut self, message: &MessageBuf, clock: &dyn Clock) -> Handled {
        // a rosbag2 has no times before the epoch
        let log_time = message.log_time().max(Stamp::default());
        self.last_log_time = log_time;
        self.surroundings
            .apply(self.frames.pipeline_mut(), log_time);
        let camera = Camera::parse(message);
        let stamp = camera.as_ref().map(Camera::stamp).ok();
        let view = camera.as_ref().map(Camera::view).map_err(|e| e.to_string());
        let is_live = self.frames.board().is_some();
        let mut one = One {
            out: &mut self.out,
            camera: camera.as_ref().ok(),
            topic: message.topic(),
            log_time,
            is_live,
            recorded: Ok(()),
            record: None,
        };
        let judged = self.frames.run(view, stamp, clock, &mut one);
        let (record, recorded) = (one.record, one.recorded);
        if judged.score().is_some() {
            self.surroundings.judged(self.frames.pipeline());
        }
        Handled {
            judged,
            record,
            recorded,
        }
    }

    /// What the frames until now were judged by goes to the report; gives back the corridor, for people.
    pub(crate) fn tell_corridor(&mut self) -> String {
        let line = self.surroundings.line(self.frames.pipeline());
        self.out.report.info.corridor.clone_from(&line);
        let promise = self.frames.pipeline().settings().stop_levels.promise();
        if !promise.is_empty() {
            self.out.report.info.stop = self.surroundings.deciding(promise);
        }
        line
    }

    /// A source that is lost, or a recording that cannot be written.
    pub(crate) fn fail(
        &mut self,
        failure: Failure,
        clock: &dyn Clock,
        log_time: Stamp,
    ) -> anyhow::Result<()> {
        let verdict = self.frames.fail(failure, clock);
        record_verdict(&mut self.out.records, log_time, &verdict)
    }

    /// Time passed without a message. Recorded where the state changes.
    pub(crate) fn tick(&mut self, clock: &dyn Clock) -> anyhow::Result<()> {
        let (verdict, changed) = self.frames.tick(clock);
        if !changed {
            return Ok(());
        }
        let now = clock.now().max(Stamp::default());
        record_verdict(&mut self.out.records, now, &verdict)
    }

    /// Works on a message in a mode as on any other, into `scratch`, and says nothing of it: for
    /// the times.
    pub(crate) fn rehearse(
        &mut self,
        message: &MessageBuf,
        mode: Mode,
        scratch: &mut Recorder,
    ) -> anyhow::Result<StageTimes> {
        let log_time = message.log_time().max(Stamp::default());
        self.surroundings
            .apply(self.frames.pipeline_mut(), log_time);
        let camera = Camera::parse(message)?;
        let stages = self.frames.rehearse(&camera.view(), mode);
        let mut stages = stages.map_err(anyhow::Error::msg)?;
        let publishing = Instant::now();
        std::mem::swap(scratch, &mut self.out.records_mut()?.recorder);
        let shown = Some((self.frames.frame(), self.frames.pipeline()));
        let recorded = self
            .out
            .record_pictures(&camera, message.topic(), log_time, shown);
        std::mem::swap(scratch, &mut self.out.records_mut()?.recorder);
        recorded?;
        stages.add(Stage::Publish, publishing.elapsed());
        self.frames.pipeline_mut().warm_up(mode, &stages);
        Ok(stages)
    }
}

/// Where the results of one message go.
struct One<'a> {
    out: &'a mut Recording,
    camera: Option<&'a Camera<'a>>,
    topic: &'a str,
    log_time: Stamp,
    is_live: bool,
    /// What could not be recorded, the first of it.
    recorded: anyhow::Result<()>,
    record: Option<FrameRecord>,
}

impl One<'_> {
    fn note(&mut self, result: anyhow::Result<()>) {
        if self.recorded.is_ok() {
            self.recorded = result;
        }
    }
}

impl Sink for One<'_> {
    fn verdict(&mut self, judged: &Judged) {
        let recorded = record_verdict(&mut self.out.records, self.log_time, &judged.verdict);
        self.note(recorded);
    }

    fn pictures(&mut self, judged: &Judged, frame: &Frame, pipeline: &Pipeline) {
        if let (Some(camera), Ok(())) = (self.camera, &self.recorded) {
            let shown = judged.is_shown().then_some((frame, pipeline));
            let recorded = self
                .out
                .record_pictures(camera, self.topic, self.log_time, shown);
            self.note(recorded);
        }
    }

    fn done(&mut self, judged: &Judged, stages: StageTimes) {
        let latency = judged.decode_at.elapsed();
        let record = FrameRecord {
            index: self.out.index,
            verdict: judged.verdict,
            mode: judged.mode(),
            stages,
            latency,
            age: if self.is_live {
                judged.age
            } else {
                Some(latency)
            },
            score: judged.score(),
        };
        self.out.index += 1;
        self.out.note(&record, judged.fate);
        if let (Some(records), Ok(())) = (&mut self.out.records, &self.recorded) {
            let written = records.csv.write(&record).map_err(anyhow::Error::from);
            self.note(written);
        }
        self.record = Some(record);
        let error = judged.error.as_ref();
        // a camera that always sends the same wrong thing must not fill the disk with it
        if let Some(line) = error.and_then(|e| e.line(&mut self.out.repeats, Instant::now())) {
            log::warn!("{} at {}: {line}", self.topic, self.log_time);
        }
    }
}

impl Recording {
    /// Takes a frame into report and profile.
    fn note(&mut self, record: &FrameRecord, fate: FrameFate) {
        self.report.add(record);
        self.picture(record);
        match fate {
            FrameFate::Refused => self.profile.add_dropped(1),
            _ => self.profile.add(record),
        }
    }

    fn records_mut(&mut self) -> anyhow::Result<&mut Records> {
        self.records
            .as_mut()
            .context("nothing is recorded any more")
    }

    fn record_pictures(
        &mut self,
        camera: &Camera<'_>,
        topic: &str,
        log_time: Stamp,
        shown: Option<(&Frame, &Pipeline)>,
    ) -> anyhow::Result<()> {
        let Some(records) = &mut self.records else {
            return Ok(());
        };
        camera.record(&mut records.recorder, topic, log_time)?;
        let Some((frame, pipeline)) = shown else {
            return Ok(());
        };
        let at = At {
            log_time,
            stamp: frame.stamp(),
            frame_id: camera.frame_id(),
        };
        self.painter
            .overlay(frame, pipeline.mask(), &mut self.overlay);
        let size = (frame.width(), frame.height());
        records.recorder.mask(at, pipeline.mask())?;
        records.recorder.score_map(at, pipeline.score_map())?;
        records.recorder.overlay(at, &self.overlay, size)?;
        let info = &mut self.report.info;
        (info.width, info.height) = size;
        let pixels = u32::try_from(pipeline.score_map().values().len()).unwrap_or(u32::MAX);
        let supervisor = &pipeline.settings().supervisor;
        info.area_on = supervisor.area_in_pixels(pixels, false);
        Ok(())
    }

    /// Offers the frame's overlay for the report: the more of the corridor is anomalous, the worse.
    fn picture(&mut self, record: &FrameRecord) {
        let Some(records) = &self.records else {
            return;
        };
        let jpeg = records.recorder.last_overlay();
        if record.score.is_none() || jpeg.is_empty() {
            return;
        }
        let v = &record.verdict;
        let worst = v.corridor_pixels as f32 + 0.01 * v.anomalous_pixels as f32;
        self.report
            .picture_candidate(worst, record.index, || Some(jpeg.to_vec()));
    }

    /// Gives up on recording; what was recorded stays.
    pub(crate) fn stop_recording(&mut self) {
        self.records = None;
    }

    /// Ends what was recorded.
    ///
    /// # Errors
    /// What cannot be written.
    pub(crate) fn finish_records(&mut self) -> anyhow::Result<()> {
        if let Some(records) = self.records.take() {
            records.recorder.finish()?;
        }
        Ok(())
    }
}

/// Flag and status of a verdict, where something is recorded.
fn record_verdict(
    records: &mut Option<Records>,
    log_time: Stamp,
    verdict: &Verdict,
) -> anyhow::Result<()> {
    match records {
        Some(records) => Ok(records.recorder.verdict(log_time, verdict)?),
        None => Ok(()),
    }
}
