//! What comes out, as JSON; the tables for people are made of it.

use std::collections::BTreeMap;

use lookout::evaluate::{
    BinaryMetrics, ErrorDetectionMetrics, FlaggedMetrics, SegmentMetrics, SegmentationMetrics,
    ThingMetrics,
};
use lookout::model::Bundle;
use lookout::score::ScoreKind;
use serde::Serialize;

use super::evaluator::{Counts, Evaluator};
use super::{Set, Truth};

/// Figures by the names of scores.
type ByScore<T> = BTreeMap<ScoreKind, T>;

#[derive(Serialize)]
pub(super) struct Report {
    pub(super) settings: Settings,
    pub(super) convention: Convention,
    /// Positive: the anomalous pixel.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) anomaly: Option<ByScore<BinaryMetrics>>,
    /// As SegmentMeIfYouCan defines them.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) components: Option<ByScore<ComponentFigures>>,
    /// Of scores that the bundle has a threshold for.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) things: Option<ByScore<AtThreshold<ThingMetrics>>>,
    /// Of scores that the bundle has a threshold for.
    pub(super) flagged: ByScore<AtThreshold<FlaggedMetrics>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) segmentation: Option<Segmentation>,
    /// ObsNet's convention, positive: the correctly classified pixel.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) error_detection: Option<ByScore<ErrorDetectionMetrics>>,
}

#[derive(Serialize)]
pub(super) struct Settings {
    pub(super) bundle: String,
    pub(super) bundle_version: String,
    pub(super) bundle_hash: String,
    pub(super) engine: String,
    pub(super) mode: &'static str,
    pub(super) images: String,
    pub(super) masks: Option<String>,
    pub(super) mask_convention: Option<&'static str>,
    pub(super) labels: Option<String>,
    pub(super) pictures: usize,
    /// Widths and heights that the pictures were resized to, each once.
    pub(super) input_sizes: Vec<(u32, u32)>,
}

/// How the figures are meant, in words.
#[derive(Serialize)]
pub(super) struct Convention {
    pub(super) positive: &'static str,
    pub(super) truth: String,
    pub(super) pooled: &'static str,
    pub(super) resolution: &'static str,
    pub(super) mask: &'static str,
    pub(super) thing: &'static str,
    pub(super) calibration_threshold: &'static str,
    pub(super) benchmark_threshold: &'static str,
    pub(super) min_component: u32,
    pub(super) min_thing_of_components: u32,
}

impl Convention {
    pub(super) fn new(set: &Set, min_component: u32) -> Self {
        let truth = match (&set.masks, &set.labels) {
            (Some(masks), _) => format!("masks, {}", masks.meaning()),
            (None, Some(_)) => {
                "labels, every pixel that has a class is known, the rest ignored".to_owned()
            }
            (None, None) => "every pixel is known".to_owned(),
        };
        Self {
            positive: "the anomalous pixel; in error detection the correctly classified one",
            truth,
            pooled: "pixels, components and things over the set; known pixels flagged are a share \
                     of each picture",
            resolution: "the pictures' own; score maps are upsampled bilinearly",
            mask: "of things and known pixels flagged, as in a drive: thresholded at the score \
                   map's resolution, a pixel of the picture takes the cell that it lies in",
            thing: "8-connected anomalous pixels, found when a fifth of them is in the mask; its \
                    size is the longer side of its bounding box",
            calibration_threshold: "the bundle's fpr1 of the score and mode",
            benchmark_threshold: "best F1 of the pixels of this set",
            min_component,
            min_thing_of_components: min_component / 5,
        }
    }
}

/// Components at both thresholds.
#[derive(Serialize)]
pub(super) struct ComponentFigures {
    /// Over the bundle's threshold.
    pub(super) calibration: Option<AtThreshold<SegmentMetrics>>,
    /// Over the threshold of the best pixel F1 on this set.
    pub(super) benchmark: Option<AtThreshold<SegmentMetrics>>,
}

#[derive(Serialize)]
pub(super) struct AtThreshold<T> {
    pub(super) threshold: f32,
    #[serde(flatten)]
    pub(super) metrics: T,
}

#[derive(Serialize)]
pub(super) struct Segmentation {
    pub(super) classes: Vec<String>,
    #[serde(flatten)]
    pub(super) metrics: SegmentationMetrics,
}

/// Puts the figures together.
pub(super) fn make(
    settings: Settings,
    convention: Convention,
    bundle: &Bundle,
    evaluator: &Evaluator,
    truth: Truth,
) -> Report {
    let counts = evaluator.counts();
    let names = bundle.manifest().classes.get_ref().iter();
    Report {
        settings,
        convention,
        anomaly: truth
            .masks
            .then(|| by_score(counts, |c| Some(c.anomaly.metrics()))),
        components: truth
            .masks
            .then(|| by_score(counts, |c| Some(components(c)))),
        things: truth.masks.then(|| {
            by_score(counts, |c| {
                let metrics = c.things.metrics();
                c.threshold
                    .map(|threshold| AtThreshold { threshold, metrics })
            })
        }),
        flagged: by_score(counts, |c| {
            let metrics = c.flagged.metrics();
            c.threshold
                .map(|threshold| AtThreshold { threshold, metrics })
        }),
        segmentation: truth.labels.then(|| Segmentation {
            classes: names.map(|class| class.name.clone()).collect(),
            metrics: evaluator.confusion().metrics(),
        }),
        error_detection: truth
            .labels
            .then(|| by_score(counts, |c| Some(c.errors.metrics()))),
    }
}

fn by_score<T>(counts: &[Counts], figures: impl Fn(&Counts) -> Option<T>) -> ByScore<T> {
    counts
        .iter()
        .filter_map(|c| Some((c.kind, figures(c)?)))
        .collect()
}

fn components(counts: &Counts) -> ComponentFigures {
    ComponentFigures {
        calibration: counts.threshold.map(|threshold| AtThreshold {
            threshold,
            metrics: counts.calibrated.metrics(),
        }),
        benchmark: counts
            .benchmark
            .as_ref()
            .map(|(best, segments)| AtThreshold {
                threshold: best.threshold,
                metrics: segments.metrics(),
            }),
    }
}
