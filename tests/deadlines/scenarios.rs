//! The scripts. Parameters say where they come from; none was moved to make a policy look well.

use crate::machine::{Accident, Scenario, normal, pareto};
use rand::RngExt;
use rand_pcg::Pcg32;
use std::time::Duration;

/// A full frame takes 36 ms from the end of decoding on, and arrives 4.5 ms old. 60 ms leaves it a
/// half more than it needs, so that an even machine keeps it easily and a throttled one cannot.
const DEADLINE: Duration = Duration::from_millis(60);
/// Share of the frames that hang: once in two minutes at 15 Hz.
const HANGS: f64 = 1.0 / 1800.0;

const BASE: Scenario = Scenario {
    name: "steady, 15 Hz",
    hz: 15.0,
    deadline: DEADLINE,
    slowdown: |_, _| 1.0,
    accident: |_| Accident::None,
};

pub(crate) static STEADY: Scenario = BASE;

/// A frame takes longer than the camera's period, so frames are left out and ages vary.
pub(crate) static FAST_CAMERA: Scenario = Scenario {
    name: "steady, 30 Hz",
    hz: 30.0,
    ..BASE
};

/// Another process takes half of the machine for 20 s of every minute.
pub(crate) static STEP: Scenario = Scenario {
    name: "step x2, 20 s a minute",
    slowdown: |t, _| if t % 60.0 >= 40.0 { 2.0 } else { 1.0 },
    ..BASE
};

/// Five minutes hot, two cool, as a passively cooled board in the sun: full clock while the heat
/// sink takes up heat, then less than half of it within 2 s, and back within 10 s.
pub(crate) static THROTTLING: Scenario = Scenario {
    name: "throttling x2.2",
    slowdown: |t, _| throttled(t, 2.2),
    ..BASE
};

/// The same, but the smaller resolution, whose activations stay in the cache, suffers less: what
/// one mode says of the machine is not true of the other.
pub(crate) static UNEVEN: Scenario = Scenario {
    name: "throttling, full x2.2, reduced x1.3",
    slowdown: |t, resolution| {
        let most = match resolution {
            lookout::engine::Resolution::Full => 2.2,
            _ => 1.3,
        };
        throttled(t, most)
    },
    ..BASE
};

fn throttled(t: f64, most: f64) -> f64 {
    let t = t % 420.0;
    let share = match t {
        ..120.0 => 0.0,
        ..122.0 => (t - 120.0) / 2.0,
        ..410.0 => 1.0,
        _ => (420.0 - t) / 10.0,
    };
    1.0 + (most - 1.0) * share
}

/// One frame in fifty is hit by something that takes two to four times as long.
pub(crate) static SPIKES: Scenario = Scenario {
    name: "spikes x2 to x4, 2 %",
    accident: |rng| {
        if rng.random_bool(0.02) {
            Accident::Slow(rng.random_range(2.0..4.0))
        } else {
            Accident::None
        }
    },
    ..BASE
};

/// Up to twice as slow and back, over ten minutes.
pub(crate) static DRIFT: Scenario = Scenario {
    name: "drift x1 to x2, 10 min",
    slowdown: |t, _| 1.5 - 0.5 * (t / 600.0 * std::f64::consts::TAU).cos(),
    ..BASE
};

/// One frame in ten is disturbed, by a Pareto factor of exponent 2 (infinite variance).
pub(crate) static PARETO: Scenario = Scenario {
    name: "heavy tail: Pareto, 10 %",
    accident: |rng| {
        if rng.random_bool(0.1) {
            Accident::Slow(pareto(rng, 2.0))
        } else {
            Accident::None
        }
    },
    ..BASE
};

/// Every frame has a log-normal factor of sigma 0.2: its p99 is 1.6, and 36 ms times 1.6 is just
/// what the deadline leaves. The full mode hovers about its limit.
pub(crate) static LOGNORMAL: Scenario = Scenario {
    name: "heavy tail: log-normal, sigma 0.2",
    accident: |rng| Accident::Slow((0.2 * normal(rng)).exp()),
    ..BASE
};

/// Five seconds without an answer.
pub(crate) static HANG: Scenario = Scenario {
    name: "hang 5 s, every 2 min",
    accident: hang,
    ..BASE
};

fn hang(rng: &mut Pcg32) -> Accident {
    if rng.random_bool(HANGS) {
        Accident::Hang(Duration::from_secs(5))
    } else {
        Accident::None
    }
}

/// Ten times slower from the first frame on, for five minutes, when no mode is in time; then one
/// minute in ten again.
pub(crate) static OVERLOAD: Scenario = Scenario {
    name: "overload x10 from the start",
    slowdown: |t, _| {
        if t < 300.0 || t % 600.0 < 60.0 {
            10.0
        } else {
            1.0
        }
    },
    ..BASE
};

pub(crate) static ALL: [&Scenario; 11] = [
    &STEADY,
    &FAST_CAMERA,
    &STEP,
    &THROTTLING,
    &UNEVEN,
    &SPIKES,
    &DRIFT,
    &PARETO,
    &LOGNORMAL,
    &HANG,
    &OVERLOAD,
];
