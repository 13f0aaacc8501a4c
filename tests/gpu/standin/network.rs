//! Networks that the stand-in runs by calling back into the test.

use std::any::Any;
use std::ffi::{c_char, c_int, c_void};
use std::panic::{AssertUnwindSafe, catch_unwind};

use super::functions::text;

/// What a network is given.
pub(crate) struct Input<'a> {
    /// Its name in the graph.
    pub(crate) name: &'a str,
    /// Its dimensions.
    pub(crate) shape: Vec<usize>,
    /// Its elements, row-major.
    pub(crate) data: &'a [f32],
}

/// What a network has to fill.
pub(crate) struct Output<'a> {
    /// Its name in the graph.
    pub(crate) name: &'a str,
    /// Its dimensions.
    pub(crate) shape: Vec<usize>,
    /// Its elements, row-major; poison until they are written.
    pub(crate) data: &'a mut [f32],
}

/// Runs an ONNX file (its bytes); an error makes the operation fail as a device fault.
pub(crate) type Network =
    dyn FnMut(&[u8], &[Input<'_>], &mut [Output<'_>]) -> Result<(), String> + Send;

/// Says which shapes the outputs with those names have, for inputs of those names and shapes.
pub(crate) type Shapes =
    dyn FnMut(&[u8], &[(&str, Vec<usize>)], &[&str]) -> Result<Vec<Vec<usize>>, String> + Send;

/// What the stand-in is given to call, and what came of it.
pub(super) struct Callback<F: ?Sized> {
    pub(super) function: Box<F>,
    pub(super) failure: Option<String>,
}

impl<F: ?Sized> Callback<F> {
    pub(super) fn new(function: Box<F>) -> Box<Self> {
        let failure = None;
        Box::new(Self { function, failure })
    }

    /// Calls it through `call`; neither a failure nor a panic gets into the library.
    fn run(&mut self, call: impl FnOnce(&mut F) -> Result<(), String>) -> c_int {
        let run = catch_unwind(AssertUnwindSafe(|| call(&mut self.function)));
        let failed = run.unwrap_or_else(|panic| Err(words(&*panic))).err();
        let code = failed.is_some().into();
        self.failure = failed.or(self.failure.take());
        code
    }
}

/// `standin_tensor`.
#[repr(C)]
pub(super) struct Tensor {
    name: *const c_char,
    ndim: c_int,
    dims: [i64; 8],
    data: *mut f32,
    bytes: usize,
    dtype: c_int,
}

pub(super) type NetworkFn = extern "C" fn(
    *mut c_void,
    *const c_void,
    usize,
    c_int,
    *const Tensor,
    c_int,
    *mut Tensor,
) -> c_int;

pub(super) extern "C" fn run_network(
    user: *mut c_void,
    onnx: *const c_void,
    bytes: usize,
    inputs: c_int,
    input: *const Tensor,
    outputs: c_int,
    output: *mut Tensor,
) -> c_int {
    // SAFETY: the pointer that `set_network` gave, alive and not in use elsewhere.
    let callback = unsafe { &mut *user.cast::<Callback<Network>>() };
    // SAFETY: lives during the call.
    let onnx = unsafe { slice(onnx.cast::<u8>(), bytes) };
    // SAFETY: as many tensors as told, alive during the call.
    let (inputs, outputs) = unsafe { (slice(input, count(inputs)), slice(output, count(outputs))) };
    callback.run(|network| {
        let inputs = inputs.iter().map(input_of).collect::<Result<Vec<_>, _>>()?;
        let outputs = outputs.iter().map(output_of);
        let mut outputs = outputs.collect::<Result<Vec<_>, _>>()?;
        network(onnx, &inputs, &mut outputs)
    })
}

pub(super) extern "C" fn tell_shapes(
    user: *mut c_void,
    onnx: *const c_void,
    bytes: usize,
    inputs: c_int,
    input: *const Tensor,
    outputs: c_int,
    output: *mut Tensor,
) -> c_int {
    // SAFETY: the pointer that `set_shapes` gave, alive and not in use elsewhere.
    let callback = unsafe { &mut *user.cast::<Callback<Shapes>>() };
    // SAFETY: lives during the call.
    let onnx = unsafe { slice(onnx.cast::<u8>(), bytes) };
    // SAFETY: as many tensors as told, alive during the call.
    let inputs = unsafe { slice(input, count(inputs)) };
    let outputs = match count(outputs) {
        0 => &mut [],
        // SAFETY: as above, and nobody else has them.
        outputs => unsafe { std::slice::from_raw_parts_mut(output, outputs) },
    };
    callback.run(|shapes| {
        let given: Vec<_> = inputs.iter().map(|t| (text(t.name), shape(t))).collect();
        let asked: Vec<_> = outputs.iter().map(|t| text(t.name)).collect();
        let told = shapes(onnx, &given, &asked)?;
        if told.len() != outputs.len() {
            return Err(format!("{} shapes for {asked:?}", told.len()));
        }
        for (tensor, shape) in outputs.iter_mut().zip(told) {
            if shape.len() > tensor.dims.len() {
                return Err(format!("{} dimensions", shape.len()));
            }
            tensor.ndim = shape.len() as c_int;
            for (to, n) in tensor.dims.iter_mut().zip(shape) {
                *to = i64::try_from(n).map_err(|e| e.to_string())?;
            }
        }
        Ok(())
    })
}

fn count(number: c_int) -> usize {
    usize::try_from(number).unwrap_or(0)
}

fn input_of(tensor: &Tensor) -> Result<Input<'_>, String> {
    let elements = elements(tensor)?;
    Ok(Input {
        name: text(tensor.name),
        shape: shape(tensor),
        // SAFETY: the tensor's memory, which nobody writes during the call.
        data: unsafe { slice(tensor.data, elements) },
    })
}

fn output_of(tensor: &Tensor) -> Result<Output<'_>, String> {
    let elements = elements(tensor)?;
    let data = match elements {
        0 => &mut [],
        // SAFETY: the tensor's memory, which nobody else uses during the call; outputs do not overlap.
        _ => unsafe { std::slice::from_raw_parts_mut(tensor.data, elements) },
    };
    Ok(Output {
        name: text(tensor.name),
        shape: shape(tensor),
        data,
    })
}

fn elements(tensor: &Tensor) -> Result<usize, String> {
    match tensor.dtype {
        0 => Ok(tensor.bytes / size_of::<f32>()),
        other => Err(format!(
            "{} is of data type {other}, not float",
            text(tensor.name)
        )),
    }
}

fn shape(tensor: &Tensor) -> Vec<usize> {
    let dims = tensor.dims.iter().take(count(tensor.ndim));
    dims.map(|&n| usize::try_from(n).unwrap_or(0)).collect()
}

/// # Safety
/// `count` elements live at `first` for as long as the result, and nobody writes them; or `count` is 0.
unsafe fn slice<'a, T>(first: *const T, count: usize) -> &'a [T] {
    match count {
        0 => &[],
        // SAFETY: the caller's promise.
        _ => unsafe { std::slice::from_raw_parts(first, count) },
    }
}

fn words(panic: &(dyn Any + Send)) -> String {
    let said = panic.downcast_ref::<&str>().map(|s| (*s).to_owned());
    let said = said.or_else(|| panic.downcast_ref::<String>().cloned());
    said.unwrap_or_else(|| "the network panicked".into())
}
