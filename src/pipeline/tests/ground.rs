//! Where the corridor is, and what counts in it: with a ground and a limit, and without.

use super::*;

#[test]
fn without_ground_the_whole_trapezoid_counts_whatever_the_limit() {
    let (mut run, mut limited) = (Run::new(), Run::new());
    limited.pipeline.set_far_limit(Some(1.0));
    for _ in 0..6 {
        let verdict = run.frame();
        assert_eq!(seen(&verdict), (WHOLE, None));
        assert_eq!(limited.frame(), verdict);
    }
}

#[test]
fn what_is_hardly_over_the_threshold_confirms_no_stop() {
    let mut settings = settings();
    let (score, threshold) = (ScoreKind::OBSERVER, 0.74);
    settings.judges = Judges::one(Mode::FULL, Judge { score, threshold });
    for ground in [None, Some(ground())] {
        let mut run = Run::with(settings.clone());
        run.pipeline.set_ground(ground).unwrap();
        for _ in 0..3 {
            run.frame();
        }
        // somebody's score is 0.75
        let verdict = run.frame();
        assert_eq!(verdict.anomalous_pixels, WHOLE);
        assert_eq!((verdict.state, verdict.corridor_pixels), (State::Ok, 0));
    }
}

#[test]
fn g10_ground_and_limit_hold_from_the_next_frame_on() {
    let mut run = Run::new();
    run.pipeline.set_ground(Some(ground())).unwrap();
    let known = run.frame();
    assert_eq!(known.corridor_pixels, WHOLE);
    let distance = known.nearest.unwrap();
    assert!((distance - STANDS_AT).abs() < 1e-4, "{distance}");
    run.pipeline.set_far_limit(Some(STANDS_AT + 0.1));
    assert_eq!(seen(&run.frame()), (WHOLE, known.nearest));
    run.pipeline.set_far_limit(Some(STANDS_AT - 0.1));
    let beyond = run.frame();
    assert_eq!(seen(&beyond), (0, None));
    assert_eq!(beyond.anomalous_pixels, WHOLE);
    // the speed is lost
    run.pipeline.set_far_limit(None);
    assert_eq!(seen(&run.frame()), (WHOLE, known.nearest));
    run.pipeline.set_far_limit(Some(STANDS_AT - 0.1));
    run.pipeline.set_ground(None).unwrap();
    assert_eq!(seen(&run.frame()), (WHOLE, None));
}

#[test]
fn g11_a_stop_is_not_taken_back_by_a_limit() {
    let mut run = Run::new();
    run.pipeline.set_ground(Some(ground())).unwrap();
    let states: Vec<State> = (0..4).map(|_| run.frame().state).collect();
    assert_eq!(states.last(), Some(&State::Stop), "{states:?}");
    run.pipeline.set_far_limit(Some(1.0));
    for _ in 0..40 {
        let verdict = run.frame();
        assert_eq!((verdict.state, verdict.corridor_pixels), (State::Stop, 0));
    }
}

#[test]
fn a_picture_of_another_size_is_judged_without_ground() {
    let mut run = Run::new();
    run.pipeline.set_ground(Some(ground())).unwrap();
    run.pipeline.set_far_limit(Some(1.0));
    assert_eq!(seen(&run.frame()), (0, None));
    assert_eq!(seen(&run.frame_of((128, 96))), (WHOLE, None));
    assert_eq!(seen(&run.frame()), (0, None));
}

#[test]
fn g08_a_message_of_a_speed_that_cannot_be_loses_no_track() {
    let second = Duration::from_secs(1);
    for speed in [600.0, 1e5, f64::INFINITY, f64::NAN] {
        let mut run = Run::after_two_frames(by_evidence());
        let mut known = Surroundings::new(StoppingConfig::default(), None).unwrap();
        known.odometry(speed, 10.0, second);
        known.apply(&mut run.pipeline, second);
        run.frame();
        assert_close(run.evidence(), 3.0 * ADDS);
    }
}

#[test]
fn it_is_told_in_how_many_frames_the_evidence_decided() {
    let mut run = Run::with(by_evidence());
    let mut known = Surroundings::new(StoppingConfig::default(), Some(Mount::level(1.5))).unwrap();
    assert!(!known.never_on_ground());
    let mut frame = |known: &mut Surroundings| {
        known.apply(&mut run.pipeline, Duration::ZERO);
        run.frame();
        known.judged(&run.pipeline);
        known.deciding("few stops")
    };
    let line = frame(&mut known);
    assert!(line.starts_with("by area, because no frame had"), "{line}");
    assert!(known.never_on_ground());
    known.camera_info(calibration());
    let line = frame(&mut known);
    assert!(line.starts_with("by evidence in 1 of 2 frames"), "{line}");
    assert!(!known.never_on_ground());

    let mut known = Surroundings::new(StoppingConfig::default(), Some(Mount::level(1.5))).unwrap();
    known.camera_info(calibration());
    assert_eq!(frame(&mut known), "by evidence: few stops");
}

#[test]
fn what_is_known_of_camera_and_vehicle_reaches_the_next_frame_and_is_told() {
    let second = Duration::from_secs(1);
    let mut run = Run::new();
    let mut known = Surroundings::new(StoppingConfig::default(), None).unwrap();
    let mut frame = |known: &mut Surroundings, now| {
        known.apply(&mut run.pipeline, now);
        let verdict = run.frame();
        known.judged(&run.pipeline);
        let (line, checked) = (known.line(&run.pipeline), known.check(&run.pipeline, IMAGE));
        (
            verdict.corridor_pixels,
            line,
            checked.map_err(|e| e.to_string()),
        )
    };
    let (counted, line, checked) = frame(&mut known, second);
    assert_eq!(
        (counted, line.as_str()),
        (WHOLE, "trapezoid, no camera known")
    );
    assert_eq!(checked.unwrap_err(), "the camera's height is not known");

    known.set_mount(Some(Mount::level(1.5)));
    let (_, line, checked) = frame(&mut known, second);
    assert_eq!(line, "trapezoid, no camera known");
    assert_eq!(checked.unwrap_err(), "no camera_info yet");

    known.camera_info(Calibration {
        coefficients: 3,
        ..calibration()
    });
    let (_, line, checked) = frame(&mut known, second);
    assert!(
        line.starts_with("trapezoid, distortion model \"plumb_bob\" does not go"),
        "{line}"
    );
    assert!(line.contains(&checked.unwrap_err()));

    known.camera_info(calibration());
    let version = known.version();
    let (_, line, checked) = frame(&mut known, second);
    assert_eq!(checked, Ok(()));
    let words = "2.5 m wide, camera 1.5 m high in 1 of 4 frames, no odometry, so at any distance";
    // the pipeline's vehicle is wider
    assert_eq!(line, words.replace("2.5", "10.6"));
    known.camera_info(calibration());
    let _ = frame(&mut known, second);
    assert_eq!(
        known.version(),
        version + 1,
        "the same again is nothing new"
    );

    // stands 5 m away: 3 m and reaction at 1 m/s is nearer, at 10 m/s farther
    for (speed, counted) in [(1.0, 0), (10.0, WHOLE), (-1.0, WHOLE)] {
        known.odometry(speed, 0.0, second);
        assert_eq!(frame(&mut known, second).0, counted, "{speed}");
    }
    known.odometry(1.0, 0.0, second);
    assert_eq!(frame(&mut known, 2 * second).0, WHOLE, "too old");
    let (_, line, _) = frame(&mut known, second);
    let words = "10.6 m wide, camera 1.5 m high in 7 of 10 frames, stopping distance from odometry in 3 of \
                 10 frames";
    assert_eq!(line, words);

    // what was given holds
    known.set_camera(calibration());
    known.camera_info(Calibration::default());
    assert_eq!(frame(&mut known, second).2, Ok(()));
}
