//! A run that was stopped and resumed ends where an uninterrupted one does.

#![allow(clippy::unwrap_used, clippy::expect_used)]

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use image::{GrayImage, Luma, Rgb, RgbImage, Rgba, RgbaImage};
use lookout_train::data::AugmentConfig;
use lookout_train::run::{
    AttackConfig, AttackMode, ObserverConfig, SegmentationConfig, train_observer,
    train_segmentation,
};
use tch::{Device, Tensor};

const SIDE: u32 = 64;
/// Two epochs of two steps: three real pictures of eight a step.
const STEPS: usize = 4;

/// A folder in CamVid's arrangement, eight pictures in each split, five classes and void.
fn write_camvid(root: &Path) {
    for (split, shift) in [("train", 0), ("val", 5)] {
        let (images, labels) = (
            root.join(split).join("images"),
            root.join(split).join("labels"),
        );
        fs::create_dir_all(&images).unwrap();
        fs::create_dir_all(&labels).unwrap();
        for k in 0..8u32 {
            let class = |x: u32, y: u32| ((x / 16 + y / 16 * 2 + k + shift) % 6) as u8;
            let rgb = RgbImage::from_fn(SIDE, SIDE, |x, y| {
                let (c, grain) = (class(x, y), ((x * 7 + y * 13 + k * 29) % 32) as u8);
                Rgb([40 * c + grain, 220 - 30 * c, 60 + grain])
            });
            let label = GrayImage::from_fn(SIDE, SIDE, |x, y| match class(x, y) {
                5 => Luma([11]),
                c => Luma([c]),
            });
            rgb.save(images.join(format!("{k:04}.webp"))).unwrap();
            label.save(labels.join(format!("{k:04}.png"))).unwrap();
        }
    }
}

/// One round object for training and one held out.
fn write_cutouts(folder: &Path) {
    fs::create_dir_all(folder).unwrap();
    for (name, colour) in [("bowl_1_1", [230, 60, 20]), ("zebra_1_1", [20, 20, 200])] {
        let object = RgbaImage::from_fn(40, 40, |x, y| {
            let (dx, dy) = (i64::from(x) - 20, i64::from(y) - 20);
            let [r, g, b] = colour;
            let alpha = if dx * dx + dy * dy < 350 { 255 } else { 0 };
            Rgba([r, g, b, alpha])
        });
        object.save(folder.join(format!("{name}.webp"))).unwrap();
    }
}

fn augmentation() -> AugmentConfig {
    AugmentConfig {
        width: SIDE as usize,
        height: SIDE as usize,
        scale: (0.7, 1.5),
    }
}

fn segmentation_config(root: &Path) -> SegmentationConfig {
    SegmentationConfig {
        camvid: root.join("camvid"),
        epochs: 2,
        batch: 4,
        rendered_per_batch: 1,
        rendered_drives: 1,
        rate: 1e-3,
        decay: 1e-2,
        auxiliary: 0.4,
        augment: augmentation(),
        seed: 3,
        validate_every: 100,
        half: false,
    }
}

fn observer_config(root: &Path, segmentation: &Path) -> ObserverConfig {
    ObserverConfig {
        segmentation: segmentation.to_owned(),
        camvid: root.join("camvid"),
        cutouts: root.join("cutouts"),
        epochs: 2,
        batch: 4,
        rendered_per_batch: 1,
        rendered_drives: 1,
        attacked_per_batch: 2,
        pasted_per_batch: 2,
        attack: AttackConfig {
            mode: AttackMode::Both,
            epsilon: (0.02, 0.1),
            noise: 0.03,
        },
        shape_radius: (8.0, 30.0),
        shapes: 2,
        cutout_share: 0.5,
        positive_weight: 2.0,
        rate: 1e-3,
        decay: 1e-2,
        augment: augmentation(),
        seed: 3,
        validate_every: 100,
        half: false,
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

/// Trains to the end in one folder; in another to half of it, then on. `train` gets the folder,
/// whether to resume, and the step to stop at.
fn assert_resumes(root: &Path, name: &str, train: impl Fn(&Path, bool, Option<usize>)) {
    let (whole, halves) = (
        root.join(format!("{name}-whole")),
        root.join(format!("{name}-halves")),
    );
    train(&whole, false, Some(STEPS));
    train(&halves, false, Some(STEPS / 2));
    assert_eq!(steps_done(&halves), STEPS / 2);
    let half = tensors(&halves);
    train(&halves, true, Some(STEPS));
    assert_same_end(&whole, &halves);
    let end = tensors(&halves);
    let moved = end
        .iter()
        .filter(|(n, _)| n.starts_with("network/"))
        .any(|(n, t)| !t.equal(&half[n]));
    assert!(moved, "the second half trained nothing");
}

// One test: libtorch's generator and its number of threads belong to the whole process.
#[test]
fn a_resumed_run_ends_where_an_uninterrupted_one_does() {
    tch::set_num_threads(1);
    let folder = tempfile::tempdir().unwrap();
    let root = folder.path();
    write_camvid(&root.join("camvid"));
    write_cutouts(&root.join("cutouts"));

    let config = segmentation_config(root);
    assert_resumes(root, "segmentation", |run, resume, stop| {
        train_segmentation(&config, run, resume, stop, Device::Cpu).unwrap();
    });

    let config = observer_config(root, &root.join("segmentation-whole"));
    assert_resumes(root, "observer", |run, resume, stop| {
        train_observer(&config, run, resume, stop, Device::Cpu).unwrap();
    });
}
