use super::resample::Resampler;
use super::*;
use proptest::prelude::*;

fn score_of(kind: ScoreKind, logits: &[f32]) -> f32 {
    let planes = Planes::new(logits.len(), 1, 1, logits).unwrap();
    let observer = Planes::new(1, 1, 1, &logits[..1]).unwrap();
    let mut map = ScoreMap::default();
    score(kind, planes, Some(observer), &mut map).unwrap();
    map.values()[0]
}

/// The formulas of the module's table in double precision.
fn reference(kind: ScoreKind, logits: &[f32]) -> f64 {
    let z: Vec<f64> = logits.iter().map(|&z| f64::from(z)).collect();
    let max = z.iter().copied().fold(f64::NEG_INFINITY, f64::max);
    let arg = z.iter().position(|&v| v == max).unwrap();
    let sum: f64 = z.iter().map(|v| (v - max).exp()).sum();
    let others: f64 = z
        .iter()
        .enumerate()
        .filter(|(i, _)| *i != arg)
        .map(|(_, v)| (v - max).exp())
        .sum();
    let spread: f64 = z.iter().map(|v| (max - v) * (v - max).exp()).sum();
    let log_floor = -(1e-7f64.ln());
    let value = match kind {
        ScoreKind::Head(_) => (z[0] + 12.0) / 24.0,
        ScoreKind::Softmax => 1.0 + (others / sum).ln() / log_floor,
        ScoreKind::MaxLogit => (40.0 - max) / 80.0,
        ScoreKind::Entropy => {
            1.0 + ((others.ln_1p() + spread / sum) / (z.len() as f64).ln()).ln() / log_floor
        }
        ScoreKind::Energy => (40.0 - (max + others.ln_1p())) / 80.0,
    };
    value.clamp(0.0, 1.0)
}

#[test]
fn names_round_trip_through_text_and_serde() {
    for kind in ScoreKind::ALL {
        assert_eq!(kind.to_string().parse::<ScoreKind>(), Ok(kind));
        assert_eq!(serde_json::to_string(&kind).unwrap(), format!("\"{kind}\""));
    }
    let head: ScoreKind = "ash-b_2".parse().unwrap();
    assert!(head.needs_head() && head != ScoreKind::OBSERVER);
    assert_eq!(head.name(), "ash-b_2");
    let longest = "m".repeat(HeadName::LONGEST);
    assert_eq!(longest.parse::<ScoreKind>().unwrap().name(), longest);
    for name in ["", "two words", "größe", &format!("{longest}m")] {
        let error = name.parse::<ScoreKind>().unwrap_err().to_string();
        assert!(
            error.contains(&format!("{name:?}")) && error.contains("max-logit"),
            "{error}"
        );
    }
}

#[test]
fn scores_take_the_values_of_the_table() {
    use ScoreKind::*;
    let cases: &[(ScoreKind, &[f32], f32)] = &[
        (ScoreKind::OBSERVER, &[0.0, 0.0], 0.5),
        (ScoreKind::OBSERVER, &[12.0, 0.0], 1.0),
        (ScoreKind::OBSERVER, &[-30.0, 0.0], 0.0),
        (MaxLogit, &[0.0, -5.0], 0.5),
        (MaxLogit, &[40.0, 50.0], 0.0),
        (Energy, &[0.0, -80.0], 0.5),
        // Two equal classes: 1 - p = 1/2, and as much entropy as there can be.
        (
            Softmax,
            &[3.0, 3.0],
            1.0 - std::f32::consts::LN_2 / LOG_FLOOR,
        ),
        (Entropy, &[3.0, 3.0], 1.0),
        (Softmax, &[100.0, 0.0], 0.0),
        (Entropy, &[100.0, 0.0], 0.0),
    ];
    for &(kind, logits, expected) in cases {
        let got = score_of(kind, logits);
        assert!(
            (got - expected).abs() < 1e-6,
            "{kind} of {logits:?}: {got}, not {expected}"
        );
    }
}

#[test]
fn confident_pixels_keep_their_order_at_16_bits() {
    for kind in [
        ScoreKind::Softmax,
        ScoreKind::Entropy,
        ScoreKind::MaxLogit,
        ScoreKind::Energy,
    ] {
        let steps: Vec<u16> = (0..60)
            .map(|i| (score_of(kind, &[0.0, 1.0 + i as f32 / 4.0, 0.5]) * 65535.0).round() as u16)
            .collect();
        assert!(steps.is_sorted_by(|a, b| a > b), "{kind}: {steps:?}");
    }
}

#[test]
fn a_logit_that_is_not_finite_never_comes_out_as_known() {
    for kind in ScoreKind::ALL {
        for bad in [f32::NAN, f32::INFINITY, f32::NEG_INFINITY] {
            let logits = [bad, 0.0, 50.0, 0.0];
            let planes = Planes::new(2, 1, 2, &logits).unwrap();
            let observer = Planes::new(1, 1, 2, &logits[..2]).unwrap();
            let mut map = ScoreMap::default();
            let stats = score(kind, planes, Some(observer), &mut map).unwrap();
            assert_eq!(stats.non_finite, 1, "{kind} of {bad}");
            assert!(
                map.values()[0].is_nan() && !map.values()[1].is_nan(),
                "{kind} of {bad}"
            );
            assert_eq!(stats.min, stats.max, "{kind} of {bad}");
        }
    }
}

#[test]
fn extreme_finite_logits_stay_in_range() {
    for kind in ScoreKind::ALL {
        for logits in [
            [f32::MAX, f32::MIN],
            [f32::MIN, f32::MIN],
            [f32::MAX, f32::MAX],
        ] {
            let got = score_of(kind, &logits);
            assert!((0.0..=1.0).contains(&got), "{kind} of {logits:?}: {got}");
        }
    }
}

#[test]
fn planes_that_do_not_fit_are_refused_and_the_map_is_left_alone() {
    let data = [0.0; 8];
    let (one, two) = (
        Planes::new(1, 2, 2, &data[..4]).unwrap(),
        Planes::new(2, 2, 2, &data).unwrap(),
    );
    let wide = Planes::new(1, 1, 4, &data[..4]).unwrap();
    let observer = ScoreKind::OBSERVER;
    let cases = [
        (
            ScoreKind::Softmax,
            one,
            None,
            ScoreError::TooFewClasses { channels: 1 },
        ),
        (observer, two, None, ScoreError::HeadMissing),
        (
            observer,
            two,
            Some(two),
            ScoreError::HeadChannels { channels: 2 },
        ),
        (
            observer,
            two,
            Some(wide),
            ScoreError::SizeMismatch {
                width: 4,
                height: 1,
                expected_width: 2,
                expected_height: 2,
            },
        ),
    ];
    for (kind, logits, observer, expected) in cases {
        let mut map = ScoreMap::default();
        assert_eq!(score(kind, logits, observer, &mut map), Err(expected));
        assert_eq!(map, ScoreMap::default());
    }
    assert!(matches!(
        Planes::new(0, 2, 2, &[]),
        Err(ScoreError::Empty { .. })
    ));
    assert!(matches!(
        Planes::new(usize::MAX, 2, 2, &data),
        Err(ScoreError::Length { .. })
    ));
    assert!(matches!(
        Planes::new(1, 3, 3, &data),
        Err(ScoreError::Length { .. })
    ));
}

#[test]
fn arg_max_takes_the_lowest_of_equals_and_no_class_without_finite_logits() {
    let logits = [1.0, 2.0, 0.0, f32::NAN, 3.0, 2.0, 0.0, 1.0];
    let mut classes = [9; 4];
    argmax(Planes::new(2, 1, 4, &logits).unwrap(), &mut classes).unwrap();
    assert_eq!(classes, [1, 0, 0, NO_CLASS]);
    assert!(argmax(Planes::new(2, 1, 4, &logits).unwrap(), &mut [0; 3]).is_err());
    let many = vec![0.0; 256];
    assert!(argmax(Planes::new(256, 1, 1, &many).unwrap(), &mut [0]).is_err());
}

#[test]
fn resampling_uses_half_pixel_centres() {
    // By hand: position = (i + 1/2) * source / target - 1/2, cut at the edges.
    let cases: &[((usize, usize), &[f32])] = &[
        ((2, 2), &[1.0, 2.0, 3.0, 4.0]),
        ((4, 2), &[1.0, 1.25, 1.75, 2.0, 3.0, 3.25, 3.75, 4.0]),
        ((1, 1), &[2.5]),
        ((3, 3), &[1.0, 1.5, 2.0, 2.0, 2.5, 3.0, 3.0, 3.5, 4.0]),
    ];
    for &(target, expected) in cases {
        let map = ScoreMap::from_values(2, 2, vec![1.0, 2.0, 3.0, 4.0]).unwrap();
        let mut out = ScoreMap::default();
        Resampler::new((2, 2), target)
            .unwrap()
            .scores(&map, &mut out)
            .unwrap();
        assert_eq!((out.width(), out.height()), target);
        for (got, expected) in out.values().iter().zip(expected) {
            assert!(
                (got - expected).abs() < 1e-6,
                "{target:?}: {:?}",
                out.values()
            );
        }
    }
}

#[test]
fn impossible_resampling_is_refused() {
    assert!(Resampler::new((0, 2), (2, 2)).is_err());
    assert!(Resampler::new((2, 2), (usize::MAX, 2)).is_err());
    let mut resampler = Resampler::new((2, 2), (4, 4)).unwrap();
    assert!(
        resampler
            .scores(&ScoreMap::new(3, 2), &mut ScoreMap::default())
            .is_err()
    );
    let planes = Planes::new(1, 2, 2, &[0.0; 4]).unwrap();
    assert!(resampler.argmax(planes, &mut [0; 15]).is_err());
    assert!(resampler.planes(planes, &mut [0.0; 15]).is_err());
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..Default::default() })]

    #[test]
    fn scores_agree_with_double_precision(
        logits in prop::collection::vec(-45.0f32..45.0, 2..20),
    ) {
        for kind in ScoreKind::ALL {
            let (got, expected) = (f64::from(score_of(kind, &logits)), reference(kind, &logits));
            prop_assert!((got - expected).abs() < 2e-6, "{}: {} not {}", kind, got, expected);
        }
    }

    #[test]
    fn pixels_do_not_depend_on_their_place(
        (width, height, data) in (1usize..40, 1usize..12).prop_flat_map(|(w, h)| {
            (Just(w), Just(h), prop::collection::vec(-20.0f32..20.0, 3 * w * h))
        }),
    ) {
        let planes = Planes::new(3, height, width, &data).unwrap();
        let mut map = ScoreMap::default();
        let mut classes = vec![0; width * height];
        argmax(planes, &mut classes).unwrap();
        for kind in &ScoreKind::ALL[1..] {
            score(*kind, planes, None, &mut map).unwrap();
            for i in 0..width * height {
                let pixel: Vec<f32> = planes.planes().map(|plane| plane[i]).collect();
                prop_assert_eq!(map.values()[i], score_of(*kind, &pixel));
                prop_assert!(pixel.iter().all(|v| *v <= pixel[usize::from(classes[i])]));
            }
        }
    }

    #[test]
    fn arg_max_by_rows_equals_that_of_full_size_planes(
        data in prop::collection::vec(-3.0f32..3.0, 3 * 5 * 4),
        width in 1usize..20, height in 1usize..20,
    ) {
        let planes = Planes::new(3, 4, 5, &data).unwrap();
        let mut resampler = Resampler::new((5, 4), (width, height)).unwrap();
        let mut full = vec![0.0; 3 * width * height];
        resampler.planes(planes, &mut full).unwrap();
        let mut expected = vec![0; width * height];
        argmax(Planes::new(3, height, width, &full).unwrap(), &mut expected).unwrap();
        let mut got = vec![0; width * height];
        resampler.argmax(planes, &mut got).unwrap();
        prop_assert_eq!(got, expected);
    }
}
