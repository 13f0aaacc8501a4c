//! Networks that the stand-in runs by calling back into the test.

use std::any::Any;
use std::ffi::{c_char, c_int, c_void};
use std::panic::{AssertUnwindSafe, catch_unwind};

use super::functions::text;

/// What a network is given.
pub struct Input<'a> {
    /// Its name in the graph.
    pub name: &'a str,
    /// Its dimensions.
    pub shape: Vec<usize>,
    /// Its elements, row-major.
    pub data: &'a [f32],
}

/// What a network has to fill.
pub struct Output<'a> {
    /// Its name in the graph.
    pub name: &'a str,
    /// Its dimensions.
    pub shape: Vec<usize>,
    /// Its elements, row-major; poison until they are written.
    pub data: &'a mut [f32],
}

/// Runs an ONNX file (its bytes); an error makes the operation fail as a device fault.
pub type Network = dyn FnMut(&[u8], &[Input<'_>], &mut [Output<'_>]) -> Result<(), String> + Send;

/// What the stand-in is given to call, and what came of it.
pub(super) struct Callback {
    pub(super) network: Box<Network>,
    pub(super) failure: Option<String>,
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
    *const Tensor,
) -> c_int;

pub(super) extern "C" fn run_network(
    user: *mut c_void,
    onnx: *const c_void,
    bytes: usize,
    inputs: c_int,
    input: *const Tensor,
    outputs: c_int,
    output: *const Tensor,
) -> c_int {
    // SAFETY: the pointer that `set_network` gave, alive and not in use elsewhere.
    let callback = unsafe { &mut *user.cast::<Callback>() };
    // SAFETY: lives during the call.
    let onnx = unsafe { slice(onnx.cast::<u8>(), bytes) };
    // SAFETY: as many tensors as told, alive during the call.
    let (inputs, outputs) = unsafe {
        (
            slice(input, inputs.unsigned_abs() as usize),
            slice(output, outputs.unsigned_abs() as usize),
        )
    };
    let network = &mut callback.network;
    let run = catch_unwind(AssertUnwindSafe(|| {
        let inputs = inputs.iter().map(input_of).collect::<Result<Vec<_>, _>>()?;
        let mut outputs = outputs
            .iter()
            .map(output_of)
            .collect::<Result<Vec<_>, _>>()?;
        network(onnx, &inputs, &mut outputs)
    }));
    match run {
        Ok(Ok(())) => 0,
        Ok(Err(failure)) => {
            callback.failure = Some(failure);
            1
        }
        Err(panic) => {
            callback.failure = Some(words(&*panic));
            1
        }
    }
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
    let dims = tensor.dims.iter().take(tensor.ndim.unsigned_abs() as usize);
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
