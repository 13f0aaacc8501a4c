//! Memory of the GPU, and pinned memory of the CPU.

use std::ptr::NonNull;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use cudarc::driver::{result, sys};

use super::error::During;
use super::{CudaError, Device, Event, Stream};
use crate::tensorrt::DeviceMemory;

/// Memory of the GPU; what it holds before it is written is unspecified.
pub struct DeviceBuffer {
    device: Device,
    address: sys::CUdeviceptr,
    bytes: usize,
}

impl DeviceBuffer {
    /// That many bytes, aligned to 256; at least one.
    ///
    /// # Errors
    /// Out of memory.
    pub fn new(device: &Device, bytes: usize) -> Result<Arc<Self>, CudaError> {
        device.bind()?;
        let bytes = bytes.max(1);
        // SAFETY: allocates, no pointer goes in.
        let address = unsafe { result::malloc_sync(bytes) }.during("allocate device memory")?;
        Ok(Arc::new(Self {
            device: device.clone(),
            address,
            bytes,
        }))
    }

    /// The same filled with `content`, before anything else is done with it.
    ///
    /// # Errors
    /// Out of memory, or a failed copy.
    pub fn with(device: &Device, content: &[u8]) -> Result<Arc<Self>, CudaError> {
        let buffer = Self::new(device, content.len())?;
        if !content.is_empty() {
            // SAFETY: the buffer has that many bytes, and nobody else knows it yet.
            unsafe { result::memcpy_htod_sync(buffer.address, content) }
                .during("fill device memory")?;
            // The call returns when pageable memory has been read, which may be before the last byte is
            // on the device; and our streams do not wait for the default one.
            // SAFETY: null is the default stream of the context that is current.
            unsafe { result::stream::synchronize(std::ptr::null_mut()) }
                .during("fill device memory")?;
        }
        Ok(buffer)
    }
}

// SAFETY: the memory is allocated with that address and size, and freed when the buffer goes.
unsafe impl DeviceMemory for DeviceBuffer {
    fn address(&self) -> u64 {
        self.address
    }

    fn bytes(&self) -> usize {
        self.bytes
    }
}

impl Drop for DeviceBuffer {
    fn drop(&mut self) {
        // Work that was asked for may still use it, and whoever frees does not know of whom.
        let context = &self.device.context;
        context.record_err(context.synchronize());
        // SAFETY: allocated in `new`, freed once, and nothing uses it any more.
        context.record_err(unsafe { result::free_sync(self.address) });
    }
}

impl std::fmt::Debug for DeviceBuffer {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("DeviceBuffer")
            .field("bytes", &self.bytes)
            .finish_non_exhaustive()
    }
}

/// What a host buffer is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum HostKind {
    /// Written by the CPU and read by it: results and parameters.
    Cached,
    /// Written by the CPU once, front to back, and never read: a discrete GPU fetches it faster over the
    /// bus (write-combined).
    Upload,
}

/// Pinned memory of the CPU that the GPU copies to and from, or reads in place ([`address`]).
///
/// [`address`]: DeviceMemory::address
pub struct HostBuffer {
    device: Device,
    memory: NonNull<u8>,
    bytes: usize,
    /// Where the GPU sees it.
    address: u64,
    state: Mutex<Flight>,
}

/// Whether the GPU works on the buffer.
struct Flight {
    pending: bool,
    /// Recorded behind the last work on the buffer.
    done: Event,
    /// There is work that `done` could not be recorded behind.
    unmarked: bool,
}

// SAFETY: the memory belongs to the buffer alone, and is touched under the lock only.
unsafe impl Send for HostBuffer {}
// SAFETY: as above; the rest of it is not changed after it was made.
unsafe impl Sync for HostBuffer {}

impl HostBuffer {
    /// That many bytes of zeros, at least one.
    ///
    /// # Errors
    /// Out of memory that can be pinned.
    pub fn new(device: &Device, bytes: usize, kind: HostKind) -> Result<Arc<Self>, CudaError> {
        let done = Event::new(device)?;
        device.bind()?;
        let bytes = bytes.max(1);
        let mut flags = sys::CU_MEMHOSTALLOC_DEVICEMAP | sys::CU_MEMHOSTALLOC_PORTABLE;
        // On a Jetson both sides share the memory and uncached writes only cost.
        if kind == HostKind::Upload && !device.info().integrated {
            flags |= sys::CU_MEMHOSTALLOC_WRITECOMBINED;
        }
        // SAFETY: allocates, no pointer goes in.
        let memory = unsafe { result::malloc_host(bytes, flags) }.during("pin host memory")?;
        let mut buffer = Self {
            device: device.clone(),
            memory: NonNull::new(memory.cast()).ok_or_else(|| {
                let none = sys::CUresult::CUDA_ERROR_OUT_OF_MEMORY;
                CudaError::new("pin host memory", result::DriverError(none))
            })?,
            bytes,
            address: 0,
            state: Mutex::new(Flight {
                pending: false,
                done,
                unmarked: false,
            }),
        };
        // SAFETY: `memory` is that of a mapped allocation, and has `bytes` bytes.
        unsafe {
            buffer.memory.as_ptr().write_bytes(0, bytes);
            sys::cuMemHostGetDevicePointer_v2(&mut buffer.address, memory, 0)
        }
        .result()
        .during("map host memory")?;
        Ok(Arc::new(buffer))
    }

    /// Reads it, after the GPU is done with it.
    ///
    /// # Errors
    /// What failed on the GPU before that; the content is not to be believed then.
    pub fn read<R>(&self, read: impl FnOnce(&[u8]) -> R) -> Result<R, CudaError> {
        let guard = self.settled()?;
        // SAFETY: `bytes` initialised bytes; the GPU is done with them, and all others wait for the lock.
        let seen = read(unsafe { std::slice::from_raw_parts(self.memory.as_ptr(), self.bytes) });
        drop(guard);
        Ok(seen)
    }

    /// Writes it, after the GPU is done with it.
    ///
    /// # Errors
    /// As [`read`](Self::read); nothing is written then.
    pub fn write<R>(&self, write: impl FnOnce(&mut [u8]) -> R) -> Result<R, CudaError> {
        let guard = self.settled()?;
        // SAFETY: as in `read`, and nobody else has a reference.
        let made =
            write(unsafe { std::slice::from_raw_parts_mut(self.memory.as_ptr(), self.bytes) });
        drop(guard);
        Ok(made)
    }

    /// The GPU works on it from now on, until all that was asked of the stream is done.
    pub(super) fn depart(&self, stream: &Stream) -> Result<(), CudaError> {
        let mut flight = self.lock();
        flight.pending = true;
        let marked = flight.done.record(stream);
        flight.unmarked |= marked.is_err();
        marked
    }

    pub(super) fn pointer(&self) -> *mut u8 {
        self.memory.as_ptr()
    }

    fn settled(&self) -> Result<MutexGuard<'_, Flight>, CudaError> {
        let mut flight = self.lock();
        if flight.unmarked {
            self.device.synchronize()?;
            flight.unmarked = false;
        } else if flight.pending {
            flight.done.synchronize()?;
        }
        flight.pending = false;
        Ok(flight)
    }

    fn lock(&self) -> MutexGuard<'_, Flight> {
        // who panicked while holding it was reading or writing bytes, which are valid whatever they are
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

// SAFETY: as above; the address is the one at which the GPU sees it.
unsafe impl DeviceMemory for HostBuffer {
    fn address(&self) -> u64 {
        self.address
    }

    fn bytes(&self) -> usize {
        self.bytes
    }
}

impl Drop for HostBuffer {
    fn drop(&mut self) {
        let context = &self.device.context;
        context.record_err(context.synchronize());
        // SAFETY: allocated in `new`, freed once, and nothing uses it any more.
        context.record_err(unsafe { result::free_host(self.memory.as_ptr().cast()) });
    }
}

impl std::fmt::Debug for HostBuffer {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("HostBuffer")
            .field("bytes", &self.bytes)
            .finish_non_exhaustive()
    }
}
