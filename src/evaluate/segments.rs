use std::collections::HashMap;

use super::error::same_length;
use super::{Components, EvaluateError, IGNORE};
use serde::Serialize;

/// Thresholds on sIoU and PPV that F1 is averaged over: .25, .30, ... .75.
const LEVELS: usize = 11;

/// Component metrics as SegmentMeIfYouCan defines them (Chan et al., arXiv 2104.14812), pooled
/// over any number of pictures.
///
/// A **thing** is an 8-connected component of the anomalous pixels, a **detection** one of the
/// pixels over the threshold that are not ignored. Detections of fewer than `min_component`
/// pixels are dropped. Things of less than a fifth of that are not looked for and their pixels
/// are ignored, as the benchmark does it (100 of 500 pixels, 10 of 50).
///
/// - **sIoU** of a thing: its pixels in detections, over its pixels and those pixels of the
///   detections that touch it which lie on no thing. So a detection that covers two things does
///   not count against either.
/// - **PPV** of a detection: the share of its pixels that lies on things.
/// - **F1** at a level: a thing whose sIoU reaches it is a true positive, else a false negative;
///   a detection whose PPV does not reach it is a false positive. Mean over 11 levels from .25 to
///   .75.
#[derive(Clone, Debug, PartialEq)]
pub struct Segments {
    min_component: u32,
    siou: f64,
    ppv: f64,
    things: u64,
    detections: u64,
    found: [u64; LEVELS],
    wrong: [u64; LEVELS],
}

/// Figures of [`Segments`]; one that has nothing to be made of is `None`.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct SegmentMetrics {
    /// Mean sIoU of the things, `0 ..= 1`.
    pub siou: Option<f64>,
    /// Mean PPV of the detections, `0 ..= 1`.
    pub ppv: Option<f64>,
    /// F1, mean over the levels, `0 ..= 1`.
    pub f1: Option<f64>,
    /// Things that were looked for.
    pub things: u64,
    /// Detections that were judged.
    pub detections: u64,
}

/// What is counted of a detection.
#[derive(Clone, Copy, Default)]
struct Detection {
    area: u64,
    on_things: u64,
}

/// Whether `part / whole` reaches a level, without rounding.
fn reaches(part: u64, whole: u64, level: usize) -> bool {
    20 * part >= (5 + level as u64) * whole
}

impl Segments {
    /// Detections of fewer pixels are dropped: 500 for anomalies, 50 for small obstacles.
    pub fn new(min_component: u32) -> Self {
        Self {
            min_component,
            siou: 0.0,
            ppv: 0.0,
            things: 0,
            detections: 0,
            found: [0; LEVELS],
            wrong: [0; LEVELS],
        }
    }

    /// Detections of fewer pixels are dropped.
    pub fn min_component(&self) -> u32 {
        self.min_component
    }

    /// Counts one picture of `width` columns: the components of its anomalous pixels, its mask
    /// (every value but 0 is over the threshold) and its labels.
    ///
    /// # Errors
    /// [`EvaluateError::LengthMismatch`].
    pub fn add(
        &mut self,
        width: usize,
        truth: &Components,
        mask: &[u8],
        labels: &[u8],
    ) -> Result<(), EvaluateError> {
        same_length(("mask pixels", mask.len()), ("labels", labels.len()))?;
        same_length(
            ("component numbers", truth.numbers().len()),
            ("labels", labels.len()),
        )?;
        let mut over = Components::default();
        over.find(width, mask.len(), |at| {
            mask[at] != 0 && labels[at] != IGNORE
        });
        let min_thing = self.min_component / 5;
        let mut detections = vec![Detection::default(); over.items().len()];
        // pixels of every thing in every detection that touches it
        let mut shared: HashMap<(u32, u32), u64> = HashMap::new();
        for (&thing, &detection) in truth.numbers().iter().zip(over.numbers()) {
            let Some(place) = detection.checked_sub(1).map(|at| at as usize) else {
                continue;
            };
            if over.items()[place].area < self.min_component {
                continue;
            }
            let on_thing = match thing.checked_sub(1) {
                Some(at) if truth.items()[at as usize].area < min_thing => continue,
                at => at.is_some(),
            };
            detections[place].area += 1;
            if on_thing {
                detections[place].on_things += 1;
                *shared.entry((thing, detection)).or_default() += 1;
            }
        }
        let mut touched = vec![(0, 0); truth.items().len()];
        for (&(thing, detection), &pixels) in &shared {
            let Detection { area, on_things } = detections[detection as usize - 1];
            let (inside, outside) = &mut touched[thing as usize - 1];
            *inside += pixels;
            *outside += area - on_things;
        }
        for (thing, (inside, outside)) in truth.items().iter().zip(touched) {
            if thing.area >= min_thing {
                self.add_thing(inside, u64::from(thing.area) + outside);
            }
        }
        for detection in detections.iter().filter(|d| d.area > 0) {
            self.add_detection(*detection);
        }
        Ok(())
    }

    fn add_thing(&mut self, inside: u64, union: u64) {
        self.things += 1;
        self.siou += inside as f64 / union as f64;
        for (level, found) in self.found.iter_mut().enumerate() {
            *found += u64::from(reaches(inside, union, level));
        }
    }

    fn add_detection(&mut self, Detection { area, on_things }: Detection) {
        self.detections += 1;
        self.ppv += on_things as f64 / area as f64;
        for (level, wrong) in self.wrong.iter_mut().enumerate() {
            *wrong += u64::from(!reaches(on_things, area, level));
        }
    }

    /// The figures so far.
    pub fn metrics(&self) -> SegmentMetrics {
        let mean = |sum: f64, count: u64| (count > 0).then(|| sum / count as f64);
        let f1 = |(&found, &wrong): (&u64, &u64)| {
            let missed = self.things - found;
            2.0 * found as f64 / (2 * found + missed + wrong) as f64
        };
        let levels = self.found.iter().zip(&self.wrong);
        // without a thing, a level at which no detection is wrong is 0 / 0
        let any = self.things > 0 || self.wrong.iter().all(|&wrong| wrong > 0);
        SegmentMetrics {
            siou: mean(self.siou, self.things),
            ppv: mean(self.ppv, self.detections),
            f1: any.then(|| levels.map(f1).sum::<f64>() / LEVELS as f64),
            things: self.things,
            detections: self.detections,
        }
    }
}
