//! Bundles and engines that cannot be used are named before anything is written; and the inputs
//! of `demo` and `image`.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    reason = "a test that fails may panic"
)]

mod data;
mod pictures;
#[path = "../support/mod.rs"]
mod support;

use std::fs;
use std::path::{Path, PathBuf};

use lookout::model::Bundle;
use sha2::{Digest, Sha256};
use support::{
    Run, Table, command, copy_bundle, finish, images, poison, replay, set_in_manifest, snapshot,
    write_bag,
};
use tempfile::TempDir;

/// A folder with a copy of the shipped bundle, to be spoilt, and a bag of two frames.
struct Bench {
    dir: TempDir,
}

impl Bench {
    fn new() -> Self {
        let dir = tempfile::tempdir().unwrap();
        let bench = Self { dir };
        copy_bundle(&bench.bundle());
        write_bag(&bench.path("drive"), &images(2));
        bench
    }

    fn path(&self, name: &str) -> PathBuf {
        self.dir.path().join(name)
    }

    fn bundle(&self) -> PathBuf {
        self.path("bundle")
    }

    #[track_caller]
    fn replay(&self) -> Run {
        let bundle = self.bundle();
        let flags = ["--bundle", bundle.to_str().unwrap()];
        replay(&self.path("drive"), &self.path("out"), &flags)
    }

    /// Fails with these words, and before the output folder is made.
    #[track_caller]
    fn is_refused(&self, words: &[&str]) {
        self.replay().fails(words);
        assert!(!self.path("out").exists());
    }
}

/// Names of the graphs' files and outputs, as the manifest has them.
struct Names {
    segmentation: String,
    logits: String,
    observer: String,
    observer_output: String,
}

fn names() -> Names {
    let bundle = Bundle::shipped().unwrap();
    let manifest = bundle.manifest();
    let observer = manifest.head.as_ref().unwrap();
    Names {
        segmentation: manifest.segmentation.file.get_ref().clone(),
        logits: manifest.segmentation.logits.clone(),
        observer: observer.file.get_ref().clone(),
        observer_output: observer.output.get_ref().clone(),
    }
}

#[test]
fn a_bundle_from_a_folder_gives_what_the_built_in_one_gives() {
    let bench = Bench::new();
    bench.replay().ends_with(0);
    let built_in = bench.path("built_in");
    replay(&bench.path("drive"), &built_in, &[]).ends_with(0);
    let table = Table::of(&bench.path("out"));
    assert_eq!(table.len(), 2);
    assert_eq!(table.verdicts(), Table::of(&built_in).verdicts());
}

#[test]
fn a_bundle_is_found_by_its_manifest_too() {
    let bench = Bench::new();
    let bundle = bench.bundle();
    let by_folder = Bundle::load(&bundle).unwrap();
    let by_manifest = Bundle::load(&bundle.join("model.toml")).unwrap();
    assert_eq!(by_manifest.path(), bundle);
    assert_eq!(by_manifest.hash(), by_folder.hash());
    // a folder of that name is a folder
    let odd = bench.path("model.toml");
    fs::rename(&bundle, &odd).unwrap();
    assert_eq!(Bundle::load(&odd).unwrap().path(), odd);
}

#[test]
fn a_file_that_git_lfs_did_not_fetch_is_named_as_such() {
    let names = names();
    for file in ["model.toml", &names.segmentation, &names.observer] {
        let bench = Bench::new();
        let pointer = "version https://git-lfs.github.com/spec/v1\noid sha256:0\nsize 1900000\n";
        fs::write(bench.bundle().join(file), pointer).unwrap();
        bench.is_refused(&[file, "git lfs pull"]);
    }
}

#[test]
fn a_graph_with_another_hash_is_named_with_the_line_that_says_so() {
    let names = names();
    for file in [&names.segmentation, &names.observer] {
        let bench = Bench::new();
        let path = bench.bundle().join(file);
        let mut bytes = fs::read(&path).unwrap();
        bytes.push(0);
        fs::write(&path, &bytes).unwrap();
        bench.is_refused(&[file, "sha256", "model.toml:"]);
    }
}

#[test]
fn a_wrong_line_of_the_manifest_is_named_by_its_number() {
    for wrong in [
        "full_height = 100",
        "full_height = \"tall\"",
        "full_heigth = 320",
    ] {
        let bench = Bench::new();
        let path = bench.bundle().join("model.toml");
        let text = fs::read_to_string(&path).unwrap();
        let is = |line: &str| line.trim_start().starts_with("full_height");
        let at = text.lines().position(is).unwrap();
        let mut lines: Vec<&str> = text.lines().collect();
        lines[at] = wrong;
        fs::write(&path, lines.join("\n")).unwrap();
        let place = format!("model.toml:{}: ", at + 1);
        bench.is_refused(&[&place]);
    }
}

#[test]
fn a_manifest_that_is_no_text_is_named() {
    let bench = Bench::new();
    fs::write(bench.bundle().join("model.toml"), b"format = 1\n\xff\xfe").unwrap();
    bench.is_refused(&["model.toml:2", "UTF-8"]);
}

#[test]
fn a_file_that_the_bundle_lacks_is_named() {
    let names = names();
    for file in ["model.toml", &names.segmentation, &names.observer] {
        let bench = Bench::new();
        fs::remove_file(bench.bundle().join(file)).unwrap();
        bench.is_refused(&[file]);
    }
    let bench = Bench::new();
    fs::remove_dir_all(bench.bundle()).unwrap();
    bench.is_refused(&[bench.bundle().to_str().unwrap()]);
}

#[test]
fn a_tensor_that_a_graph_lacks_is_named() {
    let names = names();
    for (table, key, file) in [
        ("segmentation", "image", &names.segmentation),
        ("segmentation", "logits", &names.segmentation),
        ("observer", "output", &names.observer),
    ] {
        let bench = Bench::new();
        set_in_manifest(&bench.bundle(), table, key, "no_such_tensor");
        bench.is_refused(&[file, "no_such_tensor"]);
    }
}

#[test]
fn weights_that_are_not_finite_are_found_on_load() {
    let names = names();
    for (table, file, output) in [
        ("segmentation", &names.segmentation, &names.logits),
        ("observer", &names.observer, &names.observer_output),
    ] {
        let bench = Bench::new();
        poison(&bench.bundle(), table, file);
        bench.is_refused(&[output, "not finite"]);
    }
}

#[test]
fn a_graph_that_is_no_onnx_is_named() {
    let names = names();
    let bench = Bench::new();
    let path = bench.bundle().join(&names.segmentation);
    // the hash is that of the file; nothing at all, a number without an end, a length beyond the end
    let length = [
        0x3a, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 1,
    ];
    for (bytes, words) in [
        (&[][..], ""),
        (&[0x80; 20], "more than 64 bits"),
        (&length, "beyond the end"),
    ] {
        fs::write(&path, bytes).unwrap();
        let digest = Sha256::digest(bytes);
        let hash: String = digest.iter().map(|byte| format!("{byte:02x}")).collect();
        set_in_manifest(&bench.bundle(), "segmentation", "sha256", &hash);
        bench.is_refused(&[&names.segmentation, words]);
    }
}

#[test]
fn an_onnx_runtime_that_cannot_be_used_is_replaced_where_any_engine_will_do() {
    let bench = Bench::new();
    let broken = bench.path("libonnxruntime.so");
    fs::write(&broken, "no library").unwrap();
    for (out, library) in [
        ("absent", bench.path("nothing/libonnxruntime.so")),
        ("broken", broken),
    ] {
        let mut auto = command("replay");
        auto.arg(bench.path("drive"))
            .arg("--out")
            .arg(bench.path(out));
        auto.args(["--engine", "auto"])
            .env("ORT_DYLIB_PATH", &library);
        finish(auto)
            .ends_with(0)
            .says(&["WARN", library.to_str().unwrap(), "built-in"]);
    }
}

#[test]
fn an_onnx_runtime_that_is_not_there_or_no_library_is_named_by_its_path() {
    let bench = Bench::new();
    let broken = bench.path("libonnxruntime.so");
    fs::write(&broken, "no library").unwrap();
    for library in [bench.path("nothing/libonnxruntime.so"), broken] {
        let mut ort = command("replay");
        ort.arg(bench.path("drive"))
            .arg("--out")
            .arg(bench.path("out"))
            .args(["--engine", "ort"])
            .env("ORT_DYLIB_PATH", &library);
        finish(ort).fails(&[library.to_str().unwrap()]);
        assert!(!bench.path("out").exists());
    }
}
