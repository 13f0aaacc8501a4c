//! Which pixels are anomalous, mode by mode. Engines know it so that one on a GPU can judge where it
//! runs, and only what came of it has to be brought back.

use super::{Mode, Resolution};
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

impl Judge {
    /// From which score on a pixel is sure. That of a head rises with the log odds: a third of the way from the
    /// threshold to 1. Scores of the logits are no odds: whatever is anomalous.
    pub fn sure_from(&self) -> f32 {
        match self.score.needs_head() {
            true => self.threshold + (1.0 - self.threshold) / 3.0,
            false => self.threshold,
        }
    }
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

    /// The judge of a mode.
    pub fn of(&self, mode: Mode) -> Option<Judge> {
        self.0[mode.index()]
    }

    /// Those of the fallback's modes, for the engine that runs its networks, where they are modes of this
    /// resolution.
    pub(super) fn of_the_fallback(&self, resolution: Resolution) -> Self {
        let mut judges = Self::default();
        for mode in [Mode::FALLBACK, Mode::FALLBACK_LOGITS] {
            judges.0[Mode { resolution, ..mode }.index()] = self.of(mode);
        }
        judges
    }

    /// Which score judges the mode of that name; none where nothing does.
    pub fn score_of(&self, mode: &str) -> Option<ScoreKind> {
        self.of(mode.parse().ok()?).map(|judge| judge.score)
    }

    /// The modes that have one, the best first.
    pub fn modes(&self) -> impl Iterator<Item = Mode> + '_ {
        Mode::ALL
            .into_iter()
            .filter(|&mode| self.of(mode).is_some())
    }
}

/// Thresholds that somebody gives in place of the bundle's.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct GivenThresholds {
    /// Of every mode that is judged by the score that is asked for.
    pub all: Option<f32>,
    /// Of one mode, whatever its score, by [`Mode::index`]; goes before `all`.
    pub modes: [Option<f32>; Mode::COUNT],
}

impl GivenThresholds {
    /// That of a mode; `asked` tells whether it is judged by the score that is asked for.
    pub fn of(&self, mode: Mode, asked: bool) -> Option<f32> {
        self.modes[mode.index()].or(self.all.filter(|_| asked))
    }
}

/// What somebody wants frames to be judged by.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Asked {
    /// Which score. That of a head that does not run, such as the observer's of a bundle without one, stands for
    /// [`Asked::WITHOUT_OBSERVER`].
    pub score: ScoreKind,
    /// Which score, of the logits, in the modes without the head, where `score` is a head's.
    pub fallback: ScoreKind,
    /// Which of the calibrated thresholds.
    pub at: ThresholdAt,
    /// What goes before them.
    pub given: GivenThresholds,
}

impl Asked {
    /// The score of bundles that have no observer: the cheapest of the logits'.
    pub const WITHOUT_OBSERVER: ScoreKind = ScoreKind::MaxLogit;

    /// The score that a bundle is judged by where this one is asked for.
    pub fn score_of(manifest: &Manifest, score: ScoreKind) -> ScoreKind {
        match score.needs_head() && manifest.head_score() != Some(score) {
            true => Self::WITHOUT_OBSERVER,
            false => score,
        }
    }
}

/// What the frames of a bundle are judged by, and what people have to know of it.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Choice {
    /// Score and threshold of every mode that may run.
    pub judges: Judges,
    /// That the head that is asked for does not run, and which score stands in for it; empty where it runs, or
    /// nobody wants one.
    pub unobserved: String,
    /// Why modes are left out, a sentence each.
    pub left_out: Vec<String>,
}

impl Choice {
    /// Every mode that the bundle has, and that has a threshold.
    pub fn new(manifest: &Manifest, asked: &Asked) -> Self {
        let asked_score = Asked::score_of(manifest, asked.score);
        let mut choice = Self::default();
        if let Some(fixed) = manifest.input.fixed() {
            choice.left_out.push(format!(
                "the networks take one size only, {}x{}: there are no modes of reduced resolution",
                fixed.width, fixed.height
            ));
        }
        if manifest.segmentation.labels_only {
            choice.left_out.push(
                "the network gives labels only: there are no modes without an observer".to_owned(),
            );
        }
        for mode in Mode::ALL {
            if mode.check(manifest).is_err() {
                continue;
            }
            let score = match mode.observer {
                true if !asked_score.needs_head() => continue, // the head would run for nothing
                true => asked_score,
                false if asked_score.needs_head() => asked.fallback,
                false => asked_score,
            };
            let calibrated = || manifest.threshold(score, mode.name(), asked.at);
            let given = asked.given.of(mode, score == asked_score);
            let Some(threshold) = given.or_else(calibrated) else {
                choice.left_out.push(format!(
                    "mode {mode} is left out: the bundle has no threshold for {score} in it, and none is given; \
                     give one, or make one with `lookout calibrate`"
                ));
                continue;
            };
            choice.judges.0[mode.index()] = Some(Judge { score, threshold });
        }
        let best = choice.judges.modes().next();
        choice.unobserved = match best.and_then(|mode| choice.judges.of(mode)) {
            _ if manifest.segmentation.labels_only => String::new(),
            _ if manifest.head.is_none() => format!("no observer: the score is {asked_score}"),
            Some(Judge { score, .. }) if asked_score.needs_head() && score != asked_score => {
                format!(
                    "the head {asked_score} does not run, for want of a threshold: the score is {score}"
                )
            }
            _ => String::new(),
        };
        choice
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ASKED: Asked = Asked {
        score: ScoreKind::OBSERVER,
        fallback: ScoreKind::Energy,
        at: ThresholdAt::Fpr1,
        given: GivenThresholds {
            all: None,
            modes: [None; Mode::COUNT],
        },
    };

    fn manifest(change: impl Fn(String) -> String) -> Manifest {
        let text = include_str!("../../models/road/model.toml").to_owned();
        toml::from_str(&change(text)).unwrap()
    }

    fn bare(change: impl Fn(String) -> String) -> Manifest {
        let mut manifest = manifest(change);
        (manifest.head, manifest.thresholds) = (None, Vec::new());
        manifest
    }

    fn fixed(text: String) -> String {
        text.replace(
            "full_height = 352",
            "fixed = { width = 97, height = 65, fit = \"stretch\" }",
        )
        .replace("reduced_height = 224", "")
    }

    fn modes(choice: &Choice) -> Vec<(Mode, ScoreKind, f32)> {
        let judges = &choice.judges;
        let judge = |mode| judges.of(mode).map(|j| (mode, j.score, j.threshold));
        judges.modes().filter_map(judge).collect()
    }

    #[test]
    fn a_heads_pixel_is_sure_well_above_the_threshold_and_one_of_the_logits_at_it() {
        let from = |score, threshold| Judge { score, threshold }.sure_from();
        assert!((from(ScoreKind::OBSERVER, 0.55) - 0.7).abs() < 1e-6);
        assert_eq!(from(ScoreKind::OBSERVER, 1.0), 1.0, "within reach");
        assert_eq!(from(ScoreKind::MaxLogit, 0.55), 0.55);
    }

    #[test]
    fn a_bundle_with_all_thresholds_has_all_modes_and_nothing_to_say() {
        let manifest = manifest(|text| text);
        let choice = Choice::new(&manifest, &ASKED);
        let has = Mode::ALL.into_iter();
        let has = has.filter(|mode| mode.check(&manifest).is_ok());
        assert!(choice.judges.modes().eq(has));
        assert_eq!(modes(&choice).len(), 4);
        assert!(choice.left_out.is_empty() && choice.unobserved.is_empty());
    }

    #[test]
    fn a_given_threshold_holds_in_every_mode_of_the_score_that_is_asked_for() {
        let given = GivenThresholds {
            all: Some(0.6),
            ..GivenThresholds::default()
        };
        let choice = Choice::new(&manifest(|text| text), &Asked { given, ..ASKED });
        for (mode, score, threshold) in modes(&choice) {
            // one of the observer means nothing to a score of the logits
            assert_eq!(threshold == 0.6, mode.observer, "{mode} {score}");
        }
        let score = ScoreKind::MaxLogit;
        let asked = Asked {
            score,
            given,
            ..ASKED
        };
        let all = [Mode::FULL_LOGITS, Mode::REDUCED_LOGITS].map(|mode| (mode, score, 0.6));
        assert_eq!(modes(&Choice::new(&bare(|text| text), &asked)), all);
    }

    #[test]
    fn a_threshold_of_one_mode_holds_there_alone_and_goes_first() {
        let mut given = GivenThresholds {
            all: Some(0.6),
            ..GivenThresholds::default()
        };
        given.modes[Mode::REDUCED_LOGITS.index()] = Some(0.3);
        let asked = Asked { given, ..ASKED };
        let choice = Choice::new(&bare(|text| text), &asked);
        let score = ScoreKind::MaxLogit;
        let want = [
            (Mode::FULL_LOGITS, score, 0.6),
            (Mode::REDUCED_LOGITS, score, 0.3),
        ];
        assert_eq!(modes(&choice), want);
    }

    #[test]
    fn a_head_that_was_chosen_judges_in_the_observers_place() {
        let mut manifest = manifest(|text| text);
        let score: ScoreKind = "vim".parse().unwrap();
        if let Some(head) = &mut manifest.head {
            head.name = toml::Spanned::new(0..0, score);
        }
        let given = GivenThresholds {
            all: Some(0.6),
            ..GivenThresholds::default()
        };
        let asked = Asked {
            score,
            given,
            ..ASKED
        };
        let found = modes(&Choice::new(&manifest, &asked));
        assert_eq!(
            found[..2],
            [Mode::FULL, Mode::REDUCED].map(|mode| (mode, score, 0.6))
        );
        assert!(
            found[2..]
                .iter()
                .all(|(_, score, _)| *score == ASKED.fallback)
        );
        // the thresholds of the bundle are the observer's
        let choice = Choice::new(&manifest, &Asked { score, ..ASKED });
        assert_eq!(
            choice.unobserved,
            "the head vim does not run, for want of a threshold: the score is energy"
        );
        // the observer's score is another's
        assert_eq!(
            Asked::score_of(&manifest, ScoreKind::OBSERVER),
            Asked::WITHOUT_OBSERVER
        );
    }

    #[test]
    fn a_network_of_labels_has_no_mode_without_its_observer() {
        let labels =
            |text: String| text.replacen("\nstride = ", "\nlabels_only = true\nstride = ", 1);
        let given = GivenThresholds {
            all: Some(0.6),
            ..GivenThresholds::default()
        };
        let asked = Asked { given, ..ASKED };
        let choice = Choice::new(&manifest(labels), &asked);
        let found: Vec<Mode> = choice.judges.modes().collect();
        assert_eq!(found, [Mode::FULL, Mode::REDUCED]);
        let why = "the network gives labels only: there are no modes without an observer";
        assert_eq!(choice.left_out, [why]);
        let choice = Choice::new(&bare(labels), &asked);
        assert_eq!(choice.judges.modes().count(), 0);
        assert_eq!(
            (choice.left_out, choice.unobserved.as_str()),
            (vec![why.to_owned()], "")
        );
        assert_eq!(
            Mode::FULL_LOGITS
                .check(&manifest(labels))
                .unwrap_err()
                .to_string(),
            "this bundle has no mode full: its network gives labels only, so no score is possible without an observer"
        );
    }

    #[test]
    fn a_bundle_without_an_observer_is_judged_by_its_logits_and_says_so() {
        let given = GivenThresholds {
            all: Some(0.6),
            ..GivenThresholds::default()
        };
        let choice = Choice::new(&bare(|text| text), &Asked { given, ..ASKED });
        assert_eq!(choice.unobserved, "no observer: the score is max-logit");
        assert!(choice.left_out.is_empty());
        assert_eq!(modes(&choice).len(), 2);
    }

    #[test]
    fn an_observer_that_does_not_run_for_want_of_a_threshold_is_told() {
        let mut manifest = manifest(|text| text);
        let observed =
            |t: &toml::Spanned<crate::model::ThresholdEntry>| t.get_ref().score.needs_head();
        manifest.thresholds.retain(|entry| !observed(entry));
        let choice = Choice::new(&manifest, &ASKED);
        assert_eq!(choice.judges.modes().count(), 2);
        assert_eq!(
            choice.unobserved,
            "the head observer does not run, for want of a threshold: the score is energy"
        );
        assert_eq!(choice.left_out.len(), 2);
    }

    #[test]
    fn a_mode_without_any_threshold_is_left_out_by_its_name() {
        let choice = Choice::new(&bare(|text| text), &ASKED);
        assert!(modes(&choice).is_empty());
        let [full, reduced] = &choice.left_out[..] else {
            panic!("{:?}", choice.left_out);
        };
        assert!(full.starts_with("mode full is left out") && full.contains("max-logit"));
        assert!(reduced.starts_with("mode reduced is left out"));
    }

    #[test]
    fn networks_of_one_size_have_no_reduced_modes_and_say_so_once() {
        let choice = Choice::new(&manifest(fixed), &ASKED);
        let found: Vec<Mode> = choice.judges.modes().collect();
        assert_eq!(found, [Mode::FULL, Mode::FULL_LOGITS]);
        assert_eq!(
            choice.left_out,
            ["the networks take one size only, 97x65: there are no modes of reduced resolution"]
        );
        assert_eq!(
            Mode::REDUCED
                .check(&manifest(fixed))
                .unwrap_err()
                .to_string(),
            "this bundle has no mode reduced+observer: its networks take one size only, 97x65, so there is \
             no reduced resolution"
        );
    }
}
