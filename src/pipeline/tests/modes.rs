//! Frames of several modes after each other.

use super::*;

#[test]
fn a_frame_of_a_mode_without_a_stop_level_leaves_its_time_to_the_next_that_the_tracks_take() {
    let mut run = Run::with(by_evidence());
    run.pipeline.set_ground(Some(ground())).unwrap();
    let seconds = |run: &Run| run.pipeline.motion().seconds;
    assert!(run.frame().tracked.is_some());
    run.frame();
    assert!((seconds(&run) - 0.05).abs() < 1e-6, "{}", seconds(&run));
    for _ in 0..2 {
        let verdict = run.frame_in(Mode::REDUCED, IMAGE);
        assert_eq!(verdict.tracked, None, "evidence and areas are not mixed");
    }
    run.frame();
    assert!((seconds(&run) - 0.15).abs() < 1e-6, "{}", seconds(&run));
}

#[test]
fn f25_a_mode_without_a_stop_level_raises_the_flag_where_evidence_decides_and_there_alone() {
    let mut settings = by_evidence();
    for (least, on_ground, reason) in [
        (Mode::REDUCED, true, "no-stop-level"),
        (Mode::FULL, true, "weak-mode"),
        (Mode::REDUCED, false, "clear"),
    ] {
        settings.least_mode = least;
        let mut run = Run::with(settings.clone());
        run.pipeline.set_ground(on_ground.then(ground)).unwrap();
        run.hide(true);
        for _ in 0..3 {
            assert_eq!(run.frame().safe_stop, run.frames < 3);
        }
        let verdict = run.frame_in(Mode::REDUCED, IMAGE);
        assert_eq!(verdict.reason.code(), reason);
        assert_eq!(verdict.safe_stop, reason == "no-stop-level");
    }
}

#[test]
fn a_stop_level_that_a_mode_lacks_is_said_in_every_status_where_that_mode_may_run() {
    let mut settings = by_evidence();
    assert_eq!(settings.note(), "", "no other mode runs");
    settings.schedule = Schedule::Deadline(AdmissionConfig::default());
    let note = settings.note();
    assert!(
        note.starts_with(
            "stop_file has no level for the mode reduced+observer: its frames do not count as watching"
        ),
        "{note}"
    );
    assert!(note.contains("`lookout calibrate stop`"), "{note}");
    assert_eq!(settings.notes(), [note]);
    // one that is below the least that counts needs none, nor does one where no evidence decides
    settings.least_mode = Mode::FULL;
    assert_eq!(settings.note(), "");
    settings.least_mode = Mode::REDUCED;
    assert_eq!(settings.watch(Mode::REDUCED, false), Watch::Counts);
    settings.stop_levels = StopLevels::default();
    assert_eq!(settings.note(), "");
    let levels = StopLevels::default().with(Mode::FULL, stop_level());
    settings.stop_levels = levels.with(Mode::REDUCED, stop_level());
    assert_eq!(settings.note(), "");
}

#[test]
fn s20_modes_that_count_share_a_window_and_each_is_judged_by_its_own_threshold() {
    // somebody's score is 0.75
    for (reduced, third, fourth) in [
        (0.5, State::Stop, State::Stop),
        (0.999, State::Warn, State::Stop),
    ] {
        let mut run = Run::with(reduced_at(reduced));
        run.frame();
        run.frame_in(Mode::REDUCED, IMAGE);
        assert_eq!(run.frame().state, third, "{reduced}");
        assert_eq!(run.frame().state, fourth, "{reduced}");
    }
}

#[test]
fn s21_a_mode_below_the_best_that_may_run_is_a_fallback_and_the_best_is_none() {
    let mut run = Run::with(reduced_at(0.5));
    let states = [(); 3].map(|()| run.frame_in(Mode::REDUCED, IMAGE).state);
    assert_eq!(states[2], State::Fault, "{states:?}");

    let mut settings = reduced_at(0.5);
    settings.schedule = Schedule::Fixed(Mode::REDUCED);
    let mut run = Run::with(settings);
    let states = [(); 3].map(|()| run.frame_in(Mode::REDUCED, IMAGE).state);
    assert_eq!(states[2], State::Stop, "{states:?}");
}
