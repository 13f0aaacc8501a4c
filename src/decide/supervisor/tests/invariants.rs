//! The invariants of `docs/safety.md` over random sequences of events.

use super::document::{Transition, matrix};
use super::model::Model;
use super::random::{Input, World, sequence};
use super::*;
use proptest::prelude::*;
use proptest::test_runner::{TestCaseError, TestRunner};
use std::cell::RefCell;
use std::collections::HashMap;

const SEQUENCES: u32 = 100_000;

type Coverage = HashMap<Transition, u64>;

fn check(
    config: SupervisorConfig,
    inputs: &[Input],
    coverage: &mut Coverage,
) -> Result<(), TestCaseError> {
    let mut supervisor = Supervisor::new(config).unwrap();
    let mut again = Supervisor::new(config).unwrap();
    let (mut world, mut model) = (World::new(config), Model::new(config));
    let (mut before, mut reset_asked) = (Waiting, false);
    // The last frame that could be relied on: its stamp, and when it came.
    let mut relied_on: Option<Now> = None;
    for input in inputs {
        let (event, now) = world.event(*input);
        let verdict = supervisor.step(event, now);
        let (row, after) = model.step(event, now);
        let state = verdict.state;

        // I05; NaN is not equal to itself, so the words are compared.
        let second = again.step(event, now);
        prop_assert_eq!(format_state(&verdict), format_state(&second));
        // I08
        prop_assert_eq!(state, after, "{} in {}: {:?}", row, before, verdict);
        // I01
        prop_assert_eq!(verdict.safe_stop, !matches!(state, Clear | Warn));
        // I02
        reset_asked |= before == Stop && row == "reset";
        // the frame that ended the STOP was late
        reset_asked |= before == Clear && row == "overdue";
        if before == Stop && state != Stop {
            prop_assert!(reset_asked, "{:?}", verdict);
            prop_assert_eq!(state, Clear);
        }
        reset_asked &= state == Stop;
        // I03, I06
        let good = matches!(
            row,
            "clean" | "hit" | "weak" | "blurred" | "blurred-hit" | "long-blurred-hit"
        );
        if let (true, Event::Frame(o)) = (good, event) {
            let stamp = o.capture_stamp;
            relied_on = Some(Now { stamp, ..now });
        }
        prop_assert!(relied_on.is_some() || matches!(state, Waiting | Fault));
        if matches!(state, Clear | Warn) {
            let stale = i64::from(config.stale_after_ms) * 1_000_000;
            let last = relied_on.unwrap();
            prop_assert!(now.stamp.nanos_since(last.stamp) <= stale, "{:?}", verdict);
            prop_assert!(now.monotonic_since(last) <= stale, "{:?}", verdict);
        }
        // I04, told by the input alone and then by the row
        let unusable = match event {
            Event::Failed { .. } | Event::Missed { .. } => true,
            Event::Frame(o) => {
                let age = now.stamp.nanos_since(o.capture_stamp);
                let (old, ahead) = (config.max_age_ms, config.future_tolerance_ms);
                age > i64::from(old) * 1_000_000
                    || -age > i64::from(ahead) * 1_000_000
                    || o.pixels == 0
                    || o.non_finite > 0
                    || o.score_max.is_nan()
            }
            Event::Tick | Event::Reset => false,
        };
        let faulty = !good && !matches!(row, "tick" | "reset");
        prop_assert!(!(unusable || faulty) || verdict.safe_stop, "{:?}", verdict);
        prop_assert!(faulty || !unusable, "{:?}", verdict);
        // I07
        prop_assert!(before == Waiting || state != Waiting);
        // I09
        *coverage.entry((row, before, state)).or_default() += 1;
        before = state;
    }
    Ok(())
}

fn format_state(verdict: &Verdict) -> (State, Reason, Option<Stamp>, Option<i64>, u32) {
    let Verdict {
        state,
        reason,
        capture_stamp,
        age_nanos,
        corridor_pixels,
        ..
    } = *verdict;
    (state, reason, capture_stamp, age_nanos, corridor_pixels)
}

#[test]
fn i_invariants_hold_and_the_transitions_are_those_of_the_matrix() {
    let coverage = RefCell::new(Coverage::new());
    let mut runner = TestRunner::new(ProptestConfig {
        cases: SEQUENCES,
        failure_persistence: None,
        ..Default::default()
    });
    let result = runner.run(&sequence(), |(config, inputs)| {
        check(config, &inputs, &mut coverage.borrow_mut())
    });
    if let Err(failure) = result {
        panic!("{failure}");
    }
    let coverage = coverage.into_inner();
    let allowed: Vec<Transition> = matrix().into_iter().map(|(one, _)| one).collect();
    for (transition, times) in &coverage {
        let (row, from, to) = transition;
        assert!(
            allowed.contains(transition),
            "{times} times {row} led from {from} to {to}, which the matrix does not allow"
        );
    }
    let never: Vec<_> = allowed
        .iter()
        .filter(|one| !coverage.contains_key(*one))
        .collect();
    assert!(never.is_empty(), "never seen: {never:?}");
    let least = coverage.iter().min_by_key(|(_, times)| **times);
    let steps: u64 = coverage.values().sum();
    eprintln!(
        "{SEQUENCES} sequences, {steps} events, {} transitions, the rarest {least:?}",
        coverage.len()
    );
}
