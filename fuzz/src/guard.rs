//! One input is read: written down before, and under a limit of memory and of time.

use std::fs::{self, File};
use std::io::{Seek, Write};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::thread;
use std::time::Duration;

use anyhow::{Context, Result, bail};
use rustix::time::{ClockId, clock_gettime};
use tempfile::TempDir;

use crate::memory;
use crate::targets::Target;

/// Bytes that reading one input may take from the allocator at once.
const MOST_MEMORY: usize = 512 << 20;
/// Kilobytes that the whole process may have resident, with what libraries in C take: the limit of every
/// command of lookout.
const MOST_RESIDENT: u64 = 1_000_000;
/// Nanoseconds of the processor for one input. The greatest pictures take one second in a release build.
const MOST_TIME: u64 = 20_000_000_000;

/// When the input that is read began, in nanoseconds of the processor; 0 where none is.
static BEGAN: AtomicU64 = AtomicU64::new(0);

/// Reads inputs of one target.
pub(crate) struct Guard<'a> {
    target: &'a Target,
    folder: TempDir,
    current: File,
    path: PathBuf,
}

/// Where the input lies that a target is reading.
pub(crate) fn current(target: &Target, out: &Path) -> PathBuf {
    out.join(format!("{}.current", target.name))
}

impl<'a> Guard<'a> {
    pub(crate) fn new(target: &'a Target, out: &Path) -> Result<Self> {
        let path = current(target, out);
        let file =
            File::create(&path).with_context(|| format!("cannot make {}", path.display()))?;
        let folder = tempfile::Builder::new()
            .prefix("lookout-fuzz-")
            .tempdir()
            .context("cannot make a temporary folder")?;
        thread::spawn(watch);
        Ok(Self {
            target,
            folder,
            current: file,
            path,
        })
    }

    /// Reads an input; returns what the reader says of it.
    pub(crate) fn run(&mut self, input: &[u8]) -> Result<String> {
        self.current.rewind()?;
        self.current.set_len(0)?;
        self.current.write_all(input)?;
        BEGAN.store(processor().max(1), Relaxed);
        memory::allow(Some(MOST_MEMORY));
        let end = (self.target.run)(self.folder.path(), input);
        memory::allow(None);
        BEGAN.store(0, Relaxed);
        if let Some(kilobytes) = most_resident()
            && kilobytes > MOST_RESIDENT
        {
            bail!("too much memory: {kilobytes} kB were resident");
        }
        Ok(end)
    }

    /// Nothing failed: the last input is of no interest.
    pub(crate) fn finish(self) -> Result<()> {
        fs::remove_file(&self.path)?;
        Ok(())
    }
}

/// Ends the process when an input takes too long.
fn watch() {
    loop {
        thread::sleep(Duration::from_millis(200));
        let began = BEGAN.load(Relaxed);
        if began > 0 && processor().saturating_sub(began) > MOST_TIME {
            eprintln!("too long: more than {} s", MOST_TIME / 1_000_000_000);
            std::process::abort();
        }
    }
}

/// Time that the processors gave this process.
fn processor() -> u64 {
    let time = clock_gettime(ClockId::ProcessCPUTime);
    time.tv_sec as u64 * 1_000_000_000 + time.tv_nsec as u64
}

/// Kilobytes that were resident at the most, where the system says it.
fn most_resident() -> Option<u64> {
    let status = fs::read_to_string("/proc/self/status").ok()?;
    let line = status
        .lines()
        .find_map(|line| line.strip_prefix("VmHWM:"))?;
    line.trim().strip_suffix(" kB")?.parse().ok()
}
