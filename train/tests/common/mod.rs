//! Running exported networks beside libtorch.

#![allow(clippy::unwrap_used, clippy::expect_used)]
// each test program uses a part of this
#![allow(dead_code)]

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use lookout_train::torch::Network;
use tch::{Device, Kind, Tensor, no_grad};

/// Largest difference to libtorch, relative to the largest value of the tensor (or 1): a value near
/// zero is a difference of large ones, and rounding is as large as they are.
pub(crate) const TOLERANCE: f32 = 1e-4;
/// Python of the trainer's environment, which has onnxruntime.
pub(crate) fn python() -> PathBuf {
    let library = std::env::var_os("ORT_DYLIB_PATH").filter(|path| !path.is_empty());
    let library =
        PathBuf::from(library.expect("ORT_DYLIB_PATH is not set: run `. train/setup.sh` first"));
    // <venv>/lib/python3.x/site-packages/onnxruntime/capi/libonnxruntime.so.x
    let venv = library.ancestors().nth(6).unwrap_or(Path::new(""));
    let python = venv.join("bin/python");
    assert!(
        python.is_file(),
        "{} is not in the environment that `. train/setup.sh` makes",
        library.display()
    );
    python
}

pub(crate) fn noise(n: i64, height: i64, width: i64) -> Tensor {
    Tensor::randn([n, 3, height, width], (Kind::Float, Device::Cpu))
}

/// Gives batch norms a scale and all layers a bias of their own: fresh ones have 1 and 0.
pub(crate) fn unsettle(network: &Network) {
    no_grad(|| {
        for (name, tensor) in network.parameters() {
            let mut tensor = tensor.shallow_clone();
            if name.ends_with(".bias") {
                let _ = tensor.normal_(0.0, 0.2);
            } else if tensor.dim() == 1 && name.ends_with(".weight") {
                let _ = tensor.uniform_(0.5, 1.5);
            }
        }
    });
}

/// The numbers of a tensor, row by row.
pub(crate) fn values(tensor: &Tensor) -> Vec<f32> {
    tensor.contiguous().flatten(0, -1).try_into().unwrap()
}

/// Whether ONNX Runtime may change a graph before it runs it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[allow(dead_code, reason = "no test needs both")]
pub(crate) enum Graph {
    /// As in use.
    Optimised,
    /// Node by node.
    AsWritten,
}

/// Runs the ONNX file on the inputs; shape and values of each output by name.
pub(crate) fn run_onnx(
    model: &Path,
    inputs: &BTreeMap<String, Tensor>,
    graph: Graph,
) -> BTreeMap<String, (Vec<i64>, Vec<f32>)> {
    let folder = tempfile::tempdir().unwrap();
    let file = |name: &str, kind: &str| folder.path().join(format!("{name}.{kind}.f32"));
    for (name, tensor) in inputs {
        let bytes: Vec<u8> = values(tensor)
            .iter()
            .flat_map(|v| v.to_le_bytes())
            .collect();
        fs::write(file(name, "in"), bytes).unwrap();
    }
    let shapes: BTreeMap<&String, Vec<i64>> = inputs.iter().map(|(n, t)| (n, t.size())).collect();
    let shapes = serde_json::to_string(&shapes).unwrap();
    fs::write(folder.path().join("inputs.json"), shapes).unwrap();

    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/run_onnx.py");
    let run = Command::new(python())
        .arg(script)
        .arg(model)
        .arg(folder.path())
        .args((graph == Graph::AsWritten).then_some("as-written"))
        .output()
        .unwrap();
    assert!(
        run.status.success(),
        "onnxruntime on {}: {}",
        model.display(),
        String::from_utf8_lossy(&run.stderr)
    );

    let shapes = fs::read_to_string(folder.path().join("outputs.json")).unwrap();
    let shapes: BTreeMap<String, Vec<i64>> = serde_json::from_str(&shapes).unwrap();
    let output = |(name, shape): (String, Vec<i64>)| {
        let bytes = fs::read(file(&name, "out")).unwrap();
        let (words, rest) = bytes.as_chunks::<4>();
        assert!(rest.is_empty());
        let values = words.iter().map(|w| f32::from_le_bytes(*w)).collect();
        (name, (shape, values))
    };
    shapes.into_iter().map(output).collect()
}
