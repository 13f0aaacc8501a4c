//! Where the results of a camera message go: status, pictures, diagnostics, log.

use std::time::{Duration, Instant};

use super::super::message::CameraMessage;
use super::super::outputs::{Output, Outputs};
use super::super::parameters::LiveSettings;
use super::corridor::CorridorUpdater;
use super::state::NodeState;
use crate::frame::Frame;
use crate::pipeline::{Judged, Pipeline, Sink};
use crate::profile::FrameOutcome;
use crate::repeats::Repeats;
use crate::stages::{FrameFate, StageTimes};
use crate::status::LiveStatus;

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
pub(super) struct FrameSink<'a> {
    pub(super) shared: &'a NodeState,
    pub(super) pictures: &'a mut dyn Pictures,
    pub(super) corridor: &'a mut CorridorUpdater,
    pub(super) live: &'a LiveSettings,
    /// What was logged of frames that could not be judged; the status reports every one.
    pub(super) repeats: &'a mut Repeats,
    pub(super) message: &'a CameraMessage,
}

impl Sink for FrameSink<'_> {
    fn verdict(&mut self, judged: &Judged) {
        self.shared.publish_status(&LiveStatus {
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
        let size = (frame.width(), frame.height());
        self.corridor
            .report_ground(pipeline, size, self.shared, self.repeats);
    }

    fn done(&mut self, judged: &Judged, stages: StageTimes) {
        self.note(judged, stages);
        self.log(judged);
    }
}

impl FrameSink<'_> {
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
                mean_score: judged.score().map(|score| score.mean),
            }),
        }
    }

    fn log(&mut self, judged: &Judged) {
        let error = judged.error.as_ref();
        if let Some(line) = error.and_then(|e| e.line(self.repeats, Instant::now())) {
            let stamp = judged
                .stamp
                .map_or_else(String::new, |s| format!(" of {s}"));
            log::warn!("the frame{stamp} cannot be judged: {line}");
        }
    }
}

fn ms(time: Duration) -> f64 {
    time.as_secs_f64() * 1e3
}

pub(super) fn nanos(time: Duration) -> i64 {
    i64::try_from(time.as_nanos()).unwrap_or(i64::MAX)
}
