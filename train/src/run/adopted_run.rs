//! From a bundle without an observer to one with: training, export into a copy of the bundle, thresholds, figures, card.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, ensure};
use lookout::model::Bundle;
use lookout_adopt::bundle::sha256;
use lookout_adopt::load;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use tch::Device;

use super::experiment::{choose_fusion, chosen_fusion, fusion_set, whole};
use super::observer::Lesson;
use super::stages::{Labels, calibrate, evaluate, write_sets};
use super::{
    Adopted, Observed, ObserverTraining, RunDir, Stage, Surroundings, ValidationSet, counterparts,
    load_observer,
};
use crate::data::{AugmentConfig, CutoutSplit, SetFile, load_cutouts};
use crate::nets::OBSERVER;
use crate::onnx::export_at;

/// Most pictures of a set that are validated on, and that the fusion is fitted on: networks of others are large.
const PICTURES: usize = 60;

/// How an observer of somebody else's network is trained: `experiments/adopted.toml` or a file like it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct AdoptedExperiment {
    /// Seed of weights and data.
    pub seed: u64,
    /// Names of the data sets, `sets/NAME.toml` beside the file.
    pub sets: Vec<String>,
    /// The observer.
    pub observer: ObserverTraining,
}

/// Everything that decides a run; saved beside it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
struct Config {
    /// Hash of the bundle.
    bundle: String,
    data: PathBuf,
    sets: BTreeMap<String, SetFile>,
    experiment: AdoptedExperiment,
}

impl AdoptedExperiment {
    /// Reads one.
    ///
    /// # Errors
    /// Where the file is missing or says something unknown.
    pub fn read(path: &Path) -> anyhow::Result<Self> {
        let text =
            fs::read_to_string(path).with_context(|| format!("cannot read {}", path.display()))?;
        toml::from_str(&text).with_context(|| format!("cannot read {}", path.display()))
    }

    /// Trains an observer for a bundle's network, or goes on, and leaves the bundle with it in `bundle/` of the run.
    /// Without `attack` no sample is attacked, and an engine runs the network. Its stages are those of an experiment from
    /// [`Stage::Observer`] on.
    ///
    /// # Errors
    /// Where a stage fails.
    pub fn run(
        mut self,
        bundle: &Path,
        attack: bool,
        around: &Surroundings,
        device: Device,
    ) -> anyhow::Result<()> {
        ensure!(
            self.observer.teacher.is_none() && self.observer.start.is_none(),
            "{}: an observer for somebody else's network has no teacher and no start; remove them",
            around.file.display()
        );
        let backbone = self.observer.backbone_rate.is_some();
        let adopted = Adopted::load(bundle, attack, backbone, device)?;
        for line in notes(&adopted) {
            log::info!("{line}");
        }
        ensure!(
            adopted.meant().iter().any(|ours| !ours.is_empty()),
            "no class of the bundle has a name that the labels know: name them in its model.toml (road, building, car, ...)"
        );
        if let Some(fixed) = adopted.fixed() {
            self.observer.sample = AugmentConfig {
                width: fixed.width as usize,
                height: fixed.height as usize,
            };
        }
        if !attack {
            self.observer.attacked = 0;
        }
        let folder = around.file.parent().unwrap_or(Path::new("."));
        let sets = SetFile::read(&folder.join("sets"), &self.sets)?;
        let observed = Observed::Adopted(Box::new(adopted));
        self.train(&observed, around, &sets, device)?;
        self.fuse(&observed, around, &sets, device)?;
        let Observed::Adopted(adopted) = observed else {
            return Ok(());
        };
        export(&adopted, around)?;
        if around.until < Stage::Calibration {
            return Ok(());
        }
        let held_out = load_cutouts(&self.cutouts(around), CutoutSplit::Validation)?;
        write_sets(around, &sets, &held_out)?;
        let modes: &[&str] = match adopted.fixed() {
            Some(_) => &["full+observer", "full"],
            None => &["full+observer", "full", "reduced+observer", "reduced"],
        };
        calibrate(around, modes)?;
        evaluate(around, Labels::Foreign)?;
        self.write_card(&adopted, around)
    }

    fn cutouts(&self, around: &Surroundings) -> Vec<PathBuf> {
        let folders = self.observer.cutouts.iter();
        folders.map(|folder| around.data.join(folder)).collect()
    }

    fn train(
        &self,
        observed: &Observed,
        around: &Surroundings,
        sets: &BTreeMap<String, SetFile>,
        device: Device,
    ) -> anyhow::Result<()> {
        let Observed::Adopted(adopted) = observed else {
            return Ok(());
        };
        let dir = around.out.join("observer");
        let config = Config {
            bundle: adopted.bundle().hash().to_owned(),
            data: around.data.clone(),
            sets: sets.clone(),
            experiment: self.clone(),
        };
        let run = RunDir::open(&dir, &config, true)?;
        if RunDir::is_finished(&dir) {
            return Ok(());
        }
        let lesson = Lesson {
            data: &around.data,
            sets,
            seed: self.seed,
            training: &self.observer,
            backbone: around.backbone.as_deref(),
            validated: PICTURES,
        };
        let best = lesson.train(observed, &run, whole(&dir), device)?;
        log::info!("observer: best mean AP on pasted things {best:.4}");
        Ok(())
    }

    fn fuse(
        &self,
        observed: &Observed,
        around: &Surroundings,
        sets: &BTreeMap<String, SetFile>,
        device: Device,
    ) -> anyhow::Result<()> {
        let path = around.out.join("fusion.json");
        if path.exists() {
            return Ok(());
        }
        log::info!("joins the observer with the energy");
        let cutouts = self.cutouts(around);
        let fitted_on = fusion_set(&around.data, sets, &cutouts, PICTURES)?;
        let mut validation = ValidationSet::all(&around.data, sets, &cutouts, 7)?;
        validation.values_mut().for_each(|set| set.thin(PICTURES));
        let observer = load_observer(observed.observer(), &around.out.join("observer"), device)?;
        choose_fusion(&path, observed, &observer, &fitted_on, &validation, device)
    }

    fn write_card(&self, adopted: &Adopted, around: &Surroundings) -> anyhow::Result<()> {
        let path = around.out.join("bundle/card.md");
        let origin = adopted.bundle().path().join("card.md");
        let mut text = match origin.is_file() {
            true => fs::read_to_string(origin)?,
            false => format!("# {}\n", adopted.bundle().manifest().name),
        };
        let schedule = self.observer.schedule;
        let attacks = match self.observer.attacked {
            0 => "none of them attacked".to_owned(),
            n => format!(
                "{n} of a batch attacked within random shapes, by the gradient of the network"
            ),
        };
        write!(
            text,
            "\n## The observer\nTrained by `lookout-train observer` for the segmentation network of this bundle, which stayed as \
             it was: {} steps of {} samples of the sets {}; {attacks}. It tells where the network is wrong by the \
             labels, and things that no class describes: cut-outs, textures and corruptions were pasted. Of what is \
             pasted below, no class was pasted while training.\n",
            schedule.steps,
            schedule.batch,
            self.sets.join(", "),
        )?;
        for line in notes(adopted) {
            writeln!(text, "- {line}")?;
        }
        if adopted.shown().backbone {
            text.push_str(
                "- the observer has a backbone of its own, EfficientNet-Lite0, which began with ImageNet weights (Apache-2.0)\n",
            );
        }
        text.push_str(&tables(&around.out.join("evaluation"))?);
        fs::write(&path, text).with_context(|| format!("cannot write {}", path.display()))
    }
}

/// What the training takes a network for.
fn notes(adopted: &Adopted) -> Vec<String> {
    let classes = adopted.bundle().manifest().classes.get_ref();
    let names: Vec<&str> = classes.iter().map(|class| class.name.as_str()).collect();
    let mut lines = counterparts::describe(&names);
    let names = &adopted.bundle().manifest().segmentation.activations;
    let seen = names.iter().zip(&adopted.shown().activations);
    let seen: Vec<String> = seen
        .map(|(name, (stride, planes))| format!("{name} ({planes} planes at stride {stride})"))
        .collect();
    lines.push(match seen.is_empty() {
        true => "the observer sees the picture and the logits; the bundle names no activations"
            .to_owned(),
        false => format!(
            "the observer sees the picture, the logits, {}",
            seen.join(", ")
        ),
    });
    lines
}

/// The scores in the order of the card.
const SCORES: [&str; 5] = ["observer", "softmax", "max-logit", "entropy", "energy"];

/// AP, AUROC and FPR95 of all scores on all sets.
fn tables(evaluation: &Path) -> anyhow::Result<String> {
    let mut reports = BTreeMap::new();
    for entry in fs::read_dir(evaluation)? {
        let path = entry?.path();
        let name = path.file_stem().unwrap_or_default().to_string_lossy();
        let report: Value = serde_json::from_str(&fs::read_to_string(&path)?)?;
        reports.insert(name.into_owned(), report["anomaly"].clone());
    }
    Ok(table(&reports))
}

fn table(reports: &BTreeMap<String, Value>) -> String {
    let mut text = String::from(
        "\nAP / AUROC / FPR95 of pixels, anomalies positive, pooled over a set, by `lookout evaluate`:\n\n| set |",
    );
    for score in SCORES {
        text += &format!(" {score} |");
    }
    text += "\n|---|";
    text += &"---|".repeat(SCORES.len());
    for (set, scores) in reports {
        text += &format!("\n| {set} |");
        for score in SCORES {
            let figure = |name: &str| match scores[score][name].as_f64() {
                Some(figure) => format!("{figure:.3}"),
                None => "-".to_owned(),
            };
            let all = ["ap", "auroc", "fpr95"].map(figure);
            text += &format!(" {} |", all.join(" / "));
        }
    }
    text + "\n"
}

/// A copy of the bundle with the observer, and without thresholds.
fn export(adopted: &Adopted, around: &Surroundings) -> anyhow::Result<()> {
    let (from, out) = (adopted.bundle().path(), around.out.join("bundle"));
    if out.join("model.toml").exists() {
        return Ok(());
    }
    let graph = adopted.shown().observer();
    let names = adopted.names(&graph)?;
    let observer = load_observer(graph, &around.out.join("observer"), Device::Cpu)?;
    chosen_fusion(&around.out.join("fusion.json"))?.write(&observer);
    let size = adopted
        .fixed()
        .map(|fixed| [fixed.height, fixed.width].map(i64::from));
    let bytes = renamed(&export_at(&observer, &[OBSERVER], size)?, &names, &out)?;
    fs::create_dir_all(&out)?;
    for entry in fs::read_dir(from)? {
        let path = entry?.path();
        let name = path.file_name().unwrap_or_default().to_owned();
        if path.is_file() && name != "model.toml" && name != "card.md" {
            fs::copy(&path, out.join(name))?;
        }
    }
    fs::write(out.join("observer.onnx"), &bytes)?;
    let manifest = fs::read_to_string(from.join("model.toml"))?;
    let manifest = with_observer(&manifest, &sha256(&bytes));
    // last: a bundle without it is none
    fs::write(out.join("model.toml"), manifest)?;
    Bundle::load(&out).context("the bundle that was written is wrong")?;
    Ok(())
}

/// The graph with the names that the bundle has for its inputs.
fn renamed(bytes: &[u8], names: &[(String, String)], path: &Path) -> anyhow::Result<Vec<u8>> {
    let mut model = load::decode(bytes, path)?;
    let change = |name: &mut String| {
        if let Some((_, theirs)) = names.iter().find(|(own, _)| own == name) {
            name.clone_from(theirs);
        }
    };
    if let Some(graph) = &mut model.graph {
        graph
            .input
            .iter_mut()
            .for_each(|input| change(&mut input.name));
        let nodes = graph.node.iter_mut();
        nodes.for_each(|node| node.input.iter_mut().for_each(change));
    }
    Ok(model.bytes())
}

/// The manifest with this observer, in place of one that it had, and of its thresholds.
fn with_observer(manifest: &str, hash: &str) -> String {
    let observer = format!(
        "[observer]\nfile = \"observer.onnx\"\nsha256 = \"{hash}\"\noutput = \"{OBSERVER}\"\n\n"
    );
    let (mut text, mut dropped, mut written) = (String::new(), false, false);
    for line in manifest.lines() {
        let table = line.trim_start();
        if table.starts_with('[') {
            dropped = ["[observer", "[[threshold"]
                .iter()
                .any(|name| table.starts_with(name));
            if !written && (table.starts_with("[[class") || table.starts_with("[provenance")) {
                text += &observer;
                written = true;
            }
        }
        if !dropped {
            text += line;
            text.push('\n');
        }
    }
    if !written {
        text += &format!("\n{observer}");
    }
    text
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn an_observer_takes_the_place_of_the_former_one_and_of_its_thresholds() {
        let before = "format = 1\n\n[segmentation]\nfile = \"s\"\n\n[observer]\nfile = \"old\"\n\n[provenance]\ndata = \"d\"\n\n\
                      [[class]]\nname = \"a\"\n\n[[threshold]]\nscore = \"energy\"\nfpr1 = 0.5\n";
        let after = with_observer(before, "abc");
        let table: toml::Table = toml::from_str(&after).unwrap();
        assert_eq!(table["observer"]["file"].as_str(), Some("observer.onnx"));
        assert_eq!(table["observer"]["sha256"].as_str(), Some("abc"));
        assert!(!table.contains_key("threshold"));
        for kept in ["format", "segmentation", "provenance", "class"] {
            assert!(table.contains_key(kept), "{kept} is lost:\n{after}");
        }
        assert_eq!(with_observer(&after, "abc"), after);
    }

    #[test]
    fn the_card_has_a_row_a_set_and_a_column_a_score() {
        let scores = json!({
            "observer": {"ap": 0.5, "auroc": 0.9, "fpr95": 0.25},
            "energy": {"ap": 0.125, "auroc": 0.75, "fpr95": null},
        });
        let text = table(&BTreeMap::from([("pasted-x".to_owned(), scores)]));
        let row = text.lines().last().unwrap();
        assert!(
            row.starts_with("| pasted-x | 0.500 / 0.900 / 0.250 | - / - / - |"),
            "{row}"
        );
        assert!(row.ends_with("| 0.125 / 0.750 / - |"), "{row}");
    }
}
