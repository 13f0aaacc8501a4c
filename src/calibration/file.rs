//! Small text files, read with a bound.

use std::fs::File;
use std::io::{self, Read};
use std::path::{Path, PathBuf};

use thiserror::Error;

/// Why a file of `calibration/` cannot be used.
#[derive(Debug, Error)]
pub enum FileError {
    /// It cannot be read.
    #[error("cannot read {}: {reason}", path.display())]
    Io {
        /// Which.
        path: PathBuf,
        /// Why.
        reason: io::Error,
    },
    /// What is in it is not what was asked for.
    #[error("{}: {reason}", path.display())]
    Content {
        /// Which.
        path: PathBuf,
        /// Why.
        reason: String,
    },
}

/// What `parse` makes of the text of a file of at most `max` bytes.
pub(super) fn read<T>(
    path: &Path,
    max: u64,
    parse: impl FnOnce(&str) -> Result<T, String>,
) -> Result<T, FileError> {
    let failed = |reason| FileError::Io {
        path: path.into(),
        reason,
    };
    let bad = |reason| FileError::Content {
        path: path.into(),
        reason,
    };
    let mut text = String::new();
    let file = File::open(path).map_err(failed)?;
    file.take(max + 1)
        .read_to_string(&mut text)
        .map_err(failed)?;
    if text.len() as u64 > max {
        return Err(bad(format!("the file has more than {max} bytes")));
    }
    parse(&text).map_err(bad)
}
