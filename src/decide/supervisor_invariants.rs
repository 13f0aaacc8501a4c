//! The invariants of `docs/safety.md` over random sequences of events.

use super::*;
use proptest::prelude::*;

fn any_event() -> impl Strategy<Value = (i64, Event)> {
    let area = prop_oneof![3 => Just(0u32), 2 => Just(25), 3 => Just(60)];
    let age = prop_oneof![8 => 0i64..60, 1 => -50i64..300];
    let step = prop_oneof![12 => 20i64..80, 1 => 0i64..400, 1 => -300i64..0];
    let non_finite = prop_oneof![20 => Just(0u32), 1 => Just(3)];
    let observation = (age, area, non_finite).prop_map(|(age, area, non_finite)| {
        (
            age,
            Observation {
                non_finite,
                ..frame(0, area)
            },
        )
    });
    let failed = prop::option::of(Just(Stamp::default())).prop_map(|capture_stamp| {
        (
            0,
            Event::Failed {
                capture_stamp,
                failure: Failure::Engine,
            },
        )
    });
    let event = prop_oneof![
        20 => observation.prop_map(|(age, observation)| (age, Event::Frame(observation))),
        1 => failed,
        2 => Just((0, Event::Tick)),
        2 => Just((0, Event::Reset)),
    ];
    (step, event).prop_map(|(step, (age, event))| match event {
        // Frames carry their age here; the test puts the clock in.
        Event::Frame(o) => (
            step,
            Event::Frame(Observation {
                capture_stamp: ms(-age),
                ..o
            }),
        ),
        other => (step, other),
    })
}

proptest! {
    #![proptest_config(ProptestConfig {
        cases: 2000, failure_persistence: None, ..Default::default()
    })]

    #[test]
    fn i_invariants_hold_over_any_sequence(events in prop::collection::vec(any_event(), 1..150)) {
        let mut supervisor = Supervisor::new(CONFIG).unwrap();
        let mut again = supervisor.clone();
        let mut now_ms = 0i64;
        let (mut before, mut reset_asked, mut seen_good) = (Waiting, false, false);
        for (step, event) in events {
            now_ms += step;
            let event = match event {
                Event::Frame(o) => Event::Frame(Observation {
                    capture_stamp: ms(now_ms + o.capture_stamp.as_nanos() / NANOS_PER_MS), ..o
                }),
                other => other,
            };
            let verdict = supervisor.step(event, ms(now_ms));
            // I05
            prop_assert_eq!(verdict, again.step(event, ms(now_ms)));
            // I01
            prop_assert_eq!(verdict.safe_stop, !matches!(verdict.state, Clear | Warn));
            // I02
            reset_asked = match event {
                Event::Reset => before == Stop || reset_asked,
                _ => reset_asked,
            };
            if before == Stop && verdict.state != Stop {
                prop_assert!(reset_asked, "{:?}", verdict);
                prop_assert_eq!(verdict.state, Clear);
            }
            if verdict.state == Stop && before != Stop {
                reset_asked = false;
            }
            // I03
            if let Event::Frame(o) = event {
                let age = now_ms - o.capture_stamp.as_nanos() / NANOS_PER_MS;
                let fresh = o.non_finite == 0 && (-10..=100).contains(&age);
                seen_good |= fresh;
                // I04
                prop_assert!(fresh || verdict.safe_stop, "{:?} at {}", verdict, now_ms);
            }
            prop_assert!(seen_good || !matches!(verdict.state, Clear | Warn | Stop));
            // I04
            if let Event::Failed { .. } = event {
                prop_assert!(verdict.safe_stop);
            }
            // No way back to WAITING.
            prop_assert!(before == Waiting || verdict.state != Waiting);
            before = verdict.state;
        }
    }
}
