//! Reading a bag, whatever it is stored in.

use std::collections::VecDeque;
use std::path::{Path, PathBuf};

use super::files;
use super::gap::{self, Gaps};
use super::inflate::{self, InflateError, ZSTD_MAGIC};
use super::storage::{Kind, Storage};
use super::{BagError, Limits, MessageBuf, TopicInfo};

/// Reads the messages of a rosbag2 recording in the order in which they are stored.
///
/// sqlite3 files are read by log time. MCAP files are read from front to back, which is the order
/// of arrival and, in what rosbag2 records, that of the log time as well. A bag of several files
/// is read file by file.
pub struct BagReader {
    path: PathBuf,
    limits: Limits,
    topics: Vec<TopicInfo>,
    /// Whether their counts are of all messages that were recorded, not of those that can be read.
    counted: bool,
    /// The image topic first, then those that are followed beside it.
    selected: Option<Vec<String>>,
    recover: bool,
    gaps: Gaps,
    /// Whether an error ended the reading.
    broken: bool,
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

    /// Opens a bag as [`open`](Self::open) does, and goes on behind damage: what cannot be read becomes
    /// a gap, not an error. Damage of MCAP files is left behind at the next whole chunk; of sqlite3 files,
    /// and of files that are compressed as a whole, the rest is the gap; a file that cannot be opened is
    /// one from end to end. Damaged metadata are left aside.
    ///
    /// # Errors
    /// As [`open`](Self::open), where no file of the bag can be used.
    pub fn open_recovering(path: &Path) -> Result<Self, BagError> {
        Self::open_recovering_with(path, Limits::default())
    }

    /// Opens a bag as [`open_recovering`](Self::open_recovering) does, with other limits.
    ///
    /// # Errors
    /// As [`open_recovering`](Self::open_recovering).
    pub fn open_recovering_with(path: &Path, limits: Limits) -> Result<Self, BagError> {
        Self::open_as(path, limits, true)
    }

    /// Opens a bag as [`open`](Self::open) does, with other limits.
    ///
    /// # Errors
    /// As [`open`](Self::open).
    pub fn open_with(path: &Path, limits: Limits) -> Result<Self, BagError> {
        Self::open_as(path, limits, false)
    }

    fn open_as(path: &Path, limits: Limits, recover: bool) -> Result<Self, BagError> {
        let (mut files, mut topics) = files::find(path, recover)?;
        let mut counted = true;
        if topics.is_empty() {
            files::order_by_time(path, &mut files, limits, recover);
            (topics, counted) = files::topics(&files, limits, recover)?;
        }
        topics.sort_by(|a, b| a.name.cmp(&b.name));
        Ok(Self {
            path: path.into(),
            limits,
            topics,
            counted,
            selected: None,
            recover,
            gaps: Gaps::default(),
            broken: false,
            delivered: 0,
            files: files.into(),
            current: None,
            inflated: Vec::new(),
        })
    }

    /// All topics, by name.
    pub fn topics(&self) -> &[TopicInfo] {
        &self.topics
    }

    /// The topics that carry images, raw or compressed.
    pub fn image_topics(&self) -> impl Iterator<Item = &TopicInfo> {
        self.topics.iter().filter(|topic| topic.is_image())
    }

    /// What was not delivered until now: single messages that cannot be what they say, those of the
    /// selected topic that the bag counts and does not hold (told after the last read) and, with
    /// [`open_recovering`](Self::open_recovering), all that is damaged.
    pub fn gaps(&self) -> &Gaps {
        &self.gaps
    }

    /// How many messages of the selected topic the bag counts and did not deliver; `None` where nothing
    /// counts what was recorded, as in the file of a recorder that was killed. Meaningful after the last
    /// read.
    pub fn lost(&self) -> Option<u64> {
        match self.recorded()?.checked_sub(self.delivered) {
            // a count that is too low says nothing of what the gaps took
            None if self.gaps.count() > 0 => None,
            lost => Some(lost.unwrap_or(0)),
        }
    }

    /// How many messages of the selected topic were recorded, where the bag says so.
    fn recorded(&self) -> Option<u64> {
        let selected = self.selected()?;
        let topic = self.topics.iter().find(|topic| topic.name == selected)?;
        topic.message_count.filter(|_| self.counted)
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
                    self.broken = true;
                    self.current = None;
                    self.files.clear();
                    return Err(error);
                }
            }
        }
    }

    /// A bag that ends before all that it counts, without damage on the way, has a gap that only the count
    /// shows. Nothing says where it is; it may be the end.
    fn tell_shortage(&mut self) {
        let Some((recorded, topic)) = self.recorded().zip(self.selected()) else {
            return;
        };
        if self.broken || self.gaps.count() > 0 || recorded <= self.delivered {
            return;
        }
        let (bag, delivered) = (self.path.clone(), self.delivered);
        let reason = format!(
            "the recording counts {recorded} messages of {topic} and holds {delivered} that can be read; \
             nothing says where the others were"
        );
        self.gaps.add(bag, reason);
    }

    fn advance(&mut self, out: &mut MessageBuf) -> Result<bool, BagError> {
        loop {
            let (path, storage) = match &mut self.current {
                Some(current) => (&current.0, &mut current.1),
                None => {
                    let Some((path, kind)) = self.files.pop_front() else {
                        self.tell_shortage();
                        return Ok(false);
                    };
                    let mut storage = match Storage::open(&path, kind, self.limits, self.recover) {
                        Ok(storage) => storage,
                        Err(error) if self.recover => {
                            self.gaps.add(path, gap::reason(&error));
                            continue;
                        }
                        Err(error) => return Err(error),
                    };
                    storage.select(self.selected.as_deref());
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
