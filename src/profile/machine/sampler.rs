use super::{Machine, MachineProfile};
use std::io;
use std::sync::mpsc::{self, RecvTimeoutError};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::{Builder, JoinHandle};
use std::time::{Duration, Instant};

/// Reading takes time from the run, and sensors may hang on a slow bus: no oftener than this.
const MIN_PERIOD: Duration = Duration::from_millis(100);

/// Reads a [`Machine`] at a fixed rate on a thread of its own, until it is stopped or dropped.
#[derive(Debug)]
pub struct MachineSampler {
    machine: Arc<Mutex<Machine>>,
    // Dropping the sender ends the thread.
    stop: Option<mpsc::Sender<()>>,
    thread: Option<JoinHandle<()>>,
}

impl MachineSampler {
    /// Starts reading, every `period` (100 ms at least), at once for the first time.
    ///
    /// # Errors
    /// When the system gives no thread.
    pub fn start(machine: Machine, period: Duration) -> io::Result<Self> {
        let period = period.max(MIN_PERIOD);
        let machine = Arc::new(Mutex::new(machine));
        let (stop, stopped) = mpsc::channel();
        let read = Arc::clone(&machine);
        let thread = Builder::new()
            .name("lookout-machine".to_owned())
            .spawn(move || {
                let mut next = Instant::now();
                loop {
                    lock(&read).sample();
                    // Readings that could not be made in time are left out, not made up for.
                    next = (next + period).max(Instant::now());
                    let wait = next.saturating_duration_since(Instant::now());
                    match stopped.recv_timeout(wait) {
                        Err(RecvTimeoutError::Timeout) => {}
                        Ok(()) | Err(RecvTimeoutError::Disconnected) => return,
                    }
                }
            })?;
        Ok(Self {
            machine,
            stop: Some(stop),
            thread: Some(thread),
        })
    }

    /// What was read so far.
    pub fn profile(&self) -> MachineProfile {
        lock(&self.machine).profile().clone()
    }

    /// Reads once more, ends the thread and gives what was read.
    pub fn stop(mut self) -> MachineProfile {
        self.end();
        let mut machine = lock(&self.machine);
        machine.sample();
        machine.profile().clone()
    }

    fn end(&mut self) {
        self.stop = None;
        if let Some(thread) = self.thread.take() {
            // A panic in it has been reported by the hook; what was read before is there.
            let _ = thread.join();
        }
    }
}

impl Drop for MachineSampler {
    fn drop(&mut self) {
        self.end();
    }
}

/// A reading that panicked leaves the ones before it.
fn lock(machine: &Mutex<Machine>) -> std::sync::MutexGuard<'_, Machine> {
    machine.lock().unwrap_or_else(PoisonError::into_inner)
}
