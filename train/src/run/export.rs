//! From trained networks to a bundle, and labelled sets on disk.

use std::fmt::Write as _;
use std::fs;
use std::path::Path;

use anyhow::Context;
use image::{GrayImage, RgbImage};
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use super::{MEAN, STD};
use crate::data::{FULL_HEIGHT, Picture, VOID};
use crate::nets::{Design, LOGITS, OBSERVER};
use crate::onnx::export;
use crate::torch::Network;

/// Names and colours (CamVid's own) of the classes.
pub(super) const CLASS_NAMES: [(&str, [u8; 3]); 11] = [
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

/// What `[bundle]` of an experiment says.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct BundleText {
    /// Name of the bundle.
    pub name: String,
    /// Its version.
    pub version: String,
    /// What it is, in a sentence.
    pub description: String,
    /// What it was trained on.
    pub data: String,
    /// What its weights may be used for, and why.
    pub licence: String,
}

/// Writes `segmentation.onnx`, `observer.onnx` and `model.toml` (without thresholds: `lookout
/// calibrate --write` adds them).
///
/// # Errors
/// Where a network cannot be exported or the folder cannot be written.
pub fn export_bundle(
    text: &BundleText,
    design: Design,
    segmentation: &Network,
    observer: &Network,
    out: &Path,
) -> anyhow::Result<()> {
    let activations: Vec<&str> = design.activations().iter().map(|a| a.0).collect();
    let mut outputs = vec![LOGITS];
    outputs.extend(&activations);
    fs::create_dir_all(out)?;
    let write = |name: &str, bytes: &[u8]| -> anyhow::Result<String> {
        fs::write(out.join(name), bytes).with_context(|| format!("cannot write {name}"))?;
        Ok(Sha256::digest(bytes)
            .iter()
            .map(|b| format!("{b:02x}"))
            .collect())
    };
    let seg_hash = write("segmentation.onnx", &export(segmentation, &outputs)?)?;
    let obs_hash = write("observer.onnx", &export(observer, &[OBSERVER])?)?;
    let manifest = manifest(text, &activations, &seg_hash, &obs_hash)?;
    write("model.toml", manifest.as_bytes())?;
    Ok(())
}

fn manifest(
    about: &BundleText,
    activations: &[&str],
    seg_hash: &str,
    obs_hash: &str,
) -> anyhow::Result<String> {
    let BundleText {
        name,
        version,
        description,
        data,
        licence,
    } = about;
    let mut text = format!(
        r#"# A lookout bundle. The card beside this file says how it was made and what it can do.
format = 1
name = {name:?}
version = {version:?}
description = {description:?}

[input]
mean = {MEAN:?}
std = {STD:?}
full_height = {FULL_HEIGHT}
reduced_height = 224

[segmentation]
file = "segmentation.onnx"
sha256 = "{seg_hash}"
image = "image"
logits = "{LOGITS}"
stride = 4
activations = {activations:?}

[observer]
file = "observer.onnx"
sha256 = "{obs_hash}"
output = "{OBSERVER}"

[provenance]
data = {data:?}
licence = {licence:?}
training = "lookout-train; the experiment and its figures are in card.md"
"#,
    );
    for (name, color) in CLASS_NAMES {
        write!(text, "\n[[class]]\nname = \"{name}\"\ncolor = {color:?}\n")?;
    }
    Ok(text)
}

/// Writes `images/NAME/NNNN.png`, `masks/...` (0 known, 255 anomaly, 128 ignore) and `labels/...`
/// (class ids, 11 void) of pictures.
///
/// # Errors
/// Where the folder cannot be written.
pub fn write_set<'a>(
    pictures: impl Iterator<Item = &'a Picture>,
    name: &str,
    out: &Path,
) -> anyhow::Result<()> {
    let [images, masks, labels] = ["images", "masks", "labels"].map(|f| out.join(f).join(name));
    for folder in [&images, &masks, &labels] {
        fs::create_dir_all(folder)?;
    }
    for (i, p) in pictures.enumerate() {
        let file = format!("{i:04}.png");
        let (w, h) = (p.width as u32, p.height as u32);
        let rgb = RgbImage::from_raw(w, h, p.rgb.clone()).context("picture size")?;
        rgb.save(images.join(&file))?;
        let grey = |values: Vec<u8>| GrayImage::from_raw(w, h, values).context("mask size");
        grey(mask(p))?.save(masks.join(&file))?;
        let label = p
            .label
            .iter()
            .zip(&p.outlier)
            .map(|(&l, &o)| if o > 0 { VOID } else { l.min(VOID) });
        grey(label.collect())?.save(labels.join(&file))?;
    }
    Ok(())
}

fn mask(p: &Picture) -> Vec<u8> {
    let value = |(&o, &l): (&u8, &u8)| match (o, l) {
        (1.., _) => 255,
        (_, VOID) => 128,
        _ => 0,
    };
    p.outlier.iter().zip(&p.label).map(value).collect()
}
