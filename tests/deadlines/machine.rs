//! Machines whose times follow scripts, and the camera in front of them.

use lookout::engine::{Mode, Resolution};
use lookout::profile::{Stage, StageTimes};
use rand::RngExt;
use rand_pcg::Pcg32;
use std::time::Duration;

/// A camera and a machine. All that happens is a function of the time and of the frame's number,
/// so that every policy meets the same weather.
pub(crate) struct Scenario {
    pub(crate) name: &'static str,
    pub(crate) hz: f64,
    pub(crate) deadline: Duration,
    /// How many times slower than at warm-up the machine is at a time, for a resolution.
    pub(crate) slowdown: fn(f64, Resolution) -> f64,
    /// What befalls a frame beside that.
    pub(crate) accident: fn(&mut Pcg32) -> Accident,
}

#[derive(Clone, Copy)]
pub(crate) enum Accident {
    None,
    /// The networks take so many times as long.
    Slow(f64),
    /// The segmentation network stops for so long.
    Hang(Duration),
}

pub(crate) struct Arrival {
    pub(crate) capture: Duration,
    pub(crate) arrival: Duration,
}

impl Scenario {
    /// Whether the machine is as at warm-up at a time.
    pub(crate) fn calm(&self, at: Duration) -> bool {
        (self.slowdown)(at.as_secs_f64(), Resolution::Full) <= 1.0
    }

    /// Frames are captured on the beat, give or take 0.5 ms of the driver, and arrive 3 ms later
    /// and an exponential 1.5 ms of transport, in order.
    pub(crate) fn arrivals(&self, frames: usize) -> Vec<Arrival> {
        let mut rng = Pcg32::new(0xca3e7a, 1);
        let mut last = Duration::ZERO;
        (0..frames)
            .map(|i| {
                let beat = (i + 1) as f64 / self.hz + rng.random_range(-0.5e-3..0.5e-3);
                let transport = 3e-3 - 1.5e-3 * (1.0 - rng.random::<f64>()).ln();
                last = last.max(secs(beat + transport));
                Arrival {
                    capture: secs(beat),
                    arrival: last,
                }
            })
            .collect()
    }
}

/// Times of the stages, in ms, in the order of [`Stage::ALL`]: those of `docs/performance.md` with
/// two threads, publication with writing the message. The reduced resolution has 0.42 of the
/// pixels. A score from logits takes longer than one from the observer.
fn base(mode: Mode) -> [f64; Stage::COUNT] {
    let pixels = match mode.resolution {
        Resolution::Full => 1.0,
        Resolution::Reduced | Resolution::Fallback => 0.42,
    };
    let (observer, score) = if mode.observer {
        (9.3, 0.02)
    } else {
        (0.0, 0.3)
    };
    [
        1.0,
        0.35 * pixels,
        23.6 * pixels,
        observer * pixels,
        score,
        0.05,
        2.0,
    ]
}

/// One frame on the machine: runs stage after stage and keeps the time.
pub(crate) struct Run<'a> {
    scenario: &'a Scenario,
    rng: Pcg32,
    accident: Accident,
    pub(crate) now: Duration,
    pub(crate) times: StageTimes,
    /// The first frame in another mode than the last one.
    cold: bool,
}

impl<'a> Run<'a> {
    pub(crate) fn new(scenario: &'a Scenario, frame: usize, now: Duration) -> Self {
        let mut rng = Pcg32::new(0x10_0c_07, frame as u64);
        let accident = (scenario.accident)(&mut rng);
        Self {
            scenario,
            rng,
            accident,
            now,
            times: StageTimes::default(),
            cold: false,
        }
    }

    /// Weights and buffers of another mode have left the caches: 15 % slower.
    pub(crate) fn is_cold(&mut self, cold: bool) {
        self.cold = cold;
    }

    pub(crate) fn run(&mut self, mode: Mode, stage: Stage) {
        // Times of one stage spread by 3 % on an even machine.
        let mut factor = (0.03 * normal(&mut self.rng)).exp();
        factor *= (self.scenario.slowdown)(self.now.as_secs_f64(), mode.resolution);
        let mut hang = Duration::ZERO;
        if matches!(stage, Stage::Segmentation | Stage::Observer) {
            if let Accident::Slow(times) = self.accident {
                factor *= times;
            }
            if self.cold {
                factor *= 1.15;
            }
        }
        if let (Stage::Segmentation, Accident::Hang(time)) = (stage, self.accident) {
            hang = time;
        }
        let took = secs(base(mode)[stage as usize] * factor / 1e3) + hang;
        self.times.add(stage, took);
        self.now += took;
    }
}

/// A dry run before the first frame: without decoding and publication, at the pace of time 0.
pub(crate) fn dry_run(mode: Mode, number: usize) -> StageTimes {
    const IDLE: Scenario = Scenario {
        name: "dry run",
        hz: 1.0,
        deadline: Duration::ZERO,
        slowdown: |_, _| 1.0,
        accident: |_| Accident::None,
    };
    let mut run = Run::new(&IDLE, usize::MAX - number, Duration::ZERO);
    for stage in [
        Stage::Preprocess,
        Stage::Segmentation,
        Stage::Observer,
        Stage::Score,
        Stage::Decide,
    ] {
        if stage != Stage::Observer || mode.observer {
            run.run(mode, stage);
        }
    }
    run.times
}

pub(crate) fn secs(seconds: f64) -> Duration {
    Duration::from_secs_f64(seconds.max(0.0))
}

/// A standard normal number (Box and Muller).
pub(crate) fn normal(rng: &mut Pcg32) -> f64 {
    let (u, v): (f64, f64) = (1.0 - rng.random::<f64>(), rng.random());
    (-2.0 * u.ln()).sqrt() * (std::f64::consts::TAU * v).cos()
}

/// A Pareto number of least value 1.
pub(crate) fn pareto(rng: &mut Pcg32, exponent: f64) -> f64 {
    (1.0 - rng.random::<f64>()).powf(-1.0 / exponent)
}
