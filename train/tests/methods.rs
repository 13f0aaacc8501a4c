//! Every method's head, fitted, computes on ONNX Runtime and on rten what libtorch computes.

#![allow(clippy::unwrap_used, clippy::expect_used)]

mod common;

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use common::{Graph, TOLERANCE, noise, run_onnx, unsettle, values};
use lookout::engine::load_model;
use lookout_train::bench::Bench;
use lookout_train::data::{CLASSES, LabelKind, Mixture, Picture, TrainingSet};
use lookout_train::methods::{Config, FEATURES, Known, Pixels, Scenes};
use lookout_train::nets::{Design, LOGITS};
use lookout_train::onnx::export;
use lookout_train::torch::{Mode, Network};
use rten::ValueOrView;
use rten_tensor::prelude::*;
use tch::{Device, Kind, Tensor, no_grad};

/// A segmentation network with running statistics of random images.
fn segmentation() -> Network {
    let network = Network::new(Design::Road.segmentation(CLASSES), Device::Cpu);
    unsettle(&network);
    for _ in 0..8 {
        no_grad(|| network.forward(&[("image", &noise(4, 64, 96))], Mode::Train)).unwrap();
    }
    network
}

fn picture(seed: u8) -> Picture {
    let (width, height) = (96, 64);
    let rgb = (0..3 * width * height).map(|i| (i * (7 + usize::from(seed)) % 251) as u8);
    Picture {
        width,
        height,
        rgb: rgb.collect(),
        // blocks of all classes
        label: (0..width * height)
            .map(|i| (i % width / 24 + 4 * (i / width / 24)) as u8 % 11)
            .collect(),
        outlier: vec![0; width * height],
    }
}

/// Noise in the shape of what the network gives, as wide as a trained one's: one that is not trained makes all but
/// constant things. Activations are not negative.
fn spread(name: &str, t: &Tensor) -> Tensor {
    let t = t.randn_like() * 2.0;
    if name == LOGITS { t } else { t.relu() }
}

/// Pixels of noise with random labels.
fn pixels(network: &Network) -> Pixels {
    let seen =
        no_grad(|| network.forward(&[("image", &noise(2, 64, 96))], Mode::Evaluate)).unwrap();
    let rows = |name: &str| {
        let t = spread(name, &seen[name]);
        t.permute([0, 2, 3, 1]).reshape([-1, t.size()[1]])
    };
    let (features, logits) = (rows(FEATURES), rows(LOGITS));
    // mostly what is seen, and every class somewhere
    let label = logits.argmax(1, false);
    let every = Tensor::arange(label.size()[0], (Kind::Int64, Device::Cpu));
    let other = every.remainder(CLASSES);
    let label = other.where_self(&every.remainder(5).eq(0), &label);
    // classes that lie apart
    let planes = features.size()[1];
    let apart = Tensor::randn([CLASSES, planes], (Kind::Float, Device::Cpu)) * 2.0;
    let features = features + apart.index_select(0, &label);
    Pixels {
        features,
        logits,
        label,
    }
}

fn on_rten(bytes: Vec<u8>, inputs: &BTreeMap<String, Tensor>, output: &str) -> Vec<f32> {
    // as the node loads it: what rten computes otherwise than ONNX says is refused
    let model = load_model(Cow::Owned(bytes)).unwrap();
    let given = inputs.iter().map(|(name, tensor)| {
        let shape: Vec<usize> = tensor.size().iter().map(|&n| n as usize).collect();
        let value = rten_tensor::Tensor::from_data(shape.as_slice(), values(tensor));
        (model.find_node(name).unwrap(), ValueOrView::from(value))
    });
    let out = model.find_node(output).unwrap();
    let found = model.run(given.collect(), &[out], None).unwrap().remove(0);
    let found: rten_tensor::Tensor<f32> = found.try_into().unwrap();
    found.to_vec()
}

#[test]
fn the_heads_of_the_shipped_bench_agree_with_libtorch_on_both_engines() {
    let bench = Path::new(env!("CARGO_MANIFEST_DIR")).join("../experiments/bench.toml");
    let (bench, _) = Bench::read(&bench).unwrap();
    tch::manual_seed(21);
    let segmentation = segmentation();
    let pictures: Vec<Picture> = (0..3).map(picture).collect();
    let known = Known {
        design: Design::Road,
        segmentation: &segmentation,
        start: PathBuf::new(),
        pixels: pixels(&segmentation),
        scenes: Scenes {
            mixture: Mixture::new(vec![TrainingSet {
                weight: 1.0,
                scale: (1.0, 1.0),
                kind: LabelKind::Plain,
                pictures: pictures.clone(),
            }]),
            cutouts: vec![],
            rendered: vec![],
        },
        frames: pictures,
        device: Device::Cpu,
    };
    let image = noise(1, 64, 96);
    let seen = no_grad(|| segmentation.forward(&[("image", &image)], Mode::Evaluate)).unwrap();
    let seen: BTreeMap<String, Tensor> = seen
        .iter()
        .map(|(n, t)| (n.clone(), spread(n, t)))
        .collect();
    for row in &bench.rows {
        if matches!(row.method, Config::Observer(_)) {
            continue; // tests/export.rs has it
        }
        let method = row.method.method();
        let network = Network::new(method.graph(Design::Road).unwrap(), Device::Cpu);
        unsettle(&network);
        network.borrow_from(&segmentation);
        let name = method.output();
        method.fit(&network, &known).unwrap();

        let graph = network.graph();
        let graph = graph.with_outputs(&[graph.find(name).unwrap()]);
        let mut inputs = BTreeMap::new();
        for id in &graph.inputs {
            let value = &graph.value(*id).name;
            let tensor = if value == "image" {
                &image
            } else {
                &seen[value]
            };
            inputs.insert(value.clone(), tensor.shallow_clone());
        }
        let given: Vec<(&str, &Tensor)> = inputs.iter().map(|(n, t)| (n.as_str(), t)).collect();
        let mut all = given.clone();
        all.push(("image", &image));
        all.extend(seen.iter().map(|(n, t)| (n.as_str(), t)));
        let wanted = no_grad(|| network.forward(&all, Mode::Evaluate)).unwrap();
        let wanted = values(&wanted[name]);

        let bytes = export(&network, &[name]).unwrap();
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("head.onnx");
        fs::write(&file, &bytes).unwrap();
        let on_ort = run_onnx(&file, &inputs, Graph::Optimised)
            .remove(name)
            .unwrap()
            .1;
        let on_rten = on_rten(bytes, &inputs, name);
        // some planes are of thousandths: no difference to them may hide behind one
        let largest = wanted.iter().fold(0.0f32, |m, v| m.max(v.abs()));
        assert!(largest.is_finite(), "{}", row.name);
        let range = wanted.iter().fold(f32::MIN, |m, v| m.max(*v))
            - wanted.iter().fold(f32::MAX, |m, v| m.min(*v));
        // the unknown prototype of a network that is not trained is far from all noise
        let varies = range > 1e-2 * largest || row.name == "grood-length";
        assert!(
            varies,
            "{} is all but constant: {range} of {largest}",
            row.name
        );
        for (engine, found) in [("ONNX Runtime", on_ort), ("rten", on_rten)] {
            assert_eq!(found.len(), wanted.len(), "{} on {engine}", row.name);
            let apart = found.iter().zip(&wanted).map(|(a, b)| (a - b).abs());
            let worst = apart.fold(0.0, f32::max) / largest;
            assert!(
                worst <= TOLERANCE,
                "{} on {engine}: {worst} apart",
                row.name
            );
        }
    }
}
