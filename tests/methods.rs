//! The bundle of methods: every head of it judges a drive, on every engine that is there.

#![allow(clippy::unwrap_used, reason = "a test that fails may panic")]

mod support;

use std::path::PathBuf;

use lookout::engine::{Mode, find_onnxruntime};
use lookout::model::{Bundle, ThresholdAt};
use lookout::pipeline::Settings;
use support::{Table, command, finish, images, write_bag};

fn folder() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("models/methods")
}

#[test]
fn every_head_has_a_threshold_in_every_mode_that_runs_it() {
    let bundle = Bundle::load(&folder()).unwrap();
    let manifest = bundle.manifest();
    assert!(
        manifest.heads().count() > 20,
        "{}",
        manifest.heads().count()
    );
    for head in manifest.heads() {
        for mode in [Mode::FULL, Mode::REDUCED] {
            let made = Settings::calibrated(manifest, mode, head.score(), ThresholdAt::Fpr1);
            assert!(made.is_some(), "{} in {mode}", head.score());
        }
    }
}

#[test]
fn every_head_judges_a_drive_alike_on_every_engine() {
    let bundle = Bundle::load(&folder()).unwrap();
    let dir = tempfile::tempdir().unwrap();
    let (bag, out) = (dir.path().join("drive"), dir.path().join("out"));
    write_bag(&bag, &images(2));
    let library = find_onnxruntime();
    if let Err(why) = &library {
        eprintln!("skipped for ort: {why}");
    }
    for head in bundle.manifest().heads() {
        let score = head.score();
        let highest = |engine: &str| -> Vec<f32> {
            let out = out.join(format!("{score}-{engine}"));
            let mut run = command("replay");
            run.arg(&bag).arg("--out").arg(&out);
            run.arg("--bundle").arg(folder());
            run.args([
                "--score",
                score.name(),
                "--engine",
                engine,
                "--threads",
                "1",
            ]);
            if let Ok(library) = &library {
                run.env("ORT_DYLIB_PATH", library);
            }
            finish(run).ends_with(0);
            let table = Table::of(&out);
            assert_eq!(table.column("mode"), ["full+observer"; 2], "{score}");
            let highest = table.column("score_max").into_iter();
            highest.map(|text| text.parse().unwrap()).collect()
        };
        let rten = highest("rten");
        if library.is_ok() {
            for (a, b) in rten.iter().zip(highest("ort")) {
                assert!((a - b).abs() < 0.01, "{score}: {a} on rten, {b} on ort");
            }
        }
    }
}
