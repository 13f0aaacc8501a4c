//! A storage file of either kind.

use std::path::Path;

use super::gap::Gaps;
use super::mcap_file::McapFile;
use super::sqlite::SqliteFile;
use super::{BagError, Limits, MessageBuf, TopicInfo};

/// What a storage file is, by its name.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    Mcap { compressed: bool },
    Sqlite { compressed: bool },
}

impl Kind {
    pub(super) fn of(path: &Path) -> Option<Self> {
        let name = path.file_name()?.to_str()?;
        let (name, compressed) = match name.strip_suffix(".zstd") {
            Some(name) => (name, true),
            None => (name, false),
        };
        match name.rsplit_once('.')?.1 {
            "mcap" => Some(Self::Mcap { compressed }),
            "db3" => Some(Self::Sqlite { compressed }),
            _ => None,
        }
    }
}

/// A storage file that is open.
pub(super) enum Storage {
    Mcap(Box<McapFile>),
    Sqlite(Box<SqliteFile>),
}

impl Storage {
    /// To `recover`, reading goes on behind damage where it can.
    pub(super) fn open(
        path: &Path,
        kind: Kind,
        limits: Limits,
        recover: bool,
    ) -> Result<Self, BagError> {
        Ok(match kind {
            Kind::Mcap { compressed } => {
                let mut file = McapFile::open(path, compressed, limits)?;
                if recover {
                    file.recover();
                }
                Self::Mcap(Box::new(file))
            }
            Kind::Sqlite { compressed } => {
                let file = SqliteFile::open(path, compressed, limits, recover)?;
                Self::Sqlite(Box::new(file))
            }
        })
    }

    /// The topics of a file, with the counts of their messages where they are known, and whether those
    /// counts are of all messages that were recorded.
    pub(super) fn topics(
        path: &Path,
        kind: Kind,
        limits: Limits,
        recover: bool,
    ) -> Result<(Vec<TopicInfo>, bool), BagError> {
        match kind {
            Kind::Mcap { compressed } => McapFile::topics(path, compressed, limits, recover),
            Kind::Sqlite { compressed } => {
                let topics = SqliteFile::open(path, compressed, limits, recover)?.topics()?;
                Ok((topics, true))
            }
        }
    }

    pub(super) fn select(&mut self, topics: Option<&[String]>) {
        match self {
            Self::Mcap(file) => file.select(topics),
            Self::Sqlite(file) => file.select(topics),
        }
    }

    pub(super) fn read_next(&mut self, out: &mut MessageBuf) -> Result<bool, BagError> {
        match self {
            Self::Mcap(file) => file.read_next(out),
            Self::Sqlite(file) => file.read_next(out),
        }
    }

    /// What was left out since this was asked last goes to `gaps`.
    pub(super) fn tell_gaps(&mut self, path: &Path, gaps: &mut Gaps) {
        if let Self::Mcap(file) = self
            && let Some(reason) = file.left_out()
        {
            gaps.add(path.into(), reason);
        }
    }
}
