//! What becomes of frames: misses, losses, weaker modes, times.

use super::super::recent::Arrivals;
use super::*;

#[test]
fn misses_are_a_warning_and_an_error_when_no_frame_is_in_time() {
    let mut health = active();
    drive(&mut health, 0, 9000, 40);
    health.frame(&outcome(MS(9000), 112, FrameFate::Late, clear()));
    let mut refused = outcome(MS(9001), 0, FrameFate::Refused, clear());
    (refused.mode, refused.latency, refused.age) = (None, None, None);
    health.frame(&refused);
    let missed =
        "2 of 275 frames missed the deadline of 100 ms in the last 10 s (1 late, 1 refused)";
    assert_eq!(status(&health, 9002, "latency"), said(WARN, missed));
    assert_eq!(value(&full(&health, 9002, "latency"), "max_ms"), "112.0");
    // it runs well again, and the misses are history
    drive(&mut health, 9002, 21_000, 40);
    let latency = full(&health, 21_000, "latency");
    assert_eq!(
        (latency.level, value(&latency, "misses").as_str()),
        (OK, "2")
    );

    drive(&mut health, 21_000, 36_000, 112);
    let (level, message) = status(&health, 36_000, "latency");
    assert_eq!(level, ERROR);
    assert!(
        message.starts_with("no frame within the deadline of 100 ms"),
        "{message}"
    );
    assert!(
        message.ends_with("p99 112 ms over the deadline of 100 ms"),
        "{message}"
    );
}

#[test]
fn too_few_frames_and_many_replaced_ones_are_warnings() {
    let mut health = active();
    for at in (0..4000).step_by(400).map(MS) {
        health.received(at);
        health.frame(&outcome(at, 40, FrameFate::InTime, clear()));
    }
    let few = "2.5 Hz, less than the 4.0 Hz that may lose a frame";
    assert_eq!(status(&health, 3700, "frames"), said(WARN, few));

    let mut health = active();
    drive(&mut health, 0, 3000, 40);
    let mut replaced = outcome(MS(3000), 0, FrameFate::Replaced(9), clear());
    replaced.verdict = None;
    health.frame(&replaced);
    assert_eq!(status(&health, 3000, "frames").0, OK, "9 of 91");
    health.frame(&replaced);
    let many = "18 of 91 frames gave way to newer ones in the last 10 s, more than 1 in 10";
    assert_eq!(status(&health, 3000, "frames"), said(WARN, many));
    assert_eq!(value(&full(&health, 3000, "frames"), "replaced"), "18");
    assert_eq!(
        status(&health, 3000, "verdict").0,
        OK,
        "the verdict before it stays"
    );
}

#[test]
fn a_malformed_frame_is_an_error_until_a_good_one_comes_and_a_warning_for_a_while() {
    let mut health = active();
    drive(&mut health, 0, 3000, 40);
    health.received(MS(3000));
    let why = "20x20 rgb8 of 7 bytes";
    health.malformed(MS(3001), &why);
    LAST.set(Some(fault(Failure::MalformedFrame)));
    let words = "1 malformed in the last 10 s, the last one: 20x20 rgb8 of 7 bytes";
    assert_eq!(status(&health, 3002, "frames"), said(ERROR, words));
    let verdict = full(&health, 3002, "verdict");
    assert_eq!(
        (verdict.level, &*verdict.message),
        (ERROR, "FAULT: malformed frame")
    );
    assert_eq!(value(&verdict, "fate"), "failed");
    drive(&mut health, 3003, 3300, 40);
    assert_eq!(status(&health, 3300, "frames"), said(WARN, words));
    drive(&mut health, 3300, 14_000, 40);
    let frames = full(&health, 14_000, "frames");
    assert_eq!(
        (frames.level, value(&frames, "malformed").as_str()),
        (OK, "1")
    );
}

#[test]
fn a_frame_that_is_not_done_with_counts_as_processing_and_is_an_error_beyond_the_limit() {
    let mut health = active();
    drive(&mut health, 0, 1000, 40);
    let seen = |health: &mut Health, now: u64| {
        // frames come as before
        health.received(MS(now));
        let latency = full(health, now, "latency");
        let range = "in_expected_range";
        (
            latency.level,
            value(&latency, "processing_time_ms"),
            value(&latency, &format!("is_processing_time_ms_{range}")),
            value(&latency, "consecutive_processing_delay_ms"),
            value(&latency, "is_consecutive_processing_delay_in_range"),
        )
    };
    let is = |level, time: &str, in_range: bool, delay: &str, delay_in_range: bool| {
        let (in_range, delay_in_range) = (in_range.to_string(), delay_in_range.to_string());
        (
            level,
            time.to_owned(),
            in_range,
            delay.to_owned(),
            delay_in_range,
        )
    };
    health.underway.since = Some(MS(1000));
    assert_eq!(seen(&mut health, 1010), is(OK, "20.0", true, "0.0", true));
    assert_eq!(
        seen(&mut health, 1200),
        is(OK, "200.0", false, "200.0", true)
    );
    assert_eq!(
        seen(&mut health, 1501),
        is(ERROR, "501.0", false, "501.0", false)
    );
    assert!(
        status(&health, 1501, "latency")
            .1
            .contains("the engine hangs")
    );
    health.underway.since = None;
    assert_eq!(seen(&mut health, 1600), is(OK, "20.0", true, "0.0", true));

    // the first one already
    let mut health = active();
    health.underway.since = Some(MS(0));
    assert_eq!(seen(&mut health, 600).0, ERROR);
    health.underway = Underway {
        without_clock: true,
        ..Underway::default()
    };
    let waiting = said(STALE, "waiting for /clock");
    assert_eq!(status(&health, 600, "latency"), waiting);
}

#[test]
fn words_of_any_length_are_cut() {
    let mut health = active();
    health.received(MS(0));
    health.malformed(MS(0), &"ü".repeat(10_000));
    let (_, message) = status(&health, 1, "frames");
    assert!(message.len() < 300, "{} bytes", message.len());
}

#[test]
fn after_the_staleness_limit_everything_of_frames_is_stale() {
    let mut health = active();
    drive(&mut health, 0, 1000, 40);
    // the last one came at 990
    assert_eq!(status(&health, 1490, "frames").0, OK);
    assert_eq!(
        status(&health, 1491, "frames"),
        said(STALE, "no frame for 501 ms, limit 500 ms")
    );
    assert_eq!(status(&health, 1491, "latency").0, STALE);
    assert_eq!(
        status(&health, 990 + 41_944, "frames"),
        said(STALE, "no frame for 41 s, limit 500 ms")
    );
    // somebody notices
    health.verdict(Some(MS(510)));
    LAST.set(Some(fault(Failure::Source)));
    let lost = full(&health, 1501, "verdict");
    assert_eq!(
        (lost.level, lost.message.as_str()),
        (ERROR, "FAULT: source lost")
    );
    assert_eq!(value(&lost, "fate"), "none");
    assert_eq!(value(&lost, "age_ms"), "510.000");
    // it comes back
    drive(&mut health, 9000, 12_000, 40);
    assert_eq!(status(&health, 12_000, "frames").0, OK);
}

#[test]
fn frames_in_a_lesser_mode_than_the_best_are_a_warning_with_their_share() {
    let mut health = active();
    drive(&mut health, 0, 330, 40);
    assert_eq!(status(&health, 330, "latency").0, OK);
    for at in [400, 433, 466].map(MS) {
        health.received(at);
        health.frame(&FrameOutcome {
            mode: Some("reduced"),
            ..outcome(at, 40, FrameFate::InTime, clear())
        });
    }
    let words = "3 of 13 frames were judged in a lesser mode than full in the last 10 s";
    assert_eq!(status(&health, 500, "latency"), said(WARN, words));
    assert_eq!(value(&full(&health, 500, "latency"), "lesser_mode"), "3");
    drive(&mut health, 3000, 14_000, 40);
    assert_eq!(status(&health, 14_000, "latency").0, OK);
}

#[test]
fn processing_times_have_the_keys_of_autoware() {
    let mut health = active();
    let keys = [
        "processing_time_ms",
        "is_processing_time_ms_in_expected_range",
        "consecutive_processing_delay_ms",
        "is_consecutive_processing_delay_in_range",
    ];
    let mut after = |at: u64, processing: u64| {
        health.received(MS(at));
        health.frame(&outcome(MS(at), 2 * processing, FrameFate::Late, clear()));
        let latency = full(&health, at, "latency");
        keys.map(|key| value(&latency, key))
    };
    assert_eq!(after(0, 40), ["40.0", "true", "0.0", "true"]);
    assert_eq!(after(200, 101), ["101.0", "false", "0.0", "true"]);
    assert_eq!(after(701, 150), ["150.0", "false", "501.0", "false"]);
    assert_eq!(after(800, 100), ["100.0", "true", "0.0", "true"]);
}

#[test]
fn frequencies_are_of_the_last_seconds() {
    let mut arrivals = Arrivals::default();
    assert_eq!(arrivals.frequency(MS(0)), None);
    arrivals.add(MS(0));
    assert_eq!(arrivals.frequency(MS(0)), None, "one is no frequency");
    arrivals.add(MS(0));
    assert_eq!(arrivals.frequency(MS(0)), None, "nor are two at once");
    for i in 1..=1000 {
        arrivals.add(MS(5 * i));
    }
    let hz = arrivals.frequency(MS(5000)).unwrap();
    assert!((hz - 200.0).abs() < 1e-6, "{hz}");
    assert_eq!(arrivals.frequency(MS(10_001)), None, "all of them are old");
}
