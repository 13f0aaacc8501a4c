use super::error::same_length;
use super::{Components, EvaluateError};
use serde::Serialize;

/// Smallest longer side of each size class, in pixels.
const SIDES: [u32; 4] = [0, 6, 16, 48];

/// How many things are seen. A **thing** is an 8-connected component of the anomalous pixels; it
/// is **found** when at least a fifth of its pixels is in the anomaly mask. Its size is the longer
/// side of the rectangle round it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Things {
    classes: [Found; SIDES.len()],
}

/// Things found, of how many.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Found {
    /// Things found.
    pub found: u64,
    /// Things that there are.
    pub things: u64,
}

/// Figures of [`Things`].
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct ThingMetrics {
    /// By size, the smallest first.
    pub classes: Vec<ThingClass>,
    /// Of every size.
    pub all: ThingClass,
}

/// The things of some size.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct ThingClass {
    /// The longer side is at least this many pixels.
    pub from: u32,
    /// And less than this; `None` without a limit.
    pub to: Option<u32>,
    /// Things found.
    pub found: u64,
    /// Things that there are.
    pub things: u64,
    /// Share found, `0 ..= 1`; `None` without things.
    pub share: Option<f64>,
}

impl Things {
    /// Counts one picture: the components of its anomalous pixels, and its anomaly mask (every
    /// value but 0 is anomalous). Returns what was counted.
    ///
    /// # Errors
    /// [`EvaluateError::LengthMismatch`].
    pub fn add(&mut self, truth: &Components, mask: &[u8]) -> Result<Found, EvaluateError> {
        let numbers = truth.numbers();
        same_length(
            ("component numbers", numbers.len()),
            ("mask pixels", mask.len()),
        )?;
        let mut inside = vec![0u64; truth.items().len() + 1];
        for (&number, _) in numbers.iter().zip(mask).filter(|(_, pixel)| **pixel != 0) {
            inside[number as usize] += 1;
        }
        let mut here = Found::default();
        for (thing, &inside) in truth.items().iter().zip(inside.iter().skip(1)) {
            let side = thing.width.max(thing.height);
            let class = SIDES.partition_point(|&from| from <= side) - 1;
            let found = u64::from(5 * inside >= u64::from(thing.area));
            for count in [&mut self.classes[class], &mut here] {
                count.found += found;
                count.things += 1;
            }
        }
        Ok(here)
    }

    /// The figures so far.
    pub fn metrics(&self) -> ThingMetrics {
        let class = |from: u32, to: Option<u32>, Found { found, things }: Found| ThingClass {
            from,
            to,
            found,
            things,
            share: (things > 0).then(|| found as f64 / things as f64),
        };
        let mut all = Found::default();
        for count in &self.classes {
            all.found += count.found;
            all.things += count.things;
        }
        let classes = SIDES.iter().zip(&self.classes).enumerate();
        ThingMetrics {
            classes: classes
                .map(|(at, (&from, &count))| class(from, SIDES.get(at + 1).copied(), count))
                .collect(),
            all: class(0, None, all),
        }
    }
}
