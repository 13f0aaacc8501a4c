//! One camera message on its way: decoded, admitted, judged, its verdict handed out, its pictures
//! recorded. Shared by everything that has messages.

use std::fs::File;
use std::io::BufWriter;
use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::Context;
use lookout::bag::MessageBuf;
use lookout::decide::{Failure, Reason, Verdict};
use lookout::engine::Mode;
use lookout::frame::{Decoder, Frame};
use lookout::model::Bundle;
use lookout::paint::Painter;
use lookout::pipeline::{Outcome, Pipeline};
use lookout::profile::report::{ReportBuilder, ReportInfo};
use lookout::profile::{
    FrameFate, FrameRecord, FramesCsv, RunProfile, ScoreStats, Stage, StageTimes,
};
use lookout::time::{Clock, Stamp};
use lookout::watchdog::Board;

use super::camera::Camera;
use super::outputs::Outputs;
use super::recorder::{At, Recorder};

/// Where verdicts and pictures are recorded.
struct Records {
    recorder: Recorder,
    csv: FramesCsv<BufWriter<File>>,
}

/// What is told of a message that was handled.
pub(crate) struct Handled {
    pub(crate) record: FrameRecord,
    pub(crate) fate: FrameFate,
    /// When its decoding began.
    pub(crate) decode_at: Instant,
    /// When it was decoded.
    pub(crate) engine_at: Instant,
    /// When its verdict was there.
    pub(crate) publish_at: Instant,
}

/// When a verdict is late, and who holds the flag; where time is real.
pub(crate) struct Live {
    pub(crate) deadline: Duration,
    pub(crate) board: Arc<Board>,
}

/// Buffers and outputs of a run.
pub(crate) struct Handler {
    pub(crate) pipeline: Pipeline,
    pub(crate) report: ReportBuilder,
    pub(crate) profile: RunProfile,
    pub(crate) last: Option<Verdict>,
    pub(crate) last_log_time: Stamp,
    live: Option<Live>,
    records: Option<Records>,
    decoder: Decoder,
    frame: Frame,
    painter: Painter,
    overlay: Vec<u8>,
    index: u64,
}

impl Handler {
    /// Makes the outputs. `source` is named in the report.
    pub(crate) fn new(
        pipeline: Pipeline,
        bundle: &Bundle,
        outputs: &Outputs,
        source: &str,
        live: Option<Live>,
    ) -> anyhow::Result<Self> {
        let settings = pipeline.settings();
        let mode = settings.best_mode()?;
        let judge = settings.judges.of(mode).context("no threshold")?;
        let info = ReportInfo {
            title: "lookout".to_owned(),
            source: source.to_owned(),
            bundle_name: bundle.manifest().name.clone(),
            bundle_hash: bundle.short_hash().to_owned(),
            engine: pipeline.engine_description().to_owned(),
            mode: mode.name().to_owned(),
            score: judge.score,
            threshold: judge.threshold,
            area_on: 0,
            width: 0,
            height: 0,
        };
        let path = outputs.frames_csv();
        let file =
            File::create(&path).with_context(|| format!("cannot write {}", path.display()))?;
        let recorder = Recorder::create(&outputs.annotated(), bundle.hash())?;
        let csv = FramesCsv::new(BufWriter::new(file))?;
        Ok(Self {
            pipeline,
            report: ReportBuilder::new(info),
            profile: RunProfile::new(),
            last: None,
            last_log_time: Stamp::default(),
            live,
            records: Some(Records { recorder, csv }),
            decoder: Decoder::default(),
            frame: Frame::new(),
            painter: Painter::default(),
            overlay: Vec::new(),
            index: 0,
        })
    }

    /// Handles a message.
    ///
    /// # Errors
    /// What cannot be recorded.
    pub(crate) fn message(
        &mut self,
        message: &MessageBuf,
        clock: &dyn Clock,
    ) -> anyhow::Result<Handled> {
        let began = Instant::now();
        // a rosbag2 has no times before the epoch
        let log_time = message.log_time().max(Stamp::default());
        self.last_log_time = log_time;
        let camera = Camera::parse(message);
        let stamp = camera.as_ref().map(Camera::stamp).ok();
        let decoded = match &camera {
            Ok(camera) => self
                .decoder
                .decode(&camera.view(), &mut self.frame)
                .map_err(anyhow::Error::from),
            Err(e) => Err(anyhow::anyhow!("{e}")),
        };
        let mut stages = StageTimes::default();
        let engine_at = Instant::now();
        stages.add(Stage::Decode, engine_at - began);

        let mut outcome = None;
        let (verdict, mut fate) = match decoded {
            Err(e) => {
                log::warn!("{} at {log_time}: {e:#}", message.topic());
                let failure = Failure::MalformedFrame;
                (self.pipeline.fail(stamp, failure, clock), FrameFate::Failed)
            }
            Ok(()) => match self.pipeline.admit(self.frame.stamp(), clock) {
                Err(verdict) => (verdict, FrameFate::Refused),
                Ok(mode) => {
                    let made = self.pipeline.process(&self.frame, mode, clock);
                    let fate = fate_of(&made, message);
                    let verdict = made.verdict;
                    outcome = Some(made);
                    (verdict, fate)
                }
            },
        };

        // the verdict goes out before anything that only people look at
        let publish_at = Instant::now();
        let age = self.announce(verdict, stamp, clock);
        let mut recorded = self.record_verdict(log_time, &verdict);
        if let (Some(live), Some(age)) = (&self.live, age)
            && matches!(fate, FrameFate::InTime)
            && age > live.deadline
        {
            log::warn!("{log_time}: the verdict came out after its deadline and is taken back");
            let taken_back = self.pipeline.overdue(self.frame.stamp(), clock);
            self.announce(taken_back, stamp, clock);
            recorded = recorded.and_then(|()| self.record_verdict(log_time, &taken_back));
            fate = FrameFate::Late;
        }
        let shown = outcome.as_ref().is_some_and(|o| o.error.is_none());
        if let Ok(camera) = &camera {
            recorded = recorded
                .and_then(|()| self.record_pictures(camera, message.topic(), log_time, shown));
        }
        stages.add(Stage::Publish, publish_at.elapsed());
        let latency = began.elapsed();
        if let Some(outcome) = &outcome {
            if outcome.error.is_none() {
                for (stage, time) in outcome.times.stages().iter() {
                    time.into_iter().for_each(|time| stages.add(stage, time));
                }
            }
            self.pipeline
                .published(outcome, &stages, age.unwrap_or_default());
        }
        let record = FrameRecord {
            index: self.index,
            verdict: self.last.unwrap_or(verdict),
            mode: match (&outcome, fate) {
                (Some(outcome), _) => outcome.mode.name(),
                (None, FrameFate::Refused) => "refused",
                (None, _) => "none",
            },
            engine: self.pipeline.engine_name(),
            stages,
            latency,
            age: if self.live.is_some() {
                age
            } else {
                Some(latency)
            },
            score: outcome.as_ref().and_then(|o| o.stats).map(|s| ScoreStats {
                mean: s.mean,
                max: s.max,
            }),
        };
        self.index += 1;
        self.report.add(&record);
        self.picture(&record);
        match fate {
            FrameFate::Refused => self.profile.add_dropped(1),
            _ => self.profile.add(&record),
        }
        recorded = recorded.and_then(|()| match &mut self.records {
            Some(records) => Ok(records.csv.write(&record)?),
            None => Ok(()),
        });
        recorded?;
        Ok(Handled {
            record,
            fate,
            decode_at: began,
            engine_at,
            publish_at,
        })
    }

    /// Hands a verdict out; its age now.
    fn announce(
        &mut self,
        verdict: Verdict,
        stamp: Option<Stamp>,
        clock: &dyn Clock,
    ) -> Option<Duration> {
        let age = stamp.map(|stamp| clock.now().saturating_since(stamp));
        if let Some(live) = &self.live {
            live.board.post(&verdict, age.unwrap_or(Duration::MAX));
        }
        self.last = Some(verdict);
        age
    }

    /// A source that is lost, or a result that could not be handed out.
    pub(crate) fn fail(
        &mut self,
        failure: Failure,
        clock: &dyn Clock,
        log_time: Stamp,
    ) -> anyhow::Result<()> {
        let verdict = self.pipeline.fail(None, failure, clock);
        self.announce(verdict, verdict.capture_stamp, clock);
        self.record_verdict(log_time, &verdict)
    }

    /// Time passed without a message. Recorded where the state changes.
    pub(crate) fn tick(&mut self, clock: &dyn Clock) -> anyhow::Result<()> {
        let before = self.last.map(|v| v.state);
        let verdict = self.pipeline.tick(clock);
        self.announce(verdict, verdict.capture_stamp, clock);
        if before != Some(verdict.state) {
            log::warn!("{}: {}", verdict.state, verdict.reason);
            return self.record_verdict(clock.now().max(Stamp::default()), &verdict);
        }
        Ok(())
    }

    /// Works on a message in a mode as on any other, into `scratch`, and says nothing of it: for
    /// the times.
    pub(crate) fn rehearse(
        &mut self,
        message: &MessageBuf,
        mode: Mode,
        scratch: &mut Recorder,
    ) -> anyhow::Result<StageTimes> {
        let began = Instant::now();
        let camera = Camera::parse(message)?;
        self.decoder.decode(&camera.view(), &mut self.frame)?;
        let decode = began.elapsed();
        let times = self.pipeline.rehearse(&self.frame, mode)?;
        let publishing = Instant::now();
        let mut stages = times.stages();
        stages.add(Stage::Decode, decode);
        std::mem::swap(scratch, &mut self.records_mut()?.recorder);
        let log_time = message.log_time().max(Stamp::default());
        let recorded = self.record_pictures(&camera, message.topic(), log_time, true);
        std::mem::swap(scratch, &mut self.records_mut()?.recorder);
        recorded?;
        stages.add(Stage::Publish, publishing.elapsed());
        self.pipeline.warm_up(mode, &stages);
        Ok(stages)
    }

    fn records_mut(&mut self) -> anyhow::Result<&mut Records> {
        self.records
            .as_mut()
            .context("nothing is recorded any more")
    }

    fn record_verdict(&mut self, log_time: Stamp, verdict: &Verdict) -> anyhow::Result<()> {
        match &mut self.records {
            Some(records) => Ok(records.recorder.verdict(log_time, verdict)?),
            None => Ok(()),
        }
    }

    fn record_pictures(
        &mut self,
        camera: &Camera<'_>,
        topic: &str,
        log_time: Stamp,
        shown: bool,
    ) -> anyhow::Result<()> {
        let Some(records) = &mut self.records else {
            return Ok(());
        };
        camera.record(&mut records.recorder, topic, log_time)?;
        if !shown {
            return Ok(());
        }
        let at = At {
            log_time,
            stamp: self.frame.stamp(),
            frame_id: camera.frame_id(),
        };
        let pipeline = &self.pipeline;
        self.painter
            .overlay(&self.frame, pipeline.mask(), &mut self.overlay);
        let size = (self.frame.width(), self.frame.height());
        records.recorder.mask(at, pipeline.mask())?;
        records.recorder.score_map(at, pipeline.score_map())?;
        records.recorder.overlay(at, &self.overlay, size)?;
        self.report.set_frame_size(size.0, size.1);
        let pixels = u32::try_from(pipeline.score_map().values().len()).unwrap_or(u32::MAX);
        let supervisor = &pipeline.settings().supervisor;
        self.report
            .set_area_on(supervisor.area_in_pixels(pixels, false));
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

fn fate_of(outcome: &Outcome, message: &MessageBuf) -> FrameFate {
    match (&outcome.error, outcome.verdict.reason) {
        (Some(e), _) => {
            log::warn!("{} at {}: {e}", message.topic(), message.log_time());
            FrameFate::Failed
        }
        (None, Reason::Late { .. }) => FrameFate::Late,
        (None, _) => FrameFate::InTime,
    }
}
