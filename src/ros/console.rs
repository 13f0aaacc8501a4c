//! The log on stderr, written by a thread of its own: whoever logs never waits for a terminal, a pipe or
//! a disk that takes nothing.

use std::io::{self, Write};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc::{SyncSender, sync_channel};
use std::thread;
use std::time::{Duration, Instant};

/// Lines that wait to be written; further ones are dropped until there is room.
const LINES: usize = 1024;
/// How long the end of the process waits for them.
const FLUSH_WITHIN: Duration = Duration::from_millis(200);

/// Takes lines without waiting.
#[derive(Clone)]
pub(super) struct Console {
    lines: SyncSender<Vec<u8>>,
    waiting: Arc<AtomicUsize>,
}

impl Console {
    /// Lines go to `to`.
    pub(super) fn new(mut to: impl Write + Send + 'static) -> io::Result<Self> {
        let (lines, next) = sync_channel::<Vec<u8>>(LINES);
        let waiting = Arc::new(AtomicUsize::new(0));
        let left = Arc::clone(&waiting);
        thread::Builder::new()
            .name("lookout-console".to_owned())
            .spawn(move || {
                for line in next {
                    // nobody is left to be told of a stderr that is gone
                    let _ = to.write_all(&line);
                    left.fetch_sub(1, Ordering::AcqRel);
                }
            })?;
        Ok(Self { lines, waiting })
    }

    /// Waits until all is written, but not long.
    pub(super) fn finish(&self) {
        let began = Instant::now();
        while self.waiting.load(Ordering::Acquire) > 0 && began.elapsed() < FLUSH_WITHIN {
            thread::sleep(Duration::from_millis(1));
        }
    }
}

impl Write for Console {
    fn write(&mut self, line: &[u8]) -> io::Result<usize> {
        self.waiting.fetch_add(1, Ordering::AcqRel);
        if self.lines.try_send(line.to_vec()).is_err() {
            self.waiting.fetch_sub(1, Ordering::AcqRel);
        }
        Ok(line.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Mutex;

    use super::*;

    struct Blocked(Arc<Mutex<Vec<u8>>>);

    impl Write for Blocked {
        fn write(&mut self, line: &[u8]) -> io::Result<usize> {
            self.0.lock().unwrap().extend_from_slice(line);
            Ok(line.len())
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    #[test]
    fn a_stderr_that_blocks_delays_nobody_and_takes_bounded_memory() {
        let written = Arc::new(Mutex::new(Vec::new()));
        let mut console = Console::new(Blocked(Arc::clone(&written))).unwrap();
        let blocked = written.lock().unwrap();
        let began = Instant::now();
        for _ in 0..10 * LINES {
            console.write_all(b"line\n").unwrap();
        }
        console.finish();
        assert!(began.elapsed() < Duration::from_secs(5));
        assert!(console.waiting.load(Ordering::SeqCst) <= LINES + 1);
        drop(blocked);
        while console.waiting.load(Ordering::SeqCst) > 0 {
            thread::yield_now();
        }
        assert!(written.lock().unwrap().len() <= 5 * (LINES + 1));
    }
}
