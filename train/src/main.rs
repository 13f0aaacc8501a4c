//! The `lookout-train` command.

use std::path::PathBuf;

use clap::{Parser, Subcommand};
use lookout_train::data::AugmentConfig;
use lookout_train::run::{self, AttackConfig, AttackMode, ObserverConfig, SegmentationConfig};
use tch::{Cuda, Device};

/// Trains lookout's segmentation network and observer, and exports them.
#[derive(Parser)]
#[command(version)]
struct Cli {
    /// CPU threads of libtorch.
    #[arg(long, global = true, default_value_t = 2)]
    threads: i32,
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Train the segmentation network on CamVid and rendered scenes.
    Segmentation(SegmentationArgs),
    /// Train the observer of a finished segmentation network.
    Observer(ObserverArgs),
    /// Write the two networks and the manifest (without thresholds) as a bundle.
    Export(ExportArgs),
    /// Write a labelled set with held-out things in it, for `lookout calibrate` and `evaluate`.
    Set(SetArgs),
}

#[derive(clap::Args)]
struct ExportArgs {
    /// Run folder of the segmentation network.
    #[arg(long)]
    segmentation: PathBuf,
    /// Run folder of the observer.
    #[arg(long)]
    observer: PathBuf,
    /// Folder of the bundle.
    #[arg(long)]
    out: PathBuf,
}

#[derive(clap::Args)]
struct SetArgs {
    /// What to write.
    #[arg(value_enum)]
    kind: SetKind,
    /// Folder with CamVid's `train` and `val`.
    #[arg(long, default_value = "../shared/data/camvid")]
    camvid: PathBuf,
    /// Folder with cut-out objects.
    #[arg(long, default_value = "../shared/data/object_cutouts")]
    cutouts: PathBuf,
    /// Seed of places and sizes.
    #[arg(long, default_value_t = 7)]
    seed: u64,
    /// Folder to write `images`, `masks` and `labels` to.
    #[arg(long)]
    out: PathBuf,
}

#[derive(Clone, Copy, clap::ValueEnum)]
enum SetKind {
    /// CamVid val, a held-out cut-out object pasted into each frame.
    Pasted,
    /// Rendered drives with held-out anomalies.
    Rendered,
}

#[derive(clap::Args)]
struct RunArgs {
    /// Folder of the run: configuration, metrics, checkpoints, summary.
    #[arg(long)]
    run: PathBuf,
    /// Go on with the run that the folder holds.
    #[arg(long)]
    resume: bool,
    /// Folder with CamVid's `train` and `val`.
    #[arg(long, default_value = "../shared/data/camvid")]
    camvid: PathBuf,
    /// Seed of weights and data.
    #[arg(long, default_value_t = 1)]
    seed: u64,
    /// Samples a step.
    #[arg(long, default_value_t = 8)]
    batch: usize,
    /// Highest learning rate.
    #[arg(long, default_value_t = 2e-3)]
    rate: f64,
    /// Decoupled weight decay of AdamW.
    #[arg(long, default_value_t = 1e-2)]
    decay: f64,
    /// Width of a sample in pixels, a multiple of 32.
    #[arg(long, default_value_t = 480)]
    width: usize,
    /// Height of a sample in pixels, a multiple of 32.
    #[arg(long, default_value_t = 352)]
    height: usize,
    /// Convolutions in bfloat16 (needs hardware for it).
    #[arg(long)]
    bf16: bool,
    /// Epochs between validations.
    #[arg(long, default_value_t = 5)]
    validate_every: usize,
    /// Stop after so many steps; `--resume` goes on from there.
    #[arg(long)]
    max_steps: Option<usize>,
}

#[derive(clap::Args)]
struct SegmentationArgs {
    #[command(flatten)]
    run: RunArgs,
    /// Passes over CamVid's training frames.
    #[arg(long, default_value_t = 150)]
    epochs: usize,
    /// Rendered samples in a batch.
    #[arg(long, default_value_t = 2)]
    rendered: usize,
    /// Rendered drives to draw from, six frames of each.
    #[arg(long, default_value_t = 60)]
    rendered_drives: usize,
    /// Weight of the auxiliary loss.
    #[arg(long, default_value_t = 0.4)]
    auxiliary: f64,
    /// Smallest scale of the augmentation.
    #[arg(long, default_value_t = 0.6)]
    scale_min: f32,
    /// Largest scale of the augmentation.
    #[arg(long, default_value_t = 1.8)]
    scale_max: f32,
}

#[derive(clap::Args)]
struct ObserverArgs {
    #[command(flatten)]
    run: RunArgs,
    /// Run folder of the segmentation network.
    #[arg(long)]
    segmentation: PathBuf,
    /// Folder with cut-out objects.
    #[arg(long, default_value = "../shared/data/object_cutouts")]
    cutouts: PathBuf,
    /// Passes over CamVid's training frames.
    #[arg(long, default_value_t = 50)]
    epochs: usize,
    /// Rendered samples in a batch.
    #[arg(long, default_value_t = 2)]
    rendered: usize,
    /// Rendered drives with an anomaly to draw from, eight frames of each.
    #[arg(long, default_value_t = 60)]
    rendered_drives: usize,
    /// Attacked samples in a batch (the first of the real ones).
    #[arg(long, default_value_t = 3)]
    attacked: usize,
    /// Samples with something pasted in a batch (the last of the real ones).
    #[arg(long, default_value_t = 4)]
    pasted: usize,
    /// Which way attacks push.
    #[arg(long, value_enum, default_value_t = AttackMode::Min)]
    attack_mode: AttackMode,
    /// Smallest attack step, in units of 0..1 colour.
    #[arg(long, default_value_t = 0.02)]
    epsilon_min: f64,
    /// Largest attack step.
    #[arg(long, default_value_t = 0.1)]
    epsilon_max: f64,
    /// Standard deviation of the noise inside an attacked shape.
    #[arg(long, default_value_t = 0.03)]
    attack_noise: f64,
    /// Smallest radius of an attacked shape in pixels.
    #[arg(long, default_value_t = 12.0)]
    radius_min: f32,
    /// Largest radius of an attacked shape in pixels.
    #[arg(long, default_value_t = 110.0)]
    radius_max: f32,
    /// Most shapes of one attack.
    #[arg(long, default_value_t = 3)]
    shapes: usize,
    /// Share of pastes that are cut-outs; the rest are textures.
    #[arg(long, default_value_t = 0.6)]
    cutout_share: f64,
    /// Weight of positive pixels.
    #[arg(long, default_value_t = 2.0)]
    positive_weight: f64,
    /// Smallest scale of the augmentation.
    #[arg(long, default_value_t = 0.7)]
    scale_min: f32,
    /// Largest scale of the augmentation.
    #[arg(long, default_value_t = 1.8)]
    scale_max: f32,
}

fn main() -> anyhow::Result<()> {
    env_logger::Builder::from_env(env_logger::Env::default().default_filter_or("info")).init();
    let cli = Cli::parse();
    tch::set_num_threads(cli.threads);
    let device = if Cuda::is_available() {
        Device::Cuda(0)
    } else {
        Device::Cpu
    };
    match cli.command {
        Command::Segmentation(a) => {
            let config = SegmentationConfig {
                camvid: a.run.camvid.clone(),
                epochs: a.epochs,
                batch: a.run.batch,
                rendered_per_batch: a.rendered,
                rendered_drives: a.rendered_drives,
                rate: a.run.rate,
                decay: a.run.decay,
                auxiliary: a.auxiliary,
                augment: augment(&a.run, a.scale_min, a.scale_max),
                seed: a.run.seed,
                validate_every: a.run.validate_every,
                half: a.run.bf16,
            };
            let best = run::train_segmentation(
                &config,
                &a.run.run,
                a.run.resume,
                a.run.max_steps,
                device,
            )?;
            log::info!("best mIoU on CamVid val: {best:.4}");
        }
        Command::Observer(a) => {
            let config = ObserverConfig {
                segmentation: a.segmentation,
                camvid: a.run.camvid.clone(),
                cutouts: a.cutouts,
                epochs: a.epochs,
                batch: a.run.batch,
                rendered_per_batch: a.rendered,
                rendered_drives: a.rendered_drives,
                attacked_per_batch: a.attacked,
                pasted_per_batch: a.pasted,
                attack: AttackConfig {
                    mode: a.attack_mode,
                    epsilon: (a.epsilon_min, a.epsilon_max),
                    noise: a.attack_noise,
                },
                shape_radius: (a.radius_min, a.radius_max),
                shapes: a.shapes,
                cutout_share: a.cutout_share,
                positive_weight: a.positive_weight,
                rate: a.run.rate,
                decay: a.run.decay,
                augment: augment(&a.run, a.scale_min, a.scale_max),
                seed: a.run.seed,
                validate_every: a.run.validate_every,
                half: a.run.bf16,
            };
            let best =
                run::train_observer(&config, &a.run.run, a.run.resume, a.run.max_steps, device)?;
            log::info!("best AUROC on pasted objects: {best:.4}");
        }
        Command::Export(a) => run::export_bundle(&a.segmentation, &a.observer, &a.out)?,
        Command::Set(a) => {
            let set = match a.kind {
                SetKind::Pasted => {
                    run::ValidationSet::camvid_pasted(&a.camvid, &a.cutouts, a.seed)?
                }
                SetKind::Rendered => run::ValidationSet::held_out_renders()?,
            };
            run::write_set(&set, &a.out)?;
            log::info!("{} pictures in {}", set.pictures.len(), a.out.display());
        }
    }
    Ok(())
}

fn augment(run: &RunArgs, scale_min: f32, scale_max: f32) -> AugmentConfig {
    AugmentConfig {
        width: run.width,
        height: run.height,
        scale: (scale_min, scale_max),
    }
}
