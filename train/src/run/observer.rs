//! Training the observer on the failures of a frozen segmentation network and on things that no
//! class describes.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use lookout_scene::Anomaly;
use serde::{Deserialize, Serialize};
use serde_json::json;
use tch::{Device, Kind, Reduction, Tensor, no_grad};

use super::laa::{AttackConfig, attack};
use super::mined::{Mining, mine};
use super::observed::{Observed, observe};
use super::samples::{Composition, Samples};
use super::schedule::{Place, Schedule, Trainee, train};
use super::segmentation::{RENDER_TRAINING_SEED, Teacher};
use super::{RunDir, ValidationSet, to_size};
use crate::data::{
    AugmentConfig, Batch, CLASSES, CutoutSplit, FIRST_CHOICE, LabelKind, Mixture, Rendering,
    SetFile, VOID, known_things, load_cutouts, rendered,
};
use crate::graph::Graph;
use crate::nets::{BACKBONE_PREFIX, Design, LOGITS, OWN_LOGIT};
use crate::torch::{Average, Checkpoint, Mode, Network};

/// Everything that decides a run; saved beside it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ObserverConfig {
    /// Which network.
    pub design: Design,
    /// Folder of all data.
    pub data: PathBuf,
    /// The data sets by name; those with coarse labels are left out.
    pub sets: BTreeMap<String, SetFile>,
    /// Run folder of the segmentation network.
    pub segmentation: PathBuf,
    /// Seed of weights and data.
    pub seed: u64,
    /// What an experiment says of it.
    pub training: ObserverTraining,
}

/// `[observer]` of an experiment.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ObserverTraining {
    /// How long and how fast.
    pub schedule: Schedule,
    /// Size of a sample.
    pub sample: AugmentConfig,
    /// Folders with cut-out objects, relative to the data folder.
    pub cutouts: Vec<PathBuf>,
    /// Folder of pictures of rendered objects, which training alone pastes; `train/objects.sh` makes one. How often is said
    /// by [`Composition::object`].
    pub objects: Option<PathBuf>,
    /// Rendered drives with an anomaly to draw from; a third as many are without.
    pub rendering: Rendering,
    /// Hard negatives that are looked for before training begins, with `start`.
    pub mined: Option<Mining>,
    /// What samples are made of.
    pub composition: Composition,
    /// Samples of a batch that are attacked, the first.
    pub attacked: usize,
    /// The attack.
    pub attack: AttackConfig,
    /// Weight of pixels where something unknown is; small things weigh more.
    pub outlier_weight: f64,
    /// Weight of pixels that the segmentation network gets wrong.
    pub failure_weight: f64,
    /// What the observer is to say of those pixels, 0 to 1; 1 where nothing is said. Somebody else's network is wrong in
    /// many pixels, for its labels were others: at less than 1, things that no class describes stay above them.
    pub failure_target: Option<f64>,
    /// How much more a known pixel weighs that the observer is sure to be unknown: hard negatives.
    pub hard_negatives: f64,
    /// Larger networks to learn from, beside the labels.
    pub teacher: Option<Teacher>,
    /// Folder of a finished experiment of the same networks whose weights these begin with.
    pub start: Option<PathBuf>,
    /// An observer of somebody else's network gets a backbone of its own, with ImageNet weights, which learns at
    /// this share of the rate. The networks of `road` have theirs in the segmentation network.
    pub backbone_rate: Option<f64>,
}

/// Both networks of a finished run.
struct Taught {
    observed: Observed,
    observer: Network,
    weight: f64,
}

impl Taught {
    fn load(teacher: &Teacher, device: Device) -> anyhow::Result<Self> {
        let (design, run) = (teacher.design, &teacher.run);
        Ok(Self {
            observed: Observed::own(design, &run.join("segmentation"), device)?,
            observer: load_observer(design.observer(CLASSES), &run.join("observer"), device)?,
            weight: teacher.weight,
        })
    }

    /// Cross entropy of the own logit with the teacher's probability of "unknown".
    fn loss(&self, own: &Tensor, pictures: &Tensor) -> anyhow::Result<Tensor> {
        let taught = no_grad(|| -> anyhow::Result<Tensor> {
            let seen = self.observed.see(pictures)?;
            let out = observe(&self.observer, &seen, Mode::Evaluate)?;
            Ok(out[OWN_LOGIT].sigmoid())
        })?;
        let mean = Reduction::Mean;
        let each = own.binary_cross_entropy_with_logits::<Tensor>(&taught, None, None, mean);
        Ok(each * self.weight)
    }
}

/// The observer of a run, frozen, with the averaged weights of its best step.
///
/// # Errors
/// Where the checkpoint is missing or of another network.
pub fn load_observer(graph: Graph, run: &Path, device: Device) -> anyhow::Result<Network> {
    let mut network = Network::new(graph, device);
    Checkpoint::new(run, "best").load_average(&network)?;
    network.freeze();
    Ok(network)
}

/// Trains, or goes on with, a run; returns its best figure: the mean AP on pasted things of the
/// validation sets.
///
/// # Errors
/// Where data, the segmentation run or the run's folder cannot be read or written.
pub fn train_observer(
    config: &ObserverConfig,
    place: Place<'_>,
    device: Device,
) -> anyhow::Result<f64> {
    anyhow::ensure!(
        config.training.backbone_rate.is_none(),
        "the observer of this design reads the backbone of its segmentation network: remove `backbone_rate` from [observer]"
    );
    let run = RunDir::open(place.dir, config, place.resume)?;
    let observed = Observed::own(config.design, &config.segmentation, device)?;
    let lesson = Lesson {
        data: &config.data,
        sets: &config.sets,
        seed: config.seed,
        training: &config.training,
        backbone: None,
        validated: usize::MAX,
    };
    lesson.train(&observed, &run, place, device)
}

/// What an observer learns, whatever it observes.
pub(super) struct Lesson<'a> {
    pub(super) data: &'a Path,
    pub(super) sets: &'a BTreeMap<String, SetFile>,
    pub(super) seed: u64,
    pub(super) training: &'a ObserverTraining,
    /// Pretrained weights of a backbone.
    pub(super) backbone: Option<&'a Path>,
    /// Most pictures of a set that are validated on while training.
    pub(super) validated: usize,
}

impl Lesson<'_> {
    /// Trains, or goes on; returns the best figure.
    pub(super) fn train(
        &self,
        observed: &Observed,
        run: &RunDir,
        place: Place<'_>,
        device: Device,
    ) -> anyhow::Result<f64> {
        let (config, training) = (self, self.training.clone());
        let data = |path: &PathBuf| config.data.join(path);
        let folders: Vec<PathBuf> = training.cutouts.iter().map(data).collect();
        anyhow::ensure!(
            training.composition.object == 0.0 || training.objects.is_some(),
            "[observer.composition] gives objects a weight, but [observer] names no folder of them (`objects`)"
        );
        anyhow::ensure!(
            training.mined.is_none() || training.start.is_some(),
            "[observer.mined] needs an observer to mislead: name a finished run as `start`, or remove [observer.mined]"
        );
        if let Some(folder) = training.objects.as_ref().filter(|folder| !folder.is_dir()) {
            anyhow::bail!(
                "the rendered objects are not in {}: `. train/setup.sh && train/objects.sh` makes them; without them, remove \
                 `objects` from [observer] and `object` from its composition",
                folder.display()
            );
        }

        let mut sets = vec![];
        for file in config.sets.values().filter(|s| s.kind != LabelKind::Coarse) {
            sets.push(file.load(config.data)?);
        }
        let known = sets
            .iter()
            .filter(|s| s.kind == LabelKind::Plain)
            .flat_map(|s| s.pictures.iter().step_by(3))
            .flat_map(known_things)
            .collect();
        let clean = Rendering {
            drives: training.rendering.drives.div_ceil(3),
            ..training.rendering
        };
        let clean_seed = RENDER_TRAINING_SEED + 500_000;

        tch::manual_seed(config.seed as i64);
        let network = Network::new(observed.observer(), device);
        if let Some(run) = &training.start {
            Checkpoint::new(&run.join("observer"), "best").load_average(&network)?;
        }
        observed.prepare(&network, config.backbone)?;
        let mined = match training.mined {
            Some(mining) => {
                let seed = RENDER_TRAINING_SEED + 700_000;
                mine(seed, &mining, observed, &network, device)?
            }
            None => vec![],
        };
        let samples = Samples {
            mixture: Mixture::new(sets),
            // drives without an anomaly have other cars in the lane: ahead in the lane is not anomalous
            strange: rendered(RENDER_TRAINING_SEED, training.rendering, Anomaly::Training)?,
            plain: rendered(clean_seed, clean, Anomaly::None)?,
            mined,
            mined_share: training.mined.map_or(0.0, |mining| mining.share),
            cutouts: load_cutouts(&folders, CutoutSplit::Train)?,
            objects: load_cutouts(training.objects.as_slice(), CutoutSplit::Train)?,
            known,
            composition: training.composition,
            size: training.sample,
            in_use: observed.in_use(),
            batch: training.schedule.batch,
            attacked: training.attacked,
            seed: config.seed,
        };
        log::info!("{samples}");
        let mut validation = ValidationSet::all(config.data, config.sets, &folders, 7)?;
        validation
            .values_mut()
            .for_each(|set| set.thin(config.validated));

        let mut trainee = Trainee::new(network, &training.schedule);
        if let Some(share) = training.backbone_rate {
            trainee.optimiser.slow_down(BACKBONE_PREFIX, share);
        }
        let right = observed.right_classes().to(device);
        let teacher = training.teacher.as_ref();
        let teacher = teacher.map(|t| Taught::load(t, device)).transpose()?;

        let loss = |network: &Network, batch: &Batch, step: usize| {
            // the attack draws from libtorch's generator: seeded by step, so a resumed run repeats it
            tch::manual_seed(config.seed as i64 + step as i64);
            let image = attacked(observed, batch, &training, device)?;
            let seen = no_grad(|| observed.see(&image))?;
            let out = observe(network, &seen, Mode::Train)?;
            let label = batch.label.to(device);
            let size = label.size();
            let z = to_size(&out[OWN_LOGIT], size[1], size[2]).squeeze_dim(1);
            let failed = failures(&seen[LOGITS], &label, &right);
            let outlier = batch.outlier.to(device);
            let mut loss = step_loss(&z, &label, &failed, &outlier, &training);
            if let Some(teacher) = &teacher {
                loss += teacher.loss(&out[OWN_LOGIT], &image)?;
            }
            Ok(loss)
        };
        let validate = |average: &Average| {
            let judge = Network::new(observed.observer(), device);
            judge.load(average.values())?;
            let mut figures = BTreeMap::new();
            for (name, set) in &validation {
                let m = set.judge(observed, &judge, OWN_LOGIT, device)?;
                let of = |v: Option<f64>| v.unwrap_or(0.0);
                figures.insert(
                    name.as_str(),
                    json!({"auroc": of(m.auroc), "ap": of(m.ap), "fpr95": of(m.fpr95)}),
                );
            }
            let pasted = figures.iter().filter(|(name, _)| **name != "rendered");
            let aps: Vec<f64> = pasted.filter_map(|(_, f)| f["ap"].as_f64()).collect();
            let mean = aps.iter().sum::<f64>() / aps.len().max(1) as f64;
            Ok((mean, json!(figures)))
        };
        let make = move |step| samples.step(step);
        let schedule = &config.training.schedule;
        train(schedule, run, place, trainee, make, loss, validate)
    }
}

/// The batch's picture, its first samples attacked.
fn attacked(
    observed: &Observed,
    batch: &Batch,
    training: &ObserverTraining,
    device: Device,
) -> anyhow::Result<Tensor> {
    let image = batch.image.to(device);
    let n = image.size()[0];
    let count = (training.attacked as i64).min(n);
    if count == 0 {
        return Ok(image);
    }
    let shape = batch.attack.to(device).narrow(0, 0, count);
    let first = image.narrow(0, 0, count);
    let first = attack(
        |image| observed.logits(image),
        &first,
        &shape,
        &training.attack,
    )?;
    Ok(Tensor::cat(&[first, image.narrow(0, count, n - count)], 0))
}

/// Where the network's class at full size is not right for the label.
fn failures(logits: &Tensor, label: &Tensor, right: &Tensor) -> Tensor {
    let size = label.size();
    let seen = to_size(logits, size[1], size[2]).argmax(1, false);
    right.take(&(label * logits.size()[1] + seen)).logical_not()
}

/// Weighted binary cross entropy: unknown things and failures are positive, other labelled pixels
/// negative.
fn step_loss(
    z: &Tensor,
    label: &Tensor,
    failed: &Tensor,
    outlier: &Tensor,
    training: &ObserverTraining,
) -> Tensor {
    // the second choice holds animals beside people
    let unsure = i64::from(FIRST_CHOICE) + 1;
    let unlabelled = label.eq(i64::from(VOID)).logical_or(&label.eq(unsure));
    let is_outlier = outlier.gt(0.0);
    let failed = failed.logical_and(&is_outlier.logical_not());
    let negative = failed.logical_or(&is_outlier).logical_not();
    let failed = failed.to_kind(Kind::Float);
    let target = is_outlier.to_kind(Kind::Float) + &failed * training.failure_target.unwrap_or(1.0);
    let hard = z.detach().sigmoid() * training.hard_negatives + 1.0;
    let known = unlabelled.logical_not().to_kind(Kind::Float);
    let weight = outlier * training.outlier_weight
        + known
            * (failed * training.failure_weight + negative.to_kind(Kind::Float) * hard)
            * is_outlier.logical_not().to_kind(Kind::Float);
    let each = z.binary_cross_entropy_with_logits::<Tensor>(&target, None, None, Reduction::None);
    (each * &weight).sum(Kind::Float) / weight.sum(Kind::Float).clamp_min(1.0)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::run::observed::right_classes;

    const FLOAT: (Kind, Device) = (Kind::Float, Device::Cpu);

    #[test]
    fn failures_are_wrong_pixels_that_have_a_label() {
        // class 0 everywhere; labels 0, 1, void, "building or tree", then class 8 is "car or bicyclist"
        let logits = Tensor::zeros([1, CLASSES, 5, 1], FLOAT);
        let _ = logits.narrow(1, 0, 1).fill_(4.0);
        let _ = logits.narrow(1, 8, 1).narrow(2, 4, 1).fill_(9.0);
        let label = Tensor::from_slice(&[0i64, 1, 11, 15, 12]).reshape([1, 5, 1]);
        let own: Vec<Vec<u8>> = (0..CLASSES as u8).map(|class| vec![class]).collect();
        let wrong = failures(&logits, &label, &right_classes(&own)).to_kind(Kind::Int64);
        let wrong: Vec<i64> = wrong.flatten(0, -1).try_into().unwrap();
        assert_eq!(wrong, [0, 1, 0, 1, 0]);
    }

    #[test]
    fn a_class_of_others_is_right_for_what_it_means_and_never_wrong_without_a_counterpart() {
        // "rider" is bicyclist or pedestrian, the second class has no counterpart
        let right = right_classes(&[vec![10, 9], vec![]]);
        let label = Tensor::from_slice(&[9i64, 10, 3, 11, 12]).reshape([1, 5, 1]);
        for (class, expected) in [(0, [0, 0, 1, 0, 0]), (1, [0; 5])] {
            let logits = Tensor::zeros([1, 2, 5, 1], FLOAT);
            let _ = logits.narrow(1, class, 1).fill_(1.0);
            let wrong = failures(&logits, &label, &right).to_kind(Kind::Int64);
            let wrong: Vec<i64> = wrong.flatten(0, -1).try_into().unwrap();
            assert_eq!(wrong, expected, "class {class}");
        }
    }

    #[test]
    fn void_weighs_nothing_and_an_outlier_on_void_does() {
        let training: ObserverTraining =
            toml::from_str(include_str!("observer_test.toml")).unwrap();
        let loss = |z: [f32; 3], outlier: [f32; 3]| {
            let label = Tensor::from_slice(&[3i64, 11, 11]).reshape([1, 3, 1]);
            let failed = Tensor::zeros([1, 3, 1], (Kind::Bool, Device::Cpu));
            let shaped = |v: &[f32]| Tensor::from_slice(v).reshape([1, 3, 1]);
            step_loss(&shaped(&z), &label, &failed, &shaped(&outlier), &training).double_value(&[])
        };
        assert_eq!(
            loss([-2.0, 5.0, 1.0], [0.0; 3]),
            loss([-2.0, 0.0, 9.0], [0.0; 3])
        );
        let seen = loss([-9.0, 9.0, 0.0], [0.0, 3.0, 0.0]);
        let missed = loss([-9.0, -9.0, 0.0], [0.0, 3.0, 0.0]);
        assert!(seen < 0.01 && missed > 3.0, "{seen} {missed}");
    }

    #[test]
    fn a_failure_that_is_less_than_unknown_is_best_said_to_be_so() {
        let mut training: ObserverTraining =
            toml::from_str(include_str!("observer_test.toml")).unwrap();
        let loss = |training: &ObserverTraining, z: f32| {
            let label = Tensor::from_slice(&[3i64]).reshape([1, 1, 1]);
            let failed = Tensor::ones([1, 1, 1], (Kind::Bool, Device::Cpu));
            let known = Tensor::zeros([1, 1, 1], FLOAT);
            let z = Tensor::from_slice(&[z]).reshape([1, 1, 1]);
            step_loss(&z, &label, &failed, &known, training).double_value(&[])
        };
        assert!(loss(&training, 9.0) < loss(&training, 0.0));
        training.failure_target = Some(0.25);
        // the logit of a quarter
        let best = loss(&training, -1.0986);
        assert!(best < loss(&training, -1.5) && best < loss(&training, -0.7));
    }
}
