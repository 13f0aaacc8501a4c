//! What is known of the times of one mode.

use super::window::Window;
use crate::stages::{Stage, StageTimes};
use heapless::HistoryBuf;
use std::time::Duration;

/// Ratios of measured to baseline time are cut to `1 / RATIO_LIMIT ..= RATIO_LIMIT`.
const RATIO_LIMIT: f64 = 1e3;
/// Least baseline of a stage that ran, in seconds, so that ratios stay finite.
const LEAST_BASELINE: f64 = 1e-6;

/// One frame's times as ratios to the baselines of its mode.
#[derive(Clone, Copy, Debug)]
pub(super) struct Sample {
    /// The whole frame.
    pub(super) whole: f32,
    /// All that came from this stage on.
    from: [Option<f32>; Stage::COUNT],
}

/// Baselines of one mode and the windows of what was measured since, divided by baseline and pace.
#[derive(Clone, Debug, Default)]
pub(super) struct ModeWindows {
    dry_runs: HistoryBuf<StageTimes, { ModeWindows::MAX_DRY_RUNS }>,
    /// Time of each stage at warm-up, in seconds.
    baselines: [Option<f64>; Stage::COUNT],
    /// Sum of the baselines from each stage on.
    from_baselines: [f64; Stage::COUNT],
    from: [Window<{ ModeWindows::SAMPLES }>; Stage::COUNT],
}

impl ModeWindows {
    const SAMPLES: usize = 128;
    const MAX_DRY_RUNS: usize = 64;
    /// Fewer dry runs than this have no median to speak of.
    pub(super) const MIN_DRY_RUNS: usize = 3;

    /// Takes a dry run, makes the baselines anew and fills the windows with the dry runs alone.
    pub(super) fn warm_up(&mut self, times: &StageTimes) {
        self.dry_runs.write(*times);
        for stage in Stage::ALL {
            let mut measured = Window::<{ Self::MAX_DRY_RUNS }>::new();
            for run in self.dry_runs.as_slice() {
                if let Some(time) = run.get(stage) {
                    measured.push(time.as_secs_f32());
                }
            }
            self.baselines[stage as usize] = baseline(&measured);
        }
        self.sum_baselines();
        self.from.iter_mut().for_each(Window::clear);
        for i in 0..self.dry_runs.len() {
            if let Some(sample) = self.sample(&self.dry_runs.as_slice()[i]) {
                self.push(&sample, 1.0);
            }
        }
    }

    /// Whether there are enough dry runs to predict from.
    pub(super) fn is_warm(&self) -> bool {
        self.dry_runs.len() >= Self::MIN_DRY_RUNS
    }

    /// Whether the dry runs tell a stage's time.
    pub(super) fn dry_runs_have(&self, stage: Stage) -> bool {
        let mut runs = self.dry_runs.as_slice().iter();
        runs.any(|run| run.get(stage).is_some())
    }

    /// A baseline of a stage that the dry runs have not.
    pub(super) fn set_baseline(
        &mut self,
        stage: Stage,
        measured: &Window<{ super::latency::LEARN }>,
    ) {
        self.baselines[stage as usize] = baseline(measured);
        self.sum_baselines();
    }

    fn sum_baselines(&mut self) {
        let mut sum = 0.0;
        for stage in (0..Stage::COUNT).rev() {
            sum += self.baselines[stage].unwrap_or(0.0);
            self.from_baselines[stage] = sum;
        }
    }

    /// A frame's times next to the baselines; only stages that ran and have a baseline count.
    /// `None` when there is no such stage, or too few dry runs.
    pub(super) fn sample(&self, times: &StageTimes) -> Option<Sample> {
        let mut sample = Sample {
            whole: 0.0,
            from: [None; Stage::COUNT],
        };
        let (mut measured_sum, mut baseline_sum) = (0.0, 0.0);
        for stage in Stage::ALL.into_iter().rev() {
            let i = stage as usize;
            if let (Some(time), Some(baseline)) = (times.get(stage), self.baselines[i]) {
                let measured = time.as_secs_f64();
                measured_sum += measured;
                baseline_sum += baseline;
            }
            sample.from[i] = (baseline_sum > 0.0).then(|| ratio(measured_sum, baseline_sum));
        }
        sample.whole = sample.from[0]?;
        Some(sample)
    }

    /// Stores a sample, which may come from another mode.
    pub(super) fn push(&mut self, sample: &Sample, pace: f32) {
        for (window, ratio) in self.from.iter_mut().zip(sample.from) {
            if let Some(ratio) = ratio {
                window.push(ratio / pace);
            }
        }
    }

    /// Time of all stages from this one on at a pace, at a quantile.
    pub(super) fn from(&self, stage: Stage, quantile: f32, pace: f32) -> Option<Duration> {
        let i = stage as usize;
        let baseline = Some(self.from_baselines[i]).filter(|&b| b > 0.0);
        self.time(baseline, self.from[i].quantile(quantile), pace)
    }

    fn time(&self, baseline: Option<f64>, ratio: Option<f32>, pace: f32) -> Option<Duration> {
        let seconds = baseline? * f64::from(ratio?) * f64::from(pace);
        self.is_warm()
            .then(|| Duration::try_from_secs_f64(seconds).unwrap_or(Duration::MAX))
    }
}

fn baseline<const N: usize>(seconds: &Window<N>) -> Option<f64> {
    Some(f64::from(seconds.quantile(0.5)?).max(LEAST_BASELINE))
}

fn ratio(measured: f64, baseline: f64) -> f32 {
    (measured / baseline).clamp(1.0 / RATIO_LIMIT, RATIO_LIMIT) as f32
}
