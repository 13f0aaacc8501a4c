//! Decompression that never yields more than it was allowed to.

use std::io::{self, Read};

/// Starts every zstd frame. A serialised ROS message starts with its encapsulation, 0x0000 or
/// 0x0001, so the two cannot be mistaken for each other.
pub(super) const ZSTD_MAGIC: [u8; 4] = [0x28, 0xb5, 0x2f, 0xfd];

/// Largest window that a zstd frame may ask for, as a power of two: 128 MiB, zstd's own default.
const WINDOW_LOG_MAX: u32 = 27;

/// Why something does not inflate.
pub(super) enum InflateError {
    /// There is more than was allowed.
    TooLarge,
    /// The compressed data is truncated or corrupt.
    Corrupt(io::Error),
}

/// A reader of what a zstd file inflates to.
pub(super) fn zstd_reader<R: Read>(
    from: R,
) -> io::Result<zstd::stream::read::Decoder<'static, io::BufReader<R>>> {
    let mut decoder = zstd::stream::read::Decoder::new(from)?;
    decoder.window_log_max(WINDOW_LOG_MAX)?;
    Ok(decoder)
}

/// Reads `from` to its end into `to`, which is overwritten, unless that is more than `limit`
/// bytes. Memory grows with what comes out and not with what a header claims.
pub(super) fn read_capped(
    from: impl Read,
    limit: u64,
    to: &mut Vec<u8>,
) -> Result<(), InflateError> {
    to.clear();
    from.take(limit.saturating_add(1))
        .read_to_end(to)
        .map_err(InflateError::Corrupt)?;
    if to.len() as u64 > limit {
        Err(InflateError::TooLarge)
    } else {
        Ok(())
    }
}

/// Inflates zstd frames into `to`.
pub(super) fn zstd(from: &[u8], limit: u64, to: &mut Vec<u8>) -> Result<(), InflateError> {
    read_capped(zstd_reader(from).map_err(InflateError::Corrupt)?, limit, to)
}

/// Inflates lz4 frames, one behind the other, into `to`.
pub(super) fn lz4(from: &[u8], limit: u64, to: &mut Vec<u8>) -> Result<(), InflateError> {
    to.clear();
    let mut decoder = lz4_flex::frame::FrameDecoder::new(from);
    loop {
        // ends at the end of each frame
        let left = limit.saturating_add(1).saturating_sub(to.len() as u64);
        let read = decoder.by_ref().take(left).read_to_end(to);
        read.map_err(InflateError::Corrupt)?;
        if to.len() as u64 > limit {
            return Err(InflateError::TooLarge);
        }
        if decoder.get_ref().is_empty() {
            return Ok(());
        }
    }
}
