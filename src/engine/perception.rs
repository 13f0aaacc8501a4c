use std::time::Duration;

use super::{EngineError, Judge};
use crate::decide::{AnomalyMask, MaskStats};
use crate::score::{Planes, ScoreMap, ScoreStats};

/// What the networks made of a frame. Planar f32 at low resolution; buffers are kept from frame to
/// frame.
#[derive(Clone, Debug, Default)]
pub struct Perception {
    pub(super) classes: usize,
    pub(super) width: usize,
    pub(super) height: usize,
    pub(crate) logits: Vec<f32>,
    pub(crate) observer: Vec<f32>,
    pub(super) has_observer: bool,
    pub(super) scored: Scored,
    pub(super) is_scored: bool,
    pub(super) input: (u32, u32),
    pub(super) times: EngineTimes,
}

/// What an engine that judges where it runs made of a frame.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Scored {
    /// Whose work it is; `None` where there is nothing.
    pub judge: Option<Judge>,
    /// The scores.
    pub map: ScoreMap,
    /// Where they pass the threshold.
    pub mask: AnomalyMask,
    /// The class of each pixel, row-major; [`NO_CLASS`](crate::score::NO_CLASS) where a logit is not
    /// finite.
    pub classes: Vec<u8>,
    /// Of the scores.
    pub stats: ScoreStats,
    /// Of the mask.
    pub masked: MaskStats,
}

/// Where the time of one run went, on a monotonic clock.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct EngineTimes {
    /// Resizing and normalising.
    pub preprocess: Duration,
    /// Segmentation network.
    pub segmentation: Duration,
    /// The head; zero where none ran.
    pub observer: Duration,
    /// The same as the GPU's own clock saw it, where there is one.
    pub gpu: Option<GpuTimes>,
}

/// What the stages took on the GPU, between events on its stream. The times above are the CPU's: they
/// have the asking and the waiting in them too. Zero is also a time that could not be read.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct GpuTimes {
    /// The CPU's time until all was asked for; the GPU works meanwhile.
    pub enqueue: Duration,
    /// Decoding, resizing, normalising; with the copy of the parameters, without that of the picture.
    pub preprocess: Duration,
    /// Segmentation network.
    pub segmentation: Duration,
    /// The head; zero where none ran.
    pub observer: Duration,
    /// Scores, classes, mask, counts; of both parts.
    pub judge: Duration,
    /// Copies of results to the CPU; of both parts.
    pub download: Duration,
}

impl GpuTimes {
    /// The GPU's stages together, without the enqueueing; `None` where the time of a stage that every
    /// run has could not be read. Saturates.
    pub fn total(&self) -> Option<Duration> {
        let always = [self.preprocess, self.segmentation];
        let others = [self.observer, self.judge, self.download];
        let known = always.iter().all(|time| !time.is_zero());
        known.then(|| {
            let all = always.into_iter().chain(others);
            all.fold(Duration::ZERO, Duration::saturating_add)
        })
    }
}

impl Perception {
    /// Width and height of the network input that the frame was resized to.
    pub fn input_size(&self) -> (u32, u32) {
        self.input
    }

    /// Width and height of the logits.
    pub fn size(&self) -> (usize, usize) {
        (self.width, self.height)
    }

    /// Logits of the segmentation network, a plane a class. `None` before the first run.
    pub fn logits(&self) -> Option<Planes<'_>> {
        Planes::new(self.classes, self.height, self.width, &self.logits).ok()
    }

    /// Logits of the head, one plane, where it ran; whatever its kind, they are logits here.
    pub fn observer(&self) -> Option<Planes<'_>> {
        if !self.has_observer {
            return None;
        }
        Planes::new(1, self.height, self.width, &self.observer).ok()
    }

    /// What the engine judged by itself; `None` from an engine that does not, or without a judge for
    /// the mode that ran.
    pub fn scored(&self) -> Option<&Scored> {
        self.is_scored.then_some(&self.scored)
    }

    /// Where the time went.
    pub fn times(&self) -> EngineTimes {
        self.times
    }

    /// For an engine outside of this crate: planes of that width and height, those of the classes one
    /// after the other, and the head's logits where it ran.
    pub fn of_planes(
        (width, height): (usize, usize),
        logits: Vec<f32>,
        observer: Option<Vec<f32>>,
    ) -> Self {
        Self {
            classes: logits.len() / (width * height).max(1),
            width,
            height,
            logits,
            has_observer: observer.is_some(),
            observer: observer.unwrap_or_default(),
            ..Self::default()
        }
    }

    /// The same on a GPU that took so long, or on none.
    #[cfg(test)]
    pub(crate) fn set_gpu(&mut self, gpu: Option<GpuTimes>) {
        self.times.gpu = gpu;
    }

    /// Forgets the last frame; the buffers stay.
    pub(super) fn clear(&mut self) {
        self.logits.clear();
        self.observer.clear();
        self.has_observer = false;
        self.is_scored = false;
        (self.classes, self.width, self.height) = (0, 0, 0);
        self.times = EngineTimes::default();
    }

    /// The broken weights that a run on a harmless frame shows.
    pub(super) fn check_finite(
        &self,
        engine: &'static str,
        logits: &str,
        observer: Option<&str>,
    ) -> Result<(), EngineError> {
        let tensors = [(Some(logits), &self.logits), (observer, &self.observer)];
        for (tensor, values) in tensors {
            let count = values.iter().filter(|v| !v.is_finite()).count();
            if let (Some(tensor), 1..) = (tensor, count) {
                let tensor = tensor.to_owned();
                return Err(EngineError::NonFinite {
                    engine,
                    tensor,
                    count,
                });
            }
        }
        Ok(())
    }
}
