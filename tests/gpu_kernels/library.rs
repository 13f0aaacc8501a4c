//! The kernels as a shared library.
#![allow(unsafe_code, reason = "the library's one function has a C signature")]

use std::env;
use std::ffi::{CStr, CString, c_char, c_int, c_uint, c_void};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::LazyLock;

use lookout::engine::tensorrt::kernels::{Extent, KernelSource};

type Launch = unsafe extern "C" fn(
    *const c_char,
    c_uint,
    c_uint,
    c_uint,
    c_uint,
    c_uint,
    c_uint,
    *mut *mut c_void,
) -> c_int;

static LIBRARY: LazyLock<libloading::Library> = LazyLock::new(|| {
    let path = env::var_os("LOOKOUT_KERNELS_CPU").map_or_else(built, PathBuf::from);
    // SAFETY: it has no code that runs when it is loaded.
    unsafe { libloading::Library::new(&path) }
        .unwrap_or_else(|e| panic!("cannot load {}: {e}", path.display()))
});

/// With the options that `.ci/gpu/kernels.sh` uses.
fn built() -> PathBuf {
    let out = Path::new(env!("CARGO_TARGET_TMPDIR")).join("libkernels_cpu.so");
    let compiler = env::var_os("CXX").unwrap_or_else(|| "c++".into());
    let status = Command::new(&compiler)
        .args(["-std=c++17", "-O2", "-ffp-contract=off", "-fPIC", "-shared"])
        .arg(concat!(
            env!("CARGO_MANIFEST_DIR"),
            "/gpu/standin/kernels_cpu.cpp"
        ))
        .arg("-o")
        .arg(&out)
        .status()
        .unwrap_or_else(|e| panic!("cannot run {}: {e}", compiler.display()));
    assert!(status.success(), "{}: {status}", compiler.display());
    out
}

/// The place of an argument: `launch` takes it as cuLaunchKernel does.
pub(crate) fn argument<T>(value: &T) -> *mut c_void {
    std::ptr::from_ref(value).cast_mut().cast()
}

/// Launches a kernel.
///
/// # Safety
/// `arguments` are places of values of the types that the kernel's signature says, and what those point
/// to is as long as the kernel takes it to be and free for it to write.
pub(crate) unsafe fn launch(
    source: KernelSource,
    grid: Extent,
    block: Extent,
    arguments: &mut [*mut c_void],
) {
    let name = CString::new(source.entry).unwrap();
    assert_eq!(
        // SAFETY: the caller's.
        unsafe { call(&name, grid, block, arguments) },
        0,
        "no kernel {name:?}"
    );
}

/// # Safety
/// As [`launch`].
unsafe fn call(name: &CStr, grid: Extent, block: Extent, arguments: &mut [*mut c_void]) -> c_int {
    let ([gx, gy, gz], [bx, by, bz]) = (grid, block);
    // SAFETY: this is its signature in kernels_cpu.cpp.
    unsafe {
        let launch = LIBRARY
            .get::<Launch>(c"lookout_kernel_launch")
            .unwrap_or_else(|e| panic!("{e}"));
        let arguments = arguments.as_mut_ptr();
        launch(name.as_ptr(), gx, gy, gz, bx, by, bz, arguments)
    }
}

#[test]
fn a_kernel_that_is_not_there_is_told() {
    // SAFETY: it returns before it looks at the arguments.
    let code = unsafe { call(c"no_such_kernel", [1; 3], [1; 3], &mut []) };
    assert_eq!(code, 1);
}
