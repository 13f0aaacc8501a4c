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
    /// What could not be recorded of it.
    pub(crate) recorded: anyhow::Result<()>,
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
    /// Verdicts that were found late when they were out already.
    pub(crate) taken_back: u64,
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
            taken_back: 0,
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
    pub(crate) fn message(&mut self, message: &MessageBuf, clock: &dyn Clock) -> Handled {
        let decode_at = Instant::now();
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
        let engine_at = Instant::now();
        let mut judged = match decoded {
            Ok(()) => self.judge(clock),
            Err(e) => Judged {
                verdict: self.pipeline.fail(stamp, Failure::MalformedFrame, clock),
                fate: FrameFate::Failed,
                outcome: None,
                error: Some(format!("{e:#}")),
            },
        };
        if let Some(error) = &judged.error {
            log::warn!("{} at {log_time}: {error}", message.topic());
        }

        // the verdict goes out before anything that only people look at
        let publish_at = Instant::now();
        let (age, mut recorded) = self.hand_out(&mut judged, stamp, log_time, clock);
        if let (Ok(camera), Ok(())) = (&camera, &recorded) {
            let shown = judged.outcome.as_ref().is_some_and(|o| o.error.is_none());
            recorded = self.record_pictures(camera, message.topic(), log_time, shown);
        }
        let mut stages = judged.stages();
        stages.add(Stage::Decode, engine_at - decode_at);
        stages.add(Stage::Publish, publish_at.elapsed());
        let latency = decode_at.elapsed();
        if let Some(outcome) = &judged.outcome {
            self.pipeline
                .published(outcome, &stages, age.unwrap_or_default());
        }
        let record = FrameRecord {
            index: self.index,
            verdict: judged.verdict,
            mode: judged.mode(),
            engine: self.pipeline.engine_name(),
            stages,
            latency,
            age: match &self.live {
                Some(_) => age,
                None => Some(latency),
            },
            score: judged.score(),
        };
        self.index += 1;
        self.note(&record, judged.fate);
        if let (Some(records), Ok(())) = (&mut self.records, &recorded) {
            recorded = records.csv.write(&record).map_err(anyhow::Error::from);
        }
        Handled {
            record,
            fate: judged.fate,
            decode_at,
            engine_at,
            publish_at,
            recorded,
        }
    }

    /// Admits the frame that was decoded, and runs it.
    fn judge(&mut self, clock: &dyn Clock) -> Judged {
        let mode = match self.pipeline.admit(self.frame.stamp(), clock) {
            Ok(mode) => mode,
            Err(verdict) => {
                return Judged {
                    verdict,
                    fate: FrameFate::Refused,
                    outcome: None,
                    error: None,
                };
            }
        };
        let outcome = self.pipeline.process(&self.frame, mode, clock);
        Judged {
            verdict: outcome.verdict,
            fate: match (&outcome.error, outcome.verdict.reason) {
                (Some(_), _) => FrameFate::Failed,
                (None, Reason::Late { .. }) => FrameFate::Late,
                (None, _) => FrameFate::InTime,
            },
            error: outcome.error.as_ref().map(|e| e.to_string()),
            outcome: Some(outcome),
        }
    }

    /// Hands the verdict out, and takes it back where that came too late. Its age when it was out,
    /// and whether it could be recorded.
    fn hand_out(
        &mut self,
        judged: &mut Judged,
        stamp: Option<Stamp>,
        log_time: Stamp,
        clock: &dyn Clock,
    ) -> (Option<Duration>, anyhow::Result<()>) {
        // this thread may have been held up since the supervisor looked at the clock
        self.hold_to_deadline(judged, age_of(stamp, clock), clock);
        self.announce(judged.verdict, stamp, clock);
        let mut recorded = self.record_verdict(log_time, &judged.verdict);
        let age = age_of(stamp, clock);
        if self.hold_to_deadline(judged, age, clock) {
            log::warn!("{log_time}: the verdict came out after its deadline and is taken back");
            self.taken_back += 1;
            self.announce(judged.verdict, stamp, clock);
            recorded = recorded.and_then(|()| self.record_verdict(log_time, &judged.verdict));
        }
        (age, recorded)
    }

    /// Replaces a verdict in time that is not any more; whether it did.
    fn hold_to_deadline(
        &mut self,
        judged: &mut Judged,
        age: Option<Duration>,
        clock: &dyn Clock,
    ) -> bool {
        let late = match (&self.live, age) {
            (Some(live), Some(age)) => judged.fate == FrameFate::InTime && age > live.deadline,
            _ => false,
        };
        if late {
            judged.verdict = self.pipeline.overdue(self.frame.stamp(), clock);
            judged.fate = FrameFate::Late;
        }
        late
    }

    /// Takes a frame into report and profile.
    fn note(&mut self, record: &FrameRecord, fate: FrameFate) {
        self.report.add(record);
        self.picture(record);
        match fate {
            FrameFate::Refused => self.profile.add_dropped(1),
            _ => self.profile.add(record),
        }
    }

    fn announce(&mut self, verdict: Verdict, stamp: Option<Stamp>, clock: &dyn Clock) {
        if let Some(live) = &self.live {
            let age = age_of(stamp, clock).unwrap_or(Duration::MAX);
            live.board.post(&verdict, age);
        }
        self.last = Some(verdict);
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

/// What was made of a message.
struct Judged {
    verdict: Verdict,
    fate: FrameFate,
    /// Where the engine ran, or tried to.
    outcome: Option<Outcome>,
    /// Why there is nothing to see.
    error: Option<String>,
}

impl Judged {
    /// Of a frame that failed, nothing is worth timing.
    fn stages(&self) -> StageTimes {
        let whole = self.outcome.as_ref().filter(|o| o.error.is_none());
        whole.map_or_else(StageTimes::default, |outcome| outcome.times.stages())
    }

    fn mode(&self) -> &'static str {
        match (&self.outcome, self.fate) {
            (Some(outcome), _) => outcome.mode.name(),
            (None, FrameFate::Refused) => "refused",
            (None, _) => "none",
        }
    }

    fn score(&self) -> Option<ScoreStats> {
        let stats = self.outcome.as_ref()?.stats?;
        Some(ScoreStats {
            mean: stats.mean,
            max: stats.max,
        })
    }
}

/// How old what was captured then is now.
fn age_of(stamp: Option<Stamp>, clock: &dyn Clock) -> Option<Duration> {
    stamp.map(|stamp| clock.now().saturating_since(stamp))
}
