//! Whether the coded data of a PNG is all of it, and in its order.
//!
//! A decoder stops at the last pixel. Only the checksum behind that pixel tells whether all parts were the
//! right ones, and the decoder does not read it where it lies in a part of its own. So this module
//! decompresses the data once more, to its end, and keeps nothing of it.

use fdeflate::Decompressor;

/// How far back compressed data may refer.
const WINDOW: usize = 32 << 10;

/// Checks the data of a PNG whose chunks are known to be valid; `most` is what its rows can have at most,
/// in bytes.
///
/// # Errors
/// What is wrong, in words.
pub(super) fn check(png: &[u8], most: u64, buffer: &mut Vec<u8>) -> Result<(), &'static str> {
    const DAMAGED: &str = "the checksum of its pixels is wrong: data was lost, repeated or swapped";
    buffer.clear();
    buffer.resize(4 * WINDOW, 0);
    let mut decompressor = Decompressor::new();
    let (mut at, mut all) = (0, 0);
    for mut data in Chunks(png.get(8..).unwrap_or_default()) {
        while !decompressor.is_done() {
            let step = decompressor.read(data, buffer, at, false);
            let (read, written) = step.map_err(|_| DAMAGED)?;
            data = data.get(read..).unwrap_or_default();
            at += written;
            all += written as u64;
            if all > most {
                return Err("its data goes on after its last pixel");
            }
            if at == buffer.len() {
                buffer.copy_within(at - WINDOW.., 0);
                at = WINDOW;
            } else if read == 0 && written == 0 || data.is_empty() {
                break;
            }
        }
        if !data.is_empty() {
            return Err("data is left over after its last pixel: it was repeated");
        }
    }
    match decompressor.is_done() {
        true => Ok(()),
        false => Err("cut off: the checksum of its pixels is missing"),
    }
}

/// The contents of the chunks of the default image.
struct Chunks<'a>(&'a [u8]);

impl<'a> Iterator for Chunks<'a> {
    type Item = &'a [u8];

    fn next(&mut self) -> Option<&'a [u8]> {
        loop {
            let (length, rest) = self.0.split_first_chunk()?;
            let (kind, rest) = rest.split_first_chunk::<4>()?;
            let (data, rest) = rest.split_at_checked(u32::from_be_bytes(*length) as usize)?;
            let (_crc, rest) = rest.split_first_chunk::<4>()?;
            self.0 = rest;
            if kind == b"IDAT" {
                return Some(data);
            }
        }
    }
}
