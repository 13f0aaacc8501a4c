//! A network of somebody's own: one size, no observer, no thresholds.

#![allow(clippy::unwrap_used, reason = "a test that fails may panic")]

mod support;

use std::fs;
use std::path::{Path, PathBuf};

use lookout::engine::{Engine, Mode, OrtEngine, Resolution, RtenEngine, find_onnxruntime};
use lookout::frame::Frame;
use lookout::model::Bundle;
use lookout::msg::{DiagnosticStatus, cdr};
use lookout::score::resample::Resampler;
use lookout::time::Stamp;
use support::own::Own;
use support::{MASK, Run, STATUS, annotated, command, count, finish, images, write_bag};

const LETTERBOX: &str = "fixed = { width = 97, height = 65, fit = \"letterbox\" }";
const STRETCH: &str = "fixed = { width = 97, height = 65, fit = \"stretch\" }";
const NO_OBSERVER: &str = "no observer: the score is max-logit";

/// Red above on the left, green above on the right, blue below; the class of a place, by its share of
/// columns and rows.
fn class_at(x: f32, y: f32) -> u8 {
    match (x < 0.5, y < 0.5) {
        (true, true) => 0,
        (false, true) => 1,
        (_, false) => 2,
    }
}

fn pixels((width, height): (u32, u32)) -> Vec<u8> {
    let mut rgb = Vec::new();
    for y in 0..height {
        for x in 0..width {
            let at = |i: u32, n: u32| (i as f32 + 0.5) / n as f32;
            let mut pixel = [0; 3];
            pixel[usize::from(class_at(at(x, width), at(y, height)))] = 255;
            rgb.extend(pixel);
        }
    }
    rgb
}

fn engines(bundle: &Bundle) -> Vec<Box<dyn Engine>> {
    let mut engines: Vec<Box<dyn Engine>> = vec![Box::new(RtenEngine::load(bundle, 1).unwrap())];
    match find_onnxruntime() {
        Ok(library) => engines.push(Box::new(OrtEngine::load(bundle, &library, 1).unwrap())),
        Err(e) => eprintln!("skipped for ort: {e}"),
    }
    engines
}

/// Runs the networks on coloured pictures and holds classes and observer, stretched over the picture as for
/// people, against the colours.
#[track_caller]
fn holds(own: &Own, size: (u32, u32)) {
    let dir = tempfile::tempdir().unwrap();
    let bundle = Bundle::load(&own.write(dir.path())).unwrap();
    let frame = Frame::from_rgb(Stamp::default(), size.0, size.1, pixels(size)).unwrap();
    for mut engine in engines(&bundle) {
        let mode = Mode {
            resolution: Resolution::Full,
            observer: own.observer,
        };
        let name = engine.name();
        let perception = engine.run(&frame, mode).unwrap();
        let logits = perception.logits().unwrap();
        let (width, height) = (size.0 as usize, size.1 as usize);
        let from = (logits.width(), logits.height());
        let mut resampler = Resampler::new(from, (width, height)).unwrap();
        let mut classes = vec![0; width * height];
        resampler.argmax(logits, &mut classes).unwrap();
        // the colours run into each other over two logits
        let blur = |cells: usize| 2.0 / cells as f32;
        let mut compared = 0;
        for (at, &class) in classes.iter().enumerate() {
            let x = ((at % width) as f32 + 0.5) / width as f32;
            let y = ((at / width) as f32 + 0.5) / height as f32;
            if (x - 0.5).abs() > blur(from.0) && (y - 0.5).abs() > blur(from.1) {
                assert_eq!(class, class_at(x, y), "{name} {size:?} at {x} {y}");
                compared += 1;
            }
        }
        assert!(
            10 * compared > classes.len(),
            "{compared} of {}",
            classes.len()
        );
        // every logit sees the picture and not the bars beside it, which are black here; at the edge of the
        // input a block of 4x4 pixels may have 2x2 in it
        let least = if own.stride == 1 { 19.0 } else { 4.0 };
        let of = |at: usize| logits.planes().map(|plane| plane[at]).sum::<f32>();
        let dark = (0..from.0 * from.1).find(|&at| of(at) < least);
        assert_eq!(dark, None, "{name} {size:?} {from:?}");
        if own.observer {
            let observer = perception.observer().unwrap();
            assert_eq!((observer.width(), observer.height()), from);
            let at = |x: usize, y: usize| observer.data()[y * from.0 + x];
            assert!(at(from.0 / 4, from.1 / 4) > 9.0, "{name} {size:?}");
            assert!(at(from.0 * 3 / 4, from.1 / 4) < -9.0, "{name} {size:?}");
            assert!(at(from.0 / 4, from.1 * 3 / 4) < -9.0, "{name} {size:?}");
        }
    }
}

#[test]
fn colours_come_out_where_they_are_in_the_picture_whatever_its_shape() {
    for (input, stride) in [(LETTERBOX, 1), (STRETCH, 1), (LETTERBOX, 4), (STRETCH, 4)] {
        for size in [(320, 180), (180, 320), (97, 65), (640, 480), (300, 64)] {
            let own = Own {
                input,
                stride,
                observer: true,
                ..Own::FIXED
            };
            holds(&own, size);
        }
    }
}

#[test]
fn a_size_that_the_graph_does_not_take_is_told_when_the_bundle_is_loaded() {
    let dir = tempfile::tempdir().unwrap();
    let own = Own {
        input: "fixed = { width = 97, height = 64, fit = \"stretch\" }",
        ..Own::FIXED
    };
    let bundle = Bundle::load(&own.write(dir.path())).unwrap();
    let error = RtenEngine::load(&bundle, 1).unwrap_err().to_string();
    assert!(error.contains("s.onnx"), "{error}");
    // and a stride that the logits do not have
    let text = fs::read_to_string(dir.path().join("model.toml")).unwrap();
    let text = text.replace("height = 64", "height = 65");
    fs::write(
        dir.path().join("model.toml"),
        text.replace("stride = 1", "stride = 2"),
    )
    .unwrap();
    let bundle = Bundle::load(dir.path()).unwrap();
    let error = RtenEngine::load(&bundle, 1).unwrap_err().to_string();
    assert!(
        error.contains("[1, 3, 65, 97]") && error.contains("[1, 3, 33, 49]"),
        "{error}"
    );
}

#[test]
fn sizes_that_cannot_be_are_refused_with_their_line_and_what_to_do() {
    for (input, words) in [
        ("", "[input] has no full_height"),
        ("full_height = 96", "[input] has no reduced_height"),
        (
            "full_height = 96\nfixed = { width = 97, height = 65, fit = \"stretch\" }",
            "both full_height and fixed",
        ),
        (
            "fixed = { width = 0, height = 65, fit = \"stretch\" }",
            "width 0 of fixed",
        ),
        (
            "fixed = { width = 97, height = 2049, fit = \"stretch\" }",
            "height 2049 of fixed",
        ),
        ("fixed = { width = 97, height = 65 }", "fit"),
        (
            "fixed = { width = 97, height = 65, fit = \"crop\" }",
            "would not see the edges",
        ),
        (
            "fixed = { width = 97, height = 65, fit = \"fill\" }",
            "letterbox or stretch",
        ),
        (
            "fixed = { width = 97, height = 65, fit = \"stretch\", pad = 0 }",
            "pad",
        ),
    ] {
        let dir = tempfile::tempdir().unwrap();
        let own = Own {
            input,
            ..Own::FIXED
        };
        let error = Bundle::load(&own.write(dir.path()))
            .unwrap_err()
            .to_string();
        assert!(
            error.contains("model.toml:") && error.contains(words),
            "{input}: {error}"
        );
    }
}

/// A folder with a bag of four frames, a folder of two pictures, and a bundle.
struct Bench {
    dir: tempfile::TempDir,
}

impl Bench {
    fn new(own: &Own) -> Self {
        let bench = Self {
            dir: tempfile::tempdir().unwrap(),
        };
        own.write(&bench.path("own"));
        write_bag(&bench.path("drive"), &images(4));
        fs::create_dir(bench.path("pictures")).unwrap();
        for (name, size) in [("a.png", (320, 180)), ("b.png", (180, 320))] {
            let picture = image::RgbImage::from_raw(size.0, size.1, pixels(size)).unwrap();
            picture.save(bench.path("pictures").join(name)).unwrap();
        }
        bench
    }

    fn path(&self, name: &str) -> PathBuf {
        self.dir.path().join(name)
    }

    #[track_caller]
    fn run(&self, name: &str, arguments: &[&dyn AsRef<std::ffi::OsStr>], more: &[&str]) -> Run {
        let mut run = command(name);
        for argument in arguments {
            run.arg(argument.as_ref());
        }
        run.arg("--bundle").arg(self.path("own"));
        run.args(["--engine", "rten", "--threads", "1"]).args(more);
        finish(run)
    }

    #[track_caller]
    fn replay(&self, out: &str, more: &[&str]) -> Run {
        let (bag, out) = (self.path("drive"), self.path(out));
        self.run("replay", &[&bag, &"--out", &out], more)
    }
}

/// Values of a key in the statuses of a replay.
fn statuses(out: &Path, key: &str) -> Vec<String> {
    let all = annotated(out);
    let status = |data: &Vec<u8>| cdr::from_slice::<DiagnosticStatus>(data).unwrap();
    let values = all[STATUS].iter().map(status).flat_map(|s| s.values);
    values
        .filter(|pair| pair.key == key)
        .map(|pair| pair.value)
        .collect()
}

#[test]
fn a_bundle_without_observer_and_thresholds_runs_with_one_that_is_given_and_says_so() {
    let bench = Bench::new(&Own::FIXED);
    bench.replay("out", &[]).fails(&[
        "no threshold for score max-logit in mode full",
        "--threshold",
    ]);
    let run = bench.replay("out", &["--threshold", "0.4", "--json"]);
    run.ends_with(0).says(&[NO_OBSERVER]);
    assert_eq!(run.json()["notes"], serde_json::json!([NO_OBSERVER]));
    let out = bench.path("out");
    assert_eq!(count(&annotated(&out), MASK), 4);
    let notes = statuses(&out, "note");
    assert!(
        notes.len() >= 4 && notes.iter().all(|note| note == NO_OBSERVER),
        "{notes:?}"
    );
    assert_eq!(statuses(&out, "state").len(), notes.len());
    let page = fs::read_to_string(out.join("report.html")).unwrap();
    assert!(page.contains(NO_OBSERVER));
    bench
        .replay("other", &["--threshold", "0.4", "--score", "observer"])
        .fails(&["has no score observer", "max-logit"]);
}

#[test]
fn a_profile_runs_the_modes_that_there_are_and_names_the_others() {
    let bench = Bench::new(&Own::FIXED);
    let profile = |out: &str, more: &[&str]| {
        let (bag, out) = (bench.path("drive"), bench.path(out));
        bench.run("profile", &[&bag, &"--out", &out, &"--json"], more)
    };
    profile("none", &[]).fails(&[
        "no mode has a score and a threshold",
        "mode full is left out",
    ]);
    let run = profile("out", &["--threshold", "0.4"]);
    let told = run.ends_with(0).json();
    let notes = told["notes"].to_string();
    assert!(
        notes.contains("mode full is the least that counts as watching"),
        "{notes}"
    );
    assert!(notes.contains("one size only, 97x65"), "{notes}");

    let settings = bench.path("settings.toml");
    let set = |text: &str| {
        fs::write(&settings, text).unwrap();
        settings.to_str().unwrap().to_owned()
    };
    let one = set("[thresholds]\nfull = 0.4\n");
    profile("one", &["--settings", &one]).ends_with(0);
    let named = set("threshold = 0.4\n[admission]\nmodes = [\"full\", \"reduced\"]\n");
    profile("named", &["--settings", &named]).fails(&["no mode reduced", "97x65"]);
    let wrong = set("threshold = 4.0\n");
    profile("wrong", &["--settings", &wrong]).fails(&["threshold 4 is not in 0..=1"]);
}

#[test]
fn a_network_of_any_size_without_observer_has_both_resolutions() {
    let bench = Bench::new(&Own::FREE);
    let (bag, out) = (bench.path("drive"), bench.path("out"));
    let flags = ["--threshold", "0.4", "--json"];
    let told = bench.run("profile", &[&bag, &"--out", &out], &flags);
    let told = told.ends_with(0).json();
    let note = format!("{NO_OBSERVER}, and mode full is the least that counts as watching");
    assert_eq!(told["notes"], serde_json::json!([note]));
}

#[test]
fn pictures_are_judged_by_the_logits_where_there_is_no_observer() {
    let bench = Bench::new(&Own::FIXED);
    let (pictures, out) = (bench.path("pictures"), bench.path("out"));
    let score = |more: &[&str]| bench.run("score", &[&pictures, &"--out", &out], more);
    score(&[]).fails(&["no threshold for max-logit in mode full", "--threshold"]);
    score(&["--threshold", "0.3"])
        .ends_with(0)
        .says(&[NO_OBSERVER]);
    for (name, (width, height)) in [("a", (320, 180)), ("b", (180, 320))] {
        let class = image::open(out.join(format!("class/{name}.png")))
            .unwrap()
            .to_luma8();
        assert_eq!(class.dimensions(), (width, height));
        let at = |x, y| class.get_pixel(x, y).0[0];
        let corners = [
            at(0, 0),
            at(width - 1, 0),
            at(0, height - 1),
            at(width - 1, height - 1),
        ];
        assert_eq!(corners, [0, 1, 2, 2], "{name}");
    }
    let (picture, marked) = (pictures.join("a.png"), bench.path("marked"));
    bench
        .run(
            "image",
            &[&picture, &"--out", &marked],
            &["--threshold", "0.3"],
        )
        .ends_with(0)
        .says(&[NO_OBSERVER, "max-logit at most"]);
}

#[test]
fn ordinary_drives_are_enough_for_thresholds_and_the_entry_says_so() {
    let bench = Bench::new(&Own::FIXED);
    let (pictures, bag) = (bench.path("pictures"), bench.path("drive"));
    let run = bench.run("calibrate", &[&pictures], &["--write"]);
    run.ends_with(0)
        .says(&["no masks: every pixel is taken for known", "max-logit"]);
    let text = fs::read_to_string(bench.path("own/model.toml")).unwrap();
    assert!(
        text.contains("pictures, 2 pictures; no masks: every pixel was taken for known"),
        "{text}"
    );
    assert!(
        text.contains("fpr1 = ") && !text.contains("tpr95"),
        "{text}"
    );
    assert!(!text.contains("\"observer\""), "{text}");
    // with them the bundle runs without a word
    bench.replay("out", &[]).ends_with(0);
    // whoever asks for what such a calibration cannot tell gets told so
    let (picture, marked) = (pictures.join("a.png"), bench.path("marked"));
    bench
        .run(
            "image",
            &[&picture, &"--out", &marked],
            &["--threshold-at", "tpr95"],
        )
        .fails(&[
            "no threshold tpr95",
            "without anomalies",
            "--threshold-at fpr1",
        ]);
    // a bag does as well, and so it does without its metadata
    for _ in 0..2 {
        let run = bench.run("calibrate", &[&bag], &[]);
        let made = String::from_utf8(run.ends_with(0).stdout.clone()).unwrap();
        assert!(made.contains("drive, 4 pictures; no masks"), "{made}");
        let _ = fs::remove_file(bag.join("metadata.yaml"));
    }
    bench
        .run("calibrate", &[&bag, &pictures], &[])
        .fails(&["a bag has no masks"]);
    // and a mode that there is not is named
    bench
        .run("calibrate", &[&pictures], &["--mode", "reduced"])
        .fails(&["no mode reduced", "97x65"]);
    bench
        .run("calibrate", &[&pictures], &["--mode", "full+observer"])
        .fails(&["no mode full+observer", "no observer"]);
}

#[test]
fn a_network_of_labels_runs_with_its_observer_and_gives_no_other_score() {
    let own = Own {
        observer: true,
        ..Own::FIXED
    };
    let bench = Bench::new(&own);
    let manifest = bench.path("own/model.toml");
    let text = fs::read_to_string(&manifest).unwrap();
    let text = text.replacen("stride = 1\n", "stride = 1\nlabels_only = true\n", 1);
    fs::write(&manifest, text).unwrap();
    let pictures = bench.path("pictures");
    let (picture, marked) = (pictures.join("a.png"), bench.path("marked"));
    let image = |more: &[&str]| bench.run("image", &[&picture, &"--out", &marked], more);
    bench
        .run("calibrate", &[&pictures], &["--mode", "full"])
        .fails(&["no mode full", "labels only"]);
    bench
        .run("calibrate", &[&pictures], &["--write"])
        .ends_with(0);
    let text = fs::read_to_string(&manifest).unwrap();
    assert!(
        text.contains("score = \"observer\"") && !text.contains("max-logit"),
        "{text}"
    );
    image(&[]).ends_with(0);
    image(&["--score", "softmax", "--threshold", "0.4"]).fails(&["labels only", "impossible"]);
}

#[test]
fn an_engine_is_held_against_the_reference_on_the_bundles_own_pictures() {
    let own = Own {
        more: "",
        ..Own::FIXED
    };
    let bench = Bench::new(&own);
    let pictures = bench.path("pictures");
    let check = |more: &[&str]| {
        let mut check = command("engine");
        check.arg("check").arg("--bundle").arg(bench.path("own"));
        check.args(["--threads", "1"]).args(more);
        finish(check)
    };
    check(&["--engine", "rten"]).fails(&["has no pictures to compare on", "--images"]);
    let images = ["--images", pictures.to_str().unwrap()];
    check(&[&images[..], &["--engine", "rten"]].concat()).fails(&["rten is the reference itself"]);

    let bytes = fs::read(pictures.join("a.png")).unwrap();
    let hash = support::own::keep(&bench.path("own"), "a.png", &bytes);
    let manifest = bench.path("own/model.toml");
    let text = fs::read_to_string(&manifest).unwrap();
    let accept = |more: &str| {
        let text = format!("{text}[acceptance]\n{more}pictures.\"a.png\" = \"{hash}\"\n");
        fs::write(&manifest, text).unwrap();
    };
    accept("");
    if let Ok(library) = find_onnxruntime() {
        let run = {
            let mut check = command("engine");
            check.env("ORT_DYLIB_PATH", library).arg("check");
            check.arg("--bundle").arg(bench.path("own"));
            check.args(["--engine", "ort", "--json"]);
            finish(check)
        };
        let told = run
            .ends_with(0)
            .says(&["is accepted", "labels agree on"])
            .json();
        assert_eq!(told["accepted"], true);
        assert_eq!(told["modes"][0]["mode"], "full");
        assert_eq!(told["modes"][0]["pictures"], 1);
        assert!(told["modes"][0]["label_agreement"].as_f64().unwrap() > 0.999);
    } else {
        eprintln!("skipped for ort: no ONNX Runtime found");
    }
    // a picture that was changed is not the bundle's
    fs::write(bench.path("own/a.png"), b"another").unwrap();
    check(&["--engine", "rten"]).fails(&["a.png", "sha256", "[acceptance]"]);
    for (wrong, words) in [
        (
            "label_agreement = 1.5\n",
            "label_agreement 1.5 is not in 0..=1",
        ),
        (
            "score_difference = -1.0\n",
            "score_difference -1 is not in 0..=1",
        ),
        ("pictures.\"../a.png\" = \"x\"\n", "SHA-256"),
    ] {
        accept(wrong);
        check(&[]).fails(&["model.toml:", words]);
    }
}
