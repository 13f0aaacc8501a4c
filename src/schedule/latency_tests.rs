use super::*;
use proptest::prelude::*;

/// Preprocess, segmentation, observer (where the mode has one), publish, in µs.
fn times(mode: Mode, scale: f64) -> StageTimes {
    let mut times = StageTimes::default();
    let resolution = match mode.resolution {
        crate::engine::Resolution::Full => 1.0,
        crate::engine::Resolution::Reduced => 0.4,
        crate::engine::Resolution::Fallback => 0.2,
    };
    let mut add = |stage, micros: f64| {
        times.add(stage, Duration::from_secs_f64(micros * scale * 1e-6));
    };
    add(Stage::Preprocess, 1_000.0 * resolution);
    add(Stage::Segmentation, 20_000.0 * resolution);
    if mode.observer {
        add(Stage::Observer, 10_000.0 * resolution);
    }
    add(Stage::Publish, 2_000.0);
    times
}

fn warm() -> LatencyModel {
    let mut model = LatencyModel::default();
    for _ in 0..20 {
        for mode in Mode::ALL {
            model.warm_up(mode, &times(mode, 1.0));
        }
    }
    model
}

/// p50 and p99 of the whole frame, in ms, to a thousandth.
fn predicted(model: &LatencyModel, mode: Mode, from: Stage) -> (f64, f64) {
    let Prediction { p50, p99 } = model.predict(mode, from).unwrap();
    let millis = |t: Duration| (t.as_secs_f64() * 1e6).round() / 1e3;
    (millis(p50), millis(p99))
}

#[test]
fn a_mode_without_enough_dry_runs_has_no_prediction() {
    let mut model = LatencyModel::default();
    for _ in 0..LatencyModel::MIN_DRY_RUNS {
        assert_eq!(model.predict(Mode::FULL, Stage::Decode), None);
        model.warm_up(Mode::FULL, &times(Mode::FULL, 1.0));
    }
    assert!(model.predict(Mode::FULL, Stage::Decode).is_some());
    assert_eq!(model.predict(Mode::REDUCED, Stage::Decode), None);
    // Frames of a mode that was not warmed up teach nothing about it, nor about the pace.
    for _ in 0..50 {
        model.record(Mode::REDUCED, &times(Mode::REDUCED, 3.0));
    }
    assert_eq!(model.predict(Mode::REDUCED, Stage::Decode), None);
    assert_eq!(model.pace(), 1.0);
}

#[test]
fn dry_runs_are_predicted() {
    let model = warm();
    assert_eq!(predicted(&model, Mode::FULL, Stage::Decode), (33.0, 33.0));
    assert_eq!(
        predicted(&model, Mode::FULL, Stage::Preprocess),
        (33.0, 33.0)
    );
    assert_eq!(predicted(&model, Mode::FULL, Stage::Observer), (12.0, 12.0));
    assert_eq!(
        predicted(&model, Mode::FULL_LOGITS, Stage::Decode),
        (23.0, 23.0)
    );
    assert_eq!(
        predicted(&model, Mode::FULL_LOGITS, Stage::Observer),
        (2.0, 2.0)
    );
    assert_eq!(
        predicted(&model, Mode::REDUCED, Stage::Decode),
        (14.4, 14.4)
    );
}

#[test]
fn a_slower_machine_is_slower_in_modes_that_are_not_run() {
    let mut model = warm();
    for _ in 0..2 {
        model.record(Mode::REDUCED, &times(Mode::REDUCED, 2.0));
    }
    assert_eq!(predicted(&model, Mode::FULL, Stage::Decode), (66.0, 66.0));
    assert_eq!(predicted(&model, Mode::REDUCED, Stage::Publish), (4.0, 4.0));
}

#[test]
fn a_step_there_and_back_leaves_the_windows_clean() {
    let mut model = warm();
    for i in 0..400 {
        let scale = if (i / 40) % 2 == 1 { 2.0 } else { 1.0 };
        model.record(Mode::FULL, &times(Mode::FULL, scale));
    }
    assert_eq!(model.pace(), 2.0);
    for _ in 0..40 {
        model.record(Mode::FULL, &times(Mode::FULL, 1.0));
    }
    for mode in Mode::ALL {
        let Prediction { p50, p99 } = model.predict(mode, Stage::Decode).unwrap();
        assert_eq!(p50, p99, "{mode}");
        assert!(p99 <= times(mode, 1.0001).total(), "{mode}");
    }
}

#[test]
fn spikes_are_in_the_p99_and_not_in_the_pace() {
    let mut model = warm();
    for i in 0..400 {
        let scale = if i % 25 == 0 { 1.8 } else { 1.0 };
        model.record(Mode::FULL, &times(Mode::FULL, scale));
        assert_eq!(model.pace(), 1.0, "frame {i}");
    }
    assert_eq!(predicted(&model, Mode::FULL, Stage::Decode), (33.0, 59.4));
}

#[test]
fn the_p99_of_a_sum_is_not_the_sum_of_p99s() {
    let mut model = warm();
    for i in 0..200 {
        let mut times = StageTimes::default();
        // Slow in turn, never both at once.
        let (a, b) = [(20, 10), (30, 10), (20, 20)][i % 3];
        times.add(Stage::Preprocess, Duration::from_millis(1));
        times.add(Stage::Segmentation, Duration::from_millis(a));
        times.add(Stage::Observer, Duration::from_millis(b));
        times.add(Stage::Publish, Duration::from_millis(2));
        model.record(Mode::FULL, &times);
    }
    // The pace is the ratio of the median frame, 43 ms. The p99s of the stages are 53 ms together.
    let (p50, p99) = predicted(&model, Mode::FULL, Stage::Decode);
    assert!(
        (p50 - 43.0).abs() < 0.1 && (p99 - 43.0).abs() < 0.1,
        "{p50} {p99}"
    );
}

#[test]
fn a_hang_is_counted_and_predicts_nothing() {
    let mut model = warm();
    for i in 0..300 {
        let scale = if i % 50 == 49 { 150.0 } else { 1.0 };
        model.record(Mode::FULL, &times(Mode::FULL, scale));
    }
    assert_eq!(predicted(&model, Mode::FULL, Stage::Decode), (33.0, 33.0));
    // The last of the six still waits for the frames after it.
    assert_eq!(model.hangs(), 5);
}

#[test]
fn a_mode_that_does_not_run_forgets_a_bad_spell() {
    let mut model = warm();
    let p99 = |model: &LatencyModel| predicted(model, Mode::FULL, Stage::Decode).1;
    for i in 0..40 {
        let scale = if i % 10 == 0 { 3.0 } else { 1.0 };
        model.record(Mode::FULL, &times(Mode::FULL, scale));
    }
    assert_eq!(p99(&model), 99.0);
    // one in as many frames as there are other modes
    for _ in 0..(Mode::COUNT - 1) * 128 + Pace::DELAY {
        model.record(Mode::REDUCED, &times(Mode::REDUCED, 1.0));
    }
    assert_eq!(p99(&model), 33.0);
}

#[test]
fn a_mode_learns_from_frames_that_were_downgraded() {
    let (mut told, mut untold) = (warm(), warm());
    for i in 0..60 {
        if i % 20 == 19 {
            told.record_downgraded(Mode::FULL, &times(Mode::FULL_LOGITS, 1.6));
            untold.record(Mode::REDUCED, &times(Mode::REDUCED, 1.0));
        } else {
            told.record(Mode::FULL, &times(Mode::FULL, 1.0));
            untold.record(Mode::FULL, &times(Mode::FULL, 1.0));
        }
    }
    assert_eq!(predicted(&told, Mode::FULL, Stage::Decode), (33.0, 52.8));
    assert_eq!(predicted(&untold, Mode::FULL, Stage::Decode), (33.0, 33.0));
}

#[test]
fn publication_is_learnt_from_frames_when_dry_runs_lack_it() {
    let mut model = LatencyModel::default();
    for _ in 0..5 {
        for mode in Mode::ALL {
            let mut dry = StageTimes::default();
            for (stage, time) in times(mode, 1.0).iter() {
                if let Some(time) = time.filter(|_| stage != Stage::Publish) {
                    dry.add(stage, time);
                }
            }
            model.warm_up(mode, &dry);
        }
    }
    assert_eq!(model.predict(Mode::FULL, Stage::Publish), None);
    assert_eq!(predicted(&model, Mode::FULL, Stage::Decode), (31.0, 31.0));
    // The first publication takes 150 ms more.
    let mut first = times(Mode::FULL, 1.0);
    first.add(Stage::Publish, Duration::from_millis(150));
    model.record(Mode::FULL, &first);
    for _ in 0..20 {
        model.record(Mode::FULL, &times(Mode::FULL, 1.0));
    }
    assert_eq!(predicted(&model, Mode::FULL, Stage::Decode).0, 33.0);
    assert_eq!(predicted(&model, Mode::REDUCED, Stage::Decode).0, 14.4);
}

fn any_time() -> impl Strategy<Value = Option<Duration>> {
    prop_oneof![
        1 => Just(None),
        1 => Just(Some(Duration::ZERO)),
        1 => Just(Some(Duration::MAX)),
        4 => (0u64..100_000).prop_map(|micros| Some(Duration::from_micros(micros))),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..Default::default() })]

    #[test]
    fn any_times_are_taken(
        dry in prop::collection::vec((0usize..4, prop::array::uniform7(any_time())), 0..20),
        frames in prop::collection::vec(
            (0usize..4, any::<bool>(), prop::array::uniform7(any_time())), 0..200),
    ) {
        let stage_times = |measured: [Option<Duration>; Stage::COUNT]| {
            let mut times = StageTimes::default();
            for (stage, time) in Stage::ALL.into_iter().zip(measured) {
                if let Some(time) = time {
                    times.add(stage, time);
                }
            }
            times
        };
        let mut model = LatencyModel::default();
        for (mode, measured) in dry {
            model.warm_up(Mode::ALL[mode], &stage_times(measured));
        }
        for (mode, downgraded, measured) in frames {
            let (mode, times) = (Mode::ALL[mode], stage_times(measured));
            if downgraded {
                model.record_downgraded(mode, &times);
            } else {
                model.record(mode, &times);
            }
            prop_assert!((1e-3..=1e3).contains(&model.pace()), "{}", model.pace());
            for mode in Mode::ALL {
                for stage in Stage::ALL {
                    let prediction = model.predict(mode, stage);
                    prop_assert!(prediction.is_none_or(|p| p.p50 <= p.p99));
                }
            }
        }
    }
}
