//! Training the segmentation network.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use lookout::evaluate::Confusion;
use lookout_scene::Anomaly;
use serde::{Deserialize, Serialize};
use serde_json::json;
use tch::{Device, Kind, Tensor, no_grad};

use super::loss::{class_weights, jaccard, labelled_entropy, taught_entropy};
use super::prior::Prior;
use super::schedule::{Place, Schedule, Trainee, train};
use super::{RunDir, normalise, to_size};
use crate::data::{
    AugmentConfig, Batch, CHOICES, CLASSES, LabelKind, Mixture, Picture, Rendering, SetFile,
    TrainingSet, VOID, augment_all, rendered, sample_rng,
};
use crate::nets::{AUXILIARY, BACKBONE_PREFIX, Design, LOGITS, load_backbone};
use crate::torch::{Checkpoint, Mode, Network, channels_last};

/// Everything that decides a run; saved beside it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct SegmentationConfig {
    /// Which network.
    pub design: Design,
    /// Folder of all data.
    pub data: PathBuf,
    /// The data sets by name.
    pub sets: BTreeMap<String, SetFile>,
    /// Seed of weights and data.
    pub seed: u64,
    /// What an experiment says of it.
    pub training: SegmentationTraining,
}

/// `[segmentation]` of an experiment.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SegmentationTraining {
    /// How long and how fast.
    pub schedule: Schedule,
    /// Size of a sample.
    pub sample: AugmentConfig,
    /// Smaller samples in the first steps: most of what is learnt there costs less so.
    pub beginning: Option<Beginning>,
    /// Rendered drives to draw from.
    pub rendering: Rendering,
    /// Share of rendered samples, relative to the sets' weights.
    pub rendered_weight: f64,
    /// The backbone learns at this share of the rate.
    pub backbone_rate: f64,
    /// Weight of the auxiliary losses at 1/8 and 1/16.
    pub auxiliary: f64,
    /// Weight of the soft Jaccard loss, which counts each class alike.
    pub jaccard: f64,
    /// A larger network to learn from, beside the labels. Layers as large as its own begin with its weights.
    pub teacher: Option<Teacher>,
    /// Folder of a finished experiment of the same networks whose weights these begin with, instead of those
    /// of the teacher or of the backbone's file.
    pub start: Option<PathBuf>,
}

/// A finished run whose networks teach smaller ones.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Teacher {
    /// Which networks.
    pub design: Design,
    /// Folder of the experiment's run.
    pub run: PathBuf,
    /// Weight of what it says, beside the labels.
    pub weight: f64,
}

/// The first steps of a run.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Beginning {
    /// How many.
    pub steps: usize,
    /// Size of a sample in them.
    pub sample: AugmentConfig,
}

/// Seeds of rendered training drives start here; validation and demo use others.
pub(crate) const RENDER_TRAINING_SEED: u64 = 1_000_000;
/// Seeds of rendered validation drives.
pub(crate) const RENDER_VALIDATION_SEED: u64 = 2_000_000;
/// Scales of rendered frames.
pub(super) const RENDERED_SCALE: (f32, f32) = (0.7, 1.6);
/// Most pictures of a set that are validated on while training; spread over it.
const VALIDATED: usize = 100;

/// Trains, or goes on with, a run; returns its best figure: the mean of the mIoU of the sets'
/// validation parts.
///
/// # Errors
/// Where data or the run's folder cannot be read or written.
pub fn train_segmentation(
    config: &SegmentationConfig,
    backbone: Option<&Path>,
    place: Place<'_>,
    device: Device,
) -> anyhow::Result<f64> {
    let run = RunDir::open(place.dir, config, place.resume)?;
    let training = config.training.clone();
    let mut validation = BTreeMap::new();
    let mut sets = vec![];
    for (name, file) in &config.sets {
        sets.push(file.load(&config.data)?);
        if let Some(part) = &file.validation {
            validation.insert(name.clone(), spread(part.load(&config.data)?, VALIDATED));
        }
    }
    let made_validation = Rendering {
        drives: 24,
        frames: 1,
    };
    let made_validation = rendered(RENDER_VALIDATION_SEED, made_validation, Anomaly::None)?;
    let weights = class_weights(&sets).to(device);
    if training.rendered_weight > 0.0 {
        sets.push(TrainingSet {
            weight: training.rendered_weight,
            scale: RENDERED_SCALE,
            kind: LabelKind::Plain,
            pictures: rendered(RENDER_TRAINING_SEED, training.rendering, Anomaly::None)?,
        });
    }
    let count: usize = sets.iter().map(|s| s.pictures.len()).sum();
    log::info!("{count} pictures in {} sets", sets.len());

    tch::manual_seed(config.seed as i64);
    let network = Network::new(config.design.segmentation(CLASSES), device);
    let teacher = match &training.teacher {
        Some(t) => {
            let network = load_segmentation(t.design, &t.run.join("segmentation"), device)?;
            Some((network, t.weight))
        }
        None => None,
    };
    if let Some(run) = &training.start {
        Checkpoint::new(&run.join("segmentation"), "best").load_average(&network)?;
    } else if let Some((teacher, _)) = &teacher {
        network.borrow_from(teacher);
    } else {
        let path = backbone.ok_or_else(|| {
            anyhow::anyhow!("the backbone's weights are missing: run `. train/setup.sh`")
        })?;
        load_backbone(&network, path)?;
    }
    let mut trainee = Trainee::new(network, &training.schedule);
    trainee
        .optimiser
        .slow_down(BACKBONE_PREFIX, training.backbone_rate);

    let mixture = Mixture::new(sets);
    let (seed, batch) = (config.seed, training.schedule.batch);
    let (later, beginning) = (training.sample, training.beginning);
    let samples = move |step| {
        let size = match beginning {
            Some(first) if step < first.steps => first.sample,
            _ => later,
        };
        let sample = |j: usize| {
            let mut rng = sample_rng(seed, step, j);
            let (set, picture) = mixture.draw(&mut rng);
            augment_all(picture, &size, set.scale, &mut rng)
        };
        (0..batch).map(sample).collect()
    };
    let loss = |network: &Network, batch: &Batch, _| {
        let image = channels_last(&normalise(&batch.image.to(device)));
        let out = network.forward(&[("image", &image)], Mode::Train)?;
        let mut loss = labelled_loss(&out, &batch.label.to(device), &weights, &training);
        if let Some((teacher, weight)) = &teacher {
            let taught = no_grad(|| teacher.forward(&[("image", &image)], Mode::Evaluate))?;
            loss += taught_entropy(&out[LOGITS], &taught[LOGITS]) * *weight;
        }
        Ok(loss)
    };
    let validate = |average: &crate::torch::Average| {
        let judge = Network::new(config.design.segmentation(CLASSES), device);
        judge.load(average.values())?;
        let mut figures = BTreeMap::new();
        for (name, pictures) in &validation {
            figures.insert(name.as_str(), validate(&judge, pictures, device)?);
        }
        let mean = figures.values().sum::<f64>() / figures.len().max(1) as f64;
        let made = validate(&judge, &made_validation, device)?;
        Ok((mean, json!({"miou": figures, "miou_rendered": made})))
    };
    train(
        &config.training.schedule,
        &run,
        place,
        trainee,
        samples,
        loss,
        validate,
    )
}

/// At most `count` pictures, evenly spread.
pub(super) fn spread(pictures: Vec<Picture>, count: usize) -> Vec<Picture> {
    let every = pictures.len().div_ceil(count).max(1);
    pictures.into_iter().step_by(every).collect()
}

/// What the labels say of the network's outputs.
fn labelled_loss(
    out: &BTreeMap<String, Tensor>,
    label: &Tensor,
    weights: &Tensor,
    training: &SegmentationTraining,
) -> Tensor {
    let size = label.size();
    let classes_last = |logits: &Tensor| logits.permute([0, 2, 3, 1]);
    let entropy = |logits: &Tensor, label: &Tensor| {
        let logp = classes_last(logits).log_softmax(3, Kind::Float);
        labelled_entropy(&logp, label, weights, &CHOICES)
    };
    let logits = &out[LOGITS];
    let mut loss = entropy(&to_size(logits, size[1], size[2]), label);
    if training.jaccard > 0.0 {
        let half = label.slice(1, 1, size[1], 2).slice(2, 1, size[2], 2);
        let logits = to_size(logits, size[1] / 2, size[2] / 2);
        loss += jaccard(&classes_last(&logits).softmax(3, Kind::Float), &half) * training.jaccard;
    }
    if training.auxiliary > 0.0 {
        // both auxiliary heads are judged at 1/8, on every eighth label
        let coarse = label.slice(1, 4, size[1], 8).slice(2, 4, size[2], 8);
        for name in AUXILIARY {
            let logits = to_size(&out[name], size[1] / 8, size[2] / 8);
            loss += entropy(&logits, &coarse) * (training.auxiliary / 2.0);
        }
    }
    loss
}

/// Mean IoU over the pictures, with labels at their own size and the network at the nearest
/// multiple of 32 to the size of use.
///
/// # Errors
/// Where libtorch refuses.
pub fn validate(network: &Network, pictures: &[Picture], device: Device) -> anyhow::Result<f64> {
    let mut confusion = Confusion::new(CLASSES as usize, Some(VOID))?;
    for p in pictures {
        let image = to_input(p).to(device);
        let out = no_grad(|| network.forward(&[("image", &image)], Mode::Evaluate))?;
        let (h, w) = (p.height as i64, p.width as i64);
        let predicted = to_size(&out[LOGITS], h, w)
            .argmax(1, false)
            .to_kind(Kind::Uint8);
        let predicted: Vec<u8> = predicted.flatten(0, -1).try_into()?;
        // a label of several classes counts for none
        let label: Vec<u8> = p.label.iter().map(|&l| l.min(VOID)).collect();
        confusion.add_slice(&predicted, &label)?;
    }
    Ok(confusion.metrics().miou.unwrap_or(0.0))
}

/// The picture as a normalised [1, 3, H, W] batch at the size of use: [`crate::data::FULL_HEIGHT`]
/// rows and the columns that keep the aspect, in multiples of 32.
pub(crate) fn to_input(p: &Picture) -> Tensor {
    channels_last(&normalise(&to_rows(p)))
}

/// [`to_input`], 0..=1.
pub(super) fn to_rows(p: &Picture) -> Tensor {
    let rows = crate::data::FULL_HEIGHT as f64;
    let columns = rows * p.width as f64 / p.height as f64;
    let size = [rows as i64, ((columns / 32.0).round() as i64 * 32).max(32)];
    colours(p, size)
}

/// The picture as a [1, 3, H, W] batch of 0..=1 of that height and width.
pub(super) fn colours(p: &Picture, size: [i64; 2]) -> Tensor {
    let (h, w) = (p.height as i64, p.width as i64);
    let image = Tensor::from_slice(&p.rgb)
        .reshape([1, h, w, 3])
        .permute([0, 3, 1, 2]);
    let image = image.to_kind(Kind::Float) / 255.0;
    if size == [h, w] {
        image
    } else {
        image.internal_upsample_bilinear2d_aa(size, false, None, None)
    }
}

/// The segmentation network of a run, frozen, with the averaged weights of its best step and, where
/// it was fitted, the [`Prior`] of the classes.
///
/// # Errors
/// Where the checkpoint is missing or of another network.
pub fn load_segmentation(design: Design, run: &Path, device: Device) -> anyhow::Result<Network> {
    let mut network = Network::new(design.segmentation(CLASSES), device);
    Checkpoint::new(run, "best").load_average(&network)?;
    if let Some(prior) = Prior::read(run)? {
        prior.apply(&network);
    }
    network.freeze();
    Ok(network)
}
