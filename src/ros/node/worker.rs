//! What is done with camera messages while the node is active.

use std::convert::Infallible;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::sync::mpsc::Receiver;
use std::time::{Duration, Instant};

use super::super::clock::RosClock;
use super::super::message::CameraMessage;
use super::super::outputs::{Output, Outputs};
use super::super::parameters::LiveSettings;
use super::super::participant::ReceiveBuffer;
use super::road::Road;
use super::shared::{Command, Shared};
use crate::decide::{Failure, Verdict};
use crate::engine::Upload;
use crate::frame::{CameraView, Limits, RawImage};
use crate::live::{Source, Worker};
use crate::msg::LiveStatus;
use crate::pipeline::{FrameHandler, Judged, Judges, OpenEngine};
use crate::profile::{FrameFate, FrameOutcome, Stage, StageTimes};
use crate::score::ScoreKind;
use crate::time::Clock;

/// A frame that cannot be judged is logged this often at most; the status tells of every one.
const LOG_AGAIN: Duration = Duration::from_secs(1);

/// The thread that handles frames.
pub(super) struct Frames {
    pub(super) shared: Arc<Shared>,
    pub(super) handler: FrameHandler,
    pub(super) outputs: Outputs,
    pub(super) clock: Arc<RosClock>,
    pub(super) road: Road,
    pub(super) open: OpenEngine,
    /// As calibrated.
    pub(super) judges: Judges,
    pub(super) score: ScoreKind,
    pub(super) bundle_hash: String,
    pub(super) receive_buffer: Option<ReceiveBuffer>,
    pub(super) commands: Receiver<Command>,
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
        self.check_receive_buffer(message);
        self.road.update(self.handler.pipeline_mut(), &self.shared);
        let view = message.view().map_err(str::to_owned);
        let mut judged = self.handler.judge(view, message.stamp(), &*self.clock);
        self.log(&judged);

        // the verdict goes out before anything that only people look at
        let (shared, bundle) = (&self.shared, self.bundle_hash.as_str());
        let handed_out = self.handler.hand_out(&mut judged, &*self.clock, |judged| {
            let live = LiveStatus {
                mode: Some(judged.mode()),
                fate: Some(judged.fate),
                age_nanos: judged.age.map(nanos),
            };
            shared.tell(&judged.verdict, bundle, &live);
            Ok::<(), Infallible>(())
        });
        if let Ok(true) = handed_out {
            log::warn!("a verdict came out after its deadline and is taken back");
        }
        if judged.fate == FrameFate::InTime && judged.is_shown() {
            self.publish_pictures(message, &judged);
        }
        if judged.is_shown() {
            let frame = self.handler.frame();
            self.road
                .seen((frame.width(), frame.height()), &self.shared);
        }
        let mut stages = judged.stages();
        stages.add(Stage::Publish, judged.publish_at.elapsed());
        self.handler.done(&judged, &stages);
        self.note(&judged, stages);
        self.repair();
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
        let off = !self.shared.is_enabled();
        if off && !self.off {
            self.switched_off();
        }
        self.off = off;
        while let Ok(Command::Reset(reply)) = self.commands.try_recv() {
            let verdict = self.handler.reset(&*self.clock);
            self.tell_of(&verdict);
            // whoever asked may have gone
            let _ = reply.try_send(verdict);
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
        self.shared.tell(verdict, &self.bundle_hash, &live);
        self.note_verdict(verdict);
    }

    /// For the diagnostics.
    fn note_verdict(&self, verdict: &Verdict) {
        let now = self.clock.now();
        let age = verdict.capture_stamp.map(|s| now.saturating_since(s));
        let at = self.shared.at();
        self.shared.health().verdict(at, *verdict, age);
    }

    /// Time passed without a message. Published where the state changes.
    fn tick(&mut self) {
        let (verdict, changed) = self.handler.tick(&*self.clock);
        if changed {
            log::warn!("{}: {}", verdict.state, verdict.reason);
            self.tell_of(&verdict);
        } else {
            self.note_verdict(&verdict);
        }
    }

    fn publish_pictures(&mut self, message: &CameraMessage, judged: &Judged) {
        let header = message.header();
        let (out, pipeline) = (&mut self.outputs, self.handler.pipeline());
        let (frame, mask) = (self.handler.frame(), pipeline.mask());
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
            let (quality, width) = (self.live.overlay_quality, self.live.overlay_max_width);
            out.publish_overlay(header, frame, mask, quality, width);
        }
        if out.wants(Output::ProcessingTime) {
            out.publish_processing_time(ms(judged.decode_at.elapsed()));
        }
        if let (true, Some(age)) = (out.wants(Output::PipelineLatency), judged.age) {
            out.publish_pipeline_latency(ms(age));
        }
    }

    fn note(&self, judged: &Judged, stages: StageTimes) {
        let at = self.shared.at();
        let mut health = self.shared.health();
        match (&judged.error, &judged.outcome) {
            (Some(error), None) => health.malformed(at, error, judged.verdict),
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
            self.logged = Some(Instant::now());
            let stamp = judged
                .stamp
                .map_or_else(String::new, |s| format!(" of {s}"));
            log::warn!("frame{stamp}: {error}");
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

    /// Opens the engine again after a panic took it. The flag is up until that is done.
    fn repair(&mut self) {
        match self.handler.repair(&mut self.open) {
            Ok(true) => log::warn!("the engine was opened again after a panic"),
            Ok(false) => {}
            Err(e) => log::error!("the engine cannot be opened again: {e}"),
        }
    }
}

/// A source that tells of every message that comes in, and sends its pixels ahead to an engine that takes
/// them.
pub(super) struct Counted<S> {
    pub(super) source: S,
    pub(super) shared: Arc<Shared>,
    pub(super) ahead: Option<Box<dyn Upload>>,
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
    fn send_ahead(&mut self, message: &CameraMessage) {
        let (Some(ahead), Ok(CameraView::Raw(view))) = (&mut self.ahead, message.view()) else {
            return;
        };
        if let Ok(image) = RawImage::check(&view, Limits::default()) {
            // an engine that breaks must not take the camera's thread with it; nor may one be used on
            // that did
            let sent = catch_unwind(AssertUnwindSafe(|| ahead.upload(&image)));
            match sent {
                Ok(Ok(())) => {}
                Ok(Err(e)) => log::debug!("a frame is not sent ahead: {e}"),
                Err(_) => self.ahead = None,
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
