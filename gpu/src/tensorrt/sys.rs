//! The C interface of the shim, as it is in `shim/lookout_trt.h`.

use std::ffi::{c_char, c_int, c_void};
use std::marker::{PhantomData, PhantomPinned};

pub(crate) const MAX_RANK: usize = 8;
pub(crate) const IMAGE_RANK: usize = 4;
pub(crate) const ERROR_BYTES: usize = 4096;

pub(crate) const OK: c_int = 0;
pub(crate) const BAD_GRAPH: c_int = 2;
pub(crate) const BAD_PRECISION: c_int = 3;
pub(crate) const BAD_OPTION: c_int = 4;
pub(crate) const BAD_TENSOR: c_int = 5;
pub(crate) const EXCEPTION: c_int = 6;

pub(crate) type CreateRuntime = unsafe extern "C" fn(*mut c_void, i32) -> *mut c_void;
pub(crate) type CreateBuilder = unsafe extern "C" fn(*mut c_void, i32) -> *mut c_void;
pub(crate) type CreateParser = unsafe extern "C" fn(*mut c_void, *mut c_void, c_int) -> *mut c_void;
pub(crate) type Log = extern "C" fn(i32, *const c_char, usize);

#[repr(C)]
pub(crate) struct Error {
    pub(crate) text: [c_char; ERROR_BYTES],
}

#[repr(C)]
#[derive(Clone, Copy)]
pub(crate) struct Library {
    pub(crate) create_runtime: CreateRuntime,
    pub(crate) create_builder: Option<CreateBuilder>,
    pub(crate) create_parser: Option<CreateParser>,
    pub(crate) log: Log,
}

#[repr(C)]
pub(crate) struct Range {
    pub(crate) name: *const c_char,
    pub(crate) min: [i64; IMAGE_RANK],
    pub(crate) opt: [i64; IMAGE_RANK],
    pub(crate) max: [i64; IMAGE_RANK],
}

#[repr(C)]
pub(crate) struct Profile {
    pub(crate) ranges: *const Range,
    pub(crate) count: usize,
}

#[repr(C)]
pub(crate) struct Options {
    pub(crate) profiles: *const Profile,
    pub(crate) profile_count: usize,
    pub(crate) calibration_cache: *const c_void,
    pub(crate) calibration_cache_bytes: usize,
    pub(crate) timing_cache: *const c_void,
    pub(crate) timing_cache_bytes: usize,
    pub(crate) workspace: u64,
    pub(crate) precision: i32,
    pub(crate) optimization_level: i32,
    pub(crate) dla_core: i32,
    pub(crate) gpu_fallback: i32,
    pub(crate) detailed_profile: i32,
    pub(crate) compute_capability: i32,
}

#[repr(C)]
pub(crate) struct Tensor {
    pub(crate) name: *const c_char,
    pub(crate) shape: [i64; MAX_RANK],
    pub(crate) rank: i32,
    pub(crate) dtype: i32,
    pub(crate) input: i32,
}

#[repr(C)]
#[derive(Clone, Copy)]
pub(crate) struct Shape {
    pub(crate) d: [i64; MAX_RANK],
    pub(crate) rank: i32,
}

macro_rules! opaque {
    ($($name:ident),*) => {$(
        #[repr(C)]
        pub(crate) struct $name {
            _data: [u8; 0],
            _marker: PhantomData<(*mut u8, PhantomPinned)>,
        }
    )*};
}
opaque!(Bytes, Runtime, Engine, Context);

// Which calls are `safe`: those that take plain values. Every other one wants pointers that are alive.
unsafe extern "C" {
    pub(crate) safe fn lookout_trt_compiled(
        major: &mut i32,
        minor: &mut i32,
        patch: &mut i32,
        rtx: &mut i32,
    );
    pub(crate) safe fn lookout_trt_strongly_typed() -> i32;

    #[cfg(test)]
    pub(crate) safe fn lookout_trt_layout(sizes: &mut [usize; 7]);

    pub(crate) fn lookout_trt_bytes_data(bytes: *const Bytes) -> *const c_void;
    pub(crate) fn lookout_trt_bytes_size(bytes: *const Bytes) -> usize;
    pub(crate) fn lookout_trt_bytes_free(bytes: *mut Bytes);

    pub(crate) fn lookout_trt_build(
        library: *const Library,
        options: *const Options,
        onnx: *const c_void,
        onnx_bytes: usize,
        plan: *mut *mut Bytes,
        timing_cache: *mut *mut Bytes,
        error: *mut Error,
    ) -> c_int;

    pub(crate) fn lookout_trt_runtime_create(
        library: *const Library,
        out: *mut *mut Runtime,
        error: *mut Error,
    ) -> c_int;
    pub(crate) fn lookout_trt_runtime_set_dla_core(
        runtime: *mut Runtime,
        core: i32,
        error: *mut Error,
    ) -> c_int;
    pub(crate) fn lookout_trt_runtime_free(runtime: *mut Runtime);

    pub(crate) fn lookout_trt_engine_create(
        runtime: *mut Runtime,
        plan: *const c_void,
        plan_bytes: usize,
        out: *mut *mut Engine,
        error: *mut Error,
    ) -> c_int;
    pub(crate) fn lookout_trt_engine_tensors(engine: *const Engine) -> i32;
    pub(crate) fn lookout_trt_engine_tensor(
        engine: *const Engine,
        index: i32,
        out: *mut Tensor,
        error: *mut Error,
    ) -> c_int;
    pub(crate) fn lookout_trt_engine_profiles(engine: *const Engine) -> i32;
    pub(crate) fn lookout_trt_engine_profile_shape(
        engine: *const Engine,
        name: *const c_char,
        profile: i32,
        select: i32,
    ) -> Shape;
    pub(crate) fn lookout_trt_engine_device_memory(engine: *const Engine, profile: i32) -> i64;
    pub(crate) fn lookout_trt_engine_information(
        engine: *const Engine,
        out: *mut *mut Bytes,
        error: *mut Error,
    ) -> c_int;
    pub(crate) fn lookout_trt_engine_free(engine: *mut Engine);

    pub(crate) fn lookout_trt_context_create(
        engine: *mut Engine,
        profile: i32,
        out: *mut *mut Context,
        error: *mut Error,
    ) -> c_int;
    pub(crate) fn lookout_trt_context_set_input_shape(
        context: *mut Context,
        name: *const c_char,
        shape: *const i64,
        rank: i32,
        error: *mut Error,
    ) -> c_int;
    pub(crate) fn lookout_trt_context_shape(context: *const Context, name: *const c_char) -> Shape;
    pub(crate) fn lookout_trt_context_set_address(
        context: *mut Context,
        name: *const c_char,
        address: u64,
        error: *mut Error,
    ) -> c_int;
    pub(crate) fn lookout_trt_context_enqueue(
        context: *mut Context,
        stream: *mut c_void,
        error: *mut Error,
    ) -> c_int;
    pub(crate) fn lookout_trt_context_free(context: *mut Context);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn structs_are_as_large_here_as_in_the_shim() {
        let mut theirs = [0; 7];
        lookout_trt_layout(&mut theirs);
        let ours = [
            size_of::<Library>(),
            size_of::<Range>(),
            size_of::<Profile>(),
            size_of::<Options>(),
            size_of::<Tensor>(),
            size_of::<Shape>(),
            size_of::<Error>(),
        ];
        assert_eq!(ours, theirs);
    }
}
