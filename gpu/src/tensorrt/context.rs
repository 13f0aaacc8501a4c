//! Running an engine.

use std::fmt;
use std::sync::Arc;

use cudarc::driver::CudaStream;
use cudarc::driver::sys::CUstreamCaptureStatus;

use super::engine::{Inner, shape_of};
use super::{DeviceMemory, Error, result, sys};

/// One way to run an engine: shapes, buffers, and the memory between the layers.
///
/// A context keeps what is bound to it alive, and gives nothing back before the GPU has finished with it.
/// A captured CUDA graph outlives that: it holds addresses of this context and of its buffers, so whoever
/// keeps the graph keeps the context too.
///
/// # On thread safety
/// A context can be sent to another thread, not shared; see [`super::Runtime`] for NVIDIA's rule.
pub struct Context {
    // Before the engine: fields are dropped in this order.
    raw: result::Context,
    /// One a tensor, in the engine's order.
    bound: Vec<Option<Arc<dyn DeviceMemory>>>,
    /// Where it was last enqueued and may still run.
    running: Option<Arc<CudaStream>>,
    /// Shapes and buffers fit; nothing has changed since that was seen.
    checked: bool,
    engine: Arc<Inner>,
}

// SAFETY: TensorRT does not tie its objects to the thread that made them; a context is used through `&mut`
// or, for questions, by the one thread that has it.
unsafe impl Send for result::Context {}

impl Context {
    pub(crate) fn new(raw: result::Context, engine: Arc<Inner>) -> Result<Self, Error> {
        // The profile may be copied on the default stream; the streams to come do not wait for that one.
        // SAFETY: null is the default stream of the current context.
        unsafe { cudarc::driver::result::stream::synchronize(std::ptr::null_mut()) }?;
        let bound = engine.tensors().iter().map(|_| None).collect();
        Ok(Self {
            raw,
            bound,
            running: None,
            checked: false,
            engine,
        })
    }

    /// Sets an input's size. It has to lie within the profile of this context.
    ///
    /// # Errors
    /// No such tensor, or a size that is refused.
    pub fn set_input_shape(&mut self, name: &str, shape: [i64; 4]) -> Result<(), Error> {
        let index = self.engine.index(name)?;
        self.checked = false;
        self.raw.set_input_shape(self.engine.name(index), &shape)
    }

    /// A tensor's size, once those of all inputs are set; -1 where it is not known.
    ///
    /// # Errors
    /// No such tensor.
    pub fn shape(&self, name: &str) -> Result<Vec<i64>, Error> {
        let index = self.engine.index(name)?;
        Ok(shape_of(self.raw.shape(self.engine.name(index))))
    }

    /// Bytes that a tensor takes, once the sizes of all inputs are set.
    ///
    /// # Errors
    /// No such tensor, or a size that is not known yet.
    pub fn bytes(&self, name: &str) -> Result<u64, Error> {
        self.needs(self.engine.index(name)?)
    }

    /// Binds a tensor to memory, which stays alive for as long as it is bound. If the context is running,
    /// this waits until it has finished: what was bound before may then go.
    ///
    /// # Errors
    /// No such tensor, an address that is refused, or a stream that fails or is being captured.
    pub fn bind(&mut self, name: &str, memory: Arc<dyn DeviceMemory>) -> Result<(), Error> {
        let index = self.engine.index(name)?;
        self.finish()?;
        self.checked = false;
        // SAFETY: the memory is kept until it is replaced, which waits for the stream.
        unsafe {
            self.raw
                .set_address(self.engine.name(index), memory.address())
        }?;
        self.bound[index] = Some(memory);
        Ok(())
    }

    /// Puts a run of the engine on a stream and returns; while the stream is being captured, into the graph.
    /// Allocates nothing of our own.
    ///
    /// # Errors
    /// A tensor without memory or with too little for the sizes that are set, or whatever the library says.
    pub fn enqueue(&mut self, stream: &Arc<CudaStream>) -> Result<(), Error> {
        if !self.checked {
            for index in 0..self.bound.len() {
                self.check(index)?;
            }
            self.checked = true;
        }
        stream.context().bind_to_thread()?;
        if let Some(other) = self
            .running
            .take_if(|running| !Arc::ptr_eq(running, stream))
        {
            // The memory between the layers is one: runs on two streams would write over each other.
            other.synchronize()?;
        }
        self.running = Some(Arc::clone(stream));
        // SAFETY: the stream is alive and of the context just made current; every tensor has been checked
        // to have enough memory, which stays alive until the stream has finished.
        unsafe { self.raw.enqueue(stream.cu_stream().cast()) }
    }

    fn check(&self, index: usize) -> Result<(), Error> {
        let name = || self.engine.tensors()[index].name.clone();
        let needs = self.needs(index)?;
        let Some(memory) = &self.bound[index] else {
            return Err(Error::NotBound { name: name() });
        };
        let has = memory.bytes() as u64;
        if has < needs {
            return Err(Error::TooSmall {
                name: name(),
                shape: shape_of(self.raw.shape(self.engine.name(index))),
                needs,
                has,
            });
        }
        Ok(())
    }

    fn needs(&self, index: usize) -> Result<u64, Error> {
        let tensor = &self.engine.tensors()[index];
        let shape = self.raw.shape(self.engine.name(index));
        let element = tensor.dtype.bytes().ok_or_else(|| Error::ElementSize {
            name: tensor.name.clone(),
            dtype: tensor.dtype,
        })?;
        bytes_of(&shape, element).ok_or_else(|| Error::ShapeUnknown {
            name: tensor.name.clone(),
            shape: shape_of(shape),
        })
    }

    /// Waits until nothing of this context runs.
    fn finish(&mut self) -> Result<(), Error> {
        let Some(stream) = &self.running else {
            return Ok(());
        };
        if stream.capture_status()? != CUstreamCaptureStatus::CU_STREAM_CAPTURE_STATUS_NONE {
            // To wait would spoil the capture, and not to wait would leave the graph with the old address.
            return Err(Error::Refused {
                message: "the stream is being captured: buffers are bound before that".to_owned(),
            });
        }
        stream.synchronize()?;
        self.running = None;
        Ok(())
    }
}

impl fmt::Debug for Context {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Context")
            .field("tensors", &self.engine.tensors())
            .finish_non_exhaustive()
    }
}

impl Drop for Context {
    fn drop(&mut self) {
        let Err(error) = self.finish() else {
            return;
        };
        // The stream could not be asked or waited for; where nothing runs at all, neither does this.
        let idle = match &self.running {
            Some(stream) => stream.context().synchronize().is_ok(),
            None => true,
        };
        if !idle {
            log::error!(
                "an execution context goes while it may still run, its buffers stay: {error}"
            );
            std::mem::forget(std::mem::take(&mut self.bound));
        }
    }
}

/// `None` if a dimension is open or the product is beyond all memory.
fn bytes_of(shape: &sys::Shape, element: usize) -> Option<u64> {
    let rank = usize::try_from(shape.rank).ok()?;
    shape
        .d
        .get(..rank)?
        .iter()
        .try_fold(element as u64, |bytes, &d| {
            bytes.checked_mul(u64::try_from(d).ok()?)
        })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shape(dims: &[i64]) -> sys::Shape {
        let mut d = [0; sys::MAX_RANK];
        d[..dims.len()].copy_from_slice(dims);
        sys::Shape {
            d,
            rank: dims.len() as i32,
        }
    }

    #[test]
    fn bytes_are_elements_times_size() {
        assert_eq!(bytes_of(&shape(&[1, 3, 352, 480]), 4), Some(2_027_520));
        assert_eq!(bytes_of(&shape(&[]), 2), Some(2));
        assert_eq!(bytes_of(&shape(&[1, 0]), 4), Some(0));
    }

    #[test]
    fn an_open_size_and_an_overflow_have_no_bytes() {
        assert_eq!(bytes_of(&shape(&[1, -1, 4]), 4), None);
        assert_eq!(bytes_of(&shape(&[i64::MAX, i64::MAX]), 4), None);
        let unknown = sys::Shape {
            rank: -1,
            ..shape(&[])
        };
        assert_eq!(bytes_of(&unknown, 4), None);
        let too_many = sys::Shape {
            rank: 9,
            ..shape(&[1])
        };
        assert_eq!(bytes_of(&too_many, 4), None);
    }
}
