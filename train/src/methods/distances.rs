//! Squared distances of a pixel's features to some centres, as a 1x1 convolution:
//! |x|² - 2 x·c + |c|².

use tch::{Kind, Tensor};

use super::pointwise;
use crate::graph::{Builder, Reduce, ValueId};
use crate::torch::{Network, NetworkError};

/// One plane for each of `count` centres; [`write`] puts the centres in.
pub(super) fn squared(b: &mut Builder, name: &str, x: ValueId, count: i64) -> ValueId {
    let cross = b.conv(name, x, count, [1, 1]);
    let squares = b.mul(&format!("{name}.squares"), x, x);
    let length = b.reduce(&format!("{name}.length"), squares, Reduce::Sum);
    let sum = b.add(&format!("{name}.sum"), cross, length);
    // rounding goes below zero
    b.relu(&format!("{name}.squared"), sum)
}

/// Puts the centres [M, C] of [`squared`] in.
pub(super) fn write(network: &Network, name: &str, centres: &Tensor) -> Result<(), NetworkError> {
    let length = (centres * centres).sum_dim_intlist([1i64].as_slice(), false, Kind::Double);
    network.set(&format!("{name}.weight"), &pointwise(&(centres * -2.0)))?;
    network.set(&format!("{name}.bias"), &length)
}

/// `count` centres of the rows of x [N, C] by Lloyd's method, from rows drawn by libtorch's generator.
/// Fewer rows than that are centres themselves.
pub(super) fn k_means(x: &Tensor, count: i64) -> Tensor {
    const ROUNDS: usize = 12;
    let n = x.size()[0];
    if n <= count {
        return x.copy();
    }
    let first = Tensor::randperm(n, (Kind::Int64, x.device())).narrow(0, 0, count);
    let mut centres = x.index_select(0, &first);
    for _ in 0..ROUNDS {
        let nearest = Tensor::cdist(x, &centres, 2.0, None).argmin(1, false);
        let sums = centres.zeros_like().index_add(0, &nearest, x);
        let each = nearest.ones_like().to_kind(x.kind());
        let zeros = Tensor::zeros([count], (x.kind(), x.device()));
        let counts = zeros.index_add(0, &nearest, &each).unsqueeze(1);
        // a centre that nothing is near stays
        let moved = sums / counts.clamp_min(1.0);
        centres = moved.where_self(&counts.gt(0.0), &centres);
    }
    centres
}

#[cfg(test)]
mod tests {
    use super::super::tests::{forward, plane};
    use super::*;

    #[test]
    fn the_convolution_gives_squared_distances() {
        let mut b = Builder::new("head");
        let x = b.input("x", 2, 4);
        let out = squared(&mut b, "near", x, 2);
        let network = Network::new(b.finish(&[out]), tch::Device::Cpu);
        let centres = Tensor::from_slice(&[0.0, 0.0, 4.0, 1.0]).reshape([2, 2]);
        write(&network, "near", &centres).unwrap();
        // (1, -3): 1 + 9, and 9 + 16
        let found = forward(&network, &[("x", &plane(&[1.0, -3.0]))]);
        assert_eq!(found, [10.0, 25.0]);
    }

    #[test]
    fn two_clusters_are_found_and_few_rows_are_their_own_centres() {
        tch::manual_seed(3);
        let noise = Tensor::randn([200, 2], (Kind::Double, tch::Device::Cpu)) * 0.1;
        let _ = noise.narrow(0, 0, 80).g_add_scalar_(5.0);
        let centres = k_means(&noise, 2);
        let mut means: Vec<f64> = Vec::try_from(centres.select(1, 0)).unwrap();
        means.sort_by(f64::total_cmp);
        assert!(
            means[0].abs() < 0.05 && (means[1] - 5.0).abs() < 0.05,
            "{means:?}"
        );
        assert_eq!(k_means(&noise.narrow(0, 0, 3), 4).size(), [3, 2]);
    }
}
