//! Training the segmentation network.

use std::path::{Path, PathBuf};
use std::time::Instant;

use indicatif::{ProgressBar, ProgressStyle};
use lookout::evaluate::Confusion;
use lookout_scene::Anomaly;
use rand::RngExt;
use serde::{Deserialize, Serialize};
use serde_json::json;
use tch::{Device, Kind, Reduction, Tensor, no_grad};

use super::{EpochRecord, Progress, RunDir, normalise, poly_rate, to_size};
use crate::data::{
    AugmentConfig, CLASSES, Picture, Prefetch, VOID, augment, camvid, epoch_order, rendered,
    sample_rng,
};
use crate::nets::{self, AUXILIARY, LOGITS};
use crate::torch::{AdamW, Average, Mode, Network, channels_last};

/// Everything that decides a run; saved beside it.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct SegmentationConfig {
    /// Folder with CamVid's `train` and `val`.
    pub camvid: PathBuf,
    /// Passes over CamVid's training frames.
    pub epochs: usize,
    /// Samples a step.
    pub batch: usize,
    /// Of these, rendered ones.
    pub rendered_per_batch: usize,
    /// Rendered drives to draw from, six frames of each.
    pub rendered_drives: usize,
    /// Highest learning rate.
    pub rate: f64,
    /// Decoupled weight decay.
    pub decay: f64,
    /// Weight of the auxiliary loss at 1/16.
    pub auxiliary: f64,
    /// Augmentation.
    pub augment: AugmentConfig,
    /// Seed of weights and data.
    pub seed: u64,
    /// Epochs between validations.
    pub validate_every: usize,
    /// Convolutions in bfloat16.
    pub half: bool,
}

/// Seeds of rendered training drives start here; validation and demo use others.
pub(super) const RENDER_TRAINING_SEED: u64 = 1_000_000;
/// Seeds of rendered validation drives.
pub(super) const RENDER_VALIDATION_SEED: u64 = 2_000_000;

/// Trains, or goes on with, a run in `dir`; returns the best validation mIoU on CamVid. With
/// `max_steps` it stops there, to be resumed: the schedule stays that of the whole run.
///
/// # Errors
/// Where data or the run's folder cannot be read or written.
pub fn train_segmentation(
    config: &SegmentationConfig,
    dir: &Path,
    resume: bool,
    max_steps: Option<usize>,
    device: Device,
) -> anyhow::Result<f64> {
    let run = RunDir::open(dir, config, resume)?;
    let only = |v: Vec<(String, Picture)>| v.into_iter().map(|(_, p)| p).collect::<Vec<_>>();
    let real = only(camvid(&config.camvid.join("train"))?);
    let validation = only(camvid(&config.camvid.join("val"))?);
    let made = rendered(
        RENDER_TRAINING_SEED,
        config.rendered_drives,
        6,
        Anomaly::None,
    )?;
    let made_validation = rendered(RENDER_VALIDATION_SEED, 6, 4, Anomaly::None)?;
    log::info!("{} real and {} rendered frames", real.len(), made.len());

    tch::manual_seed(config.seed as i64);
    let mut network = Network::new(nets::segmentation(CLASSES), device);
    network.set_half(config.half);
    let mut optimiser = AdamW::new(&network, config.decay);
    let mut average = Average::new(&network);
    let weights = class_weights(&real).to(device);

    let fresh = config.batch - config.rendered_per_batch.min(config.batch);
    let steps_per_epoch = real.len() / fresh.max(1);
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
    let batches = {
        let (config, seed) = (config.clone(), config.seed);
        Prefetch::new(progress.step, last_step, move |step| {
            let (epoch, within) = (step / steps_per_epoch, step % steps_per_epoch);
            let order = epoch_order(seed, epoch, real.len());
            let sample = |j: usize| {
                let mut rng = sample_rng(seed, epoch, within * config.batch + j);
                let picture = if j < fresh {
                    &real[order[within * fresh + j]]
                } else {
                    &made[rng.random_range(0..made.len())]
                };
                augment(picture, &config.augment, &mut rng)
            };
            (0..config.batch).map(sample).collect()
        })
    };

    let bar = progress_bar(last_step, progress.step);
    let began = Instant::now();
    let (mut loss_sum, mut loss_count) = (0.0, 0);
    for batch in batches {
        let rate = poly_rate(config.rate, progress.step, total, 150);
        let image = channels_last(&normalise(&batch.image.to(device)));
        let loss = loss(
            &network,
            &image,
            &batch.label.to(device),
            &weights,
            config.auxiliary,
        )?;
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
            let judge = Network::new(nets::segmentation(CLASSES), device);
            judge.load(average.values())?;
            let miou = validate(&judge, &validation, device)?;
            let made_miou = validate(&judge, &made_validation, device)?;
            record.validation = Some(json!({"miou_camvid": miou, "miou_rendered": made_miou}));
            bar.println(format!(
                "epoch {} loss {:.3} mIoU CamVid {miou:.4} rendered {made_miou:.4}",
                progress.epoch, record.loss
            ));
            if progress.best.is_none_or(|b| miou > b) {
                (progress.best, progress.best_epoch) = (Some(miou), progress.epoch);
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
        "best_miou_camvid": progress.best, "best_epoch": progress.best_epoch,
        "epochs": progress.epoch, "steps": progress.step,
        "seconds_since_start_or_resume": began.elapsed().as_secs_f64(),
    }))?;
    Ok(progress.best.unwrap_or(0.0))
}

fn loss(
    network: &Network,
    image: &Tensor,
    label: &Tensor,
    weights: &Tensor,
    auxiliary: f64,
) -> anyhow::Result<Tensor> {
    let size = label.size();
    let out = network.forward(&[("image", image)], Mode::Train)?;
    let entropy = |logits: &Tensor, label: &Tensor| {
        logits.cross_entropy_loss(label, Some(weights), Reduction::Mean, i64::from(VOID), 0.0)
    };
    let main = entropy(&to_size(&out[LOGITS], size[1], size[2]), label);
    if auxiliary == 0.0 {
        return Ok(main);
    }
    // the auxiliary head is judged at 1/8, on every eighth label
    let coarse = label.slice(1, 4, size[1], 8).slice(2, 4, size[2], 8);
    let aux = entropy(&to_size(&out[AUXILIARY], size[1] / 8, size[2] / 8), &coarse);
    Ok(main + aux * auxiliary)
}

/// ENet's class weights, 1 / ln(1.1 + share), scaled to a mean of one over the pixels.
fn class_weights(pictures: &[Picture]) -> Tensor {
    let mut counts = [0f64; CLASSES as usize];
    for id in pictures
        .iter()
        .flat_map(|p| &p.label)
        .filter(|&&id| id < VOID)
    {
        counts[*id as usize] += 1.0;
    }
    let total: f64 = counts.iter().sum();
    let share = counts.map(|c| c / total.max(1.0));
    let weight = share.map(|p| 1.0 / (1.1 + p).ln());
    let mean: f64 = weight.iter().zip(share).map(|(w, p)| w * p).sum();
    Tensor::from_slice(&weight.map(|w| (w / mean) as f32))
}

/// Mean IoU over the pictures, with labels at their own size and the network at the nearest
/// multiple of 32.
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
        confusion.add_slice(&predicted, &p.label)?;
    }
    Ok(confusion.metrics().miou.unwrap_or(0.0))
}

/// The picture as a normalised [1, 3, H, W] batch, H and W rounded down to multiples of 32.
pub(crate) fn to_input(p: &Picture) -> Tensor {
    let (h, w) = (p.height as i64, p.width as i64);
    let image = Tensor::from_slice(&p.rgb)
        .reshape([1, h, w, 3])
        .permute([0, 3, 1, 2]);
    let image = image.to_kind(Kind::Float) / 255.0;
    let size = [(h / 32 * 32).max(32), (w / 32 * 32).max(32)];
    let sized = if size == [h, w] {
        image
    } else {
        image.internal_upsample_bilinear2d_aa(size, false, None, None)
    };
    channels_last(&normalise(&sized))
}

/// The segmentation network of a finished run, frozen, with its averaged weights.
///
/// # Errors
/// Where the checkpoint is missing or of another network.
pub fn load_segmentation(run: &Path, device: Device) -> anyhow::Result<Network> {
    let mut network = Network::new(nets::segmentation(CLASSES), device);
    crate::torch::Checkpoint::new(run, "best").load_average(&network)?;
    network.freeze();
    Ok(network)
}

pub(super) fn progress_bar(total: usize, done: usize) -> ProgressBar {
    let bar = ProgressBar::new(total as u64).with_position(done as u64);
    let style = ProgressStyle::with_template("{wide_bar} {pos}/{len} steps, {per_sec}, ETA {eta}");
    if let Ok(style) = style {
        bar.set_style(style);
    }
    bar.reset_eta();
    bar
}

#[cfg(test)]
mod tests {
    use super::*;

    fn picture(label: Vec<u8>) -> Picture {
        let n = label.len();
        Picture {
            width: n,
            height: 1,
            rgb: vec![0; 3 * n],
            label,
            outlier: vec![0; n],
        }
    }

    fn weights(pictures: &[Picture]) -> Vec<f32> {
        class_weights(pictures).try_into().unwrap()
    }

    #[test]
    fn rare_classes_weigh_more_and_the_mean_pixel_weighs_one() {
        let w = weights(&[
            picture(vec![0; 60]),
            picture([vec![1; 30], vec![2; 10]].concat()),
        ]);
        assert_eq!(w.len(), CLASSES as usize);
        assert!(w[0] < w[1] && w[1] < w[2] && w[2] < w[3]);
        assert!(w.iter().all(|w| w.is_finite() && *w > 0.0));
        let mean = 0.6 * w[0] + 0.3 * w[1] + 0.1 * w[2];
        assert!((mean - 1.0).abs() < 1e-5, "{mean}");
    }

    #[test]
    fn void_counts_for_no_class() {
        let known = [vec![0; 60], vec![1; 40]].concat();
        let with_void = [known.clone(), vec![VOID; 500]].concat();
        assert_eq!(weights(&[picture(known)]), weights(&[picture(with_void)]));
    }
}
