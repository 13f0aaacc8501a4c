//! One frame's work, up to what the supervisor is told: networks, scores, mask, regions, quality.

use std::time::Instant;

use super::{FrameTimes, PipelineError, Settings, StopLevels};
use crate::decide::{
    AnomalyMask, GroundCorridor, MapSize, Motion, Observation, RegionFinder, Regions, Sightings,
    Tracker, Watch, sightings, threshold,
};
use crate::engine::{Engine, EngineError, Mode, Perception};
use crate::frame::{Frame, Quality, QualityMeter};
use crate::schedule::Admission;
use crate::score::{ScoreMap, ScoreStats, score};
use crate::time::{Clock, Stamp};

/// What a frame is worked on with; may be half done after a panic, and is wholly overwritten by the
/// next frame. Buffers grow with the first one.
#[derive(Default)]
pub(super) struct Work {
    meter: QualityMeter,
    pub(super) map: ScoreMap,
    pub(super) mask: AnomalyMask,
    finder: RegionFinder,
    pub(super) regions: Regions,
    pub(super) sightings: Sightings,
    pub(super) tracker: Tracker,
    pub(super) motion: Motion,
    /// Capture stamp of the last frame that the tracks took.
    last: Option<Stamp>,
    /// What the last frame changed of the tracks, until it is taken back.
    before: Option<Before>,
    /// Whether the picture of the last frame is blurred.
    pub(super) blurred: bool,
}

/// The tracks as a frame found them.
struct Before {
    tracker: Tracker,
    last: Option<Stamp>,
    mode: Mode,
}

/// What the supervisor is told of a frame, and who else wants to know.
pub(super) struct Observed {
    pub(super) observation: Observation,
    pub(super) stats: ScoreStats,
}

/// Runs the networks; goes on without the observer when the admission finds that it would be too
/// late.
pub(super) fn perceive(
    engine: &mut dyn Engine,
    frame: &Frame,
    mode: &mut Mode,
    admission: &mut Option<Admission>,
    clock: &dyn Clock,
) -> Result<(), EngineError> {
    if mode.observer && !engine.has_observer() {
        return Err(EngineError::NoObserver);
    }
    let (true, Some(admission)) = (mode.observer, admission) else {
        // nobody asks in between, so an engine may do both at one go
        return engine.run(frame, *mode).map(|_| ());
    };
    engine.segment(frame, mode.resolution)?;
    let age = clock.now().saturating_since(frame.stamp());
    if !admission.observer_fits(age) {
        *mode = mode.without_observer();
        return Ok(());
    }
    engine.observe()
}

impl Work {
    /// What is to be seen in what the networks made of a frame, as its mode is judged.
    pub(super) fn observe(
        &mut self,
        perception: &Perception,
        frame: &Frame,
        (mode, settings, corridor): (Mode, &Settings, &mut GroundCorridor),
        times: &mut FrameTimes,
    ) -> Result<Observed, PipelineError> {
        self.before = None;
        times.engine = perception.times();
        let scoring = Instant::now();
        let judge = settings
            .judges
            .of(mode)
            .ok_or(PipelineError::NoJudge { mode })?;
        let (stats, masked, deciding) = match perception.scored() {
            // of an engine that judges where it runs
            Some(scored) if scored.judge == Some(judge) => {
                self.map.copy_from(&scored.map);
                self.mask.copy_from(&scored.mask);
                (scored.stats, scored.masked, Instant::now())
            }
            _ => {
                let logits = perception.logits().ok_or(PipelineError::NoLogits)?;
                let observer = perception.observer();
                let stats = score(judge.score, logits, observer, &mut self.map)?;
                let deciding = Instant::now();
                let masked = threshold(&self.map, judge.threshold, &mut self.mask);
                (stats, masked, deciding)
            }
        };
        times.score = deciding - scoring;
        let pixels = count(self.map.values().len());
        let size = MapSize {
            width: self.map.width(),
            height: self.map.height(),
        };
        corridor.fit((frame.width(), frame.height()), size);
        let levels = &settings.stop_levels;
        let on_ground = corridor.is_on_ground();
        let watch = settings.watch(mode, on_ground);
        let level = levels
            .of(mode)
            .filter(|_| on_ground && watch == Watch::Counts);
        let min_region_ppm = level.map_or(settings.min_region_ppm, |level| level.min_region_ppm);
        self.finder.min_area = share(pixels, min_region_ppm);
        self.finder.sure_from = judge.sure_from();
        self.finder
            .find(&self.mask, &self.map, &*corridor, &mut self.regions)?;
        sightings(
            &self.regions,
            &self.map,
            judge.threshold,
            corridor,
            &mut self.sightings,
        );
        self.motion.seconds = self.last.map_or(f32::INFINITY, |last| {
            frame.stamp().nanos_since(last) as f32 / 1e9
        });
        let quality: Quality = self.meter.measure(frame);
        self.blurred = settings.supervisor.quality.is_blurred(&quality);
        let tracked = level.map(|level| {
            self.before = Some(Before {
                tracker: self.tracker.clone(),
                last: self.last,
                mode,
            });
            match self.blurred {
                true => self.tracker.add(&self.sightings, self.motion, level),
                false => self.tracker.update(&self.sightings, self.motion, level),
            }
            self.tracker.tracked(corridor, level)
        });
        // the way during a frame that the tracks do not take belongs to the next that they take
        if level.is_some() || levels.is_empty() {
            self.last = Some(frame.stamp());
        }
        let observation = Observation {
            capture_stamp: frame.stamp(),
            pixels,
            non_finite: count(stats.non_finite),
            score_min: stats.min,
            score_max: stats.max,
            anomalous_pixels: count(masked.anomalous),
            corridor_pixels: self.regions.corridor_area,
            nearest: self.regions.nearest,
            tracked,
            quality: Some(quality),
            size: Some((frame.width(), frame.height())),
            watch,
            fallback: settings
                .best_mode()
                .is_ok_and(|best| mode.index() > best.index()),
        };
        times.decide = deciding.elapsed();
        Ok(Observed { observation, stats })
    }

    /// The last frame counts for nothing: the tracks are as it found them, and its time belongs to the next.
    pub(super) fn take_back(&mut self) {
        if let Some(before) = self.before.take() {
            (self.tracker, self.last) = (before.tracker, before.last);
        }
    }

    /// The verdict on the last frame came too late. What it showed was there, and what it did not show may
    /// be there now.
    pub(super) fn came_late(&mut self, levels: &StopLevels) {
        let Some(before) = self.before.take() else {
            return;
        };
        if let Some(level) = levels.of(before.mode) {
            self.tracker = before.tracker;
            self.tracker.add(&self.sightings, self.motion, level);
        }
    }

    /// Forgets the tracks.
    pub(super) fn forget_tracks(&mut self) {
        self.tracker.clear();
        self.before = None;
    }
}

fn count(n: usize) -> u32 {
    u32::try_from(n).unwrap_or(u32::MAX)
}

/// So many parts per million of `pixels`, rounded up, at least one.
fn share(pixels: u32, ppm: u32) -> u32 {
    let exact = (u64::from(pixels) * u64::from(ppm)).div_ceil(1_000_000);
    u32::try_from(exact.max(1)).unwrap_or(u32::MAX)
}
