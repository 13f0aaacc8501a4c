//! The coded data of a PNG: whether it is all there, and in its order.
//!
//! A decoder stops at the last pixel. Only the checksum behind that pixel tells whether all parts were the
//! right ones, and the decoder does not read it where it lies in a part of its own. So the data is
//! decompressed here, to its end, while the decoder reads; the decoder gets it in blocks that are stored as
//! they are, which cost it no more than copying.

use std::io::{self, BufRead, Read, Seek, SeekFrom};

use fdeflate::Decompressor;

/// Bytes that a decoder may allocate for its own bookkeeping; what is decoded goes into buffers of ours.
const BOOKKEEPING: usize = 64 << 20;
/// How far back compressed data may refer.
const WINDOW: usize = 32 << 10;
/// Bytes that are decompressed at a time: what a stored block can hold.
const MOST: usize = u16::MAX as usize;

/// A decoder of a PNG file that fails where the picture is not whole. Call `finish` after the last row: it reads
/// the rest of the file. Text and profiles are skipped.
pub fn png_decoder(file: &[u8]) -> png::Decoder<impl BufRead + Seek> {
    let limits = png::Limits { bytes: BOOKKEEPING };
    let mut decoder = png::Decoder::new_with_limits(Stored::new(file), limits);
    decoder.set_ignore_text_chunk(true);
    decoder.set_ignore_iccp_chunk(true);
    decoder
}

/// A PNG whose pixels are stored, made of one whose pixels are compressed while it is read. Reading fails
/// where the data is not the whole data of a picture.
struct Stored<'a> {
    /// Of the file, what is before the data, as far as it was not read.
    before: &'a [u8],
    /// Of the file, what follows the part that is decompressed now.
    after: &'a [u8],
    /// Of that part, what is left.
    part: &'a [u8],
    decompressor: Decompressor,
    /// Pixels, behind those that the data may still refer to.
    pixels: Vec<u8>,
    filled: usize,
    /// Bytes that may still come: what the largest rows of that size have.
    allowed: u64,
    /// A part for the decoder, and how much of it was read.
    block: Vec<u8>,
    read: usize,
    ended: bool,
}

impl<'a> Stored<'a> {
    fn new(png: &'a [u8]) -> Self {
        let mut after = png.get(8..).unwrap_or_default();
        while let Some((chunk, _, rest)) = split_chunk(after)
            && !chunk.starts_with(b"IDAT")
        {
            after = rest;
        }
        // cut off in its header or in all there is of its data: the decoder says so
        let cut = split_chunk(after).is_none();
        let number = |at: usize| png.get(at..)?.first_chunk().copied();
        let [width, height] = [16, 20].map(|at| number(at).map_or(0, u32::from_be_bytes));
        // rows of four samples of 16 bits, each with a byte for its filter; interlaced ones are more and shorter
        let row = 8 * u64::from(width) + 1;
        let allowed = row.saturating_mul(2 * u64::from(height)).saturating_add(16);
        let mut block = Vec::with_capacity(MOST + 32);
        // what compressed data begins with
        write_chunk(&[&[0x78, 0x01]], &mut block);
        Self {
            before: match cut {
                true => png,
                false => &png[..png.len() - after.len()],
            },
            after: if cut { &[] } else { after },
            part: &[],
            decompressor: Decompressor::new(),
            pixels: vec![0; MOST],
            filled: 0,
            allowed,
            block,
            read: 0,
            ended: cut,
        }
    }

    /// Makes the next block; the last one is empty.
    fn store(&mut self) -> Result<(), &'static str> {
        const DAMAGED: &str =
            "the checksum of its pixels is wrong: data was lost, repeated or swapped";
        self.block.clear();
        self.read = 0;
        if self.filled == MOST {
            self.pixels.copy_within(MOST - WINDOW.., 0);
            self.filled = WINDOW;
        }
        let from = self.filled;
        while self.filled < MOST && !self.decompressor.is_done() {
            let (pixels, at) = (&mut self.pixels, self.filled);
            let step = self.decompressor.read(self.part, pixels, at, false);
            let (read, written) = step.map_err(|_| DAMAGED)?;
            self.part = self.part.get(read..).unwrap_or_default();
            self.filled += written;
            if (read, written) == (0, 0) && !self.decompressor.is_done() {
                let part = self.next_part()?;
                self.part = part.ok_or("cut off: the checksum of its pixels is missing")?;
            }
        }
        let pixels = &self.pixels[from..self.filled];
        let left = self.allowed.checked_sub(pixels.len() as u64);
        self.allowed = left.ok_or("its data goes on after its last pixel")?;
        if !pixels.is_empty() {
            let length = pixels.len() as u16;
            let (length, inverse) = (length.to_le_bytes(), (!length).to_le_bytes());
            // no block is the last one: the decoder has all pixels before it would look for that
            write_chunk(&[&[0], &length, &inverse, pixels], &mut self.block);
        }
        self.ended = self.block.is_empty();
        while self.decompressor.is_done() {
            if !self.part.is_empty() {
                return Err("data is left over after its last pixel: it was repeated");
            }
            let Some(part) = self.next_part()? else {
                break;
            };
            self.part = part;
        }
        Ok(())
    }

    /// The contents of the next part of the data; `None` behind the last one.
    fn next_part(&mut self) -> Result<Option<&'a [u8]>, &'static str> {
        let Some((chunk, checksum, rest)) = split_chunk(self.after) else {
            return Ok(None);
        };
        let Some(data) = chunk.strip_prefix(b"IDAT") else {
            return Ok(None);
        };
        if crc32fast::hash(chunk) != checksum {
            return Err("the checksum of a part of its pixels is wrong");
        }
        self.after = rest;
        Ok(Some(data))
    }
}

impl BufRead for Stored<'_> {
    fn fill_buf(&mut self) -> io::Result<&[u8]> {
        if !self.before.is_empty() {
            return Ok(self.before);
        }
        if self.read == self.block.len() && !self.ended {
            self.store().map_err(io::Error::other)?;
        }
        match self.ended {
            true => Ok(self.after),
            false => Ok(&self.block[self.read..]),
        }
    }

    fn consume(&mut self, count: usize) {
        if !self.before.is_empty() {
            self.before = &self.before[count..];
        } else if self.ended {
            self.after = &self.after[count..];
        } else {
            self.read += count;
        }
    }
}

impl Read for Stored<'_> {
    fn read(&mut self, to: &mut [u8]) -> io::Result<usize> {
        let count = self.fill_buf()?.read(to)?;
        self.consume(count);
        Ok(count)
    }
}

/// The decoder asks that it can be done, and does not do it.
impl Seek for Stored<'_> {
    fn seek(&mut self, _: SeekFrom) -> io::Result<u64> {
        Err(io::ErrorKind::Unsupported.into())
    }
}

/// Type and contents of the chunk that `file` begins with, its checksum, and what follows; `None` where it
/// is not all there.
fn split_chunk(file: &[u8]) -> Option<(&[u8], u32, &[u8])> {
    let (length, rest) = file.split_first_chunk()?;
    let length = (u32::from_be_bytes(*length) as usize).checked_add(4)?;
    let (chunk, rest) = rest.split_at_checked(length)?;
    let (checksum, rest) = rest.split_first_chunk()?;
    Some((chunk, u32::from_be_bytes(*checksum), rest))
}

/// Appends a part of the data with these contents.
fn write_chunk(contents: &[&[u8]], out: &mut Vec<u8>) {
    let length: usize = contents.iter().map(|piece| piece.len()).sum();
    let from = out.len() + 4;
    out.extend((length as u32).to_be_bytes());
    out.extend(b"IDAT");
    contents.iter().for_each(|piece| out.extend(*piece));
    let checksum = crc32fast::hash(&out[from..]);
    out.extend(checksum.to_be_bytes());
}
