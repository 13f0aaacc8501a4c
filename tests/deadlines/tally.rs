//! What a policy made of a scenario, counted from the frames' fates alone.

use crate::machine::Scenario;
use crate::policies::{Fate, Outcome, Policy};
use lookout::engine::Mode;
use std::time::Duration;

/// What a verdict in time is worth, by mode. A convention: it orders the modes and no more. The machine's bundle has no
/// fallback.
const QUALITY: [f64; Mode::COUNT] = [1.0, 0.7, 0.0, 0.5, 0.3, 0.0];

#[derive(Debug, Default)]
pub(crate) struct Tally {
    pub(crate) frames: usize,
    pub(crate) published: usize,
    pub(crate) in_time: usize,
    /// Published after the deadline, and said to be fresh.
    pub(crate) late_as_fresh: usize,
    /// Published after the deadline, and said to be late.
    pub(crate) late: usize,
    pub(crate) refused: usize,
    pub(crate) replaced: usize,
    quality: f64,
    pub(crate) worst_age: Duration,
    /// Verdicts in another mode than the one before.
    pub(crate) switches: usize,
    /// Most frames in a row, captured while the machine was as at warm-up, without a verdict in
    /// time.
    pub(crate) calm_gap: usize,
    /// The same without a verdict in time in the best mode.
    pub(crate) calm_gap_full: usize,
}

impl Tally {
    pub(crate) fn of(scenario: &Scenario, outcome: &Outcome) -> Self {
        let mut tally = Self {
            frames: outcome.fates.len(),
            ..Self::default()
        };
        let (mut last, mut gap, mut gap_full) = (None, 0, 0);
        for &(capture, fate) in &outcome.fates {
            gap += 1;
            gap_full += 1;
            match fate {
                Fate::Replaced => tally.replaced += 1,
                Fate::Refused => tally.refused += 1,
                Fate::Published { mode, age, fresh } => {
                    tally.published += 1;
                    tally.worst_age = tally.worst_age.max(age);
                    tally.switches += usize::from(last.replace(mode).is_some_and(|m| m != mode));
                    match (age <= scenario.deadline, fresh) {
                        (true, _) => {
                            tally.in_time += 1;
                            tally.quality += QUALITY[mode.index()];
                            gap = 0;
                            if mode == Mode::FULL {
                                gap_full = 0;
                            }
                        }
                        (false, true) => tally.late_as_fresh += 1,
                        (false, false) => tally.late += 1,
                    }
                }
            }
            if !scenario.calm(capture) {
                (gap, gap_full) = (0, 0);
            }
            tally.calm_gap = tally.calm_gap.max(gap);
            tally.calm_gap_full = tally.calm_gap_full.max(gap_full);
        }
        tally
    }

    /// Share of the published verdicts that were in time.
    pub(crate) fn kept(&self) -> f64 {
        self.in_time as f64 / self.published.max(1) as f64
    }

    /// Mean quality of the verdicts in time; 0 when there is none.
    pub(crate) fn mean_quality(&self) -> f64 {
        self.quality / self.in_time.max(1) as f64
    }

    /// Changes of mode per thousand published verdicts.
    pub(crate) fn switches_per_1000(&self) -> f64 {
        1e3 * self.switches as f64 / self.published.max(1) as f64
    }

    pub(crate) fn header() -> &'static str {
        "| scenario | policy | frames | published | late as fresh | late, said so | refused | \
         replaced | published in time | of all frames | mean quality | worst age ms | \
         switches / 1000 |\n\
         |---|---|--:|--:|--:|--:|--:|--:|--:|--:|--:|--:|--:|"
    }

    pub(crate) fn row(&self, scenario: &Scenario, policy: Policy) -> String {
        format!(
            "| {} | {} | {} | {} | {} | {} | {} | {} | {:.2} % | {:.2} % | {:.3} | {:.0} | {:.1} |",
            scenario.name,
            policy.name(),
            self.frames,
            self.published,
            self.late_as_fresh,
            self.late,
            self.refused,
            self.replaced,
            100.0 * self.kept(),
            100.0 * self.in_time as f64 / self.frames as f64,
            self.mean_quality(),
            self.worst_age.as_secs_f64() * 1e3,
            self.switches_per_1000(),
        )
    }
}
