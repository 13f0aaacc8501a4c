//! Bags through the public interface: real ones, our own, damaged ones.

#![allow(clippy::unwrap_used, reason = "helpers of tests")]

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use lookout::bag::{BagError, BagReader, BagWriter, Limits, MessageBuf, Qos};
use lookout::frame::{CameraView, CompressedView, Decoder, Frame, ImageView};
use lookout::msg::{Bool, CompressedImageRef, HeaderRef, Image, ImageRef, RosMessage, Time, cdr};
use lookout::time::Stamp;
use proptest::prelude::*;

/// A folder of the shared data, which is not part of the project.
fn shared(name: &str) -> Option<PathBuf> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("../shared/data/bags")
        .join(name);
    if path.exists() {
        return Some(path);
    }
    eprintln!("skipped: {name} needs ../shared/data, which is absent");
    None
}

fn read_all(reader: &mut BagReader) -> Result<Vec<MessageBuf>, (Vec<MessageBuf>, BagError)> {
    let (mut all, mut message) = (Vec::new(), MessageBuf::new());
    loop {
        match reader.read_next(&mut message) {
            Ok(true) => all.push(message.clone()),
            Ok(false) => return Ok(all),
            Err(error) => {
                assert!(
                    !reader.read_next(&mut message).unwrap(),
                    "it goes on after an error"
                );
                return Err((all, error));
            }
        }
    }
}

fn counts(messages: &[MessageBuf]) -> BTreeMap<String, u64> {
    let mut counts = BTreeMap::new();
    for message in messages {
        *counts.entry(message.topic().to_owned()).or_default() += 1;
    }
    counts
}

/// A bag of `count` pictures, twice as many flags, in several chunks.
fn write_bag(folder: &Path, count: i64) {
    let mut writer = BagWriter::create(folder, "small").unwrap();
    let image = writer
        .add_topic::<Image>("/camera/image_raw", Qos::Sensor)
        .unwrap();
    let flag = writer
        .add_topic::<Bool>("/lookout/safe_stop", Qos::Latched)
        .unwrap();
    for at in 0..count {
        let time = Stamp::from_nanos(1_700_000_000_000_000_000 + at * 100_000_000);
        let data: Vec<u8> = (0..12).map(|i| i + at as u8).collect();
        let message = ImageRef {
            header: HeaderRef {
                stamp: Time::from(time),
                frame_id: "camera",
            },
            height: 2,
            width: 2,
            encoding: "rgb8",
            is_bigendian: 0,
            step: 6,
            data: &data,
        };
        writer.write(image, time, &message).unwrap();
        writer
            .write(flag, time, &Bool { data: at % 2 == 0 })
            .unwrap();
        writer.write(flag, time, &Bool { data: true }).unwrap();
        if at % 4 == 3 {
            writer.flush().unwrap();
        }
    }
    let summary = writer.finish().unwrap();
    assert_eq!(summary.message_count, count as u64 * 3);
}

#[test]
fn a_bag_that_was_written_is_read_back() {
    let folder = tempfile::tempdir().unwrap();
    let bag = folder.path().join("bag");
    write_bag(&bag, 10);
    for path in [bag.clone(), bag.join("small_0.mcap")] {
        let mut reader = BagReader::open(&path).unwrap();
        let topics: Vec<_> = reader
            .topics()
            .iter()
            .map(|t| (t.name.as_str(), t.type_name.as_str(), t.message_count))
            .collect();
        assert_eq!(
            topics,
            [
                ("/camera/image_raw", "sensor_msgs/msg/Image", Some(10)),
                ("/lookout/safe_stop", "std_msgs/msg/Bool", Some(20)),
            ]
        );
        let chosen = reader.select(None).unwrap();
        assert_eq!(chosen.name, "/camera/image_raw");
        let messages = read_all(&mut reader).unwrap();
        assert_eq!(messages.len(), 10);
        for (at, message) in messages.iter().enumerate() {
            assert_eq!(message.type_name(), Image::TYPE);
            let image: ImageRef<'_> = cdr::from_slice(message.data()).unwrap();
            assert_eq!(Stamp::from(image.header.stamp), message.log_time());
            assert_eq!(image.data[0], at as u8);
        }
        assert_eq!(
            read_all(&mut BagReader::open(&path).unwrap())
                .unwrap()
                .len(),
            30
        );
    }
}

#[test]
fn the_same_messages_give_the_same_bytes() {
    let folder = tempfile::tempdir().unwrap();
    let bytes = ["a", "b"].map(|name| {
        write_bag(&folder.path().join(name), 9);
        fs::read(folder.path().join(name).join("small_0.mcap")).unwrap()
    });
    assert!(bytes[0] == bytes[1]);
}

#[test]
fn nothing_is_overwritten() {
    let folder = tempfile::tempdir().unwrap();
    write_bag(folder.path(), 1);
    let before = fs::read(folder.path().join("small_0.mcap")).unwrap();
    assert!(BagWriter::create(folder.path(), "other").is_err());
    fs::remove_file(folder.path().join("metadata.yaml")).unwrap();
    assert!(BagWriter::create(folder.path(), "small").is_err());
    assert_eq!(
        fs::read(folder.path().join("small_0.mcap")).unwrap(),
        before
    );
    assert!(BagWriter::create(folder.path(), "../up").is_err());
}

#[test]
fn wrong_topics_and_types_are_refused_by_the_writer() {
    let folder = tempfile::tempdir().unwrap();
    let mut writer = BagWriter::create(&folder.path().join("bag"), "x").unwrap();
    let flag = writer.add_topic::<Bool>("/flag", Qos::Reliable).unwrap();
    assert!(writer.add_topic::<Bool>("/flag", Qos::Reliable).is_err());
    assert!(
        writer
            .write(flag, Stamp::default(), &Time::default())
            .is_err()
    );
    assert!(
        writer
            .write(flag, Stamp::from_nanos(-1), &Bool::default())
            .is_err()
    );
    writer
        .write(flag, Stamp::from_nanos(0), &Bool::default())
        .unwrap();
    assert_eq!(writer.finish().unwrap().message_count, 1);
}

#[test]
fn a_bag_that_was_never_finished_gives_what_was_flushed() {
    let folder = tempfile::tempdir().unwrap();
    let mut writer = BagWriter::create(&folder.path().join("bag"), "cut").unwrap();
    let flag = writer.add_topic::<Bool>("/flag", Qos::Reliable).unwrap();
    for at in 0..5 {
        writer
            .write(flag, Stamp::from_nanos(at), &Bool { data: true })
            .unwrap();
    }
    writer.flush().unwrap();
    writer
        .write(flag, Stamp::from_nanos(9), &Bool { data: true })
        .unwrap();
    // As a kill does: no destructor runs.
    std::mem::forget(writer);
    let mut reader = BagReader::open(&folder.path().join("bag")).unwrap();
    assert_eq!(reader.topics()[0].message_count, Some(5));
    let (messages, error) = read_all(&mut reader).unwrap_err();
    assert_eq!(messages.len(), 5);
    assert!(
        matches!(error, BagError::Truncated { messages: 5, .. }),
        "{error}"
    );
    assert!(error.to_string().contains("cut_0.mcap"), "{error}");
}

#[test]
fn a_dropped_writer_finishes_its_bag() {
    let folder = tempfile::tempdir().unwrap();
    let mut writer = BagWriter::create(folder.path(), "dropped").unwrap();
    let flag = writer.add_topic::<Bool>("/flag", Qos::Reliable).unwrap();
    writer
        .write(flag, Stamp::from_nanos(1), &Bool { data: true })
        .unwrap();
    drop(writer);
    assert_eq!(
        read_all(&mut BagReader::open(folder.path()).unwrap())
            .unwrap()
            .len(),
        1
    );
}

#[test]
fn select_names_the_topics_there_are() {
    let folder = tempfile::tempdir().unwrap();
    let one = folder.path().join("one");
    write_bag(&one, 1);
    let mut reader = BagReader::open(&one).unwrap();
    for wrong in ["/camera/imge_raw", "/lookout/safe_stop"] {
        let error = reader.select(Some(wrong)).unwrap_err();
        assert!(matches!(error, BagError::NoSuchTopic { .. }));
        assert!(
            error
                .to_string()
                .contains("image topics: /camera/image_raw"),
            "{error}"
        );
    }
    let none = folder.path().join("none");
    let mut writer = BagWriter::create(&none, "none").unwrap();
    writer.add_topic::<Bool>("/flag", Qos::Reliable).unwrap();
    writer.finish().unwrap();
    let error = BagReader::open(&none).unwrap().select(None).unwrap_err();
    assert!(matches!(error, BagError::NoImages { .. }));
    assert!(error.to_string().contains("/flag"), "{error}");
    let two = folder.path().join("two");
    let mut writer = BagWriter::create(&two, "two").unwrap();
    writer.add_topic::<Image>("/left", Qos::Sensor).unwrap();
    writer.add_topic::<Image>("/right", Qos::Sensor).unwrap();
    writer.finish().unwrap();
    let mut reader = BagReader::open(&two).unwrap();
    let error = reader.select(None).unwrap_err().to_string();
    assert!(error.contains("/left, /right"), "{error}");
    assert_eq!(reader.select(Some("/right")).unwrap().name, "/right");
}

#[test]
fn what_is_no_bag_is_an_error_that_names_it() {
    let folder = tempfile::tempdir().unwrap();
    let text = folder.path().join("notes.txt");
    fs::write(&text, "hello").unwrap();
    for (path, expected) in [
        (folder.path().join("missing"), "missing: cannot open"),
        (text, "notes.txt: not a bag"),
        (folder.path().to_owned(), "without metadata.yaml"),
    ] {
        let error = BagReader::open(&path).unwrap_err().to_string();
        assert!(error.contains(expected), "{error}");
    }
    for name in [
        "empty.mcap",
        "empty.db3",
        "noise.mcap",
        "noise.db3",
        "noise.mcap.zstd",
    ] {
        let path = folder.path().join(name);
        fs::write(
            &path,
            if name.starts_with("empty") {
                vec![]
            } else {
                vec![7; 5000]
            },
        )
        .unwrap();
        let error = BagReader::open(&path).unwrap_err().to_string();
        assert!(error.contains(name), "{error}");
    }
    fs::remove_file(folder.path().join("noise.mcap")).unwrap();
    let error = BagReader::open(folder.path()).unwrap_err().to_string();
    assert!(error.contains("empty.db3"), "{error}");
}

#[test]
fn a_bag_that_git_lfs_did_not_fetch_is_named_as_such() {
    let folder = tempfile::tempdir().unwrap();
    let pointer = "version https://git-lfs.github.com/spec/v1\noid sha256:0\nsize 1900000\n";
    for name in [
        "drive.mcap",
        "drive.db3",
        "drive.mcap.zstd",
        "metadata.yaml",
    ] {
        fs::write(folder.path().join(name), pointer).unwrap();
        let path = match name {
            "metadata.yaml" => folder.path().to_owned(),
            file => folder.path().join(file),
        };
        let error = BagReader::open(&path).unwrap_err().to_string();
        assert!(
            error.contains(name) && error.contains("git lfs pull"),
            "{error}"
        );
    }
}

/// An MCAP file by hand: magic, and whatever records.
fn mcap_of(records: &[(u8, u64, Vec<u8>)]) -> Vec<u8> {
    let mut file = mcap::MAGIC.to_vec();
    for (opcode, len, body) in records {
        file.push(*opcode);
        file.extend(len.to_le_bytes());
        file.extend(body);
    }
    file
}

#[test]
fn a_record_or_chunk_that_claims_ten_gigabytes_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("big.mcap");
    let ten = 10u64 << 30;
    let chunk = |uncompressed: u64, compression: &str, data: &[u8]| {
        let mut body = [0u8; 16].to_vec();
        body.extend(uncompressed.to_le_bytes());
        body.extend(0u32.to_le_bytes());
        body.extend((compression.len() as u32).to_le_bytes());
        body.extend(compression.as_bytes());
        body.extend((data.len() as u64).to_le_bytes());
        body.extend(data);
        (0x06, body.len() as u64, body)
    };
    let bomb = zstd::encode_all(&vec![0u8; 1 << 20][..], 3).unwrap();
    for (record, expected) in [
        ((0x05, ten, vec![0; 100]), "over the limit"),
        ((0x06, ten, vec![0; 100]), "over the limit"),
        (chunk(ten, "zstd", &bomb), "over the limit"),
        (
            chunk(1000, "zstd", &bomb),
            "inflates to more than the 1000 bytes",
        ),
        (
            chunk(1000, "brotli", &bomb),
            "unsupported chunk compression \"brotli\"",
        ),
        (chunk(10, "", b"short"), "holds 5 bytes but claims 10"),
        (
            chunk(
                11,
                "",
                &[5, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 1, 2],
            ),
            "beyond",
        ),
        (chunk(8, "lz4", b"notlz4!!"), "does not inflate"),
    ] {
        fs::write(&path, mcap_of(&[record])).unwrap();
        let error = BagReader::open(&path).unwrap_err().to_string();
        assert!(
            error.contains(expected) && error.contains("big.mcap"),
            "{error}"
        );
    }
}

/// A text with its length, as MCAP writes it.
fn mcap_text(text: &str) -> Vec<u8> {
    let length = (text.len() as u32).to_le_bytes();
    [&length[..], text.as_bytes()].concat()
}

#[test]
fn names_of_topics_that_are_many_megabytes_together_are_refused() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("names.mcap");
    let record = |opcode, body: Vec<u8>| (opcode, body.len() as u64, body);
    let long = "n".repeat(1000);
    // the schema again and again, as recorders write it in every chunk, counts once
    let schema = [
        &[1, 0][..],
        &mcap_text(&long),
        &mcap_text("ros2msg"),
        &mcap_text(""),
    ]
    .concat();
    let mut records = vec![record(0x03, schema); 20_000];
    fs::write(&path, mcap_of(&records)).unwrap();
    let error = BagReader::open(&path).unwrap_err();
    assert!(matches!(error, BagError::Truncated { .. }), "{error}");
    for id in 0..9000u16 {
        let (id, topic) = (id.to_le_bytes(), mcap_text(&format!("{id}{long}")));
        let channel = [&id[..], &[1, 0], &topic, &mcap_text("cdr"), &[0; 4]].concat();
        records.push(record(0x04, channel));
    }
    fs::write(&path, mcap_of(&records)).unwrap();
    let mut reader = BagReader::open(&path).unwrap();
    let (_, error) = read_all(&mut reader).unwrap_err();
    assert!(error.to_string().contains("names of more than"), "{error}");
    assert!(reader.topics().len() < 9000);
}

#[test]
fn any_number_of_impossible_messages_is_one_gap() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("times.mcap");
    let schema = [
        &[1, 0][..],
        &mcap_text(Bool::TYPE),
        &mcap_text("ros2msg"),
        &mcap_text(""),
    ];
    let channel = [
        &[7, 0, 1, 0][..],
        &mcap_text("/flag"),
        &mcap_text("cdr"),
        &[0; 4],
    ];
    let message = |time: u64| {
        let data = cdr::to_vec(&Bool { data: true }).unwrap();
        let times = [time.to_le_bytes(), time.to_le_bytes()].concat();
        [&[7, 0, 0, 0, 0, 0][..], &times, &data].concat()
    };
    let record = |opcode, body: Vec<u8>| (opcode, body.len() as u64, body);
    let mut records = vec![
        record(0x03, schema.concat()),
        record(0x04, channel.concat()),
    ];
    records.push(record(0x05, message(5)));
    records.extend(vec![record(0x05, message(u64::MAX)); 10_000]);
    records.push(record(0x05, message(6)));
    records.push(record(0x0f, vec![0; 4]));
    fs::write(&path, mcap_of(&records)).unwrap();
    let mut reader = BagReader::open(&path).unwrap();
    assert_eq!(read_all(&mut reader).unwrap().len(), 2);
    assert_eq!(reader.gaps().count(), 1);
    let gap = &reader.gaps().list()[0];
    assert!(gap.reason.contains("impossible log time"), "{}", gap.reason);
}

#[test]
fn sqlite_tables_that_compute_and_names_without_measure_are_refused() {
    let folder = tempfile::tempdir().unwrap();
    for (name, change, words) in [
        (
            "computed",
            "DROP TABLE messages; CREATE TABLE messages(id INTEGER PRIMARY KEY, topic_id INTEGER, \
             timestamp INTEGER, data BLOB AS (zeroblob(900000000)))",
            "\"messages\" computes",
        ),
        (
            "view",
            "ALTER TABLE messages RENAME TO m; CREATE VIEW messages AS SELECT * FROM m",
            "no table \"messages\"",
        ),
        (
            "virtual",
            "DROP TABLE messages; CREATE VIRTUAL TABLE messages USING fts5(topic_id, timestamp, data)",
            "no table \"messages\"",
        ),
        (
            "names",
            "UPDATE topics SET name = hex(zeroblob(10000000)) WHERE id = 1",
            "names of 2000",
        ),
    ] {
        let path = folder.path().join(name).with_extension("db3");
        sqlite_bag(&path, &[(1, 1, vec![0, 1, 0, 0, 1])], false);
        let db = rusqlite::Connection::open(&path).unwrap();
        db.execute_batch(change).unwrap();
        drop(db);
        let error = BagReader::open(&path).unwrap_err().to_string();
        assert!(error.contains(words), "{error}");
    }
}

/// Rewrites a bag of ours as rosbag2 would with a compression mode.
fn metadata_with(bag: &Path, mode: &str, file: &str) {
    let path = bag.join("metadata.yaml");
    let text = fs::read_to_string(&path).unwrap();
    let text = text
        .replace(
            "compression_mode: \"\"",
            &format!("compression_mode: {mode}"),
        )
        .replace("compression_format: \"\"", "compression_format: zstd")
        .replace("small_0.mcap", file);
    fs::write(path, text).unwrap();
}

#[test]
fn a_file_compressed_bag_is_read() {
    let folder = tempfile::tempdir().unwrap();
    let bag = folder.path().join("bag");
    write_bag(&bag, 6);
    let plain = read_all(&mut BagReader::open(&bag).unwrap()).unwrap();
    let bytes = fs::read(bag.join("small_0.mcap")).unwrap();
    fs::write(
        bag.join("small_0.mcap.zstd"),
        zstd::encode_all(&bytes[..], 1).unwrap(),
    )
    .unwrap();
    fs::remove_file(bag.join("small_0.mcap")).unwrap();
    metadata_with(&bag, "FILE", "small_0.mcap.zstd");
    for path in [bag.clone(), bag.join("small_0.mcap.zstd")] {
        let mut reader = BagReader::open(&path).unwrap();
        assert_eq!(reader.select(None).unwrap().message_count, Some(6));
        assert_eq!(
            read_all(&mut BagReader::open(&path).unwrap()).unwrap(),
            plain
        );
    }
}

fn sqlite_bag(path: &Path, messages: &[(i64, i64, Vec<u8>)], index: bool) {
    let db = rusqlite::Connection::open(path).unwrap();
    db.execute_batch(
        "CREATE TABLE topics(id INTEGER PRIMARY KEY, name TEXT NOT NULL, type TEXT NOT NULL, \
         serialization_format TEXT NOT NULL, offered_qos_profiles TEXT NOT NULL);
         CREATE TABLE messages(id INTEGER PRIMARY KEY, topic_id INTEGER NOT NULL, timestamp \
         INTEGER NOT NULL, data BLOB NOT NULL);
         INSERT INTO topics VALUES (1, '/image', 'sensor_msgs/msg/Image', 'cdr', ''), \
         (2, '/flag', 'std_msgs/msg/Bool', 'cdr', '');
         BEGIN;",
    )
    .unwrap();
    if index {
        db.execute_batch("CREATE INDEX timestamp_idx ON messages (timestamp ASC)")
            .unwrap();
    }
    for (topic, time, data) in messages {
        let sql = "INSERT INTO messages(topic_id, timestamp, data) VALUES (?1, ?2, ?3)";
        db.execute(sql, rusqlite::params![topic, time, data])
            .unwrap();
    }
    db.execute_batch("COMMIT").unwrap();
}

#[test]
fn a_damaged_page_of_sqlite_is_a_gap_to_the_end_that_is_told() {
    const PAGE: usize = 4096;
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("damaged.db3");
    let rows: Vec<_> = (0..30).map(|i| (1, i, vec![i as u8; 3000])).collect();
    sqlite_bag(&path, &rows, true);
    let whole = fs::read(&path).unwrap();
    let all = read_all(&mut BagReader::open(&path).unwrap()).unwrap();
    let mut some = 0;
    for page in 1..whole.len() / PAGE {
        let mut bytes = whole.clone();
        bytes[page * PAGE..(page + 1) * PAGE].fill(0xff);
        fs::write(&path, &bytes).unwrap();
        // without the table of topics it is no bag
        let Ok(mut reader) = BagReader::open_recovering(&path) else {
            continue;
        };
        let read = read_all(&mut reader).unwrap();
        assert_eq!(read, all[..read.len()], "page {page}");
        let told = (reader.gaps().count(), reader.gaps().at_the_end());
        assert_eq!(told, (1, true), "page {page}: {} messages", read.len());
        some += usize::from(!read.is_empty());
    }
    assert!(some > 20, "{some}");
}

#[test]
fn a_sqlite_file_that_is_cut_gives_true_messages_and_a_gap_at_its_end() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("cut.db3");
    // of several pages each: a cut also hits the last page of one whose others are there
    let rows: Vec<_> = (0..12).map(|i| (1, i, vec![i as u8 + 1; 17_000])).collect();
    sqlite_bag(&path, &rows, true);
    let whole = fs::read(&path).unwrap();
    let all = read_all(&mut BagReader::open(&path).unwrap()).unwrap();
    let pages = whole.len() / 4096;
    let mut most = 0;
    // between two pages, and within one
    let cuts = (pages / 4..pages).flat_map(|page| [page * 4096, page * 4096 + 1500]);
    for left in cuts {
        fs::write(&path, &whole[..left]).unwrap();
        let mut reader = BagReader::open_recovering(&path).unwrap();
        reader.select(None).unwrap();
        let read = read_all(&mut reader).unwrap();
        assert!(read.len() >= most, "{left} bytes");
        assert_eq!(read, all[..read.len()], "{left} bytes");
        let told = (reader.gaps().count(), reader.gaps().at_the_end());
        assert_eq!(told, (1, true), "{left} bytes");
        let lost = (all.len() - read.len()) as u64;
        assert!(
            reader.lost().is_none_or(|told| told == lost),
            "{left} bytes"
        );
        most = read.len();

        let error = BagReader::open(&path).unwrap_err();
        let words = format!("cut off: it has {left} of {} bytes", whole.len());
        assert!(error.to_string().contains(&words), "{error}");
    }
    assert!(most > 10, "{most}");
}

#[test]
fn what_a_killed_recorder_had_not_committed_is_not_read() {
    let folder = tempfile::tempdir().unwrap();
    let (at_work, killed) = (
        folder.path().join("at_work.db3"),
        folder.path().join("killed.db3"),
    );
    let rows: Vec<_> = (0..5).map(|i| (1, i, vec![i as u8 + 1; 3000])).collect();
    sqlite_bag(&at_work, &rows, false);
    let db = rusqlite::Connection::open(&at_work).unwrap();
    // with so small a cache, pages go to the file before they are committed
    db.execute_batch("PRAGMA cache_size = 1; BEGIN; UPDATE messages SET data = zeroblob(3000);")
        .unwrap();
    for time in 5..50 {
        let sql = "INSERT INTO messages(topic_id, timestamp, data) VALUES (1, ?1, zeroblob(3000))";
        db.execute(sql, [time]).unwrap();
    }
    for suffix in ["", "-journal"] {
        let name = |path: &Path| path.with_extension(format!("db3{suffix}"));
        let bytes = fs::read(name(&at_work)).unwrap();
        assert!(bytes.len() > 512, "{} bytes", bytes.len());
        fs::write(name(&killed), bytes).unwrap();
    }
    let all = read_all(&mut BagReader::open(&killed).unwrap()).unwrap();
    let data: Vec<_> = all.iter().map(MessageBuf::data).collect();
    let committed: Vec<_> = rows.iter().map(|(_, _, data)| &data[..]).collect();
    assert!(data == committed, "{} messages", data.len());
}

#[test]
fn sqlite_is_read_by_time_with_and_without_an_index() {
    let folder = tempfile::tempdir().unwrap();
    // Out of order, with many equal times, more than a page.
    let messages: Vec<_> = (0..5000i64)
        .map(|i| (1 + i % 2, (i * 7919) % 1000 - 3, vec![0, 1, 0, 0, 1]))
        .collect();
    for index in [true, false] {
        let path = folder.path().join(format!("{index}.db3"));
        sqlite_bag(&path, &messages, index);
        let mut reader = BagReader::open(&path).unwrap();
        assert_eq!(reader.topics()[0].message_count, Some(2500));
        let all = read_all(&mut reader).unwrap();
        assert_eq!(all.len(), 5000);
        assert!(all.is_sorted_by_key(|message| message.log_time()));
        let mut reader = BagReader::open(&path).unwrap();
        reader.select(Some("/image")).unwrap();
        let images = read_all(&mut reader).unwrap();
        assert_eq!(images.len(), 2500);
        assert!(images.iter().all(|message| message.topic() == "/image"));
    }
}

#[test]
fn message_compressed_and_file_compressed_sqlite_bags_are_read() {
    let folder = tempfile::tempdir().unwrap();
    let payload = cdr::to_vec(&Bool { data: true }).unwrap();
    let frame = zstd::encode_all(&payload[..], 1).unwrap();
    let path = folder.path().join("messages.db3");
    sqlite_bag(&path, &[(2, 1, frame.clone()), (2, 2, frame)], true);
    let zipped = folder.path().join("messages.db3.zstd");
    fs::write(
        &zipped,
        zstd::encode_all(&fs::read(&path).unwrap()[..], 1).unwrap(),
    )
    .unwrap();
    for path in [path, zipped] {
        let all = read_all(&mut BagReader::open(&path).unwrap()).unwrap();
        assert_eq!(all.len(), 2);
        assert!(all.iter().all(|message| message.data() == payload));
    }
}

#[test]
fn messages_that_inflate_beyond_the_limit_or_not_at_all_are_errors() {
    let folder = tempfile::tempdir().unwrap();
    let limits = Limits {
        record: 1 << 16,
        ..Limits::default()
    };
    let bomb = zstd::encode_all(&vec![0u8; 1 << 20][..], 3).unwrap();
    let mut broken = zstd::encode_all(&vec![0u8; 1 << 15][..], 3).unwrap();
    broken.truncate(broken.len() / 2);
    for (name, data, expected) in [
        ("bomb", bomb, "over the limit of 65536"),
        (
            "broken",
            broken,
            "message of /flag at 0.000000001: does not inflate",
        ),
        (
            "large",
            vec![0; 1 << 17],
            "a message of 131072 bytes is over the limit of 65536",
        ),
    ] {
        let path = folder.path().join(name).with_extension("db3");
        sqlite_bag(&path, &[(2, 0, vec![0, 1, 0, 0, 1]), (2, 1, data)], true);
        let mut reader = BagReader::open_with(&path, limits).unwrap();
        let (before, error) = read_all(&mut reader).unwrap_err();
        assert_eq!(before.len(), 1);
        assert!(error.to_string().contains(expected), "{error}");
    }
}

#[test]
fn a_file_that_is_cut_gives_the_messages_before_the_cut() {
    let folder = tempfile::tempdir().unwrap();
    let bag = folder.path().join("bag");
    write_bag(&bag, 40);
    let whole = fs::read(bag.join("small_0.mcap")).unwrap();
    let all = read_all(&mut BagReader::open(&bag).unwrap()).unwrap();
    let path = folder.path().join("cut.mcap");
    let mut most = 0;
    for len in (0..whole.len()).step_by(whole.len() / 97) {
        fs::write(&path, &whole[..len]).unwrap();
        let Ok(mut reader) = BagReader::open(&path) else {
            continue;
        };
        let (messages, complete) = match read_all(&mut reader) {
            Ok(messages) => (messages, true),
            Err((messages, error)) => {
                assert!(error.to_string().contains("cut.mcap"), "{error}");
                (messages, false)
            }
        };
        assert!(messages.len() >= most, "fewer messages of more bytes");
        assert!(
            !complete || messages.len() == all.len(),
            "cut at {len} without an error"
        );
        assert_eq!(messages, all[..messages.len()]);
        most = messages.len();
    }
    assert!(most > 100);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(200))]

    #[test]
    fn damaged_bags_never_panic_and_never_give_a_wrong_message(
        hits in proptest::collection::vec((any::<prop::sample::Index>(), 0u8..8), 1..4),
        sqlite: bool,
    ) {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join(if sqlite { "x.db3" } else { "small_0.mcap" });
        if sqlite {
            let rows: Vec<_> = (0..30).map(|i| (1 + i % 2, i, vec![i as u8; 300])).collect();
            sqlite_bag(&path, &rows, true);
        } else {
            write_bag(folder.path(), 12);
        }
        let all = read_all(&mut BagReader::open(&path).unwrap()).unwrap();
        let mut bytes = fs::read(&path).unwrap();
        for (at, bit) in hits {
            let at = at.index(bytes.len());
            bytes[at] ^= 1 << bit;
        }
        fs::write(&path, bytes).unwrap();
        if let Ok(mut reader) = BagReader::open(&path) {
            let messages = match read_all(&mut reader) {
                Ok(messages) => messages,
                Err((messages, _)) => messages,
            };
            // sqlite has no checksums.
            if !sqlite {
                prop_assert!(in_order(&messages, &all));
            }
        }
    }
}

/// Whether `some` are messages of `all`, each once and in their order: damage may take a chunk, which
/// is told at the end of the data at the latest, but changes, repeats and invents nothing.
fn in_order(some: &[MessageBuf], all: &[MessageBuf]) -> bool {
    let mut rest = all.iter();
    some.iter()
        .all(|message| rest.any(|other| other == message))
}

/// An index record is one bit away from a message record; a chunk is one away from an index.
#[test]
fn no_single_flipped_bit_gives_a_wrong_message_or_loses_one_silently() {
    let folder = tempfile::tempdir().unwrap();
    // two chunks, so that one can be lost before another
    write_bag(folder.path(), 8);
    let path = folder.path().join("small_0.mcap");
    let whole = fs::read(&path).unwrap();
    let all = read_all(&mut BagReader::open(&path).unwrap()).unwrap();
    let mut told = 0;
    for at in 0..whole.len() {
        for bit in 0..8 {
            let mut bytes = whole.clone();
            bytes[at] ^= 1 << bit;
            fs::write(&path, &bytes).unwrap();
            let read = BagReader::open(&path).map(|mut reader| read_all(&mut reader));
            match read {
                Ok(Ok(messages)) => assert!(messages == all, "bit {bit} of byte {at}"),
                Ok(Err((messages, _))) => {
                    assert!(in_order(&messages, &all), "bit {bit} of byte {at}");
                    told += 1;
                }
                Err(_) => told += 1,
            }
        }
    }
    // The summary, which repeats what was there, is more than half of so small a file.
    assert!(told > 2 * whole.len(), "{told} of {} bits", 8 * whole.len());
}

#[test]
fn the_camvid_drive_decodes_frame_by_frame() {
    let Some(path) = shared("camvid_val_drive_mcap") else {
        return;
    };
    let mut reader = BagReader::open(&path).unwrap();
    let topic = reader.select(None).unwrap();
    assert_eq!(topic.name, "/camera/image_raw/compressed");
    assert_eq!(topic.message_count, Some(101));
    let mut decoder = Decoder::default();
    let (mut frame, mut message, mut read) = (Frame::new(), MessageBuf::new(), 0);
    while reader.read_next(&mut message).unwrap() {
        let image: CompressedImageRef<'_> = cdr::from_slice(message.data()).unwrap();
        let stamp = image.header.stamp.into();
        let view = CompressedView {
            stamp,
            format: image.format,
            data: image.data,
        };
        decoder
            .decode(&CameraView::Compressed(view), &mut frame)
            .unwrap();
        assert_eq!((frame.width(), frame.height()), (480, 360));
        assert_eq!(frame.stamp(), stamp);
        read += 1;
    }
    assert_eq!(read, 101);
}

#[test]
fn generated_messages_are_the_same_from_both_storages() {
    let Some(path) = shared("generated_messages/tests/test_bags") else {
        return;
    };
    let [mcap, sqlite] = ["test_bag_mcap", "test_bag_sqlite3"].map(|name| {
        let mut reader = BagReader::open(&path.join(name)).unwrap();
        let images: Vec<_> = reader
            .image_topics()
            .map(|topic| topic.name.clone())
            .collect();
        assert_eq!(
            images,
            [
                "/test/sensor_msgs/compressed_image",
                "/test/sensor_msgs/image"
            ]
        );
        let expected: BTreeMap<_, _> = reader
            .topics()
            .iter()
            .map(|t| (t.name.clone(), t.message_count.unwrap()))
            .collect();
        let messages = read_all(&mut reader).unwrap();
        assert_eq!(messages.len(), 188, "{name}");
        assert_eq!(counts(&messages), expected);
        messages
    });
    assert_eq!(counts(&mcap), counts(&sqlite));
    // Without the metadata: topics and counts from the files themselves.
    for file in [
        "test_bag_mcap/test_bag_mcap.mcap",
        "test_bag_sqlite3/test_bag_sqlite3.db3",
    ] {
        let reader = BagReader::open(&path.join(file)).unwrap();
        let total: u64 = reader
            .topics()
            .iter()
            .filter_map(|topic| topic.message_count)
            .sum();
        assert_eq!(total, 188, "{file}");
    }
}

#[test]
fn the_tiny_mono8_bag_decodes() {
    let Some(path) = shared("tiny_mono8_db3") else {
        return;
    };
    let mut reader = BagReader::open(&path).unwrap();
    assert_eq!(reader.select(None).unwrap().name, "/image");
    let mut frame = Frame::new();
    let messages = read_all(&mut reader).unwrap();
    assert_eq!(messages.len(), 3);
    for message in &messages {
        let image: ImageRef<'_> = cdr::from_slice(message.data()).unwrap();
        let view = ImageView {
            stamp: image.header.stamp.into(),
            width: image.width,
            height: image.height,
            encoding: image.encoding,
            is_bigendian: image.is_bigendian != 0,
            step: image.step,
            data: image.data,
        };
        Decoder::default()
            .decode(&CameraView::Raw(view), &mut frame)
            .unwrap();
        assert_eq!((frame.width(), frame.height()), (2, 2));
    }
}

/// Bags of `tests/interop/write_bags.py`, one for every storage and compression mode.
#[test]
fn bags_of_other_writers_are_read() {
    let Ok(folder) = std::env::var("LOOKOUT_FOREIGN_BAGS") else {
        eprintln!("skipped: bags_of_other_writers_are_read needs LOOKOUT_FOREIGN_BAGS");
        return;
    };
    let mut bags = 0;
    for bag in fs::read_dir(folder).unwrap() {
        let bag = bag.unwrap().path();
        let mut reader = BagReader::open(&bag).unwrap();
        assert_eq!(reader.select(None).unwrap().message_count, Some(5));
        let messages = read_all(&mut reader).unwrap();
        assert_eq!(messages.len(), 5, "{}", bag.display());
        for (sec, message) in messages.iter().enumerate() {
            let image: ImageRef<'_> = cdr::from_slice(message.data()).unwrap();
            assert_eq!(image.data, [sec as u8; 24], "{}", bag.display());
            assert_eq!(Stamp::from(image.header.stamp), message.log_time());
        }
        bags += 1;
    }
    assert!(bags > 0);
}

/// Leaves a bag behind for readers that are not ours: see `tests/interop/read_bag.py`.
#[test]
fn a_bag_for_other_readers() {
    let Ok(folder) = std::env::var("LOOKOUT_INTEROP_BAG") else {
        return;
    };
    write_bag(Path::new(&folder), 25);
}
