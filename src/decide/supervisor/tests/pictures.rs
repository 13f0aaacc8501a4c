use super::*;

const BLURRED: Quality = Quality {
    sharpness: Some(249),
    ..SHARP
};

fn blurred(frames: u32) -> Reason {
    Reason::Blurred { frames, limit: 3 }
}

#[test]
fn f11_f12_f23_f24_a_picture_that_is_black_over_exposed_incomplete_or_shifted_is_a_fault_and_one_at_the_limit_is_not()
 {
    let black = Quality {
        bright: 31,
        ..SHARP
    };
    let clipped = Quality {
        clipped_ppm: 120_000,
        ..SHARP
    };
    let part = Quality {
        repeated_rows: 50,
        ..SHARP
    };
    let moved = Quality {
        shifted_rows: 60,
        ..SHARP
    };
    for (quality, reason) in [
        (black, Reason::Black),
        (clipped, Reason::OverExposed),
        (part, Reason::Incomplete { rows: 50 }),
        (moved, Reason::Shifted { rows: 60 }),
    ] {
        let mut drive = Drive::started();
        let verdict = drive.picture(0, quality);
        assert_eq!((verdict.state, verdict.safe_stop), (Fault, true));
        assert_eq!(verdict.reason, reason);
    }
    let just = Quality {
        bright: 32,
        clipped_ppm: 119_999,
        sharpness: Some(250),
        repeated_rows: 49,
        shifted_rows: 59,
        ..SHARP
    };
    assert_eq!(Drive::started().picture(0, just).state, Clear);
}

#[test]
fn f13_the_same_picture_three_times_is_a_fault_until_it_changes() {
    let mut drive = Drive::started();
    let states: Vec<_> = (0..5)
        .map(|_| drive.same_picture(0, SHARP).reason)
        .collect();
    assert_eq!(states[..2], [Reason::Clear; 2]);
    for (frames, reason) in (3..).zip(&states[2..]) {
        assert_eq!(*reason, Reason::Frozen { frames });
    }
    let states = [0; 3].map(|area| drive.picture(area, SHARP).state);
    assert_eq!(states, [Fault, Fault, Clear]);
}

#[test]
fn f13_twice_is_no_fault_and_what_was_not_measured_does_not_end_a_run() {
    let mut drive = Drive::started();
    for _ in 0..4 {
        assert_eq!(drive.same_picture(0, SHARP).state, Clear);
        assert_eq!(drive.picture(0, SHARP).state, Clear);
    }
    drive.same_picture(0, SHARP);
    drive.failed();
    drive.frame(0);
    drive.same_picture(0, SHARP);
    assert_eq!(drive.same_picture(0, SHARP).reason.code(), "frozen");
}

#[test]
fn f13_zero_switches_it_off() {
    let mut config = CONFIG;
    config.quality.frozen_frames = 0;
    let mut drive = Drive::of(config);
    let last = (0..100).map(|_| drive.same_picture(0, SHARP).state).last();
    assert_eq!(last, Some(Clear));
}

#[test]
fn s10_a_blurred_picture_warns_with_the_flag_down() {
    let mut drive = Drive::started();
    let verdict = drive.picture(0, BLURRED);
    assert_eq!((verdict.state, verdict.safe_stop), (Warn, false));
    assert_eq!(verdict.reason, blurred(1));
    assert_eq!(drive.picture(0, SHARP).state, Clear);

    let mut drive = Drive::new();
    assert_eq!(drive.picture(0, BLURRED).state, Waiting);
    let mut drive = Drive::started();
    drive.failed();
    assert_eq!(drive.picture(0, BLURRED).state, Fault);
}

#[test]
fn s10_a_blurred_picture_does_not_move_the_window() {
    let mut drive = Drive::started();
    drive.frame(40);
    drive.picture(0, BLURRED);
    drive.picture(19, BLURRED);
    let states = [0; 3].map(|area| drive.picture(area, SHARP).state);
    assert_eq!(
        states,
        [Warn, Warn, Clear],
        "the hit is still three frames old"
    );
}

#[test]
fn s11_a_blurred_picture_starts_every_count_again() {
    let mut drive = Drive::new();
    drive.frame(0);
    drive.picture(0, BLURRED);
    assert_eq!(drive.frames(&[0, 0]), [Waiting, Clear]);

    drive.failed();
    drive.frames(&[0, 0]);
    drive.picture(0, BLURRED);
    assert_eq!(drive.frames(&[0, 0, 0]), [Fault, Fault, Clear]);

    let mut drive = Drive::stopped();
    drive.event(Event::Reset);
    drive.frames(&[0, 0]);
    let verdict = drive.picture(0, BLURRED);
    assert_eq!((verdict.state, verdict.reason), (Stop, blurred(1)));
    assert_eq!(drive.frames(&[0, 0, 0]), [Stop, Stop, Clear]);
}

#[test]
fn s12_a_hit_in_a_blurred_picture_is_a_hit() {
    let mut drive = Drive::started();
    let verdict = drive.picture(40, BLURRED);
    assert_eq!(verdict.state, Warn);
    assert_eq!(verdict.reason.code(), "candidate");
    assert_eq!(drive.picture(20, BLURRED).reason.code(), "confirmed");
    drive.event(Event::Reset);
    drive.picture(0, SHARP);
    let verdict = drive.picture(40, BLURRED);
    assert_eq!(verdict.reason.code(), "reset-cancelled");
    assert_eq!(drive.frames(&[0; 10]), [Stop; 10]);
}

#[test]
fn f15_blurred_for_too_long_is_a_fault_and_a_hit_still_confirms_a_stop() {
    let mut drive = Drive::started();
    drive.picture(0, BLURRED);
    drive.picture(0, BLURRED);
    for frames in 3..6 {
        let verdict = drive.picture(0, BLURRED);
        assert_eq!((verdict.state, verdict.safe_stop), (Fault, true));
        assert_eq!(verdict.reason, blurred(frames));
    }
    assert_eq!(drive.picture(40, BLURRED).state, Fault);
    assert_eq!(drive.picture(40, BLURRED).state, Stop);
}

#[test]
fn f15_only_a_sharp_picture_ends_a_run_of_blurred_ones() {
    let black = Quality { bright: 0, ..SHARP };
    let mut drive = Drive::started();
    drive.picture(0, BLURRED);
    drive.picture(0, BLURRED);
    drive.failed();
    drive.frame(0);
    drive.picture(0, black);
    assert_eq!(drive.picture(0, BLURRED).reason, blurred(3));
    drive.picture(0, SHARP);
    assert_eq!(drive.picture(0, BLURRED).reason, blurred(1));
    let unknown = Quality {
        sharpness: None,
        ..SHARP
    };
    drive.picture(0, unknown);
    assert_eq!(
        drive.picture(0, BLURRED).reason,
        blurred(1),
        "too small to say"
    );
}

fn sized(drive: &mut Drive, size: (u32, u32)) -> Verdict {
    drive.frame_with(0, |o| o.size = Some(size))
}

#[test]
fn f20_a_picture_that_is_too_small_or_too_narrow_is_a_fault_and_one_at_the_limit_is_not() {
    for size in [(16, 12), (63, 100), (100, 47), (8, 2000), (481, 120)] {
        let verdict = sized(&mut Drive::started(), size);
        assert_eq!((verdict.state, verdict.safe_stop), (Fault, true));
        assert_eq!(verdict.reason.code(), "picture-size");
    }
    for size in [(64, 48), (480, 120), (120, 480), (640, 480)] {
        assert_eq!(sized(&mut Drive::started(), size).state, Clear, "{size:?}");
    }
}

#[test]
fn f21_a_picture_of_another_size_is_a_fault_unless_the_camera_may_change_it() {
    let mut drive = Drive::started();
    assert_eq!(sized(&mut drive, (640, 480)).state, Clear);
    drive.failed();
    let states = [640, 640, 640].map(|width| sized(&mut drive, (width, 480)).state);
    assert_eq!(states, [Fault, Fault, Clear]);
    let verdict = sized(&mut drive, (480, 640));
    assert_eq!((verdict.state, verdict.safe_stop), (Fault, true));
    assert_eq!(verdict.reason.code(), "picture-changed");
    let states = [0; 3].map(|_| sized(&mut drive, (480, 640)).state);
    assert_eq!(states, [Fault, Fault, Clear]);
    for width in 640..700 {
        assert_eq!(
            sized(&mut drive, (width, 480)).reason.code(),
            "picture-changed"
        );
    }

    let mut config = CONFIG;
    config.quality.size_may_change = true;
    let mut drive = Drive::of(config);
    let states = [0, 1, 2].map(|more| sized(&mut drive, (640 + more, 480)).state);
    assert_eq!(states, [Waiting, Clear, Clear]);
}

fn weak(drive: &mut Drive, corridor_pixels: u32) -> Verdict {
    drive.frame_with(corridor_pixels, |o| o.watch = Watch::WeakMode)
}

#[test]
fn s16_a_weak_mode_warns_and_its_frames_are_neither_hits_nor_clean() {
    let mut drive = Drive::started();
    for area in [0, 50, 50, 50, 0] {
        let verdict = weak(&mut drive, area);
        assert_eq!((verdict.state, verdict.safe_stop), (Warn, false));
        assert_eq!(verdict.reason, Reason::WeakMode);
    }
    assert_eq!(drive.frame(0).state, Clear);

    // nor do they wipe out a hit
    let mut drive = Drive::started();
    drive.frame(50);
    weak(&mut drive, 0);
    assert_eq!(drive.frame(50).state, Stop);

    let mut drive = Drive::new();
    assert_eq!(
        [0, 0, 0].map(|area| weak(&mut drive, area).state),
        [Waiting; 3]
    );
    let mut drive = Drive::started();
    drive.failed();
    assert_eq!([0; 5].map(|area| weak(&mut drive, area).state), [Fault; 5]);
    let mut drive = Drive::stopped();
    drive.event(Event::Reset);
    assert_eq!([0; 5].map(|area| weak(&mut drive, area).state), [Stop; 5]);
    assert_eq!(drive.frames(&[0, 0, 0]), [Stop, Stop, Clear]);
}

#[test]
fn f22_a_weak_mode_is_a_fault_where_that_is_set() {
    let mut drive = Drive::of(SupervisorConfig {
        weak_mode: WeakMode::Fault,
        ..CONFIG
    });
    drive.frames(&[0, 0]);
    let verdict = weak(&mut drive, 50);
    assert_eq!((verdict.state, verdict.safe_stop), (Fault, true));
    assert_eq!(verdict.reason, Reason::WeakMode);
}

#[test]
fn f25_a_mode_that_counts_and_lacks_a_stop_level_raises_the_flag_whatever_weak_mode_is() {
    for weak_mode in [WeakMode::Warn, WeakMode::Fault] {
        let mut drive = Drive::of(SupervisorConfig {
            weak_mode,
            ..CONFIG
        });
        drive.frames(&[0, 0]);
        for area in [0, 50, 0] {
            let verdict = drive.frame_with(area, |o| o.watch = Watch::NoStopLevel);
            assert_eq!((verdict.state, verdict.safe_stop), (Fault, true));
            assert_eq!(verdict.reason, Reason::NoStopLevel);
        }
        // it was no hit, and is past after good frames
        assert_eq!(drive.frames(&[50, 0, 0, 0]), [Fault, Fault, Warn, Clear]);
    }
    let mut drive = Drive::stopped();
    drive.event(Event::Reset);
    drive.frames(&[0, 0]);
    let verdict = drive.frame_with(0, |o| o.watch = Watch::NoStopLevel);
    assert_eq!((verdict.state, verdict.reason), (Stop, Reason::NoStopLevel));
    assert_eq!(drive.frames(&[0, 0, 0]), [Stop, Stop, Clear]);
}

fn fallback(drive: &mut Drive, corridor_pixels: u32) -> Verdict {
    drive.frame_with(corridor_pixels, |o| o.fallback = true)
}

#[test]
fn s21_hits_of_a_fallback_mode_alone_raise_the_flag_and_latch_no_stop() {
    let mut drive = Drive::started();
    assert_eq!(fallback(&mut drive, 50).state, Warn);
    for _ in 0..3 {
        let verdict = fallback(&mut drive, 50);
        assert_eq!((verdict.state, verdict.safe_stop), (Fault, true));
        assert_eq!(verdict.reason.code(), "fallback-hits");
    }
    // it is past when so many good frames came, and nobody need reset it
    let states = [0; 3].map(|area| fallback(&mut drive, area).state);
    assert_eq!(states, [Fault, Fault, Clear]);
}

#[test]
fn s21_one_hit_of_the_best_mode_in_the_window_makes_it_a_stop() {
    let mut drive = Drive::started();
    drive.frame(50);
    assert_eq!(fallback(&mut drive, 50).state, Stop);

    let mut drive = Drive::started();
    fallback(&mut drive, 50);
    assert_eq!(drive.frame(50).state, Stop);

    // one that has left the window does not count
    let mut drive = Drive::started();
    drive.frame(50);
    fallback(&mut drive, 0);
    fallback(&mut drive, 0);
    assert_eq!(
        [50, 50].map(|area| fallback(&mut drive, area).state),
        [Warn, Fault]
    );
}

#[test]
fn s21_a_hit_of_a_fallback_mode_makes_a_reset_void() {
    let mut drive = Drive::stopped();
    drive.event(Event::Reset);
    let verdict = fallback(&mut drive, 50);
    assert_eq!(
        (verdict.state, verdict.reason.code()),
        (Stop, "reset-cancelled")
    );
}
