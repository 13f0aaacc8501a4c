//! What the GPU took by its own clock, apart from the CPU's stages.
//!
//! The CPU's stages have the asking and the waiting in them: a GPU's work lies within them, not
//! beside them. So these times are counted for themselves; they are in no sum with the CPU's, and
//! neither the latency model nor the admission sees them.

use super::{LatencyHistogram, LatencySummary};
use crate::engine::GpuTimes;
use serde::Serialize;
use std::time::Duration;

named! {
    /// A part of the work on one frame that the GPU times by itself, in the order of [`GpuTimes`].
    #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize)]
    #[serde(rename_all = "kebab-case")]
    pub enum GpuStage {
        /// Decode, resize, normalise; with the copy of the parameters, without that of the picture.
        Preprocess => "preprocess",
        /// Segmentation network.
        Segmentation => "segmentation",
        /// Observer network.
        Observer => "observer",
        /// Scores, classes, mask, counts.
        Judge => "judge",
        /// Copies of results to the CPU.
        Download => "download",
    }
}

impl GpuStage {
    /// Its time; `None` where it did not run or its time could not be read, which an engine both
    /// tells as zero.
    pub fn of(self, times: &GpuTimes) -> Option<Duration> {
        known(match self {
            Self::Preprocess => times.preprocess,
            Self::Segmentation => times.segmentation,
            Self::Observer => times.observer,
            Self::Judge => times.judge,
            Self::Download => times.download,
        })
    }
}

fn known(time: Duration) -> Option<Duration> {
    (!time.is_zero()).then_some(time)
}

/// Time of one of the GPU's stages, over the frames that it is known of.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct GpuStageSummary {
    /// Which.
    pub stage: GpuStage,
    /// How long it took.
    #[serde(flatten)]
    pub latency: LatencySummary,
}

/// The GPU's own times in numbers, over the frames that they are known of. They lie within the CPU's
/// stages and are never to be added to them.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct GpuSummary {
    /// The CPU's time until all was asked for; the GPU works meanwhile.
    pub enqueue: LatencySummary,
    /// Time of each stage on the GPU, in the order of [`GpuStage::ALL`].
    pub stages: Vec<GpuStageSummary>,
    /// The stages of a frame together ([`GpuTimes::total`]): what the GPU worked, without the copy of
    /// the picture and without the time between the two networks where they are asked for one by one.
    pub total: LatencySummary,
}

/// Counts the GPU's times in about 90 kB. Made once; adding does not allocate.
#[derive(Clone, Debug)]
pub(super) struct GpuTally {
    enqueue: LatencyHistogram,
    stages: [LatencyHistogram; GpuStage::COUNT],
    total: LatencyHistogram,
}

impl GpuTally {
    pub(super) fn new() -> Self {
        Self {
            enqueue: LatencyHistogram::coarse(),
            stages: std::array::from_fn(|_| LatencyHistogram::coarse()),
            total: LatencyHistogram::coarse(),
        }
    }

    pub(super) fn add(&mut self, times: &GpuTimes) {
        let stages = GpuStage::ALL.map(|stage| stage.of(times));
        let times = [known(times.enqueue), times.total()];
        let ends = [&mut self.enqueue, &mut self.total];
        let all = self.stages.iter_mut().zip(stages);
        for (histogram, time) in all.chain(ends.into_iter().zip(times)) {
            if let Some(time) = time {
                histogram.add(time);
            }
        }
    }

    /// `None` where no time is known.
    pub(super) fn summary(&self) -> Option<GpuSummary> {
        let any = self.histograms().any(|histogram| histogram.count() > 0);
        any.then(|| GpuSummary {
            enqueue: self.enqueue.summary(),
            stages: GpuStage::ALL
                .into_iter()
                .zip(&self.stages)
                .map(|(stage, histogram)| GpuStageSummary {
                    stage,
                    latency: histogram.summary(),
                })
                .collect(),
            total: self.total.summary(),
        })
    }

    pub(super) fn histograms(&self) -> impl Iterator<Item = &LatencyHistogram> {
        self.stages.iter().chain([&self.enqueue, &self.total])
    }
}

impl GpuSummary {
    /// What there is to show, in order: the CPU's asking, the stages that ran, all of the GPU's.
    pub(super) fn lines(&self) -> impl Iterator<Item = (&'static str, &LatencySummary)> {
        let stages = self.stages.iter().map(|s| (s.stage.name(), &s.latency));
        [("enqueue (CPU)", &self.enqueue)]
            .into_iter()
            .chain(stages)
            .chain([("GPU together", &self.total)])
            .filter(|(_, latency)| latency.count > 0)
    }
}

/// What has to be said wherever these times are shown beside the CPU's.
pub(super) const NOTE: &str =
    "The GPU's own times lie within the CPU's stages: they are not to be added.";

#[cfg(test)]
#[path = "gpu_tests.rs"]
mod tests;
