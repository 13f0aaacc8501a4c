//! One camera message on its way: decoded, admitted, judged, its verdict handed out, and taken back
//! where that came too late. Shared by everything that has messages.

use std::sync::Arc;
use std::time::{Duration, Instant};

use super::{OpenEngine, Outcome, Pipeline};
use crate::decide::{Failure, Reason, Verdict};
use crate::engine::{EngineError, GpuTimes, Mode};
use crate::frame::{CameraView, Decoder, Frame, FrameError, RawImage};
use crate::profile::{FrameFate, ScoreStats, Stage, StageTimes};
use crate::time::{Clock, Stamp};
use crate::watchdog::{Board, TripKind};

/// When a verdict is late, and who holds the flag; where time is real.
#[derive(Clone, Debug)]
pub struct Live {
    /// A verdict whose frame is older than this is late.
    pub deadline: Duration,
    /// Where verdicts are posted.
    pub board: Arc<Board>,
    /// Whether a frame ages by the machine's clock too, once its verdict is posted: where the clock
    /// of the stamps may stand still, as a simulation's. Not for a recording that is played slowly.
    pub machine_ages: bool,
}

/// Handles frames one by one.
pub struct FrameHandler {
    pipeline: Pipeline,
    live: Option<Live>,
    decoder: Decoder,
    frame: Frame,
    last: Option<Verdict>,
    /// When the last verdict on a frame was posted, and how old the frame was then.
    posted: Option<(Instant, Duration)>,
    taken_back: u64,
}

/// What was made of a message.
#[derive(Debug)]
pub struct Judged {
    /// The verdict, as it was handed out last.
    pub verdict: Verdict,
    /// What became of the frame.
    pub fate: FrameFate,
    /// Why there is nothing to see.
    pub error: Option<String>,
    /// Where the engine ran, or tried to.
    pub outcome: Option<Outcome>,
    /// Capture stamp, where one could be read.
    pub stamp: Option<Stamp>,
    /// How old what was captured then was when the verdict was out; nothing before that.
    pub age: Option<Duration>,
    /// When decoding began.
    pub decode_at: Instant,
    /// When the frame was decoded.
    pub engine_at: Instant,
    /// When the verdict was there.
    pub publish_at: Instant,
}

impl Judged {
    /// Times of the stages that were passed, without publication. Of a frame that failed, nothing
    /// is worth timing.
    pub fn stages(&self) -> StageTimes {
        let whole = self.outcome.as_ref().filter(|o| o.error.is_none());
        let mut stages = whole.map_or_else(StageTimes::default, |outcome| outcome.times.stages());
        stages.add(Stage::Decode, self.engine_at - self.decode_at);
        stages
    }

    /// What the GPU took by its own clock, where there is one; within the stages, not beside them. Of a
    /// frame that failed, nothing is worth timing.
    pub fn gpu(&self) -> Option<GpuTimes> {
        let whole = self.outcome.as_ref().filter(|o| o.error.is_none())?;
        whole.times.engine.gpu
    }

    /// Name of the mode that the frame ran in.
    pub fn mode(&self) -> &'static str {
        match (&self.outcome, self.fate) {
            (Some(outcome), _) => outcome.mode.name(),
            (None, FrameFate::Refused) => "refused",
            (None, _) => "none",
        }
    }

    /// Whether mask and scores are those of this frame.
    pub fn is_shown(&self) -> bool {
        self.outcome.as_ref().is_some_and(|o| o.error.is_none())
    }

    /// Of the score map.
    pub fn score(&self) -> Option<ScoreStats> {
        let stats = self.outcome.as_ref()?.stats?;
        Some(ScoreStats {
            mean: stats.mean,
            max: stats.max,
        })
    }
}

impl FrameHandler {
    /// Around a pipeline; verdicts are held to a deadline and posted where there is `live`.
    pub fn new(pipeline: Pipeline, live: Option<Live>) -> Self {
        Self {
            pipeline,
            live,
            decoder: Decoder::default(),
            frame: Frame::new(),
            last: None,
            posted: None,
            taken_back: 0,
        }
    }

    /// Decodes a camera message and judges it; `malformed` says why there is none. Nobody hears of
    /// the verdict before it is [handed out](Self::hand_out).
    pub fn judge(
        &mut self,
        camera: Result<CameraView<'_>, String>,
        stamp: Option<Stamp>,
        clock: &dyn Clock,
    ) -> Judged {
        let decode_at = Instant::now();
        let decoded = camera.and_then(|view| {
            self.stage(&view);
            let decoded = self.decoder.decode(&view, &mut self.frame);
            decoded.map_err(|e: FrameError| e.to_string())
        });
        let engine_at = Instant::now();
        let judged = |verdict, fate, outcome, error| Judged {
            verdict,
            fate,
            error,
            outcome,
            stamp,
            age: None,
            decode_at,
            engine_at,
            publish_at: Instant::now(),
        };
        if let Err(error) = decoded {
            let verdict = self.pipeline.fail(stamp, Failure::MalformedFrame, clock);
            return judged(verdict, FrameFate::Failed, None, Some(error));
        }
        let mode = match self.pipeline.admit(self.frame.stamp(), clock) {
            Ok(mode) => mode,
            Err(verdict) => return judged(verdict, FrameFate::Refused, None, None),
        };
        let outcome = self.pipeline.process(&self.frame, mode, clock);
        let fate = match (&outcome.error, outcome.verdict.reason) {
            (Some(_), _) => FrameFate::Failed,
            (None, Reason::Late { .. }) => FrameFate::Late,
            (None, _) => FrameFate::InTime,
        };
        let error = outcome.error.as_ref().map(|e| e.to_string());
        judged(outcome.verdict, fate, Some(outcome), error)
    }

    /// Sends raw pixels on their way to an engine that decodes them itself. They are decoded here all
    /// the same, while they are on their way: the picture's quality is judged on the CPU, and people want
    /// to see it.
    fn stage(&mut self, view: &CameraView<'_>) {
        let image = match view {
            CameraView::Raw(view) => RawImage::check(view, self.decoder.limits()).ok(),
            CameraView::Compressed(_) => None,
        };
        self.pipeline.stage(image.as_ref());
    }

    /// Posts the verdict on the board and gives it to `out`; takes it back where that came too
    /// late, by posting and giving the one that says so. True where it was taken back.
    ///
    /// # Errors
    /// The first of `out`.
    pub fn hand_out<E>(
        &mut self,
        judged: &mut Judged,
        clock: &dyn Clock,
        mut out: impl FnMut(&Judged) -> Result<(), E>,
    ) -> Result<bool, E> {
        judged.age = age_of(judged.stamp, clock);
        // this thread may have been held up since the supervisor looked at the clock
        self.hold_to_deadline(judged, clock);
        self.posted = judged.age.map(|age| (Instant::now(), age));
        self.announce(judged.verdict, judged.stamp, clock);
        let mut told = out(judged);
        judged.age = age_of(judged.stamp, clock);
        let back = self.hold_to_deadline(judged, clock);
        if back {
            self.taken_back += 1;
            self.announce(judged.verdict, judged.stamp, clock);
            told = told.and_then(|()| out(judged));
        }
        told.map(|()| back)
    }

    /// Replaces a verdict in time that is not any more; whether it did.
    fn hold_to_deadline(&mut self, judged: &mut Judged, clock: &dyn Clock) -> bool {
        let late = match (&self.live, judged.age) {
            (Some(live), Some(age)) => judged.fate == FrameFate::InTime && age > live.deadline,
            _ => false,
        };
        if late {
            judged.verdict = self.pipeline.overdue(self.frame.stamp(), clock);
            judged.fate = FrameFate::Late;
        }
        late
    }

    /// All that had to be published of a frame is out: how long it took, for the next one's plan.
    pub fn done(&mut self, judged: &Judged, stages: &StageTimes) {
        if let Some(outcome) = &judged.outcome {
            let age = judged.age.unwrap_or_default();
            self.pipeline.published(outcome, stages, age);
        }
    }

    /// Works on a message in a mode as on any other and says nothing of it, for the times of the
    /// stages up to the verdict.
    ///
    /// # Errors
    /// Why it cannot be decoded or run, in words.
    pub fn rehearse(&mut self, camera: &CameraView<'_>, mode: Mode) -> Result<StageTimes, String> {
        let began = Instant::now();
        self.stage(camera);
        let decoded = self.decoder.decode(camera, &mut self.frame);
        decoded.map_err(|e| e.to_string())?;
        let decode = began.elapsed();
        let times = self.pipeline.rehearse(&self.frame, mode);
        let mut stages = times.map_err(|e| e.to_string())?.stages();
        stages.add(Stage::Decode, decode);
        Ok(stages)
    }

    /// A source that is lost, or a result that could not be handed out.
    pub fn fail(&mut self, failure: Failure, clock: &dyn Clock) -> Verdict {
        let verdict = self.pipeline.fail(None, failure, clock);
        self.announce(verdict, verdict.capture_stamp, clock);
        verdict
    }

    /// Time passed without a message. The verdict, and whether the state changed with it.
    ///
    /// It does not make the last frame any fresher: see [`Live::machine_ages`].
    pub fn tick(&mut self, clock: &dyn Clock) -> (Verdict, bool) {
        let before = self.last.map(|v| v.state);
        let verdict = self.pipeline.tick(clock);
        self.announce(verdict, verdict.capture_stamp, clock);
        (verdict, before != Some(verdict.state))
    }

    /// Somebody entitled to it says that a STOP may end.
    pub fn reset(&mut self, clock: &dyn Clock) -> Verdict {
        let verdict = self.pipeline.reset(clock);
        self.announce(verdict, verdict.capture_stamp, clock);
        verdict
    }

    /// Opens the engine again where a panic took it, and acknowledges the panic to the board: the
    /// flag is up until that is done. True when it did.
    ///
    /// # Errors
    /// As `open`.
    pub fn repair(&mut self, open: &mut OpenEngine) -> Result<bool, EngineError> {
        if !self.pipeline.needs_repair() {
            return Ok(false);
        }
        let board = self.live.as_ref().map(|live| &live.board);
        let trip = board.and_then(|board| board.latched(TripKind::Panic));
        self.pipeline.repair(open)?;
        if let (Some(board), Some(trip)) = (board, trip) {
            board.acknowledge(trip);
        }
        Ok(true)
    }

    fn announce(&mut self, verdict: Verdict, stamp: Option<Stamp>, clock: &dyn Clock) {
        if let Some(live) = &self.live {
            let age = age_of(stamp, clock).unwrap_or(Duration::MAX);
            let posted = self.posted.filter(|_| live.machine_ages);
            let real = posted.map_or(Duration::ZERO, |(at, age)| at.elapsed().saturating_add(age));
            live.board.post(&verdict, age.max(real));
        }
        self.last = Some(verdict);
    }

    /// The pipeline.
    pub fn pipeline(&self) -> &Pipeline {
        &self.pipeline
    }

    /// The pipeline, for settings between frames.
    pub fn pipeline_mut(&mut self) -> &mut Pipeline {
        &mut self.pipeline
    }

    /// The frame that was decoded last.
    pub fn frame(&self) -> &Frame {
        &self.frame
    }

    /// The verdict that was announced last.
    pub fn last(&self) -> Option<Verdict> {
        self.last
    }

    /// Verdicts that were found late when they were out already.
    pub fn taken_back(&self) -> u64 {
        self.taken_back
    }

    /// Whether verdicts are held to a deadline.
    pub fn is_live(&self) -> bool {
        self.live.is_some()
    }
}

/// How old what was captured then is now.
fn age_of(stamp: Option<Stamp>, clock: &dyn Clock) -> Option<Duration> {
    stamp.map(|stamp| clock.now().saturating_since(stamp))
}
