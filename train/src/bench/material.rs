//! Data and networks that all rows share.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use lookout_scene::Anomaly;
use tch::Device;

use super::Bench;
use super::judge::Shown;
use crate::data::{
    CutoutSplit, DataError, Mixture, Part, Picture, Rendering, SetFile, TrainingSet, VOID,
    load_cutouts, load_pictures, rendered,
};
use crate::methods::{Config, Known, Scenes, pixels_of};
use crate::run::{
    RENDER_TRAINING_SEED, RENDER_VALIDATION_SEED, ValidationSet, load_segmentation, write_set,
};
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
    pub(super) unknown: BTreeMap<String, Vec<Shown>>,
    /// Pictures without, whose labels are known.
    pub(super) clean: Vec<Shown>,
    pub(super) device: Device,
}

/// Seeds of what is pasted into validation pictures: for thresholds, and for figures.
const PASTED_SEEDS: [u64; 2] = [7, 11];
/// Rendered validation drives.
const RENDERING: Rendering = Rendering {
    drives: 18,
    frames: 2,
};
/// One validation picture of so many is for thresholds, and no figure is made of it.
const EVERY: usize = 3;
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
            let [_, pictures] = split(part, data, bench.judged)?;
            if let Some(how) = set.pasted.filter(|_| !held_out.is_empty()) {
                let pasted = ValidationSet::pasted(&pictures, how, &held_out, PASTED_SEEDS[1]);
                unknown.insert(format!("pasted-{name}"), pasted.pictures);
            }
            clean.extend(pictures);
        }
        let [_, made] = rendered_split()?;
        unknown.insert("rendered".to_owned(), made);
        let real = data.join(REAL);
        if real.is_dir() {
            unknown.insert("road-anomaly".to_owned(), photographs(&real)?);
        }
        anyhow::ensure!(!clean.is_empty(), "no set has a validation part");
        let segmentation =
            load_segmentation(bench.design, &bench.start.join("segmentation"), device)?;
        let show = |pictures| Shown::all(&segmentation, pictures, device);
        let unknown = unknown
            .into_iter()
            .map(|(name, pictures)| Ok((name, show(pictures)?)))
            .collect::<anyhow::Result<_>>()?;
        let clean = show(clean)?;
        Ok(Self {
            segmentation,
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

    /// How many pictures are learnt from.
    pub(super) fn pictures(&self) -> usize {
        self.training
            .values()
            .map(|(_, pictures)| pictures.len())
            .sum()
    }

    pub(super) fn segmentation(&self) -> &Network {
        &self.segmentation
    }
}

/// Validation pictures of a set: those for thresholds, and at most `judged` for figures.
fn split(part: &Part, data: &Path, judged: usize) -> Result<[Vec<Picture>; 2], DataError> {
    let all = part.load_some(data, judged * EVERY / (EVERY - 1))?;
    Ok(parted(all))
}

fn parted(all: Vec<Picture>) -> [Vec<Picture>; 2] {
    let all = all.into_iter().enumerate();
    let (first, second): (Vec<_>, Vec<_>) = all.partition(|(i, _)| i % EVERY == 0);
    [first, second].map(|part| part.into_iter().map(|(_, picture)| picture).collect())
}

/// Rendered frames, no drive in both parts.
fn rendered_split() -> Result<[Vec<Picture>; 2], DataError> {
    let mut first = rendered(RENDER_VALIDATION_SEED, RENDERING, Anomaly::HeldOut)?;
    let second = first.split_off(first.len() / EVERY);
    Ok([first, second])
}

/// What thresholds come from, in words.
pub(super) const CALIBRATION: &str =
    "every third validation picture of the bench's sets, held-out things pasted (seed 7)";

/// Writes the pictures that thresholds are made of as a labelled set.
pub(super) fn write_calibration(
    bench: &Bench,
    sets: &BTreeMap<String, SetFile>,
    data: &Path,
    out: &Path,
) -> anyhow::Result<()> {
    let folders: Vec<PathBuf> = bench.cutouts.iter().map(|f| data.join(f)).collect();
    let held_out = load_cutouts(&folders, CutoutSplit::Validation)?;
    for (name, set) in sets {
        let Some(part) = &set.validation else {
            continue;
        };
        let [mut pictures, _] = split(part, data, bench.judged)?;
        if let Some(how) = set.pasted.filter(|_| !held_out.is_empty()) {
            pictures = ValidationSet::pasted(&pictures, how, &held_out, PASTED_SEEDS[0]).pictures;
        }
        write_set(pictures.iter(), name, out)?;
    }
    let [made, _] = rendered_split()?;
    write_set(made.iter(), "rendered", out)
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_picture_makes_thresholds_and_figures() {
        let picture = |i: usize| Picture {
            width: i,
            height: 1,
            rgb: vec![0; 3 * i],
            label: vec![0; i],
            outlier: vec![0; i],
        };
        let [thresholds, figures] = parted((0..7).map(picture).collect());
        let widths = |all: &[Picture]| all.iter().map(|p| p.width).collect::<Vec<_>>();
        assert_eq!(widths(&thresholds), [0, 3, 6]);
        assert_eq!(widths(&figures), [1, 2, 4, 5]);
    }
}
