//! Frames, faults and requests in any order.

use proptest::prelude::*;
use proptest::test_runner::{TestCaseError, TestRunner};

use super::*;
use crate::decide::State as Verdicts;

const SEQUENCES: u32 = 100_000;

fn frame() -> impl Strategy<Value = What> {
    let age = prop_oneof![6 => 0u64..40, 1 => 40u64..110, 1 => Just(700)];
    let segment = prop_oneof![6 => Just(0u64), 1 => 60u64..100];
    let publish = prop_oneof![8 => Just(0u64), 1 => Just(120)];
    let engine = prop::sample::select(Place::ENGINE.to_vec());
    let elsewhere = prop::sample::select(vec![Place::Status, Place::Pictures]);
    let panic = prop_oneof![
        180 => Just(None),
        14 => engine.prop_map(Some),
        // ends the node's work
        1 => elsewhere.prop_map(Some),
    ];
    let hazard = prop_oneof![3 => Just(false), 1 => Just(true)];
    let other_size = prop_oneof![30 => Just(false), 1 => Just(true)];
    (age, hazard, segment, publish, panic, other_size).prop_map(
        |(age_ms, hazard, segment_ms, publish_ms, panic, other_size)| What::Frame {
            age_ms,
            hazard,
            segment_ms,
            publish_ms,
            panic,
            other_size,
        },
    )
}

fn what() -> impl Strategy<Value = What> {
    let time = (1u64..700, any::<bool>()).prop_map(|(ms, hangs)| What::Time { ms, hangs });
    prop_oneof![
        40 => frame(),
        2 => Just(What::Malformed),
        4 => time,
        6 => any::<bool>().prop_map(|waits| What::Reset { waits }),
        2 => Just(What::Enable(false)),
        4 => Just(What::Enable(true)),
        2 => Just(What::Deactivate),
        4 => Just(What::Activate),
        1 => prop_oneof![10 => Just(What::Malformed), 1 => Just(What::Lost)],
    ]
}

fn check(weak_mode: WeakMode, events: &[What]) -> Result<[bool; 3], TestCaseError> {
    let mut node = Node::new(weak_mode);
    let (world, shared) = (Arc::clone(&node.world), Arc::clone(&node.shared));
    // of the last frame that was judged in time in a mode that counts
    let mut fresh: Option<Stamp> = None;
    let (mut before, mut accepted) = (Verdicts::Waiting, false);
    let (mut down, mut stopped, mut released) = (false, false, false);
    for (number, &what) in events.iter().enumerate() {
        let answer = node.event(what);
        node.beats();
        let said = format!(
            "{what:?}, event {number}, of {events:?}: {:?}",
            world.status
        );
        let last = node.frames.handler.last();
        let state = last.map_or(Verdicts::Waiting, |verdict| verdict.state);
        if let (What::Frame { .. }, Some(verdict)) = (what, last)
            && world.value("fate") == "in-time"
            && (world.value("mode").ends_with("+observer") || weak_mode == WeakMode::Warn)
        {
            fresh = verdict.capture_stamp.max(fresh);
        }
        // the flag is never down without a fresh verdict of a mode that counts
        let flag = world.board.flag();
        if !flag {
            let stamp = fresh.ok_or_else(|| TestCaseError::fail(said.clone()))?;
            let age = world.clock.now().saturating_since(stamp);
            prop_assert!(age <= Duration::from_millis(STALE_MS.into()), "{}", said);
            prop_assert!(matches!(state, Verdicts::Ok | Verdicts::Warn), "{}", said);
            prop_assert!(shared.judges() && !world.board.is_lost(), "{}", said);
            prop_assert!(!node.frames.handler.pipeline().needs_repair(), "{}", said);
        }
        // the latch never goes without a reset that was accepted since frames are judged, and is back where its
        // frame was late
        accepted &= !matches!(what, What::Enable(false) | What::Deactivate);
        if let Some(Ok(_)) = answer {
            prop_assert_eq!(state, Verdicts::Stop, "{}", said);
            accepted = true;
        }
        if before == Verdicts::Stop && state != Verdicts::Stop {
            prop_assert!(accepted, "{}", said);
            // for OK, and what broke the uploader is found after that
            let broke = matches!(
                what,
                What::Frame {
                    panic: Some(Place::Upload),
                    ..
                }
            );
            prop_assert!(state == Verdicts::Ok || broke, "{}", said);
            (accepted, released) = (false, true);
        }
        // a panic that nobody repairs is known, and nobody goes on after it
        prop_assert!(!node.ended || world.board.is_lost(), "{}", said);
        // what is handed out, flag and status, equals the flag
        let sent = world.flags.lock().unwrap().last().copied();
        prop_assert_eq!(sent, Some(flag), "{}", said);
        if world.status.lock().unwrap().is_some() {
            prop_assert_eq!(world.value("safe_stop"), flag.to_string(), "{}", said);
        }
        (down, stopped) = (down || !flag, stopped || state == Verdicts::Stop);
        before = state;
    }
    Ok([down, stopped, released])
}

#[test]
fn whatever_happens_in_any_order_the_flag_tells_the_truth() {
    let seen = std::cell::Cell::new([0u32; 3]);
    let mut runner = TestRunner::new(ProptestConfig {
        cases: SEQUENCES,
        failure_persistence: None,
        ..Default::default()
    });
    let modes = prop_oneof![Just(WeakMode::Fault), Just(WeakMode::Warn)];
    let result = runner.run(
        &(modes, prop::collection::vec(what(), 1..24)),
        |(weak_mode, events)| {
            let found = check(weak_mode, &events)?;
            let before = seen.get();
            seen.set([0, 1, 2].map(|i| before[i] + u32::from(found[i])));
            Ok(())
        },
    );
    if let Err(failure) = result {
        panic!("{failure}");
    }
    let [down, stopped, released] = seen.get();
    eprintln!("{SEQUENCES} sequences: flag down in {down}, STOP in {stopped}, ended in {released}");
    assert!(down > SEQUENCES / 2 && stopped > SEQUENCES / 20 && released > SEQUENCES / 1000);
}
