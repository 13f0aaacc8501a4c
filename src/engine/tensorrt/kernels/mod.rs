//! The CUDA kernels: their text, what they are handed, and how they are compiled and launched.
//!
//! ```text
//! camera's bytes ─► preprocess ─► [1, 3, h, w] ─► networks ─► judge ─► class, score, mask, counts
//! FrameParams, Taps  InputParams                              JudgeParams         BlockCounts
//! ```
//! What changes from frame to frame ([`FrameParams`], [`Taps`], [`JudgeParams`]) lies in device memory,
//! so that a captured graph is replayed as it is.
//!
//! - [`PREPROCESS`]: `preprocess(const FrameParams* frame, float* out, InputParams input)` gives the
//!   bits that [`Decoder`](crate::frame::Decoder) and then [`Preprocessor`](crate::engine::Preprocessor)
//!   give, for every [`Encoding`](crate::frame::Encoding).
//! - [`JUDGE`]: `judge(const float* logits, const float* head, const JudgeParams* params,
//!   float* score, unsigned char* label, unsigned char* mask, BlockCounts* blocks)` gives what
//!   [`argmax`](crate::score::argmax), [`score`](crate::score::score()) and
//!   [`threshold`](crate::decide::threshold()) give, but for the last bits of logarithms. `head`, what a head
//!   gave, may be null where its score is not asked for.
//!
//! Neither checks what it can't see: the addresses and lengths are the host's to get right.

mod blocks;
mod params;
mod taps;

pub use blocks::{BlockCounts, fold};
pub use params::{FrameParams, InputParams, JudgeParams};
pub use taps::Taps;

/// The text of one kernel. It is complete: nothing is included.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct KernelSource {
    /// What compiler messages call it.
    pub name: &'static str,
    /// The kernel's name: it has C linkage.
    pub entry: &'static str,
    /// CUDA C++17.
    pub text: &'static str,
}

/// A kernel's file behind the shared declarations; compiler messages keep the numbers of its lines.
macro_rules! source {
    ($entry:literal, $file:literal) => {
        KernelSource {
            name: $file,
            entry: $entry,
            text: concat!(
                "#line 1 \"params.cuh\"\n",
                include_str!("params.cuh"),
                "#line 1 \"",
                $file,
                "\"\n",
                include_str!($file)
            ),
        }
    };
}

/// From a camera's bytes to the network's input.
pub const PREPROCESS: KernelSource = source!("preprocess", "preprocess.cu");

/// From logits to class, score, mask and counts.
pub const JUDGE: KernelSource = source!("judge", "judge.cu");

/// Both kernels in one text: what is compiled on a device, and kept as one cubin.
pub const TEXT: &str = concat!(
    "#line 1 \"params.cuh\"\n",
    include_str!("params.cuh"),
    "#line 1 \"preprocess.cu\"\n",
    include_str!("preprocess.cu"),
    "#line 1 \"judge.cu\"\n",
    include_str!("judge.cu")
);

/// What NVRTC is told, for a GPU of that compute capability. The kernels must not be compiled without
/// it: sums would be contracted, and no longer be those of the CPU path.
pub fn nvrtc_options((major, minor): (u32, u32)) -> Vec<String> {
    let arch = format!("--gpu-architecture=sm_{major}{minor}");
    let exact = ["--fmad=false", "--ftz=false", "--prec-div=true"];
    std::iter::once(arch)
        .chain(["--std=c++17".to_owned()])
        .chain(exact.map(str::to_owned))
        .collect()
}

/// Blocks of a launch, or threads of a block, along x, y and z.
pub type Extent = [u32; 3];

/// Threads a block of [`PREPROCESS`]: a warp makes 32 neighbours of one row.
pub const PREPROCESS_BLOCK: Extent = [32, 8, 1];

/// Threads a block of [`JUDGE`].
pub const JUDGE_BLOCK: Extent = [256, 1, 1];

/// Blocks of [`PREPROCESS`] for an input of that width and height, in pixels.
pub const fn preprocess_grid((width, height): (u32, u32)) -> Extent {
    [
        width.div_ceil(PREPROCESS_BLOCK[0]),
        height.div_ceil(PREPROCESS_BLOCK[1]),
        1,
    ]
}

/// Blocks of [`JUDGE`] for that many pixels of logits, and how many [`BlockCounts`] it fills.
pub const fn judge_grid(pixels: u32) -> Extent {
    [pixels.div_ceil(JUDGE_BLOCK[0]), 1, 1]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn launches_cover_every_pixel_and_not_a_block_more() {
        assert_eq!(preprocess_grid((640, 352)), [20, 44, 1]);
        assert_eq!(preprocess_grid((641, 353)), [21, 45, 1]);
        assert_eq!(judge_grid(120 * 88), [42, 1, 1]);
        assert_eq!(judge_grid(1), [1, 1, 1]);
    }

    /// The files say for themselves how many threads they are made for.
    #[test]
    fn the_sources_agree_about_the_blocks() {
        for (name, threads) in [
            ("PREPROCESS_BLOCK_X", PREPROCESS_BLOCK[0]),
            ("PREPROCESS_BLOCK_Y", PREPROCESS_BLOCK[1]),
            ("JUDGE_BLOCK", JUDGE_BLOCK[0]),
        ] {
            let line = format!("constexpr u32 {name} = {threads};\n");
            for source in [PREPROCESS, JUDGE] {
                assert!(source.text.contains(&line), "{}: no {line}", source.name);
            }
        }
    }

    #[test]
    fn options_name_the_architecture() {
        let options = nvrtc_options((8, 7));
        assert_eq!(options[0], "--gpu-architecture=sm_87");
        assert_eq!(nvrtc_options((12, 0))[0], "--gpu-architecture=sm_120");
        assert!(options.iter().any(|option| option == "--fmad=false"));
    }
}
