//! The loop that both networks are trained by: steps, checkpoints, validations, records.

use std::path::Path;
use std::time::Instant;

use indicatif::{ProgressBar, ProgressStyle};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use tch::Tensor;

use super::{Progress, RunDir, StepRecord, poly_rate};
use crate::data::{Batch, Canvas, Prefetch};
use crate::torch::{AdamW, Average, Network};

/// How long and how fast.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Schedule {
    /// Optimiser steps of the whole run.
    pub steps: usize,
    /// Samples a step.
    pub batch: usize,
    /// Highest learning rate.
    pub rate: f64,
    /// Decoupled weight decay of AdamW.
    pub decay: f64,
    /// Steps between validations.
    pub validate_every: usize,
    /// Steps between checkpoints.
    pub save_every: usize,
}

/// Steps over which the rate rises.
const WARM_UP: usize = 150;

/// What is trained, and what goes on beside it.
pub(super) struct Trainee {
    pub(super) network: Network,
    pub(super) optimiser: AdamW,
    pub(super) average: Average,
}

impl Trainee {
    pub(super) fn new(network: Network, schedule: &Schedule) -> Self {
        Self {
            optimiser: AdamW::new(&network, schedule.decay),
            average: Average::new(&network),
            network,
        }
    }
}

/// Where a run is, and whether it stops early or goes on.
#[derive(Clone, Copy, Debug)]
pub struct Place<'a> {
    /// Folder of the run.
    pub dir: &'a Path,
    /// Go on with the run that the folder holds, where there is one.
    pub resume: bool,
    /// Stop after so many steps: the schedule stays that of the whole run.
    pub max_steps: Option<usize>,
}

/// Trains to the end, or to `max_steps`. `samples(step)` must depend on nothing but the step; `loss`
/// gets the network, a batch and the step; `validate` gives the figure that the best checkpoint is
/// chosen by, and all figures. Returns the best figure.
pub(super) fn train(
    schedule: &Schedule,
    run: &RunDir,
    place: Place<'_>,
    mut trainee: Trainee,
    samples: impl Fn(usize) -> Vec<Canvas> + Send + 'static,
    loss: impl Fn(&Network, &Batch, usize) -> anyhow::Result<Tensor>,
    validate: impl Fn(&Average) -> anyhow::Result<(f64, Value)>,
) -> anyhow::Result<f64> {
    let mut progress = Progress::default();
    if place.resume && run.last().exists() {
        progress = run.last().progress()?;
        let (optimiser, average) = (&mut trainee.optimiser, &mut trainee.average);
        run.last()
            .resume(&trainee.network, optimiser, average, progress.step as i64)?;
    }
    let last_step = schedule.steps.min(place.max_steps.unwrap_or(usize::MAX));
    let batches = Prefetch::new(progress.step, last_step, samples);
    let bar = progress_bar(last_step, progress.step);
    let began = Instant::now();
    let (mut loss_sum, mut loss_count) = (0.0, 0);
    for batch in batches {
        let rate = poly_rate(schedule.rate, progress.step, schedule.steps, WARM_UP);
        let loss = loss(&trainee.network, &batch, progress.step)?;
        trainee.optimiser.step(&loss, rate);
        progress.step += 1;
        trainee
            .average
            .update(&trainee.network, progress.step as i64);
        loss_sum += loss.double_value(&[]);
        loss_count += 1;
        bar.inc(1);
        let is_last = progress.step == last_step;
        let due = |every: usize| progress.step.is_multiple_of(every) || is_last;
        let (validates, saves) = (due(schedule.validate_every), due(schedule.save_every));
        if !validates && !saves {
            continue;
        }
        let mut record = StepRecord {
            step: progress.step,
            rate,
            loss: loss_sum / f64::from(loss_count.max(1)),
            validation: None,
            seconds: began.elapsed().as_secs_f64(),
        };
        (loss_sum, loss_count) = (0.0, 0);
        let save = |checkpoint: crate::torch::Checkpoint, progress: &Progress| {
            let (optimiser, average) = (&trainee.optimiser, &trainee.average);
            checkpoint.save(&trainee.network, optimiser, average, progress)
        };
        if validates {
            let (figure, figures) = validate(&trainee.average)?;
            log::info!("step {} loss {:.4} {figures}", progress.step, record.loss);
            record.validation = Some(figures);
            if progress.best.is_none_or(|b| figure > b) {
                (progress.best, progress.best_step) = (Some(figure), progress.step);
                save(run.best(), &progress)?;
            }
        }
        save(run.last(), &progress)?;
        run.record(&record)?;
    }
    bar.finish();
    anyhow::ensure!(
        progress.step >= last_step,
        "the data thread stopped at step {} of {last_step}",
        progress.step
    );
    if progress.step == schedule.steps {
        run.summary(&json!({
            "best": progress.best, "best_step": progress.best_step, "steps": progress.step,
            "seconds_since_start_or_resume": began.elapsed().as_secs_f64(),
        }))?;
    }
    Ok(progress.best.unwrap_or(0.0))
}

fn progress_bar(total: usize, done: usize) -> ProgressBar {
    let bar = ProgressBar::new(total as u64).with_position(done as u64);
    let style = ProgressStyle::with_template("{wide_bar} {pos}/{len} steps, {per_sec}, ETA {eta}");
    if let Ok(style) = style {
        bar.set_style(style);
    }
    bar.reset_eta();
    bar
}
