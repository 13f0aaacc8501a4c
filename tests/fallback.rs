//! A bundle inside of another: its networks run where those of the outer one are not in time.

#![allow(clippy::unwrap_used, reason = "a test that fails may panic")]

mod support;

use std::fs;
use std::path::{Path, PathBuf};

use lookout::engine::{
    Engine, EngineError, EngineKind, Mode, Options, Perception, RtenEngine, open,
};
use lookout::frame::Frame;
use lookout::model::{Bundle, ThresholdAt};
use lookout::score::ScoreKind;
use lookout::time::Stamp;
use sha2::{Digest, Sha256};
use support::copy_bundle;
use tempfile::TempDir;

const RTEN: Options = Options {
    kind: EngineKind::Rten,
    threads: 1,
};

fn frame(seed: u32) -> Frame {
    let rgb = (0..3 * 96 * 72u32).map(|i| (i * 7 + seed * 31 + i / 288 * 13) as u8);
    Frame::from_rgb(Stamp::default(), 96, 72, rgb.collect()).unwrap()
}

/// Input size, logits and the observer's plane.
type Seen = ((u32, u32), Vec<f32>, Option<Vec<f32>>);

fn seen(perception: &Perception) -> Seen {
    let observer = perception.observer().map(|plane| plane.data().to_vec());
    let logits = perception.logits().unwrap().data().to_vec();
    (perception.input_size(), logits, observer)
}

/// Changes a part of a manifest, which is there.
#[track_caller]
fn edit(bundle: &Path, old: &str, new: &str) {
    let path = bundle.join("model.toml");
    let text = fs::read_to_string(&path).unwrap();
    assert!(text.contains(old), "{old} in {text}");
    fs::write(path, text.replacen(old, new, 1)).unwrap();
}

/// Names a folder of the bundle as its fallback.
fn name_fallback(bundle: &Path, folder: &str) {
    let manifest = fs::read(bundle.join(folder).join("model.toml")).unwrap();
    let hash = Sha256::digest(manifest);
    let hash: String = hash.iter().map(|b| format!("{b:02x}")).collect();
    let table = format!("[fallback]\nbundle = {folder:?}\nsha256 = {hash:?}\n\n[provenance]");
    edit(bundle, "[provenance]", &table);
}

/// The shipped bundle with a copy of itself as its fallback, which runs at 96 rows and is changed.
fn folder(change: impl Fn(&Path)) -> (TempDir, PathBuf) {
    let dir = tempfile::tempdir().unwrap();
    let bundle = dir.path().join("bundle");
    let small = bundle.join("small");
    copy_bundle(&bundle);
    copy_bundle(&small);
    edit(&small, "reduced_height = 224", "reduced_height = 96");
    change(&small);
    name_fallback(&bundle, "small");
    (dir, bundle)
}

fn bundle() -> Bundle {
    let (_dir, bundle) = folder(|_| {});
    Bundle::load(&bundle).unwrap()
}

#[test]
fn each_mode_runs_the_networks_that_it_is_for() {
    let bundle = bundle();
    let mut both = open(&bundle, RTEN).unwrap();
    let mut own = RtenEngine::load(&bundle, 1).unwrap();
    let mut small = RtenEngine::load(bundle.fallback().unwrap(), 1).unwrap();
    for (seed, mode, same) in [
        (1, Mode::FULL, Mode::FULL),
        (2, Mode::FALLBACK, Mode::REDUCED),
        (3, Mode::REDUCED, Mode::REDUCED),
        (4, Mode::FALLBACK_LOGITS, Mode::REDUCED_LOGITS),
        (5, Mode::FULL_LOGITS, Mode::FULL_LOGITS),
        (6, Mode::FALLBACK, Mode::REDUCED),
    ] {
        let frame = frame(seed);
        let alone: &mut dyn Engine = match mode {
            Mode::FALLBACK | Mode::FALLBACK_LOGITS => &mut small,
            _ => &mut own,
        };
        let want = seen(alone.run(&frame, same).unwrap());
        assert!(seen(both.run(&frame, mode).unwrap()) == want, "{mode}");
        // in two parts, as under a deadline
        both.segment(&frame, mode.resolution).unwrap();
        if mode.observer {
            both.observe().unwrap();
        }
        assert!(seen(both.perception()) == want, "{mode} in parts");
    }
}

#[test]
fn what_failed_leaves_nothing_of_the_other_networks_frame() {
    let mut both = open(&bundle(), RTEN).unwrap();
    both.run(&frame(1), Mode::FULL).unwrap();
    let failed = both.run(&Frame::new(), Mode::FALLBACK);
    assert!(matches!(failed, Err(EngineError::EmptyFrame)));
    assert!(both.perception().observer().is_none());
    assert_eq!(both.perception().size(), (0, 0));
}

#[test]
fn an_engine_of_one_pair_of_networks_refuses_the_fallback() {
    let mut own = RtenEngine::load(&bundle(), 1).unwrap();
    let refused = own.run(&frame(1), Mode::FALLBACK);
    assert!(matches!(refused, Err(EngineError::NoFallback)));
}

#[test]
fn the_fallback_is_judged_by_its_own_thresholds() {
    let (_dir, folder) = folder(|small| {
        let path = small.join("model.toml");
        let text = fs::read_to_string(&path).unwrap();
        let mut manifest: toml_edit::DocumentMut = text.parse().unwrap();
        for entry in manifest["threshold"]
            .as_array_of_tables_mut()
            .unwrap()
            .iter_mut()
        {
            entry["fpr1"] = toml_edit::value(0.25);
            entry["tpr95"] = toml_edit::value(0.125);
        }
        fs::write(path, manifest.to_string()).unwrap();
    });
    let bundle = Bundle::load(&folder).unwrap();
    let own = |mode| {
        let manifest = bundle.manifest();
        [ThresholdAt::Fpr1, ThresholdAt::Tpr95]
            .map(|at| manifest.threshold(ScoreKind::OBSERVER, mode, at))
    };
    assert_eq!(own("fallback+observer"), [Some(0.25), Some(0.125)]);
    assert_ne!(own("reduced+observer"), own("fallback+observer"));
    assert_eq!(own("fallback"), [None, None]);
}

#[test]
fn a_score_is_chosen_in_both() {
    for score in [ScoreKind::Energy, ScoreKind::OBSERVER] {
        let chosen = bundle().choose(score).unwrap();
        let fallback = chosen.fallback().unwrap().manifest();
        assert_eq!(fallback.head_score(), chosen.manifest().head_score());
    }
}

#[test]
fn a_bundle_that_cannot_stand_in_is_refused_with_the_reason() {
    assert!(bundle().fallback().is_some());
    type Change = fn(&Path);
    let cases: [(Change, &str); 3] = [
        (
            |small| edit(small, "name = \"sky\"", "name = \"sea\""),
            "\"small\" cannot be the fallback: its classes are others",
        ),
        (
            |small| {
                let path = small.join("model.toml");
                let text = fs::read_to_string(&path).unwrap();
                let mut manifest: toml_edit::DocumentMut = text.parse().unwrap();
                manifest.remove("observer");
                let thresholds = manifest["threshold"].as_array_of_tables_mut().unwrap();
                thresholds.retain(|entry| entry["score"].as_str() != Some("observer"));
                fs::write(path, manifest.to_string()).unwrap();
            },
            "\"small\" cannot be the fallback: its heads are others",
        ),
        (
            |small| {
                copy_bundle(&small.join("inner"));
                name_fallback(small, "inner");
            },
            "\"small\" cannot be the fallback: it has a fallback of its own",
        ),
    ];
    for (change, words) in cases {
        let (_dir, bundle) = folder(change);
        let error = Bundle::load(&bundle).unwrap_err().to_string();
        assert!(
            error.contains(words) && error.contains("model.toml:"),
            "{error}"
        );
    }
}

#[test]
fn a_fallback_that_was_changed_or_lies_elsewhere_is_refused() {
    type Change = fn(&Path);
    let cases: [(Change, &str); 3] = [
        (
            |bundle| edit(&bundle.join("small"), "version = \"", "version = \"9"),
            "small/model.toml: sha256 is",
        ),
        (
            |bundle| edit(bundle, "bundle = \"small\"", "bundle = \"../small\""),
            "\"../small\" is not the plain name of a folder",
        ),
        (
            |bundle| fs::remove_file(bundle.join("small/observer.onnx")).unwrap(),
            "small/observer.onnx",
        ),
    ];
    for (change, words) in cases {
        let (_dir, bundle) = folder(|_| {});
        change(&bundle);
        let error = Bundle::load(&bundle).unwrap_err().to_string();
        assert!(error.contains(words), "{error}");
    }
}
