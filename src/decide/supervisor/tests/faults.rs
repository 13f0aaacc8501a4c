use super::*;

/// A clear frame with something wrong.
fn bad(stamp_ms: i64, change: fn(&mut Observation)) -> Event {
    let mut observation = frame(stamp_ms, 0);
    change(&mut observation);
    Event::Frame(observation)
}

/// What is told at a time (ms) after frames at 50 and 100 ms, and the reason it must give.
fn cases() -> Vec<(&'static str, Event, i64, Reason)> {
    let good = |stamp| bad(stamp, |_| ());
    let missing = Reason::Missing {
        gap_ms: 201,
        limit_ms: 200,
    };
    let late = Reason::Late {
        age_ms: 101,
        limit_ms: 100,
    };
    let ahead = Reason::FutureStamp {
        ahead_ms: 11,
        limit_ms: 10,
    };
    let regressed = |stamp_ms| Reason::StampRegressed {
        previous: ms(100),
        stamp: ms(stamp_ms),
    };
    let non_finite = Reason::NonFinite {
        pixels: 1,
        of: 1000,
    };
    let missed = Event::Missed {
        capture_stamp: ms(140),
        slack_ms: -3,
        needed_ms: 40,
    };
    let refused = Reason::Refused {
        age_ms: 10,
        slack_ms: -3,
        needed_ms: 40,
    };
    let constant = Reason::ConstantScoreMap;
    let mut cases = vec![
        ("F01 tick", Event::Tick, 301, missing),
        ("F01 reset", Event::Reset, 301, missing),
        ("F01 frame", good(301), 301, missing),
        ("F02", good(150), 251, late),
        ("F03", good(161), 150, ahead),
        ("F04 equal", good(100), 150, regressed(100)),
        ("F04 back", good(99), 150, regressed(99)),
        ("F05", bad(150, |o| o.non_finite = 1), 150, non_finite),
        (
            "F06",
            bad(150, |o| o.pixels = 0),
            150,
            Reason::EmptyScoreMap,
        ),
        ("F14", bad(150, |o| o.score_min = 0.6), 150, constant),
        (
            "F14 as good as",
            bad(150, |o| o.score_min = 0.599_999_5),
            150,
            constant,
        ),
        (
            "F14 no number",
            bad(150, |o| o.score_max = f32::NAN),
            150,
            constant,
        ),
        ("F16", missed, 150, refused),
        (
            "F20 small",
            bad(150, |o| o.size = Some((16, 12))),
            150,
            Reason::PictureSize {
                width: 16,
                height: 12,
            },
        ),
        (
            "F20 narrow",
            bad(150, |o| o.size = Some((64, 257))),
            150,
            Reason::PictureSize {
                width: 64,
                height: 257,
            },
        ),
    ];
    cases.extend(
        [
            Failure::MalformedFrame,
            Failure::Engine,
            Failure::Score,
            Failure::Source,
            Failure::Panicked,
            Failure::Output,
        ]
        .map(|failure| {
            let event = Event::Failed {
                capture_stamp: None,
                failure,
            };
            ("F07", event, 150, Reason::Failed { failure })
        }),
    );
    cases
}

#[test]
fn f19_each_unreliable_input_is_a_fault_with_its_reason() {
    for (id, event, now_ms, reason) in cases() {
        let mut drive = Drive::started();
        drive.now_ms = now_ms;
        let verdict = drive.event(event);
        assert_eq!((verdict.state, verdict.safe_stop), (Fault, true), "{id}");
        assert_eq!(verdict.reason, reason, "{id}");
        assert!(!verdict.reason.to_string().is_empty() && !verdict.reason.code().is_empty());
    }
}

#[test]
fn s06_f19_an_unreliable_input_in_a_stop_shows_its_reason_and_changes_nothing() {
    for (id, event, now_ms, _) in cases() {
        let mut drive = Drive::stopped();
        // Two frames later than the cases were made for.
        drive.now_ms = now_ms + 100;
        let event = match event {
            Event::Frame(o) => Event::Frame(Observation {
                capture_stamp: ms(o.capture_stamp.as_nanos() / 1_000_000 + 100),
                ..o
            }),
            other => other,
        };
        let verdict = drive.event(event);
        assert_eq!((verdict.state, verdict.safe_stop), (Stop, true), "{id}");
        assert_ne!(verdict.reason.code(), "latched", "{id}");
    }
}

#[test]
fn f01_to_f04_inputs_at_the_limit_are_no_fault() {
    for (event, now_ms) in [
        (Event::Tick, 300),
        (Event::Frame(frame(300, 0)), 300),
        (Event::Frame(frame(150, 0)), 250),
        (Event::Frame(frame(160, 0)), 150),
        (Event::Frame(frame(101, 0)), 101),
        (bad(150, |o| o.score_min = 0.599_998), 150),
    ] {
        let mut drive = Drive::started();
        drive.now_ms = now_ms;
        assert_eq!(drive.event(event).state, Clear, "{event:?} at {now_ms}");
    }
}

#[test]
fn f08_a_fault_ends_after_good_frames_in_a_row() {
    let mut drive = Drive::started();
    assert_eq!(drive.failed().state, Fault);
    assert_eq!(
        drive.frame(0).reason,
        Reason::Recovering { good: 1, needed: 3 }
    );
    drive.frame(0);
    drive.failed();
    assert_eq!(drive.frames(&[0, 0, 0]), [Fault, Fault, Clear]);
    drive.failed();
    assert_eq!(drive.frames(&[0, 0, 40]), [Fault, Fault, Warn]);
}

#[test]
fn f08_a_source_that_starts_over_is_believed_again() {
    let mut drive = Drive::started();
    drive.now_ms = 1_000;
    drive.event(Event::Failed {
        capture_stamp: Some(ms(1_000)),
        failure: Failure::Engine,
    });
    drive.now_ms = -5_000;
    let verdict = drive.frame(0);
    assert!(
        matches!(verdict.reason, Reason::StampRegressed { .. }),
        "{verdict:?}"
    );
    assert_eq!(drive.frames(&[0, 0, 0]), [Fault, Fault, Clear]);
}

#[test]
fn f09_a_fault_before_the_first_good_frame_is_a_fault() {
    assert_eq!(Drive::new().failed().state, Fault);
    let mut drive = Drive::new();
    let missed = Event::Missed {
        capture_stamp: ms(0),
        slack_ms: 5,
        needed_ms: 9,
    };
    assert_eq!(drive.event(missed).state, Fault);
}

#[test]
fn f16_a_refused_frame_is_told_of_and_the_next_is_compared_with_it() {
    let mut drive = Drive::started();
    drive.now_ms += 50;
    let missed = Event::Missed {
        capture_stamp: ms(drive.now_ms),
        slack_ms: 5,
        needed_ms: 9,
    };
    assert_eq!(drive.event(missed).capture_stamp, Some(ms(150)));
    drive.now_ms += 10;
    let verdict = drive.event(Event::Frame(frame(150, 0)));
    assert_eq!(verdict.reason.code(), "stamp-regressed");
}

#[test]
fn f17_of_several_reasons_the_first_in_order_is_told() {
    const BAD: Quality = Quality {
        bright: 3,
        clipped_ppm: 1_000_000,
        sharpness: Some(0),
        repeated_rows: 1000,
        shifted_rows: 1000,
        ..SHARP
    };
    let everything = |stamp_ms, change: fn(&mut Observation)| {
        let mut observation = Observation {
            pixels: 0,
            non_finite: 3,
            score_min: f32::NAN,
            quality: Some(BAD),
            ..frame(stamp_ms, 0)
        };
        change(&mut observation);
        Event::Frame(observation)
    };
    let same = |_: &mut Observation| ();
    let bright = |o: &mut Observation| {
        o.quality = Some(Quality { bright: 250, ..BAD });
    };
    let lit = |o: &mut Observation| {
        o.quality = Some(Quality {
            bright: 250,
            clipped_ppm: 0,
            ..BAD
        });
    };
    let complete = |o: &mut Observation| {
        o.quality = Some(Quality {
            bright: 250,
            clipped_ppm: 0,
            repeated_rows: 0,
            ..BAD
        });
    };
    let usable = |o: &mut Observation| o.quality = None;
    let some = |o: &mut Observation| (o.quality, o.pixels) = (None, 9);
    let narrow = |o: &mut Observation| o.size = Some((8, 2000));
    let finite = |o: &mut Observation| (o.quality, o.pixels, o.non_finite) = (None, 9, 0);
    for (code, event, now_ms) in [
        ("stamp-regressed", everything(100, same), 301),
        ("missing", everything(301, same), 402),
        ("late", everything(150, same), 251),
        ("picture-size", everything(150, narrow), 150),
        ("black", everything(150, same), 150),
        ("over-exposed", everything(150, bright), 150),
        ("incomplete", everything(150, lit), 150),
        ("shifted", everything(150, complete), 150),
        ("empty-score-map", everything(150, usable), 150),
        ("non-finite", everything(150, some), 150),
        ("constant-score-map", everything(150, finite), 150),
    ] {
        let mut drive = Drive::started();
        drive.now_ms = now_ms;
        assert_eq!(drive.event(event).reason.code(), code);
    }
}

#[test]
fn f04_frames_without_stamps_say_so() {
    let mut drive = Drive::new();
    drive.now_ms = 10;
    drive.event(Event::Frame(frame(0, 0)));
    let verdict = drive.event(Event::Frame(frame(0, 0)));
    assert_eq!(verdict.reason.code(), "stamp-regressed");
    let said = verdict.reason.to_string();
    assert!(said.contains("does not stamp its frames"), "{said}");
}

#[test]
fn frames_without_stamps_say_so_also_where_the_clock_begins_with_them() {
    let mut drive = Drive::new();
    drive.now_ms = 10;
    drive.event(Event::Frame(frame(0, 0)));
    let missed = Event::Missed {
        capture_stamp: ms(0),
        slack_ms: -3,
        needed_ms: 46,
    };
    for (now_ms, event, code) in [
        (80, missed, "refused"),
        (120, Event::Frame(frame(0, 0)), "stamp-regressed"),
        (170, missed, "refused"),
        (400, Event::Tick, "missing"),
    ] {
        drive.now_ms = now_ms;
        let reason = drive.event(event).reason;
        assert_eq!(reason.code(), code);
        let said = reason.to_string();
        assert!(said.contains("does not stamp its frames"), "{code}: {said}");
    }
    // a simulation may begin at zero
    let mut drive = Drive::new();
    drive.event(Event::Frame(frame(0, 0)));
    drive.now_ms = 300;
    let said = drive.event(Event::Tick).reason.to_string();
    assert!(said.contains("no frame came for 300 ms"), "{said}");
}

#[test]
fn f16_a_frame_that_is_refused_for_its_old_stamp_says_how_old_it_is() {
    let hour = 3_600_000;
    for (now_ms, words) in [
        (140 + hour, "stamp is 60 min old"),
        (20 * 24 * hour, "stamp is 19 days old"),
        (1_700_000_000_000, "the driver does not stamp its frames"),
    ] {
        let mut drive = Drive::new();
        drive.now_ms = now_ms;
        let verdict = drive.event(Event::Missed {
            capture_stamp: ms(140),
            slack_ms: 0,
            needed_ms: 46,
        });
        let said = verdict.reason.to_string();
        assert!(said.contains(words), "{said}");
    }
}

#[test]
fn f01_f02_how_long_no_frame_came_and_how_old_one_is_are_said_as_durations() {
    let mut drive = Drive::started();
    drive.now_ms += 41_944;
    let said = drive.event(Event::Tick).reason.to_string();
    assert_eq!(said, "no frame came for 41 s; the limit is 200 ms");

    let hour = 3_600_000;
    for (now_ms, words) in [
        (140 + hour, "the frame is 60 min old; the limit is 100 ms"),
        (241, "the frame is 101 ms old; the limit is 100 ms"),
    ] {
        let mut drive = Drive::new();
        drive.now_ms = now_ms;
        let reason = drive.event(Event::Frame(frame(140, 0))).reason;
        assert_eq!(reason.to_string(), words);
        assert!(!reason.is_unstamped());
    }
    // the stamp is zero on a clock that tells the time of day
    let mut drive = Drive::new();
    drive.now_ms = 1_700_000_000_000;
    let reason = drive.event(Event::Frame(frame(0, 0))).reason;
    assert_eq!(reason.code(), "late");
    assert!(reason.is_unstamped());
    let said = reason.to_string();
    assert!(said.contains("does not stamp its frames"), "{said}");
}
