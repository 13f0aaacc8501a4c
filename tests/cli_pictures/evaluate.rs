//! `lookout evaluate`.

use std::fs;
use std::path::Path;

use lookout::evaluate::{BinaryHistogram, Components, Flagged, Segments};
use serde_json::Value;

use super::{SIZE, data, fails, lookout, succeeds};

/// The report of `lookout evaluate` with these arguments.
pub(super) fn report(folder: &Path, arguments: &[&str]) -> Value {
    let output = lookout(&[&["evaluate", "--json"], arguments].concat(), folder);
    succeeds(&output);
    serde_json::from_slice(&output.stdout).unwrap()
}

fn grey(path: &Path) -> Vec<u8> {
    image::open(path).unwrap().into_luma8().into_raw()
}

/// A mask of `data` in the terms of `lookout::evaluate`.
fn truth(folder: &Path, stem: &str) -> Vec<u8> {
    let label = |value| match value {
        0 => 0,
        255 => 1,
        _ => 255,
    };
    let mask = grey(&folder.join(format!("masks/{stem}.png")));
    mask.into_iter().map(label).collect()
}

#[test]
fn evaluate_agrees_with_the_files_that_score_writes() {
    let data = data();
    succeeds(&lookout(
        &["score", "images", "--out", "out", "--score", "observer"],
        data.path(),
    ));
    let mut counts = BinaryHistogram::new();
    for stem in ["a", "b"] {
        let scores = image::open(data.path().join(format!("out/score/{stem}.png"))).unwrap();
        let scores = scores.into_luma16().into_raw();
        counts
            .add_slice_u16(&scores, &truth(data.path(), stem))
            .unwrap();
    }
    let report = report(data.path(), &["images", "masks", "--score", "observer"]);
    let figures = &report["anomaly"]["observer"];
    let expected = counts.metrics();
    for (name, value) in [
        ("auroc", expected.auroc),
        ("ap", expected.ap),
        ("fpr95", expected.fpr95),
    ] {
        let difference = figures[name].as_f64().unwrap() - value.unwrap();
        assert!(difference.abs() < 1e-9, "{name}: {figures}");
    }
    assert_eq!(figures["positives"].as_u64(), Some(expected.positives));
}

#[test]
fn components_over_the_bundles_threshold_are_those_of_the_masks_that_score_writes() {
    let data = data();
    let score = ["score", "images", "--out", "out", "--score", "observer"];
    succeeds(&lookout(&score, data.path()));
    let (mut expected, width) = (Segments::new(50), SIZE.0 as usize);
    for stem in ["a", "b"] {
        let labels = truth(data.path(), stem);
        let mask = grey(&data.path().join(format!("out/mask/{stem}.png")));
        let mut things = Components::default();
        things.find(width, labels.len(), |at| labels[at] == 1);
        expected.add(width, &things, &mask, &labels).unwrap();
    }
    let expected = expected.metrics();
    let arguments = [
        "images",
        "masks",
        "--score",
        "observer",
        "--min-component",
        "50",
    ];
    let report = report(data.path(), &arguments);
    let figures = &report["components"]["observer"]["calibration"];
    for (name, value) in [
        ("siou", expected.siou),
        ("ppv", expected.ppv),
        ("f1", expected.f1),
    ] {
        // sums are taken in another order
        let (found, value) = (figures[name].as_f64().unwrap(), value.unwrap());
        assert!((found - value).abs() < 1e-12, "{name}: {figures}");
    }
    assert_eq!(figures["things"].as_u64(), Some(2));
    assert_eq!(figures["detections"].as_u64(), Some(expected.detections));
    assert_eq!(report["convention"]["min_component"].as_u64(), Some(50));
    assert_eq!(
        report["convention"]["min_thing_of_components"].as_u64(),
        Some(10)
    );
}

#[test]
fn the_benchmarks_threshold_is_that_of_the_best_f1_on_the_set_and_named_so() {
    let data = data();
    let score = ["score", "images", "--out", "out", "--score", "energy"];
    succeeds(&lookout(&score, data.path()));
    let mut counts = BinaryHistogram::new();
    for stem in ["a", "b"] {
        let scores = image::open(data.path().join(format!("out/score/{stem}.png"))).unwrap();
        let scores = scores.into_luma16().into_raw();
        counts
            .add_slice_u16(&scores, &truth(data.path(), stem))
            .unwrap();
    }
    let expected = counts.threshold_at_best_f1().unwrap().threshold;
    let arguments = ["images", "masks", "--score", "energy"];
    let json = report(data.path(), &arguments);
    let threshold = &json["components"]["energy"]["benchmark"]["threshold"];
    assert_eq!(threshold.as_f64().unwrap() as f32, expected);

    let output = lookout(&[&["evaluate"], &arguments[..]].concat(), data.path());
    succeeds(&output);
    let text = String::from_utf8(output.stdout).unwrap();
    for words in [
        "positive: the anomalous pixel",
        "255 anomalous, 128 ignored",
        "pooled: pixels, components and things over the set",
        "upsampled bilinearly",
        "best pixel F1 on this set",
        "the bundle's",
        "48 and more",
        "Known pixels flagged",
    ] {
        assert!(text.contains(words), "{words}: {text}");
    }
}

#[test]
fn things_and_known_pixels_are_measured_on_the_mask_of_a_drive() {
    let data = data();
    let report = report(
        data.path(),
        &["images", "masks", "--score", "observer,energy"],
    );
    for score in ["observer", "energy"] {
        let things = &report["things"][score];
        assert_eq!(things["all"]["things"].as_u64(), Some(2), "{things}");
        // 32 columns of 64 rows
        let large = &things["classes"][3];
        assert_eq!(
            (large["from"].as_u64(), large["to"].as_u64()),
            (Some(48), None)
        );
        assert_eq!(large["things"].as_u64(), Some(2));
        let flagged = &report["flagged"][score];
        assert_eq!(flagged["pictures"].as_u64(), Some(2));
        assert!(flagged["mean"].as_f64().unwrap() <= flagged["p90"].as_f64().unwrap());
        assert_eq!(flagged["threshold"], things["threshold"]);
    }
}

#[test]
fn clean_pictures_need_neither_masks_nor_labels() {
    let data = data();
    let clean = report(
        data.path(),
        &["images", "-", "--clean", "--score", "energy"],
    );
    assert_eq!(clean["convention"]["truth"], "every pixel is known");
    assert_eq!(clean["flagged"]["energy"]["pictures"].as_u64(), Some(2));
    for absent in ["anomaly", "components", "things", "segmentation"] {
        assert!(clean.get(absent).is_none(), "{absent}");
    }
    let with_masks = ["evaluate", "images", "masks", "--clean"];
    fails(&lookout(&with_masks, data.path()), &["--clean", "MASKS"]);
    let nothing = ["evaluate", "images", "-"];
    fails(&lookout(&nothing, data.path()), &["--labels", "--clean"]);
}

#[test]
fn without_masks_what_has_a_class_is_known() {
    let data = data();
    fs::create_dir(data.path().join("labels")).unwrap();
    // the left half of `a` is road, all else has no class
    for (stem, columns) in [("a", 48), ("b", 0)] {
        image::GrayImage::from_fn(SIZE.0, SIZE.1, |x, _| {
            image::Luma([if x < columns { 3 } else { 255 }])
        })
        .save(data.path().join(format!("labels/{stem}.png")))
        .unwrap();
    }
    let arguments = ["images", "-", "--labels", "labels", "--score", "energy"];
    let labelled = report(data.path(), &arguments);
    assert_eq!(labelled["flagged"]["energy"]["pictures"].as_u64(), Some(1));
    let known = labelled["convention"]["truth"].as_str().unwrap();
    assert!(known.contains("has a class"), "{known}");
    let score = ["score", "images", "--out", "out", "--score", "energy"];
    succeeds(&lookout(&score, data.path()));
    let mut flagged = Flagged::default();
    let left: Vec<u8> = (0..SIZE.0 * SIZE.1)
        .map(|at| if at % SIZE.0 < 48 { 0 } else { 255 })
        .collect();
    let mask = grey(&data.path().join("out/mask/a.png"));
    let upsampled = flagged.add(&mask, &left).unwrap().unwrap();
    // that mask is cut from upsampled scores, the drive's is not: they differ at edges only
    let mean = labelled["flagged"]["energy"]["mean"].as_f64().unwrap();
    assert!((mean - upsampled).abs() < 0.1, "{mean} {upsampled}");
}

#[test]
fn sheets_show_the_worst_and_the_best_and_list_their_names() {
    let data = data();
    let arguments = ["images", "masks", "--score", "energy", "--sheets", "sheets"];
    report(data.path(), &arguments);
    for name in ["worst.jpg", "best.jpg"] {
        let sheet = image::open(data.path().join("sheets").join(name)).unwrap();
        // two panels a picture, three pictures a row; the pictures are 96x64
        assert_eq!(
            (sheet.width(), sheet.height()),
            (6 * 320, 213 + 4),
            "{name}"
        );
    }
    let names = fs::read_to_string(data.path().join("sheets/sheets.txt")).unwrap();
    for words in ["worst.jpg", "best.jpg", "the mask of energy", "Ranked by"] {
        assert!(names.contains(words), "{words}: {names}");
    }
    let places: Vec<_> = names
        .match_indices("images/")
        .map(|m| &names[m.0..m.0 + 12])
        .collect();
    assert_eq!((places[0], places[1]), (places[3], places[2]), "{names}");
}
