//! The TensorRT engine, unmodified, on a software stand-in for CUDA and TensorRT.
//!
//! `.ci/gpu/standin.sh` builds the stand-in and runs this. What it shows is that the orchestration is
//! right: order, lifetimes, fresh inputs, errors. It says nothing about speed, and nothing about silicon.
#![allow(clippy::unwrap_used, clippy::expect_used)]

mod cache;
mod failures;
mod frame_path;
mod networks;
mod one_size;
#[allow(dead_code, reason = "other tests use the rest")]
#[path = "../support/own.rs"]
mod own;
mod pictures;
mod results;
mod standin;
mod verdicts;

use lookout::engine::EngineError;
use lookout::engine::tensorrt::{BuildSettings, Precision, TensorRtEngine};
use lookout::model::Bundle;
use tempfile::TempDir;

/// Settings that keep engines in a folder of their own.
fn settings(folder: &TempDir) -> BuildSettings {
    BuildSettings {
        precision: Precision::Fp32,
        cameras: vec![(640, 480), (1280, 720)],
        cache_dir: Some(folder.path().to_owned()),
        ..BuildSettings::default()
    }
}

fn open(folder: &TempDir) -> Result<TensorRtEngine, EngineError> {
    TensorRtEngine::load(&Bundle::shipped().unwrap(), &settings(folder))
}

/// Nothing is left, and nothing was done wrong.
fn clean(standin: &mut standin::Standin) {
    assert_eq!(standin.network_failure(), None);
    assert_eq!(standin.check(), Vec::<String>::new());
    assert_eq!(standin.leaks(), 0, "live objects");
}
