use std::sync::Arc;

use cudarc::driver::sys::{self, CUstreamCaptureMode as CaptureMode};
use cudarc::driver::{CudaStream, result};

use super::error::During;
use super::{CudaError, Device, Event, Graph, Work};

/// Which stream goes first when two have work that is ready.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Priority {
    /// Before all others that the GPU runs.
    Highest,
    /// After them.
    Lowest,
}

/// A queue of work on the GPU, done in order. It never waits for the default stream of somebody else.
#[derive(Clone, Debug)]
pub struct Stream {
    device: Device,
    stream: Arc<CudaStream>,
}

impl Stream {
    /// An empty one.
    ///
    /// # Errors
    /// Out of resources.
    pub fn new(device: &Device, priority: Priority) -> Result<Self, CudaError> {
        device.bind()?;
        let (least, greatest) =
            result::stream::get_priority_range().during("ask for priorities of streams")?;
        let priority = match priority {
            Priority::Highest => greatest,
            Priority::Lowest => least,
        };
        let stream = device.context.new_stream_with_priority(priority);
        Ok(Self {
            device: device.clone(),
            stream: stream.during("make a stream")?,
        })
    }

    /// The device it belongs to.
    pub fn device(&self) -> &Device {
        &self.device
    }

    /// Asks for work to be done.
    ///
    /// # Errors
    /// Those of `ask`; a failure of the driver. What was asked for before that is done all the same.
    pub fn run<E: From<CudaError>>(
        &self,
        ask: impl FnOnce(&mut Work<'_>) -> Result<(), E>,
    ) -> Result<(), E> {
        self.device.bind()?;
        let mut work = Work::now(self);
        let asked = ask(&mut work);
        // whatever was asked for is on its way, also where a later part failed
        let departed = work.depart();
        asked?;
        Ok(departed?)
    }

    /// Takes work down as a graph, without doing it. Nothing may be allocated or waited for meanwhile on
    /// this thread; so whatever makes its buffers at its first use has to have run once before.
    ///
    /// # Errors
    /// Those of `ask`; what the driver cannot capture. The stream can be used again.
    pub fn capture<E: From<CudaError>>(
        &self,
        ask: impl FnOnce(&mut Work<'_>) -> Result<(), E>,
    ) -> Result<Graph, E> {
        self.device.bind()?;
        // other threads (an upload, another engine) may go on as they like
        let mode = CaptureMode::CU_STREAM_CAPTURE_MODE_THREAD_LOCAL;
        self.stream.begin_capture(mode).during("begin a capture")?;
        let mut work = Work::captured(self);
        let asked = ask(&mut work);
        let flags = sys::CUgraphInstantiate_flags::CUDA_GRAPH_INSTANTIATE_FLAG_USE_NODE_PRIORITY;
        // ended in any case: a stream that stays in capture is of no use
        let graph = self.stream.end_capture(flags).during("end a capture");
        if graph.is_err() {
            self.abandon_capture();
        }
        asked?;
        Ok(work.into_graph(graph?)?)
    }

    /// Ends a capture that could not be ended: as long as it lasts, nothing can be freed.
    fn abandon_capture(&self) {
        let context = &self.device.context;
        let none = sys::CUstreamCaptureStatus::CU_STREAM_CAPTURE_STATUS_NONE;
        // SAFETY: the stream is alive.
        let status = unsafe { result::stream::is_capturing(self.raw()) };
        if status == Ok(none) {
            return;
        }
        // SAFETY: as above.
        match unsafe { result::stream::end_capture(self.raw()) } {
            Ok(graph) if !graph.is_null() => {
                // SAFETY: a graph that nobody else has, destroyed once.
                let destroyed = unsafe { result::graph::destroy(graph) };
                context.record_err(destroyed);
            }
            other => context.record_err(other),
        }
    }

    /// What comes after this waits for `event`.
    ///
    /// # Errors
    /// A failure of the driver.
    pub fn wait(&self, event: &Event) -> Result<(), CudaError> {
        self.device.bind()?;
        let flags = sys::CUevent_wait_flags::CU_EVENT_WAIT_DEFAULT;
        // SAFETY: both handles are alive.
        unsafe { result::stream::wait_event(self.raw(), event.raw(), flags) }
            .during("let a stream wait for an event")
    }

    /// Waits until all that was asked for is done.
    ///
    /// # Errors
    /// What failed on the device.
    pub fn synchronize(&self) -> Result<(), CudaError> {
        self.stream.synchronize().during("wait for a stream")
    }

    pub(crate) fn inner(&self) -> &Arc<CudaStream> {
        &self.stream
    }

    pub(super) fn raw(&self) -> sys::CUstream {
        self.stream.cu_stream()
    }
}
