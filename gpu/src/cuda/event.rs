use cudarc::driver::{result, sys};

use super::error::During;
use super::{CudaError, Device, Stream};

/// A mark in a stream: it is reached when all work before it is done.
///
/// Not `cudarc`'s event, which cannot be timed and wait without spinning at once, and cannot be recorded
/// inside a graph.
pub struct Event {
    device: Device,
    event: sys::CUevent,
}

// SAFETY: an event may be used from any thread; it is destroyed once, in `drop`.
unsafe impl Send for Event {}
// SAFETY: as above; the driver locks what it has to.
unsafe impl Sync for Event {}

impl Event {
    /// For order only. Who waits for it sleeps instead of spinning: a core of a vehicle's computer has
    /// something better to do.
    ///
    /// # Errors
    /// Out of resources.
    pub fn new(device: &Device) -> Result<Self, CudaError> {
        Self::create(device, sys::CUevent_flags::CU_EVENT_DISABLE_TIMING as u32)
    }

    /// With the time at which it was reached.
    ///
    /// # Errors
    /// Out of resources.
    pub fn timed(device: &Device) -> Result<Self, CudaError> {
        Self::create(device, 0)
    }

    fn create(device: &Device, flags: u32) -> Result<Self, CudaError> {
        device.bind()?;
        let flags = flags | sys::CUevent_flags::CU_EVENT_BLOCKING_SYNC as u32;
        let mut event = std::ptr::null_mut();
        // SAFETY: writes one handle.
        unsafe { sys::cuEventCreate(&mut event, flags) }
            .result()
            .during("make an event")?;
        Ok(Self {
            device: device.clone(),
            event,
        })
    }

    /// Marks the end of what was asked of the stream so far.
    ///
    /// # Errors
    /// A failure of the driver.
    pub fn record(&self, stream: &Stream) -> Result<(), CudaError> {
        self.device.bind()?;
        // SAFETY: both handles are alive.
        unsafe { result::event::record(self.event, stream.raw()) }.during("record an event")
    }

    /// The same inside a capture: a node of the graph, reached anew at every replay.
    pub(super) fn record_in_graph(&self, stream: &Stream) -> Result<(), CudaError> {
        let external = sys::CUevent_record_flags_enum::CU_EVENT_RECORD_EXTERNAL as u32;
        // SAFETY: both handles are alive; the context is current in a capture.
        unsafe { sys::cuEventRecordWithFlags(self.event, stream.raw(), external) }
            .result()
            .during("record an event in a graph")
    }

    /// Waits until it is reached; one that was never recorded is.
    ///
    /// # Errors
    /// What failed on the device before it.
    pub fn synchronize(&self) -> Result<(), CudaError> {
        self.device.bind()?;
        // SAFETY: the handle is alive.
        unsafe { result::event::synchronize(self.event) }.during("wait for an event")
    }

    /// Milliseconds from this to `end`, by the GPU's clock; both timed, and reached.
    ///
    /// # Errors
    /// An event that has no time, or was not reached.
    pub fn elapsed_ms(&self, end: &Event) -> Result<f32, CudaError> {
        self.device.bind()?;
        // SAFETY: both handles are alive.
        unsafe { result::event::elapsed(self.event, end.event) }
            .during("read the time between events")
    }

    pub(super) fn raw(&self) -> sys::CUevent {
        self.event
    }
}

impl Drop for Event {
    fn drop(&mut self) {
        let context = &self.device.context;
        context.record_err(context.bind_to_thread());
        // SAFETY: made in `create` and destroyed once. The driver keeps what pending work needs of it.
        context.record_err(unsafe { result::event::destroy(self.event) });
    }
}

impl std::fmt::Debug for Event {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Event").finish_non_exhaustive()
    }
}
