//! With TensorRT's lean runtime and the headers of its version, on a machine with no GPU.
//!
//! Ignored unless asked for, because the library is 110 MB and NVIDIA's; `.ci/gpu/run_real.sh` fetches it
//! and runs these. Asked for, a library that is missing is a failure.
#![allow(clippy::unwrap_used)]

use lookout_gpu::cuda::{ProbeError, probe};
use lookout_gpu::tensorrt::{
    BuildOptions, Error, Flavour, LIBRARY_VARIABLE, Library, Typing, compiled_for,
};

/// Names a library that these headers do not describe.
const OTHER_VARIABLE: &str = "LOOKOUT_GPU_OTHER_LIB";

fn library() -> Library {
    assert_eq!(
        compiled_for().0,
        Flavour::TensorRt,
        "compiled with other headers"
    );
    assert!(
        std::env::var_os(LIBRARY_VARIABLE).is_some(),
        "{LIBRARY_VARIABLE} is not set"
    );
    Library::load().unwrap()
}

#[test]
#[ignore = "needs the lean runtime; .ci/gpu/run_real.sh runs it"]
fn the_version_is_read() {
    let library = library();
    let (flavour, headers) = compiled_for();
    eprintln!(
        "{flavour} {} at {}",
        library.version(),
        library.path().display()
    );
    assert_eq!(library.version(), headers);
    assert_eq!(library.flavour(), flavour);
    assert_eq!(
        library.typing() == Typing::Strong,
        library.version().major >= 11
    );
}

#[test]
#[ignore = "needs the lean runtime; .ci/gpu/run_real.sh runs it"]
fn it_says_that_it_cannot_build() {
    let library = library();
    assert!(!library.can_build());
    let error = library
        .build(b"graph", &BuildOptions::default())
        .unwrap_err();
    assert!(matches!(error, Error::NoBuilder { .. }), "{error}");
    assert!(error.to_string().contains("lean"), "{error}");
}

#[test]
#[ignore = "needs the lean runtime; .ci/gpu/run_real.sh runs it"]
fn without_a_driver_the_probe_says_so_before_the_library_is_touched() {
    let library = library();
    match probe() {
        // A machine with a GPU: bytes that are no engine are refused by the library.
        Ok(device) => {
            let runtime = library.runtime(&device).unwrap();
            let error = runtime.deserialize(b"no engine").unwrap_err();
            assert!(matches!(error, Error::Library { .. }), "{error}");
        }
        Err(error) => assert!(matches!(error, ProbeError::NoDriver), "{error}"),
    }
}

#[test]
#[ignore = "needs the lean runtime; .ci/gpu/run_real.sh runs it"]
fn a_library_of_another_version_is_not_touched() {
    let other =
        std::env::var_os(OTHER_VARIABLE).unwrap_or_else(|| panic!("{OTHER_VARIABLE} is not set"));
    let error = Library::load_from(other).unwrap_err();
    eprintln!("{error}");
    assert!(matches!(error, Error::WrongMajor { .. }), "{error}");
}
