//! The cache as its users see it.

mod corruption;
mod keys;
mod processes;
mod reuse;
mod sweeping;

use std::cell::Cell;
use std::collections::BTreeSet;
use std::convert::Infallible;
use std::fs;
use std::path::{Path, PathBuf};

use super::*;
use crate::engine::tensorrt::Precision;

/// An NVIDIA Jetson AGX Orin with JetPack 6.1.
fn device() -> Device {
    Device {
        gpu: "Orin".to_owned(),
        compute_capability: (8, 7),
        multiprocessors: 16,
        driver: "12.6".to_owned(),
    }
}

fn range(width: u32, opt: u32, max: u32) -> ShapeRange {
    let shape = |rows, columns| vec![1, 3, rows, columns];
    ShapeRange {
        min: shape(224, width),
        opt: shape(352, opt),
        max: shape(352, max),
    }
}

fn plan() -> PlanRecipe {
    PlanRecipe {
        graph: Graph::Segmentation,
        library: Library {
            flavour: Flavour::Standard,
            version: "10.3.0".to_owned(),
        },
        precision: Precision::Fp16,
        dla: None,
        workspace: None,
        optimization_level: None,
        detailed_profile: false,
        calibration: None,
        flags: BTreeSet::new(),
        profiles: vec![Profile::from([("image".to_owned(), range(288, 640, 640))])],
    }
}

fn plan_key(change: impl FnOnce(&mut PlanRecipe)) -> Key {
    let mut plan = plan();
    change(&mut plan);
    Key {
        source: Digest::of(b"segmentation.onnx"),
        device: device(),
        recipe: Recipe::Plan(plan),
    }
}

fn key() -> Key {
    plan_key(|_| {})
}

fn kernels() -> Key {
    Key {
        source: Digest::of(b"__global__"),
        device: device(),
        recipe: Recipe::Kernels(KernelRecipe {
            nvrtc: "12.6".to_owned(),
            options: vec!["--std=c++17".to_owned(), "-DCLASSES=11".to_owned()],
        }),
    }
}

/// A cache in a folder of its own.
struct Bench {
    dir: tempfile::TempDir,
    cache: Cache,
}

impl Bench {
    fn new() -> Self {
        let dir = tempfile::tempdir().unwrap();
        let cache = Cache::open(dir.path()).unwrap();
        Self { dir, cache }
    }

    /// As another process would find it.
    fn reopened(&self) -> Cache {
        Cache::open(self.dir.path()).unwrap()
    }

    fn path(&self, key: &Key, ending: &str) -> PathBuf {
        self.dir.path().join(format!("{}.{ending}", key.stem()))
    }

    /// Names of all files, sorted.
    fn files(&self) -> Vec<String> {
        names_in(self.dir.path())
    }
}

fn names_in(folder: &Path) -> Vec<String> {
    let entries = fs::read_dir(folder).unwrap();
    let mut names: Vec<String> = entries
        .map(|e| e.unwrap().file_name().into_string().unwrap())
        .collect();
    names.sort();
    names
}

/// Fetches with a builder that makes `bytes`, and says whether it was needed.
fn fetch(cache: &Cache, key: &Key, bytes: &[u8]) -> (Fetched, bool) {
    let built = Cell::new(false);
    let build = || {
        built.set(true);
        Ok::<_, Infallible>(bytes.to_vec())
    };
    let Ok(fetched) = cache.get_or_build(key, build);
    (fetched, built.get())
}

/// Why something was built.
#[track_caller]
fn reasons(fetched: &Fetched) -> Vec<&str> {
    match &fetched.from {
        Origin::Built { reasons, .. } => reasons.iter().map(String::as_str).collect(),
        Origin::Hit => panic!("not built: {fetched:?}"),
    }
}

/// The one reason why a kept entry was not used; it must be whole again after that.
#[track_caller]
fn why_built_anew(bench: &Bench, key: &Key) -> String {
    let cache = bench.reopened();
    let (fetched, _) = fetch(&cache, key, b"new plan");
    assert_eq!(fetched.bytes, b"new plan");
    let [why] = reasons(&fetched)[..] else {
        panic!("several reasons: {fetched:?}");
    };
    let why = why.to_owned();
    let (again, built) = fetch(&bench.reopened(), key, b"newer plan");
    assert!(
        !built && again.bytes == b"new plan",
        "not mended after {why:?}"
    );
    why
}
