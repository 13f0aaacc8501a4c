//! sqlite3 storage files.
//!
//! Messages are read one by one in the order of their time: keys (time and row id) a page at a
//! time, and the data of one message at a time, so memory does not grow with the bag. rosbag2
//! makes an index on the time; without it each page of keys is one pass over the table.

use std::collections::{HashMap, VecDeque};
use std::path::{Path, PathBuf};

use rusqlite::{Connection, OpenFlags, OptionalExtension, params};
use tempfile::{TempDir, TempPath};

use super::sqlite_disk::{cut_off, immutable, inflate_file, is_wal, unfinished};
use super::{BagError, CDR, Limits, MessageBuf, TopicInfo};
use crate::time::Stamp;

const READ: OpenFlags = OpenFlags::SQLITE_OPEN_READ_ONLY.union(OpenFlags::SQLITE_OPEN_NO_MUTEX);
const WRITE: OpenFlags = OpenFlags::SQLITE_OPEN_READ_WRITE.union(OpenFlags::SQLITE_OPEN_NO_MUTEX);
const URI: OpenFlags = OpenFlags::SQLITE_OPEN_URI;

/// Topics of a bag at most, and bytes of their names: as of an MCAP file.
const MOST_TOPICS: i64 = 1 << 16;
const MOST_NAMES: i64 = 16 << 20;

/// Keys read at once.
const PAGE: i64 = 1024;

struct Topic {
    name: String,
    type_name: String,
    format: String,
}

/// A sqlite3 file, or the temporary copy of one that was compressed as a whole.
pub(super) struct SqliteFile {
    path: PathBuf,
    limits: Limits,
    // Declared before `_copies`: closed before they are removed.
    db: Connection,
    _copies: (Option<TempPath>, Option<TempDir>),
    topics: HashMap<i64, Topic>,
    /// The ids of the selected topics, as a list for SQL; `None` for all topics.
    selected: Option<String>,
    keys: VecDeque<(i64, i64)>,
    /// The last key of the last page.
    last: Option<(i64, i64)>,
    messages: u64,
    /// Why the file lacks its end, where it does.
    cut: Option<String>,
    done: bool,
}

impl SqliteFile {
    /// To `recover`, a file that lacks its end is opened, which sqlite refuses by itself.
    pub(super) fn open(
        path: &Path,
        compressed: bool,
        limits: Limits,
        recover: bool,
    ) -> Result<Self, BagError> {
        let inflated = compressed.then(|| inflate_file(path, limits)).transpose()?;
        let from = inflated.as_deref().unwrap_or(path);
        // Opening is lazy: a file that is not there would only be missed later.
        std::fs::File::open(from).map_err(|source| BagError::Io {
            path: path.into(),
            action: "open",
            source,
        })?;
        let copy = unfinished(from, limits)?;
        // what is to be rolled back or brought in may change the size
        let cut = cut_off(from).filter(|_| copy.is_none());
        let copy = match &cut {
            Some(cut) if recover => cut.whole_pages(from, limits)?,
            _ => copy,
        };
        let cut = cut.map(|cut| cut.reason);
        let open = || -> Result<(Connection, HashMap<i64, Topic>), String> {
            let db = match &copy {
                Some((_, file)) => Connection::open_with_flags(file, WRITE),
                // a file in WAL mode that was closed cleanly would get new files beside it
                None if is_wal(from) => Connection::open_with_flags(immutable(from), READ | URI),
                None => Connection::open_with_flags(from, READ),
            };
            let db = db.map_err(|e| e.to_string())?;
            db.pragma_update(None, "trusted_schema", false)
                .map_err(|e| e.to_string())?;
            if let Some(cut) = &cut {
                if !recover {
                    return Err(cut.clone());
                }
                // sqlite takes the size of the file for that of the database then; a page behind its end is an
                // error where it is read
                db.pragma_update(None, "writable_schema", true)
                    .map_err(|e| e.to_string())?;
            }
            for table in ["topics", "messages"] {
                // A view, a virtual table (it has no page of its own) and a generated column could
                // compute whatever their author liked.
                let sql = "SELECT (SELECT COUNT(*) FROM pragma_table_xinfo(?1) WHERE hidden <> 0) \
                           FROM sqlite_master WHERE type = 'table' AND name = ?1 AND rootpage > 0";
                let found: Option<i64> = db
                    .query_row(sql, [table], |row| row.get(0))
                    .optional()
                    .map_err(|e| e.to_string())?;
                match found {
                    Some(0) => {}
                    Some(_) => return Err(format!("table {table:?} computes what it holds")),
                    None => return Err(format!("no table {table:?}: not a rosbag2 file")),
                }
            }
            let topics = read_topics(&db)?;
            Ok((db, topics))
        };
        let (db, topics) = open().map_err(|reason| BagError::Sqlite {
            path: path.into(),
            reason: cut.clone().unwrap_or(reason),
            messages: 0,
        })?;
        let mut this = Self {
            path: path.into(),
            limits,
            db,
            _copies: (inflated, copy.map(|(folder, _)| folder)),
            topics,
            selected: None,
            keys: VecDeque::new(),
            last: None,
            messages: 0,
            cut,
            done: false,
        };
        this.select(None);
        Ok(this)
    }

    /// Only messages of these topics are delivered from here on; `None`: of every topic.
    pub(super) fn select(&mut self, topics: Option<&[String]>) {
        let ids = self.topics.iter().filter(|(_, known)| {
            // nobody here can read another serialisation
            topics.is_none_or(|topics| topics.contains(&known.name)) && known.format == CDR
        });
        let ids: Vec<_> = ids.map(|(id, _)| id.to_string()).collect();
        self.selected = (topics.is_some() || ids.len() < self.topics.len()).then(|| ids.join(","));
        self.keys.clear();
    }

    /// The topics by name, with their counts.
    pub(super) fn topics(&self) -> Result<Vec<TopicInfo>, BagError> {
        let counts = || -> rusqlite::Result<HashMap<i64, i64>> {
            let sql = "SELECT topic_id, COUNT(*) FROM messages GROUP BY topic_id";
            let mut query = self.db.prepare(sql)?;
            query
                .query_map([], |row| Ok((row.get(0)?, row.get(1)?)))?
                .collect()
        };
        // Counting reads every page; a file that is damaged further on is still opened.
        let counts = counts().ok();
        let mut topics: Vec<TopicInfo> = Vec::new();
        let mut known: Vec<_> = self.topics.iter().collect();
        known.sort_by_key(|(id, topic)| (&topic.name, **id));
        for (id, topic) in known {
            let count = counts
                .as_ref()
                .map(|counts| counts.get(id).map_or(0, |count| count.unsigned_abs()));
            match topics.last_mut() {
                Some(last) if last.name == topic.name => {
                    // messages in another encoding are never delivered
                    let count = if topic.format == last.encoding {
                        count
                    } else {
                        Some(0)
                    };
                    let both = last.message_count.zip(count);
                    last.message_count = both.map(|(a, b)| a.saturating_add(b));
                }
                _ => topics.push(TopicInfo {
                    name: topic.name.clone(),
                    type_name: topic.type_name.clone(),
                    encoding: topic.format.clone(),
                    message_count: count,
                }),
            }
        }
        Ok(topics)
    }

    /// Reads the next message of the selected topics; false at the end.
    pub(super) fn read_next(&mut self, out: &mut MessageBuf) -> Result<bool, BagError> {
        if self.done {
            return Ok(false);
        }
        let result = self.advance(out);
        self.done = !matches!(result, Ok(true));
        self.messages += u64::from(!self.done);
        result
    }

    fn advance(&mut self, out: &mut MessageBuf) -> Result<bool, BagError> {
        if self.keys.is_empty() {
            self.read_keys()
                .map_err(|error| self.fault(error.to_string()))?;
        }
        let Some((_, id)) = self.keys.pop_front() else {
            // what lacks its end may lack messages that nothing else tells of
            let cut = self.cut.take();
            return cut.map_or(Ok(false), |reason| Err(self.fault(reason)));
        };
        let limit = self.limits.record;
        // the length in bytes, which sqlite knows before it reads them
        let sql = "SELECT topic_id, timestamp, octet_length(data), \
                   CASE WHEN octet_length(data) <= ?2 THEN data END FROM messages WHERE id = ?1";
        let mut read = || -> rusqlite::Result<Result<(), BagError>> {
            let mut query = self.db.prepare_cached(sql)?;
            query.query_row(
                params![id, i64::try_from(limit).unwrap_or(i64::MAX)],
                |row| {
                    let topic: i64 = row.get(0)?;
                    let Some(topic) = self.topics.get(&topic) else {
                        let reason =
                            format!("message {id} is of topic {topic}, which is not there");
                        return Ok(Err(self.fault(reason)));
                    };
                    let size: i64 = row.get(2)?;
                    let size = size.unsigned_abs();
                    if size > limit {
                        let (path, what) = (self.path.clone(), "a message");
                        return Ok(Err(BagError::TooLarge {
                            path,
                            what,
                            size,
                            limit,
                        }));
                    }
                    let log_time = Stamp::from_nanos(row.get(1)?);
                    let data = row.get_ref(3)?.as_blob()?;
                    out.set(&topic.name, &topic.type_name, log_time, data);
                    Ok(Ok(()))
                },
            )
        };
        read()
            .map_err(|error| self.fault(error.to_string()))?
            .map(|()| true)
    }

    /// The next page of keys in the order of time.
    fn read_keys(&mut self) -> rusqlite::Result<()> {
        let only = self.selected.as_ref();
        let only = only
            .map(|ids| format!("AND topic_id IN ({ids})"))
            .unwrap_or_default();
        let from = if self.last.is_some() {
            "(timestamp, id) > (?1, ?2)"
        } else {
            "?1 = ?2"
        };
        let sql = format!(
            "SELECT timestamp, id FROM messages WHERE {from} {only} ORDER BY timestamp, id LIMIT \
             {PAGE}"
        );
        let mut query = self.db.prepare_cached(&sql)?;
        let (time, id) = self.last.unwrap_or((0, 0));
        let mut rows = query.query(params![time, id])?;
        while let Some(row) = rows.next()? {
            let key = (row.get(0)?, row.get(1)?);
            // A damaged index may go round in circles.
            if self.last.is_some_and(|last| key <= last) {
                return Err(rusqlite::Error::SqliteFailure(
                    rusqlite::ffi::Error::new(rusqlite::ffi::SQLITE_CORRUPT),
                    Some("the index on the time is out of order".into()),
                ));
            }
            self.last = Some(key);
            self.keys.push_back(key);
        }
        Ok(())
    }

    fn fault(&self, reason: String) -> BagError {
        BagError::Sqlite {
            path: self.path.clone(),
            reason,
            messages: self.messages,
        }
    }
}

fn read_topics(db: &Connection) -> Result<HashMap<i64, Topic>, String> {
    let sizes = || -> rusqlite::Result<(i64, i64)> {
        let of = |column| format!("IFNULL(octet_length({column}), 0)");
        let row = ["name", "type", "serialization_format"].map(of).join(" + ");
        let sql = format!("SELECT COUNT(*), IFNULL(SUM({row}), 0) FROM topics");
        db.query_row(&sql, [], |row| Ok((row.get(0)?, row.get(1)?)))
    };
    let (count, bytes) = sizes().map_err(|e| e.to_string())?;
    if count > MOST_TOPICS || bytes > MOST_NAMES {
        return Err(format!(
            "{count} topics, with names of {bytes} bytes in all"
        ));
    }
    let read = || -> rusqlite::Result<HashMap<i64, Topic>> {
        let mut query = db.prepare("SELECT id, name, type, serialization_format FROM topics")?;
        let rows = query.query_map([], |row| {
            let topic = Topic {
                name: row.get(1)?,
                type_name: row.get(2)?,
                format: row.get(3)?,
            };
            Ok((row.get(0)?, topic))
        })?;
        rows.collect()
    };
    read().map_err(|e| e.to_string())
}
