//! What `/proc` tells of this process and of the processors (`proc(5)`).

use std::io::Read;
use std::path::Path;

/// Most that is read of a file: the lines of interest come first.
const LIMIT: u64 = 64 * 1024;

/// Reads a small file into `buffer`; `None` when it cannot be read or is no text.
pub(super) fn read<'a>(path: &Path, buffer: &'a mut Vec<u8>) -> Option<&'a str> {
    buffer.clear();
    let file = std::fs::File::open(path).ok()?;
    file.take(LIMIT).read_to_end(buffer).ok()?;
    // A cut within a character leaves the text before it.
    let text = match std::str::from_utf8(buffer) {
        Ok(text) => text,
        Err(error) => std::str::from_utf8(buffer.get(..error.valid_up_to())?).ok()?,
    };
    Some(text)
}

/// A number from a line `key: number` of a `status` file.
pub(super) fn status_number(status: &str, key: &str) -> Option<u64> {
    let line = status
        .lines()
        .find_map(|l| l.strip_prefix(key)?.strip_prefix(':'))?;
    line.split_whitespace().next()?.parse().ok()
}

/// An amount of memory in bytes from a line `key: number kB` of a `status` file.
pub(in crate::profile) fn status_bytes(status: &str, key: &str) -> Option<u64> {
    let line = status
        .lines()
        .find_map(|l| l.strip_prefix(key)?.strip_prefix(':'))?;
    let kib: u64 = line.trim().strip_suffix("kB")?.trim().parse().ok()?;
    kib.checked_mul(1024)
}

/// Time of all processors since the start of the system, in ticks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Ticks {
    pub(super) busy: u64,
    pub(super) total: u64,
}

impl Ticks {
    /// Share of the time since `earlier` that the processors were busy, 0 ..= 1.
    pub(super) fn busy_since(self, earlier: Self) -> Option<f64> {
        let total = self.total.checked_sub(earlier.total).filter(|&t| t > 0)?;
        let busy = self.busy.checked_sub(earlier.busy)?;
        Some((busy as f64 / total as f64).min(1.0))
    }
}

/// From `/proc/stat`. Idle, waiting for a disk, and time that a hypervisor gave to others are not
/// busy; guests are counted in the time of users already.
pub(super) fn ticks(stat: &str) -> Option<Ticks> {
    let line = stat.lines().find_map(|l| l.strip_prefix("cpu "))?;
    let mut fields = [0u64; 8];
    for (field, text) in fields.iter_mut().zip(line.split_whitespace()) {
        *field = text.parse().ok()?;
    }
    let [user, nice, system, _idle, _iowait, irq, softirq, _steal] = fields;
    let sum = |values: &[u64]| {
        values
            .iter()
            .try_fold(0u64, |sum, &value| sum.checked_add(value))
    };
    Some(Ticks {
        busy: sum(&[user, nice, system, irq, softirq])?,
        total: sum(&fields)?,
    })
}

/// Cores in `/proc/stat`.
pub(super) fn cores(stat: &str) -> usize {
    let numbered = |l: &&str| {
        l.strip_prefix("cpu")
            .is_some_and(|rest| rest.starts_with(|c: char| c.is_ascii_digit()))
    };
    stat.lines().filter(numbered).count()
}

/// How often the threads of this process left their core: by themselves, and forced. The kernel
/// counts by thread only; those of threads that have ended are gone.
pub(super) fn switches(tasks: &Path, buffer: &mut Vec<u8>) -> Option<(u64, u64)> {
    let mut sum = (0u64, 0u64);
    for task in std::fs::read_dir(tasks).ok()?.flatten() {
        // A thread may end between the listing and the reading.
        let Some(status) = read(&task.path().join("status"), buffer) else {
            continue;
        };
        let number = |key| status_number(status, key).unwrap_or(0);
        sum.0 = sum.0.saturating_add(number("voluntary_ctxt_switches"));
        sum.1 = sum.1.saturating_add(number("nonvoluntary_ctxt_switches"));
    }
    Some(sum)
}
