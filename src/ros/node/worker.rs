//! What is done with camera messages while the node is active.

use std::sync::mpsc::Receiver;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use super::super::clock::RosClock;
use super::super::message::CameraMessage;
use super::super::outputs::{Output, Outputs};
use super::super::parameters::LiveSettings;
use super::super::participant::ReceiveBuffer;
use super::road::Road;
use super::shared::{ResetRequest, Shared};
use crate::decide::{Failure, Reason, State, Verdict};
use crate::engine::Upload;
use crate::frame::{CameraView, Frame, Limits, RawImage};
use crate::live::{Source, Worker};
use crate::msg::LiveStatus;
use crate::pipeline::{FrameHandler, Judged, Judges, Pipeline, Sink};
use crate::profile::FrameOutcome;
use crate::score::ScoreKind;
use crate::stages::{FrameFate, StageTimes};
use crate::time::Clock;
use crate::watchdog::{Contained, TripKind, contain};

/// A frame that cannot be judged is logged this often at most; the status tells of every one.
const LOG_AGAIN: Duration = Duration::from_secs(10);

/// The thread that handles frames.
pub(super) struct Frames {
    pub(super) shared: Arc<Shared>,
    pub(super) handler: FrameHandler,
    pub(super) pictures: Box<dyn Pictures>,
    pub(super) clock: Arc<RosClock>,
    pub(super) road: Road,
    pub(super) ahead: Arc<Mutex<Ahead>>,
    /// As calibrated.
    pub(super) judges: Judges,
    pub(super) score: ScoreKind,
    pub(super) receive_buffer: Option<ReceiveBuffer>,
    pub(super) commands: Receiver<ResetRequest>,
    pub(super) live: LiveSettings,
    /// Of `live`; not the present one at the start, so that it is looked at.
    pub(super) version: u64,
    /// Judging is switched off, and everybody was told.
    pub(super) off: bool,
    pub(super) logged: Option<Instant>,
}

impl Worker<CameraMessage> for Frames {
    fn handle(&mut self, message: &CameraMessage) {
        self.attend();
        if self.off {
            return;
        }
        if !self.clock.started() {
            // nobody can tell how old a frame is before there is a clock
            self.tick();
            return;
        }
        self.road.update(self.handler.pipeline_mut(), &self.shared);
        let view = message.view().map_err(str::to_owned);
        let mut results = Results {
            shared: &self.shared,
            pictures: &mut *self.pictures,
            road: &mut self.road,
            live: &self.live,
            logged: &mut self.logged,
            message,
        };
        self.handler
            .run(view, message.stamp(), &*self.clock, &mut results);
        self.check_receive_buffer(message);
        self.renew_uploader();
    }

    fn replaced(&mut self, messages: u64) {
        self.shared.health().frame(&FrameOutcome {
            at: self.shared.at(),
            mode: None,
            stages: StageTimes::default(),
            gpu: None,
            latency: None,
            age: None,
            fate: FrameFate::Replaced(messages),
            verdict: None,
        });
    }

    fn idle(&mut self) {
        self.attend();
        if !self.off {
            self.tick();
        }
    }
}

impl Frames {
    /// What others asked for since.
    fn attend(&mut self) {
        // before the question whether it is enabled: who disables it after that has a trip of his own
        if let Some(held) = self.shared.board.latched(TripKind::Disabled) {
            if !self.off {
                self.switched_off();
            }
            self.off = !self.shared.is_enabled();
            if !self.off {
                self.shared.board.acknowledge(held);
            }
        }
        while let Ok(request) = self.commands.try_recv() {
            // who asked does not wait any more where it cannot be taken
            if request.take() {
                request.answer(self.reset());
            }
        }
        if self.shared.live_changed(&mut self.version) {
            self.live = self.shared.live();
            let judges = match self.live.threshold {
                Some(threshold) => self.judges.with_threshold(self.score, threshold),
                None => self.judges,
            };
            self.handler.pipeline_mut().set_judges(judges);
        }
    }

    fn reset(&mut self) -> Result<String, String> {
        if self.off {
            return Err("no frames are judged: a service disabled it".to_owned());
        }
        let verdict = self.handler.reset(&*self.clock);
        self.tell_of(&verdict);
        match verdict.reason {
            Reason::ResetPending { .. } => Ok(verdict.reason.to_string()),
            reason if verdict.state == State::Stop => Err(format!("refused: {reason}")),
            reason => Err(format!("nothing to reset: {}: {reason}", verdict.state)),
        }
    }

    /// From here on no frame is judged, and the flag is up.
    pub(super) fn switched_off(&mut self) {
        let verdict = self.handler.fail(Failure::Disabled, &*self.clock);
        self.tell_of(&verdict);
    }

    /// The source broke; the flag is up.
    pub(super) fn source_lost(&mut self) {
        let verdict = self.handler.fail(Failure::Source, &*self.clock);
        self.tell_of(&verdict);
    }

    /// A verdict without a frame.
    fn tell_of(&self, verdict: &Verdict) {
        let now = self.clock.now();
        let age = verdict.capture_stamp.map(|s| now.saturating_since(s));
        let live = LiveStatus {
            mode: Some("none"),
            fate: None,
            age_nanos: age.map(nanos),
        };
        self.shared.tell(&live);
        self.note_verdict(verdict);
    }

    /// For the diagnostics.
    fn note_verdict(&self, verdict: &Verdict) {
        let now = self.clock.now();
        let age = verdict.capture_stamp.map(|s| now.saturating_since(s));
        self.shared.health().verdict(age);
    }

    /// Time passed without a message. Published where the state changes.
    fn tick(&mut self) {
        let (verdict, changed) = self.handler.tick(&*self.clock);
        if changed {
            self.tell_of(&verdict);
        } else {
            self.note_verdict(&verdict);
        }
    }

    /// The first frame shows whether the sockets can hold such frames.
    fn check_receive_buffer(&mut self, message: &CameraMessage) {
        let Some(buffer) = self.receive_buffer.take() else {
            return;
        };
        let checked = match buffer.warning(message.len()) {
            Some(warning) => {
                log::warn!("{warning}");
                Err(warning)
            }
            None => Ok(()),
        };
        self.shared.health().set_receive_buffer(checked);
    }

    /// What sends pixels ahead broke: the engine that it belongs to is opened again, and after that, and
    /// after any other repair, it is that of the new engine.
    fn renew_uploader(&mut self) {
        let ahead = Arc::clone(&self.ahead);
        // busy with a copy: after the next frame, then
        let Ok(mut ahead) = ahead.try_lock() else {
            return;
        };
        if let Some(panic) = ahead.broken.take() {
            let verdict = self.handler.lose_engine(panic, &*self.clock);
            self.tell_of(&verdict);
        }
        if ahead.repairs != self.handler.repairs() {
            ahead.repairs = self.handler.repairs();
            ahead.upload = self.handler.pipeline().uploader();
        }
    }
}

/// What people look at.
pub(super) trait Pictures: Send {
    /// Of a frame whose verdict was out in time.
    fn publish(
        &mut self,
        message: &CameraMessage,
        judged: &Judged,
        shown: (&Frame, &Pipeline),
        live: &LiveSettings,
    );
}

impl Pictures for Outputs {
    fn publish(
        &mut self,
        message: &CameraMessage,
        judged: &Judged,
        (frame, pipeline): (&Frame, &Pipeline),
        live: &LiveSettings,
    ) {
        let header = message.header();
        let (out, mask) = (self, pipeline.mask());
        if out.wants(Output::AnomalyMask) {
            out.publish_mask(header, mask);
        }
        if out.wants(Output::Regions) {
            let map = (mask.width(), mask.height());
            let picture = (frame.width(), frame.height());
            out.publish_regions(header, pipeline.regions(), map, picture);
        }
        if out.wants(Output::AnomalyMaskCompressed) {
            out.publish_mask_compressed(header, mask);
        }
        if out.wants(Output::ScoreMap) {
            out.publish_score_map(header, pipeline.score_map());
        }
        if out.wants(Output::Overlay) {
            let (quality, width) = (live.overlay_quality, live.overlay_max_width);
            out.publish_overlay(header, frame, mask, quality, width);
        }
        if out.wants(Output::ProcessingTime) {
            out.publish_processing_time(ms(judged.decode_at.elapsed()));
        }
        if let (true, Some(age)) = (out.wants(Output::PipelineLatency), judged.age) {
            out.publish_pipeline_latency(ms(age));
        }
    }
}

/// Where the results of one message go.
struct Results<'a> {
    shared: &'a Shared,
    pictures: &'a mut dyn Pictures,
    road: &'a mut Road,
    live: &'a LiveSettings,
    logged: &'a mut Option<Instant>,
    message: &'a CameraMessage,
}

impl Sink for Results<'_> {
    fn verdict(&mut self, judged: &Judged) {
        self.shared.tell(&LiveStatus {
            mode: Some(judged.mode()),
            fate: Some(judged.fate),
            age_nanos: judged.age.map(nanos),
        });
    }

    fn pictures(&mut self, judged: &Judged, frame: &Frame, pipeline: &Pipeline) {
        if !judged.is_shown() {
            return;
        }
        if judged.fate == FrameFate::InTime {
            self.pictures
                .publish(self.message, judged, (frame, pipeline), self.live);
        }
        self.road.seen((frame.width(), frame.height()), self.shared);
    }

    fn done(&mut self, judged: &Judged, stages: StageTimes, _: &Pipeline) {
        self.note(judged, stages);
        self.log(judged);
    }
}

impl Results<'_> {
    fn note(&self, judged: &Judged, stages: StageTimes) {
        let at = self.shared.at();
        let mut health = self.shared.health();
        match (&judged.error, &judged.outcome) {
            (Some(error), None) => health.malformed(at, error),
            _ => health.frame(&FrameOutcome {
                at,
                mode: judged.score().map(|_| judged.mode()),
                stages,
                gpu: judged.gpu(),
                latency: Some(judged.decode_at.elapsed()),
                age: judged.age,
                fate: judged.fate,
                verdict: Some(judged.verdict),
            }),
        }
    }

    fn log(&mut self, judged: &Judged) {
        let Some(error) = &judged.error else {
            return;
        };
        let again = self.logged.is_none_or(|at| at.elapsed() >= LOG_AGAIN);
        if again {
            *self.logged = Some(Instant::now());
            let stamp = judged
                .stamp
                .map_or_else(String::new, |s| format!(" of {s}"));
            log::warn!("frame{stamp}: {error}");
        }
    }
}

/// What sends pixels ahead, from the thread that takes messages.
pub(super) struct Ahead {
    upload: Option<Box<dyn Upload>>,
    /// The panic that ended it.
    broken: Option<Contained>,
    /// Of the engine that it belongs to.
    repairs: u64,
}

impl Ahead {
    pub(super) fn new(upload: Option<Box<dyn Upload>>, repairs: u64) -> Self {
        Self {
            upload,
            broken: None,
            repairs,
        }
    }
}

/// A source that tells of every message that comes in, and sends its pixels ahead to an engine that takes
/// them.
pub(super) struct Counted<S> {
    pub(super) source: S,
    pub(super) shared: Arc<Shared>,
    pub(super) ahead: Arc<Mutex<Ahead>>,
}

impl<S: Source<CameraMessage>> Source<CameraMessage> for Counted<S> {
    fn fetch(&mut self, message: &mut CameraMessage) -> Result<bool, String> {
        let more = self.source.fetch(message)?;
        if more {
            let at = self.shared.at();
            self.shared.health().received(at);
            self.send_ahead(message);
        }
        Ok(more)
    }
}

impl<S> Counted<S> {
    pub(super) fn send_ahead(&mut self, message: &CameraMessage) {
        let mut ahead = self.ahead.lock().unwrap_or_else(PoisonError::into_inner);
        let (Some(upload), Ok(CameraView::Raw(view))) = (&mut ahead.upload, message.view()) else {
            return;
        };
        if let Ok(image) = RawImage::check(&view, Limits::default()) {
            // an engine that breaks must not take the camera's thread with it; nor may one be used on
            // that did
            match contain(|| upload.upload(&image)) {
                Ok(Ok(())) => {}
                Ok(Err(e)) => log::debug!("a frame is not sent ahead: {e}"),
                Err(panic) => {
                    ahead.upload = None;
                    ahead.broken = Some(panic);
                }
            }
        }
    }
}

fn ms(time: Duration) -> f64 {
    time.as_secs_f64() * 1e3
}

fn nanos(time: Duration) -> i64 {
    i64::try_from(time.as_nanos()).unwrap_or(i64::MAX)
}
