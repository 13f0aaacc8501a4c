//! TensorRT's messages, in the log of whoever uses this.

use std::ffi::c_char;
use std::panic::catch_unwind;

use log::Level;

/// Under this name TensorRT's messages are logged.
const TARGET: &str = "tensorrt";

/// Called by the library from its own threads as well; see `lookout_trt_log` in the shim.
pub(crate) extern "C" fn forward(severity: i32, text: *const c_char, bytes: usize) {
    // Its information is what developers of TensorRT want; a level lower keeps it out of a vehicle's log.
    let level = match severity {
        0 | 1 => Level::Error,
        2 => Level::Warn,
        3 => Level::Debug,
        _ => Level::Trace,
    };
    if text.is_null() || !log::log_enabled!(target: TARGET, level) {
        return;
    }
    // SAFETY: the shim hands in a text of this many bytes that lives until this returns.
    let text = unsafe { std::slice::from_raw_parts(text.cast::<u8>(), bytes) };
    // A logger that panics must not unwind into C++. What it panicked with is already on stderr.
    let _ = catch_unwind(|| {
        log::log!(target: TARGET, level, "{}", String::from_utf8_lossy(text).trim_end());
    });
}
