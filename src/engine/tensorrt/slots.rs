//! Camera bytes on their way to the GPU: two places, so that a frame is brought while the one before is
//! still worked on.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use lookout_gpu::cuda::{DeviceBuffer, Event, HostBuffer, HostKind, Stream};
use lookout_gpu::tensorrt::DeviceMemory;

use super::TensorRtError;
use crate::engine::{EngineError, Upload};
use crate::frame::{Encoding, RawImage};
use crate::time::Stamp;

/// Larger buffers are made in steps of this, so that a camera that sends now more, now less allocates once.
const STEP_BYTES: usize = 1 << 16;

/// Which message is in a slot. Two with the same stamp are told apart by where their bytes lie: as long as
/// somebody has the one, the other is elsewhere.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Message {
    pub(super) stamp: Stamp,
    pub(super) width: u32,
    pub(super) height: u32,
    pub(super) step: u32,
    pub(super) encoding: Encoding,
    pub(super) big_endian: bool,
    from: usize,
    bytes: usize,
}

impl Message {
    pub(super) fn of(image: &RawImage<'_>) -> Self {
        Self {
            stamp: image.stamp(),
            width: image.width(),
            height: image.height(),
            step: image.step(),
            encoding: image.encoding(),
            big_endian: image.is_bigendian(),
            from: image.data().as_ptr() as usize,
            bytes: image.data().len(),
        }
    }
}

/// One message's way.
struct Slot {
    /// What the CPU writes; on a GPU that shares its memory, what kernels read.
    host: Arc<HostBuffer>,
    /// What kernels read; none where they read the host's.
    device: Option<Arc<DeviceBuffer>>,
    /// The bytes are there.
    arrived: Event,
    /// The kernels that read them are done.
    released: Event,
    /// There are kernels that `released` could not be recorded behind.
    unmarked: bool,
    message: Option<Message>,
}

/// Where a message lies, for the kernels.
pub(super) struct Taken {
    pub(super) message: Message,
    /// As the GPU sees it.
    pub(super) address: u64,
    /// What the GPU reads in place, where it does.
    pub(super) in_place: Option<Arc<HostBuffer>>,
    slot: usize,
}

/// Two slots and the stream that fills them. One is claimed by whoever runs the networks; the other is
/// for whoever brings the next frame meanwhile, on another thread.
pub(super) struct Slots(Arc<SlotPair>);

struct SlotPair {
    stream: Stream,
    slots: [Mutex<Slot>; 2],
    /// Changes under the lock of the slot that it changes to.
    claimed: AtomicUsize,
}

/// Brings frames ahead.
pub(super) struct SlotUploader(Arc<SlotPair>);

impl Slot {
    fn new(stream: &Stream, bytes: usize) -> Result<Self, TensorRtError> {
        let device = stream.device();
        let host = HostBuffer::new(device, bytes, HostKind::Upload)?;
        let copy = match device.info().integrated {
            true => None,
            false => Some(DeviceBuffer::new(device, bytes)?),
        };
        Ok(Self {
            host,
            device: copy,
            arrived: Event::new(device)?,
            released: Event::new(device)?,
            unmarked: false,
            message: None,
        })
    }

    /// Sends a message's bytes on their way, in place of whatever waits here.
    fn fill(&mut self, stream: &Stream, image: &RawImage<'_>) -> Result<(), TensorRtError> {
        self.message = None;
        if self.unmarked {
            stream.device().synchronize()?;
            self.unmarked = false;
        }
        let bytes = image.data().len();
        if self.host.bytes() < bytes {
            *self = Self::new(stream, bytes.next_multiple_of(STEP_BYTES))?;
        }
        self.host.write(|to| {
            if let Some(to) = to.get_mut(..bytes) {
                to.copy_from_slice(image.data());
            }
        })?;
        if let Some(device) = &self.device {
            stream.wait(&self.released)?;
            stream.run(|work| work.upload(&self.host, device, bytes))?;
            self.arrived.record(stream)?;
        }
        self.message = Some(Message::of(image));
        Ok(())
    }

    fn address(&self) -> u64 {
        self.device
            .as_ref()
            .map_or(self.host.address(), |device| device.address())
    }
}

impl Slots {
    /// With room for that many bytes; more is made when a message needs it.
    pub(super) fn new(stream: Stream, bytes: usize) -> Result<Self, TensorRtError> {
        let slot = || Slot::new(&stream, bytes).map(Mutex::new);
        let slots = [slot()?, slot()?];
        Ok(Self(Arc::new(SlotPair {
            stream,
            slots,
            claimed: AtomicUsize::new(0),
        })))
    }

    /// For another thread.
    pub(super) fn ahead(&self) -> SlotUploader {
        SlotUploader(self.0.clone())
    }

    /// Sends a message's bytes on their way, unless they are already: then its slot is claimed. Returns
    /// when the bytes are copied from the message.
    pub(super) fn stage(&mut self, image: &RawImage<'_>) -> Result<(), TensorRtError> {
        let shared = &self.0;
        let own = shared.claimed.load(Ordering::Acquire);
        let other = 1 - own;
        // whoever has the lock is bringing a newer one
        if let Ok(slot) = shared.slots[other].try_lock()
            && slot.message == Some(Message::of(image))
        {
            shared.claimed.store(other, Ordering::Release);
            return Ok(());
        }
        shared.lock(own).fill(&shared.stream, image)
    }

    /// Whatever was staged is not what is wanted.
    pub(super) fn forget(&mut self) {
        let own = self.0.claimed.load(Ordering::Acquire);
        self.0.lock(own).message = None;
    }

    /// Takes the message that was staged, if it is one that `wanted` says yes to; it cannot be taken twice.
    /// What `compute` does from here on comes after its arrival.
    pub(super) fn take(
        &mut self,
        compute: &Stream,
        wanted: impl FnOnce(&Message) -> bool,
    ) -> Result<Option<Taken>, TensorRtError> {
        let own = self.0.claimed.load(Ordering::Acquire);
        let mut slot = self.0.lock(own);
        let Some(message) = slot.message.take().filter(wanted) else {
            return Ok(None);
        };
        if slot.device.is_some() {
            compute.wait(&slot.arrived)?;
        }
        Ok(Some(Taken {
            message,
            address: slot.address(),
            in_place: slot.device.is_none().then(|| slot.host.clone()),
            slot: own,
        }))
    }

    /// What was asked of `compute` so far is all that reads the message.
    pub(super) fn release(&mut self, taken: &Taken, compute: &Stream) -> Result<(), TensorRtError> {
        let mut slot = self.0.lock(taken.slot);
        let marked = slot.released.record(compute);
        slot.unmarked |= marked.is_err();
        Ok(marked?)
    }
}

impl SlotPair {
    fn lock(&self, slot: usize) -> MutexGuard<'_, Slot> {
        // who panicked while filling it left a slot without a message
        self.slots[slot]
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
    }
}

impl Upload for SlotUploader {
    fn upload(&mut self, image: &RawImage<'_>) -> Result<(), EngineError> {
        let shared = &self.0;
        loop {
            let free = 1 - shared.claimed.load(Ordering::Acquire);
            let mut slot = shared.lock(free);
            // it may have been claimed while this waited for the lock; no more than once a frame
            if shared.claimed.load(Ordering::Acquire) != free {
                return Ok(slot.fill(&shared.stream, image)?);
            }
        }
    }
}
