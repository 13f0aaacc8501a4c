use super::*;
use std::time::Duration;

fn now(stamp_ms: i64, monotonic_ms: u64) -> Now {
    Now {
        stamp: ms(stamp_ms),
        monotonic: Duration::from_millis(monotonic_ms),
    }
}

/// Driving on a clear road, at 100 ms on both clocks.
fn driving() -> Supervisor {
    let mut supervisor = Supervisor::new(CONFIG).unwrap();
    supervisor.step(Event::Frame(frame(50, 0)), now(50, 50));
    let verdict = supervisor.step(Event::Frame(frame(100, 0)), now(100, 100));
    assert_eq!(verdict.state, Clear);
    supervisor
}

#[test]
fn f10_a_clock_that_was_set_is_a_fault_at_any_event() {
    for by_ms in [-5_000, -51, 51, 5_000] {
        let stamp_ms = 150 + by_ms;
        for event in [
            Event::Tick,
            Event::Reset,
            Event::Frame(frame(stamp_ms, 0)),
            Event::Failed {
                capture_stamp: None,
                failure: Failure::Engine,
            },
            Event::Missed {
                capture_stamp: ms(stamp_ms),
                slack_ms: 0,
                needed_ms: 1,
            },
        ] {
            let verdict = driving().step(event, now(stamp_ms, 150));
            assert_eq!((verdict.state, verdict.safe_stop), (Fault, true));
            assert_eq!(verdict.reason, Reason::ClockStepped { by_ms }, "{event:?}");
        }
    }
    for stamp_ms in [100, 200] {
        let verdict = driving().step(Event::Tick, now(stamp_ms, 150));
        assert_eq!(verdict.state, Clear, "50 ms more or less are no step");
    }
}

#[test]
fn f10_the_first_event_has_nothing_to_compare_with() {
    let mut supervisor = Supervisor::new(CONFIG).unwrap();
    let verdict = supervisor.step(Event::Tick, now(1_000_000, 3));
    assert_eq!(verdict.reason, Reason::NoFrameYet);
}

#[test]
fn f18_after_a_clock_step_stamps_are_compared_anew() {
    // Back by ten seconds: stamps of the old time would all be ahead of those that come.
    let mut supervisor = driving();
    supervisor.step(Event::Tick, now(-9_850, 150));
    let mut states = Vec::new();
    for i in 1..=3 {
        let stamp_ms = -9_850 + 50 * i;
        let now = now(stamp_ms, 150 + 50 * i.unsigned_abs());
        states.push(supervisor.step(Event::Frame(frame(stamp_ms, 0)), now).state);
    }
    assert_eq!(states, [Fault, Fault, Clear]);

    // The frame that arrives with the step may be of either time: it is not compared with.
    let mut supervisor = driving();
    supervisor.step(Event::Frame(frame(140, 0)), now(-9_850, 150));
    let verdict = supervisor.step(Event::Frame(frame(-9_810, 0)), now(-9_800, 200));
    assert_eq!(verdict.reason.code(), "recovering");
}

#[test]
fn f04_a_bag_that_starts_over_moves_both_clocks_and_is_no_clock_step() {
    let mut drive = Drive::started();
    drive.now_ms = -70_000;
    assert_eq!(drive.frame(0).reason.code(), "stamp-regressed");
}

#[test]
fn f01_neither_clock_can_stand_still_unnoticed() {
    let mut supervisor = driving();
    let mut last = None;
    for i in 1..=11 {
        // The stamps' clock stopped; each interval is too short for a step.
        last = Some(supervisor.step(Event::Tick, now(100, 100 + 20 * i)));
    }
    let missing = Reason::Missing {
        gap_ms: 220,
        limit_ms: 200,
    };
    assert_eq!(last.map(|verdict| verdict.reason), Some(missing));

    let mut supervisor = driving();
    for i in 1..=11 {
        last = Some(supervisor.step(Event::Tick, now(100 + 20 * i, 100)));
    }
    assert_eq!(last.map(|verdict| verdict.reason), Some(missing));
}

#[test]
fn f03_a_stamp_from_the_future_is_not_compared_with() {
    let mut drive = Drive::started();
    drive.now_ms += 50;
    drive.event(Event::Frame(frame(100_000, 0)));
    drive.now_ms += 10;
    let missed = Event::Missed {
        capture_stamp: ms(100_000),
        slack_ms: 0,
        needed_ms: 1,
    };
    drive.event(missed);
    assert_eq!(drive.frame(0).reason.code(), "recovering");
}

#[test]
fn times_at_the_ends_of_their_range_are_handled() {
    for stamp in [i64::MIN, i64::MIN + 1, i64::MAX] {
        let stamp = Stamp::from_nanos(stamp);
        for monotonic in [Duration::ZERO, Duration::MAX] {
            let mut supervisor = driving();
            let now = Now { stamp, monotonic };
            let observation = Observation {
                capture_stamp: stamp,
                ..frame(0, 0)
            };
            assert!(supervisor.step(Event::Tick, now).safe_stop);
            assert!(supervisor.step(Event::Frame(observation), now).safe_stop);
            let back = super::time::now(150, 150);
            assert!(supervisor.step(Event::Tick, back).safe_stop);
        }
    }
}
