//! What is done with camera messages while the node is active.

use std::sync::mpsc::Receiver;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use super::super::clock::RosClock;
use super::super::message::CameraMessage;
use super::super::parameters::LiveSettings;
use super::super::participant::ReceiveBuffer;
use super::corridor::CorridorUpdater;
use super::judging::Judging;
use super::sink::{FrameSink, Pictures, nanos};
use super::source::EarlyUpload;
use super::state::{NodeState, ResetRequest};
use crate::decide::{Failure, Reason, State, Verdict};
use crate::live::Worker;
use crate::pipeline::FrameHandler;
use crate::profile::FrameOutcome;
use crate::repeats::Repeats;
use crate::stages::FrameFate;
use crate::status::LiveStatus;
use crate::time::Clock;
use crate::watchdog::TripKind;

/// The thread that handles frames.
pub(super) struct FrameWorker {
    pub(super) shared: Arc<NodeState>,
    pub(super) handler: FrameHandler,
    pub(super) pictures: Box<dyn Pictures>,
    pub(super) clock: Arc<RosClock>,
    pub(super) corridor: CorridorUpdater,
    pub(super) upload: Arc<Mutex<EarlyUpload>>,
    pub(super) judging: Judging,
    pub(super) receive_buffer: Option<ReceiveBuffer>,
    pub(super) commands: Receiver<ResetRequest>,
    pub(super) live: LiveSettings,
    /// Of `live`; not the present one at the start, so that it is looked at.
    pub(super) version: u64,
    /// Judging is disabled, and the status says so.
    pub(super) off: bool,
    pub(super) repeats: Repeats,
}

impl Worker<CameraMessage> for FrameWorker {
    fn handle(&mut self, message: &CameraMessage) {
        self.take_requests();
        if self.off {
            return;
        }
        let started = self.clock.started();
        self.shared.progress.set_without_clock(!started);
        if !started {
            // nobody can tell how old a frame is before there is a clock
            self.tick();
            return;
        }
        self.shared.progress.begin(self.shared.at());
        self.corridor
            .update(self.handler.pipeline_mut(), &self.shared);
        let view = message.view().map_err(str::to_owned);
        let mut sink = FrameSink {
            shared: &self.shared,
            pictures: &mut *self.pictures,
            corridor: &mut self.corridor,
            live: &self.live,
            repeats: &mut self.repeats,
            message,
        };
        self.handler
            .run(view, message.stamp(), &*self.clock, &mut sink);
        self.check_receive_buffer(message);
        self.renew_uploader();
        let without_engine = self.handler.pipeline().needs_repair();
        self.shared.progress.end(without_engine);
    }

    fn replaced(&mut self, messages: u64) {
        let replaced = FrameOutcome::untried(self.shared.at(), FrameFate::Replaced(messages));
        self.shared.health().frame(&replaced);
    }

    fn idle(&mut self) {
        self.take_requests();
        if !self.off {
            self.tick();
        }
    }
}

impl FrameWorker {
    /// Takes what services and parameters asked for since.
    fn take_requests(&mut self) {
        // before the question whether frames are judged: who ends that after it has a trip of his own
        if let Some(held) = self.shared.board.latched(TripKind::Disabled) {
            if !self.off {
                self.fail(Failure::Disabled);
            }
            self.off = !self.shared.judges();
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
            self.set_thresholds();
        }
    }

    /// Takes the thresholds that are in force now.
    fn set_thresholds(&mut self) {
        let judges = match self.judging.with(self.live.thresholds) {
            Ok(judges) => judges,
            // whoever sets such is refused: see `NodeControl::agrees`
            Err(why) => return log::error!("{why}"),
        };
        let pipeline = self.handler.pipeline_mut();
        if judges == pipeline.settings().judges {
            return;
        }
        pipeline.set_judges(judges);
        let (note, before) = (pipeline.settings().note(), self.shared.note());
        if note != before {
            if !note.is_empty() {
                log::warn!("{note}");
            }
            self.shared.set_note(&note);
        }
    }

    fn reset(&mut self) -> Result<String, String> {
        if self.off {
            let why = match self.shared.is_enabled() {
                true => "the node is not active any more",
                false => "a service disabled it",
            };
            return Err(format!("no frames are judged: {why}"));
        }
        let verdict = self.handler.reset(&*self.clock);
        self.publish(&verdict);
        match verdict.reason {
            Reason::ResetPending { .. } => Ok(verdict.reason.to_string()),
            reason if verdict.state == State::Stop => Err(format!("refused: {reason}")),
            reason => Err(format!("nothing to reset: {}: {reason}", verdict.state)),
        }
    }

    /// No frame is judged, because the source broke or judging is disabled; the flag is up.
    pub(super) fn fail(&mut self, failure: Failure) {
        let verdict = self.handler.fail(failure, &*self.clock);
        self.publish(&verdict);
    }

    /// A verdict without a frame.
    fn publish(&self, verdict: &Verdict) {
        let age = self.age_of(verdict);
        self.shared.publish_status(&LiveStatus {
            mode: Some("none"),
            fate: None,
            age_nanos: age.map(nanos),
        });
        self.shared.health().verdict(age);
    }

    fn age_of(&self, verdict: &Verdict) -> Option<Duration> {
        verdict.capture_stamp?.age(self.clock.now())
    }

    /// Time passed without a message. Published where the state changes.
    fn tick(&mut self) {
        let (verdict, changed) = self.handler.tick(&*self.clock);
        if changed {
            self.publish(&verdict);
        } else {
            self.shared.health().verdict(self.age_of(&verdict));
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
        self.shared.health().receive_buffer = Some(checked);
    }

    /// What sends pixels ahead broke: the engine that it belongs to is opened again, and after that, and
    /// after any other repair, it is that of the new engine.
    pub(super) fn renew_uploader(&mut self) {
        let upload = Arc::clone(&self.upload);
        // busy with a copy: after the next frame, then
        let Ok(mut upload) = upload.try_lock() else {
            return;
        };
        if let Some(panic) = upload.broken.take() {
            let verdict = self.handler.lose_engine(panic, &*self.clock);
            self.publish(&verdict);
        }
        if upload.repairs != self.handler.repairs() {
            upload.repairs = self.handler.repairs();
            upload.uploader = self.handler.pipeline().uploader();
        }
    }
}
