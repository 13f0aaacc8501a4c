//! The built-in engine against ONNX Runtime, operator by operator: `.ci/operators DIR` writes the graphs, and what they
//! give; this runs with LOOKOUT_OPERATORS=DIR. What the engine takes, it must compute as ONNX Runtime does; what it does
//! not take, it must refuse by name.
#![allow(clippy::unwrap_used, reason = "a test that fails may panic")]

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};

use lookout::engine::load_model;
use rten::{Value, ValueOrView};
use rten_onnx::onnx::{DataType, ModelProto, TensorProto};
use rten_tensor::Tensor;
use rten_tensor::prelude::*;

/// Largest difference of a number to one of ONNX Runtime, as a share of it or of 1, whichever is more. The engine
/// computes f16 in f32, and sums in another order.
const TOLERANCE: f64 = 1e-4;
const TOLERANCE_F16: f64 = 4e-3;

/// What came of a graph.
enum Outcome {
    Same,
    Refused,
    Wrong(String),
}

fn half(bits: u16) -> f64 {
    let (exponent, fraction) = ((bits >> 10) & 31, f64::from(bits & 0x3ff));
    let size = match exponent {
        0 => fraction * 2f64.powi(-24),
        31 if fraction == 0.0 => f64::INFINITY,
        31 => f64::NAN,
        _ => (1024.0 + fraction) * 2f64.powi(i32::from(exponent) - 25),
    };
    if bits >> 15 == 0 { size } else { -size }
}

/// The numbers of a tensor; `None` where it is of a type that the engine has not.
fn numbers(tensor: &TensorProto) -> Option<Vec<f64>> {
    let raw = tensor.raw_data.as_ref().map(|data| data.borrow());
    let raw = raw.as_deref().map_or(&[][..], |data| &data[..]);
    fn of<const N: usize>(raw: &[u8], number: impl Fn([u8; N]) -> f64) -> Vec<f64> {
        raw.as_chunks()
            .0
            .iter()
            .map(|bytes| number(*bytes))
            .collect()
    }
    Some(match tensor.data_type? {
        DataType::FLOAT => of(raw, |b| f64::from(f32::from_le_bytes(b))),
        DataType::DOUBLE => of(raw, f64::from_le_bytes),
        DataType::FLOAT16 => of(raw, |b| half(u16::from_le_bytes(b))),
        DataType::INT64 => of(raw, |b| i64::from_le_bytes(b) as f64),
        DataType::INT32 => of(raw, |b| f64::from(i32::from_le_bytes(b))),
        DataType::INT8 => of(raw, |b| f64::from(i8::from_le_bytes(b))),
        DataType::UINT8 | DataType::BOOL => of(raw, |b: [u8; 1]| f64::from(b[0])),
        _ => return None,
    })
}

fn shape(tensor: &TensorProto) -> Vec<usize> {
    tensor.dims.iter().map(|&side| side as usize).collect()
}

/// The value that the engine takes for a tensor.
fn value(tensor: &TensorProto) -> Option<Value> {
    let (shape, numbers) = (shape(tensor), numbers(tensor)?);
    let numbers = numbers.into_iter();
    Some(match tensor.data_type? {
        DataType::INT8 => {
            Tensor::from_data(&shape, numbers.map(|v| v as i8).collect::<Vec<_>>()).into()
        }
        DataType::UINT8 => {
            Tensor::from_data(&shape, numbers.map(|v| v as u8).collect::<Vec<_>>()).into()
        }
        DataType::INT64 | DataType::INT32 | DataType::BOOL => {
            Tensor::from_data(&shape, numbers.map(|v| v as i32).collect::<Vec<_>>()).into()
        }
        _ => Tensor::from_data(&shape, numbers.map(|v| v as f32).collect::<Vec<_>>()).into(),
    })
}

fn given(value: &Value) -> Option<Vec<f64>> {
    Some(match value {
        Value::FloatTensor(t) => t.iter().map(|&v| f64::from(v)).collect(),
        Value::Int32Tensor(t) => t.iter().map(|&v| f64::from(v)).collect(),
        Value::Int8Tensor(t) => t.iter().map(|&v| f64::from(v)).collect(),
        Value::UInt8Tensor(t) => t.iter().map(|&v| f64::from(v)).collect(),
        _ => return None,
    })
}

fn compare(value: &Value, expected: &TensorProto, tolerance: f64) -> Result<(), String> {
    let name = expected.name.as_deref().unwrap();
    let found = value.shape().to_vec();
    if found != shape(expected) {
        return Err(format!(
            "{name} has shape {found:?}, not {:?}",
            shape(expected)
        ));
    }
    let tolerance = match expected.data_type {
        Some(DataType::FLOAT16 | DataType::FLOAT | DataType::DOUBLE) => tolerance,
        _ => 0.0,
    };
    let (Some(given), Some(wanted)) = (given(value), numbers(expected)) else {
        return Err(format!("{name} is of a type that the engine has not"));
    };
    let same = |a: f64, b: f64| {
        a == b || a.is_nan() && b.is_nan() || (a - b).abs() <= tolerance * b.abs().max(1.0)
    };
    let mut all = given.iter().zip(&wanted);
    match all.find(|(a, b)| !same(**a, **b)) {
        Some((a, b)) => Err(format!("{name}: {a}, not {b}")),
        None => Ok(()),
    }
}

fn outcome(graph: &Path) -> Outcome {
    let bytes = std::fs::read(graph).unwrap();
    let names = ModelProto::parse_buf(&bytes).unwrap().graph.unwrap();
    let data = std::fs::read(graph.with_extension("data")).unwrap();
    let data = ModelProto::parse_buf(&data)
        .unwrap()
        .graph
        .unwrap()
        .initializer;
    let fed: Vec<_> = names
        .input
        .iter()
        .filter_map(|input| input.name.clone())
        .collect();
    let is_fed = |t: &TensorProto| fed.contains(t.name.as_ref().unwrap());
    let refused = |message: String| {
        let kinds = names.node.iter().filter_map(|node| node.op_type.as_ref());
        let nodes = names.node.iter().filter_map(|node| node.name.as_ref());
        let tensors = data.iter().chain(&names.initializer);
        let tensors = tensors.filter_map(|tensor| tensor.name.as_ref());
        let mut all = kinds.chain(nodes).chain(tensors);
        match all.any(|name| message.contains(name.as_str())) {
            true => Outcome::Refused,
            false => Outcome::Wrong(format!("refused without a name: {message}")),
        }
    };
    let model = match load_model(Cow::Owned(bytes)) {
        Ok(model) => model,
        Err(message) => return refused(message),
    };
    let node = |t: &TensorProto| model.find_node(t.name.as_deref().unwrap()).unwrap();
    let mut inputs = vec![];
    for tensor in data.iter().filter(|t| is_fed(t)) {
        match value(tensor) {
            Some(value) => inputs.push((node(tensor), ValueOrView::from(value))),
            None => return Outcome::Refused,
        }
    }
    let half = Some(DataType::FLOAT16);
    let attributes = names.node.iter().flat_map(|node| &node.attribute);
    let cast = { attributes }.any(|a| a.i == Some(10) && a.name.as_deref() == Some("to"));
    let tolerance = match cast || data.iter().any(|t| t.data_type == half) {
        true => TOLERANCE_F16,
        false => TOLERANCE,
    };
    let outputs: Vec<_> = data.iter().filter(|t| !is_fed(t)).collect();
    let ids: Vec<_> = outputs.iter().map(|t| node(t)).collect();
    match model.run(inputs, &ids, None) {
        Err(e) => refused(e.to_string()),
        Ok(made) => {
            let differences = made
                .iter()
                .zip(outputs)
                .map(|(value, wanted)| compare(value, wanted, tolerance));
            match differences.collect::<Result<(), _>>() {
                Ok(()) => Outcome::Same,
                Err(difference) => Outcome::Wrong(difference),
            }
        }
    }
}

#[test]
fn what_the_built_in_engine_takes_it_computes_as_onnx_runtime_does() {
    let Some(folder) = std::env::var_os("LOOKOUT_OPERATORS").map(PathBuf::from) else {
        eprintln!("skipped: LOOKOUT_OPERATORS is not set");
        return;
    };
    let entries = std::fs::read_dir(&folder).unwrap();
    let mut graphs: Vec<_> = entries.map(|entry| entry.unwrap().path()).collect();
    graphs.retain(|path| path.extension().is_some_and(|e| e == "onnx"));
    graphs.sort();
    let mut wrong = vec![];
    // by operator: the same, refused
    let mut counts: BTreeMap<String, [usize; 2]> = BTreeMap::new();
    for graph in &graphs {
        let name = graph.file_stem().unwrap().to_str().unwrap();
        let operator = name.split('_').next().unwrap().to_owned();
        let count = counts.entry(operator).or_default();
        let panicked = |_| Outcome::Wrong("it panics".to_owned());
        match catch_unwind(AssertUnwindSafe(|| outcome(graph))).unwrap_or_else(panicked) {
            Outcome::Same => count[0] += 1,
            Outcome::Refused => count[1] += 1,
            Outcome::Wrong(why) => wrong.push(format!("{name}: {why}")),
        }
    }
    eprintln!("operator: graphs computed, refused");
    for (operator, [same, refused]) in &counts {
        eprintln!("{operator}: {same}, {refused}");
    }
    assert!(
        wrong.is_empty(),
        "{} of {}:\n{}",
        wrong.len(),
        graphs.len(),
        wrong.join("\n")
    );
    // what a network for pictures is made of is not refused as a whole
    for operator in [
        "Add",
        "AveragePool",
        "BatchNormalization",
        "Clip",
        "Concat",
        "Conv",
        "ConvTranspose",
        "Gemm",
        "GlobalAveragePool",
        "HardSwish",
        "MatMul",
        "MaxPool",
        "Mul",
        "Pad",
        "ReduceMean",
        "Relu",
        "Reshape",
        "Resize",
        "Sigmoid",
        "Slice",
        "Softmax",
        "Split",
        "Transpose",
        "Upsample",
    ] {
        assert!(
            counts.get(operator).is_some_and(|[same, _]| *same > 0),
            "{operator} is never computed"
        );
    }
}
