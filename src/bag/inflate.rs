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

/// What lies behind the skippable frames at the start of `from`: lz4 allows them anywhere between frames,
/// and their content is no data.
fn behind_skippable(mut from: &[u8]) -> &[u8] {
    while let Some((&[kind, 0x2a, 0x4d, 0x18, a, b, c, d], rest)) = from.split_first_chunk()
        && kind & 0xf0 == 0x50
        && let Some(rest) = rest.get(u32::from_le_bytes([a, b, c, d]) as usize..)
    {
        from = rest;
    }
    from
}

/// Inflates lz4 frames, one behind the other, into `to`.
pub(super) fn lz4(from: &[u8], limit: u64, to: &mut Vec<u8>) -> Result<(), InflateError> {
    to.clear();
    let mut decoder = lz4_flex::frame::FrameDecoder::new(from);
    loop {
        *decoder.get_mut() = behind_skippable(decoder.get_ref());
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

#[cfg(test)]
mod tests {
    use std::io::Write as _;

    use super::*;

    #[test]
    fn skippable_frames_of_lz4_are_skipped_wherever_they_stand() {
        let frame = |data: &[u8]| {
            let mut encoder = lz4_flex::frame::FrameEncoder::new(Vec::new());
            encoder.write_all(data).unwrap();
            encoder.finish().unwrap()
        };
        let skippable = [&[0x5a, 0x2a, 0x4d, 0x18, 3, 0, 0, 0][..], b"xyz"].concat();
        let (a, b) = (frame(b"one"), frame(b"two"));
        let mut to = Vec::new();
        for frames in [
            [&skippable, &a, &b, &[][..]],
            [&skippable, &skippable, &a, &b],
            [&a, &skippable, &b, &skippable],
        ] {
            assert!(lz4(&frames.concat(), 100, &mut to).is_ok());
            assert_eq!(to, b"onetwo");
        }
        // one that goes on beyond the end is damage
        let long = [&a[..], &[0x50, 0x2a, 0x4d, 0x18, 9, 0, 0, 0, 1]].concat();
        let result = lz4(&long, 100, &mut to);
        assert!(matches!(result, Err(InflateError::Corrupt(_))));
    }
}
