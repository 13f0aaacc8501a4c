//! One function a call of the shim: pointers become owned handles, statuses become errors.
//!
//! Handles free what they hold. That contexts go before their engine and engines before their runtime is
//! up to the layer above, which keeps them in one chain of ownership.

use std::ffi::{CStr, c_int, c_void};
use std::mem::MaybeUninit;
use std::ptr::{self, NonNull};

use super::raw_options::RawOptions;
use super::{Error, Precision, sys};

/// Room for the text of an error. Only its first byte is written when all goes well.
struct Failure(MaybeUninit<sys::Error>);

impl Failure {
    fn new() -> Self {
        Self(MaybeUninit::uninit())
    }

    fn as_mut_ptr(&mut self) -> *mut sys::Error {
        self.0.as_mut_ptr()
    }

    /// What a call returned, told as a result.
    ///
    /// # Safety
    /// The call was given this value.
    unsafe fn check(&self, status: c_int, action: &'static str) -> Result<(), Error> {
        if status == sys::OK {
            return Ok(());
        }
        // SAFETY: every call that is given an error writes a zero terminated text there.
        let text = unsafe { CStr::from_ptr(self.0.as_ptr().cast()) };
        let message = text.to_string_lossy().trim_end().to_owned();
        Err(match status {
            sys::BAD_GRAPH => Error::Graph { message },
            sys::BAD_PRECISION => Error::Precision {
                // The one call that can say so puts in what was asked for.
                asked: Precision::Fp32,
                message,
            },
            sys::BAD_OPTION => Error::Refused { message },
            sys::BAD_TENSOR => Error::Tensor { message },
            sys::EXCEPTION => Error::Library {
                action,
                message: format!("exception: {message}"),
            },
            _ => Error::Library { action, message },
        })
    }
}

/// A pointer that the shim gave out with status OK.
fn owned<T>(pointer: *mut T, action: &'static str) -> Result<NonNull<T>, Error> {
    NonNull::new(pointer).ok_or_else(|| Error::Library {
        action,
        message: "null".to_owned(),
    })
}

macro_rules! handle {
    ($name:ident, $free:ident) => {
        /// Owned.
        pub(crate) struct $name(NonNull<sys::$name>);

        impl Drop for $name {
            fn drop(&mut self) {
                // SAFETY: the shim gave it out to us alone, and this is the only place that frees it.
                unsafe { sys::$free(self.0.as_ptr()) }
            }
        }
    };
}
handle!(Bytes, lookout_trt_bytes_free);
handle!(Runtime, lookout_trt_runtime_free);
handle!(Engine, lookout_trt_engine_free);
handle!(Context, lookout_trt_context_free);

impl Bytes {
    fn to_vec(&self) -> Vec<u8> {
        // SAFETY: alive as long as self.
        let (data, bytes) = unsafe {
            (
                sys::lookout_trt_bytes_data(self.0.as_ptr()),
                sys::lookout_trt_bytes_size(self.0.as_ptr()),
            )
        };
        if data.is_null() {
            return Vec::new();
        }
        // SAFETY: the library says that so many bytes are there, and nothing writes to them.
        unsafe { std::slice::from_raw_parts(data.cast::<u8>(), bytes) }.to_vec()
    }
}

/// A serialized engine, and the kernel times that were measured for it where the library has such.
///
/// # Safety
/// The factories are those of a library with the layout that the shim was compiled for.
pub(crate) unsafe fn build(
    library: &sys::Library,
    options: &RawOptions<'_>,
    precision: Precision,
    onnx: &[u8],
) -> Result<(Vec<u8>, Option<Vec<u8>>), Error> {
    const ACTION: &str = "build the engine";
    let (mut plan, mut timings) = (ptr::null_mut(), ptr::null_mut());
    let mut failure = Failure::new();
    // SAFETY: all pointers live through the call; the caller vouches for the factories.
    let status = unsafe {
        sys::lookout_trt_build(
            library,
            options.as_ptr(),
            onnx.as_ptr().cast::<c_void>(),
            onnx.len(),
            &mut plan,
            &mut timings,
            failure.as_mut_ptr(),
        )
    };
    // SAFETY: it was given to the call.
    match unsafe { failure.check(status, ACTION) } {
        Err(Error::Precision { message, .. }) => Err(Error::Precision {
            asked: precision,
            message,
        }),
        other => other,
    }?;
    let timings = NonNull::new(timings).map(Bytes);
    let plan = Bytes(owned(plan, ACTION)?);
    Ok((plan.to_vec(), timings.map(|timings| timings.to_vec())))
}

impl Runtime {
    /// # Safety
    /// As for [`build`]; and there is a CUDA device.
    pub(crate) unsafe fn new(library: &sys::Library) -> Result<Self, Error> {
        const ACTION: &str = "start";
        let mut out = ptr::null_mut();
        let mut failure = Failure::new();
        // SAFETY: all pointers live through the call; the caller vouches for the factory.
        let status =
            unsafe { sys::lookout_trt_runtime_create(library, &mut out, failure.as_mut_ptr()) };
        // SAFETY: it was given to the call.
        unsafe { failure.check(status, ACTION) }?;
        owned(out, ACTION).map(Self)
    }

    pub(crate) fn set_dla_core(&self, core: i32) -> Result<(), Error> {
        let mut failure = Failure::new();
        // SAFETY: alive as long as self.
        let status = unsafe {
            sys::lookout_trt_runtime_set_dla_core(self.0.as_ptr(), core, failure.as_mut_ptr())
        };
        // SAFETY: it was given to the call.
        unsafe { failure.check(status, "choose a DLA core") }
    }

    pub(crate) fn deserialize(&self, plan: &[u8]) -> Result<Engine, Error> {
        const ACTION: &str = "read the engine";
        let mut out = ptr::null_mut();
        let mut failure = Failure::new();
        // SAFETY: alive as long as self; the library copies what it keeps of the plan.
        let status = unsafe {
            sys::lookout_trt_engine_create(
                self.0.as_ptr(),
                plan.as_ptr().cast::<c_void>(),
                plan.len(),
                &mut out,
                failure.as_mut_ptr(),
            )
        };
        // SAFETY: it was given to the call.
        unsafe { failure.check(status, ACTION) }?;
        owned(out, ACTION).map(Engine)
    }
}

impl Engine {
    pub(crate) fn tensors(&self) -> i32 {
        // SAFETY: alive as long as self.
        unsafe { sys::lookout_trt_engine_tensors(self.0.as_ptr()) }
    }

    /// The shim's record, and the name it points at.
    pub(crate) fn tensor(&self, index: i32) -> Result<(sys::Tensor, &CStr), Error> {
        let mut out = MaybeUninit::uninit();
        let mut failure = Failure::new();
        // SAFETY: alive as long as self.
        let status = unsafe {
            sys::lookout_trt_engine_tensor(
                self.0.as_ptr(),
                index,
                out.as_mut_ptr(),
                failure.as_mut_ptr(),
            )
        };
        // SAFETY: it was given to the call.
        unsafe { failure.check(status, "describe the engine") }?;
        // SAFETY: a call that went well has written it, and the name in there is the engine's.
        unsafe {
            let tensor: sys::Tensor = out.assume_init();
            let name = CStr::from_ptr(tensor.name);
            Ok((tensor, name))
        }
    }

    pub(crate) fn profiles(&self) -> i32 {
        // SAFETY: alive as long as self.
        unsafe { sys::lookout_trt_engine_profiles(self.0.as_ptr()) }
    }

    pub(crate) fn profile_shape(&self, name: &CStr, profile: i32, select: i32) -> sys::Shape {
        // SAFETY: alive as long as self; the name lives through the call.
        unsafe {
            sys::lookout_trt_engine_profile_shape(self.0.as_ptr(), name.as_ptr(), profile, select)
        }
    }

    pub(crate) fn device_memory(&self, profile: i32) -> i64 {
        // SAFETY: alive as long as self.
        unsafe { sys::lookout_trt_engine_device_memory(self.0.as_ptr(), profile) }
    }

    pub(crate) fn information(&self) -> Result<String, Error> {
        const ACTION: &str = "describe the layers";
        let mut out = ptr::null_mut();
        let mut failure = Failure::new();
        // SAFETY: alive as long as self.
        let status = unsafe {
            sys::lookout_trt_engine_information(self.0.as_ptr(), &mut out, failure.as_mut_ptr())
        };
        // SAFETY: it was given to the call.
        unsafe { failure.check(status, ACTION) }?;
        let bytes = Bytes(owned(out, ACTION)?).to_vec();
        Ok(String::from_utf8_lossy(&bytes).into_owned())
    }

    pub(crate) fn context(&self, profile: i32) -> Result<Context, Error> {
        const ACTION: &str = "make an execution context";
        let mut out = ptr::null_mut();
        let mut failure = Failure::new();
        // SAFETY: alive as long as self.
        let status = unsafe {
            sys::lookout_trt_context_create(
                self.0.as_ptr(),
                profile,
                &mut out,
                failure.as_mut_ptr(),
            )
        };
        // SAFETY: it was given to the call.
        unsafe { failure.check(status, ACTION) }?;
        owned(out, ACTION).map(Context)
    }
}

impl Context {
    pub(crate) fn set_input_shape(&mut self, name: &CStr, shape: &[i64]) -> Result<(), Error> {
        let rank = i32::try_from(shape.len()).unwrap_or(i32::MAX);
        let mut failure = Failure::new();
        // SAFETY: alive as long as self; name and shape live through the call.
        let status = unsafe {
            sys::lookout_trt_context_set_input_shape(
                self.0.as_ptr(),
                name.as_ptr(),
                shape.as_ptr(),
                rank,
                failure.as_mut_ptr(),
            )
        };
        // SAFETY: it was given to the call.
        unsafe { failure.check(status, "take the shape") }
    }

    pub(crate) fn shape(&self, name: &CStr) -> sys::Shape {
        // SAFETY: alive as long as self; the name lives through the call.
        unsafe { sys::lookout_trt_context_shape(self.0.as_ptr(), name.as_ptr()) }
    }

    /// # Safety
    /// The address stays good until another one is set and what was enqueued before is done.
    pub(crate) unsafe fn set_address(&mut self, name: &CStr, address: u64) -> Result<(), Error> {
        let mut failure = Failure::new();
        // SAFETY: alive as long as self; the name lives through the call.
        let status = unsafe {
            sys::lookout_trt_context_set_address(
                self.0.as_ptr(),
                name.as_ptr(),
                address,
                failure.as_mut_ptr(),
            )
        };
        // SAFETY: it was given to the call.
        unsafe { failure.check(status, "take the address") }
    }

    /// # Safety
    /// `stream` is a CUDA stream of the context that is current on this thread; every tensor has an
    /// address with as many bytes behind it as its shape needs.
    pub(crate) unsafe fn enqueue(&mut self, stream: *mut c_void) -> Result<(), Error> {
        let mut failure = Failure::new();
        // SAFETY: alive as long as self; the caller vouches for stream and addresses.
        let status = unsafe {
            sys::lookout_trt_context_enqueue(self.0.as_ptr(), stream, failure.as_mut_ptr())
        };
        // SAFETY: it was given to the call.
        unsafe { failure.check(status, "run") }
    }
}
