//! The software stand-in for CUDA and TensorRT (`gpu/standin`), controlled from a test.
//!
//! The program under test finds the stand-in where it looks for the real libraries, so the test has to be
//! started with `LD_LIBRARY_PATH` naming the folder that `gpu/standin/build.sh` made. What the functions do
//! in full is told in `gpu/standin/standin.h`.
#![allow(
    unsafe_code,
    dead_code,
    reason = "functions of a C library; not every test needs all of them"
)]

mod functions;
mod network;

use std::ffi::c_long;
use std::sync::{Mutex, MutexGuard, OnceLock, PoisonError};

use libloading::Library;

use functions::{Functions, c_string, text};
use network::{Callback, run_network, tell_shapes};

#[allow(unused_imports, reason = "not every test names them")]
pub(crate) use network::{Input, Network, Output, Shapes};

/// When the operations of a stream run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Policy {
    /// At once.
    Eager,
    /// Not before a synchronisation needs them. Finds most mistakes.
    Late,
    /// Interleaved, by a generator with that seed.
    Random(u64),
}

/// The stand-in, for one test at a time: whoever else wants it waits. Reset when taken and when given back.
pub(crate) struct Standin {
    functions: &'static Functions,
    network: Option<Box<Callback<Network>>>,
    shapes: Option<Box<Callback<Shapes>>>,
    // last: the next test begins when all else is cleaned up
    _turn: MutexGuard<'static, ()>,
}

impl Standin {
    /// Waits for its turn and resets everything.
    ///
    /// # Panics
    /// The library that answers to `libcuda.so.1` is not the stand-in.
    pub(crate) fn get() -> Self {
        static TURN: Mutex<()> = Mutex::new(());
        static FUNCTIONS: OnceLock<Functions> = OnceLock::new();
        // a test that failed while it had its turn leaves nothing that the reset does not clear
        let turn = TURN.lock().unwrap_or_else(PoisonError::into_inner);
        let functions = FUNCTIONS.get_or_init(|| {
            let hint = "build it with gpu/standin/build.sh DIR and set LD_LIBRARY_PATH=DIR";
            // SAFETY: neither the stand-in nor NVIDIA's library does anything on load that could go wrong.
            let library = unsafe { Library::new("libcuda.so.1") };
            let library = library.unwrap_or_else(|e| panic!("no stand-in ({hint}): {e}"));
            let functions = Functions::of(&library)
                .unwrap_or_else(|e| panic!("libcuda.so.1 is not the stand-in ({hint}): {e}"));
            // what it gave out must stay valid
            std::mem::forget(library);
            functions
        });
        let standin = Self {
            functions,
            network: None,
            shapes: None,
            _turn: turn,
        };
        standin.reset_library();
        standin
    }

    /// Forgets everything that happened, all settings and the networks. Nothing of before may be used after.
    pub(crate) fn reset(&mut self) {
        self.reset_library();
        self.network = None;
        self.shapes = None;
    }

    fn reset_library(&self) {
        // SAFETY: takes nothing, and is safe from any thread.
        unsafe { (self.functions.standin_reset)() }
    }

    /// Sets when operations run.
    pub(crate) fn policy(&self, policy: Policy) {
        let (policy, seed) = match policy {
            Policy::Eager => (0, 0),
            Policy::Late => (1, 0),
            Policy::Random(seed) => (2, seed),
        };
        // SAFETY: plain numbers.
        unsafe { (self.functions.standin_set_policy)(policy, seed) }
    }

    /// Sets what runs networks. It must not call CUDA or TensorRT itself.
    pub(crate) fn set_network(&mut self, network: Box<Network>) {
        let mut callback = Callback::new(network);
        let user: *mut Callback<Network> = &mut *callback;
        // SAFETY: the callback lives until it is replaced here, or the library is reset before it goes; the
        // library calls it under its lock, so never twice at once.
        unsafe { (self.functions.standin_set_network)(Some(run_network), user.cast()) }
        self.network = Some(callback);
    }

    /// Sets what knows the shapes of outputs. Needed only where they do not follow from the names of the
    /// inputs' dimensions. It must not call CUDA or TensorRT itself.
    pub(crate) fn set_shapes(&mut self, shapes: Box<Shapes>) {
        let mut callback = Callback::new(shapes);
        let user: *mut Callback<Shapes> = &mut *callback;
        // SAFETY: as in `set_network`.
        unsafe { (self.functions.standin_set_shapes)(Some(tell_shapes), user.cast()) }
        self.shapes = Some(callback);
    }

    /// Why the network, or what knows its shapes, last failed or panicked; told once.
    pub(crate) fn network_failure(&mut self) -> Option<String> {
        let network = self.network.as_mut().and_then(|c| c.failure.take());
        network.or_else(|| self.shapes.as_mut()?.failure.take())
    }

    /// How many devices there are: 0 or 1.
    pub(crate) fn device_count(&self, count: i32) {
        // SAFETY: a plain number.
        unsafe { (self.functions.standin_set_device_count)(count) }
    }

    /// The device's compute capability; 8.7 unless set.
    pub(crate) fn compute_capability(&self, major: i32, minor: i32) {
        // SAFETY: plain numbers.
        unsafe { (self.functions.standin_set_compute_capability)(major, minor) }
    }

    /// The device's memory in bytes; 8 GiB unless set.
    pub(crate) fn memory(&self, bytes: usize) {
        // SAFETY: a plain number.
        unsafe { (self.functions.standin_set_memory)(bytes) }
    }

    /// Whether the device shares its memory with the CPU, as a Jetson's; no unless set.
    pub(crate) fn integrated(&self, integrated: bool) {
        // SAFETY: a plain number.
        unsafe { (self.functions.standin_set_integrated)(integrated.into()) }
    }

    /// Whether the device has memory pools; yes unless set.
    pub(crate) fn memory_pools(&self, supported: bool) {
        // SAFETY: a plain number.
        unsafe { (self.functions.standin_set_memory_pools)(supported.into()) }
    }

    /// The driver's CUDA version, 1000 * major + 10 * minor; 12060 unless set.
    pub(crate) fn driver_version(&self, version: i32) {
        // SAFETY: a plain number.
        unsafe { (self.functions.standin_set_driver_version)(version) }
    }

    /// What calls and operations cost whose name starts with `prefix`, in microseconds of the virtual clock.
    pub(crate) fn delay(&self, prefix: &str, microseconds: f64) {
        let prefix = c_string(prefix);
        // SAFETY: a string that ends in zero and outlives the call.
        unsafe { (self.functions.standin_set_delay)(prefix.as_ptr(), microseconds) }
    }

    /// Real seconds a second of the virtual clock; 0 unless set.
    pub(crate) fn sleep_factor(&self, factor: f64) {
        // SAFETY: a plain number.
        unsafe { (self.functions.standin_set_sleep_factor)(factor) }
    }

    /// Makes the `nth` call from now (1 is the next) of that function fail with that code.
    pub(crate) fn fail(&self, name: &str, nth: i32, code: i32) {
        let name = c_string(name);
        // SAFETY: a string that ends in zero and outlives the call.
        unsafe { (self.functions.standin_fail)(name.as_ptr(), nth, code) }
    }

    /// Makes the `nth` call from now fail, whatever its name.
    pub(crate) fn fail_call(&self, nth: c_long, code: i32) {
        // SAFETY: plain numbers.
        unsafe { (self.functions.standin_fail_call)(nth, code) }
    }

    /// Makes the `nth` operation from now whose name starts with `prefix` fail while it runs.
    pub(crate) fn fail_operation(&self, prefix: &str, nth: i32, code: i32) {
        let prefix = c_string(prefix);
        // SAFETY: a string that ends in zero and outlives the call.
        unsafe { (self.functions.standin_fail_operation)(prefix.as_ptr(), nth, code) }
    }

    /// Makes the next compilation of kernels fail with that log.
    pub(crate) fn fail_compile(&self, log: &str) {
        let log = c_string(log);
        // SAFETY: a string that ends in zero and outlives the call.
        unsafe { (self.functions.standin_fail_compile)(log.as_ptr()) }
    }

    /// Names of all fallible calls since the reset, in order.
    pub(crate) fn calls(&self) -> Vec<String> {
        // SAFETY: takes nothing.
        let count = unsafe { (self.functions.standin_call_count)() };
        // SAFETY: plain numbers; the strings live until the library is reset, which takes this guard.
        let names = (0..count).map(|i| unsafe { (self.functions.standin_call_name)(i) });
        names.map(|name| text(name).to_owned()).collect()
    }

    /// The mistakes so far, "kind: what happened" each.
    pub(crate) fn faults(&self) -> Vec<String> {
        // SAFETY: without a buffer it only counts.
        let mut room = unsafe { (self.functions.standin_faults)(std::ptr::null_mut(), 0) };
        loop {
            let mut bytes = vec![0u8; room + 1];
            // SAFETY: the buffer has that size; what is written ends in zero.
            let needed =
                unsafe { (self.functions.standin_faults)(bytes.as_mut_ptr().cast(), bytes.len()) };
            // another thread may have added some meanwhile
            if needed > room {
                room = needed;
                continue;
            }
            bytes.truncate(needed);
            let text = String::from_utf8_lossy(&bytes);
            return text.lines().map(str::to_owned).collect();
        }
    }

    /// Forgets the mistakes so far.
    pub(crate) fn clear_faults(&self) {
        // SAFETY: takes nothing.
        unsafe { (self.functions.standin_clear_faults)() }
    }

    /// How many of the driver's and of TensorRT's objects live.
    pub(crate) fn leaks(&self) -> c_long {
        // SAFETY: takes nothing.
        unsafe { (self.functions.standin_leaks)() }
    }

    /// Adds a fault for each object that lives and each capture that was never ended; then all faults.
    pub(crate) fn check(&self) -> Vec<String> {
        // SAFETY: takes nothing.
        unsafe { (self.functions.standin_check)() }
        self.faults()
    }

    /// Whether the host may read these bytes: nothing that writes them is still to be waited for. A no is a
    /// fault too.
    pub(crate) fn host_may_read(&self, bytes: &[u8]) -> bool {
        // SAFETY: only the range matters; nothing is read.
        unsafe { (self.functions.standin_check_host_read)(bytes.as_ptr().cast(), bytes.len()) == 1 }
    }

    /// Whether the host may write these bytes: nothing that uses them is still to be waited for.
    pub(crate) fn host_may_write(&self, bytes: &[u8]) -> bool {
        // SAFETY: only the range matters; nothing is read.
        unsafe {
            (self.functions.standin_check_host_write)(bytes.as_ptr().cast(), bytes.len()) == 1
        }
    }

    /// Bytes of device memory in use.
    pub(crate) fn memory_used(&self) -> usize {
        // SAFETY: takes nothing.
        unsafe { (self.functions.standin_memory_used)() }
    }

    /// The most bytes of device memory that were ever in use.
    pub(crate) fn memory_peak(&self) -> usize {
        // SAFETY: takes nothing.
        unsafe { (self.functions.standin_memory_peak)() }
    }

    /// Operations that were enqueued and have not run.
    pub(crate) fn pending(&self) -> c_long {
        // SAFETY: takes nothing.
        unsafe { (self.functions.standin_pending)() }
    }
}

impl Drop for Standin {
    fn drop(&mut self) {
        // before the network goes
        self.reset_library();
    }
}
