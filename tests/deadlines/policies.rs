//! Three ways to treat the frames of a camera, on the simulated machine.

use crate::machine::{Run, Scenario, dry_run};
use lookout::engine::{Mode, Resolution};
use lookout::profile::Stage;
use lookout::schedule::{Admission, AdmissionConfig, AdmissionCounters, Admit};
use std::collections::VecDeque;
use std::time::Duration;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Policy {
    /// A queue of five, the oldest falls out; every frame in the best mode.
    Queue,
    /// The newest frame only, always in the best mode.
    Newest,
    /// The newest frame only, and admission.
    Lookout,
}

impl Policy {
    pub(crate) const ALL: [Self; 3] = [Self::Queue, Self::Newest, Self::Lookout];

    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Queue => "queue of 5",
            Self::Newest => "newest only",
            Self::Lookout => "lookout",
        }
    }
}

/// What became of a frame.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Fate {
    /// A newer one took its place before it was begun.
    Replaced,
    Refused,
    Published {
        mode: Mode,
        /// When the verdict was handed over.
        age: Duration,
        /// What the verdict said of itself.
        fresh: bool,
    },
}

pub(crate) struct Outcome {
    /// Of each frame, with the time of its capture.
    pub(crate) fates: Vec<(Duration, Fate)>,
    /// Those of the admission, where there is one.
    pub(crate) counters: Option<AdmissionCounters>,
}

pub(crate) fn simulate(scenario: &Scenario, policy: Policy, frames: usize) -> Outcome {
    let arrivals = scenario.arrivals(frames);
    let mut worker = Worker::new(scenario, policy);
    let capacity = if policy == Policy::Queue { 5 } else { 1 };
    let mut fates: Vec<_> = arrivals
        .iter()
        .map(|a| (a.capture, Fate::Replaced))
        .collect();
    let mut queue = VecDeque::new();
    let (mut now, mut next) = (Duration::ZERO, 0);
    loop {
        while arrivals.get(next).is_some_and(|a| a.arrival <= now) {
            queue.push_back(next);
            if queue.len() > capacity {
                queue.pop_front();
            }
            next += 1;
        }
        if let Some(frame) = queue.pop_front() {
            fates[frame].1 = worker.work(frame, arrivals[frame].capture, &mut now);
        } else if let Some(arrival) = arrivals.get(next) {
            now = arrival.arrival;
        } else {
            break;
        }
    }
    Outcome {
        fates,
        counters: worker.admission.map(|admission| admission.counters()),
    }
}

struct Worker<'a> {
    scenario: &'a Scenario,
    admission: Option<Admission>,
    last: Mode,
}

impl<'a> Worker<'a> {
    fn new(scenario: &'a Scenario, policy: Policy) -> Self {
        let admission = (policy == Policy::Lookout).then(|| {
            let config = AdmissionConfig {
                deadline_ms: scenario.deadline.as_millis() as u32,
                ..AdmissionConfig::default()
            };
            let mut admission = Admission::new(config).unwrap();
            let own = Mode::ALL
                .into_iter()
                .filter(|mode| mode.resolution != Resolution::Fallback);
            for (i, mode) in own.cycle().take(20 * 4).enumerate() {
                admission.warm_up(mode, &dry_run(mode, i));
            }
            admission
        });
        Self {
            scenario,
            admission,
            last: Mode::FULL,
        }
    }

    /// Works on a frame from `now` on, and moves it.
    fn work(&mut self, frame: usize, capture: Duration, now: &mut Duration) -> Fate {
        let mut run = Run::new(self.scenario, frame, *now);
        run.run(Mode::FULL, Stage::Decode);
        let mut mode = Mode::FULL;
        if let Some(admission) = &mut self.admission {
            match admission.admit(run.now - capture) {
                Admit::Run { mode: admitted, .. } => mode = admitted,
                Admit::Refuse { .. } => {
                    *now = run.now;
                    return Fate::Refused;
                }
            }
        }
        run.is_cold(mode != self.last);
        self.last = mode;
        run.run(mode, Stage::Preprocess);
        run.run(mode, Stage::Segmentation);
        if mode.observer {
            let fits = match &mut self.admission {
                Some(admission) => admission.observer_fits(run.now - capture),
                None => true,
            };
            if fits {
                run.run(mode, Stage::Observer);
            } else {
                mode = mode.without_observer();
            }
        }
        for stage in [Stage::Score, Stage::Decide, Stage::Publish] {
            run.run(mode, stage);
        }
        *now = run.now;
        let age = run.now - capture;
        let fresh = match &mut self.admission {
            Some(admission) => admission.done(mode, &run.times, age),
            None => true,
        };
        Fate::Published { mode, age, fresh }
    }
}
