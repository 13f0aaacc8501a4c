//! Entries in a folder: read, written, found.

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use super::error::{CacheError, EntryError};
use super::key::{Artefact, Key};
use super::lock::Lock;
use super::names::{self, Part};
use super::record::Record;
use super::trust;

/// Largest artefact that is kept.
const MOST_ARTEFACT: u64 = 1 << 30;
/// Largest record. One with all profiles and long names has a few thousand bytes.
const MOST_RECORD: u64 = 1 << 16;
/// So many files of a folder are looked at, whatever else is in it.
const MOST_FILES: usize = 1 << 16;

/// A folder with entries.
#[derive(Debug)]
pub(super) struct Store {
    folder: PathBuf,
}

/// The files of a stem.
pub(super) type Files = Vec<(PathBuf, Part)>;

impl Store {
    /// Makes the folder where it is missing, for its owner only.
    pub(super) fn open(folder: &Path) -> Result<Self, CacheError> {
        let failed = |source| CacheError::Folder {
            path: folder.to_owned(),
            source,
        };
        let mut builder = fs::DirBuilder::new();
        builder.recursive(true);
        #[cfg(unix)]
        std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
        builder.create(folder).map_err(failed)?;
        // so that a later change of the working directory does not matter
        let folder = folder.canonicalize().map_err(failed)?;
        Ok(Self { folder })
    }

    pub(super) fn folder(&self) -> &Path {
        &self.folder
    }

    pub(super) fn artefact_path(&self, stem: &str, artefact: Artefact) -> PathBuf {
        self.folder.join(names::artefact(stem, artefact))
    }

    /// A record that may be trusted.
    pub(super) fn record(&self, stem: &str) -> Result<Record, EntryError> {
        Record::parse(&trust::read(
            &self.folder.join(names::record(stem)),
            MOST_RECORD,
        )?)
    }

    /// The artefact of a record, as it was written.
    pub(super) fn artefact(&self, stem: &str, record: &Record) -> Result<Vec<u8>, EntryError> {
        let artefact = record.key.artefact();
        let bytes = match trust::read(&self.artefact_path(stem, artefact), MOST_ARTEFACT) {
            Err(EntryError::Missing) => {
                return Err(EntryError::HalfWritten(artefact.extension()));
            }
            read => read?,
        };
        let (expected, found) = (record.length, bytes.len() as u64);
        if expected != found {
            return Err(EntryError::Length { expected, found });
        }
        match super::Digest::of(&bytes) == record.sha256 {
            true => Ok(bytes),
            false => Err(EntryError::Hash),
        }
    }

    /// The entry of a key.
    pub(super) fn read(&self, key: &Key) -> Result<(Record, Vec<u8>), EntryError> {
        let stem = key.stem();
        let record = match self.record(&stem) {
            Err(EntryError::Missing) => {
                let path = self.artefact_path(&stem, key.artefact());
                return Err(match fs::symlink_metadata(path) {
                    Ok(_) => EntryError::HalfWritten(names::RECORD),
                    Err(_) => EntryError::Missing,
                });
            }
            read => read?,
        };
        if record.key != *key {
            return Err(EntryError::OtherKey);
        }
        let bytes = self.artefact(&stem, &record)?;
        Ok((record, bytes))
    }

    /// Writes the entry of a record. The record comes last: with it the entry is whole.
    pub(super) fn write(&self, record: &Record, artefact: &[u8]) -> io::Result<PathBuf> {
        if record.length > MOST_ARTEFACT {
            let text = format!("{} bytes are more than {MOST_ARTEFACT}", record.length);
            return Err(io::Error::new(io::ErrorKind::FileTooLarge, text));
        }
        let stem = record.key.stem();
        let path = self.artefact_path(&stem, record.key.artefact());
        self.replace(&stem, &path, artefact)?;
        let text = record.text();
        self.replace(
            &stem,
            &self.folder.join(names::record(&stem)),
            text.as_bytes(),
        )?;
        // the names too must outlive a power cut; where a folder cannot be synced, they may not
        if let Ok(folder) = File::open(&self.folder) {
            let _ = folder.sync_all();
        }
        Ok(path)
    }

    /// Puts a file in place at once and whole, for its owner only.
    fn replace(&self, stem: &str, path: &Path, bytes: &[u8]) -> io::Result<()> {
        let (start, end) = names::temporary(stem);
        let mut file = tempfile::Builder::new()
            .prefix(&start)
            .suffix(end)
            .tempfile_in(&self.folder)?;
        file.write_all(bytes)?;
        file.as_file().sync_all()?;
        file.persist(path).map_err(|e| e.error)?;
        Ok(())
    }

    /// Takes an entry away, its record first: without it the rest is no entry.
    pub(super) fn remove(&self, stem: &str, artefact: Artefact) -> io::Result<()> {
        let record = self.folder.join(names::record(stem));
        for path in [record, self.artefact_path(stem, artefact)] {
            match fs::remove_file(path) {
                Err(e) if e.kind() != io::ErrorKind::NotFound => return Err(e),
                _ => {}
            }
        }
        Ok(())
    }

    /// Takes away what writers of an entry left when they died. Only for whoever holds its lock.
    pub(super) fn remove_leftovers(&self, stem: &str, _held: &Lock) {
        let files = self.files().unwrap_or_default().remove(stem);
        for (path, part) in files.into_iter().flatten() {
            if part == Part::Temporary {
                match fs::remove_file(&path) {
                    Ok(()) => log::debug!("removed the half-written {}", path.display()),
                    Err(e) => log::debug!("cannot remove {}: {e}", path.display()),
                }
            }
        }
    }

    /// Waits for the lock of a stem.
    pub(super) fn lock(&self, stem: &str, waiting: impl FnOnce()) -> io::Result<Lock> {
        Lock::take(&self.folder.join(names::lock(stem)), waiting)
    }

    /// The lock of a stem, unless it is held.
    pub(super) fn try_lock(&self, stem: &str) -> io::Result<Option<Lock>> {
        Lock::try_take(&self.folder.join(names::lock(stem)))
    }

    /// All files of the cache, by their stem. Whatever else is in the folder is left alone.
    pub(super) fn files(&self) -> io::Result<BTreeMap<String, Files>> {
        let mut stems: BTreeMap<String, Files> = BTreeMap::new();
        for entry in fs::read_dir(&self.folder)?.take(MOST_FILES) {
            let entry = entry?;
            let name = entry.file_name();
            if let Some((stem, part)) = name.to_str().and_then(names::parse) {
                let files = stems.entry(stem.to_owned()).or_default();
                files.push((entry.path(), part));
            }
        }
        Ok(stems)
    }

    /// The record of the same kind of artefact that has most in common with a key; the youngest of
    /// several.
    pub(super) fn nearest(&self, key: &Key) -> Option<Record> {
        let stems = self.files().ok()?.into_keys();
        stems
            .filter_map(|stem| self.record(&stem).ok())
            .filter(|record| record.key.artefact() == key.artefact() && record.key != *key)
            .min_by_key(|record| {
                let differences = record.key.differences(key).len();
                (differences, std::cmp::Reverse(record.built_at))
            })
    }
}
