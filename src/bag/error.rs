//! What can go wrong with a bag.

use std::path::PathBuf;

use crate::msg::cdr::CdrError;

/// Why a bag cannot be opened, read or written. Every error names the file or folder.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum BagError {
    /// The system refuses to open, read or write.
    #[error("{}: cannot {action}", path.display())]
    Io {
        /// The file or folder.
        path: PathBuf,
        /// What was tried.
        action: &'static str,
        /// What the system says.
        source: std::io::Error,
    },
    /// The path is neither a rosbag2 folder nor an `.mcap` or `.db3` file.
    #[error("{}: not a bag: {reason}", path.display())]
    NotABag {
        /// The path.
        path: PathBuf,
        /// What is missing.
        reason: String,
    },
    /// `metadata.yaml` cannot be understood.
    #[error("{}: bad bag metadata: {reason}", path.display())]
    Metadata {
        /// The `metadata.yaml`.
        path: PathBuf,
        /// What is wrong with it.
        reason: String,
    },
    /// `metadata.yaml` is empty, cut off or no such document: the power failed, or the copy.
    #[error(
        "{}: the metadata are damaged: {reason}; without this file, the storage files of the folder are \
         read in the order of their times: remove it where nobody can restore it",
        path.display()
    )]
    DamagedMetadata {
        /// The `metadata.yaml`.
        path: PathBuf,
        /// What is wrong with it.
        reason: String,
    },
    /// A storage, compression or encoding that is not read here.
    #[error("{}: unsupported {what} {name:?}", path.display())]
    Unsupported {
        /// The file.
        path: PathBuf,
        /// What kind of thing.
        what: &'static str,
        /// Its name.
        name: String,
    },
    /// The file ends in the middle: the recording was cut off, or the copy.
    #[error(
        "{}: truncated: ends at byte {offset}, in {inside}; {messages} messages were read before",
        path.display()
    )]
    Truncated {
        /// The file.
        path: PathBuf,
        /// Where it ends.
        offset: u64,
        /// What it ends in.
        inside: &'static str,
        /// Messages of the selected topics that were read from this file.
        messages: u64,
    },
    /// The file holds something that cannot be.
    #[error(
        "{}: corrupt at byte {offset}: {reason}; {messages} messages were read before",
        path.display()
    )]
    Corrupt {
        /// The file.
        path: PathBuf,
        /// Where the record starts that is corrupt.
        offset: u64,
        /// What is wrong.
        reason: String,
        /// Messages of the selected topics that were read from this file.
        messages: u64,
    },
    /// The sqlite3 file is truncated, corrupt, or no bag.
    #[error("{}: sqlite3: {reason}; {messages} messages were read before", path.display())]
    Sqlite {
        /// The file.
        path: PathBuf,
        /// What sqlite says, or what is missing.
        reason: String,
        /// Messages of the selected topics that were read from this file.
        messages: u64,
    },
    /// Something claims more bytes than are ever read at once; nothing was allocated for it.
    #[error("{}: {what} of {size} bytes is over the limit of {limit}", path.display())]
    TooLarge {
        /// The file.
        path: PathBuf,
        /// What is too large.
        what: &'static str,
        /// Bytes claimed, or known when it was given up.
        size: u64,
        /// The limit.
        limit: u64,
    },
    /// A compressed message does not inflate.
    #[error("{}: message of {topic} at {log_time}: {reason}", path.display())]
    Message {
        /// The file.
        path: PathBuf,
        /// The topic.
        topic: String,
        /// Its log time.
        log_time: crate::time::Stamp,
        /// What is wrong.
        reason: String,
    },
    /// There is no such topic, or it carries no images.
    #[error(
        "{}: {topic} is no image topic of this bag; image topics: {}",
        path.display(),
        list(available)
    )]
    NoSuchTopic {
        /// The bag.
        path: PathBuf,
        /// The topic asked for.
        topic: String,
        /// The image topics there are.
        available: Vec<String>,
    },
    /// There are several image topics and none was chosen.
    #[error("{}: choose a topic: there are several image topics: {}", path.display(), list(available))]
    SeveralTopics {
        /// The bag.
        path: PathBuf,
        /// The image topics there are.
        available: Vec<String>,
    },
    /// There are no images.
    #[error(
        "{}: no image topic (sensor_msgs/msg/Image or CompressedImage); topics: {}",
        path.display(),
        list(topics)
    )]
    NoImages {
        /// The bag.
        path: PathBuf,
        /// All topics.
        topics: Vec<String>,
    },
    /// A message could not be serialised.
    #[error("{}: {topic}: cannot be serialised", path.display())]
    Serialise {
        /// The bag.
        path: PathBuf,
        /// The topic.
        topic: String,
        /// What cannot be written.
        source: CdrError,
    },
    /// The system could not write. The file ends with the last message that it could.
    #[error(
        "{}: {}; the {messages} messages before are kept and can be read",
        path.display(),
        cause(source)
    )]
    Storage {
        /// The file.
        path: PathBuf,
        /// Messages that are in it.
        messages: u64,
        /// What the system says.
        source: std::io::Error,
    },
    /// The bag cannot be written.
    #[error("{}: cannot write: {reason}", path.display())]
    Write {
        /// The file.
        path: PathBuf,
        /// What is wrong.
        reason: String,
    },
}

impl BagError {
    /// Whether a part of the recording is damaged or missing, which
    /// [`BagReader::open_recovering`](super::BagReader::open_recovering) may leave behind.
    pub fn is_damage(&self) -> bool {
        match self {
            Self::Io { source, .. } => source.kind() == std::io::ErrorKind::NotFound,
            Self::Truncated { .. }
            | Self::Corrupt { .. }
            | Self::Sqlite { .. }
            | Self::TooLarge { .. }
            | Self::Message { .. }
            | Self::DamagedMetadata { .. } => true,
            _ => false,
        }
    }
}

fn cause(error: &std::io::Error) -> &'static str {
    match error.kind() {
        std::io::ErrorKind::StorageFull => "the disk is full",
        std::io::ErrorKind::QuotaExceeded => "the quota of the disk is used up",
        _ => "it cannot be written any further",
    }
}

fn list(topics: &[String]) -> String {
    if topics.is_empty() {
        "none".into()
    } else {
        topics.join(", ")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_full_disk_is_called_so_with_what_is_kept() {
        let error = BagError::Storage {
            path: "drive/drive_0.mcap".into(),
            messages: 12,
            source: std::io::ErrorKind::StorageFull.into(),
        };
        assert_eq!(
            error.to_string(),
            "drive/drive_0.mcap: the disk is full; the 12 messages before are kept and can be read"
        );
    }
}
