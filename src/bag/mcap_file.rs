//! MCAP files, read from front to back.
//!
//! The framing (nine bytes of opcode and length, then the record) is done here: the lengths are
//! checked before anything is allocated, records that nobody asked for are skipped, errors know
//! their offset, and a file that ends without its summary gives all that it has.

use std::fs::File;
use std::io::{self, BufReader, Read, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};

use mcap::records::op;

use super::chunk::{self, ChunkError, ChunkRecords};
use super::fields::{self, Fields};
use super::gap;
use super::inflate;
use super::mcap_directory::Directory;
use super::{BagError, CDR, Limits, MessageBuf, TopicInfo};
use crate::time::Stamp;

/// Opcode and length before every record.
const FRAMING: u64 = 9;
/// The footer record and the magic after it, the end of every file that was closed.
const FOOTER: u64 = FRAMING + 20 + mcap::MAGIC.len() as u64;

enum Input {
    Plain(BufReader<File>),
    Zstd(Box<zstd::stream::read::Decoder<'static, BufReader<File>>>),
}

impl Read for Input {
    fn read(&mut self, to: &mut [u8]) -> io::Result<usize> {
        match self {
            Self::Plain(file) => file.read(to),
            Self::Zstd(decoder) => decoder.read(to),
        }
    }
}

/// An MCAP file, or one that is zstd-compressed as a whole.
pub(super) struct McapFile {
    path: PathBuf,
    limits: Limits,
    input: Input,
    /// Where `input` stands; inside of a compressed file, where its content stands.
    offset: u64,
    record: Vec<u8>,
    chunk: ChunkRecords,
    /// Where the record starts that `chunk` came from.
    chunk_offset: u64,
    directory: Directory,
    /// The topics that are delivered; `None`: all.
    topics: Option<Vec<String>>,
    messages: u64,
    /// Whether a chunk has been seen.
    chunked: bool,
    /// Of everything from the first byte to the record that is read now.
    checksum: crc32fast::Hasher,
    /// Where the record starts that is read now.
    record_at: u64,
    /// Whether to go on behind damage.
    recover: bool,
    /// Whether something was left out, so that the checksum says nothing.
    damaged: bool,
    /// Why something was left out since this was asked last, the first of the reasons: a file can give
    /// millions of them before the next message.
    left_out: Option<String>,
    done: bool,
}

impl McapFile {
    pub(super) fn open(path: &Path, compressed: bool, limits: Limits) -> Result<Self, BagError> {
        let io = |source| BagError::Io {
            path: path.into(),
            action: "open",
            source,
        };
        let file = File::open(path).map_err(io)?;
        let input = if compressed {
            Input::Zstd(Box::new(inflate::zstd_reader(file).map_err(io)?))
        } else {
            Input::Plain(BufReader::with_capacity(1 << 16, file))
        };
        let mut this = Self {
            path: path.into(),
            limits,
            input,
            offset: 0,
            record: Vec::new(),
            chunk: ChunkRecords::default(),
            chunk_offset: 0,
            directory: Directory::default(),
            topics: None,
            messages: 0,
            chunked: false,
            checksum: crc32fast::Hasher::new(),
            record_at: 0,
            recover: false,
            damaged: false,
            left_out: None,
            done: false,
        };
        this.read_record(mcap::MAGIC.len() as u64, "the magic bytes")?;
        if this.record != mcap::MAGIC {
            return Err(this.corrupt(0, "it does not start with the magic bytes of MCAP"));
        }
        Ok(this)
    }

    /// Only messages of these topics are delivered from here on; `None`: of every topic.
    pub(super) fn select(&mut self, topics: Option<&[String]>) {
        self.topics = topics.map(<[String]>::to_vec);
    }

    /// Goes on behind damage from here on, at the next chunk. The channels come from the summary, if
    /// there is one: the chunk that declares one may be damaged.
    pub(super) fn recover(&mut self) {
        self.recover = true;
        if let Input::Plain(_) = self.input
            && let Ok(other) = Self::open(&self.path, false, self.limits)
            && let Some(directory) = other.summary()
        {
            self.directory.take_channels(directory);
        }
    }

    /// Why something was left out since this was asked last, if anything was.
    pub(super) fn left_out(&mut self) -> Option<String> {
        self.left_out.take()
    }

    /// The topics of a file: from its summary when it has one, from front to back otherwise. And whether
    /// their counts are those of all messages that were recorded: damage may hide some. To `recover`, topics
    /// are looked for behind damage as well.
    pub(super) fn topics(
        path: &Path,
        compressed: bool,
        limits: Limits,
        recover: bool,
    ) -> Result<(Vec<TopicInfo>, bool), BagError> {
        if !compressed && let Some(directory) = Self::open(path, false, limits)?.summary() {
            return Ok((directory.topics(), true));
        }
        let mut file = Self::open(path, compressed, limits)?;
        file.recover = recover;
        // No topic: messages are only counted.
        file.select(Some(&[]));
        let damage = file.read_next(&mut MessageBuf::new()).err();
        let whole = damage.is_none() && file.left_out.is_none();
        match (damage, file.directory.channels.is_empty()) {
            // The damage is told again when the messages before it have been read.
            (Some(error), true) => Err(error),
            // What hides every channel is an error.
            (None, true) if !whole => Self::topics(path, compressed, limits, false),
            _ => Ok((file.directory.topics(), whole)),
        }
    }

    /// `None` when there is no summary, it is damaged, or it lacks channels or statistics.
    fn summary(mut self) -> Option<Directory> {
        let Input::Plain(file) = &mut self.input else {
            return None;
        };
        let len = file.seek(SeekFrom::End(0)).ok()?;
        let footer_at = len.checked_sub(FOOTER)?;
        file.seek(SeekFrom::Start(footer_at)).ok()?;
        self.read_record(FOOTER, "the footer").ok()?;
        let (footer, magic) = self
            .record
            .split_at_checked((FOOTER as usize) - mcap::MAGIC.len())?;
        let mut fields = Fields(footer);
        if magic != mcap::MAGIC || fields.u8()? != op::FOOTER || fields.u64()? != 20 {
            return None;
        }
        let start = fields.u64()?;
        if start == 0 || start >= footer_at {
            return None;
        }
        let Input::Plain(file) = &mut self.input else {
            return None;
        };
        file.seek(SeekFrom::Start(start)).ok()?;
        let mut left = footer_at - start;
        while left > 0 {
            let (opcode, body) = self.read_framing().ok()??;
            left = left.checked_sub(FRAMING)?.checked_sub(body)?;
            match opcode {
                op::SCHEMA | op::CHANNEL | op::STATISTICS => {
                    self.check_size("a summary record", body).ok()?;
                    self.read_record(body, "the summary").ok()?;
                    self.directory.note(opcode, &self.record).ok()?;
                }
                _ => self.skip(body, "the summary").ok()?,
            }
        }
        let known = !self.directory.channels.is_empty() && !self.directory.counts.is_empty();
        known.then_some(self.directory)
    }

    /// Reads the next message of the selected topics; false at the end.
    pub(super) fn read_next(&mut self, out: &mut MessageBuf) -> Result<bool, BagError> {
        loop {
            let result = self.advance(out);
            self.done = !matches!(result, Ok(true));
            match result {
                Err(error) if self.recover => {
                    self.left_out.get_or_insert_with(|| gap::reason(&error));
                    self.damaged = true;
                    self.done = !self.find_chunk()?;
                    if self.done {
                        return Ok(false);
                    }
                }
                result => return result,
            }
        }
    }

    /// Seeks to the next chunk behind the record that was read last. Returns false where the file has no
    /// further chunk, or where it is compressed as a whole, so that nobody can seek in it.
    fn find_chunk(&mut self) -> Result<bool, BagError> {
        self.chunk = ChunkRecords::default();
        let Input::Plain(file) = &mut self.input else {
            return Ok(false);
        };
        let found = chunk::find(file, self.record_at + 1, self.limits.record);
        let found = found.map_err(|error| self.read_error(error))?;
        if let (Some(at), Input::Plain(file)) = (found, &mut self.input) {
            let there = file.seek(SeekFrom::Start(at));
            self.offset = there.map_err(|error| self.read_error(error))?;
        }
        Ok(found.is_some())
    }

    fn advance(&mut self, out: &mut MessageBuf) -> Result<bool, BagError> {
        while !self.done {
            // What is left of the chunk that was read last.
            while let Some(record) = self.chunk.next() {
                let taken = match record {
                    Ok((opcode, body)) => {
                        let topics = self.topics.as_deref();
                        take(&mut self.directory, topics, opcode, body, out)
                    }
                    Err(ChunkError::Corrupt(reason)) => Err(Refused::Record(reason)),
                    Err(_) => Err(Refused::Record(
                        "a record does not fit its chunk".to_owned(),
                    )),
                };
                if self.took(taken, self.chunk_offset)? {
                    return Ok(true);
                }
            }
            let at = self.offset;
            self.record_at = at;
            let Some((opcode, len)) = self.read_framing()? else {
                return Err(self.truncated("a file without its end"));
            };
            if opcode == op::DATA_END {
                self.check_data_end(at, len)?;
                // The summary repeats what was there; its damage loses no message.
                return Ok(false);
            }
            self.checksum.update(&self.record);
            match opcode {
                op::FOOTER => {
                    return Err(self.corrupt(at, "the footer comes before the data's end"));
                }
                op::CHUNK => {
                    self.chunked = true;
                    self.check_size("a chunk", len)?;
                    self.read_record(len, "a chunk")?;
                    self.chunk_offset = at;
                    self.load_chunk(at)?;
                }
                op::SCHEMA | op::CHANNEL | op::MESSAGE => {
                    self.check_size("a record", len)?;
                    self.read_record(len, "a record")?;
                    if opcode == op::MESSAGE && self.chunked && fields::is_index(&self.record) {
                        // one flipped bit makes one of the other, and it has no checksum of its own
                        return Err(self.corrupt(at, "a message index that is marked as a message"));
                    }
                    let topics = self.topics.as_deref();
                    let taken = take(&mut self.directory, topics, opcode, &self.record, out);
                    if self.took(taken, at)? {
                        return Ok(true);
                    }
                }
                _ => self.skip(len, "a record")?,
            }
        }
        Ok(false)
    }

    /// Counts a message; true where there is one to deliver. One that cannot be delivered alone is
    /// left out, and the others go on.
    fn took(&mut self, taken: Result<Taken, Refused>, at: u64) -> Result<bool, BagError> {
        match taken {
            Ok(Taken::Message) => {
                self.messages += 1;
                Ok(true)
            }
            Ok(Taken::Nothing) => Ok(false),
            Err(Refused::Message(reason)) => {
                self.left_out
                    .get_or_insert_with(|| format!("byte {at}: {reason}"));
                Ok(false)
            }
            Err(Refused::Channel(reason)) if self.recover => {
                self.left_out
                    .get_or_insert_with(|| format!("byte {at}: {reason}"));
                Ok(false)
            }
            Err(Refused::Channel(reason) | Refused::Record(reason)) => {
                Err(self.corrupt(at, reason))
            }
        }
    }

    /// The last record of the data says what the checksum of everything before it is; zero stands
    /// for "no checksum". A mismatch may be a message that was lost, so it is told.
    fn check_data_end(&mut self, at: u64, len: u64) -> Result<(), BagError> {
        self.check_size("the end of the data", len)?;
        let actual = self.checksum.clone().finalize();
        self.read_record(len, "the end of the data")?;
        let Some(saved) = Fields(&self.record).u32() else {
            return Err(self.corrupt(at, "the record that ends the data is cut off"));
        };
        if saved == 0 || saved == actual || self.damaged {
            return Ok(());
        }
        let reason =
            format!("the data's checksum is {actual:#010x}, the file claims {saved:#010x}");
        Err(self.corrupt(at, reason))
    }

    fn load_chunk(&mut self, at: u64) -> Result<(), BagError> {
        let limit = self.limits.record;
        self.chunk
            .load(&self.record, limit)
            .map_err(|error| match error {
                ChunkError::TooLarge { size } => BagError::TooLarge {
                    path: self.path.clone(),
                    what: "a chunk",
                    size,
                    limit,
                },
                ChunkError::Compression(name) => BagError::Unsupported {
                    path: self.path.clone(),
                    what: "chunk compression",
                    name,
                },
                ChunkError::Corrupt(reason) => self.corrupt(at, reason),
            })
    }

    /// Opcode and length of the next record; `None` when the file ends before it.
    fn read_framing(&mut self) -> Result<Option<(u8, u64)>, BagError> {
        self.fill(FRAMING)?; // into the checksum by who knows whether it belongs there
        let mut fields = Fields(&self.record);
        match (self.record.is_empty(), fields.u8().zip(fields.u64())) {
            (true, _) => Ok(None),
            (false, Some(framing)) => Ok(Some(framing)),
            (false, None) => Err(self.truncated("the length of a record")),
        }
    }

    fn check_size(&self, what: &'static str, size: u64) -> Result<(), BagError> {
        let limit = self.limits.record;
        if size > limit {
            return Err(BagError::TooLarge {
                path: self.path.clone(),
                what,
                size,
                limit,
            });
        }
        Ok(())
    }

    /// Reads up to `len` bytes into `record`; fewer when the file ends.
    fn fill(&mut self, len: u64) -> Result<(), BagError> {
        self.record.clear();
        let read = (&mut self.input).take(len).read_to_end(&mut self.record);
        self.offset += self.record.len() as u64;
        read.map(drop).map_err(|error| self.read_error(error))
    }

    fn read_record(&mut self, len: u64, inside: &'static str) -> Result<(), BagError> {
        self.fill(len)?;
        self.checksum.update(&self.record);
        if self.record.len() as u64 == len {
            Ok(())
        } else {
            Err(self.truncated(inside))
        }
    }

    fn skip(&mut self, len: u64, inside: &'static str) -> Result<(), BagError> {
        let mut seen = Checksummed(&mut self.checksum);
        let skipped = io::copy(&mut (&mut self.input).take(len), &mut seen)
            .map_err(|error| self.read_error(error))?;
        self.offset += skipped;
        if skipped == len {
            Ok(())
        } else {
            Err(self.truncated(inside))
        }
    }

    fn read_error(&self, source: io::Error) -> BagError {
        match self.input {
            Input::Plain(_) => BagError::Io {
                path: self.path.clone(),
                action: "read",
                source,
            },
            // What a compressed file reports is damage of its content.
            Input::Zstd(_) => self.corrupt(self.offset, format!("does not inflate: {source}")),
        }
    }

    fn truncated(&self, inside: &'static str) -> BagError {
        BagError::Truncated {
            path: self.path.clone(),
            offset: self.offset,
            inside,
            messages: self.messages,
        }
    }

    fn corrupt(&self, offset: u64, reason: impl Into<String>) -> BagError {
        BagError::Corrupt {
            path: self.path.clone(),
            offset,
            reason: reason.into(),
            messages: self.messages,
        }
    }
}

/// Takes bytes for their checksum only.
struct Checksummed<'a>(&'a mut crc32fast::Hasher);

impl Write for Checksummed<'_> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.update(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// What came of a record.
enum Taken {
    /// A message of the topic.
    Message,
    /// Something to note, or a message of another topic.
    Nothing,
}

/// Why a record cannot be used.
enum Refused {
    /// It is damaged.
    Record(String),
    /// This one message is wrong.
    Message(String),
    /// Nothing says what its channel is.
    Channel(String),
}

/// Notes what a record says; a message of one of `topics` goes into `out`.
fn take(
    directory: &mut Directory,
    topics: Option<&[String]>,
    opcode: u8,
    record: &[u8],
    out: &mut MessageBuf,
) -> Result<Taken, Refused> {
    if opcode != op::MESSAGE {
        let noted = directory.note(opcode, record);
        return noted.map(|()| Taken::Nothing).map_err(Refused::Record);
    }
    let message = fields::Message::parse(record)
        .ok_or_else(|| Refused::Record("a message record is cut off".to_owned()))?;
    let Some(channel) = directory.channels.get(&message.channel) else {
        let number = message.channel;
        let reason = format!("a message is of channel {number}, which is not there");
        return Err(Refused::Channel(reason));
    };
    let count = directory.counts.entry(message.channel).or_default();
    *count = count.saturating_add(1);
    // a topic that is not in CDR is of another system, and nobody here can read it
    if topics.is_some_and(|topics| !topics.contains(&channel.topic)) || channel.encoding != CDR {
        return Ok(Taken::Nothing);
    }
    let time = message.log_time;
    let log_time = i64::try_from(time)
        .map_err(|_| Refused::Message(format!("a message has the impossible log time {time}")))?;
    out.set(
        &channel.topic,
        &channel.type_name,
        Stamp::from_nanos(log_time),
        message.data,
    );
    Ok(Taken::Message)
}
