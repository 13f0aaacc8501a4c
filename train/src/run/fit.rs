//! Fitting the numbers that join the observer's logit with the energy.

use tch::{Device, Tensor, no_grad};

use super::ValidationSet;
use super::observed::{Observed, observe};
use crate::data::{Picture, VOID};
use crate::nets::{Fusion, LOGITS, OWN_LOGIT};
use crate::torch::{Mode, Network};

/// Every so many pixels in both directions one is looked at.
const EVERY: i64 = 5;
/// Steps of Newton's method; it has converged long before.
const NEWTON_STEPS: usize = 40;

/// One pixel.
struct Sample {
    own: f32,
    energy: f32,
    probabilities: Vec<f32>,
    is_outlier: bool,
}

/// Means and spreads of the energy of each class from the known pixels of the set, then a logistic
/// regression of "unknown" on the own logit and the standardised energy, both sides weighing alike.
///
/// # Errors
/// Where libtorch refuses, or the set has no known or no unknown pixels.
pub fn fit_fusion(
    set: &ValidationSet,
    observed: &Observed,
    observer: &Network,
    device: Device,
) -> anyhow::Result<Fusion> {
    let mut samples = vec![];
    for p in &set.pictures {
        samples.extend(look(p, observed, observer, device)?);
    }
    let unknown = samples.iter().filter(|s| s.is_outlier).count();
    anyhow::ensure!(
        unknown > 0 && unknown < samples.len(),
        "the set has {unknown} unknown of {} pixels: a fusion needs both kinds",
        samples.len()
    );
    let (usual, scale) = class_energies(&samples, observed.classes() as usize);
    let dot = |a: &[f32], b: &[f32]| a.iter().zip(b).map(|(x, y)| x * y).sum::<f32>();
    let features: Vec<([f64; 3], bool)> = samples
        .iter()
        .map(|s| {
            let unusual =
                (s.energy - dot(&s.probabilities, &usual)) * dot(&s.probabilities, &scale);
            ([f64::from(s.own), f64::from(unusual), 1.0], s.is_outlier)
        })
        .collect();
    let [own, energy, bias] = logistic(&features)?;
    Ok(Fusion {
        usual,
        scale,
        join: [own as f32, energy as f32],
        bias: bias as f32,
    })
}

fn look(
    p: &Picture,
    observed: &Observed,
    observer: &Network,
    device: Device,
) -> anyhow::Result<Vec<Sample>> {
    let view = observed.view(p, device)?;
    let seen = no_grad(|| observed.see(&view.image))?;
    let out = no_grad(|| observe(observer, &seen, Mode::Evaluate))?;
    let (h, w) = (p.height as i64, p.width as i64);
    let thin = |t: &Tensor| -> anyhow::Result<Vec<f32>> {
        let t = view.at_picture(t);
        let t = t.slice(2, 0, h, EVERY).slice(3, 0, w, EVERY);
        Ok(t.contiguous().flatten(0, -1).try_into()?)
    };
    let (own, energy) = (thin(&out[OWN_LOGIT])?, thin(&out["energy"])?);
    let probabilities = thin(&seen[LOGITS].softmax(1, tch::Kind::Float))?;
    let n = own.len();
    let columns = (w as usize).div_ceil(EVERY as usize);
    let mut samples = Vec::with_capacity(n);
    for i in 0..n {
        let at = i / columns * EVERY as usize * p.width + i % columns * EVERY as usize;
        let is_outlier = p.outlier[at] > 0;
        if is_outlier || p.label[at] != VOID {
            samples.push(Sample {
                own: own[i],
                energy: energy[i],
                probabilities: probabilities.iter().skip(i).step_by(n).copied().collect(),
                is_outlier,
            });
        }
    }
    Ok(samples)
}

/// Mean energy and one over its standard deviation, of the known pixels that are seen as each class.
fn class_energies(samples: &[Sample], classes: usize) -> (Vec<f32>, Vec<f32>) {
    let mut sums = vec![[0f64; 3]; classes];
    for s in samples.iter().filter(|s| !s.is_outlier) {
        let best = s.probabilities.iter().copied().enumerate();
        let best = best.fold((0, f32::MIN), |b, p| if p.1 > b.1 { p } else { b });
        let e = f64::from(s.energy);
        let sum = &mut sums[best.0];
        *sum = [sum[0] + 1.0, sum[1] + e, sum[2] + e * e];
    }
    let total = sums
        .iter()
        .fold([0.0; 3], |a, s| [a[0] + s[0], a[1] + s[1], a[2] + s[2]]);
    // a class that is hardly seen takes part of what all classes have
    let part = 50.0 / total[0].max(1.0);
    let shrunk: Vec<[f64; 3]> = sums
        .iter()
        .map(|s| std::array::from_fn(|i| s[i] + total[i] * part))
        .collect();
    let mean = |s: &[f64; 3]| s[1] / s[0].max(1.0);
    let deviation = |s: &[f64; 3]| (s[2] / s[0].max(1.0) - mean(s).powi(2)).max(1e-4).sqrt();
    (
        shrunk.iter().map(|s| mean(s) as f32).collect(),
        shrunk.iter().map(|s| (1.0 / deviation(s)) as f32).collect(),
    )
}

/// Keeps the regression solvable where a feature says nothing or the classes are parted.
const RIDGE: f64 = 1e-4;

/// Weights of a logistic regression by Newton's method; positives and negatives weigh alike in sum. A
/// step that does not lower the loss is halved.
fn logistic(samples: &[([f64; 3], bool)]) -> anyhow::Result<[f64; 3]> {
    let positives = samples.iter().filter(|s| s.1).count() as f64;
    let share = [0.5 / (samples.len() as f64 - positives), 0.5 / positives];
    let dot = |x: &[f64; 3], w: &[f64; 3]| x.iter().zip(w).map(|(x, w)| x * w).sum::<f64>();
    let loss = |w: &[f64; 3]| -> f64 {
        let each = samples.iter().map(|(x, y)| {
            let z = if *y { -dot(x, w) } else { dot(x, w) };
            // ln(1 + e^z), without an overflow
            share[usize::from(*y)] * (z.max(0.0) + (-z.abs()).exp().ln_1p())
        });
        each.sum::<f64>() + 0.5 * RIDGE * dot(w, w)
    };
    let mut w = [0.0; 3];
    let mut best = loss(&w);
    for _ in 0..NEWTON_STEPS {
        let mut gradient = w.map(|w| RIDGE * w);
        let mut hessian = [0.0; 9];
        for (x, y) in samples {
            let p = 1.0 / (1.0 + (-dot(x, &w)).exp());
            let weight = share[usize::from(*y)];
            let error = weight * (p - f64::from(u8::from(*y)));
            for i in 0..3 {
                gradient[i] += error * x[i];
                for j in 0..3 {
                    hessian[3 * i + j] += weight * p * (1.0 - p) * x[i] * x[j];
                }
            }
        }
        for i in 0..3 {
            hessian[4 * i] += RIDGE;
        }
        let hessian = Tensor::from_slice(&hessian).reshape([3, 3]);
        let step = Tensor::f_linalg_solve(&hessian, &Tensor::from_slice(&gradient), true)?;
        let mut step = Vec::<f64>::try_from(step)?;
        let before = best;
        for _ in 0..30 {
            let next = std::array::from_fn(|i| w[i] - step[i]);
            let found = loss(&next);
            if found < best {
                (w, best) = (next, found);
                break;
            }
            step.iter_mut().for_each(|s| *s /= 2.0);
        }
        if before - best < 1e-12 {
            break;
        }
    }
    anyhow::ensure!(best.is_finite(), "the fusion does not converge: {w:?}");
    Ok(w)
}

#[cfg(test)]
mod tests {
    use rand::{RngExt, SeedableRng};

    use super::*;
    use crate::data::Rng;

    #[test]
    fn a_logistic_regression_finds_the_weights_that_made_the_data() {
        let truth = [1.5, -0.7, 0.3];
        let mut rng = Rng::seed_from_u64(2);
        let samples: Vec<_> = (0..60_000)
            .map(|_| {
                let x = [
                    rng.random_range(-2.0..2.0),
                    rng.random_range(-2.0..2.0),
                    1.0,
                ];
                let z: f64 = x.iter().zip(truth).map(|(x, w): (&f64, f64)| x * w).sum();
                (x, rng.random_bool(1.0 / (1.0 + (-z).exp())))
            })
            .collect();
        let found = logistic(&samples).unwrap();
        // the bias differs: both sides weigh alike
        assert!((found[0] - truth[0]).abs() < 0.1, "{found:?}");
        assert!((found[1] - truth[1]).abs() < 0.1, "{found:?}");
    }

    #[test]
    fn features_that_say_nothing_or_everything_give_finite_weights() {
        for (scale, wide) in [(1e-6, 0.0), (1.0, 1.0), (300.0, 40.0)] {
            let sample = |i: usize| {
                let y = i.is_multiple_of(2);
                let side = if y { 1.0 } else { -1.0 };
                ([side * scale, wide * (i % 7) as f64, 1.0], y)
            };
            let samples: Vec<_> = (0..500).map(sample).collect();
            let found = logistic(&samples).unwrap();
            assert!(found.iter().all(|w| w.abs() < 100.0), "{found:?}");
        }
    }
}
