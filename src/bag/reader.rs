//! Reading a bag, whatever it is stored in.

use std::collections::VecDeque;
use std::collections::btree_map::{BTreeMap, Entry};
use std::io::Read as _;
use std::path::{Path, PathBuf};

use super::gap::{self, Gaps};
use super::inflate::{self, InflateError, ZSTD_MAGIC};
use super::mcap_file::McapFile;
use super::metadata;
use super::sqlite::SqliteFile;
use super::{BagError, Limits, MessageBuf, TopicInfo};
use crate::lfs;
use crate::time::Stamp;

/// What a storage file is, by its name.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Kind {
    Mcap { compressed: bool },
    Sqlite { compressed: bool },
}

impl Kind {
    fn of(path: &Path) -> Option<Self> {
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

enum Storage {
    Mcap(Box<McapFile>),
    Sqlite(Box<SqliteFile>),
}

impl Storage {
    fn open(path: &Path, kind: Kind, limits: Limits) -> Result<Self, BagError> {
        Ok(match kind {
            Kind::Mcap { compressed } => {
                Self::Mcap(Box::new(McapFile::open(path, compressed, limits)?))
            }
            Kind::Sqlite { compressed } => {
                Self::Sqlite(Box::new(SqliteFile::open(path, compressed, limits)?))
            }
        })
    }

    fn select(&mut self, topics: Option<&[String]>) {
        match self {
            Self::Mcap(file) => file.select(topics),
            Self::Sqlite(file) => file.select(topics),
        }
    }

    fn read_next(&mut self, out: &mut MessageBuf) -> Result<bool, BagError> {
        match self {
            Self::Mcap(file) => file.read_next(out),
            Self::Sqlite(file) => file.read_next(out),
        }
    }

    fn recover(&mut self) {
        if let Self::Mcap(file) = self {
            file.recover();
        }
    }

    /// What was left out since this was asked last goes to `gaps`.
    fn tell_gaps(&mut self, path: &Path, gaps: &mut Gaps) {
        if let Self::Mcap(file) = self
            && let Some(reason) = file.left_out()
        {
            gaps.add(path.into(), reason);
        }
    }
}

/// Reads the messages of a rosbag2 recording in the order in which they are stored.
///
/// sqlite3 files are read by log time. MCAP files are read from front to back, which is the order
/// of arrival and, in what rosbag2 records, that of the log time as well. A bag of several files
/// is read file by file.
pub struct BagReader {
    path: PathBuf,
    limits: Limits,
    topics: Vec<TopicInfo>,
    /// The image topic first, then those that are followed beside it.
    selected: Option<Vec<String>>,
    recover: bool,
    gaps: Gaps,
    delivered: u64,
    files: VecDeque<(PathBuf, Kind)>,
    current: Option<(PathBuf, Storage)>,
    inflated: Vec<u8>,
}

impl std::fmt::Debug for BagReader {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("BagReader")
            .field("path", &self.path)
            .field("topics", &self.topics)
            .field("selected", &self.selected)
            .finish_non_exhaustive()
    }
}

impl BagReader {
    /// Opens a bag with the default [`Limits`]: a rosbag2 folder with its `metadata.yaml`, a
    /// folder with storage files and no metadata (read in the order of their first messages), or one
    /// `.mcap` or `.db3` file (also `.mcap.zstd` and `.db3.zstd`).
    ///
    /// The topics come from the metadata where it lists them, from the storage files otherwise; an
    /// MCAP file without a summary, left by a recorder that was killed, is read through for them.
    ///
    /// # Errors
    /// The path is no bag, a file of it is missing or cannot be read, or it is of a kind that is
    /// not supported. A file that is damaged further on opens.
    pub fn open(path: &Path) -> Result<Self, BagError> {
        Self::open_with(path, Limits::default())
    }

    /// Opens a bag as [`open`](Self::open) does, with other limits.
    ///
    /// # Errors
    /// As [`open`](Self::open).
    pub fn open_with(path: &Path, limits: Limits) -> Result<Self, BagError> {
        let meta = std::fs::metadata(path).map_err(|source| BagError::Io {
            path: path.into(),
            action: "open",
            source,
        })?;
        let (files, topics) = if meta.is_dir() {
            folder(path)?
        } else {
            (vec![path.into()], vec![])
        };
        let mut known = VecDeque::new();
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
                Err(source) => {
                    return Err(BagError::Io {
                        path: file,
                        action: "open",
                        source,
                    });
                }
            }
            known.push_back((file, kind));
        }
        let mut this = Self {
            path: path.into(),
            limits,
            topics,
            selected: None,
            recover: false,
            gaps: Gaps::default(),
            delivered: 0,
            files: known,
            current: None,
            inflated: Vec::new(),
        };
        if this.topics.is_empty() {
            this.order_by_time();
            this.topics = this.probe_topics()?;
        }
        this.topics.sort_by(|a, b| a.name.cmp(&b.name));
        Ok(this)
    }

    /// All topics, by name.
    pub fn topics(&self) -> &[TopicInfo] {
        &self.topics
    }

    /// The topics that carry images, raw or compressed.
    pub fn image_topics(&self) -> impl Iterator<Item = &TopicInfo> {
        self.topics.iter().filter(|topic| topic.is_image())
    }

    /// Goes on behind damage from here on: what cannot be read becomes a gap, not an error. Damage of
    /// MCAP files is left behind at the next whole chunk; of sqlite3 files, and of files that are
    /// compressed as a whole, the rest is the gap. Call it before the first read.
    pub fn recover(&mut self) {
        self.recover = true;
    }

    /// What was not delivered until now: single messages that cannot be what they say and, with
    /// [`recover`](Self::recover), all that is damaged.
    pub fn gaps(&self) -> &Gaps {
        &self.gaps
    }

    /// How many messages of the selected topic the bag counts and did not deliver; `None` where it has
    /// no count. Meaningful after the last read.
    pub fn lost(&self) -> Option<u64> {
        let selected = self.selected()?;
        let topic = self.topics.iter().find(|topic| topic.name == selected)?;
        topic
            .message_count
            .map(|count| count.saturating_sub(self.delivered))
    }

    /// Chooses the image topic whose messages [`read_next`](Self::read_next) delivers from here on;
    /// `None` takes the only one there is, or the only one that has messages. Call it before the first read.
    ///
    /// # Errors
    /// No such image topic (names those there are), several and none chosen, or no images at all.
    pub fn select(&mut self, topic: Option<&str>) -> Result<TopicInfo, BagError> {
        let mut images: Vec<&TopicInfo> = self.image_topics().collect();
        let full = |topic: &&TopicInfo| topic.message_count != Some(0);
        if topic.is_none() && images.iter().filter(|topic| full(topic)).count() == 1 {
            images.retain(full);
        }
        let names = |topics: &[&TopicInfo]| topics.iter().map(|t| t.name.clone()).collect();
        let chosen = match (topic, images.as_slice()) {
            (_, []) => {
                let topics = self.topics.iter().map(TopicInfo::to_string).collect();
                return Err(BagError::NoImages {
                    path: self.path.clone(),
                    topics,
                });
            }
            (None, [only]) => (*only).clone(),
            (None, several) => {
                let available = names(several);
                return Err(BagError::SeveralTopics {
                    path: self.path.clone(),
                    available,
                });
            }
            (Some(name), images) => match images.iter().find(|topic| topic.name == name) {
                Some(topic) => (*topic).clone(),
                None => {
                    let (path, topic) = (self.path.clone(), name.to_owned());
                    return Err(BagError::NoSuchTopic {
                        path,
                        topic,
                        available: names(images),
                    });
                }
            },
        };
        self.selected = Some(vec![chosen.name.clone()]);
        self.tell_selected();
        Ok(chosen)
    }

    /// The image topic that was selected.
    pub fn selected(&self) -> Option<&str> {
        self.selected.as_ref()?.first().map(String::as_str)
    }

    /// Delivers the messages of another topic too, of whatever type, beside those of the image topic
    /// that was selected. Call it before the first read.
    pub fn follow(&mut self, topic: &str) {
        if let Some(selected) = &mut self.selected {
            selected.push(topic.to_owned());
            self.tell_selected();
        }
    }

    fn tell_selected(&mut self) {
        if let Some((_, storage)) = &mut self.current {
            storage.select(self.selected.as_deref());
        }
    }

    /// Whether a message counts as one of the selected topic.
    fn is_counted(&self, message: &MessageBuf) -> bool {
        self.selected().is_none_or(|topic| topic == message.topic)
    }

    /// Reads the next message of the selected topics, or of every topic when none was selected, into
    /// `out`; false at the end of the bag.
    ///
    /// # Errors
    /// The file is truncated, corrupt, unreadable or over a limit. That ends the reading: the next
    /// call answers false. `out` is unspecified then.
    pub fn read_next(&mut self, out: &mut MessageBuf) -> Result<bool, BagError> {
        loop {
            match self.advance(out) {
                Ok(true) => {
                    self.gaps.delivered(out.log_time);
                    let counted = u64::from(self.is_counted(out));
                    self.delivered = self.delivered.saturating_add(counted);
                    return Ok(true);
                }
                Ok(false) => return Ok(false),
                Err(error) if self.recover => {
                    // the rest of this file; the next one may be whole
                    let path = self
                        .current
                        .take()
                        .map_or(self.path.clone(), |(path, _)| path);
                    self.gaps.add(path, gap::reason(&error));
                }
                Err(error) => {
                    self.current = None;
                    self.files.clear();
                    return Err(error);
                }
            }
        }
    }

    fn advance(&mut self, out: &mut MessageBuf) -> Result<bool, BagError> {
        loop {
            let (path, storage) = match &mut self.current {
                Some(current) => (&current.0, &mut current.1),
                None => {
                    let Some((path, kind)) = self.files.pop_front() else {
                        return Ok(false);
                    };
                    let mut storage = Storage::open(&path, kind, self.limits)?;
                    storage.select(self.selected.as_deref());
                    if self.recover {
                        storage.recover();
                    }
                    let current = self.current.insert((path, storage));
                    (&current.0, &mut current.1)
                }
            };
            let read = storage.read_next(out);
            storage.tell_gaps(path, &mut self.gaps);
            if !read? {
                self.current = None;
                continue;
            }
            // A message that is compressed shows it, so a file alone, without the metadata that
            // says compression_mode MESSAGE, is read as well.
            if out.data.starts_with(&ZSTD_MAGIC) {
                inflate_message(out, &mut self.inflated, path, self.limits.record)?;
            }
            return Ok(true);
        }
    }

    /// Without metadata nothing else says in which order several files were recorded.
    fn order_by_time(&mut self) {
        if self.files.len() < 2 {
            return;
        }
        let first = |path: &Path, kind| -> Option<Stamp> {
            let mut message = MessageBuf::new();
            let mut storage = Storage::open(path, kind, self.limits).ok()?;
            storage
                .read_next(&mut message)
                .ok()?
                .then_some(message.log_time)
        };
        let mut files: Vec<_> = self.files.drain(..).collect();
        // files without a message last; the names decide where the times do not
        files.sort_by_cached_key(|(path, kind)| {
            let time = first(path, *kind);
            (time.is_none(), time, path.clone())
        });
        self.files = files.into();
        let names = self.files.iter().filter_map(|(path, _)| path.file_name());
        let names: Vec<_> = names.map(|name| name.to_string_lossy()).collect();
        log::warn!(
            "{}: no metadata.yaml says in which order to read the files; they are read in the order of \
             their first messages: {}",
            self.path.display(),
            names.join(", ")
        );
    }

    fn probe_topics(&self) -> Result<Vec<TopicInfo>, BagError> {
        let mut topics: BTreeMap<String, TopicInfo> = BTreeMap::new();
        for (path, kind) in &self.files {
            let found = match kind {
                Kind::Mcap { compressed } => McapFile::topics(path, *compressed, self.limits)?,
                Kind::Sqlite { compressed } => {
                    SqliteFile::open(path, *compressed, self.limits)?.topics()?
                }
            };
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
        Ok(topics.into_values().collect())
    }
}

/// The storage files of a folder in order, and the topics as far as they are known.
fn folder(path: &Path) -> Result<(Vec<PathBuf>, Vec<TopicInfo>), BagError> {
    if let Some(metadata) = metadata::read(path)? {
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
        if Kind::of(&file).is_some() {
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

fn inflate_message(
    out: &mut MessageBuf,
    buffer: &mut Vec<u8>,
    path: &Path,
    limit: u64,
) -> Result<(), BagError> {
    match inflate::zstd(&out.data, limit, buffer) {
        Ok(()) => {
            std::mem::swap(&mut out.data, buffer);
            Ok(())
        }
        Err(InflateError::TooLarge) => Err(BagError::TooLarge {
            path: path.into(),
            what: "an inflated message",
            size: limit.saturating_add(1),
            limit,
        }),
        Err(InflateError::Corrupt(error)) => Err(BagError::Message {
            path: path.into(),
            topic: out.topic.clone(),
            log_time: out.log_time,
            reason: format!("does not inflate: {error}"),
        }),
    }
}
