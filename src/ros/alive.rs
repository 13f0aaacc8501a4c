//! Whether RustDDS still runs.
//!
//! Its two threads end for good when a wait of theirs fails, or by a panic. (An interrupted wait does
//! not end them: vendor/README.md.) From then on nothing is sent or received, and no call says so:
//! writes go into queues. Whoever repeats the flag has to ask here and end the process, which a
//! launch file or systemd starts again; subscribers miss the heartbeat meanwhile.

use std::fs;

use ros2_client::Context;

/// How its threads' names begin.
const THREADS: &str = "RustDDS";

/// Knows how many threads there were.
#[derive(Clone, Copy, Debug)]
pub struct TransportThreads {
    threads: usize,
}

impl TransportThreads {
    /// After [`join`](super::participant::Environment::join), which is to be called once a process.
    pub fn count() -> Self {
        Self { threads: running() }
    }

    /// Whether all of them still run. Reads a file a thread of the process, so ask some ten times a
    /// second at most. Only the half of it where there is no `/proc`: the discovery's thread.
    pub fn run(self, context: &Context) -> bool {
        // The command changes nothing; it cannot be sent when the thread is gone.
        running() >= self.threads && context.domain_participant().assert_liveliness().is_ok()
    }
}

fn running() -> usize {
    let Ok(tasks) = fs::read_dir("/proc/self/task") else {
        return 0;
    };
    tasks
        .filter_map(|task| fs::read_to_string(task.ok()?.path().join("comm")).ok())
        .filter(|name| name.starts_with(THREADS))
        .count()
}
