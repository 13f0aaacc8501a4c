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
        let weak = run.frame_in(Mode::REDUCED, IMAGE);
        assert_eq!(weak.tracked, None, "evidence and areas are not mixed");
    }
    run.frame();
    assert!((seconds(&run) - 0.15).abs() < 1e-6, "{}", seconds(&run));
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
