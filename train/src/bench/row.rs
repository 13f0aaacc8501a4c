//! One row of the table: trained, fitted, judged, exported.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;
use std::time::Instant;

use anyhow::Context;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use tch::Tensor;

use super::judge::{Figures, Head, Reading};
use super::material::Material;
use super::times::Times;
use super::{Bench, Row};
use crate::data::{Batch, augment, sample_rng, weather};
use crate::methods::{Config, FrameLoss, Kind, Known, Perturbation, Seen, Step, Training};
use crate::onnx::export;
use crate::run::{BundleText, poly_rate};
use crate::torch::{AdamW, Network};

/// What a row decides by beside its name; a finished row with other values is another row.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
struct Asked {
    method: Config,
    bench: Bench,
}

/// A finished row.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(super) struct Done {
    pub(super) name: String,
    pub(super) seed: u64,
    asked: Asked,
    pub(super) reading: Reading,
    /// Names of what the head reads.
    pub(super) inputs: Vec<String>,
    /// Name of its output.
    pub(super) output: String,
    pub(super) parameters: i64,
    /// At 480x352.
    pub(super) multiply_accumulates: i64,
    /// How far pictures are moved before they are judged, where they are: no head does that.
    pub(super) perturbation: Option<f64>,
    /// Pictures that it learnt from.
    pub(super) pictures: usize,
    /// Steps of its training.
    pub(super) steps: usize,
    /// Seconds of training and fitting.
    pub(super) seconds: f64,
    pub(super) miou: Option<f64>,
    /// Of wrong pixels against right ones.
    pub(super) errors: Errors,
    /// By set: how well unknown pixels are told from known ones.
    pub(super) unknown: BTreeMap<String, Figures>,
    /// By engine; measured when all rows are there.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub(super) times: BTreeMap<String, Times>,
}

/// How well a score tells wrong pixels from right ones, which are the positives.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
pub(super) struct Errors {
    pub(super) auroc: Option<f64>,
    /// Area under the curve of precision and recall.
    pub(super) aupr: Option<f64>,
    pub(super) fpr95: Option<f64>,
}

/// Steps over which the rate rises.
const WARM_UP: usize = 20;
/// The size that costs are given at.
const SIZE: (i64, i64) = (480, 352);

impl Asked {
    /// The other rows, the seeds and the bundle decide nothing of this one.
    fn of(bench: &Bench, row: &Row) -> Self {
        let bench = Bench {
            rows: vec![],
            seeds: vec![],
            bundle: BundleText::default(),
            ..bench.clone()
        };
        Self {
            method: row.method.clone(),
            bench,
        }
    }
}

impl Done {
    /// A row without figures.
    #[cfg(test)]
    pub(super) fn named(name: &str) -> Self {
        let text = include_str!("../../../experiments/bench.toml");
        let bench: Bench = toml::from_str(text).unwrap();
        let row = Row {
            name: name.to_owned(),
            method: bench.rows[0].method.clone(),
        };
        Self {
            name: name.to_owned(),
            seed: 1,
            asked: Asked::of(&bench, &row),
            reading: Reading {
                kind: Kind::Probability,
                center: 0.0,
                scale: 1.0,
            },
            inputs: vec![],
            output: crate::methods::SCORE.to_owned(),
            parameters: 0,
            multiply_accumulates: 0,
            perturbation: None,
            pictures: 0,
            steps: 0,
            seconds: 0.0,
            miou: None,
            errors: Errors::default(),
            unknown: BTreeMap::new(),
            times: BTreeMap::new(),
        }
    }

    /// The finished row of a folder, if there is one.
    pub(super) fn read(folder: &Path, bench: &Bench, row: &Row) -> anyhow::Result<Option<Self>> {
        let path = folder.join("row.json");
        if !path.exists() {
            return Ok(None);
        }
        let text = fs::read_to_string(&path)?;
        let done: Value = serde_json::from_str(&text)?;
        let asked = serde_json::to_value(Asked::of(bench, row))?;
        anyhow::ensure!(
            done["asked"] == asked,
            "{} was made with another configuration: remove its folder to make it again, or give the \
             row another name",
            path.display()
        );
        let done = serde_json::from_value(done);
        Ok(Some(done.with_context(|| {
            format!("cannot read {}", path.display())
        })?))
    }
}

/// Makes a row, and writes `head.onnx` and, at the end, `row.json`.
pub(super) fn make(
    bench: &Bench,
    row: &Row,
    seed: u64,
    material: &Material,
    known: &Known<'_>,
    folder: &Path,
) -> anyhow::Result<()> {
    let method = row.method.method();
    let began = Instant::now();
    tch::manual_seed(seed as i64);
    let network = Network::new(method.graph(bench.design)?, material.device);
    network.borrow_from(material.segmentation());
    let steps = train(bench, method.training(), &network, known, seed)?;
    method.fit(&network, known)?;
    let frames = known
        .frames
        .iter()
        .map(|picture| known.see_picture(picture));
    let frames: Vec<Seen> = frames.collect::<anyhow::Result<_>>()?;
    let mut head = Head {
        network: &network,
        output: method.output(),
        classes: method.classes(),
        perturbed: None,
    };
    if method.is_perturbed() {
        let perturbation = Perturbation {
            segmentation: material.segmentation(),
            head: &network,
            output: method.output(),
        };
        head.perturbed = Some((perturbation, perturbation.tune(&frames)?));
    }
    let reading = match method.kind() {
        Kind::Energy => Reading::fit(Kind::Energy, head.values(&frames)?)?,
        kind => Reading {
            kind,
            center: 0.0,
            scale: 1.0,
        },
    };
    let seconds = began.elapsed().as_secs_f64();
    let clean = head.clean(&reading, &material.clean)?;
    let mut unknown = BTreeMap::new();
    for (name, pictures) in &material.unknown {
        unknown.insert(name.clone(), head.unknown(&reading, pictures)?);
    }

    let out = network.graph().find(method.output());
    let out = out.with_context(|| format!("the head has no output {}", method.output()))?;
    let graph = network.graph().with_outputs(&[out]);
    let weighed = |suffix: &str| {
        let names = graph.nodes.iter().map(|n| format!("{}.{suffix}", n.name));
        let tensors = names.filter_map(|n| network.parameters().get(&n));
        tensors.map(|t| t.numel() as i64).sum::<i64>()
    };
    let input = |id: &crate::graph::ValueId| graph.value(*id).name.clone();
    let done = Done {
        name: row.name.clone(),
        seed,
        asked: Asked::of(bench, row),
        reading,
        inputs: graph.inputs.iter().map(input).collect(),
        output: method.output().to_owned(),
        parameters: weighed("weight") + weighed("bias"),
        multiply_accumulates: graph.macs(SIZE.0, SIZE.1),
        perturbation: head.perturbed.map(|(_, epsilon)| epsilon),
        pictures: match (method.learns(), method.kind()) {
            (true, _) => material.pictures(),
            (false, Kind::Energy) => known.frames.len(),
            (false, _) => 0,
        },
        steps,
        seconds,
        miou: clean.miou,
        errors: Errors {
            auroc: clean.errors.auroc,
            aupr: clean.errors.aupr,
            fpr95: clean.errors.fpr95,
        },
        unknown,
        times: BTreeMap::new(),
    };
    fs::create_dir_all(folder).with_context(|| format!("cannot make {}", folder.display()))?;
    fs::write(
        folder.join("head.onnx"),
        export(&network, &[method.output()])?,
    )?;
    // a row is finished when this is there as a whole
    let part = folder.join("row.json.part");
    fs::write(&part, serde_json::to_string_pretty(&done)?)?;
    fs::rename(&part, folder.join("row.json"))?;
    let all = done.unknown.iter().map(|(set, f)| (set, f.ap));
    log::info!(
        "{}: AP {:?}, mIoU {:?}; {seconds:.0} s, {:.0} s with the judging",
        row.name,
        all.collect::<Vec<_>>(),
        done.miou,
        began.elapsed().as_secs_f64()
    );
    Ok(())
}

fn train(
    bench: &Bench,
    training: Training<'_>,
    network: &Network,
    known: &Known<'_>,
    seed: u64,
) -> anyhow::Result<usize> {
    let plan = &bench.training;
    let steps = match training {
        Training::None => return Ok(0),
        Training::Pixels(_) => plan.pixel_steps,
        Training::Frames(_) => plan.frame_steps,
    };
    // no weight of a head decays
    let mut optimiser = AdamW::new(network, 0.0);
    let (mut sum, every) = (0.0, steps.div_ceil(10));
    for number in 0..steps {
        let step = Step {
            number,
            of: steps,
            seed,
        };
        tch::manual_seed(((seed as i64) << 32) | number as i64);
        let loss = match training {
            Training::None => break,
            Training::Pixels(method) => method.loss(network, &known.pixels, step)?,
            Training::Frames(method) => {
                let batch = frames(bench, method, known, step);
                method.loss(network, &batch, known, step)?
            }
        };
        optimiser.step(&loss, poly_rate(plan.rate, number, steps, WARM_UP));
        sum += loss.double_value(&[]);
        if (number + 1) % every == 0 {
            log::info!("step {} loss {:.4}", number + 1, sum / every as f64);
            sum = 0.0;
        }
    }
    let finite = |t: &Tensor| t.isfinite().all().int64_value(&[]) != 0;
    anyhow::ensure!(
        network.parameters().values().all(finite),
        "the training ran away: its weights are not finite"
    );
    Ok(steps)
}

/// The batch of a step.
fn frames(bench: &Bench, method: &dyn FrameLoss, known: &Known<'_>, step: Step) -> Batch {
    let plan = &bench.training;
    let frame = |j: usize| {
        let mut rng = sample_rng(step.seed, step.number, j);
        let (set, picture) = known.scenes.mixture.draw(&mut rng);
        let mut canvas = augment(picture, &plan.sample, set.scale, &mut rng);
        method.alter(&mut canvas, &known.scenes, &mut rng);
        weather(&mut canvas, &mut rng);
        canvas
    };
    let all: Vec<_> = (0..plan.batch).map(frame).collect();
    Batch::stack(&all)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_finished_row_is_taken_again_and_one_of_another_configuration_is_refused() {
        let folder = tempfile::tempdir().unwrap();
        let text = include_str!("../../../experiments/bench.toml");
        let mut bench: Bench = toml::from_str(text).unwrap();
        let row = bench.rows[0].clone();
        assert_eq!(Done::read(folder.path(), &bench, &row).unwrap(), None);
        let done = Done::named(&row.name);
        let written = serde_json::to_string(&done).unwrap();
        fs::write(folder.path().join("row.json"), written).unwrap();
        assert_eq!(
            Done::read(folder.path(), &bench, &row).unwrap(),
            Some(done.clone())
        );
        // another row of the bench, another seed: this one stays
        bench.rows.truncate(3);
        bench.seeds.push(99);
        assert_eq!(Done::read(folder.path(), &bench, &row).unwrap(), Some(done));
        bench.judged += 1;
        let why = Done::read(folder.path(), &bench, &row)
            .unwrap_err()
            .to_string();
        assert!(
            why.contains("row.json was made with another configuration"),
            "{why}"
        );
    }
}
