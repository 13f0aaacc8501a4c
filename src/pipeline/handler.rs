//! One camera message on its way, from the first byte to the repair after it. There is no other way:
//! the node, `replay`, `profile` and `demo` differ in where messages come from, in the clock, and in
//! their [`Sink`].

use std::sync::Arc;
use std::time::{Duration, Instant};

use log::Level;

use super::{FrameFailure, Judged, OpenEngine, Pipeline};
use crate::decide::{Failure, Reason, State, Verdict};
use crate::engine::Mode;
use crate::frame::{CameraView, Decoder, Frame, RawImage};
use crate::repeats::{Kind, Repeats};
use crate::stages::{FrameFate, Stage, StageTimes};
use crate::time::{Clock, Stamp};
use crate::watchdog::{Board, Contained, LatchedTrip, contain};

mod reset;

/// Who holds the flag; where time is real, and verdicts can be late.
#[derive(Clone, Debug)]
pub struct Live {
    /// Where verdicts are posted.
    pub board: Arc<Board>,
    /// Whether a frame ages by the machine's clock too, once its verdict is posted: where the clock
    /// of the stamps may stand still, as a simulation's. Not for a recording that is played slowly.
    pub machine_ages: bool,
}

/// Where results go.
pub trait Sink {
    /// The verdict is on the board; it is handed out before anything that only people look at. Called
    /// again where it came out too late and is taken back.
    fn verdict(&mut self, judged: &Judged);

    /// What people look at: where the frame [is shown](Judged::is_shown), the pipeline still has its
    /// mask, scores and regions.
    fn pictures(&mut self, judged: &Judged, frame: &Frame, pipeline: &Pipeline);

    /// All of it is out, and took so long.
    fn done(&mut self, judged: &Judged, stages: StageTimes);
}

/// Nobody.
impl Sink for () {
    fn verdict(&mut self, _: &Judged) {}

    fn pictures(&mut self, _: &Judged, _: &Frame, _: &Pipeline) {}

    fn done(&mut self, _: &Judged, _: StageTimes) {}
}

/// Handles frames one by one.
pub struct FrameHandler {
    pipeline: Pipeline,
    open: OpenEngine,
    live: Option<Live>,
    /// A verdict whose frame is older than this is late, where there is `live`.
    deadline: Duration,
    decoder: Decoder,
    frame: Frame,
    last: Option<Verdict>,
    /// The state that was logged last.
    logged: Option<State>,
    /// When the last verdict on a frame was posted, on the board's clock, and how old the frame was then.
    posted: Option<(Duration, Duration)>,
    taken_back: u64,
    repairs: u64,
    /// Of a decoder that was replaced.
    decoder_panic: Option<LatchedTrip>,
    repeats: Repeats,
}

impl FrameHandler {
    /// Around a pipeline; verdicts are held to its deadline and posted where there is `live`. `open`
    /// opens the engine again after a panic. See [`assemble`](Self::assemble).
    pub fn new(pipeline: Pipeline, live: Option<Live>, open: OpenEngine) -> Self {
        Self {
            deadline: Duration::from_millis(pipeline.settings().supervisor.max_age_ms.into()),
            pipeline,
            open,
            live,
            decoder: Decoder::default(),
            frame: Frame::new(),
            last: None,
            logged: None,
            posted: None,
            taken_back: 0,
            repairs: 0,
            decoder_panic: None,
            repeats: Repeats::default(),
        }
    }

    /// Takes a camera message all the way: judges it, posts the verdict on the board, hands it out,
    /// takes it back where that came too late, gives out the pictures, learns from the times, and opens
    /// the engine again where a panic took it. Nothing is logged before the verdict is out. `camera` is
    /// the reason, where the message cannot be read.
    pub fn run(
        &mut self,
        camera: Result<CameraView<'_>, String>,
        stamp: Option<Stamp>,
        clock: &dyn Clock,
        sink: &mut dyn Sink,
    ) -> Judged {
        let mut judged = self.judge(camera, stamp, clock);
        let taken_back = self.hand_out(&mut judged, clock, sink);
        sink.pictures(&judged, &self.frame, &self.pipeline);
        let mut stages = judged.stages();
        stages.add(Stage::Publish, judged.publish_at.elapsed());
        if let Some(outcome) = &judged.outcome {
            let age = judged.age.unwrap_or_default();
            self.pipeline.published(outcome, &stages, age);
        }
        sink.done(&judged, stages);
        if taken_back {
            self.log(
                Level::Warn,
                "a verdict came out after its deadline and was taken back",
            );
        }
        self.log_state();
        self.repair();
        judged
    }

    fn judge(
        &mut self,
        camera: Result<CameraView<'_>, String>,
        stamp: Option<Stamp>,
        clock: &dyn Clock,
    ) -> Judged {
        let decode_at = Instant::now();
        let decoded = camera.map_err(FrameFailure::unreadable).and_then(|view| {
            self.stage(&view);
            self.decode(&view)
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
        let error = outcome.error.as_ref().map(FrameFailure::unjudged);
        judged(outcome.verdict, fate, Some(outcome), error)
    }

    /// The decoder, to fail.
    #[cfg(test)]
    pub(super) fn decoder_mut(&mut self) -> &mut Decoder {
        &mut self.decoder
    }

    /// Into the frame. A decoder that panics is replaced; the panic is acknowledged when the verdict is out.
    fn decode(&mut self, view: &CameraView<'_>) -> Result<(), FrameFailure> {
        match contain(|| self.decoder.decode(view, &mut self.frame)) {
            Ok(decoded) => decoded.map_err(|e| FrameFailure::undecodable(&e, view)),
            Err(panic) => {
                self.decoder = Decoder::new(self.decoder.limits());
                self.frame.clear();
                self.decoder_panic = panic.trip;
                Err(FrameFailure::unreadable(format!(
                    "the decoder panicked on the picture: {}",
                    panic.message
                )))
            }
        }
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

    /// Whether the verdict was taken back.
    fn hand_out(&mut self, judged: &mut Judged, clock: &dyn Clock, sink: &mut dyn Sink) -> bool {
        judged.age = age_of(judged.stamp, clock);
        // this thread may have been held up since the supervisor looked at the clock
        self.hold_to_deadline(judged, clock);
        self.posted = judged
            .age
            .and_then(|age| Some((self.live.as_ref()?.board.now(), age)));
        self.announce(judged.verdict, judged.stamp, clock);
        sink.verdict(judged);
        judged.age = age_of(judged.stamp, clock);
        let back = self.hold_to_deadline(judged, clock);
        if back {
            self.taken_back += 1;
            self.announce(judged.verdict, judged.stamp, clock);
            sink.verdict(judged);
        }
        back
    }

    /// Replaces a verdict in time that is not any more; whether it did.
    fn hold_to_deadline(&mut self, judged: &mut Judged, clock: &dyn Clock) -> bool {
        let late = match (&self.live, judged.age) {
            // it is a FAULT already, and nothing can be said of its age
            _ if judged.verdict.reason.is_unstamped() => false,
            (Some(_), Some(age)) => judged.fate == FrameFate::InTime && age > self.deadline,
            _ => false,
        };
        if late {
            judged.verdict = self.pipeline.overdue(self.frame.stamp(), clock);
            judged.fate = FrameFate::Late;
        }
        late
    }

    /// Works on a message in a mode as on any other and says nothing of it, for the times of the
    /// stages up to the verdict.
    ///
    /// # Errors
    /// Why it cannot be decoded or run, in words.
    pub fn rehearse(&mut self, camera: &CameraView<'_>, mode: Mode) -> Result<StageTimes, String> {
        let began = Instant::now();
        self.stage(camera);
        let decoded = self.decode(camera);
        let panic = self.decoder_panic.take();
        self.acknowledge(panic);
        decoded.map_err(|failure| failure.to_string())?;
        let decode = began.elapsed();
        let times = self.pipeline.rehearse(&self.frame, mode);
        let mut stages = times.map_err(|e| e.to_string())?.stages();
        stages.add(Stage::Decode, decode);
        Ok(stages)
    }

    /// A source that is lost, or a recording that cannot be written.
    pub fn fail(&mut self, failure: Failure, clock: &dyn Clock) -> Verdict {
        let verdict = self.pipeline.fail(None, failure, clock);
        self.announce_alone(verdict, clock)
    }

    /// Time passed without a message. The verdict, and whether the state changed with it.
    ///
    /// It does not make the last frame any fresher: see [`Live::machine_ages`].
    pub fn tick(&mut self, clock: &dyn Clock) -> (Verdict, bool) {
        let before = self.last.map(|v| v.state);
        let verdict = self.pipeline.tick(clock);
        self.announce_alone(verdict, clock);
        (verdict, before != Some(verdict.state))
    }

    fn announce_alone(&mut self, verdict: Verdict, clock: &dyn Clock) -> Verdict {
        self.announce(verdict, verdict.capture_stamp, clock);
        self.log_state();
        verdict
    }

    /// Opens the engine again where a panic took it, and acknowledges the panics that took it, and no
    /// others, to the board: the flag is up until that is done.
    fn repair(&mut self) {
        let panic = self.decoder_panic.take();
        self.acknowledge(panic);
        if !self.pipeline.needs_repair() {
            return;
        }
        match self.pipeline.repair(&mut self.open) {
            Ok(panics) => {
                self.acknowledge(panics);
                self.repairs += 1;
                self.log(Level::Warn, "the engine was opened again after a panic");
            }
            Err(e) => {
                let line = format!("the engine cannot be opened again after a panic: {e}");
                self.log(Level::Error, &line);
            }
        }
    }

    /// For what may happen at every frame.
    fn log(&mut self, level: Level, line: &str) {
        if let Some(repeated) = self.repeats.note(Kind::of_text(line), Instant::now()) {
            log::log!(level, "{line}{repeated}");
        }
    }

    /// A panic in what works for the engine on another thread: a FAULT; the engine is opened again, and
    /// the panic acknowledged.
    pub fn lose_engine(&mut self, panic: Contained, clock: &dyn Clock) -> Verdict {
        self.pipeline.lose_engine(panic);
        let verdict = self.fail(Failure::Panicked, clock);
        self.repair();
        verdict
    }

    /// The end of the engine. What its panics left behind is gone with it: they are acknowledged.
    pub fn discard(mut self) {
        let panics = self.pipeline.panics.take();
        self.acknowledge(panics);
    }

    /// How often the engine was opened again.
    pub fn repairs(&self) -> u64 {
        self.repairs
    }

    fn acknowledge(&self, panics: Option<LatchedTrip>) {
        if let (Some(live), Some(panics)) = (&self.live, panics) {
            live.board.acknowledge(panics);
        }
    }

    fn announce(&mut self, verdict: Verdict, stamp: Option<Stamp>, clock: &dyn Clock) {
        if let Some(live) = &self.live {
            let age = age_of(stamp, clock).unwrap_or(Duration::MAX);
            let posted = self.posted.filter(|_| live.machine_ages);
            let real = posted.map_or(Duration::ZERO, |(at, age)| {
                live.board.now().saturating_sub(at).saturating_add(age)
            });
            live.board.post(&verdict, age.max(real));
        }
        self.last = Some(verdict);
    }

    /// Every change of the state is logged once, with its reason.
    fn log_state(&mut self) {
        let Some(verdict) = self.last.filter(|_| self.live.is_some()) else {
            return;
        };
        let before = self.logged.replace(verdict.state);
        if before != Some(verdict.state) {
            let failure = Failure::Disabled;
            let level = match verdict.state {
                // somebody asked for it, and what they asked for is logged
                State::Fault if verdict.reason == (Reason::Failed { failure }) => Level::Info,
                State::Stop | State::Fault => Level::Warn,
                _ => Level::Info,
            };
            let before = before.map_or("(start)", State::name);
            log::log!(level, "{before} -> {}: {}", verdict.state, verdict.reason);
        }
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

    /// Where verdicts are posted, if anywhere.
    pub fn board(&self) -> Option<&Arc<Board>> {
        self.live.as_ref().map(|live| &live.board)
    }
}

/// How old what was captured then is now.
fn age_of(stamp: Option<Stamp>, clock: &dyn Clock) -> Option<Duration> {
    stamp?.age(clock.now())
}
