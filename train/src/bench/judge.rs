//! How good a head is.

use lookout::evaluate::{
    BinaryHistogram, BinaryMetrics, Confusion, ErrorDetection, ErrorDetectionMetrics,
};
use serde::{Deserialize, Serialize};
use tch::{Device, Tensor, no_grad};

use crate::data::{CLASSES, Picture, VOID};
use crate::methods::{Kind, Perturbation, Seen, see};
use crate::run::{to_input, to_size};
use crate::torch::{Mode, Network};

/// A picture, and what the segmentation network makes of it: that is the same for all rows.
pub(super) struct Shown {
    picture: Picture,
    seen: Seen,
}

impl Shown {
    pub(super) fn all(
        segmentation: &Network,
        pictures: Vec<Picture>,
        device: Device,
    ) -> anyhow::Result<Vec<Self>> {
        let show = |picture: Picture| {
            let seen = see(segmentation, to_input(&picture).to(device))?;
            Ok(Self { picture, seen })
        };
        pictures.into_iter().map(show).collect()
    }
}

/// How a plane is read as an OOD score.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub(super) struct Reading {
    /// What the plane is.
    pub(super) kind: Kind,
    /// Of [`Kind::Energy`]: the median of known pixels.
    pub(super) center: f64,
    /// Of [`Kind::Energy`]: see [`Reading::fit`].
    pub(super) scale: f64,
}

/// The sigmoid of this is still some of 65536 steps away from 1.
const FAR: f64 = 4.0;

impl Reading {
    /// From values of known pixels. The scale is their standard deviation as the quartiles have it, or
    /// larger: so large that one in a thousand of them is [`FAR`] away. A score that runs into 1
    /// tells nothing above that apart.
    pub(super) fn fit(kind: Kind, mut values: Vec<f32>) -> anyhow::Result<Self> {
        values.sort_by(f32::total_cmp);
        let last = values.len().checked_sub(1);
        let last = last.ok_or_else(|| anyhow::anyhow!("there are no scores of known pixels"))?;
        let at = |q: f64| f64::from(values[(q * last as f64).round() as usize]);
        let center = at(0.5);
        let scale = ((at(0.75) - at(0.25)) / 1.349).max((at(0.999) - center) / FAR);
        anyhow::ensure!(
            center.is_finite() && scale.is_finite(),
            "scores of known pixels are not finite: median {center}, scale {scale}"
        );
        Ok(Self {
            kind,
            center,
            scale: scale.max(1e-6),
        })
    }

    /// Scores, 0 to 1.
    fn scores(&self, plane: &Tensor) -> anyhow::Result<Vec<f32>> {
        let score = match self.kind {
            Kind::Logit => plane.sigmoid(),
            Kind::Probability => plane.clamp(0.0, 1.0),
            Kind::Energy => ((plane - self.center) / self.scale).sigmoid(),
        };
        Ok(score.contiguous().flatten(0, -1).try_into()?)
    }
}

/// A head that is ready.
pub(super) struct Head<'a> {
    pub(super) network: &'a Network,
    pub(super) output: &'a str,
    pub(super) classes: Option<&'a str>,
    /// What is done to a picture before it is judged, and how far.
    pub(super) perturbed: Option<(Perturbation<'a>, f64)>,
}

/// Figures on pictures without anything unknown.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub(super) struct CleanFigures {
    pub(super) miou: Option<f64>,
    pub(super) errors: ErrorDetectionMetrics,
}

/// Of unknown pixels against known ones.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(super) struct Figures {
    pub(super) auroc: Option<f64>,
    pub(super) ap: Option<f64>,
    pub(super) fpr95: Option<f64>,
    /// Recall and precision, recall rising.
    pub(super) curve: Vec<[f64; 2]>,
}

/// Points of a curve.
const POINTS: u32 = 40;

impl Figures {
    fn of(histogram: &BinaryHistogram) -> Self {
        let BinaryMetrics {
            auroc,
            ap,
            fpr95,
            positives,
            negatives,
            ..
        } = histogram.metrics();
        let point = |i: u32| {
            let at = histogram.threshold_at_tpr(f64::from(i) / f64::from(POINTS))?;
            let found = at.tpr? * positives as f64;
            let flagged = found + at.fpr.unwrap_or(0.0) * negatives as f64;
            let rounded = |share: f64| (share * 1e4).round() / 1e4;
            Some([rounded(at.tpr?), rounded(found / flagged)])
        };
        Self {
            auroc,
            ap,
            fpr95,
            curve: (1..=POINTS).filter_map(point).collect(),
        }
    }
}

impl Head<'_> {
    fn look(&self, seen: &Seen) -> anyhow::Result<(Tensor, Tensor)> {
        let moved = match &self.perturbed {
            Some((perturbation, epsilon)) => Some(perturbation.of(seen, *epsilon)?),
            None => None,
        };
        let seen = moved.as_ref().unwrap_or(seen);
        let out = no_grad(|| self.network.forward(&seen.inputs(), Mode::Evaluate))?;
        let logits = match self.classes {
            Some(name) => out[name].shallow_clone(),
            None => seen.logits().shallow_clone(),
        };
        Ok((out[self.output].shallow_clone(), logits))
    }

    /// Values of the plane on pictures of known things.
    pub(super) fn values(&self, pictures: &[Seen]) -> anyhow::Result<Vec<f32>> {
        let mut all = vec![];
        for seen in pictures {
            let (plane, _) = self.look(seen)?;
            all.extend(Vec::<f32>::try_from(plane.contiguous().flatten(0, -1))?);
        }
        Ok(all)
    }

    /// How well unknown pixels are told from known ones.
    pub(super) fn unknown(&self, reading: &Reading, pictures: &[Shown]) -> anyhow::Result<Figures> {
        let mut histogram = BinaryHistogram::new();
        for Shown { picture: p, seen } in pictures {
            let (plane, _) = self.look(seen)?;
            let scores = reading.scores(&to_size(&plane, p.height as i64, p.width as i64))?;
            for ((score, &outlier), &label) in scores.iter().zip(&p.outlier).zip(&p.label) {
                if outlier > 0 || label != VOID {
                    histogram.add(*score, outlier > 0);
                }
            }
        }
        Ok(Figures::of(&histogram))
    }

    /// mIoU, and how well wrong pixels are told from right ones.
    pub(super) fn clean(
        &self,
        reading: &Reading,
        pictures: &[Shown],
    ) -> anyhow::Result<CleanFigures> {
        let mut confusion = Confusion::new(CLASSES as usize, Some(VOID))?;
        let mut errors = ErrorDetection::new();
        for Shown {
            picture: p,
            seen: shown,
        } in pictures
        {
            let (plane, logits) = self.look(shown)?;
            let (h, w) = (p.height as i64, p.width as i64);
            let seen = to_size(&logits, h, w).argmax(1, false);
            let seen: Vec<u8> = seen.to_kind(tch::Kind::Uint8).flatten(0, -1).try_into()?;
            let scores = reading.scores(&to_size(&plane, h, w))?;
            confusion.add_slice(&seen, &p.label)?;
            errors.add_slice(&scores, &seen, &p.label, Some(VOID))?;
        }
        Ok(CleanFigures {
            miou: confusion.metrics().miou,
            errors: errors.metrics(),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_reading_is_made_of_quartiles_and_does_not_run_into_one() {
        // 0 to 1000: median 500, quartiles 250 and 750
        let values = |top: f32| -> Vec<f32> {
            let all = (0..=1000).map(|i| if i >= 999 { top } else { i as f32 });
            all.rev().collect()
        };
        let plain = Reading::fit(Kind::Energy, values(1000.0)).unwrap();
        assert_eq!(plain.center, 500.0);
        assert!((plain.scale - 500.0 / 1.349).abs() < 1e-9);
        let tailed = Reading::fit(Kind::Energy, values(4500.0)).unwrap();
        assert_eq!(tailed.scale, 1000.0);
        let plane = Tensor::from_slice(&[500.0f32, 1500.0]);
        let scores = tailed.scores(&plane).unwrap();
        assert_eq!(scores[0], 0.5);
        assert!((scores[1] - 0.731_058_6).abs() < 1e-6);
        assert!(Reading::fit(Kind::Energy, vec![]).is_err());
        assert!(Reading::fit(Kind::Energy, vec![f32::NAN; 9]).is_err());
    }

    #[test]
    fn a_curve_has_the_precision_at_each_recall() {
        // from the top: two found, one false alarm, two found, one false alarm
        let mut histogram = BinaryHistogram::new();
        for (score, unknown) in [
            (0.9, true),
            (0.8, true),
            (0.7, false),
            (0.6, true),
            (0.5, true),
            (0.4, false),
        ] {
            histogram.add(score, unknown);
        }
        let figures = Figures::of(&histogram);
        assert_eq!(figures.curve.len(), 40);
        assert_eq!(figures.curve[0], [0.25, 1.0], "no threshold finds less");
        assert_eq!(figures.curve[19], [0.5, 1.0]);
        assert_eq!(figures.curve[29], [0.75, 0.75]);
        assert_eq!(figures.curve[39], [1.0, 0.8]);
    }
}
