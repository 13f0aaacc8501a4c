//! What frames do to the evidence of tracks: in time, late, faulty, blurred.

use super::*;

#[test]
fn regions_as_small_as_a_stop_level_takes_count_on_a_known_ground_only() {
    let mut settings = by_evidence();
    // more than somebody covers, so that the area rule takes nobody
    settings.min_region_ppm = 200_000;
    let mut run = Run::with(settings);
    for _ in 0..6 {
        let verdict = run.frame();
        assert_eq!((verdict.corridor_pixels, verdict.tracked), (0, None));
    }
    run.pipeline.set_ground(Some(ground())).unwrap();
    let tracked = run.frame().tracked.unwrap();
    assert!(tracked.evidence > 0.0, "{tracked:?}");
}

#[test]
fn s19_a_late_frame_adds_to_the_evidence_and_takes_none() {
    let mut run = Run::after_two_frames(by_evidence());
    run.hide(true);
    run.age_ms = 300;
    // longer than the gap after which tracks are forgotten
    for _ in 0..30 {
        assert_eq!(run.frame().reason.code(), "late");
        assert_close(run.evidence(), 2.0 * ADDS);
    }
    run.hide(false);
    run.frame();
    assert_close(run.evidence(), 3.0 * ADDS);
    // in time, it takes
    run.age_ms = 0;
    run.hide(true);
    run.frame();
    assert_close(run.evidence(), 3.0 * ADDS - TAKES);
}

#[test]
fn s19_a_frame_whose_verdict_came_out_too_late_gives_back_what_it_took() {
    let mut run = Run::after_two_frames(by_evidence());
    run.hide(true);
    run.frame();
    assert_close(run.evidence(), 2.0 * ADDS - TAKES);
    for _ in 0..2 {
        assert_eq!(run.overdue().state, State::Fault);
        assert_close(run.evidence(), 2.0 * ADDS);
    }
    // one that ends a track brings it back
    for taken in [1.0, 2.0, 3.0, 4.0] {
        run.frame();
        assert_close(run.evidence(), 2.0 * ADDS - taken * TAKES);
    }
    run.frame();
    assert!(run.pipeline.tracks().is_empty());
    run.overdue();
    assert_close(run.evidence(), 2.0 * ADDS - 4.0 * TAKES);
    // and what it showed stays
    run.hide(false);
    run.frame();
    run.overdue();
    assert_close(run.evidence(), 3.0 * ADDS - 4.0 * TAKES);
}

#[test]
fn s19_a_faulty_frame_leaves_the_tracks_as_they_were() {
    for hidden in [true, false] {
        let mut run = Run::after_two_frames(by_evidence());
        run.hide(hidden);
        run.picture = Picture::Black;
        assert_eq!(run.frame().reason.code(), "black");
        assert_close(run.evidence(), 2.0 * ADDS);
        // late as well, it still counts for nothing
        run.overdue();
        assert_close(run.evidence(), 2.0 * ADDS);
        // its time is that of the next
        run.picture = Picture::Sharp;
        run.frame();
        let seconds = run.pipeline.motion().seconds;
        assert!((seconds - 0.1).abs() < 1e-6, "{seconds}");
    }
}

#[test]
fn s19_a_blurred_frame_adds_to_the_evidence_and_takes_none() {
    let mut run = Run::after_two_frames(by_evidence());
    run.picture = Picture::Blurred;
    run.hide(true);
    run.frame();
    assert!(run.pipeline.is_blurred());
    assert_close(run.evidence(), 2.0 * ADDS);
    run.hide(false);
    run.frame();
    assert_close(run.evidence(), 3.0 * ADDS);
}

#[test]
fn s19_a_weak_frame_leaves_the_tracks_as_they_were() {
    let mut settings = by_evidence();
    settings.stop_levels = settings.stop_levels.with(Mode::REDUCED, stop_level());
    settings.least_mode = Mode::FULL;
    for hidden in [true, false] {
        let mut run = Run::after_two_frames(settings.clone());
        run.hide(hidden);
        assert_eq!(
            run.frame_in(Mode::REDUCED, IMAGE).reason.code(),
            "weak-mode"
        );
        assert_close(run.evidence(), 2.0 * ADDS);
    }
}
