use std::io;
use std::path::PathBuf;

use thiserror::Error;

/// Why there is no cache to work with.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum CacheError {
    /// Nothing says where engines are to be kept.
    #[error("no folder for engines: give one, or set LOOKOUT_ENGINE_CACHE or HOME")]
    NoFolder,
    /// The folder cannot be made, or is none.
    #[error("cannot keep engines in {}: {source}", .path.display())]
    Folder {
        /// The folder.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
}

/// Why an entry of the cache is not used.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum EntryError {
    /// Neither artefact nor record is there.
    #[error("there is none")]
    Missing,
    /// One of its two files is not there: whoever wrote it did not get to the end.
    #[error("half-written, without its .{0}")]
    HalfWritten(&'static str),
    /// A link, a folder or a device.
    #[error("its .{0} is not a plain file")]
    NotPlain(String),
    /// Somebody else's file: a plan is code, so it is not run.
    #[error("never trusted: its .{file} belongs to user {owner}")]
    Foreign {
        /// Ending of the file.
        file: String,
        /// User id.
        owner: u32,
    },
    /// Others may write it: a plan is code, so it is not run.
    #[error("never trusted: others may write its .{file} (mode {mode:03o})")]
    Writable {
        /// Ending of the file.
        file: String,
        /// Permission bits.
        mode: u32,
    },
    /// Larger than an entry ever is.
    #[error("its .{file} has {bytes} bytes, more than {most}")]
    TooLarge {
        /// Ending of the file.
        file: String,
        /// Its size.
        bytes: u64,
        /// Largest that is read.
        most: u64,
    },
    /// The file grew, shrank or was replaced while it was read.
    #[error("its .{0} changed while it was read")]
    Changed(String),
    /// The record is not what was written, or another version of lookout wrote it.
    #[error("its record cannot be used: {0}")]
    Record(String),
    /// The record holds the key of something else.
    #[error("its record is that of another engine")]
    OtherKey,
    /// The artefact has another length than the record says.
    #[error("corrupt: {found} bytes, not {expected}")]
    Length {
        /// Length in the record.
        expected: u64,
        /// Length of the file.
        found: u64,
    },
    /// The artefact has another hash than the record says.
    #[error("corrupt: its SHA-256 is not the recorded one")]
    Hash,
    /// Whoever was to use it does not want it, for this reason.
    #[error("{0}")]
    Rejected(String),
    /// It cannot be read.
    #[error("its .{file} cannot be read: {source}")]
    Io {
        /// Ending of the file.
        file: String,
        /// What the system said.
        source: io::Error,
    },
}
