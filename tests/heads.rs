//! Bundles with heads beside the observer: the one that the score names runs, on every engine that is there.

#![allow(clippy::unwrap_used, reason = "a test that fails may panic")]

mod support;

use std::ffi::OsStr;
use std::fs;
use std::path::PathBuf;

use lookout::engine::{Engine, Mode, OrtEngine, RtenEngine, find_onnxruntime};
use lookout::frame::Frame;
use lookout::model::Bundle;
use lookout::score::{ScoreKind, ScoreMap, score};
use lookout::time::Stamp;
use support::own::{Own, keep};
use support::{Run, Table, command, finish, images, write_bag};

const OWN: Own = Own {
    observer: true,
    heads: true,
    more: "[[threshold]]\nscore = \"blueless\"\nmode = \"full+observer\"\nfpr1 = 0.6\ncalibration = \"by hand\"\n",
    ..Own::FIXED
};
const RED: [u8; 3] = [255, 0, 0];
const BLUE: [u8; 3] = [0, 0, 255];

/// A folder with a bundle.
struct Bench {
    dir: tempfile::TempDir,
}

impl Bench {
    fn new() -> Self {
        let dir = tempfile::tempdir().unwrap();
        OWN.write(&dir.path().join("own"));
        Self { dir }
    }

    fn path(&self, name: &str) -> PathBuf {
        self.dir.path().join(name)
    }

    fn load(&self) -> Result<Bundle, lookout::model::ModelError> {
        Bundle::load(&self.path("own"))
    }

    /// Puts a text in the place of another, which is there, in the manifest.
    #[track_caller]
    fn edit(&self, old: &str, new: &str) {
        let path = self.path("own/model.toml");
        let text = fs::read_to_string(&path).unwrap();
        assert!(text.contains(old), "{old} in {text}");
        fs::write(path, text.replacen(old, new, 1)).unwrap();
    }

    fn picture(&self, name: &str, colour: [u8; 3]) -> PathBuf {
        fs::create_dir_all(self.path("pictures")).unwrap();
        let path = self.path("pictures").join(name);
        let picture = image::RgbImage::from_pixel(97, 65, image::Rgb(colour));
        picture.save(&path).unwrap();
        path
    }

    #[track_caller]
    fn run(&self, name: &str, arguments: &[&dyn AsRef<OsStr>], more: &[&str]) -> Run {
        let mut run = command(name);
        for argument in arguments {
            run.arg(argument.as_ref());
        }
        run.arg("--bundle").arg(self.path("own"));
        run.args(["--engine", "rten", "--threads", "1"]).args(more);
        finish(run)
    }
}

fn engines(bundle: &Bundle) -> Vec<Box<dyn Engine>> {
    let mut engines: Vec<Box<dyn Engine>> = vec![Box::new(RtenEngine::load(bundle, 1).unwrap())];
    match find_onnxruntime() {
        Ok(library) => engines.push(Box::new(OrtEngine::load(bundle, &library, 1).unwrap())),
        Err(e) => eprintln!("skipped for ort: {e}"),
    }
    engines
}

/// The scores of five colours: red, green, blue, white, black.
#[track_caller]
fn gives(name: &str, expected: [f32; 5]) {
    let kind: ScoreKind = name.parse().unwrap();
    let bundle = Bench::new().load().unwrap().choose(kind).unwrap();
    assert_eq!(bundle.manifest().head_score(), Some(kind));
    assert!(bundle.manifest().other_heads.is_empty());
    let colours = [RED, [0, 255, 0], BLUE, [255; 3], [0; 3]];
    for mut engine in engines(&bundle) {
        for (colour, expected) in colours.into_iter().zip(expected) {
            let pixels = colour.repeat(97 * 65);
            let frame = Frame::from_rgb(Stamp::default(), 97, 65, pixels).unwrap();
            let seen = engine.run(&frame, Mode::FULL).unwrap();
            let mut map = ScoreMap::default();
            score(kind, seen.logits().unwrap(), seen.observer(), &mut map).unwrap();
            assert_eq!((map.width(), map.height()), (97, 65));
            for &found in map.values() {
                assert!(
                    (found - expected).abs() < 1e-5,
                    "{name} on {}: {found} for {expected}, {colour:?}",
                    engine.name()
                );
            }
        }
    }
}

#[test]
fn a_logit_of_activations_alone_is_scored_as_the_observers() {
    // 3, 1, -3, -1, 1 of -12 to 12
    gives(
        "blueless",
        [0.625, 13.0 / 24.0, 0.375, 11.0 / 24.0, 13.0 / 24.0],
    );
}

#[test]
fn an_energy_is_even_odds_at_its_center_and_a_logit_further_after_its_scale() {
    // 10, 10, 10, 30, 0: 0, 0, 0, 4, -2 scales from the center
    gives("brightness", [0.5, 0.5, 0.5, 16.0 / 24.0, 10.0 / 24.0]);
}

#[test]
fn a_probability_is_the_score() {
    gives("share", [0.25, 0.5, 0.125, 0.875, 0.0]);
}

#[test]
fn the_observer_is_a_head_that_reads_everything() {
    // 10 where there is red, -10 where not
    gives(
        "observer",
        [22.0 / 24.0, 2.0 / 24.0, 2.0 / 24.0, 22.0 / 24.0, 2.0 / 24.0],
    );
}

#[test]
fn without_a_choice_the_observer_runs_and_a_score_of_logits_needs_no_other() {
    let bundle = Bench::new().load().unwrap();
    assert_eq!(bundle.manifest().head_score(), Some(ScoreKind::OBSERVER));
    let bundle = bundle.choose(ScoreKind::Energy).unwrap();
    assert_eq!(bundle.manifest().head_score(), Some(ScoreKind::OBSERVER));
    let error = Bench::new().load().unwrap().choose("vim".parse().unwrap());
    assert_eq!(
        error.unwrap_err().to_string(),
        "the bundle own has no score vim: it has observer, blueless, brightness, share, softmax, max-logit, \
         entropy, energy"
    );
}

#[test]
fn a_head_that_cannot_be_is_refused_with_its_line_and_its_name() {
    for (old, new, words) in [
        (
            "name = \"share\"",
            "name = \"blueless\"",
            "head blueless: another head has this name",
        ),
        (
            "name = \"share\"",
            "name = \"softmax\"",
            "head softmax: a built-in score has this name",
        ),
        (
            "name = \"share\"",
            "name = \"observer\"",
            "head observer: a built-in score has this name",
        ),
        (
            "name = \"share\"",
            "name = \"two words\"",
            "\"two words\" is not the name of a score",
        ),
        (
            "inputs = [\"image\"]",
            "inputs = [\"decoder4\"]",
            "head share: the segmentation network has no \"decoder4\" that could be an input; there are image, \
             logits, features",
        ),
        (
            "inputs = [\"image\"]",
            "inputs = []",
            "head share: it has no inputs",
        ),
        (
            "inputs = [\"image\"]",
            "inputs = [\"image\", \"image\"]",
            "\"image\" twice",
        ),
        ("kind = \"probability\"", "kind = \"odds\"", "odds"),
        ("kind = \"probability\"", "", "kind"),
        (
            "center = 10.0\n",
            "",
            "head brightness: kind \"energy\" needs a center",
        ),
        (
            "scale = 5\n",
            "",
            "head brightness: kind \"energy\" needs a scale",
        ),
        (
            "scale = 5\n",
            "scale = 0\n",
            "head brightness: scale 0 is not above 0",
        ),
        (
            "scale = 5\n",
            "scale = inf\n",
            "head brightness: scale inf is not finite",
        ),
        (
            "center = 10.0",
            "center = nan",
            "head brightness: center NaN is not finite",
        ),
        (
            "kind = \"probability\"",
            "kind = \"probability\"\ncenter = 1.0",
            "head share: only kind \"energy\" has a center, remove it",
        ),
        (
            "output = \"share\"",
            "output = \"logits\"",
            "head share: the segmentation network has a tensor \"logits\"",
        ),
        (
            "file = \"share.onnx\"",
            "file = \"../share.onnx\"",
            "not the plain name of a file",
        ),
        (
            "score = \"blueless\"",
            "score = \"vim\"",
            "a threshold for vim, but no head vim",
        ),
    ] {
        let bench = Bench::new();
        bench.edit(old, new);
        let error = bench.load().unwrap_err().to_string();
        let named = error.contains("model.toml:") && error.contains(words);
        assert!(named, "{old} as {new}: {error}");
    }
}

#[test]
fn the_file_of_every_head_is_checked_when_the_bundle_is_loaded() {
    let bench = Bench::new();
    let path = bench.path("own/share.onnx");
    let mut bytes = fs::read(&path).unwrap();
    bytes.push(0);
    fs::write(&path, bytes).unwrap();
    let error = bench.load().unwrap_err().to_string();
    assert!(error.contains("share.onnx: sha256 is"), "{error}");
    fs::remove_file(&path).unwrap();
    let error = bench.load().unwrap_err().to_string();
    assert!(error.contains("share.onnx"), "{error}");
}

#[test]
fn a_head_that_cannot_run_is_named_where_it_is_chosen_and_hinders_no_other() {
    let load = |bench: &Bench| {
        let bundle = bench.load().unwrap();
        RtenEngine::load(&bundle, 1).unwrap();
        let bundle = bundle.choose("share".parse().unwrap()).unwrap();
        RtenEngine::load(&bundle, 1).unwrap_err().to_string()
    };
    let bench = Bench::new();
    bench.edit("output = \"share\"", "output = \"nothing\"");
    let error = load(&bench);
    let words = "head share (share.onnx) has no tensor nothing";
    assert!(error.contains(words), "{error}");

    let bench = Bench::new();
    let two = OWN.graph(&["image"], "share", 1, &[0.0; 6], &[0.0; 2]);
    let old = fs::read_to_string(bench.path("own/model.toml")).unwrap();
    let (_, table) = old
        .split_once("file = \"share.onnx\"\nsha256 = \"")
        .unwrap();
    let hash = keep(&bench.path("own"), "share.onnx", &two.write_buf().unwrap());
    bench.edit(&table[..64], &hash);
    let error = load(&bench);
    for words in [
        "head share (share.onnx): share has shape [1, 2, 65, 97]",
        "[1, 1, 65, 97]",
        "resize it in the graph",
    ] {
        assert!(error.contains(words), "{error}");
    }
}

#[test]
fn pictures_are_judged_by_the_head_that_is_named() {
    let bench = Bench::new();
    let out = bench.path("out");
    let (red, blue) = (bench.picture("a.png", RED), bench.picture("b.png", BLUE));
    let run = |picture: &PathBuf, more: &[&str]| {
        let flags = [&["--json", "--force"][..], more].concat();
        bench.run("image", &[picture, &"--out", &out], &flags)
    };
    for (picture, most, share) in [(&red, 0.625, 1.0), (&blue, 0.375, 0.0)] {
        let told = run(picture, &["--score", "blueless"]);
        let told = told.ends_with(0).json();
        assert_eq!(told["score"], "blueless");
        assert!(
            (told["max_score"].as_f64().unwrap() - most).abs() < 1e-5,
            "{told}"
        );
        assert_eq!(told["anomalous_share"].as_f64().unwrap(), share, "{told}");
    }
    run(&red, &["--score", "share"]).fails(&["no threshold for share in mode full+observer"]);
    run(&red, &["--score", "share", "--threshold", "0.2"]).ends_with(0);
    run(&red, &["--score", "vim"]).fails(&["no score vim", "blueless"]);

    let pictures = bench.path("pictures");
    let evaluate = |scores: &str| {
        let flags = ["--clean", "--json", "--score", scores];
        bench.run("evaluate", &[&pictures, &"-"], &flags)
    };
    let report = evaluate("all,blueless");
    let report = report.ends_with(0).json();
    assert!(report["flagged"]["blueless"].is_object(), "{report}");
    evaluate("blueless,share").fails(&["only one head", "share"]);

    let made = bench.run("calibrate", &[&pictures], &["--score", "share"]);
    let made = String::from_utf8(made.ends_with(0).stdout.clone()).unwrap();
    assert!(
        made.contains("score = \"share\"") && made.contains("score = \"energy\""),
        "{made}"
    );
    assert!(!made.contains("score = \"observer\""), "{made}");
}

#[test]
fn a_drive_is_judged_by_the_head_that_is_named() {
    let bench = Bench::new();
    let (bag, out) = (bench.path("drive"), bench.path("out"));
    write_bag(&bag, &images(2));
    let flags = ["--score", "blueless"];
    bench
        .run("replay", &[&bag, &"--out", &out], &flags)
        .ends_with(0);
    let table = Table::of(&out);
    assert_eq!(table.column("mode"), ["full+observer"; 2]);
    let page = fs::read_to_string(out.join("report.html")).unwrap();
    assert!(page.contains("blueless, anomalous over") && page.contains("in mode full+observer"));
}

#[test]
fn a_bundle_is_tried_with_each_of_its_heads() {
    let bench = Bench::new();
    let check = || {
        let mut command = command("adopt");
        command.arg("--check").arg(bench.path("own"));
        finish(command)
    };
    check().ends_with(0).says(&[
        "3 classes, with an observer",
        "head blueless (1000 multiply-accumulates at 480x352):",
        "head brightness:",
        "head share:",
        "rten runs it",
    ]);
    bench.edit("output = \"share\"", "output = \"nothing\"");
    check().fails(&["head share", "no tensor nothing"]);
}
