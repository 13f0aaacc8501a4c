//! Exported networks, run by ONNX Runtime, compute what libtorch computes.

#![allow(clippy::unwrap_used, clippy::expect_used)]

mod common;

use std::collections::BTreeMap;
use std::fs;

use common::{Graph, TOLERANCE, noise, run_onnx, unsettle, values};
use lookout_train::data::CLASSES;
use lookout_train::nets::{BACKBONE_PREFIX, Design, LOGITS, OBSERVER};
use lookout_train::onnx::export;
use lookout_train::torch::{Mode, Network};
use tch::{Device, Tensor, no_grad};

/// Height and width of the images.
const SIZES: [(i64, i64); 2] = [(352, 480), (64, 96)];

fn assert_statistics_are_not_trivial(network: &Network) {
    // a backbone's statistics are frozen
    let trained = |name: &String| !name.starts_with(BACKBONE_PREFIX);
    for (name, tensor) in network.parameters().iter().filter(|p| trained(p.0)) {
        let trivial = if name.ends_with(".running_mean") {
            tensor.zeros_like()
        } else if name.ends_with(".running_var") {
            tensor.ones_like()
        } else {
            continue;
        };
        let moved = (tensor - trivial).abs().max().double_value(&[]);
        assert!(moved > 1e-3, "{name} moved by {moved} only");
    }
}

fn forward(
    network: &Network,
    inputs: &BTreeMap<String, Tensor>,
    mode: Mode,
) -> BTreeMap<String, Tensor> {
    let inputs: Vec<(&str, &Tensor)> = inputs.iter().map(|(n, t)| (n.as_str(), t)).collect();
    no_grad(|| network.forward(&inputs, mode)).unwrap()
}

fn image_only(image: Tensor) -> BTreeMap<String, Tensor> {
    BTreeMap::from([("image".to_owned(), image)])
}

/// The segmentation network with running statistics of random images.
fn segmentation(design: Design) -> Network {
    let network = Network::new(design.segmentation(CLASSES), Device::Cpu);
    unsettle(&network);
    for _ in 0..8 {
        forward(&network, &image_only(noise(4, 64, 96)), Mode::Train);
    }
    assert_statistics_are_not_trivial(&network);
    network
}

/// What the observer reads: the image, and the segmentation network's logits and activations.
fn observer_inputs(
    design: Design,
    segmentation: &Network,
    image: Tensor,
) -> BTreeMap<String, Tensor> {
    let mut seen = image_only(image);
    let mut out = forward(segmentation, &seen, Mode::Evaluate);
    for name in segmentation_outputs(design) {
        let tensor = out.remove(name).expect("an output of the graph");
        seen.insert(name.to_owned(), tensor);
    }
    seen
}

fn segmentation_outputs(design: Design) -> Vec<&'static str> {
    let mut names = vec![LOGITS];
    names.extend(design.activations().iter().map(|a| a.0));
    names
}

/// Exports the network and compares the named outputs with libtorch's.
fn assert_export_agrees(network: &Network, outputs: &[&str], inputs: &BTreeMap<String, Tensor>) {
    let folder = tempfile::tempdir().unwrap();
    let model = folder.path().join("network.onnx");
    fs::write(&model, export(network, outputs).unwrap()).unwrap();
    let exported = run_onnx(&model, inputs, Graph::Optimised);
    let expected = forward(network, inputs, Mode::Evaluate);
    assert_eq!(exported.len(), outputs.len());
    for &name in outputs {
        let (shape, found) = &exported[name];
        let tensor = &expected[name];
        assert_eq!(*shape, tensor.size(), "shape of {name}");
        let wanted = values(tensor);
        assert!(wanted.iter().chain(found).all(|v| v.is_finite()), "{name}");
        let largest = wanted.iter().fold(1.0f32, |m, v| m.max(v.abs()));
        let apart = found.iter().zip(&wanted).map(|(a, b)| (a - b).abs());
        let worst = apart.fold(0.0, f32::max) / largest;
        assert!(
            worst <= TOLERANCE,
            "{name} at {shape:?}: {worst} apart, largest {largest}"
        );
        let spread = tensor.std(true).double_value(&[]);
        assert!(spread > 1e-3, "{name} is all but constant: {spread}");
    }
}

const DESIGNS: [Design; 2] = [Design::Road, Design::Small];

#[test]
fn the_exported_segmentation_networks_agree_with_libtorch() {
    tch::manual_seed(11);
    for design in DESIGNS {
        let network = segmentation(design);
        for (height, width) in SIZES {
            let inputs = image_only(noise(1, height, width));
            assert_export_agrees(&network, &segmentation_outputs(design), &inputs);
        }
    }
}

#[test]
fn the_exported_observers_agree_with_libtorch() {
    tch::manual_seed(12);
    for design in DESIGNS {
        let segmentation = segmentation(design);
        let observer = Network::new(design.observer(CLASSES), Device::Cpu);
        unsettle(&observer);
        for _ in 0..8 {
            let inputs = observer_inputs(design, &segmentation, noise(4, 64, 96));
            forward(&observer, &inputs, Mode::Train);
        }
        assert_statistics_are_not_trivial(&observer);
        for (height, width) in SIZES {
            let inputs = observer_inputs(design, &segmentation, noise(1, height, width));
            assert_export_agrees(&observer, &[OBSERVER], &inputs);
        }
    }
}
