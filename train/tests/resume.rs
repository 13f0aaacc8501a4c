//! A run that was stopped and resumed ends where an uninterrupted one does.

#![allow(clippy::unwrap_used, clippy::expect_used)]

mod pictures;

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use lookout_train::data::SetFile;
use lookout_train::nets::Design;
use lookout_train::run::{
    ObserverConfig, Place, SegmentationConfig, train_observer, train_segmentation,
};
use pictures::{write_cutouts, write_pictures};
use tch::{Device, Tensor};

const STEPS: usize = 4;

fn sets() -> BTreeMap<String, SetFile> {
    let text = r#"
        weight = 1.0
        scale = [0.15, 0.3]
        pasted = "sized"
        train = { images = "pictures/train/images", labels = "pictures/train/labels" }
        validation = { images = "pictures/val/images", labels = "pictures/val/labels" }
    "#;
    BTreeMap::from([("pictures".to_owned(), toml::from_str(text).unwrap())])
}

const SCHEDULE: &str = "schedule = { steps = 4, batch = 4, rate = 1e-3, decay = 1e-2, \
                        validate_every = 100, save_every = 100 }\n";

fn segmentation_config(root: &Path) -> SegmentationConfig {
    let text = r#"
        sample = { width = 64, height = 64 }
        beginning = { steps = 1, sample = { width = 32, height = 32 } }
        rendering = { drives = 1, frames = 2 }
        rendered_weight = 0.3
        backbone_rate = 0.3
        auxiliary = 0.4
        jaccard = 0.5
    "#;
    SegmentationConfig {
        design: Design::Small,
        data: root.to_owned(),
        sets: sets(),
        seed: 3,
        training: toml::from_str(&format!("{SCHEDULE}{text}")).unwrap(),
    }
}

fn observer_config(root: &Path, segmentation: &Path) -> ObserverConfig {
    let text = r#"
        sample = { width = 64, height = 64 }
        cutouts = ["cutouts"]
        rendering = { drives = 1, frames = 2 }
        attacked = 2
        attack = { mode = "both", epsilon = [0.02, 0.1], noise = 0.03 }
        outlier_weight = 2.0
        failure_weight = 1.0
        hard_negatives = 2.0
        [composition]
        rendered = 0.2
        rendered_clean = 0.1
        clean = 0.3
        known = 0.5
        cutout = 0.5
        texture = 0.3
        corruption = 0.2
    "#;
    ObserverConfig {
        design: Design::Small,
        data: root.to_owned(),
        sets: sets(),
        segmentation: segmentation.to_owned(),
        seed: 3,
        training: toml::from_str(&format!("{SCHEDULE}{text}")).unwrap(),
    }
}

fn tensors(run: &Path) -> BTreeMap<String, Tensor> {
    Tensor::read_safetensors(run.join("last.safetensors"))
        .unwrap()
        .into_iter()
        .collect()
}

fn steps_done(run: &Path) -> serde_json::Value {
    let text = fs::read_to_string(run.join("last.json")).unwrap();
    let progress: serde_json::Value = serde_json::from_str(&text).unwrap();
    progress["step"].clone()
}

fn assert_same_end(a: &Path, b: &Path) {
    assert_eq!(steps_done(a), STEPS);
    assert_eq!(steps_done(b), STEPS);
    let (a, b) = (tensors(a), tensors(b));
    assert!(a.keys().eq(b.keys()));
    for prefix in ["network/", "optimiser/", "average/"] {
        assert!(a.keys().any(|name| name.starts_with(prefix)), "{prefix}");
    }
    for (name, tensor) in &a {
        let apart = (tensor - &b[name]).abs().max().double_value(&[]);
        assert!(apart <= 1e-6, "{name}: {apart} apart");
    }
}

/// Trains to the end in one folder; in another to half of it, then on.
fn assert_resumes(root: &Path, name: &str, train: impl Fn(Place<'_>)) {
    let (whole, halves) = (
        root.join(format!("{name}-whole")),
        root.join(format!("{name}-halves")),
    );
    let run = |dir: &Path, resume, max_steps| {
        train(Place {
            dir,
            resume,
            max_steps,
        });
    };
    run(&whole, false, None);
    run(&halves, false, Some(STEPS / 2));
    assert_eq!(steps_done(&halves), STEPS / 2);
    let half = tensors(&halves);
    run(&halves, true, None);
    assert_same_end(&whole, &halves);
    let end = tensors(&halves);
    let moved = end
        .iter()
        .filter(|(n, _)| n.starts_with("network/"))
        .any(|(n, t)| !t.equal(&half[n]));
    assert!(moved, "the second half trained nothing");
}

/// What a run of rate 0 ends with are the averaged weights of the run that it began with.
fn assert_starts(start: &Path, run: &Path) {
    let (start, run) = (tensors(start), tensors(run));
    let weights = run.keys().filter_map(|name| {
        let name = name.strip_prefix("network/")?;
        name.ends_with(".weight").then_some(name)
    });
    let mut count = 0;
    for name in weights {
        let apart = &run[&format!("network/{name}")] - &start[&format!("average/{name}")];
        let apart = apart.abs().max().double_value(&[]);
        assert!(apart <= 1e-6, "{name}: {apart} apart");
        count += 1;
    }
    assert!(count > 10, "{count} weights");
}

// One test: libtorch's generator and its number of threads belong to the whole process.
#[test]
fn a_resumed_run_ends_where_an_uninterrupted_one_does() {
    tch::set_num_threads(1);
    let folder = tempfile::tempdir().unwrap();
    let root = folder.path();
    write_pictures(&root.join("pictures"));
    write_cutouts(&root.join("cutouts"));
    let backbone = std::env::var_os("LOOKOUT_BACKBONE").map(PathBuf::from);
    let backbone = backbone.expect("LOOKOUT_BACKBONE is not set: run `. train/setup.sh` first");

    let mut config = segmentation_config(root);
    assert_resumes(root, "segmentation", |place| {
        train_segmentation(&config, Some(&backbone), place, Device::Cpu).unwrap();
    });

    let first = root.join("first");
    fs::create_dir(&first).unwrap();
    let segmentation = first.join("segmentation");
    fs::rename(root.join("segmentation-whole"), &segmentation).unwrap();
    let going_on = root.join("segmentation-on");
    let whole = |dir| Place {
        dir,
        resume: false,
        max_steps: None,
    };
    (config.training.start, config.training.schedule.rate) = (Some(first.clone()), 0.0);
    train_segmentation(&config, None, whole(&going_on), Device::Cpu).unwrap();
    assert_starts(&segmentation, &going_on);

    let mut config = observer_config(root, &segmentation);
    assert_resumes(root, "observer", |place| {
        train_observer(&config, place, Device::Cpu).unwrap();
    });
    let observer = first.join("observer");
    fs::rename(root.join("observer-whole"), &observer).unwrap();
    let going_on = root.join("observer-on");
    (config.training.start, config.training.schedule.rate) = (Some(first), 0.0);
    train_observer(&config, whole(&going_on), Device::Cpu).unwrap();
    assert_starts(&observer, &going_on);

    let mined = "rendering = { drives = 2, frames = 3 }\nkeep = 2\nshare = 0.6";
    config.training.mined = Some(toml::from_str(mined).unwrap());
    config.training.schedule.rate = 1e-3;
    assert_resumes(root, "mined", |place| {
        train_observer(&config, place, Device::Cpu).unwrap();
    });
    config.training.start = None;
    let refused = train_observer(&config, whole(&root.join("no-start")), Device::Cpu).unwrap_err();
    assert!(refused.to_string().contains("`start`"), "{refused}");
}
