//! Training runs: the loop, its schedule, its records.

mod adopted;
mod adopted_run;
mod counterparts;
mod experiment;
mod export;
mod fit;
mod laa;
mod loss;
mod mined;
mod observed;
mod observer;
mod prior;
mod record;
mod samples;
mod schedule;
mod segmentation;
mod stages;
mod table;
mod validation;

pub use adopted::Adopted;
pub use adopted_run::AdoptedExperiment;
pub use experiment::{Experiment, Stage, Surroundings};
pub use export::{BundleText, export_bundle, write_set};
pub use fit::fit_fusion;
pub use laa::{AttackConfig, AttackMode, attack};
pub use observed::{Observed, Seen};
pub use observer::{ObserverConfig, ObserverTraining, load_observer, train_observer};
pub use record::{Progress, RunDir, StepRecord};
pub use samples::Composition;
pub use schedule::{Place, Schedule};
pub use segmentation::{
    Beginning, SegmentationConfig, SegmentationTraining, Teacher, load_segmentation,
    train_segmentation, validate,
};
pub(crate) use segmentation::{RENDER_TRAINING_SEED, RENDER_VALIDATION_SEED, to_input};
pub(crate) use stages::{CONVENTION, run_lookout};
pub use table::table;
pub use validation::ValidationSet;

/// Polynomial decay with a linear start (poly schedule, power 0.9).
pub fn poly_rate(base: f64, step: usize, total: usize, warm_up: usize) -> f64 {
    let ramp = ((step + 1) as f64 / warm_up.max(1) as f64).min(1.0);
    let left = 1.0 - step as f64 / total.max(1) as f64;
    base * ramp * left.max(0.0).powf(0.9)
}

/// What is taken from the colours (0..=1) before they are divided by [`STD`]: the backbone was
/// trained so.
pub const MEAN: [f32; 3] = [127.0 / 255.0; 3];
/// See [`MEAN`].
pub const STD: [f32; 3] = [128.0 / 255.0; 3];

/// (image - mean) / std of an [N, 3, H, W] batch of 0..=1.
pub fn normalise(image: &tch::Tensor) -> tch::Tensor {
    let plane = |v: [f32; 3]| {
        tch::Tensor::from_slice(&v)
            .reshape([1, 3, 1, 1])
            .to(image.device())
    };
    (image - plane(MEAN)) / plane(STD)
}

/// Logits brought to the size of the labels, bilinear.
pub fn to_size(logits: &tch::Tensor, height: i64, width: i64) -> tch::Tensor {
    logits.upsample_bilinear2d([height, width], false, None, None)
}

#[cfg(test)]
mod tests {
    use super::poly_rate;

    #[test]
    fn the_rate_ramps_up_then_decays_to_zero() {
        let rates: Vec<f64> = (0..=100).map(|s| poly_rate(0.1, s, 100, 10)).collect();
        assert!((rates[0] - 0.01).abs() < 1e-12, "a tenth of the way up");
        assert!(rates[..10].is_sorted());
        assert!(rates[9..].iter().rev().is_sorted());
        assert!((rates[50] - 0.1 * 0.5f64.powf(0.9)).abs() < 1e-12);
        assert_eq!(rates[100], 0.0);
    }

    #[test]
    fn the_rate_is_finite_past_the_end_and_without_a_ramp() {
        assert_eq!(poly_rate(0.1, 120, 100, 10), 0.0);
        assert_eq!(poly_rate(0.1, 0, 100, 0), 0.1);
        assert_eq!(poly_rate(0.1, 1, 0, 1), 0.0);
    }
}
