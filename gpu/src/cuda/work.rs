use std::any::Any;
use std::ffi::c_void;
use std::sync::{Arc, Mutex, PoisonError};

use cudarc::driver::{CudaGraph, result};

use super::error::During;
use super::{CudaError, DeviceBuffer, Event, Graph, HostBuffer, Kernel, Stream};
use crate::tensorrt::{self, Context, DeviceMemory};

/// Blocks of a launch, and threads of a block; x, y, z.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Geometry {
    /// Blocks.
    pub grid: (u32, u32, u32),
    /// Threads.
    pub block: (u32, u32, u32),
}

/// What is asked of a stream, done at once or captured; in order.
pub struct Work<'a> {
    stream: &'a Stream,
    /// What a graph needs to stay alive; empty where nothing is captured.
    kept: Vec<Arc<dyn Any + Send + Sync>>,
    hosts: Vec<Arc<HostBuffer>>,
    captured: bool,
}

impl<'a> Work<'a> {
    pub(super) fn now(stream: &'a Stream) -> Self {
        Self::new(stream, false)
    }

    pub(super) fn captured(stream: &'a Stream) -> Self {
        Self::new(stream, true)
    }

    fn new(stream: &'a Stream, captured: bool) -> Self {
        Self {
            stream,
            kept: Vec::new(),
            hosts: Vec::new(),
            captured,
        }
    }

    /// Copies the first `bytes` of host memory to the beginning of device memory.
    ///
    /// # Errors
    /// More bytes than either has; a failure of the driver.
    pub fn upload(
        &mut self,
        from: &Arc<HostBuffer>,
        to: &Arc<DeviceBuffer>,
        bytes: usize,
    ) -> Result<(), CudaError> {
        fits("copy to the device", bytes, from.bytes().min(to.bytes()))?;
        self.touch(from);
        self.keep(to);
        // SAFETY: both have that many bytes. The host's are pinned, and wait for this before they are
        // written again; the device's are freed after the device is idle, or kept by the graph.
        unsafe {
            let source = std::slice::from_raw_parts(from.pointer(), bytes);
            result::memcpy_htod_async(to.address(), source, self.stream.raw())
        }
        .during("copy to the device")
    }

    /// Copies the first `bytes` of device memory to the beginning of host memory.
    ///
    /// # Errors
    /// As [`upload`](Self::upload).
    pub fn download(
        &mut self,
        from: &Arc<DeviceBuffer>,
        to: &Arc<HostBuffer>,
        bytes: usize,
    ) -> Result<(), CudaError> {
        fits("copy from the device", bytes, from.bytes().min(to.bytes()))?;
        self.touch(to);
        self.keep(from);
        // SAFETY: as in `upload`; who reads the host's waits for this first.
        unsafe {
            let target = std::slice::from_raw_parts_mut(to.pointer(), bytes);
            result::memcpy_dtoh_async(target, from.address(), self.stream.raw())
        }
        .during("copy from the device")
    }

    /// The GPU reads or writes host memory in place, in a kernel that is launched here.
    pub fn touch(&mut self, host: &Arc<HostBuffer>) {
        if !self.hosts.iter().any(|h| Arc::ptr_eq(h, host)) {
            self.hosts.push(host.clone());
        }
    }

    /// Marks this place in time.
    ///
    /// # Errors
    /// A failure of the driver.
    pub fn mark(&mut self, event: &Arc<Event>) -> Result<(), CudaError> {
        self.keep(event);
        if self.captured {
            event.record_in_graph(self.stream)
        } else {
            event.record(self.stream)
        }
    }

    /// Runs a network on what is bound to its context.
    ///
    /// # Errors
    /// Those of TensorRT.
    pub fn network(&mut self, context: &Arc<Mutex<Context>>) -> Result<(), tensorrt::Error> {
        self.keep(context);
        // a context that was left half set up says so itself
        let mut context = context.lock().unwrap_or_else(PoisonError::into_inner);
        context.enqueue(self.stream.inner())
    }

    /// Launches a kernel.
    ///
    /// # Errors
    /// A geometry that the device does not take; a failure of the driver.
    ///
    /// # Safety
    /// `arguments` point to as many values as the kernel has parameters, of its types, alive during the
    /// call. What the kernel reads and writes lies within `memory` or within host memory given to
    /// [`touch`](Self::touch), or is otherwise known to outlive the launch and every replay of it.
    pub unsafe fn launch(
        &mut self,
        kernel: &Kernel,
        geometry: Geometry,
        arguments: &mut [*mut c_void],
        memory: &[&Arc<DeviceBuffer>],
    ) -> Result<(), CudaError> {
        for buffer in memory {
            self.keep(buffer);
        }
        if self.captured {
            self.kept.push(Arc::new(kernel.clone()));
        }
        let Geometry { grid, block } = geometry;
        // SAFETY: the function is alive with its module; the rest is the caller's promise.
        unsafe {
            let function = kernel.raw();
            result::launch_kernel(function, grid, block, 0, self.stream.raw(), arguments)
        }
        .during("launch a kernel")
    }

    fn keep<T: Send + Sync + 'static>(&mut self, what: &Arc<T>) {
        if self.captured {
            self.kept.push(what.clone());
        }
    }

    /// The GPU works on the host memory from now on.
    pub(super) fn depart(&self) -> Result<(), CudaError> {
        // every one of them has to know, whatever becomes of the others
        let departed = self.hosts.iter().map(|host| host.depart(self.stream));
        departed.fold(Ok(()), Result::and)
    }

    pub(super) fn into_graph(self, graph: Option<CudaGraph>) -> Result<Graph, CudaError> {
        let Some(graph) = graph else {
            let empty = cudarc::driver::sys::CUresult::CUDA_ERROR_STREAM_CAPTURE_INVALIDATED;
            return Err(CudaError::new("end a capture", result::DriverError(empty)));
        };
        Ok(Graph::new(
            graph,
            self.stream.clone(),
            self.hosts,
            self.kept,
        ))
    }
}

impl std::fmt::Debug for Work<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Work")
            .field("captured", &self.captured)
            .finish_non_exhaustive()
    }
}

fn fits(call: &'static str, bytes: usize, room: usize) -> Result<(), CudaError> {
    match bytes <= room {
        true => Ok(()),
        false => Err(CudaError::invalid(call)),
    }
}
