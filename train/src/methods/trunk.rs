//! What heads that are trained on frames have in common: a few layers over what is seen at 1/4, and
//! losses at that size.

use tch::{Kind, Tensor};

use super::{FEATURES, MethodError, read};
use crate::data::{Batch, CLASSES};
use crate::graph::{Builder, ValueId};
use crate::nets::Design;

/// Planes of [`trunk`].
pub(super) const WIDTH: i64 = 32;

/// [`WIDTH`] planes at 1/4 of what the segmentation network has there.
pub(super) fn trunk(b: &mut Builder, design: Design) -> Result<ValueId, MethodError> {
    let detail = read(b, design, "detail4")?;
    let features = read(b, design, FEATURES)?;
    let both = b.concat("trunk.concat", &[detail, features]);
    let x = b.conv_bn_relu("trunk.fuse", both, WIDTH, [1, 1], 1, 1);
    Ok(b.factorised("trunk.near", x, 1))
}

/// Labels and unknown pixels of a batch at 1/4.
pub(super) struct Quarter {
    /// [N, h, w], class ids.
    pub(super) label: Tensor,
    /// [N, h, w], where something unknown is.
    pub(super) unknown: Tensor,
    /// [N, h, w], where a class is and nothing unknown.
    pub(super) known: Tensor,
}

impl Quarter {
    pub(super) fn of(batch: &Batch, device: tch::Device) -> Self {
        let thin = |t: &Tensor| {
            let size = t.size();
            t.slice(1, 2, size[1], 4).slice(2, 2, size[2], 4).to(device)
        };
        let label = thin(&batch.label);
        let unknown = thin(&batch.outlier).gt(0.0);
        let known = label.lt(CLASSES).logical_and(&unknown.logical_not());
        Self {
            label,
            unknown,
            known,
        }
    }
}

/// The mean of `each` where `mask` is; 0 where that is nowhere.
pub(super) fn mean_where(each: &Tensor, mask: &Tensor) -> Tensor {
    let mask = mask.to_kind(Kind::Float);
    (each * &mask).sum(Kind::Float) / mask.sum(Kind::Float).clamp_min(1.0)
}

/// Binary cross entropy of logits [N, 1, h, w]; both sides weigh alike in sum.
pub(super) fn told_apart(z: &Tensor, positive: &Tensor, negative: &Tensor) -> Tensor {
    let z = z.squeeze_dim(1);
    (mean_where(&(-&z).softplus(), positive) + mean_where(&z.softplus(), negative)) * 0.5
}

/// Cross entropy of class logits [N, K, h, w] with the labels, where a class is.
pub(super) fn entropy(logits: &Tensor, quarter: &Quarter) -> Tensor {
    let label = quarter.label.clamp_max(CLASSES - 1).unsqueeze(1);
    let picked = logits.log_softmax(1, Kind::Float).gather(1, &label, false);
    mean_where(&-picked.squeeze_dim(1), &quarter.known)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_sides_weigh_alike_and_what_is_neither_weighs_nothing() {
        let z = Tensor::from_slice(&[0.0f32, 2.0, 2.0, 2.0, 9.0]).reshape([1, 1, 1, 5]);
        let mask = |m: [bool; 5]| Tensor::from_slice(&m).reshape([1, 1, 5]);
        let positive = mask([true, false, false, false, false]);
        let negative = mask([false, true, true, true, false]);
        // half of ln 2 and half of ln(1 + e²)
        let loss = told_apart(&z, &positive, &negative).double_value(&[]);
        assert!(
            (loss - (std::f64::consts::LN_2 + 2.126_928) / 2.0).abs() < 1e-5,
            "{loss}"
        );
    }

    #[test]
    fn entropy_counts_known_pixels_only() {
        let label = Tensor::from_slice(&[0i64, 11, 3]).reshape([1, 1, 3]);
        let unknown = Tensor::from_slice(&[false, false, true]).reshape([1, 1, 3]);
        let known = Tensor::from_slice(&[true, false, false]).reshape([1, 1, 3]);
        let quarter = Quarter {
            label,
            unknown,
            known,
        };
        let logits = Tensor::zeros([1, 11, 1, 3], (Kind::Float, tch::Device::Cpu));
        let loss = entropy(&logits, &quarter).double_value(&[]);
        assert!((loss - 11f64.ln()).abs() < 1e-5, "{loss}");
    }
}
