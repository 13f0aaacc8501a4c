//! HOOD: features of pasted unknown things are made independent of those of known pixels, by the
//! Hilbert-Schmidt independence criterion (biased estimator, Gaussian kernels) as a penalty beside the
//! classes; the score is minus the greatest correlation with the features of a class.

use serde::{Deserialize, Serialize};
use tch::{Kind, Tensor};

use super::trunk::{Quarter, WIDTH, entropy, trunk};
use super::{
    FrameLoss, Known, Method, MethodError, SCORE, Scenes, Step, Training, as_rows, gaussians,
};
use crate::data::{Batch, CLASSES, Canvas, Rng};
use crate::graph::{Builder, Graph, Reduce, ValueId};
use crate::nets::Design;
use crate::torch::{Mode, Network};

/// See the module.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Hood {
    /// Weight of the penalty.
    pub weight: f64,
}

/// Known and unknown pixels of a step, each.
const PIXELS: i64 = 256;
/// Share of the steps over which the penalty grows.
const WARM_UP: f64 = 0.1;
/// Added to lengths.
const LEAST: f32 = 1e-4;

impl Method for Hood {
    fn graph(&self, design: Design) -> Result<Graph, MethodError> {
        let mut b = Builder::new("head");
        let x = trunk(&mut b, design)?;
        let embedding = b.conv("embedding", x, WIDTH, [1, 1]);
        let classes = b.conv("classes", embedding, CLASSES, [1, 1]);
        let score = score(&mut b, embedding);
        Ok(b.finish(&[score, classes, embedding]))
    }

    fn training(&self) -> Training<'_> {
        Training::Frames(self)
    }

    fn fit(&self, network: &Network, known: &Known<'_>) -> anyhow::Result<()> {
        let rows = known.rows(network, "embedding")?;
        write(network, &rows.features, &rows.label)
    }
}

/// Minus the greatest cosine to one of the classes.
fn score(b: &mut Builder, x: ValueId) -> ValueId {
    let squares = b.mul("squares", x, x);
    let length = b.reduce("length", squares, Reduce::Sum);
    let length = b.sqrt("norm", length);
    let length = b.affine("not_none", length, 1.0, LEAST);
    let unit = b.div("unit", x, length);
    let near = b.conv("near", unit, CLASSES, [1, 1]);
    let greatest = b.reduce("greatest", near, Reduce::Max);
    b.affine(SCORE, greatest, -1.0, 0.0)
}

/// Puts the directions of the classes in.
fn write(network: &Network, rows: &Tensor, label: &Tensor) -> anyhow::Result<()> {
    let unit = |t: &Tensor| {
        t / t
            .norm_scalaropt_dim(2.0, [1i64].as_slice(), true)
            .clamp_min(1e-9)
    };
    let means = gaussians::Gaussians::of(&unit(rows), label, CLASSES).means;
    network.set("near.weight", &unit(&means))?;
    network.set("near.bias", &means.select(1, 0).zeros_like())?;
    Ok(())
}

impl FrameLoss for Hood {
    fn alter(&self, canvas: &mut Canvas, scenes: &Scenes, rng: &mut Rng) {
        scenes.paste_unknown(canvas, rng);
    }

    fn loss(
        &self,
        network: &Network,
        batch: &Batch,
        known: &Known<'_>,
        step: Step,
    ) -> anyhow::Result<Tensor> {
        let seen = known.see(&batch.image.to(known.device))?;
        let out = network.forward(&seen.inputs(), Mode::Train)?;
        let quarter = Quarter::of(batch, known.device);
        let loss = entropy(&out["classes"], &quarter);
        let rows = as_rows(&out["embedding"]);
        let drawn = |mask: &Tensor| {
            let at = mask.flatten(0, -1).nonzero().squeeze_dim(1);
            let n = at.size()[0];
            let some = Tensor::randint(n.max(1), [PIXELS], (Kind::Int64, at.device()));
            (n > 0).then(|| rows.index_select(0, &at.index_select(0, &some)))
        };
        let (Some(inside), Some(outside)) = (drawn(&quarter.known), drawn(&quarter.unknown)) else {
            return Ok(loss);
        };
        let ramp = (step.number as f64 / (WARM_UP * step.of as f64).max(1.0)).min(1.0);
        Ok(loss + hsic(&gram(&inside), &gram(&outside)) * (self.weight * ramp))
    }
}

/// The Gaussian kernel of all pairs of rows; its width is the median distance.
fn gram(rows: &Tensor) -> Tensor {
    let square = rows
        .square()
        .sum_dim_intlist([1i64].as_slice(), true, rows.kind());
    let apart = (&square + square.tr() - rows.matmul(&rows.tr()) * 2.0).relu();
    let median = apart.detach().median().double_value(&[]).max(1e-6);
    (apart / (-2.0 * median)).exp()
}

/// tr(K H L H) / (n - 1)², H = I - 1/n.
fn hsic(k: &Tensor, l: &Tensor) -> Tensor {
    let n = k.size()[0];
    let mean = |t: &Tensor, dim: i64| t.mean_dim([dim].as_slice(), true, t.kind());
    let centred = k - mean(k, 0) - mean(k, 1) + k.mean(k.kind());
    // H is symmetric and idempotent: the trace is the sum of the products
    (centred * l).sum(k.kind()) / ((n - 1) * (n - 1)) as f64
}

#[cfg(test)]
mod tests {
    use super::super::tests::{forward, plane};
    use super::*;

    fn linear(x: &[f64]) -> Tensor {
        let x = Tensor::from_slice(x).unsqueeze(1);
        x.matmul(&x.tr())
    }

    fn of(x: &[f64], y: &[f64]) -> f64 {
        hsic(&linear(x), &linear(y)).double_value(&[])
    }

    #[test]
    fn independence_is_that_computed_by_hand() {
        assert!((of(&[0.0, 1.0, 2.0], &[0.0, 1.0, 2.0]) - 1.0).abs() < 1e-12);
        assert!(of(&[0.0, 1.0, 2.0], &[4.0; 3]).abs() < 1e-12);
        assert!(of(&[0.0, 1.0, 2.0], &[0.0, 1.0, 0.0]).abs() < 1e-12);
    }

    #[test]
    fn it_is_never_negative_and_pairs_may_change_places() {
        tch::manual_seed(7);
        let options = (Kind::Double, tch::Device::Cpu);
        for _ in 0..20 {
            let [x, y] = [0, 1].map(|_| Tensor::randn([9, 3], options));
            let found = hsic(&gram(&x), &gram(&y)).double_value(&[]);
            assert!(found >= 0.0, "{found}");
            let order = Tensor::randperm(9, (Kind::Int64, tch::Device::Cpu));
            let [x, y] = [x, y].map(|t| t.index_select(0, &order));
            let moved = hsic(&gram(&x), &gram(&y)).double_value(&[]);
            assert!((found - moved).abs() < 1e-12);
        }
    }

    #[test]
    fn the_score_is_minus_the_cosine_to_the_nearest_class() {
        let mut b = Builder::new("head");
        let x = b.input("x", 2, 4);
        let out = score(&mut b, x);
        let network = Network::new(b.finish(&[out]), tch::Device::Cpu);
        // class 0 to the right, all others upwards
        let mut rows = vec![9.0f32, 0.0];
        rows.extend([0.0, 0.5].repeat(10));
        let label = Tensor::arange(CLASSES, (Kind::Int64, tch::Device::Cpu));
        write(
            &network,
            &Tensor::from_slice(&rows).reshape([CLASSES, 2]),
            &label,
        )
        .unwrap();
        let score = |x: [f64; 2]| forward(&network, &[("x", &plane(&x))])[0];
        assert!((score([0.0, 7.0]) + 1.0).abs() < 1e-3);
        assert!((score([3.0, 4.0]) + 0.8).abs() < 1e-3);
        assert!((score([-3.0, -4.0]) - 0.6).abs() < 1e-3);
    }
}
