//! MCAP chunks: a buffer of records that is inflated and checked as a whole before any record is
//! handed out, so that a corrupt chunk never yields a corrupt message.

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
