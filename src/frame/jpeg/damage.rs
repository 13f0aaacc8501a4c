//! What is found of a JPEG.

/// Why a JPEG is not a whole picture.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub(in crate::frame) enum Damage {
    /// A segment is cut off or contradicts another one.
    #[error("{0}")]
    Header(&'static str),
    /// The coded data ends before the last block.
    #[error("cut off: the data ends after {blocks} blocks, before the picture does")]
    Short {
        /// Blocks that are there, of all scans up to here.
        blocks: u64,
    },
    /// Coded data is left over after the last block of a scan or of a restart interval.
    #[error(
        "{bytes} bytes are left over after the picture's last block: data was lost or repeated"
    )]
    LeftOver {
        /// Bytes.
        bytes: usize,
    },
    /// Bits that are no code, a run beyond the end of a block, or a value that no 8-bit picture has.
    #[error("after {blocks} blocks there is no valid code")]
    Code {
        /// Blocks before it.
        blocks: u64,
    },
    /// Another marker where a restart marker must be: packets are missing or swapped.
    #[error(
        "marker {found:#04x} stands where restart marker {expected} must be: data was lost or swapped"
    )]
    Restart {
        /// Last three bits of the marker that must be there.
        expected: u8,
        /// The marker found.
        found: u8,
    },
    /// More pixels than any frame may have: it was not looked at.
    #[error("it has more pixels than any frame may have")]
    TooLarge,
    /// A component has no scan, or a scan of a progressive picture is missing.
    #[error("a part of the picture was never sent: scans are missing")]
    Scans,
    /// Colours are sampled in a way that decoders read differently.
    #[error(
        "its colours are sampled in a way that is not decoded: they have to be sampled alike, and as brightness is or a whole number of \
         times coarser; set the encoder to 4:4:4, 4:2:2 or 4:2:0"
    )]
    Sampling,
    /// A scan uses a code table that was never sent, as in the frames of motion JPEG.
    #[error("a scan uses a code table that was never sent")]
    NoTables,
}

/// How the components of a whole picture come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::frame) enum Layout {
    /// Together in one scan, or progressively.
    Together,
    /// One after the other, in scans of their own.
    Apart,
}
