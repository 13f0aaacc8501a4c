use super::EvaluateError;
use super::error::same_length;
use crate::score::NO_CLASS;
use serde::Serialize;

/// Counts of (label, prediction) pairs of a segmentation, for IoU.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Confusion {
    classes: usize,
    ignore: Option<u8>,
    /// Row a label, column a prediction; the last column is "no class".
    counts: Vec<u64>,
}

/// How well a segmentation fits its labels.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct SegmentationMetrics {
    /// Intersection over union of every class, `0 ..= 1`; `None` for a class that is neither in
    /// the labels nor in the predictions.
    pub iou: Vec<Option<f64>>,
    /// Mean over the classes that have an IoU; a class that was predicted though it is in no
    /// label counts with 0. `None` without pixels.
    pub miou: Option<f64>,
    /// Share of the pixels that are right, `0 ..= 1`; `None` without pixels.
    pub pixel_accuracy: Option<f64>,
    /// Pixels counted.
    pub pixels: u64,
}

impl Confusion {
    /// For class ids `0 .. classes`; pixels labelled `ignore` are left out.
    ///
    /// # Errors
    /// [`EvaluateError::ClassCount`] unless `classes` is in `1 ..= 255`.
    pub fn new(classes: usize, ignore: Option<u8>) -> Result<Self, EvaluateError> {
        if !(1..=255).contains(&classes) {
            return Err(EvaluateError::ClassCount { classes });
        }
        Ok(Self {
            classes,
            ignore,
            counts: vec![0; classes * (classes + 1)],
        })
    }

    /// Counts the pixels of a frame. A prediction of [`NO_CLASS`] is wrong for every label and
    /// counts against no class but the label's.
    ///
    /// # Errors
    /// [`EvaluateError::LengthMismatch`], or [`EvaluateError::UnknownClass`] for an id that is
    /// neither a class nor ignored; nothing is counted then. Ids of ignored pixels are not looked
    /// at.
    pub fn add_slice(&mut self, predictions: &[u8], labels: &[u8]) -> Result<(), EvaluateError> {
        same_length(("predictions", predictions.len()), ("labels", labels.len()))?;
        let classes = self.classes;
        let counted = |label: u8| Some(label) != self.ignore;
        for (index, (&prediction, &label)) in predictions.iter().zip(labels).enumerate() {
            if !counted(label) {
                continue;
            }
            for (name, id) in [("label", label), ("prediction", prediction)] {
                let none = name == "prediction" && id == NO_CLASS;
                if usize::from(id) >= classes && !none {
                    return Err(EvaluateError::UnknownClass {
                        name,
                        id,
                        index,
                        classes,
                    });
                }
            }
        }
        for (&prediction, &label) in predictions.iter().zip(labels) {
            if Some(label) != self.ignore {
                let column = usize::from(prediction).min(classes);
                self.counts[usize::from(label) * (classes + 1) + column] += 1;
            }
        }
        Ok(())
    }

    /// Adds what another one counted.
    ///
    /// # Errors
    /// [`EvaluateError::ClassMismatch`] when the numbers of classes differ.
    pub fn merge(&mut self, other: &Self) -> Result<(), EvaluateError> {
        if self.classes != other.classes {
            let (left, right) = (self.classes, other.classes);
            return Err(EvaluateError::ClassMismatch { left, right });
        }
        for (sum, more) in self.counts.iter_mut().zip(&other.counts) {
            *sum += more;
        }
        Ok(())
    }

    /// Pixels of class `label` that were predicted as class `prediction`; 0 for ids that are no
    /// classes.
    pub fn count(&self, label: u8, prediction: u8) -> u64 {
        let (label, prediction) = (usize::from(label), usize::from(prediction));
        if label >= self.classes || prediction >= self.classes {
            return 0;
        }
        self.counts[label * (self.classes + 1) + prediction]
    }

    /// The figures so far.
    pub fn metrics(&self) -> SegmentationMetrics {
        let columns = self.classes + 1;
        let iou: Vec<Option<f64>> = (0..self.classes)
            .map(|class| {
                let labelled: u64 = self.counts[class * columns..][..columns].iter().sum();
                let predicted: u64 = self.counts.iter().skip(class).step_by(columns).sum();
                let right = self.counts[class * columns + class];
                let union = labelled + predicted - right;
                (union > 0).then(|| right as f64 / union as f64)
            })
            .collect();
        let present = iou.iter().flatten().count();
        let pixels: u64 = self.counts.iter().sum();
        let right: u64 = (0..self.classes)
            .map(|class| self.counts[class * columns + class])
            .sum();
        SegmentationMetrics {
            miou: (present > 0).then(|| iou.iter().flatten().sum::<f64>() / present as f64),
            iou,
            pixel_accuracy: (pixels > 0).then(|| right as f64 / pixels as f64),
            pixels,
        }
    }
}
