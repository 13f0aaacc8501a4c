//! Training the observer on the failures of a frozen segmentation network and on things that no
//! class describes.

use std::path::{Path, PathBuf};
use std::time::Instant;

use lookout_scene::Anomaly;
use rand::RngExt;
use serde::{Deserialize, Serialize};
use serde_json::json;
use tch::{Device, Kind, Reduction, Tensor, no_grad};

use super::laa::{AttackConfig, attack, failures};
use super::segmentation::{RENDER_TRAINING_SEED, progress_bar};
use super::{
    EpochRecord, Progress, RunDir, ValidationSet, load_segmentation, normalise, poly_rate, to_size,
};
use crate::data::{
    AugmentConfig, CLASSES, Canvas, Cutout, CutoutSplit, Match, Picture, Prefetch, Rng,
    TextureSource, VOID, augment, camvid, epoch_order, load_cutouts, paste_cutout, paste_texture,
    random_shapes, rendered, sample_rng,
};
use crate::nets::{self, ACTIVATIONS, LOGITS};
use crate::torch::{AdamW, Average, Mode, Network, channels_last};

/// Everything that decides a run; saved beside it.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct ObserverConfig {
    /// Run folder of the segmentation network.
    pub segmentation: PathBuf,
    /// Folder with CamVid's `train` and `val`.
    pub camvid: PathBuf,
    /// Folder with cut-out objects.
    pub cutouts: PathBuf,
    /// Passes over CamVid's training frames.
    pub epochs: usize,
    /// Samples a step.
    pub batch: usize,
    /// Of these, rendered ones with a rendered anomaly.
    pub rendered_per_batch: usize,
    /// Rendered drives to draw from, eight frames of each.
    pub rendered_drives: usize,
    /// Of the real ones, how many get an adversarial attack.
    pub attacked_per_batch: usize,
    /// Of the real ones, how many (the last) get something pasted.
    pub pasted_per_batch: usize,
    /// The attack.
    pub attack: AttackConfig,
    /// Smallest and largest radius of attacked shapes, in pixels.
    pub shape_radius: (f32, f32),
    /// Most shapes of one attack.
    pub shapes: usize,
    /// Share of pastes that are cut-outs; the rest are textures.
    pub cutout_share: f64,
    /// Weight of positive pixels in the loss.
    pub positive_weight: f64,
    /// Highest learning rate.
    pub rate: f64,
    /// Decoupled weight decay.
    pub decay: f64,
    /// Augmentation.
    pub augment: AugmentConfig,
    /// Seed of weights and data.
    pub seed: u64,
    /// Epochs between validations.
    pub validate_every: usize,
    /// Convolutions in bfloat16.
    pub half: bool,
}

/// The observer's logits of a normalised batch.
pub(super) fn observe(
    segmentation: &Network,
    observer: &Network,
    normalised: &Tensor,
    mode: Mode,
) -> anyhow::Result<Tensor> {
    let out = no_grad(|| segmentation.forward(&[("image", normalised)], Mode::Evaluate))?;
    observe_with(observer, normalised, &out, mode)
}

fn observe_with(
    observer: &Network,
    normalised: &Tensor,
    seen: &std::collections::BTreeMap<String, Tensor>,
    mode: Mode,
) -> anyhow::Result<Tensor> {
    let mut inputs = vec![("image", normalised), (LOGITS, &seen[LOGITS])];
    inputs.extend(ACTIVATIONS.iter().map(|&(name, _, _)| (name, &seen[name])));
    let mut out = observer.forward(&inputs, mode)?;
    out.remove("observer")
        .ok_or_else(|| anyhow::anyhow!("the observer graph has no output observer"))
}

/// The observer of a finished run, frozen, with its averaged weights.
///
/// # Errors
/// Where the checkpoint is missing or of another network.
pub fn load_observer(run: &Path, device: Device) -> anyhow::Result<Network> {
    let mut network = Network::new(nets::observer(CLASSES), device);
    crate::torch::Checkpoint::new(run, "best").load_average(&network)?;
    network.freeze();
    Ok(network)
}

/// What the data thread draws from.
struct Source {
    real: Vec<Picture>,
    made: Vec<Picture>,
    cutouts: Vec<Cutout>,
    config: ObserverConfig,
}

impl Source {
    /// Samples of one step: the first `attacked_per_batch` real ones are attacked, the last
    /// `pasted_per_batch` pasted into (some are both), then the rendered ones.
    fn samples(&self, step: usize, steps_per_epoch: usize) -> Vec<Canvas> {
        let c = &self.config;
        let (epoch, within) = (step / steps_per_epoch, step % steps_per_epoch);
        let order = epoch_order(c.seed, epoch, self.real.len());
        let fresh = c.batch - c.rendered_per_batch;
        let sample = |j: usize| {
            let mut rng = sample_rng(c.seed, epoch, within * c.batch + j);
            if j >= fresh {
                let picture = &self.made[rng.random_range(0..self.made.len())];
                return augment(picture, &c.augment, &mut rng);
            }
            let picture = &self.real[order[within * fresh + j]];
            let mut canvas = augment(picture, &c.augment, &mut rng);
            if j >= fresh.saturating_sub(c.pasted_per_batch) {
                self.paste(&mut canvas, &mut rng);
            }
            if j < c.attacked_per_batch {
                let count = rng.random_range(1..=c.shapes.max(1));
                canvas.attack =
                    random_shapes(canvas.width, canvas.height, count, c.shape_radius, &mut rng);
            }
            canvas
        };
        (0..c.batch).map(sample).collect()
    }

    fn paste(&self, canvas: &mut Canvas, rng: &mut Rng) {
        for _ in 0..rng.random_range(1..=2) {
            if self.cutouts.is_empty() || !rng.random_bool(self.config.cutout_share) {
                let source = TextureSource {
                    pictures: &self.real,
                    cutouts: &self.cutouts,
                };
                paste_texture(canvas, source, rng);
                continue;
            }
            let cutout = &self.cutouts[rng.random_range(0..self.cutouts.len())];
            let largest = rng.random_range(18f32.ln()..=200f32.ln()).exp();
            let scaled = cutout.scaled(largest / cutout.width.max(cutout.height) as f32);
            let x = rng.random_range(0.02f32..0.98) * canvas.width as f32;
            let y = rng.random_range(0.25f32..0.98) * canvas.height as f32;
            let (flip, matching) = (rng.random_bool(0.5), Match::strong(rng));
            paste_cutout(canvas, &scaled, x as i64, y as i64, flip, &matching);
        }
    }
}

/// Trains, or goes on with, a run in `dir`; returns the best validation AUROC on pasted objects.
/// With `max_steps` it stops there, to be resumed: the schedule stays that of the whole run.
///
/// # Errors
/// Where data, the segmentation run or the run's folder cannot be read or written.
pub fn train_observer(
    config: &ObserverConfig,
    dir: &Path,
    resume: bool,
    max_steps: Option<usize>,
    device: Device,
) -> anyhow::Result<f64> {
    anyhow::ensure!(
        config.rendered_per_batch < config.batch,
        "a batch needs real frames"
    );
    let run = RunDir::open(dir, config, resume)?;
    let real: Vec<Picture> = camvid(&config.camvid.join("train"))?
        .into_iter()
        .map(|(_, p)| p)
        .collect();
    let validation = ValidationSet::camvid_pasted(&config.camvid, &config.cutouts, 7)?;
    let made_validation = ValidationSet::held_out_renders()?;
    // drives without an anomaly have other cars in the lane: ahead in the lane is not anomalous
    let mut made = rendered(
        RENDER_TRAINING_SEED,
        config.rendered_drives,
        8,
        Anomaly::Training,
    )?;
    made.extend(rendered(
        RENDER_TRAINING_SEED + 500_000,
        config.rendered_drives / 4,
        6,
        Anomaly::None,
    )?);
    let cutouts = load_cutouts(&config.cutouts, CutoutSplit::Train)?;
    log::info!(
        "{} real, {} rendered frames, {} cut-outs",
        real.len(),
        made.len(),
        cutouts.len()
    );

    let mut segmentation = load_segmentation(&config.segmentation, device)?;
    segmentation.set_half(config.half);
    tch::manual_seed(config.seed as i64);
    let mut network = Network::new(nets::observer(CLASSES), device);
    network.set_half(config.half);
    let mut optimiser = AdamW::new(&network, config.decay);
    let mut average = Average::new(&network);

    let fresh = config.batch - config.rendered_per_batch;
    let steps_per_epoch = real.len() / fresh;
    anyhow::ensure!(
        steps_per_epoch > 0,
        "a batch takes {fresh} real frames, there are {}",
        real.len()
    );
    let total = steps_per_epoch * config.epochs;
    let mut progress = Progress::default();
    if resume && run.last().exists() {
        progress = run.last().progress()?;
        run.last()
            .resume(&network, &mut optimiser, &mut average, progress.step as i64)?;
    }
    let last_step = total.min(max_steps.unwrap_or(total));
    let source = Source {
        real,
        made,
        cutouts,
        config: config.clone(),
    };
    let batches = Prefetch::new(progress.step, last_step, move |step| {
        source.samples(step, steps_per_epoch)
    });

    let bar = progress_bar(last_step, progress.step);
    let began = Instant::now();
    let (mut loss_sum, mut loss_count) = (0.0, 0);
    let positive_weight = Tensor::from(config.positive_weight as f32).to(device);
    for batch in batches {
        // the attack draws from libtorch's generator: seeded by step, so a resumed run repeats it
        tch::manual_seed(config.seed as i64 + progress.step as i64);
        let rate = poly_rate(config.rate, progress.step, total, 100);
        let label = batch.label.to(device);
        let outlier = batch.outlier.to(device);
        let attacked = config.attacked_per_batch.min(config.batch) as i64;
        let image = batch.image.to(device);
        let image = if attacked > 0 {
            let (first, rest) = (
                image.narrow(0, 0, attacked),
                image.narrow(0, attacked, image.size()[0] - attacked),
            );
            let shape = batch.attack.to(device).narrow(0, 0, attacked);
            Tensor::cat(
                &[attack(&segmentation, &first, &shape, &config.attack)?, rest],
                0,
            )
        } else {
            image
        };
        let image = channels_last(&normalise(&image));
        let seen = no_grad(|| segmentation.forward(&[("image", &image)], Mode::Evaluate))?;
        let z = observe_with(&network, &image, &seen, Mode::Train)?;
        let size = label.size();
        let z = to_size(&z, size[1], size[2]).squeeze_dim(1);
        let target = failures(&seen[LOGITS], &label)
            .logical_or(&outlier)
            .to_kind(Kind::Float);
        let counted = label
            .ne(i64::from(VOID))
            .logical_or(&outlier)
            .to_kind(Kind::Float);
        let each = z.binary_cross_entropy_with_logits(
            &target,
            None,
            Some(&positive_weight),
            Reduction::None,
        );
        let loss = (each * &counted).sum(Kind::Float) / counted.sum(Kind::Float).clamp_min(1.0);
        optimiser.step(&loss, rate);
        progress.step += 1;
        average.update(&network, progress.step as i64);
        loss_sum += loss.double_value(&[]);
        loss_count += 1;
        bar.inc(1);
        if !progress.step.is_multiple_of(steps_per_epoch) && progress.step != last_step {
            continue;
        }
        progress.epoch = progress.step / steps_per_epoch;
        let mut record = EpochRecord {
            epoch: progress.epoch,
            step: progress.step,
            rate,
            loss: loss_sum / f64::from(loss_count.max(1)),
            validation: None,
            seconds: began.elapsed().as_secs_f64(),
        };
        (loss_sum, loss_count) = (0.0, 0);
        if progress.epoch.is_multiple_of(config.validate_every) || progress.step == last_step {
            let judge = Network::new(nets::observer(CLASSES), device);
            judge.load(average.values())?;
            let (auroc, ap) = validation.judge(&segmentation, &judge, device)?;
            let (made_auroc, made_ap) = made_validation.judge(&segmentation, &judge, device)?;
            record.validation = Some(json!({
                "auroc_pasted": auroc, "ap_pasted": ap,
                "auroc_rendered": made_auroc, "ap_rendered": made_ap,
            }));
            bar.println(format!(
                "epoch {} loss {:.4} pasted AUROC {auroc:.4} AP {ap:.4} rendered AUROC {made_auroc:.4} AP {made_ap:.4}",
                progress.epoch, record.loss
            ));
            if progress.best.is_none_or(|b| auroc > b) {
                (progress.best, progress.best_epoch) = (Some(auroc), progress.epoch);
                run.best().save(&network, &optimiser, &average, &progress)?;
            }
        }
        run.last().save(&network, &optimiser, &average, &progress)?;
        run.record(&record)?;
    }
    bar.finish();
    anyhow::ensure!(
        progress.step >= last_step,
        "the data thread stopped at step {} of {last_step}",
        progress.step
    );
    run.summary(&json!({
        "best_auroc_pasted": progress.best, "best_epoch": progress.best_epoch,
        "epochs": progress.epoch, "steps": progress.step,
        "seconds_since_start_or_resume": began.elapsed().as_secs_f64(),
    }))?;
    Ok(progress.best.unwrap_or(0.0))
}
