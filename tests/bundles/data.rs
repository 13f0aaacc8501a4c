//! Data beside a graph, and bundles as users have them.

use lookout::engine::{EngineKind, Options};
use lookout::model::ModelError;
use rten_onnx::onnx::{DataLocation, ModelProto, StringStringEntryProto};

use super::support::cases;
use super::*;

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
    let from = cases::case(name)?;
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
