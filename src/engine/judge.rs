//! Which pixels are anomalous, mode by mode. Engines know it so that one on a GPU can judge where it
//! runs, and only what came of it has to be brought back.

use super::Mode;
use crate::model::{Manifest, ThresholdAt};
use crate::score::ScoreKind;

/// Which score is compared with which threshold.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Judge {
    /// Which score.
    pub score: ScoreKind,
    /// Anomalous where the score is above; 0..=1.
    pub threshold: f32,
}

/// A judge for every mode that may run. Thresholds are not shared: scores spread differently at
/// another resolution.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Judges([Option<Judge>; Mode::ALL.len()]);

impl Judges {
    /// One mode.
    pub fn one(mode: Mode, judge: Judge) -> Self {
        let mut judges = Self::default();
        judges.0[mode.index()] = Some(judge);
        judges
    }

    /// Every mode that the bundle has a calibrated threshold for: `score` where the mode can give
    /// it, `fallback` (a score of the logits) in the modes without the observer.
    pub fn calibrated(
        manifest: &Manifest,
        score: ScoreKind,
        fallback: ScoreKind,
        at: ThresholdAt,
    ) -> Self {
        let mut judges = Self::default();
        for mode in Mode::ALL {
            let score = match mode.observer {
                true if !score.needs_observer() => continue, // the observer would run for nothing
                true => score,
                false if score.needs_observer() => fallback,
                false => score,
            };
            let threshold = manifest.threshold(score, mode.name(), at);
            judges.0[mode.index()] = threshold.map(|threshold| Judge { score, threshold });
        }
        judges
    }

    /// The same with another threshold wherever that score is compared.
    #[must_use]
    pub fn with_threshold(mut self, score: ScoreKind, threshold: f32) -> Self {
        for judge in self.0.iter_mut().flatten().filter(|j| j.score == score) {
            judge.threshold = threshold;
        }
        self
    }

    /// The judge of a mode.
    pub fn of(&self, mode: Mode) -> Option<Judge> {
        self.0[mode.index()]
    }

    /// The modes that have one, the best first.
    pub fn modes(&self) -> impl Iterator<Item = Mode> + '_ {
        Mode::ALL
            .into_iter()
            .filter(|&mode| self.of(mode).is_some())
    }
}
