//! `metadata.yaml`: which files a bag is made of and in which order.

use std::collections::HashSet;
use std::fmt::Write as _;
use std::path::{Component, Path, PathBuf};

use serde::Deserialize;

use super::{BagError, TopicInfo};
use crate::lfs;

/// The name of the file in a bag folder.
pub(super) const FILE_NAME: &str = "metadata.yaml";

/// Newest version of the format that is known (ROS 2 Jazzy to Rolling).
const NEWEST_VERSION: u32 = 9;

/// A metadata file is text about topics, some hundred bytes each.
const MAX_BYTES: u64 = 16 << 20;

/// What is needed of the metadata.
#[derive(Debug)]
pub(super) struct Metadata {
    pub(super) storage: String,
    /// The storage files in order.
    pub(super) files: Vec<PathBuf>,
    /// Empty in the metadata of a bag that was never closed.
    pub(super) topics: Vec<TopicInfo>,
}

#[derive(Deserialize)]
struct Document {
    rosbag2_bagfile_information: Information,
}

#[derive(Deserialize)]
struct Information {
    version: u32,
    storage_identifier: String,
    relative_file_paths: Vec<String>,
    #[serde(default)]
    topics_with_message_count: Vec<TopicWithCount>,
    #[serde(default)]
    compression_format: String,
    #[serde(default)]
    compression_mode: String,
}

#[derive(Deserialize)]
struct TopicWithCount {
    topic_metadata: TopicMetadata,
    message_count: u64,
}

#[derive(Deserialize)]
struct TopicMetadata {
    name: String,
    #[serde(rename = "type")]
    type_name: String,
    serialization_format: String,
}

/// Reads the metadata of the bag in `folder`; `None` when there is no such file or, to `recover`, where it
/// is damaged.
pub(super) fn read(folder: &Path, recover: bool) -> Result<Option<Metadata>, BagError> {
    let path = folder.join(FILE_NAME);
    let io = |source| BagError::Io {
        path: path.clone(),
        action: "read",
        source,
    };
    match std::fs::metadata(&path) {
        Ok(meta) if meta.len() > MAX_BYTES => {
            let (what, size, limit) = ("metadata", meta.len(), MAX_BYTES);
            return Err(BagError::TooLarge {
                path,
                what,
                size,
                limit,
            });
        }
        Ok(_) => {}
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(io(error)),
    }
    let bytes = std::fs::read(&path).map_err(io)?;
    if lfs::is_pointer(&bytes) {
        let reason = lfs::ADVICE.to_owned();
        return Err(BagError::Metadata { path, reason });
    }
    // what is no text is no document either
    match document(&String::from_utf8_lossy(&bytes)) {
        Ok(document) => check(document, folder, &path).map(Some),
        Err(reason) if recover => {
            log::warn!(
                "{}: the metadata are damaged ({reason}); the storage files of the folder are read \
                 without them",
                path.display()
            );
            Ok(None)
        }
        Err(reason) => Err(BagError::DamagedMetadata { path, reason }),
    }
}

/// What a text says; where it is empty, cut off or no metadata, why, in one line.
fn document(text: &str) -> Result<Document, String> {
    serde_saphyr::from_str(text).map_err(|error| {
        let text = error.to_string();
        let line = text.lines().next().unwrap_or_default();
        line.trim_start_matches("error: ").to_owned()
    })
}

fn check(document: Document, folder: &Path, path: &Path) -> Result<Metadata, BagError> {
    let bad = |reason: String| BagError::Metadata {
        path: path.into(),
        reason,
    };
    let unsupported = |what, name: &str| BagError::Unsupported {
        path: path.into(),
        what,
        name: name.to_owned(),
    };
    let information = document.rosbag2_bagfile_information;
    if information.version > NEWEST_VERSION {
        return Err(bad(format!(
            "version {} is newer than {NEWEST_VERSION}",
            information.version
        )));
    }
    // each message or each file is a zstd frame; what is compressed shows it, but for a file's name
    let mode = information.compression_mode.to_ascii_uppercase();
    let zipped = mode == "FILE";
    match mode.as_str() {
        "" | "NONE" => {}
        "MESSAGE" | "FILE" if information.compression_format == "zstd" => {}
        "MESSAGE" | "FILE" => {
            return Err(unsupported(
                "compression format",
                &information.compression_format,
            ));
        }
        other => return Err(unsupported("compression mode", other)),
    }
    if information.relative_file_paths.is_empty() {
        return Err(bad("it names no storage file".into()));
    }
    let mut topics = Vec::new();
    for TopicWithCount {
        topic_metadata,
        message_count,
    } in information.topics_with_message_count
    {
        topics.push(TopicInfo {
            name: topic_metadata.name,
            type_name: topic_metadata.type_name,
            encoding: topic_metadata.serialization_format,
            message_count: Some(message_count),
        });
    }
    let mut files = Vec::new();
    let mut seen = HashSet::new();
    for name in &information.relative_file_paths {
        let outside = || bad(format!("{name:?} is outside of the bag's folder"));
        let file = resolve(folder, name, zipped).ok_or_else(outside)?;
        if !seen.insert(file.clone()) {
            return Err(bad(format!("it names the file {name:?} twice")));
        }
        files.push(file);
    }
    Ok(Metadata {
        storage: information.storage_identifier,
        files,
        topics,
    })
}

/// The file of the bag that is meant: where the path says, else of that name in the folder itself
/// (the path starts with the folder as it was called when the bag was recorded, or is absolute). A
/// file that is compressed as a whole has the suffix from rosbag2, and none from some converters.
/// `None` where the path leaves the folder.
fn resolve(folder: &Path, name: &str, zipped: bool) -> Option<PathBuf> {
    let name = Path::new(name);
    let inside = name
        .components()
        .all(|part| matches!(part, Component::Normal(_)));
    let last = Path::new(name.file_name()?);
    let places = inside.then_some(name).into_iter().chain([last]);
    let mut first = None;
    for place in places {
        let path = folder.join(place);
        let mut suffixed = path.clone();
        if zipped && path.extension().is_none_or(|extension| extension != "zstd") {
            suffixed.as_mut_os_string().push(".zstd");
        }
        for path in [path, suffixed] {
            if path.exists() {
                return Some(path);
            }
            // what is not there at all is named as the bag names it
            first.get_or_insert(path);
        }
    }
    inside.then_some(first).flatten()
}

/// One topic of a bag that is written.
pub(super) struct WrittenTopic<'a> {
    pub(super) name: &'a str,
    pub(super) type_name: &'a str,
    pub(super) qos: &'a str,
    pub(super) count: u64,
}

/// The metadata of a bag with one MCAP file, in version 5: that is what every rosbag2 since Humble
/// reads, and later versions only add fields that are not known here.
///
/// `times` are the first and last log time in nanoseconds. Strings are written as JSON strings,
/// which YAML reads as they are.
pub(super) fn render(file: &str, topics: &[WrittenTopic<'_>], times: Option<(i64, i64)>) -> String {
    let total: u64 = topics.iter().map(|topic| topic.count).sum();
    let (start, end) = times.unwrap_or((0, 0));
    let duration = end.saturating_sub(start);
    let mut text = String::from("rosbag2_bagfile_information:\n");
    let quote = |text: &str| serde_json::Value::from(text).to_string();
    let mut line = |indent: usize, what: std::fmt::Arguments<'_>| {
        // Writing to a string cannot fail.
        let _ = writeln!(text, "{:indent$}{what}", "");
    };
    line(2, format_args!("version: 5"));
    line(2, format_args!("storage_identifier: mcap"));
    line(2, format_args!("duration:\n    nanoseconds: {duration}"));
    line(
        2,
        format_args!("starting_time:\n    nanoseconds_since_epoch: {start}"),
    );
    line(2, format_args!("message_count: {total}"));
    let empty = if topics.is_empty() { " []" } else { "" };
    line(2, format_args!("topics_with_message_count:{empty}"));
    for topic in topics {
        line(4, format_args!("- topic_metadata:"));
        line(8, format_args!("name: {}", quote(topic.name)));
        line(8, format_args!("type: {}", quote(topic.type_name)));
        line(8, format_args!("serialization_format: cdr"));
        line(
            8,
            format_args!("offered_qos_profiles: {}", quote(topic.qos)),
        );
        line(6, format_args!("message_count: {}", topic.count));
    }
    line(2, format_args!("compression_format: \"\""));
    line(2, format_args!("compression_mode: \"\""));
    line(
        2,
        format_args!("relative_file_paths:\n    - {}", quote(file)),
    );
    line(2, format_args!("files:"));
    line(4, format_args!("- path: {}", quote(file)));
    line(
        6,
        format_args!("starting_time:\n        nanoseconds_since_epoch: {start}"),
    );
    line(
        6,
        format_args!("duration:\n        nanoseconds: {duration}"),
    );
    line(6, format_args!("message_count: {total}"));
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse_text(text: &str) -> Result<Metadata, String> {
        let (folder, path) = (Path::new("bag"), Path::new("bag/metadata.yaml"));
        check(document(text)?, folder, path).map_err(|error| error.to_string())
    }

    #[test]
    fn what_is_written_is_read_back() {
        let topic = |name, count| WrittenTopic {
            name,
            type_name: "std_msgs/msg/Bool",
            qos: "- history: 1\n  depth: 1\n",
            count,
        };
        let text = render(
            "odd \"name\"_0.mcap",
            &[topic("/a", 2), topic("/b", 0)],
            Some((5, 9)),
        );
        let read = parse_text(&text).unwrap();
        assert_eq!(read.storage, "mcap");
        assert_eq!(read.files, [Path::new("bag").join("odd \"name\"_0.mcap")]);
        assert_eq!(read.topics.len(), 2);
        assert_eq!(read.topics[0].name, "/a");
        assert_eq!(read.topics[0].message_count, Some(2));
        assert!(
            parse_text(&render("x.mcap", &[], None))
                .unwrap()
                .topics
                .is_empty()
        );
    }

    #[test]
    fn what_is_not_supported_is_named() {
        let text = render("x.mcap", &[], None);
        for (from, to, expected) in [
            (
                "compression_mode: \"\"",
                "compression_mode: STREAM",
                "compression mode \"STREAM\"",
            ),
            (
                "compression_mode: \"\"",
                "compression_mode: FILE",
                "compression format \"\"",
            ),
            ("version: 5", "version: 10", "version 10 is newer than 9"),
            (
                "relative_file_paths:\n    - \"x.mcap\"",
                "relative_file_paths: []",
                "no storage",
            ),
            (
                "    - \"x.mcap\"",
                "    - \"x.mcap\"\n    - \"x.mcap\"",
                "\"x.mcap\" twice",
            ),
            ("version: 5", "version: five", "line 2"),
        ] {
            let error = parse_text(&text.replace(from, to)).unwrap_err();
            assert!(error.contains(expected), "{error}");
        }
    }

    #[test]
    fn a_document_that_grows_when_read_is_refused() {
        let mut text = String::from("a: &a [x, x, x, x, x, x, x, x, x]\n");
        for (name, before) in ["b", "c", "d", "e", "f", "g", "h", "i"]
            .iter()
            .zip("abcdefgh".chars())
        {
            let row = vec![format!("*{before}"); 9].join(", ");
            text += &format!("{name}: &{name} [{row}]\n");
        }
        text += "rosbag2_bagfile_information: *i\n";
        assert!(parse_text(&text).is_err());
    }
}
