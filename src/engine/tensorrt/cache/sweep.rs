//! What is in the cache, and taking it away.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use super::Cache;
use super::error::{CacheError, EntryError};
use super::key::Key;
use super::names::Part;
use super::record::Record;
use super::store::{Files, Store};

/// What there is of an entry.
#[derive(Debug)]
pub struct Entry {
    /// Name of its files, without the ending.
    pub stem: String,
    /// Its files.
    pub files: Vec<PathBuf>,
    /// Their length together.
    pub bytes: u64,
    /// Its record, where the entry is whole and trusted; or why it is not used.
    pub record: Result<Record, EntryError>,
}

/// Which entries to take away. Those that are not whole and trusted go in any case.
#[derive(Clone, Copy)]
pub enum Filter<'a> {
    /// All of them.
    All,
    /// Those whose key is not worth keeping.
    Unless(&'a dyn Fn(&Key) -> bool),
}

/// An entry that was taken away, or would be.
#[derive(Debug)]
pub struct Removed {
    /// What there was of it.
    pub entry: Entry,
    /// Why it is still there.
    pub failure: Option<io::Error>,
}

/// What [`Cache::clean`] did.
#[derive(Debug, Default)]
pub struct Cleaned {
    /// What was taken away, or would be.
    pub removed: Vec<Removed>,
    /// How many are kept.
    pub kept: usize,
    /// Stems of what is being built right now, and therefore left alone.
    pub busy: Vec<String>,
}

impl Cleaned {
    /// Bytes that are free now, or would be.
    pub fn bytes(&self) -> u64 {
        let gone = self.removed.iter().filter(|r| r.failure.is_none());
        gone.map(|r| r.entry.bytes).sum()
    }
}

impl Cache {
    /// All entries, whole or not, ascending by stem. Each is read and its hash checked. One that is
    /// being written at this moment looks half-written.
    ///
    /// # Errors
    /// A folder that cannot be listed.
    pub fn entries(&self) -> Result<Vec<Entry>, CacheError> {
        let Some(store) = &self.store else {
            return Ok(Vec::new());
        };
        let files = list(store)?.into_iter();
        Ok(files
            .filter_map(|(stem, files)| entry(store, stem, files))
            .collect())
    }

    /// Takes entries away, and everything half-written that nobody writes any more. With `dry_run`
    /// it only says what would go.
    ///
    /// # Errors
    /// A folder that cannot be listed. Files that cannot be removed are in what is returned.
    pub fn clean(&self, filter: Filter<'_>, dry_run: bool) -> Result<Cleaned, CacheError> {
        let mut cleaned = Cleaned::default();
        let Some(store) = &self.store else {
            return Ok(cleaned);
        };
        for (stem, _) in list(store)? {
            // where no lock can be had nothing can be removed either, which is told below
            let _lock = match store.try_lock(&stem) {
                Ok(None) => {
                    cleaned.busy.push(stem);
                    continue;
                }
                lock => lock,
            };
            // as it is now that nobody else is at it
            let files = list(store)?.remove(&stem).unwrap_or_default();
            let Some(mut entry) = entry(store, stem, files) else {
                continue;
            };
            let keep = match (&entry.record, filter) {
                (Err(_), _) | (_, Filter::All) => false,
                (Ok(record), Filter::Unless(worth)) => worth(&record.key),
            };
            if keep {
                cleaned.kept += 1;
                // a writer that died before another one did better
                let leftover = |p: &PathBuf| p.extension().is_some_and(|e| e == "tmp");
                entry.files.retain(leftover);
                if entry.files.is_empty() {
                    continue;
                }
                entry.bytes = length(&entry.files);
                entry.record = Err(EntryError::HalfWritten(super::names::RECORD));
            }
            let failure = match dry_run {
                true => None,
                false => entry.files.iter().try_for_each(|path| remove(path)).err(),
            };
            cleaned.removed.push(Removed { entry, failure });
        }
        Ok(cleaned)
    }
}

fn list(store: &Store) -> Result<std::collections::BTreeMap<String, Files>, CacheError> {
    store.files().map_err(|source| CacheError::Folder {
        path: store.folder().to_owned(),
        source,
    })
}

/// None where there is nothing but a lock.
fn entry(store: &Store, stem: String, mut files: Files) -> Option<Entry> {
    files.retain(|(_, part)| *part != Part::Lock);
    // a record goes first, so that no moment has one without its artefact
    files.sort_by_key(|(_, part)| *part != Part::Record);
    if files.is_empty() {
        return None;
    }
    let checked = store.record(&stem).and_then(|record| {
        if record.key.stem() != stem {
            return Err(EntryError::OtherKey);
        }
        store.artefact(&stem, &record)?;
        Ok(record)
    });
    let record = match checked {
        Err(EntryError::Missing) => Err(EntryError::HalfWritten(super::names::RECORD)),
        checked => checked,
    };
    let files: Vec<PathBuf> = files.into_iter().map(|(path, _)| path).collect();
    let bytes = length(&files);
    Some(Entry {
        stem,
        files,
        bytes,
        record,
    })
}

fn remove(path: &Path) -> io::Result<()> {
    match fs::remove_file(path) {
        Err(e) if e.kind() != io::ErrorKind::NotFound => Err(e),
        _ => Ok(()),
    }
}

fn length(files: &[PathBuf]) -> u64 {
    let length = |path: &PathBuf| fs::symlink_metadata(path).map_or(0, |m| m.len());
    files.iter().map(length).sum()
}
