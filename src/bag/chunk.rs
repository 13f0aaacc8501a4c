//! MCAP chunks: a buffer of records that is inflated and checked as a whole before any record is
//! handed out, so that a corrupt chunk never yields a corrupt message.

use std::fs::File;
use std::io::{self, BufRead, BufReader, Seek, SeekFrom};

use mcap::records::op;

use super::fields::{Chunk, Fields};
use super::inflate::{self, InflateError};

/// Why a chunk cannot be used.
pub(super) enum ChunkError {
    TooLarge { size: u64 },
    Compression(String),
    Corrupt(String),
}

/// The records of one chunk, in buffers that are reused.
#[derive(Default)]
pub(super) struct ChunkRecords {
    data: Vec<u8>,
    at: usize,
}

impl ChunkRecords {
    /// Replaces the records by those of a chunk record.
    pub(super) fn load(&mut self, record: &[u8], limit: u64) -> Result<(), ChunkError> {
        self.data.clear();
        self.at = 0;
        let corrupt = |reason: &str| ChunkError::Corrupt(reason.to_owned());
        let chunk = Chunk::parse(record).ok_or_else(|| corrupt("the chunk header is cut off"))?;
        let size = chunk.uncompressed_size;
        if size > limit {
            return Err(ChunkError::TooLarge { size });
        }
        let inflated = match chunk.compression {
            "" => {
                self.data.extend_from_slice(chunk.records);
                Ok(())
            }
            "zstd" => inflate::zstd(chunk.records, size, &mut self.data),
            "lz4" => inflate::lz4(chunk.records, size, &mut self.data),
            other => return Err(ChunkError::Compression(other.to_owned())),
        };
        let result = match inflated {
            Err(InflateError::TooLarge) => Err(format!(
                "the chunk inflates to more than the {size} bytes it claims"
            )),
            Err(InflateError::Corrupt(error)) => {
                Err(format!("the chunk does not inflate: {error}"))
            }
            Ok(()) if self.data.len() as u64 != size => Err(format!(
                "the chunk holds {} bytes but claims {size}",
                self.data.len()
            )),
            Ok(()) => self.check_crc(chunk.uncompressed_crc),
        };
        result.map_err(|reason| {
            self.data.clear();
            ChunkError::Corrupt(reason)
        })
    }

    /// Zero stands for "no checksum" in MCAP.
    fn check_crc(&self, saved: u32) -> Result<(), String> {
        if saved == 0 {
            return Ok(());
        }
        let actual = crc32fast::hash(&self.data);
        if actual == saved {
            Ok(())
        } else {
            Err(format!(
                "the chunk's checksum is {actual:#010x}, it claims {saved:#010x}"
            ))
        }
    }

    /// The next record: its opcode and body. `None` at the end.
    pub(super) fn next(&mut self) -> Option<Result<(u8, &[u8]), ChunkError>> {
        let rest = self.data.get(self.at..)?;
        if rest.is_empty() {
            return None;
        }
        let mut fields = Fields(rest);
        let mut record = || {
            let opcode = fields.u8()?;
            let len = usize::try_from(fields.u64()?).ok()?;
            Some((opcode, fields.bytes(len)?))
        };
        let Some((opcode, body)) = record() else {
            self.at = self.data.len();
            return Some(Err(ChunkError::Corrupt(
                "a record goes on beyond the end of its chunk".to_owned(),
            )));
        };
        self.at = self.data.len() - fields.0.len();
        Some(Ok((opcode, body)))
    }
}

/// The longest that the head of a chunk is: opcode and length, three times 64 bits, the checksum, the
/// name of the compression, the length of the records.
const HEAD: usize = 9 + 24 + 4 + (4 + 4) + 8;

/// The first byte at or after `from` where a chunk begins: a whole head that agrees with itself and
/// with the file.
pub(super) fn find(file: &mut BufReader<File>, from: u64, limit: u64) -> io::Result<Option<u64>> {
    let len = file.seek(SeekFrom::End(0))?;
    let mut at = file.seek(SeekFrom::Start(from))?;
    // what was read and not yet looked at whole
    let mut window = Vec::new();
    loop {
        let read = file.fill_buf()?;
        let count = read.len();
        window.extend_from_slice(read);
        file.consume(count);
        // the last heads may go on in what is read next
        let whole = match count {
            0 => window.len(),
            _ => window.len().saturating_sub(HEAD - 1),
        };
        let found =
            (0..whole).find(|&i| is_head(&window[i..], len.saturating_sub(at + i as u64), limit));
        if let Some(i) = found {
            return Ok(Some(at + i as u64));
        }
        if count == 0 {
            return Ok(None);
        }
        window.drain(..whole);
        at += whole as u64;
    }
}

/// Whether a chunk of at most `limit` bytes begins here, `left` bytes before the end of the file.
fn is_head(bytes: &[u8], left: u64, limit: u64) -> bool {
    if bytes.first() != Some(&op::CHUNK) {
        return false;
    }
    let mut fields = Fields(&bytes[1..]);
    let mut plausible = || -> Option<bool> {
        let body = fields.u64()?;
        let (start, end, inflated) = (fields.u64()?, fields.u64()?, fields.u64()?);
        let _checksum = fields.u32()?;
        let compression = fields.text()?;
        let records = fields.u64()?;
        let around = 24 + 4 + 4 + compression.len() as u64 + 8;
        Some(
            body <= limit
                && body <= left.saturating_sub(9)
                && start <= end
                && end <= i64::MAX as u64
                && inflated <= limit
                && matches!(compression, "" | "lz4" | "zstd")
                && records.checked_add(around) == Some(body),
        )
    };
    plausible().unwrap_or(false)
}
