//! A graph that belongs to no bundle yet, run as it is: for looking at the shapes and numbers of its tensors.

use std::sync::Arc;

use ::ort::session::Session;
use ::ort::value::{DynValue, TensorRef, ValueType};
use rten::{Model, ModelOptions, RunOptions, ThreadPool, Value};
use rten_tensor::prelude::*;
use rten_tensor::{NdTensorView, Tensor};

use super::{find_onnxruntime, load_model, ort};

/// What is said of a library that could run more.
const NO_ORT: &str = "it was not found, and takes more than rten (pip install onnxruntime, and ORT_DYLIB_PATH for its library)";

/// A graph on one of the engines of the CPU.
pub struct RawGraph(Backend);

enum Backend {
    Rten(Box<Model>, Arc<ThreadPool>),
    Ort(Box<Session>),
}

/// What an output of a graph was.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct RawTensor {
    /// Its sides.
    pub shape: Vec<usize>,
    /// Its numbers, row-major. Empty for a type that is neither f32 nor one of whole numbers.
    pub values: Vec<f32>,
}

impl RawGraph {
    /// Opens a graph, with ONNX Runtime where its library is found and takes it, else with rten.
    ///
    /// # Errors
    /// What both say, where neither takes it.
    pub fn open(graph: Vec<u8>, threads: usize) -> Result<Self, String> {
        let with_ort = match find_onnxruntime() {
            Ok(library) => ort::environment(&library)
                .map_err(|e| e.to_string())
                .and_then(|environment| ort::session(&environment, &graph, threads)),
            Err(_) => Err(NO_ORT.to_owned()),
        };
        match with_ort {
            Ok(session) => Ok(Self(Backend::Ort(Box::new(session)))),
            Err(with_ort) => match load_model(graph.into()) {
                Ok(model) => {
                    let pool = Arc::new(ThreadPool::with_num_threads(threads));
                    Ok(Self(Backend::Rten(Box::new(model), pool)))
                }
                Err(with_rten) => Err(format!("rten: {with_rten}; ONNX Runtime: {with_ort}")),
            },
        }
    }

    /// Runs it on one input, f32 of that shape, and gives these outputs.
    ///
    /// # Errors
    /// What the library says; a tensor that the graph does not have.
    pub fn run(
        &mut self,
        input: &str,
        shape: [usize; 4],
        values: &[f32],
        outputs: &[String],
    ) -> Result<Vec<RawTensor>, String> {
        if shape.iter().product::<usize>() != values.len() {
            return Err(format!("{} values are no {shape:?}", values.len()));
        }
        match &mut self.0 {
            Backend::Rten(model, pool) => {
                let find = |name: &str| {
                    let none = || format!("the graph has no tensor {name:?}");
                    model.find_node(name).ok_or_else(none)
                };
                let ids: Vec<_> = outputs.iter().map(|o| find(o)).collect::<Result<_, _>>()?;
                let view = NdTensorView::from_data(shape, values);
                let options = RunOptions::default().with_thread_pool(Some(pool.clone()));
                let made = model.run(vec![(find(input)?, view.into())], &ids, Some(options));
                let made = made.map_err(|e| match find_onnxruntime() {
                    Ok(_) => format!("rten: {e}"),
                    Err(_) => format!("rten: {e}; ONNX Runtime: {NO_ORT}"),
                })?;
                Ok(made.iter().map(of_rten).collect())
            }
            Backend::Ort(session) => {
                let failed = |e: ::ort::Error| format!("ONNX Runtime: {e}");
                let view = TensorRef::from_array_view((shape, values)).map_err(failed)?;
                let made = session.run(::ort::inputs![input => view]).map_err(failed)?;
                let of = |name: &String| match made.get(name) {
                    Some(value) => Ok(of_ort(value)),
                    None => Err(format!("the graph has no output {name:?}")),
                };
                outputs.iter().map(of).collect()
            }
        }
    }
}

/// The node at which rten fails, by its name, where its message of a graph that it made faster has none.
pub fn explain_rten(
    graph: Vec<u8>,
    input: &str,
    shape: [usize; 4],
    outputs: &[String],
) -> Option<String> {
    let mut options = ModelOptions::with_all_ops();
    options.enable_optimization(false);
    let model = options.load(graph).ok()?;
    let ids: Vec<_> = outputs
        .iter()
        .map(|name| model.find_node(name))
        .collect::<Option<_>>()?;
    let values = vec![0.0; shape.iter().product()];
    let view = NdTensorView::from_data(shape, &values[..]);
    let made = model.run(vec![(model.find_node(input)?, view.into())], &ids, None);
    made.err().map(|e| e.to_string())
}

impl std::fmt::Debug for RawGraph {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self.0 {
            Backend::Rten(..) => "RawGraph(rten)",
            Backend::Ort(_) => "RawGraph(ort)",
        })
    }
}

fn of_rten(value: &Value) -> RawTensor {
    fn all<T: Copy>(tensor: &Tensor<T>, number: impl Fn(T) -> f32) -> Vec<f32> {
        tensor.iter().map(|&v| number(v)).collect()
    }
    let values = match value {
        Value::FloatTensor(t) => all(t, |v| v),
        Value::Int32Tensor(t) => all(t, |v| v as f32),
        Value::Int8Tensor(t) => all(t, f32::from),
        Value::UInt8Tensor(t) => all(t, f32::from),
        _ => vec![],
    };
    RawTensor {
        shape: value.shape().to_vec(),
        values,
    }
}

fn of_ort(value: &DynValue) -> RawTensor {
    let ValueType::Tensor { shape, .. } = value.dtype() else {
        return RawTensor::default();
    };
    let shape = shape.iter().map(|&side| side.max(0) as usize).collect();
    macro_rules! first_of {
        ($($kind:ty),+) => {
            None$(.or_else(|| {
                let (_, values) = value.try_extract_tensor::<$kind>().ok()?;
                Some(values.iter().map(|&v| v as f32).collect())
            }))+
        };
    }
    let values: Option<Vec<f32>> = first_of!(f32, i64, i32, u8, i8, f64);
    RawTensor {
        shape,
        values: values.unwrap_or_default(),
    }
}
