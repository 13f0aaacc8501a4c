//! How near an engine is to the reference: the same pictures through both.

use serde::Serialize;

use super::{EngineError, Mode, Perception};
use crate::score::{NO_CLASS, ScoreError, ScoreKind, ScoreMap, argmax, score};

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
    #[serde(skip)]
    same: u64,
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
    #[error(transparent)]
    Engine(#[from] EngineError),
}

impl Agreement {
    /// Of no picture yet.
    pub fn new(mode: Mode, score: ScoreKind) -> Self {
        Self {
            mode: mode.name(),
            score,
            pictures: 0,
            places: 0,
            label_agreement: 0.0,
            score_difference: 0.0,
            worst_picture: 0,
            same: 0,
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
        let [want, got] = labels;
        self.same += want.iter().zip(&*got).filter(|(a, b)| a == b).count() as u64;
        self.places += want.len() as u64;
        self.pictures += 1;
        self.label_agreement = self.same as f64 / self.places.max(1) as f64;
        Ok(())
    }

    /// Whether it is within these limits; never without a picture.
    pub fn is_within(&self, limits: &crate::model::Acceptance) -> bool {
        self.pictures > 0
            && self.label_agreement >= f64::from(*limits.label_agreement.get_ref())
            && self.score_difference <= *limits.score_difference.get_ref()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::Acceptance;

    /// Two classes in four places: the first where `class` is 0.
    fn perception(classes: [u8; 4], largest: f32) -> Perception {
        let plane = |class: u8| classes.map(|c| if c == class { largest } else { 0.0 });
        Perception::of_planes((2, 2), [plane(0), plane(1)].concat(), None)
    }

    fn agreement() -> Agreement {
        Agreement::new(Mode::FULL_LOGITS, ScoreKind::MaxLogit)
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
