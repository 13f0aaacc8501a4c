//! How near an engine is to the reference: what both made of the same pictures.

use std::path::{Path, PathBuf};

use serde::Serialize;

use crate::engine::{EngineError, Mode, Perception};
use crate::frame::file::FileError;
use crate::model::{Acceptance, ModelError};
use crate::score::{NO_CLASS, ScoreError, ScoreKind, ScoreMap, argmax, score};

/// Parts of 0..=1 that scores are counted in.
const STEPS: usize = 10_000;

/// What two engines made of the same pictures in one mode, held against each other. The places that are
/// compared are those of the logits.
#[derive(Clone, Debug, Serialize)]
pub struct Agreement {
    /// Mode that both ran in.
    pub mode: &'static str,
    /// Score that is compared.
    pub score: ScoreKind,
    /// Pictures.
    pub pictures: usize,
    /// Places in all of them.
    pub places: u64,
    /// Share of the places whose class is the reference's, 0..=1; 0 without any place.
    pub label_agreement: f64,
    /// Greatest difference of a score; 1 where one of the two has none.
    pub score_difference: f32,
    /// Number of the picture that has it, from 0.
    pub worst_picture: usize,
    /// The bundle's threshold in this mode, where it has one.
    pub threshold: Option<f32>,
    /// The threshold that flags as many places through the other engine as that one does through the reference; none
    /// where that one flags none of them.
    pub recalibrated: Option<f32>,
    #[serde(skip)]
    same: u64,
    /// Places that the reference flags.
    #[serde(skip)]
    flagged: u64,
    /// How many of the other engine's scores are in each of [`STEPS`] parts of 0..=1.
    #[serde(skip)]
    spread: Vec<u64>,
    #[serde(skip)]
    buffers: Buffers,
}

#[derive(Clone, Debug, Default)]
struct Buffers {
    labels: [Vec<u8>; 2],
    maps: [ScoreMap; 2],
}

/// Why two results cannot be compared.
#[derive(Debug, thiserror::Error)]
pub enum CompareError {
    /// An engine gave no logits.
    #[error("an engine gave no logits")]
    NoLogits,
    /// The results have other sizes.
    #[error("the engines give {width}x{height} logits and {other_width}x{other_height}")]
    Sizes {
        /// Columns of the reference.
        width: usize,
        /// Rows of the reference.
        height: usize,
        /// Columns of the other.
        other_width: usize,
        /// Rows of the other.
        other_height: usize,
    },
    /// No score can be made of a result.
    #[error(transparent)]
    Score(#[from] ScoreError),
    /// An engine failed.
    #[error("{}: {source}", picture.display())]
    Engine {
        /// On which picture.
        picture: PathBuf,
        /// Why.
        source: Box<EngineError>,
    },
    /// A picture cannot be read.
    #[error(transparent)]
    File(#[from] FileError),
    /// A picture is not the bundle's.
    #[error(transparent)]
    Model(#[from] ModelError),
}

impl Agreement {
    /// Of no picture yet; with the bundle's threshold of that score in that mode, where it has one.
    pub fn new(mode: Mode, score: ScoreKind, threshold: Option<f32>) -> Self {
        Self {
            mode: mode.name(),
            score,
            pictures: 0,
            places: 0,
            label_agreement: 0.0,
            score_difference: 0.0,
            worst_picture: 0,
            threshold,
            recalibrated: None,
            same: 0,
            flagged: 0,
            spread: vec![0; STEPS],
            buffers: Buffers::default(),
        }
    }

    /// What the reference and another engine made of the next picture.
    ///
    /// # Errors
    /// Results that cannot be compared.
    pub fn add(&mut self, reference: &Perception, other: &Perception) -> Result<(), CompareError> {
        let Buffers { labels, maps } = &mut self.buffers;
        let both = [reference, other];
        for ((perception, labels), map) in both.into_iter().zip(&mut *labels).zip(&mut *maps) {
            let logits = perception.logits().ok_or(CompareError::NoLogits)?;
            labels.clear();
            labels.resize(logits.width() * logits.height(), NO_CLASS);
            argmax(logits, labels)?;
            score(self.score, logits, perception.observer(), map)?;
        }
        let [want, got] = maps;
        if (want.width(), want.height()) != (got.width(), got.height()) {
            return Err(CompareError::Sizes {
                width: want.width(),
                height: want.height(),
                other_width: got.width(),
                other_height: got.height(),
            });
        }
        let scores = want.values().iter().zip(got.values());
        let worst = scores.map(|(a, b)| match (a.is_finite(), b.is_finite()) {
            (true, true) => (a - b).abs(),
            (false, false) => 0.0,
            _ => 1.0,
        });
        let worst = worst.fold(0.0, f32::max);
        if worst > self.score_difference {
            (self.score_difference, self.worst_picture) = (worst, self.pictures);
        }
        if let Some(threshold) = self.threshold {
            self.flagged += want.values().iter().filter(|&&v| v > threshold).count() as u64;
            for value in got.values().iter().filter(|value| value.is_finite()) {
                let step = (value.clamp(0.0, 1.0) * STEPS as f32) as usize;
                self.spread[step.min(STEPS - 1)] += 1;
            }
            self.recalibrated = flags_as_many(&self.spread, self.flagged);
        }
        let [want, got] = labels;
        self.same += want.iter().zip(&*got).filter(|(a, b)| a == b).count() as u64;
        self.places += want.len() as u64;
        self.pictures += 1;
        self.label_agreement = self.same as f64 / self.places.max(1) as f64;
        Ok(())
    }

    /// Whether it is within these limits; never without a picture.
    pub fn is_within(&self, limits: &Acceptance) -> bool {
        self.pictures > 0
            && self.label_agreement >= f64::from(*limits.label_agreement.get_ref())
            && self.score_difference <= *limits.score_difference.get_ref()
    }

    /// One line for people; the pictures are those that were compared, in their order.
    pub fn line(&self, pictures: &[PathBuf]) -> String {
        let worst = pictures.get(self.worst_picture).map(PathBuf::as_path);
        let threshold = match (self.threshold, self.recalibrated) {
            (Some(own), Some(other)) => {
                format!(
                    "; {other:.4} flags as many places as the threshold {own:.4} of the reference"
                )
            }
            _ => String::new(),
        };
        format!(
            "mode {}, {} pictures: labels agree on {:.2} %, the greatest difference of {} is {:.4} ({}){threshold}",
            self.mode,
            self.pictures,
            self.label_agreement * 100.0,
            self.score,
            self.score_difference,
            worst.unwrap_or(Path::new("")).display(),
        )
    }
}

/// The lower edge of the part of 0..=1 above which so many scores lie, to a part.
fn flags_as_many(spread: &[u64], flagged: u64) -> Option<f32> {
    if flagged == 0 {
        return None;
    }
    let mut above = 0;
    let mut best = (flagged, 1.0);
    for (step, count) in spread.iter().enumerate().rev() {
        above += count;
        let apart = above.abs_diff(flagged);
        if apart < best.0 {
            best = (apart, step as f32 / spread.len() as f32);
        }
        if above >= flagged {
            break;
        }
    }
    Some(best.1)
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;

    /// Two classes in four places: the first where `class` is 0.
    pub(in crate::engine::acceptance) fn perception(classes: [u8; 4], largest: f32) -> Perception {
        let plane = |class: u8| classes.map(|c| if c == class { largest } else { 0.0 });
        Perception::of_planes((2, 2), [plane(0), plane(1)].concat(), None)
    }

    fn agreement() -> Agreement {
        Agreement::new(Mode::FULL_LOGITS, ScoreKind::MaxLogit, None)
    }

    #[test]
    fn classes_and_scores_are_held_against_the_references() {
        let mut found = agreement();
        let reference = perception([0, 0, 1, 1], 8.0);
        found.add(&reference, &reference).unwrap();
        assert_eq!((found.label_agreement, found.score_difference), (1.0, 0.0));
        assert!(found.is_within(&Acceptance::default()));
        // one of eight places, and a logit of 16 for 8: 8 of a range of 80
        found
            .add(&reference, &perception([0, 0, 1, 0], 16.0))
            .unwrap();
        assert_eq!((found.pictures, found.places), (2, 8));
        assert_eq!(found.label_agreement, 0.875);
        assert!((found.score_difference - 0.1).abs() < 1e-6);
        assert_eq!(found.worst_picture, 1);
        assert!(!found.is_within(&Acceptance::default()));
    }

    #[test]
    fn the_threshold_that_flags_as_many_is_found_for_the_other_engine() {
        // largest logits of 8 in all places of the reference, of 16 in the other's: 0.1 lower, as above
        let reference = perception([0, 0, 1, 1], 8.0);
        let other = perception([0, 0, 1, 1], 16.0);
        let score_of = |perception: &Perception| {
            let mut map = ScoreMap::default();
            score(
                ScoreKind::MaxLogit,
                perception.logits().unwrap(),
                None,
                &mut map,
            )
            .unwrap();
            map.values()[0]
        };
        let found = |threshold| {
            let mut found = Agreement::new(Mode::FULL_LOGITS, ScoreKind::MaxLogit, threshold);
            found.add(&reference, &other).unwrap();
            found
        };
        let told = found(Some(score_of(&reference) - 0.01));
        let recalibrated = told.recalibrated.unwrap();
        assert!(
            (recalibrated - score_of(&other)).abs() <= 1.0 / STEPS as f32,
            "{recalibrated}"
        );
        assert!(
            told.line(&[]).contains("flags as many places"),
            "{}",
            told.line(&[])
        );
        // nothing is flagged, or there is no threshold
        assert_eq!(found(Some(score_of(&reference) + 0.01)).recalibrated, None);
        assert_eq!(found(None).recalibrated, None);
        // of scores in the parts 0, 2 and 3 two are above the edge of the part 2
        assert_eq!(flags_as_many(&[5, 0, 1, 1], 2), Some(0.5));
    }

    #[test]
    fn a_score_that_only_one_of_them_has_is_as_far_off_as_can_be() {
        let mut found = agreement();
        let reference = perception([0, 0, 1, 1], 8.0);
        found
            .add(&reference, &perception([0, 0, 1, 1], f32::NAN))
            .unwrap();
        assert_eq!(found.score_difference, 1.0);
        assert_eq!(found.label_agreement, 0.0);
    }

    #[test]
    fn nothing_is_accepted_without_a_picture_and_nothing_of_another_size_compared() {
        let mut found = agreement();
        assert!(!found.is_within(&Acceptance::default()));
        let reference = perception([0, 0, 1, 1], 8.0);
        let small = Perception::of_planes((1, 1), vec![0.0, 1.0], None);
        let error = found.add(&reference, &small).unwrap_err().to_string();
        assert_eq!(error, "the engines give 2x2 logits and 1x1");
        let none = found.add(&reference, &Perception::default()).unwrap_err();
        assert!(matches!(none, CompareError::NoLogits));
    }
}
