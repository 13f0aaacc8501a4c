//! What the tests of the methods share.

use tch::{Device, Kind, Tensor};

use super::{Config, Scenes};
use crate::data::{LabelKind, Mixture, Picture, TrainingSet};
use crate::graph::Graph;
use crate::torch::{Mode, Network};

/// One pixel.
pub(super) fn plane(x: &[f64]) -> Tensor {
    let size = [1, x.len() as i64, 1, 1];
    Tensor::from_slice(x).to_kind(Kind::Float).reshape(size)
}

/// The first output, flat.
pub(super) fn forward(network: &Network, inputs: &[(&str, &Tensor)]) -> Vec<f64> {
    let graph = network.graph();
    let name = &graph.value(graph.outputs[0]).name;
    let out = network.forward(inputs, Mode::Evaluate).unwrap();
    let out = out[name].detach().to_kind(Kind::Double);
    out.flatten(0, -1).try_into().unwrap()
}

/// The first output of a graph whose parameters are these.
pub(super) fn run(graph: Graph, inputs: &[(&str, &Tensor)], set: &[(&str, &[f64])]) -> Vec<f64> {
    let network = Network::new(graph, Device::Cpu);
    for (name, values) in set {
        network.set(name, &Tensor::from_slice(values)).unwrap();
    }
    forward(&network, inputs)
}

/// Scenes of one grey picture, and nothing to paste.
pub(super) fn scenes() -> Scenes {
    let picture = Picture {
        width: 32,
        height: 32,
        rgb: vec![90; 3 * 32 * 32],
        label: vec![3; 32 * 32],
        outlier: vec![0; 32 * 32],
    };
    Scenes {
        mixture: Mixture::new(vec![TrainingSet {
            weight: 1.0,
            scale: (1.0, 1.0),
            kind: LabelKind::Plain,
            pictures: vec![picture],
        }]),
        cutouts: vec![],
        rendered: vec![],
    }
}

#[test]
fn an_unknown_method_or_option_is_named() {
    let why = |text: &str| toml::from_str::<Config>(text).unwrap_err().to_string();
    let unknown = why("name = 'mahalanobiss'");
    assert!(
        unknown.contains("`mahalanobiss`") && unknown.contains("`mahalanobis`"),
        "{unknown}"
    );
    for text in [
        "name = 'energy'\ntemperature = 2.0",
        "name = 'vim'\ndimensions = 24\ntemperature = 2.0",
    ] {
        assert!(why(text).contains("`temperature`"), "{}", why(text));
    }
}
