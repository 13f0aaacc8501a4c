//! rosbag2 recordings: reading and writing.
//!
//! Three words:
//! - a *bag* is a folder with a `metadata.yaml` and storage files, or one storage file alone;
//! - a *storage file* is MCAP (`.mcap`) or sqlite3 (`.db3`), maybe compressed as a whole
//!   (`.zstd`, rosbag2's `compression_mode: FILE`);
//! - a *message* is its topic, type, log time and serialised bytes ([`MessageBuf`]); with
//!   `compression_mode: MESSAGE` those bytes are inflated on the way.
//!
//! [`BagReader`] holds one message, one MCAP chunk and nothing that grows with the bag. What a
//! hostile file claims is checked against [`Limits`] before anything is allocated for it. From a
//! truncated or corrupt bag all messages before the damage are delivered, then an error that says
//! where and what; [`BagReader::open_recovering`] goes on behind the damage and keeps a list of the gaps.
//!
//! [`BagWriter`] writes MCAP, in chunks that are whole on disk one by one: after a kill, what was
//! written up to the last chunk is readable.
//!
//! ```
//! use lookout::bag::{BagReader, BagWriter, MessageBuf, Qos};
//! use lookout::msg::{Bool, cdr};
//! use lookout::time::Stamp;
//!
//! # let folder = tempfile::tempdir()?;
//! # let dir = &folder.path().join("verdicts");
//! let mut writer = BagWriter::create(dir, "verdicts")?;
//! let stop = writer.add_topic::<Bool>("/lookout/safe_stop", Qos::Latched)?;
//! writer.write(stop, Stamp::from_nanos(1), &Bool { data: true })?;
//! writer.finish()?;
//!
//! let mut reader = BagReader::open(dir)?;
//! let mut message = MessageBuf::new();
//! while reader.read_next(&mut message)? {
//!     let stop: Bool = cdr::from_slice(message.data())?;
//!     assert!(stop.data);
//! }
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

mod chunk;
mod error;
mod fields;
mod files;
mod gap;
mod inflate;
mod mcap_directory;
mod mcap_file;
mod metadata;
mod reader;
mod sqlite;
mod sqlite_disk;
mod storage;
mod writer;

pub use error::BagError;
pub use gap::{Gap, Gaps};
pub use reader::BagReader;
pub use writer::{BagWriter, Qos, Summary, TopicId};

use std::fmt;

use serde::Serialize;

use crate::msg::RosMessage;
use crate::msg::cdr::{self, CdrError};
use crate::time::Stamp;

/// The serialisation of ROS 2.
const CDR: &str = "cdr";

/// One topic of a bag.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TopicInfo {
    /// The name, like `/camera/image_raw`.
    pub name: String,
    /// The message type, like `sensor_msgs/msg/Image`.
    pub type_name: String,
    /// How its messages are serialised: `cdr` in ROS 2.
    pub encoding: String,
    /// How many messages there are, if that is known without reading them all. Of a bag that was
    /// cut off: how many can be read.
    pub message_count: Option<u64>,
}

impl TopicInfo {
    /// True for `sensor_msgs/msg/Image` and `sensor_msgs/msg/CompressedImage` in CDR.
    pub fn is_image(&self) -> bool {
        let image = matches!(
            self.type_name.as_str(),
            "sensor_msgs/msg/Image" | "sensor_msgs/msg/CompressedImage"
        );
        image && self.encoding == CDR
    }
}

impl fmt::Display for TopicInfo {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} ({}, {}", self.name, self.type_name, self.encoding)?;
        match self.message_count {
            Some(1) => f.write_str(", 1 message)"),
            Some(count) => write!(f, ", {count} messages)"),
            None => f.write_str(")"),
        }
    }
}

/// One message, in buffers that are reused from message to message.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct MessageBuf {
    topic: String,
    type_name: String,
    log_time: Stamp,
    data: Vec<u8>,
}

impl MessageBuf {
    /// An empty message; allocates nothing.
    pub const fn new() -> Self {
        Self {
            topic: String::new(),
            type_name: String::new(),
            log_time: Stamp::from_nanos(0),
            data: Vec::new(),
        }
    }

    /// The topic.
    pub fn topic(&self) -> &str {
        &self.topic
    }

    /// The message type, as the storage file names it.
    pub fn type_name(&self) -> &str {
        &self.type_name
    }

    /// When the message was recorded.
    pub const fn log_time(&self) -> Stamp {
        self.log_time
    }

    /// The serialised message, CDR with its encapsulation header: see [`cdr::from_slice`].
    pub fn data(&self) -> &[u8] {
        &self.data
    }

    /// Makes it a message that no bag held, as a bag would give it.
    ///
    /// # Errors
    /// The message cannot be serialised.
    pub fn write<M: RosMessage + Serialize>(
        &mut self,
        topic: &str,
        log_time: Stamp,
        message: &M,
    ) -> Result<(), CdrError> {
        self.set(topic, M::TYPE, log_time, &[]);
        cdr::to_buf(message, &mut self.data)
    }

    fn set(&mut self, topic: &str, type_name: &str, log_time: Stamp, data: &[u8]) {
        self.topic.clear();
        self.topic.push_str(topic);
        self.type_name.clear();
        self.type_name.push_str(type_name);
        self.log_time = log_time;
        self.data.clear();
        self.data.extend_from_slice(data);
    }
}

/// The most that a bag may make us hold.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Bytes of one MCAP record or chunk, compressed or not, and of one message, inflated.
    pub record: u64,
    /// Bytes of a `.db3.zstd` file when inflated (into a temporary file).
    pub inflated_file: u64,
}

impl Default for Limits {
    /// 256 MiB a record (a raw 50-megapixel picture is 150 MB), 64 GiB a file.
    fn default() -> Self {
        Self {
            record: 256 << 20,
            inflated_file: 64 << 30,
        }
    }
}
