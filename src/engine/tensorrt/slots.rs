//! Camera bytes on their way to the GPU: two places, so that a frame is brought while the one before is
//! still worked on.

use std::sync::Arc;

use lookout_gpu::cuda::{DeviceBuffer, Event, HostBuffer, HostKind, Stream};
use lookout_gpu::tensorrt::DeviceMemory;

use super::TensorRtError;
use crate::frame::{Encoding, RawImage};
use crate::time::Stamp;

/// Larger buffers are made in steps of this, so that a camera that sends now more, now less allocates once.
const STEP_BYTES: usize = 1 << 16;

/// Which message is in a slot.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Message {
    pub(super) stamp: Stamp,
    pub(super) width: u32,
    pub(super) height: u32,
    pub(super) step: u32,
    pub(super) encoding: Encoding,
    pub(super) big_endian: bool,
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

/// Two slots and the stream that fills them.
pub(super) struct Slots {
    stream: Stream,
    slots: [Slot; 2],
    /// The one that the last frame was taken from.
    taken: usize,
}

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

    fn address(&self) -> u64 {
        self.device
            .as_ref()
            .map_or(self.host.address(), |device| device.address())
    }
}

impl Slots {
    /// With room for that many bytes; more is made when a message needs it.
    pub(super) fn new(stream: Stream, bytes: usize) -> Result<Self, TensorRtError> {
        let slots = [Slot::new(&stream, bytes)?, Slot::new(&stream, bytes)?];
        Ok(Self {
            stream,
            slots,
            taken: 0,
        })
    }

    /// Sends a message's bytes on their way. It takes the place of one that waits: whoever waited was
    /// replaced by a newer one. Returns when the bytes are copied from the message.
    pub(super) fn stage(&mut self, image: &RawImage<'_>) -> Result<(), TensorRtError> {
        let free = 1 - self.taken;
        let slot = &mut self.slots[free];
        slot.message = None;
        if slot.unmarked {
            self.stream.device().synchronize()?;
            slot.unmarked = false;
        }
        let bytes = image.data().len();
        if slot.host.bytes() < bytes {
            *slot = Slot::new(&self.stream, bytes.next_multiple_of(STEP_BYTES))?;
        }
        slot.host.write(|to| {
            if let Some(to) = to.get_mut(..bytes) {
                to.copy_from_slice(image.data());
            }
        })?;
        if let Some(device) = &slot.device {
            self.stream.wait(&slot.released)?;
            self.stream
                .run(|work| work.upload(&slot.host, device, bytes))?;
            slot.arrived.record(&self.stream)?;
        }
        slot.message = Some(Message::of(image));
        Ok(())
    }

    /// Whatever waits is not what is wanted.
    pub(super) fn forget(&mut self) {
        self.slots[1 - self.taken].message = None;
    }

    /// Takes the message that waits, if it is one that `wanted` says yes to; whatever waited does not
    /// any more. What `compute` does from here on comes after its arrival.
    pub(super) fn take(
        &mut self,
        compute: &Stream,
        wanted: impl FnOnce(&Message) -> bool,
    ) -> Result<Option<Taken>, TensorRtError> {
        let waiting = 1 - self.taken;
        let slot = &mut self.slots[waiting];
        let Some(message) = slot.message.take().filter(wanted) else {
            return Ok(None);
        };
        if slot.device.is_some() {
            compute.wait(&slot.arrived)?;
        }
        self.taken = waiting;
        Ok(Some(Taken {
            message,
            address: slot.address(),
            in_place: slot.device.is_none().then(|| slot.host.clone()),
            slot: waiting,
        }))
    }

    /// What was asked of `compute` so far is all that reads the message.
    pub(super) fn release(&mut self, taken: &Taken, compute: &Stream) -> Result<(), TensorRtError> {
        let slot = &mut self.slots[taken.slot];
        let marked = slot.released.record(compute);
        slot.unmarked |= marked.is_err();
        Ok(marked?)
    }
}
