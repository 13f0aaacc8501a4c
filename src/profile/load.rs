//! Background load, to see what a run is like on a busy machine.

use std::hint::black_box;
use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread::{Builder, JoinHandle};

/// Most threads that are started.
pub const MAX_LOAD_THREADS: usize = 256;
/// Words that each thread walks through: 4 MiB, more than a core has of its own, so that the
/// threads compete for the shared cache and the memory too.
const WORDS: usize = 512 * 1024;
/// Words between two looks at the stop sign: far below a millisecond of work.
const CHUNK: usize = 16 * 1024;

/// Threads that keep cores busy with integers and memory until this is dropped.
///
/// They are threads of this process. The scheduler of the system shares out cores by thread, so
/// they compete as those of another process of the same priority would; what differs: their
/// processor time and 4 MiB each count as this process's own, and where the process is confined to
/// a share of the machine (a container, an affinity), so are they.
#[derive(Debug)]
pub struct Load {
    stop: Arc<AtomicBool>,
    chunks: Arc<AtomicU64>,
    threads: Vec<JoinHandle<()>>,
}

impl Load {
    /// Starts `n` threads; none is fine.
    ///
    /// # Errors
    /// More than [`MAX_LOAD_THREADS`], or the system gives no thread. None is left running then.
    pub fn start(n: usize) -> io::Result<Self> {
        if n > MAX_LOAD_THREADS {
            return Err(io::Error::new(
                io::ErrorKind::InvalidInput,
                format!("{n} load threads, at most {MAX_LOAD_THREADS}"),
            ));
        }
        let mut load = Self {
            stop: Arc::new(AtomicBool::new(false)),
            chunks: Arc::new(AtomicU64::new(0)),
            threads: Vec::with_capacity(n),
        };
        for i in 0..n {
            let (stop, chunks) = (Arc::clone(&load.stop), Arc::clone(&load.chunks));
            let thread = Builder::new()
                .name(format!("lookout-load-{i}"))
                .spawn(move || work(i as u64, &stop, &chunks))?;
            load.threads.push(thread);
        }
        Ok(load)
    }

    /// How many threads there are.
    pub fn threads(&self) -> usize {
        self.threads.len()
    }

    /// Pieces of work done so far by all threads.
    pub fn chunks(&self) -> u64 {
        self.chunks.load(Ordering::Relaxed)
    }
}

impl Drop for Load {
    fn drop(&mut self) {
        self.stop.store(true, Ordering::Relaxed);
        for thread in self.threads.drain(..) {
            // The work cannot panic; there would be nothing to do about it either.
            let _ = thread.join();
        }
    }
}

fn work(seed: u64, stop: &AtomicBool, chunks: &AtomicU64) {
    let mut words = vec![seed; WORDS];
    let mut state = seed | 1;
    'work: loop {
        for chunk in words.chunks_mut(CHUNK) {
            if stop.load(Ordering::Relaxed) {
                break 'work;
            }
            for word in chunk.iter_mut() {
                // The multiplier of Knuth's MMIX generator; each step needs the one before.
                state = state
                    .wrapping_mul(6_364_136_223_846_793_005)
                    .wrapping_add(*word | 1);
                *word ^= state.rotate_left(17);
            }
            chunks.fetch_add(1, Ordering::Relaxed);
        }
        black_box(&mut words);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::{Duration, Instant};

    #[test]
    fn threads_work_until_the_load_is_dropped() {
        let load = Load::start(2).unwrap();
        assert_eq!(load.threads(), 2);
        let chunks = Arc::clone(&load.chunks);
        let began = Instant::now();
        while load.chunks() < 200 {
            assert!(began.elapsed() < Duration::from_secs(60), "no work is done");
            std::thread::sleep(Duration::from_millis(1));
        }
        let stopping = Instant::now();
        drop(load);
        assert!(stopping.elapsed() < Duration::from_secs(5));
        let done = chunks.load(Ordering::Relaxed);
        std::thread::sleep(Duration::from_millis(20));
        assert_eq!(chunks.load(Ordering::Relaxed), done, "threads are joined");
        assert_eq!(Arc::strong_count(&chunks), 1);
    }

    #[test]
    fn no_threads_are_no_load_and_too_many_are_refused() {
        let load = Load::start(0).unwrap();
        assert_eq!((load.threads(), load.chunks()), (0, 0));
        let error = Load::start(MAX_LOAD_THREADS + 1).unwrap_err();
        assert!(error.to_string().contains("257"), "{error}");
    }
}
