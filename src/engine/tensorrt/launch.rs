//! Launching the kernels. What they are handed is settled here, so that the rest is safe.
#![expect(unsafe_code, reason = "arguments of kernels have no types")]

use std::ffi::c_void;
use std::ptr::from_mut;
use std::sync::Arc;

use lookout_gpu::cuda::{CudaError, Device, DeviceBuffer, Geometry, Kernel, Module, Work};
use lookout_gpu::tensorrt::DeviceMemory;

use super::kernels::{
    BlockCounts, Extent, InputParams, JUDGE, JUDGE_BLOCK, PREPROCESS, PREPROCESS_BLOCK, judge_grid,
    preprocess_grid,
};

/// The kernels on a device.
pub(super) struct Kernels {
    preprocess: Kernel,
    judge: Kernel,
}

/// Where what changes from frame to frame lies in its buffer.
pub(super) struct Params;

impl Params {
    /// The frame's.
    pub(super) const FRAME: usize = 0;
    /// The judge's of what the segmentation network gave.
    pub(super) const SEGMENTED: usize = 64;
    /// The judge's of what the head gave.
    pub(super) const OBSERVED: usize = 104;
    /// Bytes of all of them.
    pub(super) const BYTES: usize = 144;
}

/// What the judge reads.
pub(super) struct Judged<'a> {
    /// Planes of logits.
    pub(super) logits: &'a Arc<DeviceBuffer>,
    /// What the head gave.
    pub(super) head: Option<&'a Arc<DeviceBuffer>>,
    /// Buffer of [`Params`].
    pub(super) params: &'a Arc<DeviceBuffer>,
    /// [`Params::SEGMENTED`] or [`Params::OBSERVED`].
    pub(super) at: usize,
    /// Classes in the logits.
    pub(super) classes: usize,
    /// Values of a plane, of which as many as the layout has pixels are judged.
    pub(super) plane: usize,
}

/// Where the judge's results lie in their buffer, for that many pixels.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Layout {
    pub(super) pixels: usize,
    /// Of the counts; the scores are at 0.
    pub(super) blocks: usize,
    pub(super) labels: usize,
    pub(super) mask: usize,
    pub(super) bytes: usize,
}

impl Layout {
    pub(super) fn of(pixels: usize) -> Self {
        let [count, ..] = judge_grid(u32::try_from(pixels).unwrap_or(u32::MAX));
        let blocks = 4 * pixels;
        let labels = blocks + BlockCounts::BYTES * count as usize;
        let mask = labels + pixels;
        Self {
            pixels,
            blocks,
            labels,
            mask,
            bytes: mask + pixels,
        }
    }
}

impl Kernels {
    /// Of a cubin that was compiled from the shipped sources for this device.
    pub(super) fn load(device: &Device, cubin: &[u8]) -> Result<Self, CudaError> {
        let module = Module::load(device, cubin)?;
        Ok(Self {
            preprocess: module.kernel(PREPROCESS.entry)?,
            judge: module.kernel(JUDGE.entry)?,
        })
    }

    /// From the camera's bytes, which `params` points to, to the planes in `image`.
    ///
    /// The frame's parameters come with each replay: whoever writes them sees to it that they point to a
    /// message that is there, and to the tables of its size.
    pub(super) fn preprocess(
        &self,
        work: &mut Work<'_>,
        params: &Arc<DeviceBuffer>,
        image: &Arc<DeviceBuffer>,
        mut input: InputParams,
    ) -> Result<(), CudaError> {
        let geometry = geometry(
            preprocess_grid((input.width, input.height)),
            PREPROCESS_BLOCK,
        );
        let mut frame = params.address() + Params::FRAME as u64;
        let mut out = image.address();
        room(image, 12 * input.width as usize * input.height as usize)?;
        room(params, Params::BYTES)?;
        let mut arguments = [pointer(&mut frame), pointer(&mut out), pointer(&mut input)];
        // SAFETY: three arguments of the kernel's types. It writes three planes of the input's size, for
        // which there is room, and reads the parameters and what they point to: see above.
        unsafe { work.launch(&self.preprocess, geometry, &mut arguments, &[params, image]) }
    }

    /// From logits to scores, classes, mask and counts, laid out in `out` as [`Layout`] says.
    pub(super) fn judge(
        &self,
        work: &mut Work<'_>,
        judged: &Judged<'_>,
        out: &Arc<DeviceBuffer>,
        layout: Layout,
    ) -> Result<(), CudaError> {
        let pixels = layout.pixels;
        room(judged.logits, 4 * judged.classes * judged.plane)?;
        if let Some(head) = judged.head {
            room(head, 4 * judged.plane)?;
        }
        room(judged.params, Params::BYTES)?;
        room(out, layout.bytes)?;
        let grid = judge_grid(u32::try_from(pixels).unwrap_or(u32::MAX));
        let mut logits = judged.logits.address();
        let mut head = judged.head.map_or(0, |plane| plane.address());
        let mut params = judged.params.address() + judged.at as u64;
        let mut score = out.address();
        let mut label = out.address() + layout.labels as u64;
        let mut mask = out.address() + layout.mask as u64;
        let mut blocks = out.address() + layout.blocks as u64;
        let mut arguments = [
            pointer(&mut logits),
            pointer(&mut head),
            pointer(&mut params),
            pointer(&mut score),
            pointer(&mut label),
            pointer(&mut mask),
            pointer(&mut blocks),
        ];
        let mut memory = vec![judged.logits, judged.params, out];
        memory.extend(judged.head);
        // SAFETY: seven addresses, as the kernel has parameters; every buffer has room for what is read and
        // written: the parameters' width and height multiply to the pixels, and what is judged lies in a plane,
        // as whoever writes them sees to.
        unsafe {
            let geometry = geometry(grid, JUDGE_BLOCK);
            work.launch(&self.judge, geometry, &mut arguments, &memory)
        }
    }
}

fn geometry([gx, gy, gz]: Extent, [bx, by, bz]: Extent) -> Geometry {
    Geometry {
        grid: (gx, gy, gz),
        block: (bx, by, bz),
    }
}

fn pointer<T>(value: &mut T) -> *mut c_void {
    from_mut(value).cast()
}

/// Whether the buffer has that many bytes: what a kernel writes past the end is somebody else's.
fn room(buffer: &Arc<DeviceBuffer>, bytes: usize) -> Result<(), CudaError> {
    match buffer.bytes() >= bytes {
        true => Ok(()),
        false => Err(CudaError::invalid(
            "launch a kernel on a buffer that is too small",
        )),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::engine::tensorrt::kernels::{FrameParams, JudgeParams};

    #[test]
    fn parameters_do_not_overlap_and_are_aligned() {
        let frame = Params::FRAME..Params::FRAME + size_of::<FrameParams>();
        let segmented = Params::SEGMENTED..Params::SEGMENTED + size_of::<JudgeParams>();
        let observed = Params::OBSERVED..Params::OBSERVED + size_of::<JudgeParams>();
        assert!(frame.end <= segmented.start && segmented.end <= observed.start);
        assert!(observed.end <= Params::BYTES);
        assert!(frame.start.is_multiple_of(align_of::<FrameParams>()));
        for part in [segmented, observed] {
            assert!(part.start.is_multiple_of(align_of::<JudgeParams>()));
        }
    }

    #[test]
    fn results_are_laid_out_one_after_the_other() {
        let layout = Layout::of(257);
        assert_eq!(layout.blocks, 257 * 4);
        assert_eq!(layout.labels, layout.blocks + 2 * BlockCounts::BYTES);
        assert_eq!(layout.mask, layout.labels + 257);
        assert_eq!(layout.bytes, layout.mask + 257);
        assert!(layout.blocks.is_multiple_of(align_of::<BlockCounts>()));
    }
}
