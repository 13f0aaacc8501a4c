use super::*;

#[test]
fn s01_it_starts_waiting_with_the_flag_raised_until_a_frame_comes() {
    let mut drive = Drive::new();
    for _ in 0..3 {
        drive.now_ms += 10_000;
        let verdict = drive.event(Event::Tick);
        assert_eq!((verdict.state, verdict.safe_stop), (Waiting, true));
        assert_eq!(verdict.reason, Reason::NoFrameYet);
        assert_eq!((verdict.capture_stamp, verdict.age_nanos), (None, None));
    }
}

#[test]
fn s02_the_first_ok_needs_good_frames_in_a_row() {
    let mut drive = Drive::new();
    let verdict = drive.frame(0);
    assert_eq!(verdict.reason, Reason::Starting { good: 1, needed: 2 });
    assert_eq!(verdict.state, Waiting);
    assert_eq!(drive.frames(&[0]), [Clear]);
    assert_eq!(Drive::new().frames(&[50, 0]), [Waiting, Warn]);
}

#[test]
fn s03_a_candidate_warns_until_the_window_is_free_of_it() {
    let mut drive = Drive::started();
    let verdict = drive.frame(40);
    assert_eq!((verdict.state, verdict.safe_stop), (Warn, false));
    assert_eq!(
        verdict.reason,
        Reason::Candidate {
            hits: 1,
            needed: 2,
            window: 3
        }
    );
    assert_eq!(drive.frames(&[0, 0, 0]), [Warn, Warn, Clear]);
}

#[test]
fn s04_n_of_m_hits_confirm_a_stop() {
    let cases: &[(&[u32], &[State])] = &[
        (&[40, 40], &[Warn, Stop]),
        (&[40, 0, 40], &[Warn, Warn, Stop]),
        (&[40, 0, 0, 40], &[Warn, Warn, Warn, Warn]),
        (&[39, 39, 39], &[Clear, Clear, Clear]),
    ];
    for (areas, states) in cases {
        assert_eq!(Drive::started().frames(areas), *states, "{areas:?}");
    }
    let mut drive = Drive::started();
    drive.frame(40);
    let reason = Reason::Confirmed {
        hits: 2,
        window: 3,
        corridor_pixels: 60,
    };
    assert_eq!(drive.frame(60).reason, reason);
}

#[test]
fn s04_hits_confirm_a_stop_from_every_state() {
    assert_eq!(Drive::new().frames(&[40, 40]), [Waiting, Stop]);
    let mut drive = Drive::started();
    drive.failed();
    assert_eq!(drive.frames(&[40, 40]), [Fault, Stop]);
    let mut drive = Drive::started();
    drive.frame(40);
    drive.failed();
    assert_eq!(
        drive.frames(&[40]),
        [Stop],
        "a fault in between does not wipe the hit out"
    );
}

#[test]
fn s05_after_a_hit_the_lower_area_is_enough() {
    assert_eq!(Drive::started().frames(&[40, 20]), [Warn, Stop]);
    assert_eq!(
        Drive::started().frames(&[40, 19, 20, 0]),
        [Warn, Warn, Warn, Clear]
    );
}

fn tracked(evidence: f32, in_reach: bool) -> Tracked {
    Tracked {
        evidence,
        level: 12.0,
        distance_m: 21.5,
        in_reach,
    }
}

#[test]
fn s18_where_there_are_tracks_their_evidence_decides_and_no_area() {
    // frames, each with an area that would be a hit; the states that they lead to
    type Case = (&'static [(f32, bool)], &'static [State]);
    let cases: &[Case] = &[
        (&[(12.0, true)], &[Stop]),
        (&[(5.9, true); 4], &[Clear; 4]),
        (&[(11.9, true); 4], &[Warn; 4]),
        (&[(50.0, false); 4], &[Warn; 4]),
        (&[(50.0, false), (50.0, true)], &[Warn, Stop]),
        (
            &[(6.0, true), (0.0, true), (0.0, true), (0.0, true)],
            &[Warn, Warn, Warn, Clear],
        ),
    ];
    for (frames, states) in cases {
        let mut drive = Drive::started();
        let led_to: Vec<State> = frames
            .iter()
            .map(|(evidence, in_reach)| drive.tracked(tracked(*evidence, *in_reach)).state)
            .collect();
        assert_eq!(led_to, *states, "{frames:?}");
    }
    let mut drive = Drive::started();
    let (distance_m, level) = (21.5, 12.0);
    let candidate = Reason::TrackCandidate {
        distance_m,
        evidence: 7.0,
        level,
    };
    assert_eq!(drive.tracked(tracked(7.0, false)).reason, candidate);
    let confirmed = Reason::TrackConfirmed {
        distance_m,
        evidence: 13.0,
        level,
    };
    assert_eq!(drive.tracked(tracked(13.0, true)).reason, confirmed);
    assert_eq!(
        confirmed.to_string(),
        "something stands in the corridor, 22 m ahead: its evidence is 13.0; 12.0 confirm a stop"
    );
    // and a reset is void as by any other hit
    drive.event(Event::Reset);
    let cancelled = drive.tracked(tracked(6.0, false)).reason;
    assert!(
        matches!(cancelled, Reason::ResetCancelled { .. }),
        "{cancelled:?}"
    );
}

#[test]
fn s23_a_candidate_of_the_tracks_does_not_count_for_frames_without_them() {
    let far = Tracked {
        evidence: 6.0,
        level: 12.0,
        distance_m: 80.0,
        in_reach: false,
    };
    // the ground is lost behind two of them
    let warned = || {
        let mut drive = Drive::started();
        assert_eq!(drive.tracked(far).state, Warn);
        assert_eq!(drive.tracked(far).state, Warn);
        drive
    };
    let mut drive = warned();
    assert_eq!(drive.frames(&[40, 40]), [Warn, Stop], "one hit is not two");
    // and a frame without a hit does not speak of hits that would confirm
    let mut drive = warned();
    let verdict = drive.frame(0);
    assert_eq!(
        (verdict.state, verdict.reason.code()),
        (Warn, "track-fading")
    );
    // the whole area is needed, as without a hit before
    let mut drive = warned();
    assert_eq!(drive.frames(&[20, 40]), [Warn, Warn]);
    // and they are no hits of the best mode
    let mut drive = warned();
    let fallback = |o: &mut Observation| o.fallback = true;
    assert_eq!(drive.frame_with(40, fallback).state, Warn);
    let verdict = drive.frame_with(40, fallback);
    assert_eq!(
        (verdict.state, verdict.reason.code()),
        (Fault, "fallback-hits")
    );
    // hits by the area stay in the window while the ground comes and goes
    let mut drive = Drive::started();
    let nothing = Tracked {
        evidence: 0.0,
        ..far
    };
    assert_eq!(drive.frame(40).state, Warn);
    assert_eq!(drive.tracked(nothing).state, Warn);
    assert_eq!(drive.frame(40).state, Stop);
}

#[test]
fn s18_a_warning_after_the_evidence_fell_speaks_of_evidence_and_of_no_hits_that_confirm() {
    let mut drive = Drive::started();
    drive.tracked(tracked(7.0, true));
    let fading = drive.tracked(tracked(3.4, true));
    assert_eq!((fading.state, fading.reason.code()), (Warn, "track-fading"));
    let words = fading.reason.to_string();
    assert!(words.contains("its evidence is 3.4, too little"), "{words}");
    assert!(
        words.contains("12.0 within the stopping distance"),
        "{words}"
    );
    let gone = drive.tracked(tracked(0.0, true));
    assert_eq!((gone.state, gone.reason.code()), (Warn, "track-fading"));
    let words = gone.reason.to_string();
    assert!(words.ends_with("is tracked no more"), "{words}");
}

#[test]
fn s06_a_stop_stays_without_a_reset() {
    let mut drive = Drive::stopped();
    for _ in 0..100 {
        let verdict = drive.frame(0);
        assert_eq!((verdict.state, verdict.safe_stop), (Stop, true));
        assert_eq!(verdict.reason, Reason::Latched { since: ms(200) });
    }
}

#[test]
fn s08_a_hit_makes_a_reset_void() {
    let mut drive = Drive::stopped();
    drive.frame(0);
    drive.event(Event::Reset);
    drive.frame(0);
    assert_eq!(
        drive.frame(40).reason,
        Reason::ResetCancelled {
            corridor_pixels: 40
        }
    );
    assert_eq!(drive.frames(&[0; 10]), [Stop; 10]);
}

#[test]
fn s09_a_reset_in_any_other_state_does_nothing() {
    let mut drive = Drive::new();
    assert_eq!(drive.event(Event::Reset).state, Waiting);
    let mut drive = Drive::started();
    assert_eq!(drive.event(Event::Reset).state, Clear);
    assert_eq!(
        drive.frames(&[50, 50, 0, 0, 0, 0]),
        [Warn, Stop, Stop, Stop, Stop, Stop]
    );
    let mut drive = Drive::started();
    drive.failed();
    assert_eq!(drive.event(Event::Reset).state, Fault);
}

#[test]
fn s13_the_area_that_counts_is_the_same_share_at_every_resolution() {
    for (pixels, on) in [(1000, 40), (250, 10), (26, 2), (4_000_000_000, 160_000_000)] {
        for (area, state) in [(on, Warn), (on - 1, Clear)] {
            let verdict = Drive::started().frame_with(area, |o| o.pixels = pixels);
            assert_eq!(verdict.state, state, "{area} of {pixels}");
        }
    }
}

#[test]
fn s20_hits_of_modes_with_score_maps_of_their_own_confirm_a_stop_together() {
    for (area, state) in [(5, Stop), (4, Warn)] {
        let mut drive = Drive::started();
        drive.frame(40);
        // the other mode's map has a quarter of the pixels
        let verdict = drive.frame_with(area, |o| o.pixels = 250);
        assert_eq!(verdict.state, state, "{area}");
    }
}

#[test]
fn s14_time_alone_changes_nothing_while_it_is_short() {
    for (state, mut drive) in Drive::in_every_state() {
        let before = drive.event(Event::Tick);
        for _ in 0..4 {
            drive.now_ms += 50;
            let verdict = drive.event(Event::Tick);
            assert_eq!((verdict.state, verdict.reason), (state, before.reason));
        }
    }
}
