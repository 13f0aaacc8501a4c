//! `lookout engine` from outside.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    reason = "a test that fails may panic"
)]

mod support;

use support::{command, finish};

#[cfg(not(feature = "tensorrt"))]
#[test]
fn a_lookout_without_tensorrt_says_so_whatever_is_asked_of_it() {
    for arguments in [
        &[][..],
        &["build"],
        &["build", "--camera", "1280x720", "--json"],
        &["info", "--json"],
        &["clean", "--all"],
    ] {
        let mut engine = command("engine");
        engine.args(arguments);
        let run = finish(engine);
        run.fails(&[
            "built without TensorRT",
            "cargo build --release --features tensorrt",
        ]);
        assert!(run.stdout.is_empty());
    }
}

#[cfg(not(feature = "tensorrt"))]
#[test]
fn an_engine_that_is_not_in_this_build_is_not_replaced_by_another() {
    let dir = tempfile::tempdir().unwrap();
    let out = dir.path().join("out");
    let mut demo = command("demo");
    demo.arg("--out").arg(&out).args(["--engine", "tensorrt"]);
    finish(demo).fails(&["TensorRT cannot be used", "--features tensorrt"]);
}

#[cfg(feature = "tensorrt")]
mod with_tensorrt {
    use super::*;
    use std::fs;
    use std::path::Path;

    use lookout::engine::tensorrt::cache::{Cache, Device, Digest, KernelRecipe, Key, Recipe};
    use serde_json::Value;

    fn engine(name: &str, cache: &Path, more: &[&str]) -> support::Run {
        let mut engine = command("engine");
        engine.arg(name).arg("--engine-cache").arg(cache).args(more);
        finish(engine)
    }

    /// Of a GPU that no machine has.
    fn key() -> Key {
        Key {
            source: Digest::of(b"kernels"),
            device: Device {
                gpu: "None Such".to_owned(),
                compute_capability: (1, 0),
                multiprocessors: 1,
                driver: "1.0".to_owned(),
            },
            recipe: Recipe::Kernels(KernelRecipe {
                nvrtc: "1.0".to_owned(),
                options: Vec::new(),
            }),
        }
    }

    /// A cache with one entry and a file of somebody else.
    fn full() -> tempfile::TempDir {
        let dir = tempfile::tempdir().unwrap();
        let cache = Cache::open(dir.path()).unwrap();
        let built = cache.get_or_build(&key(), || Ok::<_, ()>(b"cubin".to_vec()));
        assert!(built.is_ok());
        fs::write(dir.path().join("notes.txt"), "mine").unwrap();
        dir
    }

    fn files(dir: &Path) -> usize {
        fs::read_dir(dir).unwrap().count()
    }

    #[test]
    fn info_lists_what_is_kept() {
        let dir = full();
        let run = engine("info", dir.path(), &["--json"]);
        let told: Value = serde_json::from_slice(&run.ends_with(0).stdout).unwrap();
        assert!(told["machine"]["usable"].is_boolean());
        let [entry] = &told["entries"].as_array().unwrap()[..] else {
            panic!("{told}");
        };
        assert_eq!(entry["stem"], key().stem());
        assert_eq!(entry["key"]["device"]["gpu"], "None Such");
        assert_ne!(entry["fits"], true);
        let run = engine("info", dir.path(), &[]);
        run.ends_with(0).says(&["1 kept in", "gpu = \"None Such\""]);
        assert!(run.stdout.is_empty());
    }

    #[test]
    fn clean_removes_only_after_it_was_told_what() {
        let dir = full();
        engine("clean", dir.path(), &[])
            .ends_with(2)
            .says(&["--all"]);
        engine("clean", dir.path(), &["--all", "--stale"]).ends_with(2);
        let run = engine("clean", dir.path(), &["--all", "--dry-run"]);
        run.ends_with(0).says(&["would remove 1", "kernels"]);
        assert_eq!(files(dir.path()), 3);
        let run = engine("clean", dir.path(), &["--all", "--json"]);
        let told: Value = serde_json::from_slice(&run.ends_with(0).stdout).unwrap();
        assert_eq!(told["removed"][0]["artefact"], "kernels");
        assert_eq!(files(dir.path()), 1);
    }

    #[test]
    fn settings_that_cannot_be_fail_before_anything_is_looked_for() {
        let dir = tempfile::tempdir().unwrap();
        let cache = dir.path().join("engines");
        let build = |more: &[&str]| engine("build", &cache, more);
        build(&["--precision", "int8"]).fails(&["int8 needs scales"]);
        build(&["--max-width", "608"]).fails(&["1280x720", "640 pixels wide"]);
        build(&["--camera", "100000x10"]).fails(&["camera 100000x10"]);
        assert!(!cache.exists());
    }

    #[test]
    fn a_folder_that_is_a_file_is_named() {
        let dir = tempfile::tempdir().unwrap();
        let file = dir.path().join("file");
        fs::write(&file, b"").unwrap();
        for name in ["build", "info"] {
            engine(name, &file, &[]).fails(&["cannot keep engines in", "file"]);
        }
    }
}
