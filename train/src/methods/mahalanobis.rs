//! Squared Mahalanobis distance to the nearest class (Lee et al., NeurIPS 2018), per pixel.

use serde::{Deserialize, Serialize};
use tch::{Kind, Tensor};

use super::gaussians::Gaussians;
use super::{FEATURES, Known, Method, MethodError, SCORE, distances, pointwise, read};
use crate::data::CLASSES;
use crate::graph::{Builder, Graph, Reduce, ValueId};
use crate::nets::Design;
use crate::torch::Network;

/// See the module.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Mahalanobis {}

impl Method for Mahalanobis {
    fn graph(&self, design: Design) -> Result<Graph, MethodError> {
        let mut b = Builder::new("head");
        let features = read(&mut b, design, FEATURES)?;
        let score = score(&mut b, features, CLASSES);
        Ok(b.finish(&[score]))
    }

    fn fit(&self, network: &Network, known: &Known<'_>) -> anyhow::Result<()> {
        let pixels = &known.pixels;
        write(network, &pixels.features, &pixels.label, CLASSES)
    }
}

/// Nearest of `classes` centres where all deviations are one.
pub(super) fn score(b: &mut Builder, features: ValueId, classes: i64) -> ValueId {
    let planes = b.shape(features).0;
    let white = b.conv("white", features, planes, [1, 1]);
    let all = distances::squared(b, "distance", white, classes);
    b.reduce(SCORE, all, Reduce::Min)
}

/// Puts the Gaussians of rows [N, C] in.
pub(super) fn write(
    network: &Network,
    rows: &Tensor,
    label: &Tensor,
    classes: i64,
) -> anyhow::Result<()> {
    let gaussians = Gaussians::of(rows, label, classes);
    let white = gaussians.whitening()?;
    // round the mean of all, so that no large numbers are subtracted
    let centre = gaussians
        .means
        .mean_dim([0i64].as_slice(), true, Kind::Double);
    network.set("white.weight", &pointwise(&white))?;
    network.set("white.bias", &-white.matmul(&centre.tr()))?;
    let centres = (&gaussians.means - centre).matmul(&white.tr());
    distances::write(network, "distance", &centres)?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::super::tests::{forward, plane};
    use super::*;

    #[test]
    fn the_score_is_the_squared_distance_to_the_nearest_class() {
        // the Gaussians of the test in gaussians.rs: means (1, 0) and (5, 3), variances .5 and 2
        let rows = Tensor::from_slice(&[0.0f32, 0.0, 2.0, 0.0, 5.0, 1.0, 5.0, 5.0]).reshape([4, 2]);
        let mut b = Builder::new("head");
        let features = b.input(FEATURES, 2, 4);
        let out = score(&mut b, features, 2);
        let network = Network::new(b.finish(&[out]), tch::Device::Cpu);
        write(&network, &rows, &Tensor::from_slice(&[0i64, 0, 1, 1]), 2).unwrap();
        let score = |x: [f64; 2]| forward(&network, &[(FEATURES, &plane(&x))])[0];
        assert!(score([1.0, 0.0]).abs() < 1e-4);
        assert!((score([1.0, 2.0]) - 2.0).abs() < 1e-3);
        assert!((score([4.0, 5.0]) - 4.0).abs() < 1e-3, "1 / .5 + 4 / 2");
    }
}
