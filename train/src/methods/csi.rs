//! CSI (Tack et al., NeurIPS 2020), per pixel, on frozen features: two views of a pixel that differ in
//! colour are drawn together, all others are pushed away, also the same pixel where the picture was
//! shifted; another output tells the shifts apart. The shifts are turning the picture upside down and
//! changing its colours about: a quarter turn makes everything on a road strange.
//!
//! The score is minus that of the unshifted picture alone, the only one that is seen at run time: the
//! greatest product of the feature with one of a bank of directions, so that its length counts, and the
//! output for "not shifted", each over its mean.

use serde::{Deserialize, Serialize};
use tch::{Kind, Reduction, Tensor, no_grad};

use super::{
    FEATURES, FrameLoss, Known, Method, MethodError, SCORE, Step, Training, as_planes, as_rows,
    distances, pointwise, read, within,
};
use crate::data::{Batch, CLASSES};
use crate::graph::{Builder, Graph, Reduce};
use crate::nets::Design;
use crate::torch::{Mode, Network};

/// See the module.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Csi {
    /// Directions of each class in the bank.
    pub bank: i64,
}

const PLANES: i64 = 32;
const TEMPERATURE: f64 = 0.5;
/// Pixels that are compared in a step, each in all shifts and both views.
const PIXELS: i64 = 64;
/// Frames of a batch that are looked at.
const FRAMES: i64 = 2;

/// What is done to the whole picture.
#[derive(Clone, Copy, Debug)]
enum Shift {
    None,
    UpsideDown,
    Colours,
}

const SHIFTS: [Shift; 3] = [Shift::None, Shift::UpsideDown, Shift::Colours];

impl Method for Csi {
    fn graph(&self, design: Design) -> Result<Graph, MethodError> {
        within("bank", self.bank, 1..=64)?;
        let mut b = Builder::new("head");
        let features = read(&mut b, design, FEATURES)?;
        let hidden = b.conv_bn_relu("hidden", features, PLANES, [1, 1], 1, 1);
        let embedding = b.conv("embedding", hidden, PLANES, [1, 1]);
        let shifts = b.conv("shifts", hidden, SHIFTS.len() as i64, [1, 1]);
        // both are scaled when they are fitted
        let near = b.conv("near", embedding, self.bank * CLASSES, [1, 1]);
        let near = b.reduce("nearest", near, Reduce::Max);
        let unshifted = b.conv("unshifted", shifts, 1, [1, 1]);
        let sum = b.add("sum", near, unshifted);
        let score = b.affine(SCORE, sum, -1.0, 0.0);
        Ok(b.finish(&[score, embedding, shifts]))
    }

    fn training(&self) -> Training<'_> {
        Training::Frames(self)
    }

    fn fit(&self, network: &Network, known: &Known<'_>) -> anyhow::Result<()> {
        let pixels = &known.pixels;
        let planes = as_planes(&pixels.features);
        let out = no_grad(|| network.forward(&[(FEATURES, &planes)], Mode::Evaluate))?;
        let rows = as_rows(&out["embedding"]).to_kind(Kind::Double);
        let shifts = as_rows(&out["shifts"]).to_kind(Kind::Double);
        let length = rows.norm_scalaropt_dim(2.0, [1i64].as_slice(), true);
        let unit = &rows / length.clamp_min(1e-9);
        let mut bank = vec![];
        for class in 0..CLASSES {
            let own = pixels.label.eq(class).nonzero().squeeze_dim(1);
            if own.size()[0] > 0 {
                bank.push(distances::k_means(&unit.index_select(0, &own), self.bank));
            }
        }
        let bank = Tensor::cat(&bank, 0);
        let bank = &bank
            / bank
                .norm_scalaropt_dim(2.0, [1i64].as_slice(), true)
                .clamp_min(1e-9);
        let wanted = Tensor::arange(self.bank * CLASSES, (Kind::Int64, bank.device()));
        let bank = bank.index_select(0, &wanted.remainder(bank.size()[0]));
        let mean = |t: &Tensor| t.mean(Kind::Double).abs().double_value(&[]).max(1e-6);
        let bank = bank / mean(&length);
        network.set("near.weight", &pointwise(&bank))?;
        network.set("near.bias", &bank.select(1, 0).zeros_like())?;
        let own = 1.0 / mean(&shifts.select(1, 0));
        network.set("unshifted.weight", &Tensor::from_slice(&[own, 0.0, 0.0]))?;
        network.set("unshifted.bias", &Tensor::from_slice(&[0.0]))?;
        Ok(())
    }
}

impl Shift {
    fn of(self, image: &Tensor) -> Tensor {
        match self {
            Self::None => image.shallow_clone(),
            Self::UpsideDown => image.flip([2, 3]),
            Self::Colours => image.roll([1i64].as_slice(), [1i64].as_slice()),
        }
    }

    /// Brings what was seen of a shifted picture back to where it was.
    fn back(self, planes: &Tensor) -> Tensor {
        match self {
            Self::UpsideDown => planes.flip([2, 3]),
            Self::None | Self::Colours => planes.shallow_clone(),
        }
    }
}

/// Other light, contrast and noise.
fn view(image: &Tensor) -> Tensor {
    let each = [image.size()[0], 1, 1, 1];
    let options = (Kind::Float, image.device());
    let between = |lo: f64, hi: f64| Tensor::rand(each, options) * (hi - lo) + lo;
    let contrast = between(0.7, 1.3);
    let noisy = image + image.randn_like() * 0.02;
    ((noisy - 0.5) * contrast + 0.5 + between(-0.1, 0.1)).clamp(0.0, 1.0)
}

impl FrameLoss for Csi {
    fn loss(
        &self,
        network: &Network,
        batch: &Batch,
        known: &Known<'_>,
        _step: Step,
    ) -> anyhow::Result<Tensor> {
        let image = batch.image.to(known.device);
        let image = image.narrow(0, 0, FRAMES.min(image.size()[0]));
        let mut at: Option<Tensor> = None;
        let (mut views, mut told) = (vec![], vec![]);
        for _ in 0..2 {
            for (class, shift) in SHIFTS.into_iter().enumerate() {
                let seen = known.see(&shift.of(&view(&image)))?;
                let out = network.forward(&seen.inputs(), Mode::Train)?;
                let rows = as_rows(&shift.back(&out["embedding"]));
                let shifts = as_rows(&shift.back(&out["shifts"]));
                let options = (Kind::Int64, rows.device());
                let n = rows.size()[0];
                let at = at.get_or_insert_with(|| Tensor::randint(n, [PIXELS], options));
                views.push(rows.index_select(0, at));
                let target = Tensor::full([PIXELS], class as i64, options);
                let shifts = shifts.index_select(0, at);
                let mean = Reduction::Mean;
                told.push(shifts.cross_entropy_loss::<Tensor>(&target, None, mean, -100, 0.0));
            }
        }
        // the first half of the rows is the first view of all
        let all = Tensor::cat(&views, 0);
        let told = Tensor::stack(&told, 0).mean(Kind::Float);
        Ok(contrast(&all, TEMPERATURE) + told)
    }
}

/// NT-Xent of rows [2 n, C]: row i and row n + i are two views of one.
fn contrast(rows: &Tensor, temperature: f64) -> Tensor {
    let n = rows.size()[0];
    let length = rows
        .norm_scalaropt_dim(2.0, [1i64].as_slice(), true)
        .clamp_min(1e-6);
    let unit = rows / length;
    let own = Tensor::eye(n, (rows.kind(), rows.device())) * 1e9;
    let alike = unit.matmul(&unit.tr()) / temperature - own;
    let other = Tensor::arange(n, (Kind::Int64, rows.device())) + n / 2;
    let other = other.remainder(n);
    alike.cross_entropy_loss::<Tensor>(&other, None, Reduction::Mean, -100, 0.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    const DOUBLE: (Kind, tch::Device) = (Kind::Double, tch::Device::Cpu);

    #[test]
    fn identical_pairs_among_orthogonal_others_have_the_closed_value() {
        // of n = 8 views each has one partner at 1 and n - 2 others at 0: ln(1 + 6 e^(-1/T))
        let four = Tensor::eye(4, DOUBLE) * 3.0;
        let rows = Tensor::cat(&[&four, &four], 0);
        for temperature in [0.5, 1.0] {
            let found = contrast(&rows, temperature).double_value(&[]);
            let wanted = (6.0 * (-1.0f64 / temperature).exp()).ln_1p();
            assert!((found - wanted).abs() < 1e-9, "{found} {wanted}");
        }
    }

    #[test]
    fn the_order_of_pairs_is_nothing_and_swapped_views_are_nothing() {
        tch::manual_seed(1);
        let [a, b] = [0, 1].map(|_| Tensor::randn([6, 5], DOUBLE));
        let of = |a: &Tensor, b: &Tensor| contrast(&Tensor::cat(&[a, b], 0), 0.5).double_value(&[]);
        let order = Tensor::randperm(6, (Kind::Int64, tch::Device::Cpu));
        let moved = |t: &Tensor| t.index_select(0, &order);
        assert!((of(&a, &b) - of(&moved(&a), &moved(&b))).abs() < 1e-12);
        assert!((of(&a, &b) - of(&b, &a)).abs() < 1e-12);
        assert!(of(&a, &a) < of(&a, &b), "partners that agree cost less");
    }

    #[test]
    fn every_shift_is_undone_and_changes_the_picture() {
        let image = Tensor::arange(2 * 3 * 4 * 4, DOUBLE).reshape([2, 3, 4, 4]);
        for shift in SHIFTS {
            let shifted = shift.of(&image);
            assert_eq!(shifted == image, matches!(shift, Shift::None), "{shift:?}");
            // where a pixel is, seen without colours
            let grey = |t: &Tensor| t.sum_dim_intlist([1i64].as_slice(), true, Kind::Double);
            assert_eq!(shift.back(&grey(&shifted)), grey(&image), "{shift:?}");
        }
    }
}
