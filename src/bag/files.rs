//! The storage files of a bag: which there are, in which order they are read, and which topics are in them.

use std::collections::btree_map::{BTreeMap, Entry};
use std::io::Read as _;
use std::path::{Path, PathBuf};

use super::storage::{Kind, Storage};
use super::{BagError, Limits, MessageBuf, TopicInfo, metadata};
use crate::lfs;
use crate::time::Stamp;

/// Storage files, each with its kind.
type Files = Vec<(PathBuf, Kind)>;

/// The files of the bag at `path` in order, and its topics as far as the metadata names them. To `recover`,
/// files that cannot be opened stay among them: reading will find them lost.
pub(super) fn find(path: &Path, recover: bool) -> Result<(Files, Vec<TopicInfo>), BagError> {
    let meta = std::fs::metadata(path).map_err(|source| BagError::Io {
        path: path.into(),
        action: "open",
        source,
    })?;
    let (files, topics) = if meta.is_dir() {
        folder(path, recover)?
    } else {
        (vec![path.into()], vec![])
    };
    let mut known = Vec::new();
    for file in files {
        let Some(kind) = Kind::of(&file) else {
            let reason = "its name ends neither in .mcap nor in .db3 (nor in .zstd after it)";
            return Err(BagError::NotABag {
                path: file,
                reason: reason.into(),
            });
        };
        let mut begin = [0; 64];
        match std::fs::File::open(&file).and_then(|mut file| file.read(&mut begin)) {
            Ok(_) if lfs::is_pointer(&begin) => {
                let reason = lfs::ADVICE.to_owned();
                return Err(BagError::NotABag { path: file, reason });
            }
            Ok(_) => {}
            Err(_) if recover => {}
            Err(source) => {
                return Err(BagError::Io {
                    path: file,
                    action: "open",
                    source,
                });
            }
        }
        known.push((file, kind));
    }
    Ok((known, topics))
}

/// Without metadata nothing else says in which order several files were recorded.
pub(super) fn order_by_time(
    bag: &Path,
    files: &mut [(PathBuf, Kind)],
    limits: Limits,
    recover: bool,
) {
    if files.len() < 2 {
        return;
    }
    let first = |path: &Path, kind| -> Option<Stamp> {
        let mut message = MessageBuf::new();
        let mut storage = Storage::open(path, kind, limits, recover).ok()?;
        storage
            .read_next(&mut message)
            .ok()?
            .then_some(message.log_time)
    };
    // files without a message last; the names decide where the times do not
    files.sort_by_cached_key(|(path, kind)| {
        let time = first(path, *kind);
        (time.is_none(), time, path.clone())
    });
    let names = files.iter().filter_map(|(path, _)| path.file_name());
    let names: Vec<_> = names.map(|name| name.to_string_lossy()).collect();
    log::warn!(
        "{}: no metadata.yaml says in which order to read the files; they are read in the order of \
         their first messages: {}",
        bag.display(),
        names.join(", ")
    );
}

/// The topics of all files, each with the count of its messages where that is known, and whether those
/// counts are of all messages that were recorded. To `recover`, one file with topics is enough.
pub(super) fn topics(
    files: &[(PathBuf, Kind)],
    limits: Limits,
    recover: bool,
) -> Result<(Vec<TopicInfo>, bool), BagError> {
    let mut topics: BTreeMap<String, TopicInfo> = BTreeMap::new();
    let (mut all_counted, mut damage) = (true, None);
    for (path, kind) in files {
        let (found, counted) = match Storage::topics(path, *kind, limits, recover) {
            Ok(found) => found,
            Err(error) if recover => {
                all_counted = false;
                damage.get_or_insert(error);
                continue;
            }
            Err(error) => return Err(error),
        };
        all_counted &= counted;
        for topic in found {
            match topics.entry(topic.name.clone()) {
                Entry::Occupied(mut known) => {
                    let known = known.get_mut();
                    let counts = known.message_count.zip(topic.message_count);
                    known.message_count = counts.map(|(a, b)| a.saturating_add(b));
                }
                Entry::Vacant(place) => {
                    place.insert(topic);
                }
            }
        }
    }
    match damage {
        Some(damage) if topics.is_empty() => Err(damage),
        _ => Ok((topics.into_values().collect(), all_counted)),
    }
}

/// The storage files of a folder in order, and the topics as far as they are known.
fn folder(path: &Path, recover: bool) -> Result<(Vec<PathBuf>, Vec<TopicInfo>), BagError> {
    if let Some(metadata) = metadata::read(path, recover)? {
        if !matches!(metadata.storage.as_str(), "mcap" | "sqlite3") {
            return Err(BagError::Unsupported {
                path: path.into(),
                what: "storage",
                name: metadata.storage,
            });
        }
        return Ok((metadata.files, metadata.topics));
    }
    let read = |source| BagError::Io {
        path: path.into(),
        action: "list",
        source,
    };
    let mut files = Vec::new();
    for entry in std::fs::read_dir(path).map_err(read)? {
        let file = entry.map_err(read)?.path();
        // what macOS puts beside a file on a disk of another system, under the file's name
        let foreign = file
            .file_name()
            .is_some_and(|name| name.as_encoded_bytes().starts_with(b"._"));
        if Kind::of(&file).is_some() && !foreign {
            files.push(file);
        }
    }
    files.sort();
    if files.is_empty() {
        return Err(BagError::NotABag {
            path: path.into(),
            reason: "a folder without metadata.yaml and without a .mcap or .db3 file".to_owned(),
        });
    }
    Ok((files, Vec::new()))
}
