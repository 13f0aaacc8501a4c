//! Gaussians of classes that share one covariance.

use tch::{Kind, Tensor};

/// Added to the diagonal of a covariance.
const RIDGE: f64 = 1e-4;

/// See the module; in double precision.
#[derive(Debug)]
pub(super) struct Gaussians {
    /// [K, C]; a class without rows has the mean of all.
    pub(super) means: Tensor,
    /// [C, C].
    pub(super) covariance: Tensor,
}

impl Gaussians {
    /// Of rows [N, C] with class ids [N] below `classes`.
    pub(super) fn of(rows: &Tensor, label: &Tensor, classes: i64) -> Self {
        let rows = rows.detach().to_kind(Kind::Double);
        let (n, c) = (rows.size()[0], rows.size()[1]);
        let hot = label.one_hot(classes).to_kind(Kind::Double);
        let counts = hot
            .sum_dim_intlist([0i64].as_slice(), false, Kind::Double)
            .unsqueeze(1);
        let all = rows.mean_dim([0i64].as_slice(), true, Kind::Double);
        let means = hot.tr().matmul(&rows) / counts.clamp_min(1.0);
        let means = means.where_self(&counts.gt(0.0), &all);
        let centred = &rows - means.index_select(0, label);
        let ridge = Tensor::eye(c, (Kind::Double, rows.device())) * RIDGE;
        let covariance = centred.tr().matmul(&centred) / n.max(1) as f64 + ridge;
        Self { means, covariance }
    }

    /// A matrix W with WᵀW = S⁻¹: |Wx|² is the squared Mahalanobis length of x.
    pub(super) fn whitening(&self) -> anyhow::Result<Tensor> {
        let lower = self.covariance.f_linalg_cholesky(false)?;
        Ok(Tensor::f_linalg_inv(&lower)?)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn two_classes_have_their_means_and_one_covariance() {
        // class 0 at (0, 0) and (2, 0), class 2 at (5, 1) and (5, 5): centred (-1, 0) (1, 0) (0, -2) (0, 2)
        let rows = [0.0f32, 0.0, 2.0, 0.0, 5.0, 1.0, 5.0, 5.0];
        let rows = Tensor::from_slice(&rows).reshape([4, 2]);
        let found = Gaussians::of(&rows, &Tensor::from_slice(&[0i64, 0, 2, 2]), 3);
        let means: Vec<f64> = found.means.flatten(0, -1).try_into().unwrap();
        assert_eq!(means, [1.0, 0.0, 3.0, 1.5, 5.0, 3.0]);
        let covariance: Vec<f64> = found.covariance.flatten(0, -1).try_into().unwrap();
        assert_eq!(covariance, [0.5 + 1e-4, 0.0, 0.0, 2.0 + 1e-4]);
        // (1, 2) is sqrt(2) and sqrt(2) deviations away: 2 + 2
        let w = found.whitening().unwrap();
        let x = Tensor::from_slice(&[1.0f64, 2.0]).unsqueeze(1);
        let length = w.matmul(&x).square().sum(Kind::Double).double_value(&[]);
        assert!((length - 4.0).abs() < 1e-3, "{length}");
    }
}
