//! What `/diagnostics` says of the node, made of plain data.
//!
//! - **health**: what the node tells about itself while it runs ([`Health`]): frames as they come
//!   and go, the engine, the lifecycle. Telling of a frame allocates nothing.
//! - **array**: five statuses made of it when the timer asks ([`array()`]): `frames`, `latency`,
//!   `engine`, `verdict`, `machine`.
//! - **drift**: whether the frames of the last two minutes score as clean ones do.
//! - **recent**: what happened in the last ten seconds. Levels speak of that, counts of all since
//!   the start.
//!
//! | level | means |
//! |---|---|
//! | OK | as it should be |
//! | WARN | still correct, but degraded: too few frames, frames replaced, deadlines missed, hot |
//! | ERROR | cannot go on correctly: STOP, FAULT, no engine, frames that are malformed |
//! | STALE | nothing to judge by: no frame yet, none for longer than the limit, not active |
//!
//! What is not known is said to be `unknown`, never 0. A level other than OK names its threshold.

/// Said where frames come under simulated time, before the first message of `/clock`.
pub const NO_CLOCK: &str = "frames come, but /clock has not: use_sim_time is true, and without a clock nobody can tell how \
     old they are; publish it (`ros2 bag play DIR --clock 200`), or configure the node with use_sim_time false";

mod drift;
mod health;
mod machine;
mod recent;
mod report;
mod statuses;

pub use drift::CleanMeans;
pub use health::{Counts, EngineWords, Health, Limits, Underway};

use std::time::Duration;

use crate::msg::{DiagnosticArray, Header};
use crate::profile::MachineProfile;
use crate::time::Stamp;
use crate::watchdog::Snapshot;

/// The statuses at `now` (on the monotonic clock that [`Health`] was told times of) and at `stamp`
/// (on the node's ROS clock). `node` is the node's full name without the first slash. `machine` is what was last read of the
/// machine, where it is read. `flag` is what the board says, and for how long.
pub fn array(
    health: &Health,
    node: &str,
    flag: (&Snapshot, Duration),
    now: Duration,
    stamp: Stamp,
    machine: Option<&MachineProfile>,
) -> DiagnosticArray {
    let mut status = vec![
        statuses::frames(health, now),
        statuses::latency(health, now),
        statuses::engine(health),
        statuses::verdict(health, flag),
        machine::machine(health, now, machine),
    ];
    for one in &mut status {
        one.name.insert_str(0, ": ");
        one.name.insert_str(0, node);
        one.hardware_id.clone_from(&health.camera);
    }
    DiagnosticArray {
        header: Header {
            stamp: stamp.into(),
            frame_id: String::new(),
        },
        status,
    }
}

#[cfg(test)]
mod tests;
