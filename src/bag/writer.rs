//! Writing a bag.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::{self, BufWriter, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};

use mcap::records::MessageHeader;
use serde::Serialize;

use super::BagError;
use super::metadata::{self, WrittenTopic};
use crate::msg::{RosMessage, cdr};
use crate::time::Stamp;

/// A chunk is closed, and goes to disk, when it holds this many bytes before compression.
const CHUNK_BYTES: u64 = 512 << 10;

/// What `ros2 bag play` offers a topic with.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Qos {
    /// Reliable, volatile, the last ten: ROS 2's default.
    #[default]
    Reliable,
    /// Best effort, volatile, the last five: sensor data.
    Sensor,
    /// Reliable, transient local, the last one: who comes late gets the last value.
    Latched,
}

impl Qos {
    /// The profile as rosbag2 before version 9 of its metadata writes it: a YAML text in a string,
    /// with the numbers of `rmw/types.h`.
    fn profile(self) -> String {
        let (depth, reliability, durability) = match self {
            Self::Reliable => (10, 1, 2),
            Self::Sensor => (5, 2, 2),
            Self::Latched => (1, 1, 1),
        };
        let forever = "\n    sec: 9223372036\n    nsec: 854775807";
        format!(
            "- history: 1\n  depth: {depth}\n  reliability: {reliability}\n  durability: \
             {durability}\n  deadline:{forever}\n  lifespan:{forever}\n  liveliness: 1\n  \
             liveliness_lease_duration:{forever}\n  avoid_ros_namespace_conventions: false"
        )
    }
}

/// A topic of one [`BagWriter`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct TopicId(usize);

/// What was written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Summary {
    /// The bag's folder.
    pub path: PathBuf,
    /// The topics in the order in which they were added, with their message counts.
    pub topics: Vec<super::TopicInfo>,
    /// Messages of all topics.
    pub message_count: u64,
    /// Smallest and largest log time; `None` without messages.
    pub times: Option<(Stamp, Stamp)>,
}

struct Topic {
    name: String,
    type_name: &'static str,
    qos: String,
    channel: u16,
    count: u64,
}

/// The storage file. A write that fails takes away what lies behind the last flush, so that the file ends with a whole
/// chunk; nothing is written after it.
struct Storage {
    file: File,
    /// Bytes at the last flush.
    whole: u64,
    failed: Option<io::Error>,
}

impl Write for Storage {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        if let Some(e) = &self.failed {
            return Err(e.kind().into());
        }
        match self.file.write(bytes) {
            Err(e) if e.kind() != io::ErrorKind::Interrupted => {
                let kind = e.kind();
                // where even that fails, readers find half a chunk at the end
                let _ = self.file.set_len(self.whole);
                self.failed = Some(e);
                Err(kind.into())
            }
            written => written,
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        self.whole = self.file.stream_position()?;
        Ok(())
    }
}

impl Seek for Storage {
    fn seek(&mut self, to: SeekFrom) -> io::Result<u64> {
        self.file.seek(to)
    }
}

/// Writes a rosbag2 folder: `<name>_0.mcap` (zstd chunks of about half a megabyte) and
/// `metadata.yaml`.
///
/// Every chunk that is complete is on disk as a whole, so after a kill (of the process; a power
/// cut may cost what the system had not written yet) all of them can be read, with
/// [`BagReader`](super::BagReader) or after `mcap recover` (other readers ask for the end of the
/// file). The same holds after a write that fails, as on a full disk. [`flush`](Self::flush) closes a chunk before
/// its time. The metadata is there from the start, without topics, and complete after
/// [`finish`](Self::finish). Dropping the writer finishes as well but cannot tell of errors.
pub struct BagWriter {
    folder: PathBuf,
    file: PathBuf,
    file_name: String,
    // `None` only after `close` and after a write that failed.
    mcap: Option<mcap::Writer<BufWriter<Storage>>>,
    topics: Vec<Topic>,
    times: Option<(Stamp, Stamp)>,
    pending: u64,
    /// Messages at the last flush.
    kept: u64,
    sequence: u32,
    buffer: Vec<u8>,
}

impl std::fmt::Debug for BagWriter {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("BagWriter")
            .field("file", &self.file)
            .finish_non_exhaustive()
    }
}

impl BagWriter {
    /// Starts a bag in the folder `folder`, which is made when it is not there.
    ///
    /// # Errors
    /// The folder cannot be made or written, or there is a storage file or metadata of a bag in it
    /// already: nothing is overwritten. `name` holds a path separator.
    pub fn create(folder: &Path, name: &str) -> Result<Self, BagError> {
        let file_name = format!("{name}_0.mcap");
        let file = folder.join(&file_name);
        if file.file_name() != Some(file_name.as_ref()) {
            let reason = format!("{name:?} is no name for a bag");
            return Err(BagError::Write {
                path: folder.into(),
                reason,
            });
        }
        let io = |action| {
            move |source| BagError::Io {
                path: folder.into(),
                action,
                source,
            }
        };
        std::fs::create_dir_all(folder).map_err(io("make the folder"))?;
        let metadata = folder.join(metadata::FILE_NAME);
        if metadata.exists() {
            let reason = "there is a bag already".to_owned();
            return Err(BagError::Write {
                path: metadata,
                reason,
            });
        }
        let made = File::create_new(&file).map_err(|source| BagError::Io {
            path: file.clone(),
            action: "create",
            source,
        })?;
        let out = Storage {
            file: made,
            whole: 0,
            failed: None,
        };
        let mcap = mcap::WriteOptions::new()
            .profile("ros2")
            .library(concat!("lookout ", env!("CARGO_PKG_VERSION")))
            .compression(Some(mcap::Compression::Zstd))
            // No threads: the same messages give the same bytes.
            .compression_threads(0)
            // Chunks are closed by `write`, and go to disk in one piece.
            .chunk_size(None)
            .disable_seeking(true)
            .create(BufWriter::new(out));
        let mcap = mcap.map_err(|error| BagError::Write {
            path: file.clone(),
            reason: error.to_string(),
        })?;
        let this = Self {
            folder: folder.into(),
            file,
            file_name,
            mcap: Some(mcap),
            topics: Vec::new(),
            times: None,
            pending: 0,
            kept: 0,
            sequence: 0,
            buffer: Vec::new(),
        };
        this.write_metadata()?;
        Ok(this)
    }

    /// Adds a topic of messages of type `M`.
    ///
    /// # Errors
    /// There is a topic of that name, or the file cannot be written.
    pub fn add_topic<M: RosMessage>(&mut self, topic: &str, qos: Qos) -> Result<TopicId, BagError> {
        if self.topics.iter().any(|known| known.name == topic) {
            return Err(self.fault(format!("topic {topic} was added twice")));
        }
        let qos = qos.profile();
        let extra = BTreeMap::from([("offered_qos_profiles".to_owned(), qos.clone())]);
        let mcap = self.mcap()?;
        let channel = mcap
            .add_schema(M::TYPE, "ros2msg", M::DEFINITION.as_bytes())
            .and_then(|schema| mcap.add_channel(schema, topic, "cdr", &extra))
            .map_err(|error| self.broken(error))?;
        let name = topic.to_owned();
        self.topics.push(Topic {
            name,
            type_name: M::TYPE,
            qos,
            channel,
            count: 0,
        });
        Ok(TopicId(self.topics.len() - 1))
    }

    /// Writes a message. Log times may go backwards; they are stored as they are.
    ///
    /// # Errors
    /// `topic` is of another writer or of another type than `M`, the log time is negative (MCAP has
    /// no such times), the message cannot be serialised, or the file cannot be written.
    pub fn write<M: RosMessage + Serialize>(
        &mut self,
        topic: TopicId,
        log_time: Stamp,
        message: &M,
    ) -> Result<(), BagError> {
        let known = self
            .topics
            .get(topic.0)
            .map(|known| (known.channel, known.type_name));
        let Some((channel_id, type_name)) = known else {
            return Err(self.fault("the topic is of another bag"));
        };
        if type_name != M::TYPE {
            return Err(self.fault(format!("a {} on a topic of {type_name}", M::TYPE)));
        }
        let Ok(time) = u64::try_from(log_time.as_nanos()) else {
            return Err(self.fault(format!("the log time {log_time} is before the epoch")));
        };
        let mut buffer = std::mem::take(&mut self.buffer);
        let serialised = cdr::to_buf(message, &mut buffer);
        let result = serialised
            .map_err(|source| self.serialise_error(topic, source))
            .and_then(|()| {
                let sequence = self.sequence;
                let header = MessageHeader {
                    channel_id,
                    sequence,
                    log_time: time,
                    publish_time: time,
                };
                let written = self.mcap()?.write_to_known_channel(&header, &buffer);
                written.map_err(|error| self.broken(error))
            });
        self.pending += buffer.len() as u64;
        self.buffer = buffer;
        result?;
        self.sequence = self.sequence.wrapping_add(1);
        if let Some(known) = self.topics.get_mut(topic.0) {
            known.count += 1;
        }
        let (first, last) = self.times.unwrap_or((log_time, log_time));
        self.times = Some((first.min(log_time), last.max(log_time)));
        if self.pending >= CHUNK_BYTES {
            self.flush()
        } else {
            Ok(())
        }
    }

    /// Closes the current chunk and hands it to the system: from here on a kill does not lose it.
    ///
    /// # Errors
    /// The file cannot be written.
    pub fn flush(&mut self) -> Result<(), BagError> {
        self.pending = 0;
        let result = self.mcap()?.flush();
        result.map_err(|error| self.broken(error))?;
        self.kept = self.message_count();
        Ok(())
    }

    /// Closes the bag: the summary of the MCAP file, then the metadata.
    ///
    /// # Errors
    /// The files cannot be written; what was flushed before stays readable.
    pub fn finish(mut self) -> Result<Summary, BagError> {
        self.close()?;
        let topics: Vec<_> = self
            .topics
            .iter()
            .map(|topic| super::TopicInfo {
                encoding: super::CDR.to_owned(),
                name: topic.name.clone(),
                type_name: topic.type_name.to_owned(),
                message_count: Some(topic.count),
            })
            .collect();
        let message_count = self.message_count();
        Ok(Summary {
            path: self.folder.clone(),
            topics,
            message_count,
            times: self.times,
        })
    }

    fn close(&mut self) -> Result<(), BagError> {
        if self.mcap.is_none() {
            return Ok(());
        }
        self.flush()?;
        let finished = self.mcap()?.finish();
        finished.map_err(|error| self.broken(error))?;
        if let Some(mcap) = self.mcap.take() {
            // Not `drop`, which would lose an error of the last write.
            let mut out = mcap.into_inner();
            let written = out.flush().and_then(|()| out.get_ref().file.sync_all());
            written.map_err(|source| self.storage_error(source))?;
        }
        self.write_metadata()
    }

    /// Written under another name and renamed, so that there is always one that is whole.
    fn write_metadata(&self) -> Result<(), BagError> {
        let topics: Vec<_> = self
            .topics
            .iter()
            .map(|topic| WrittenTopic {
                name: &topic.name,
                type_name: topic.type_name,
                qos: &topic.qos,
                count: topic.count,
            })
            .collect();
        let times = self
            .times
            .map(|(first, last)| (first.as_nanos(), last.as_nanos()));
        // While nothing is finished, no topics: whoever reads the bag looks into the file then.
        let topics = if self.mcap.is_some() {
            &[]
        } else {
            topics.as_slice()
        };
        let text = metadata::render(&self.file_name, topics, times);
        let path = self.folder.join(metadata::FILE_NAME);
        let draft = self.folder.join(".metadata.yaml.part");
        std::fs::write(&draft, text)
            .and_then(|()| std::fs::rename(&draft, &path))
            .map_err(|source| BagError::Io {
                path,
                action: "write",
                source,
            })
    }

    fn mcap(&mut self) -> Result<&mut mcap::Writer<BufWriter<Storage>>, BagError> {
        match &mut self.mcap {
            Some(mcap) => Ok(mcap),
            None => Err(BagError::Write {
                path: self.file.clone(),
                reason: "the bag is closed".to_owned(),
            }),
        }
    }

    fn serialise_error(&self, topic: TopicId, source: cdr::CdrError) -> BagError {
        let topic = self
            .topics
            .get(topic.0)
            .map(|topic| topic.name.clone())
            .unwrap_or_default();
        BagError::Serialise {
            path: self.file.clone(),
            topic,
            source,
        }
    }

    fn message_count(&self) -> u64 {
        self.topics.iter().map(|topic| topic.count).sum()
    }

    /// The error to report for one of the MCAP writer. Where the file could not be written, the bag is closed
    /// with what it holds.
    fn broken(&mut self, error: mcap::McapError) -> BagError {
        use mcap::McapError::{Io, Parse};
        let mcap = self.mcap.take_if(|_| matches!(error, Io(_) | Parse(_)));
        let storage = mcap.map(|mcap| mcap.into_inner().into_parts().0);
        match storage.and_then(|storage| storage.failed) {
            Some(source) => self.storage_error(source),
            None => self.fault(error),
        }
    }

    fn storage_error(&self, source: io::Error) -> BagError {
        BagError::Storage {
            path: self.file.clone(),
            messages: self.kept,
            source,
        }
    }

    fn fault(&self, reason: impl ToString) -> BagError {
        BagError::Write {
            path: self.file.clone(),
            reason: reason.to_string(),
        }
    }
}

impl Drop for BagWriter {
    fn drop(&mut self) {
        if let Err(error) = self.close() {
            log::error!("a bag was dropped and could not be finished: {error}");
        }
    }
}
