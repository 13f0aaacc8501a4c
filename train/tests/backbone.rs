//! The backbone computes what the original EfficientNet-Lite0 computes.
//! `fixtures/make_backbone.py` made what is compared with.

#![allow(clippy::unwrap_used, clippy::expect_used)]

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use lookout_train::graph::Builder;
use lookout_train::nets::{backbone, load_backbone};
use lookout_train::torch::{Mode, Network};
use tch::{Device, Kind, Tensor, no_grad};

const SIZE: [i64; 4] = [1, 3, 32, 64];
/// Largest difference, relative to the largest value of the activation.
const TOLERANCE: f64 = 1e-4;

/// The picture of the fixture: any formula would do.
fn picture() -> Tensor {
    let i = Tensor::arange(SIZE.iter().product::<i64>(), (Kind::Double, Device::Cpu));
    let picture = (&i * 0.37 + (&i * 0.011).cos()).sin();
    picture.reshape(SIZE).to_kind(Kind::Float)
}

#[test]
fn the_backbone_equals_its_original() {
    let weights = std::env::var_os("LOOKOUT_BACKBONE").map(PathBuf::from);
    let weights = weights.expect("LOOKOUT_BACKBONE is not set: run `. train/setup.sh` first");
    let mut b = Builder::new("backbone");
    let image = b.input("image", 3, 1);
    let kept = backbone(&mut b, image, [2, 4, 10]);
    for (id, name) in kept.into_iter().zip(["block2", "block4", "block10"]) {
        b.rename(id, name);
    }
    let network = Network::new(b.finish(&kept), Device::Cpu);
    load_backbone(&network, &weights).unwrap();
    let out = no_grad(|| network.forward(&[("image", &picture())], Mode::Train)).unwrap();

    let fixture = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/backbone.safetensors");
    let original: BTreeMap<String, Tensor> = Tensor::read_safetensors(fixture)
        .unwrap()
        .into_iter()
        .collect();
    assert_eq!(original.len(), 3);
    for (name, wanted) in original {
        let found = &out[&name];
        assert_eq!(found.size(), wanted.size(), "{name}");
        let largest = wanted.abs().max().double_value(&[]);
        let apart = (found - &wanted).abs().max().double_value(&[]) / largest;
        assert!(apart < TOLERANCE, "{name}: {apart} apart");
    }
}
