//! Bundles and engines that cannot be used are named before anything is written; and the inputs
//! of `demo` and `image`.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    reason = "a test that fails may panic"
)]

mod support;

use std::fs;
use std::path::{Path, PathBuf};

use lookout::engine::{EngineKind, Options};
use lookout::model::{Bundle, ModelError};
use rten_onnx::onnx::{DataLocation, ModelProto, StringStringEntryProto};
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

/// The file that [`keep_data_outside`] makes.
const DATA: &str = "weights.bin";

fn sha256(path: &Path) -> String {
    let digest = Sha256::digest(fs::read(path).unwrap());
    digest.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// Moves the numbers of the segmentation graph's tensors into a file beside it; the manifest knows both hashes. `first`
/// replaces what the first tensor says of its place.
fn keep_data_outside(bundle: &Path, first: &[(&str, &str)]) {
    let path = bundle.join(names().segmentation);
    let mut model = ModelProto::parse_buf(&fs::read(&path).unwrap()).unwrap();
    let mut data = vec![];
    let mut first = Some(first);
    for tensor in &mut model.graph.as_mut().unwrap().initializer {
        let Some(raw) = tensor.raw_data.take() else {
            continue;
        };
        let (offset, raw) = (data.len().to_string(), raw.into_inner());
        let length = raw.len().to_string();
        data.extend(raw);
        let mut place = vec![("location", DATA), ("offset", &offset), ("length", &length)];
        for &(key, value) in first.take().unwrap_or_default() {
            place.retain(|(old, _)| *old != key);
            place.push((key, value));
        }
        let entry = |(key, value): (&str, &str)| StringStringEntryProto {
            key: Some(key.to_owned()),
            value: Some(value.to_owned()),
        };
        tensor.external_data = place.into_iter().map(entry).collect();
        tensor.data_location = Some(DataLocation::EXTERNAL);
    }
    fs::write(&path, model.write_buf().unwrap()).unwrap();
    fs::write(bundle.join(DATA), data).unwrap();
    set_in_manifest(bundle, "segmentation", "sha256", &sha256(&path));
    know_data(bundle, DATA);
}

/// Puts a data file's hash into the manifest.
fn know_data(bundle: &Path, file: &str) {
    let path = bundle.join("model.toml");
    let manifest = fs::read_to_string(&path).unwrap();
    let mut manifest: toml_edit::DocumentMut = manifest.parse().unwrap();
    manifest["segmentation"]["data"][file] = toml_edit::value(sha256(&bundle.join(file)));
    fs::write(&path, manifest.to_string()).unwrap();
}

#[test]
fn data_beside_a_graph_is_the_bundles_whatever_the_current_folder_holds() {
    let bench = Bench::new();
    keep_data_outside(&bench.bundle(), &[]);
    let elsewhere = bench.path("elsewhere");
    fs::create_dir(&elsewhere).unwrap();
    let size = fs::metadata(bench.bundle().join(DATA)).unwrap().len();
    fs::write(elsewhere.join(DATA), vec![0; size as usize]).unwrap();
    let library = std::env::var_os("ORT_DYLIB_PATH");
    let mut engines = vec!["rten"];
    match library {
        Some(_) => engines.push("ort"),
        None => eprintln!("skipped for ort: ORT_DYLIB_PATH names no ONNX Runtime"),
    }
    for engine in engines {
        let table = |bundle: Option<PathBuf>| {
            let out = bench.path(&format!("{engine}_{}", bundle.is_some()));
            let mut replay = command("replay");
            replay.current_dir(&elsewhere).arg(bench.path("drive"));
            replay.arg("--out").arg(&out);
            replay.args(["--engine", engine, "--threads", "1"]);
            if let Some(library) = &library {
                replay.env("ORT_DYLIB_PATH", library);
            }
            if let Some(bundle) = bundle {
                replay.arg("--bundle").arg(bundle);
            }
            finish(replay).ends_with(0);
            Table::of(&out)
        };
        let (ours, built_in) = (table(Some(bench.bundle())), table(None));
        assert_eq!(ours.verdicts(), built_in.verdicts(), "{engine}");
    }
}

#[test]
fn data_that_is_not_the_bundles_is_refused_with_its_tensor_and_file() {
    for (key, value, words) in [
        (
            "location",
            "/etc/hostname",
            "no path below the bundle's folder",
        ),
        (
            "location",
            "../weights.bin",
            "no path below the bundle's folder",
        ),
        (
            "location",
            "x/../../weights.bin",
            "no path below the bundle's folder",
        ),
        ("location", "", "no path below the bundle's folder"),
        ("location", "link.bin", "a link out of the bundle's folder"),
        ("location", "absent.bin", "cannot read it"),
        ("location", "folder", "no regular file"),
        ("location", "huge.bin", "at most 1073741824 are read"),
        (
            "location",
            "unknown.bin",
            "add to [segmentation]: data.\"unknown.bin\" = \"e3b0c442",
        ),
        (
            "offset",
            "18446744073709551615",
            "from byte 18446744073709551615 on",
        ),
        ("offset", "-1", "no number of bytes"),
        (
            "length",
            "99999999999",
            "the tensor is 99999999999 from byte 0 on",
        ),
    ] {
        let bench = Bench::new();
        let bundle = bench.bundle();
        keep_data_outside(&bundle, &[(key, value)]);
        fs::write(bench.path(DATA), "not of the bundle").unwrap();
        std::os::unix::fs::symlink(bench.path(DATA), bundle.join("link.bin")).unwrap();
        fs::create_dir(bundle.join("folder")).unwrap();
        fs::write(bundle.join("unknown.bin"), "").unwrap();
        let huge = fs::File::create(bundle.join("huge.bin")).unwrap();
        huge.set_len((1 << 30) + 1).unwrap();
        let error = Bundle::load(&bundle).unwrap_err();
        let text = error.to_string();
        assert!(text.contains(words), "{key} {value}: {text}");
        let ModelError::ExternalData { tensor, file, .. } = error else {
            panic!("{text}");
        };
        let named = if key == "location" { value } else { DATA };
        assert!(!tensor.is_empty() && file == named, "{text}");
    }
}

#[test]
fn a_link_out_of_the_current_folder_is_refused_where_that_is_the_bundle() {
    let bench = Bench::new();
    let bundle = bench.bundle();
    keep_data_outside(&bundle, &[("location", "link.bin")]);
    fs::copy(bundle.join(DATA), bench.path(DATA)).unwrap();
    std::os::unix::fs::symlink(bench.path(DATA), bundle.join("link.bin")).unwrap();
    know_data(&bundle, "link.bin");
    let mut inside = command("replay");
    inside
        .current_dir(&bundle)
        .args(["--bundle", "model.toml", "--engine", "rten"]);
    inside
        .arg(bench.path("drive"))
        .arg("--out")
        .arg(bench.path("out"));
    finish(inside).fails(&["link.bin", "a link out of the bundle's folder"]);
}

#[test]
fn data_that_is_not_what_the_manifest_says_is_refused() {
    let bench = Bench::new();
    let bundle = bench.bundle();
    keep_data_outside(&bundle, &[]);
    let path = bundle.join(DATA);
    let mut bytes = fs::read(&path).unwrap();
    bytes[0] ^= 1;
    fs::write(&path, &bytes).unwrap();
    bench.is_refused(&[DATA, "sha256", "model.toml:"]);
    // short, and the manifest agrees
    bytes.pop();
    fs::write(&path, &bytes).unwrap();
    know_data(&bundle, DATA);
    bench.is_refused(&[
        DATA,
        "the numbers of tensor",
        &format!("it has {} bytes", bytes.len()),
    ]);
    // the hash in the manifest is not a hash
    set_in_manifest(&bundle, "segmentation", "data", "x");
    bench.is_refused(&["model.toml:"]);
}

/// A copy of a bundle of `../shared/cases`; `None`, and a line that names it, where it is absent.
fn case(name: &str) -> Option<TempDir> {
    let from = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("../shared/cases")
        .join(name);
    if !from.exists() {
        eprintln!("skipped: {} is absent", from.display());
        return None;
    }
    let to = tempfile::tempdir().unwrap();
    for entry in fs::read_dir(from).unwrap() {
        let path = entry.unwrap().path();
        let copy = to.path().join(path.file_name().unwrap());
        fs::write(copy, fs::read(&path).unwrap()).unwrap();
    }
    Some(to)
}

/// Opens a bundle with the built-in engine, which tries it on a grey frame.
fn open_built_in(bundle: &Bundle) -> Result<(), String> {
    let options = Options {
        kind: EngineKind::Rten,
        threads: 1,
    };
    let opened = lookout::engine::open(bundle, options);
    opened.map(drop).map_err(|error| error.to_string())
}

#[test]
fn a_graph_that_the_built_in_engine_would_compute_otherwise_is_refused_with_the_engine_that_can() {
    let Some(folder) = case("15_bundle_resize_cubic") else {
        return;
    };
    let error = open_built_in(&Bundle::load(folder.path()).unwrap()).unwrap_err();
    for word in ["seg.onnx", "Resize", "cubic", "--engine ort"] {
        assert!(error.contains(word), "{word}: {error}");
    }
}

#[test]
fn the_data_beside_a_users_graph_is_taken_once_the_manifest_has_its_hash() {
    let Some(folder) = case("17_bundle_external_data") else {
        return;
    };
    let error = Bundle::load(folder.path()).unwrap_err().to_string();
    let hash = sha256(&folder.path().join("seg.onnx.data"));
    let advice = format!("add to [segmentation]: data.\"seg.onnx.data\" = \"{hash}\"");
    assert!(error.contains(&advice), "{error}");
    know_data(folder.path(), "seg.onnx.data");
    open_built_in(&Bundle::load(folder.path()).unwrap()).unwrap();
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
fn an_onnx_runtime_that_is_not_there_is_named_by_its_path() {
    let bench = Bench::new();
    let library = bench.path("nothing/libonnxruntime.so");
    let mut ort = command("replay");
    ort.arg(bench.path("drive"))
        .arg("--out")
        .arg(bench.path("out"))
        .args(["--engine", "ort"])
        .env("ORT_DYLIB_PATH", &library);
    finish(ort).fails(&[library.to_str().unwrap()]);
    assert!(!bench.path("out").exists());
}

#[test]
fn an_onnx_runtime_that_is_no_library_is_named_by_its_path() {
    let bench = Bench::new();
    let library = bench.path("libonnxruntime.so");
    fs::write(&library, "no library").unwrap();
    let mut ort = command("replay");
    ort.arg(bench.path("drive"))
        .arg("--out")
        .arg(bench.path("out"))
        .args(["--engine", "ort"])
        .env("ORT_DYLIB_PATH", &library);
    finish(ort).fails(&[library.to_str().unwrap()]);
    assert!(!bench.path("out").exists());
}

#[track_caller]
fn demo(out: &Path, more: &[&str]) -> Run {
    let mut demo = command("demo");
    demo.arg("--out").arg(out).args(more);
    demo.args(["--engine", "rten", "--threads", "1"]);
    finish(demo)
}

#[test]
fn a_demo_goes_into_no_folder_that_has_something_in_it() {
    let dir = tempfile::tempdir().unwrap();
    fs::write(dir.path().join("notes.txt"), "mine").unwrap();
    let before = snapshot(dir.path());
    demo(dir.path(), &[]).fails(&[dir.path().to_str().unwrap(), "--force"]);
    let file = dir.path().join("notes.txt");
    demo(&file, &[]).fails(&["notes.txt"]);
    demo(&file.join("below"), &["--force"]).fails(&["notes.txt"]);
    assert!(snapshot(dir.path()) == before);
}

#[test]
fn two_runs_never_write_into_one_folder() {
    let bench = Bench::new();
    let out = bench.path("out");
    fs::create_dir(&out).unwrap();
    let other = fs::File::open(&out).unwrap();
    other.lock().unwrap();
    let forced = || replay(&bench.path("drive"), &out, &["--force"]);
    let refused = ["another run", out.to_str().unwrap()];
    forced().fails(&refused);
    mark(&[&bench.path("a.png")], &out).fails(&refused);
    assert_eq!(fs::read_dir(&out).unwrap().count(), 0);
    drop(other);
    forced().ends_with(0);
    assert_eq!(Table::of(&out).len(), 2);
}

#[test]
fn wrong_arguments_of_a_demo_are_usage_errors() {
    let dir = tempfile::tempdir().unwrap();
    let out = dir.path().join("out");
    demo(&out, &["--seed", "three"])
        .ends_with(2)
        .says(&["--seed"]);
    assert!(!out.exists());
}

#[track_caller]
fn mark(files: &[&Path], out: &Path) -> Run {
    let mut image = command("image");
    image.args(files).arg("--out").arg(out);
    image.args(["--engine", "rten", "--threads", "1"]);
    finish(image)
}

#[test]
fn pictures_that_cannot_be_read_or_written_are_named() {
    let dir = tempfile::tempdir().unwrap();
    let (good, cut) = (dir.path().join("good.png"), dir.path().join("cut.png"));
    let picture = image::RgbImage::from_fn(96, 64, |x, y| image::Rgb([x as u8, y as u8, 90]));
    picture.save(&good).unwrap();
    let bytes = fs::read(&good).unwrap();
    fs::write(&cut, &bytes[..bytes.len() / 2]).unwrap();
    let absent = dir.path().join("absent.png");
    let out = dir.path().join("out");
    mark(&[&cut, &good, &absent], &out).fails(&["cut.png", "absent.png", "2 of 3"]);
    assert!(out.join("good_overlay.png").is_file() && out.join("good_mask.png").is_file());
    assert!(!out.join("cut_overlay.png").exists());
    // the picture is a file, not a folder
    mark(&[&good], &good).fails(&["good.png"]);
    assert_eq!(fs::read(&good).unwrap(), bytes);
    let before = snapshot(&out);
    mark(&[&good], &out).fails(&["--force"]);
    assert!(snapshot(&out) == before);
}
