//! ONNX files run by ONNX Runtime.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use tch::Tensor;

/// Python of the trainer's environment, which has onnxruntime.
fn python() -> PathBuf {
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
