//! The stand-in's functions, as `gpu/standin/standin.h` declares them.

use std::ffi::{CStr, CString, c_char, c_int, c_long, c_void};

use libloading::Library;

use super::network::NetworkFn;

macro_rules! functions {
    ($($name:ident($($argument:ty),*) $(-> $result:ty)?;)*) => {
        /// The stand-in's functions by their names.
        pub(super) struct Functions {
            $(pub(super) $name: unsafe extern "C" fn($($argument),*) $(-> $result)?,)*
        }

        impl Functions {
            pub(super) fn of(library: &Library) -> Result<Self, libloading::Error> {
                Ok(Self {
                    // SAFETY: the types are those of standin.h, and the library is never unloaded.
                    $($name: *unsafe { library.get(concat!(stringify!($name), "\0").as_bytes()) }?,)*
                })
            }
        }
    };
}

functions! {
    standin_reset();
    standin_set_policy(c_int, u64);
    standin_set_network(Option<NetworkFn>, *mut c_void);
    standin_set_shapes(Option<NetworkFn>, *mut c_void);
    standin_set_device_count(c_int);
    standin_set_compute_capability(c_int, c_int);
    standin_set_memory(usize);
    standin_set_integrated(c_int);
    standin_set_memory_pools(c_int);
    standin_set_driver_version(c_int);
    standin_set_delay(*const c_char, f64);
    standin_set_sleep_factor(f64);
    standin_fail(*const c_char, c_int, c_int);
    standin_fail_call(c_long, c_int);
    standin_fail_operation(*const c_char, c_int, c_int);
    standin_fail_compile(*const c_char);
    standin_call_count() -> c_long;
    standin_call_name(c_long) -> *const c_char;
    standin_faults(*mut c_char, usize) -> usize;
    standin_clear_faults();
    standin_leaks() -> c_long;
    standin_check();
    standin_check_host_read(*const c_void, usize) -> c_int;
    standin_check_host_write(*const c_void, usize) -> c_int;
    standin_memory_used() -> usize;
    standin_memory_peak() -> usize;
    standin_pending() -> c_long;
}

/// A string of the library's, which lives at least as long as what it was got from.
pub(super) fn text<'a>(string: *const c_char) -> &'a str {
    if string.is_null() {
        return "";
    }
    // SAFETY: not null, and the library's strings end in zero.
    unsafe { CStr::from_ptr(string) }.to_str().unwrap_or("")
}

pub(super) fn c_string(text: &str) -> CString {
    CString::new(text).unwrap_or_else(|_| panic!("a zero byte in {text:?}"))
}
