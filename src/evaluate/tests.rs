use super::*;
use proptest::prelude::*;

/// By sorting and by comparing every pair: (AUROC, AP, FPR95).
fn reference(pixels: &[(u16, bool)]) -> (Option<f64>, Option<f64>, Option<f64>) {
    let of = |class: bool| -> Vec<u16> {
        pixels
            .iter()
            .filter(|pixel| pixel.1 == class)
            .map(|pixel| pixel.0)
            .collect()
    };
    let (positives, negatives) = (of(true), of(false));
    let (p, n) = (positives.len() as f64, negatives.len() as f64);
    let mut wins = 0.0;
    for a in &positives {
        for b in &negatives {
            wins += if a > b {
                1.0
            } else {
                f64::from(u8::from(a == b)) / 2.0
            };
        }
    }
    let mut thresholds: Vec<u16> = pixels.iter().map(|pixel| pixel.0).collect();
    thresholds.sort_unstable_by(|a, b| b.cmp(a));
    thresholds.dedup();
    let (mut ap, mut recall, mut fpr95) = (0.0, 0.0, None);
    for threshold in thresholds {
        let tp = positives
            .iter()
            .filter(|score| **score >= threshold)
            .count() as f64;
        let fp = negatives
            .iter()
            .filter(|score| **score >= threshold)
            .count() as f64;
        ap += (tp / p - recall) * tp / (tp + fp);
        recall = tp / p;
        if fpr95.is_none() && recall >= 0.95 {
            fpr95 = Some(fp / n);
        }
    }
    let both = p > 0.0 && n > 0.0;
    (
        both.then(|| wins / (p * n)),
        (p > 0.0).then_some(ap),
        fpr95.filter(|_| both),
    )
}

fn assert_close(what: &str, got: Option<f64>, expected: Option<f64>) {
    let close = match (got, expected) {
        (Some(got), Some(expected)) => (got - expected).abs() < 1e-12,
        (got, expected) => got == expected,
    };
    assert!(close, "{what}: {got:?}, expected {expected:?}");
}

fn histogram(pixels: &[(u16, bool)]) -> BinaryHistogram {
    let mut histogram = BinaryHistogram::new();
    for &(step, positive) in pixels {
        histogram.add(f32::from(step) / 65535.0, positive);
    }
    histogram
}

/// The pixels of the scikit-learn fixture: a linear congruential generator, scores in steps of 64
/// (ties), a tenth of the pixels positive and most of those in the upper half.
fn fixture() -> Vec<(u16, bool)> {
    let mut state = 12345u64;
    let mut next = || {
        state = (state * 1_103_515_245 + 12345) % (1 << 31);
        state
    };
    let pixel = |_| {
        let u = next() >> 15;
        let positive = (next() >> 16) % 10 == 0;
        let step = if positive && u % 3 != 0 {
            u / 2 + 32768
        } else {
            u
        } / 64
            * 64;
        (step as u16, positive)
    };
    (0..5000).map(pixel).collect()
}

#[test]
fn figures_equal_those_of_scikit_learn() {
    // scikit-learn 1.9.1: roc_auc_score, average_precision_score, and
    // roc_curve(drop_intermediate=False) -> fpr[argmax(tpr >= 0.95)], on fixture() / 65535.
    let metrics = histogram(&fixture()).metrics();
    assert_close("AUROC", metrics.auroc, Some(0.6545709115516591));
    assert_close("AP", metrics.ap, Some(0.15003872852060074));
    assert_close("FPR95", metrics.fpr95, Some(0.8672743441529569));

    // The same with 1 - score and 1 - label.
    let mut errors = ErrorDetection::new();
    for (step, wrong) in fixture() {
        errors.add(f32::from(step) / 65535.0, !wrong);
    }
    let metrics = errors.metrics();
    assert_close("AUROC", metrics.auroc, Some(0.654570911551659));
    assert_close("AUPR", metrics.aupr, Some(0.9408395427282649));
    assert_close("FPR95", metrics.fpr95, Some(0.9203187250996016));
}

#[test]
fn figures_equal_those_computed_by_hand() {
    type Case = (
        &'static str,
        &'static [(u16, bool)],
        Option<f64>,
        Option<f64>,
        Option<f64>,
    );
    let cases: &[Case] = &[
        ("empty", &[], None, None, None),
        ("only positives", &[(3, true)], None, Some(1.0), None),
        ("only negatives", &[(3, false)], None, None, None),
        (
            "perfect",
            &[(9, true), (1, false)],
            Some(1.0),
            Some(1.0),
            Some(0.0),
        ),
        (
            "reversed",
            &[(1, true), (9, false)],
            Some(0.0),
            Some(0.5),
            Some(1.0),
        ),
        (
            "all tied",
            &[(5, true), (5, false), (5, false), (5, false)],
            Some(0.5),
            Some(0.25),
            Some(1.0),
        ),
        // Down: P (1/1), N, P (2/3), N. AP = 1/2 * 1 + 1/2 * 2/3; 3 of 4 pairs in order.
        (
            "interleaved",
            &[(4, true), (3, false), (2, true), (1, false)],
            Some(0.75),
            Some(5.0 / 6.0),
            Some(0.5),
        ),
    ];
    for (name, pixels, auroc, ap, fpr95) in cases {
        let metrics = histogram(pixels).metrics();
        assert_close(name, metrics.auroc, *auroc);
        assert_close(name, metrics.ap, *ap);
        assert_close(name, metrics.fpr95, *fpr95);
    }
}

#[test]
fn a_pixel_without_a_score_is_evaluated_as_unknown_and_counted() {
    let mut histogram = BinaryHistogram::new();
    histogram
        .add_slice(&[f32::NAN, 0.2, 0.9], &[NORMAL, NORMAL, ANOMALOUS])
        .unwrap();
    let metrics = histogram.metrics();
    assert_eq!(
        (metrics.non_finite, metrics.negatives, metrics.positives),
        (1, 2, 1)
    );
    assert_close("AUROC", metrics.auroc, Some(0.5));
}

#[test]
fn scores_outside_the_range_are_clamped() {
    for (score, bin) in [
        (-1.0, 0),
        (f32::NEG_INFINITY, 0),
        (2.0, 65535),
        (f32::NAN, 65535),
    ] {
        assert_eq!(bin_of(score), bin, "{score}");
    }
}

#[test]
fn ignored_pixels_are_left_out_and_unknown_labels_refused_before_anything_is_counted() {
    let mut histogram = BinaryHistogram::new();
    histogram.add_slice(&[0.1, 0.2], &[IGNORE, NORMAL]).unwrap();
    assert_eq!(histogram.metrics().negatives, 1);
    let error = histogram.add_slice(&[0.1, 0.2], &[NORMAL, 7]).unwrap_err();
    assert_eq!(error, EvaluateError::UnknownLabel { label: 7, index: 1 });
    assert!(histogram.add_slice(&[0.1], &[]).is_err());
    assert!(histogram.add_slice_u16(&[1], &[]).is_err());
    assert_eq!(histogram.metrics().negatives, 1);
}

#[test]
fn thresholds_are_undefined_without_the_class_they_are_about() {
    let only_normal = histogram(&[(1, false)]);
    assert_eq!(only_normal.threshold_at_tpr(0.95), None);
    let only_anomalous = histogram(&[(1, true)]);
    assert_eq!(only_anomalous.threshold_at_fpr(0.01), None);
    for rate in [-0.1, 1.1, f64::NAN] {
        assert_eq!(only_anomalous.threshold_at_tpr(rate), None);
        assert_eq!(only_normal.threshold_at_fpr(rate), None);
    }
}

#[test]
fn thresholds_reach_to_both_ends() {
    let pixels = histogram(&[(0, true), (65535, false)]);
    let all = pixels.threshold_at_tpr(1.0).unwrap();
    assert!(
        all.threshold < 0.0 && all.tpr == Some(1.0) && all.fpr == Some(1.0),
        "{all:?}"
    );
    let none = pixels.threshold_at_fpr(0.5).unwrap();
    assert_eq!(
        none,
        Threshold {
            threshold: 1.0,
            tpr: Some(0.0),
            fpr: Some(0.0)
        }
    );
}

#[test]
fn error_detection_calls_the_correct_pixel_positive() {
    let mut errors = ErrorDetection::new();
    // Scores low where correct: perfect. The ignored pixel would spoil it.
    errors
        .add_slice(
            &[0.1, 0.2, 0.9, 0.0],
            &[1, 2, 2, 1],
            &[1, 2, 0, 255],
            Some(255),
        )
        .unwrap();
    let metrics = errors.metrics();
    assert_eq!((metrics.correct, metrics.wrong), (2, 1));
    assert_close("AUROC", metrics.auroc, Some(1.0));
    assert_close("AUPR", metrics.aupr, Some(1.0));
    assert_close("FPR95", metrics.fpr95, Some(0.0));
    assert!(errors.add_slice(&[0.1], &[1, 2], &[1], None).is_err());
}

#[test]
fn iou_is_intersection_over_union_of_each_class() {
    let mut confusion = Confusion::new(4, Some(255)).unwrap();
    // Class 0: 2 right, 1 missed. Class 1: 1 right, 1 taken from 0. Class 2: predicted once,
    // where the label is 1. Class 3: nowhere. The last pixel is ignored, whatever it says.
    confusion
        .add_slice(&[0, 0, 1, 1, 2, 9], &[0, 0, 0, 1, 1, 255])
        .unwrap();
    let metrics = confusion.metrics();
    assert_eq!(
        metrics.iou,
        [Some(2.0 / 3.0), Some(1.0 / 3.0), Some(0.0), None]
    );
    assert_close("mIoU", metrics.miou, Some(1.0 / 3.0));
    assert_close("accuracy", metrics.pixel_accuracy, Some(0.6));
    assert_eq!(
        (metrics.pixels, confusion.count(0, 1), confusion.count(9, 0)),
        (5, 1, 0)
    );
}

#[test]
fn a_pixel_without_a_class_counts_against_its_label_only() {
    let mut confusion = Confusion::new(2, None).unwrap();
    confusion.add_slice(&[0, 255], &[0, 0]).unwrap();
    assert_eq!(confusion.metrics().iou, [Some(0.5), None]);
}

#[test]
fn ids_that_are_no_class_are_refused_before_anything_is_counted() {
    let mut confusion = Confusion::new(2, Some(255)).unwrap();
    for (prediction, label, name) in [(0, 2, "label"), (2, 0, "prediction")] {
        let error = confusion
            .add_slice(&[0, prediction], &[0, label])
            .unwrap_err();
        let expected = EvaluateError::UnknownClass {
            name,
            id: 2,
            index: 1,
            classes: 2,
        };
        assert_eq!(error, expected);
    }
    assert!(confusion.add_slice(&[0], &[]).is_err());
    assert_eq!(confusion.metrics().pixels, 0);
    assert_eq!(confusion.metrics().miou, None);
    assert!(Confusion::new(0, None).is_err() && Confusion::new(256, None).is_err());
    assert!(confusion.merge(&Confusion::new(3, None).unwrap()).is_err());
}

fn any_pixels() -> impl Strategy<Value = Vec<(u16, bool)>> {
    let step = prop_oneof![any::<u16>(), (0u16..8).prop_map(|step| step * 8192)];
    prop::collection::vec((step, any::<bool>()), 0..120)
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..Default::default() })]

    #[test]
    fn figures_equal_the_brute_force_reference(pixels in any_pixels()) {
        let metrics = histogram(&pixels).metrics();
        let (auroc, ap, fpr95) = reference(&pixels);
        assert_close("AUROC", metrics.auroc, auroc);
        assert_close("AP", metrics.ap, ap);
        assert_close("FPR95", metrics.fpr95, fpr95);
    }

    #[test]
    fn merging_equals_counting_together(a in any_pixels(), b in any_pixels()) {
        let mut merged = histogram(&a);
        merged.merge(&histogram(&b));
        prop_assert_eq!(merged, histogram(&[a, b].concat()));
    }

    #[test]
    fn sixteen_bit_scores_count_as_their_floats(pixels in any_pixels()) {
        let (steps, labels): (Vec<u16>, Vec<u8>) =
            pixels.iter().map(|&(step, positive)| (step, u8::from(positive))).unzip();
        let mut other = BinaryHistogram::new();
        other.add_slice_u16(&steps, &labels).unwrap();
        prop_assert_eq!(other, histogram(&pixels));
    }

    #[test]
    fn thresholds_do_to_the_scores_what_they_say(pixels in any_pixels(), rate in 0.0..=1.0) {
        let counts = histogram(&pixels);
        let share = |threshold: f32, class: bool| {
            let of: Vec<_> = pixels.iter().filter(|pixel| pixel.1 == class).collect();
            let over = of.iter().filter(|pixel| f32::from(pixel.0) / 65535.0 > threshold);
            (!of.is_empty()).then(|| over.count() as f64 / of.len() as f64)
        };
        for chosen in [counts.threshold_at_tpr(rate), counts.threshold_at_fpr(rate)] {
            let Some(chosen) = chosen else { continue };
            prop_assert_eq!(chosen.tpr, share(chosen.threshold, true));
            prop_assert_eq!(chosen.fpr, share(chosen.threshold, false));
            prop_assert_eq!(counts.rates_at(chosen.threshold), chosen);
        }
        if let Some(chosen) = counts.threshold_at_tpr(rate) {
            prop_assert!(chosen.tpr >= Some(rate));
        }
        if let Some(chosen) = counts.threshold_at_fpr(rate) {
            prop_assert!(chosen.fpr <= Some(rate));
        }
    }
}
