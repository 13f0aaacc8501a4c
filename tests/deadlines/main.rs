//! Deadlines over 100,000 frames a scenario, in simulated time: lookout's admission next to a queue
//! and to a mailbox without admission. Prints the table of `docs/decisions/latency-model.md`:
//! `cargo test --release --test deadlines -- --nocapture`
#![allow(clippy::unwrap_used, clippy::print_stdout)]

mod machine;
mod policies;
mod scenarios;
mod tally;

use machine::Scenario;
use policies::{Outcome, Policy, simulate};
use std::thread;
use tally::Tally;

const FRAMES: usize = 100_000;

/// What the three policies made of a scenario, in the order of [`Policy::ALL`].
struct Compared {
    scenario: &'static Scenario,
    outcomes: [(Outcome, Tally); 3],
}

impl Compared {
    fn tally(&self, policy: Policy) -> &Tally {
        &self.outcomes[policy as usize].1
    }
}

fn compare(scenario: &'static Scenario) -> Compared {
    let outcomes = Policy::ALL.map(|policy| {
        let outcome = simulate(scenario, policy, FRAMES);
        let tally = Tally::of(scenario, &outcome);
        (outcome, tally)
    });
    Compared { scenario, outcomes }
}

#[test]
fn deadlines_are_kept_over_every_scenario() {
    let all: Vec<Compared> = thread::scope(|scope| {
        let runs = scenarios::ALL.map(|scenario| scope.spawn(move || compare(scenario)));
        runs.into_iter().map(|run| run.join().unwrap()).collect()
    });

    println!("{}", Tally::header());
    for compared in &all {
        for policy in Policy::ALL {
            println!("{}", compared.tally(policy).row(compared.scenario, policy));
        }
    }

    for compared in &all {
        check_counts(compared);
        let (name, ours) = (compared.scenario.name, compared.tally(Policy::Lookout));
        assert_eq!(ours.late_as_fresh, 0, "{name}");
        // One change in fifty verdicts, with times that hover about the limit.
        assert!(ours.switches_per_1000() < 20.0, "{name}: {ours:?}");
        // Over a whole run no more verdicts are lost than without admission, but for the share
        // that a p99 gives away.
        let newest = compared.tally(Policy::Newest);
        let given_away = 0.01 * newest.in_time as f64;
        assert!(
            ours.in_time as f64 >= newest.in_time as f64 - given_away,
            "{name}: {} in time, {} without admission",
            ours.in_time,
            newest.in_time
        );
        // Where a mode fits at all, what is published is in time.
        if !std::ptr::eq(compared.scenario, &scenarios::OVERLOAD) {
            assert!(ours.kept() >= 0.99, "{name}: {ours:?}");
        }
    }

    let find = |name: &str| all.iter().find(|c| c.scenario.name == name).unwrap();
    let steady = find(scenarios::STEADY.name).tally(Policy::Lookout);
    assert!(steady.mean_quality() > 0.99, "{steady:?}");
    assert!(
        steady.kept() == 1.0 && steady.in_time == FRAMES,
        "{steady:?}"
    );

    let throttling = find(scenarios::THROTTLING.name);
    assert!(throttling.tally(Policy::Lookout).kept() >= 0.99);
    assert!(throttling.tally(Policy::Newest).kept() < 0.60);
    // All modes are back when it has cooled down, but for a wait after a climb that came too soon.
    let gap = throttling.tally(Policy::Lookout).calm_gap_full;
    assert!(gap <= 30, "{gap} frames");

    // When the overload ends, the first verdict in time comes with the next probe, and all modes
    // after `recover_frames`; twice that is allowed.
    let overload = find(scenarios::OVERLOAD.name).tally(Policy::Lookout);
    assert!(
        overload.refused > 10_000,
        "there is none to recover from: {overload:?}"
    );
    assert!(overload.calm_gap <= 10, "{overload:?}");
    assert!(overload.calm_gap_full <= 30, "{overload:?}");

    // A hang takes 75 frames with it, and the one that it happened to.
    let hang = find(scenarios::HANG.name).tally(Policy::Lookout);
    assert!(hang.late > 20, "there is none to recover from: {hang:?}");
    assert!(hang.calm_gap <= 78, "{hang:?}");
    // Two hangs may follow one another, and the frames between are fewer than it takes to climb.
    assert!(hang.calm_gap_full <= 3 * 75, "{hang:?}");
}

/// The admission's own counters agree with what was seen from outside.
fn check_counts(compared: &Compared) {
    let (outcome, tally) = &compared.outcomes[Policy::Lookout as usize];
    let (name, counters) = (compared.scenario.name, outcome.counters.unwrap());
    let same = [
        (counters.offered, tally.frames - tally.replaced),
        (counters.refused, tally.refused),
        (counters.ran(), tally.published),
        (counters.late, tally.late),
        (counters.in_time(), tally.in_time),
    ];
    for (i, (counted, seen)) in same.into_iter().enumerate() {
        assert_eq!(counted, seen as u64, "{name}: counter {i}");
    }
}

#[test]
fn the_same_run_comes_out_the_same() {
    let run = || simulate(&scenarios::PARETO, Policy::Lookout, 5_000).fates;
    assert!(run() == run());
}
