//! Data and networks that all rows share.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use lookout_scene::Anomaly;
use tch::Device;

use super::Bench;
use crate::data::{
    CutoutSplit, Mixture, Picture, Rendering, SetFile, TrainingSet, VOID, load_cutouts,
    load_pictures, rendered,
};
use crate::methods::{Config, Known, Scenes, pixels_of};
use crate::run::{RENDER_TRAINING_SEED, RENDER_VALIDATION_SEED, ValidationSet, load_segmentation};
use crate::torch::Network;

/// See the module.
pub(super) struct Material {
    segmentation: Network,
    start: PathBuf,
    /// Some training pictures of each set.
    training: BTreeMap<String, (SetFile, Vec<Picture>)>,
    cutouts: Vec<PathBuf>,
    rendered: Vec<Picture>,
    /// Pictures with things that no class describes, by the name of the set.
    pub(super) unknown: BTreeMap<String, Vec<Picture>>,
    /// Pictures without, whose labels are known.
    pub(super) clean: Vec<Picture>,
    pub(super) device: Device,
}

/// Seed of what is pasted into validation pictures.
const PASTED_SEED: u64 = 11;
/// Rendered validation drives.
const RENDERING: Rendering = Rendering {
    drives: 12,
    frames: 2,
};
/// Rendered training drives, an auxiliary set.
const AUXILIARY: Rendering = Rendering {
    drives: 60,
    frames: 2,
};
/// Folder of photographs with real anomalies, where it is there.
const REAL: &str = "road_anomaly21_val";

impl Material {
    pub(super) fn load(
        bench: &Bench,
        sets: &BTreeMap<String, SetFile>,
        data: &Path,
        device: Device,
    ) -> anyhow::Result<Self> {
        let cutouts: Vec<PathBuf> = bench
            .cutouts
            .iter()
            .map(|folder| data.join(folder))
            .collect();
        let held_out = load_cutouts(&cutouts, CutoutSplit::Validation)?;
        let (mut training, mut unknown, mut clean) = (BTreeMap::new(), BTreeMap::new(), vec![]);
        for (name, set) in sets {
            let pictures = set.train.load_some(data, bench.learn.pictures)?;
            training.insert(name.clone(), (set.clone(), pictures));
            let Some(part) = &set.validation else {
                continue;
            };
            let pictures = part.load_some(data, bench.judged)?;
            if let Some(how) = set.pasted.filter(|_| !held_out.is_empty()) {
                let pasted = ValidationSet::pasted(&pictures, how, &held_out, PASTED_SEED);
                unknown.insert(format!("pasted-{name}"), pasted.pictures);
            }
            clean.extend(pictures);
        }
        let made = rendered(RENDER_VALIDATION_SEED, RENDERING, Anomaly::HeldOut)?;
        unknown.insert("rendered".to_owned(), made);
        let real = data.join(REAL);
        if real.is_dir() {
            unknown.insert("road-anomaly".to_owned(), photographs(&real)?);
        }
        anyhow::ensure!(!clean.is_empty(), "no set has a validation part");
        Ok(Self {
            segmentation: load_segmentation(
                bench.design,
                &bench.start.join("segmentation"),
                device,
            )?,
            start: bench.start.clone(),
            training,
            cutouts,
            rendered: match bench
                .rows
                .iter()
                .any(|r| matches!(r.method, Config::BiaMat(_)))
            {
                true => rendered(RENDER_TRAINING_SEED, AUXILIARY, Anomaly::None)?,
                false => vec![],
            },
            unknown,
            clean,
            device,
        })
    }

    /// What the methods learn from.
    pub(super) fn known(&self, bench: &Bench, seed: u64) -> anyhow::Result<Known<'_>> {
        let (mut all, mut frames, mut sets) = (vec![], vec![], vec![]);
        for (set, pictures) in self.training.values() {
            let every = pictures.len().div_ceil(bench.learn.frames);
            frames.extend(pictures.iter().step_by(every).cloned());
            all.extend_from_slice(pictures);
            sets.push(TrainingSet {
                weight: set.weight,
                scale: set.scale,
                kind: set.kind,
                pictures: pictures.clone(),
            });
        }
        log::info!(
            "{} pictures are looked at, {} whole",
            all.len(),
            frames.len()
        );
        let each = bench.learn.pixels;
        let pixels = pixels_of(&self.segmentation, &all, each, seed, self.device)?;
        log::info!("{} labelled pixels", pixels.len());
        Ok(Known {
            design: bench.design,
            segmentation: &self.segmentation,
            start: self.start.clone(),
            frames,
            pixels,
            scenes: Scenes {
                mixture: Mixture::new(sets),
                cutouts: load_cutouts(&self.cutouts, CutoutSplit::Train)?,
                rendered: self.rendered.clone(),
            },
            device: self.device,
        })
    }

    pub(super) fn segmentation(&self) -> &Network {
        &self.segmentation
    }
}

/// Photographs whose masks are 0 where all is known, 255 where not, 128 where nobody says.
fn photographs(folder: &Path) -> anyhow::Result<Vec<Picture>> {
    let mut all = load_pictures(&folder.join("images"), &folder.join("masks"), |_| true)?;
    for picture in &mut all {
        let mask = std::mem::take(&mut picture.label);
        picture.outlier = mask.iter().map(|&m| u8::from(m == 255)).collect();
        let label = |&m: &u8| if m == 128 { VOID } else { 0 };
        picture.label = mask.iter().map(label).collect();
    }
    Ok(all)
}
