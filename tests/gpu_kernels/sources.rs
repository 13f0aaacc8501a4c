//! The kernels' texts and options, for who compiles them outside of Rust.

use lookout::engine::tensorrt::kernels::{JUDGE, PREPROCESS, TEXT, nvrtc_options};
use serde_json::json;

/// Compute capabilities: Orin, Ada, Thor, Blackwell.
const GPUS: [(u32, u32); 4] = [(8, 7), (8, 9), (11, 0), (12, 0)];

/// So that what is checked is what the engine compiles, whatever becomes of either.
#[test]
#[ignore = "writes the file that LOOKOUT_KERNEL_SOURCES names, for .ci/gpu/nvrtc_check.py"]
fn written_for_the_compile_check() {
    let path = std::env::var_os("LOOKOUT_KERNEL_SOURCES").unwrap();
    // both in one text, as the engine compiles them
    let kernels = [PREPROCESS, JUDGE]
        .map(|source| json!({"file": source.name, "entry": source.entry, "text": TEXT}));
    let gpus = GPUS.map(|gpu| json!({"sm": gpu.0 * 10 + gpu.1, "options": nvrtc_options(gpu)}));
    let all = json!({"kernels": kernels, "gpus": gpus});
    std::fs::write(path, all.to_string()).unwrap();
}
