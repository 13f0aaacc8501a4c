//! From a bundle of one odd size to the same bundle with an observer, which the node's engine runs.

#![allow(clippy::unwrap_used, clippy::expect_used)]

mod pictures;

use std::fs;
use std::path::{Path, PathBuf};

use lookout::engine::{Engine, Resolution, RtenEngine};
use lookout::frame::Frame;
use lookout::model::Bundle;
use lookout::time::Stamp;
use lookout_adopt::bundle::sha256;
use lookout_adopt::proto::{
    Attribute, DimensionValue, GraphProto, Model, NodeProto, OperatorSet, TensorProto, ValueInfo,
    data_type,
};
use lookout_train::run::{AdoptedExperiment, Stage, Surroundings};
use pictures::{write_cutouts, write_pictures};
use tch::{Device, Kind, Tensor};

const SIDE: i64 = 65;

/// Two convolutions: an activation at 1/2, three classes at 1/4.
fn network() -> Model {
    tch::manual_seed(9);
    let mut graph = GraphProto {
        name: "own".to_owned(),
        ..GraphProto::default()
    };
    let layers = [
        ("colours", "seen/half", 3, 5),
        ("seen/half", "scores", 5, 3),
    ];
    for (input, output, before, after) in layers {
        let weight = Tensor::randn([after, before, 3, 3], (Kind::Float, Device::Cpu));
        let weight: Vec<f32> = weight.flatten(0, -1).try_into().unwrap();
        let name = format!("{output}.weight");
        let weight = TensorProto::float(&name, &[after, before, 3, 3], &weight);
        graph.initializer.push(weight);
        graph.node.push(NodeProto {
            input: vec![input.to_owned(), name],
            output: vec![output.to_owned()],
            name: output.to_owned(),
            op_type: "Conv".to_owned(),
            attribute: vec![
                Attribute::ints("kernel_shape", &[3, 3]),
                Attribute::ints("strides", &[2, 2]),
                Attribute::ints("pads", &[1, 1, 1, 1]),
                Attribute::ints("dilations", &[1, 1]),
            ],
            ..NodeProto::default()
        });
    }
    let value = |name: &str, planes, side| {
        let sides = [1, planes, side, side].map(DimensionValue::Fixed);
        ValueInfo::tensor(name, data_type::FLOAT, &sides)
    };
    graph.input = vec![value("colours", 3, SIDE)];
    graph.output = vec![value("scores", 3, 17), value("seen/half", 5, 33)];
    Model {
        ir_version: 8,
        graph: Some(graph),
        opset_import: vec![OperatorSet {
            domain: String::new(),
            version: 17,
        }],
        ..Model::default()
    }
}

fn write_bundle(folder: &Path) {
    fs::create_dir(folder).unwrap();
    let graph = network().bytes();
    let mut text = format!(
        r#"format = 1
name = "own"
version = "1.0.0"
description = "three classes"

[input]
mean = [0.4, 0.5, 0.6]
std = [0.3, 0.3, 0.3]
fixed = {{ width = {SIDE}, height = {SIDE}, fit = "letterbox" }}

[segmentation]
file = "segmentation.onnx"
sha256 = "{}"
image = "colours"
logits = "scores"
stride = 4
activations = ["seen/half"]

[provenance]
data = "none"
licence = "none"
training = "none"
"#,
        sha256(&graph)
    );
    for name in ["sky", "building", "teapot"] {
        text += &format!("\n[[class]]\nname = \"{name}\"\ncolor = [1, 2, 3]\n");
    }
    text += "\n[[threshold]]\nscore = \"energy\"\nmode = \"full\"\nfpr1 = 0.5\ncalibration = \"none\"\n";
    fs::write(folder.join("segmentation.onnx"), graph).unwrap();
    fs::write(folder.join("model.toml"), text).unwrap();
}

const EXPERIMENT: &str = r#"
seed = 3
sets = ["pictures"]
[observer]
sample = { width = 32, height = 32 }
cutouts = ["cutouts"]
rendering = { drives = 1, frames = 1 }
attacked = 1
backbone_rate = 0.3
attack = { mode = "both", epsilon = [0.02, 0.1], noise = 0.03 }
outlier_weight = 2.0
failure_weight = 1.0
hard_negatives = 2.0
schedule = { steps = 2, batch = 2, rate = 1e-3, decay = 1e-2, validate_every = 100, save_every = 100 }
composition = { rendered = 0.2, rendered_clean = 0.1, clean = 0.3, known = 0.5, cutout = 0.6, texture = 0.3, corruption = 0.1 }
"#;

const SET: &str = r#"
weight = 1.0
scale = [0.7, 1.5]
pasted = "sized"
train = { images = "pictures/train/images", labels = "pictures/train/labels" }
validation = { images = "pictures/val/images", labels = "pictures/val/labels" }
"#;

#[test]
fn a_bundle_of_one_odd_size_gets_an_observer_that_the_engine_runs() {
    let folder = tempfile::tempdir().unwrap();
    let root = folder.path();
    write_pictures(&root.join("pictures"));
    write_cutouts(&root.join("cutouts"));
    write_bundle(&root.join("own"));
    fs::create_dir(root.join("sets")).unwrap();
    fs::write(root.join("sets/pictures.toml"), SET).unwrap();
    let file = root.join("adopted.toml");
    fs::write(&file, EXPERIMENT).unwrap();
    // with gradients, and by an engine without
    for attack in [true, false] {
        let out = root.join(format!("run-{attack}"));
        let around = Surroundings {
            file: file.clone(),
            out: out.clone(),
            data: root.to_owned(),
            backbone: std::env::var_os("LOOKOUT_BACKBONE").map(PathBuf::from),
            lookout: "lookout".into(),
            until: Stage::Export,
        };
        let run = || {
            let experiment = AdoptedExperiment::read(&file).unwrap();
            experiment.run(&root.join("own"), attack, &around, Device::Cpu)
        };
        run().unwrap();
        let made = fs::read(out.join("bundle/observer.onnx")).unwrap();
        // what is done is not done again
        run().unwrap();
        assert_eq!(fs::read(out.join("bundle/observer.onnx")).unwrap(), made);

        let bundle = Bundle::load(&out.join("bundle")).unwrap();
        assert!(bundle.manifest().head.is_some());
        assert!(bundle.manifest().thresholds.is_empty());
        let mut engine = RtenEngine::load(&bundle, 1).unwrap();
        let pixels = (0..80 * 60 * 3).map(|i| (i * 7 % 251) as u8).collect();
        let frame = Frame::from_rgb(Stamp::default(), 80, 60, pixels).unwrap();
        engine.segment(&frame, Resolution::Full).unwrap();
        engine.observe().unwrap();
        let made = engine.perception();
        // 60 rows of 80 are 13 logits of 17
        assert_eq!(made.size(), (17, 13));
        let scores = made.observer().expect("the observer ran");
        let mut values = scores.planes().flatten();
        assert!(values.all(|v| v.is_finite()));
    }
}
