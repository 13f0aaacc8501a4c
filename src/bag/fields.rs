//! The fields of MCAP records (<https://mcap.dev/spec>).
//!
//! Taken apart here and not by `mcap::parse_record`, which reserves what a string or a map says
//! it takes before it looks whether that is there: four gigabytes for four bytes of a hostile
//! file. Everything here borrows from the record and answers `None` when it ends early.

/// What is left of a record.
#[derive(Clone, Copy)]
pub(super) struct Fields<'a>(pub(super) &'a [u8]);

impl<'a> Fields<'a> {
    pub(super) fn bytes(&mut self, len: usize) -> Option<&'a [u8]> {
        let (head, rest) = self.0.split_at_checked(len)?;
        self.0 = rest;
        Some(head)
    }

    fn array<const N: usize>(&mut self) -> Option<[u8; N]> {
        let (head, rest) = self.0.split_first_chunk::<N>()?;
        self.0 = rest;
        Some(*head)
    }

    pub(super) fn u8(&mut self) -> Option<u8> {
        self.array().map(|[byte]: [u8; 1]| byte)
    }

    pub(super) fn u16(&mut self) -> Option<u16> {
        self.array().map(u16::from_le_bytes)
    }

    pub(super) fn u32(&mut self) -> Option<u32> {
        self.array().map(u32::from_le_bytes)
    }

    pub(super) fn u64(&mut self) -> Option<u64> {
        self.array().map(u64::from_le_bytes)
    }

    /// Bytes behind their length in 32 bits.
    pub(super) fn sized(&mut self) -> Option<&'a [u8]> {
        let len = self.u32()?;
        self.bytes(usize::try_from(len).ok()?)
    }

    pub(super) fn text(&mut self) -> Option<&'a str> {
        std::str::from_utf8(self.sized()?).ok()
    }
}

/// A schema: which type a channel has.
pub(super) struct Schema<'a> {
    pub(super) id: u16,
    pub(super) name: &'a str,
}

impl<'a> Schema<'a> {
    pub(super) fn parse(record: &'a [u8]) -> Option<Self> {
        let mut fields = Fields(record);
        Some(Self {
            id: fields.u16()?,
            name: fields.text()?,
        })
    }
}

/// A channel: which topic a message is of.
pub(super) struct Channel<'a> {
    pub(super) id: u16,
    pub(super) schema: u16,
    pub(super) topic: &'a str,
    pub(super) encoding: &'a str,
}

impl<'a> Channel<'a> {
    pub(super) fn parse(record: &'a [u8]) -> Option<Self> {
        let mut fields = Fields(record);
        Some(Self {
            id: fields.u16()?,
            schema: fields.u16()?,
            topic: fields.text()?,
            encoding: fields.text()?,
        })
    }
}

/// A message.
pub(super) struct Message<'a> {
    pub(super) channel: u16,
    pub(super) log_time: u64,
    pub(super) data: &'a [u8],
}

impl<'a> Message<'a> {
    pub(super) fn parse(record: &'a [u8]) -> Option<Self> {
        let mut fields = Fields(record);
        let channel = fields.u16()?;
        let _sequence = fields.u32()?;
        let log_time = fields.u64()?;
        let _publish_time = fields.u64()?;
        Some(Self {
            channel,
            log_time,
            data: fields.0,
        })
    }
}

/// Whether a record is laid out as a message index: a channel, then so many bytes of times and
/// offsets as are there.
pub(super) fn is_index(record: &[u8]) -> bool {
    let mut fields = Fields(record);
    let entries = fields.u16().and_then(|_| fields.sized());
    fields.0.is_empty() && entries.is_some_and(|e| !e.is_empty() && e.len() % 16 == 0)
}

/// A chunk: records, maybe compressed.
pub(super) struct Chunk<'a> {
    pub(super) uncompressed_size: u64,
    pub(super) uncompressed_crc: u32,
    pub(super) compression: &'a str,
    pub(super) records: &'a [u8],
}

impl<'a> Chunk<'a> {
    pub(super) fn parse(record: &'a [u8]) -> Option<Self> {
        let mut fields = Fields(record);
        let _start_time = fields.u64()?;
        let _end_time = fields.u64()?;
        let uncompressed_size = fields.u64()?;
        let uncompressed_crc = fields.u32()?;
        let compression = fields.text()?;
        let len = fields.u64()?;
        let records = fields.bytes(usize::try_from(len).ok()?)?;
        Some(Self {
            uncompressed_size,
            uncompressed_crc,
            compression,
            records,
        })
    }
}

/// The message counts of the statistics record, by channel.
pub(super) fn message_counts(record: &[u8]) -> Option<impl Iterator<Item = (u16, u64)>> {
    let mut fields = Fields(record);
    // message_count u64, schema_count u16, channel, attachment, metadata and chunk count u32,
    // message_start_time and message_end_time u64
    fields.bytes(8 + 2 + 4 * 4 + 2 * 8)?;
    let counts = fields.sized()?;
    Some(counts.as_chunks::<10>().0.iter().filter_map(|entry| {
        let mut entry = Fields(entry);
        Some((entry.u16()?, entry.u64()?))
    }))
}
