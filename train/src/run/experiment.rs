//! An experiment: a TOML file that says everything of a bundle's training, and its stages. A stage
//! that is finished is not done again; one that was stopped goes on where it was.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use anyhow::Context;
use serde::{Deserialize, Serialize};
use serde_json::json;
use tch::Device;

use super::prior::Prior;
use super::schedule::Place;
use super::stages::{Labels, calibrate, evaluate, write_sets};
use super::{
    BundleText, Observed, ObserverConfig, ObserverTraining, RunDir, SegmentationConfig,
    SegmentationTraining, ValidationSet, export_bundle, fit_fusion, load_observer,
    load_segmentation, train_observer, train_segmentation,
};
use crate::data::{CLASSES, CutoutSplit, Pasted, SetFile, load_cutouts};
use crate::nets::{Design, Fusion, OBSERVER, OWN_LOGIT};
use crate::torch::Network;

/// `experiments/NAME.toml`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Experiment {
    /// Which networks.
    pub design: Design,
    /// Seed of weights and data.
    pub seed: u64,
    /// Names of the data sets, `experiments/sets/NAME.toml`.
    pub sets: Vec<String>,
    /// The segmentation network.
    pub segmentation: SegmentationTraining,
    /// The observer.
    pub observer: ObserverTraining,
    /// What the bundle is called and says of itself.
    pub bundle: BundleText,
}

/// Where an experiment finds and leaves things.
#[derive(Clone, Debug)]
pub struct Surroundings {
    /// The experiment's file; `sets/` lies beside it.
    pub file: PathBuf,
    /// Folder of the run.
    pub out: PathBuf,
    /// Folder of all data.
    pub data: PathBuf,
    /// The backbone's pretrained weights.
    pub backbone: Option<PathBuf>,
    /// The program `lookout`, for calibration and evaluation.
    pub lookout: PathBuf,
    /// Only the stages up to this one.
    pub until: Stage,
}

/// The stages, in their order.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, clap::ValueEnum)]
pub enum Stage {
    /// Train the segmentation network: `segmentation/`.
    Segmentation,
    /// Train the observer: `observer/`.
    Observer,
    /// Fit the numbers that join the observer's logit with the energy: `fusion.json`.
    Fusion,
    /// Write the bundle, without thresholds: `bundle/`.
    Export,
    /// Write the labelled sets, choose the thresholds on one part of them: `sets/`.
    Calibration,
    /// Measure on the other part: `evaluation/`.
    Evaluation,
}

/// Seed of the pictures that the fusion is fitted on.
const FUSION_SEED: u64 = 23;
/// How many training pictures of a set the fusion is fitted on.
const FUSION_PICTURES: usize = 120;

impl Experiment {
    /// Reads one.
    ///
    /// # Errors
    /// Where the file is missing or says something unknown.
    pub fn read(path: &Path) -> anyhow::Result<Self> {
        let text =
            fs::read_to_string(path).with_context(|| format!("cannot read {}", path.display()))?;
        toml::from_str(&text).with_context(|| format!("cannot read {}", path.display()))
    }

    /// Runs all stages that are not finished yet.
    ///
    /// # Errors
    /// Where a stage fails.
    pub fn run(&self, around: &Surroundings, device: Device) -> anyhow::Result<()> {
        let sets = self.set_files(around)?;
        self.train_segmentation(around, &sets, device)?;
        if around.until >= Stage::Observer {
            self.train_observer(around, &sets, device)?;
        }
        if around.until >= Stage::Fusion {
            self.fuse(around, &sets, device)?;
        }
        if around.until >= Stage::Export {
            self.export(around)?;
        }
        if around.until >= Stage::Calibration {
            self.write_sets(around)?;
            calibrate(
                around,
                &["full+observer", "full", "reduced+observer", "reduced"],
            )?;
        }
        if around.until >= Stage::Evaluation {
            evaluate(around, Labels::OfTheClasses)?;
        }
        Ok(())
    }

    /// Writes the labelled sets below `sets/`, of which thresholds and figures are made.
    ///
    /// # Errors
    /// Where data cannot be read or a set cannot be written.
    pub fn write_sets(&self, around: &Surroundings) -> anyhow::Result<()> {
        let cutouts = load_cutouts(&self.cutouts(around), CutoutSplit::Validation)?;
        write_sets(around, &self.set_files(around)?, &cutouts)
    }

    fn set_files(&self, around: &Surroundings) -> anyhow::Result<BTreeMap<String, SetFile>> {
        let folder = around.file.parent().unwrap_or(Path::new("."));
        Ok(SetFile::read(&folder.join("sets"), &self.sets)?)
    }

    fn cutouts(&self, around: &Surroundings) -> Vec<PathBuf> {
        let folders = self.observer.cutouts.iter();
        folders.map(|folder| around.data.join(folder)).collect()
    }

    fn train_segmentation(
        &self,
        around: &Surroundings,
        sets: &BTreeMap<String, SetFile>,
        device: Device,
    ) -> anyhow::Result<()> {
        let dir = around.out.join("segmentation");
        if RunDir::is_finished(&dir) {
            return Prior::fit(&dir, self.design, &around.data, sets, device);
        }
        let config = SegmentationConfig {
            design: self.design,
            data: around.data.clone(),
            sets: sets.clone(),
            seed: self.seed,
            training: self.segmentation.clone(),
        };
        let best = train_segmentation(&config, around.backbone.as_deref(), whole(&dir), device)?;
        log::info!("segmentation: best mean mIoU {best:.4}");
        Prior::fit(&dir, self.design, &around.data, sets, device)
    }

    fn train_observer(
        &self,
        around: &Surroundings,
        sets: &BTreeMap<String, SetFile>,
        device: Device,
    ) -> anyhow::Result<()> {
        let dir = around.out.join("observer");
        if RunDir::is_finished(&dir) {
            return Ok(());
        }
        let config = ObserverConfig {
            design: self.design,
            data: around.data.clone(),
            sets: sets.clone(),
            segmentation: around.out.join("segmentation"),
            seed: self.seed,
            training: self.observer.clone(),
        };
        let best = train_observer(&config, whole(&dir), device)?;
        log::info!("observer: best mean AP on pasted things {best:.4}");
        Ok(())
    }

    /// Fits the fusion on held-out things in training pictures, and keeps it where it is better than
    /// the observer's own logit on the validation sets.
    fn fuse(
        &self,
        around: &Surroundings,
        sets: &BTreeMap<String, SetFile>,
        device: Device,
    ) -> anyhow::Result<()> {
        let path = around.out.join("fusion.json");
        if path.exists() {
            return Ok(());
        }
        let cutouts = self.cutouts(around);
        let fitted_on = fusion_set(&around.data, sets, &cutouts, FUSION_PICTURES)?;
        let observed = Observed::own(self.design, &around.out.join("segmentation"), device)?;
        let observer = load_observer(observed.observer(), &around.out.join("observer"), device)?;
        let validation = ValidationSet::all(&around.data, sets, &cutouts, 7)?;
        choose_fusion(&path, &observed, &observer, &fitted_on, &validation, device)
    }

    fn export(&self, around: &Surroundings) -> anyhow::Result<()> {
        let out = around.out.join("bundle");
        if out.join("model.toml").exists() {
            return Ok(());
        }
        let fusion = chosen_fusion(&around.out.join("fusion.json"))?;
        let load = around.out.join("segmentation");
        let segmentation = load_segmentation(self.design, &load, Device::Cpu)?;
        let observer = around.out.join("observer");
        let observer = load_observer(self.design.observer(CLASSES), &observer, Device::Cpu)?;
        fusion.write(&observer);
        export_bundle(&self.bundle, self.design, &segmentation, &observer, &out)
    }
}

/// Held-out things in training pictures, at most so many of a set.
pub(super) fn fusion_set(
    data: &Path,
    sets: &BTreeMap<String, SetFile>,
    cutouts: &[PathBuf],
    most: usize,
) -> anyhow::Result<ValidationSet> {
    let held_out = load_cutouts(cutouts, CutoutSplit::Validation)?;
    let mut pictures = vec![];
    for set in sets.values().filter(|s| s.pasted.is_some()) {
        let all = set.train.load(data)?;
        let every = all.len().div_ceil(most);
        pictures.extend(all.into_iter().step_by(every));
    }
    Ok(ValidationSet::pasted(
        &pictures,
        Pasted::Sized,
        &held_out,
        FUSION_SEED,
    ))
}

/// Fits the fusion and writes it, and what it is worth, to a file.
pub(super) fn choose_fusion(
    path: &Path,
    observed: &Observed,
    observer: &Network,
    fitted_on: &ValidationSet,
    validation: &BTreeMap<String, ValidationSet>,
    device: Device,
) -> anyhow::Result<()> {
    let fusion = fit_fusion(fitted_on, observed, observer, device)?;
    fusion.write(observer);
    let mut figures = BTreeMap::new();
    let (mut own_sum, mut joined_sum) = (0.0, 0.0);
    for (name, set) in validation {
        let judge = |output| set.judge(observed, observer, output, device);
        let (own, joined) = (judge(OWN_LOGIT)?, judge(OBSERVER)?);
        own_sum += own.ap.unwrap_or(0.0);
        joined_sum += joined.ap.unwrap_or(0.0);
        figures.insert(name, json!({"own": own, "joined": joined}));
    }
    let kept = joined_sum > own_sum;
    let used = if kept {
        fusion.clone()
    } else {
        Fusion::none(observed.classes())
    };
    let all = json!({"fitted": fusion, "kept": kept, "used": used, "validation": figures});
    fs::write(path, serde_json::to_string_pretty(&all)?)?;
    Ok(())
}

/// The numbers that [`choose_fusion`] chose.
pub(super) fn chosen_fusion(path: &Path) -> anyhow::Result<Fusion> {
    let text = fs::read_to_string(path)?;
    let all: serde_json::Value = serde_json::from_str(&text)?;
    Ok(serde_json::from_value(all["used"].clone())?)
}

/// To the end, going on where a run was stopped.
pub(super) fn whole(dir: &Path) -> Place<'_> {
    Place {
        dir,
        resume: true,
        max_steps: None,
    }
}
