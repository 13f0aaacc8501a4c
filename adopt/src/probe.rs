//! Which normalisation a network was trained with, by what it makes of pictures.
//!
//! With labels the best is the one with the best mIoU. Without them: a network that sees what it was trained on is sure of
//! each pixel (low entropy), sees different things in different places (high entropy of all pixels together), and sees the
//! same in a mirrored picture.

use std::cmp::Ordering;

use crate::input::ChannelOrder;
use crate::normalisation::Normalisation;
use crate::run::Measured;

/// A normalisation that is tried.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Candidate {
    /// Its name.
    pub name: &'static str,
    /// Mean and standard deviation, of red, green and blue.
    pub normalisation: Normalisation,
    /// Which colour comes first.
    pub order: ChannelOrder,
}

impl Candidate {
    /// The usual ones, or the known one, each with both orders of colours or with the known one.
    pub fn all(known: Option<Normalisation>, order: Option<ChannelOrder>) -> Vec<Self> {
        let usual = match known {
            Some(normalisation) => vec![("known", normalisation)],
            None => Normalisation::USUAL.to_vec(),
        };
        let orders = match order {
            Some(order) => vec![order],
            None => vec![ChannelOrder::Rgb, ChannelOrder::Bgr],
        };
        let with = |(name, normalisation)| {
            let each = orders.clone().into_iter();
            each.map(move |order| Self {
                name,
                normalisation,
                order,
            })
        };
        usual.into_iter().flat_map(with).collect()
    }

    /// Planes for the network of planes of red, green and blue in 0 to 255.
    pub fn planes(&self, rgb: &[f32]) -> Vec<f32> {
        let pixels = rgb.len() / 3;
        let colours = match self.order {
            ChannelOrder::Rgb => [0, 1, 2],
            ChannelOrder::Bgr => [2, 1, 0],
        };
        let Normalisation { mean, std } = self.normalisation;
        let plane = |c: usize| {
            let values = rgb[c * pixels..(c + 1) * pixels].iter();
            values.map(move |v| (v / 255.0 - mean[c]) / std[c])
        };
        colours.into_iter().flat_map(plane).collect()
    }
}

/// What a candidate came to.
#[derive(Clone, Debug, Default)]
pub struct Tally {
    pixels: f64,
    /// Sum of entropies, as a share of the greatest.
    entropy: f64,
    /// Sums of probabilities.
    classes: Vec<f64>,
    /// Pixels whose class is the same in the mirrored picture.
    agreeing: f64,
    /// Labels against classes.
    confusion: Vec<u64>,
}

/// What a candidate came to, in figures.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Figures {
    /// Mean entropy of a pixel, 0 sure to 1.
    pub entropy: f64,
    /// Entropy of all pixels together, 0 one class to 1 all classes alike.
    pub spread: f64,
    /// Share of pixels with the same class in the mirrored picture.
    pub agreement: f64,
    /// Mean intersection over union, where there were labels.
    pub miou: Option<f64>,
}

impl Figures {
    /// What candidates are ranked by, the greater the better.
    pub fn merit(&self) -> f64 {
        let unlabelled = self.agreement * (self.spread - self.entropy).max(0.0);
        self.miou.unwrap_or(unlabelled)
    }

    /// The better first.
    pub fn order(a: &Self, b: &Self) -> Ordering {
        b.merit().total_cmp(&a.merit())
    }
}

impl Tally {
    /// Adds a picture: logits of it and of its mirror image, [1, classes, rows, columns], and where there are labels those
    /// in the middle of each logit; what is no class is passed over.
    pub fn add(&mut self, logits: &Measured, mirrored: &Measured, labels: Option<&[u8]>) {
        let [1, classes, rows, columns] = logits.shape[..] else {
            return;
        };
        let pixels = rows * columns;
        if mirrored.shape != logits.shape || logits.values.len() != classes * pixels {
            return;
        }
        self.classes.resize(classes, 0.0);
        self.confusion.resize(classes * classes, 0);
        let most = (classes as f64).ln();
        let mut powers = vec![0.0; classes];
        for at in 0..pixels {
            let value = |c: usize| f64::from(logits.values[c * pixels + at]);
            let best = argmax(&logits.values, classes, pixels, at);
            let mirror = at / columns * columns + (columns - 1 - at % columns);
            let other = argmax(&mirrored.values, classes, pixels, mirror);
            let top = value(best);
            (0..classes).for_each(|c| powers[c] = (value(c) - top).exp());
            let sum: f64 = powers.iter().sum();
            if !sum.is_finite() {
                // nothing can be said of such a pixel: it counts as unsure
                self.pixels += 1.0;
                self.entropy += 1.0;
                continue;
            }
            let mut entropy = 0.0;
            for (all, power) in self.classes.iter_mut().zip(&powers) {
                let p = power / sum;
                *all += p;
                if p > 0.0 {
                    entropy -= p * p.ln();
                }
            }
            self.pixels += 1.0;
            self.entropy += entropy / most;
            self.agreeing += f64::from(u8::from(best == other));
            let label = labels.and_then(|labels| labels.get(at));
            if let Some(label) = label
                .map(|&label| usize::from(label))
                .filter(|&l| l < classes)
            {
                self.confusion[label * classes + best] += 1;
            }
        }
    }

    /// The figures so far.
    pub fn figures(&self) -> Figures {
        let pixels = self.pixels.max(1.0);
        let total: f64 = self.classes.iter().sum::<f64>().max(f64::MIN_POSITIVE);
        let shares = self.classes.iter().map(|p| p / total).filter(|p| *p > 0.0);
        let most = (self.classes.len().max(2) as f64).ln();
        Figures {
            entropy: self.entropy / pixels,
            spread: -shares.map(|p| p * p.ln()).sum::<f64>() / most,
            agreement: self.agreeing / pixels,
            miou: self.miou(),
        }
    }

    fn miou(&self) -> Option<f64> {
        let n = self.classes.len();
        let of = |class: usize| {
            let right = self.confusion[class * n + class];
            let labelled: u64 = self.confusion[class * n..][..n].iter().sum();
            let given: u64 = (0..n).map(|row| self.confusion[row * n + class]).sum();
            let union = labelled + given - right;
            (labelled > 0).then(|| right as f64 / union.max(1) as f64)
        };
        let all: Vec<f64> = (0..n).filter_map(of).collect();
        (!all.is_empty()).then(|| all.iter().sum::<f64>() / all.len() as f64)
    }
}

/// The class of a pixel: the first of the greatest.
pub(crate) fn argmax(values: &[f32], classes: usize, pixels: usize, at: usize) -> usize {
    let mut best = 0;
    for class in 1..classes {
        if values[class * pixels + at] > values[best * pixels + at] {
            best = class;
        }
    }
    best
}

/// Planes of a picture, mirrored.
pub fn mirrored(planes: &[f32], columns: usize) -> Vec<f32> {
    let rows = planes.chunks(columns.max(1));
    rows.flat_map(|row| row.iter().rev().copied()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn planes(values: &[f32]) -> Measured {
        Measured {
            shape: vec![1, 2, 1, 2],
            values: values.to_vec(),
        }
    }

    #[test]
    fn one_that_is_sure_and_sees_two_things_is_before_one_that_sees_one_thing_or_is_unsure() {
        let figures = |logits: &[f32], mirror: &[f32]| {
            let mut tally = Tally::default();
            tally.add(&planes(logits), &planes(mirror), None);
            tally.figures()
        };
        let right = figures(&[9.0, 0.0, 0.0, 9.0], &[0.0, 9.0, 9.0, 0.0]);
        let one_thing = figures(&[9.0, 9.0, 0.0, 0.0], &[9.0, 9.0, 0.0, 0.0]);
        let unsure = figures(&[0.1, 0.0, 0.0, 0.1], &[0.0, 0.1, 0.1, 0.0]);
        let blind = figures(&[9.0, 0.0, 0.0, 9.0], &[9.0, 0.0, 0.0, 9.0]);
        assert_eq!(right.agreement, 1.0);
        assert_eq!(blind.agreement, 0.0);
        for other in [one_thing, unsure, blind] {
            assert_eq!(Figures::order(&right, &other), Ordering::Less, "{other:?}");
        }
    }

    #[test]
    fn with_labels_it_is_the_mean_iou() {
        let mut tally = Tally::default();
        let logits = planes(&[9.0, 9.0, 0.0, 0.0]);
        tally.add(&logits, &logits, Some(&[0, 1]));
        // class 0: 1 of 2; class 1: 0 of 1
        assert_eq!(tally.figures().miou, Some(0.25));
        tally.add(&logits, &logits, Some(&[255, 255]));
        assert_eq!(tally.figures().miou, Some(0.25));
    }

    #[test]
    fn colours_are_turned_round_after_they_are_normalised() {
        let candidate = Candidate {
            name: "",
            normalisation: Normalisation {
                mean: [0.0, 0.5, 1.0],
                std: [1.0; 3],
            },
            order: ChannelOrder::Bgr,
        };
        assert_eq!(candidate.planes(&[255.0, 255.0, 255.0]), [0.0, 0.5, 1.0]);
        assert_eq!(mirrored(&[1.0, 2.0, 3.0, 4.0], 2), [2.0, 1.0, 4.0, 3.0]);
        assert_eq!(Candidate::all(None, None).len(), 8);
    }
}
