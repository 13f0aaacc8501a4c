//! What the tests of the methods share.

use tch::{Device, Kind, Tensor};

use super::Config;
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
