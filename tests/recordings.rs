//! Recordings as people have them: damaged, unfinished, moved, made by other tools.

#![allow(clippy::unwrap_used, reason = "helpers of tests")]

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

use lookout::bag::{BagReader, BagWriter, MessageBuf, Qos};
use lookout::frame::{CameraView, Decoder, Frame, ImageView};
use lookout::msg::{Bool, HeaderRef, Image, ImageRef, cdr};
use lookout::time::Stamp;
use proptest::prelude::*;

const CHUNKS: usize = 10;
const IN_A_CHUNK: usize = 4;
const FRAMES: usize = CHUNKS * IN_A_CHUNK;
const TOPIC: &str = "/camera/image_raw";

/// A copy of a case of the shared data, which is not part of the project.
fn case(name: &str) -> Option<(tempfile::TempDir, PathBuf)> {
    let from = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("../shared/cases")
        .join(name);
    if !from.exists() {
        eprintln!("skipped: {name} needs ../shared/cases, which is absent");
        return None;
    }
    let folder = tempfile::tempdir().unwrap();
    let to = folder.path().join(name);
    if from.is_dir() {
        fs::create_dir(&to).unwrap();
        for entry in fs::read_dir(&from).unwrap() {
            let file = entry.unwrap().path();
            fs::copy(&file, to.join(file.file_name().unwrap())).unwrap();
        }
    } else {
        fs::copy(&from, &to).unwrap();
    }
    Some((folder, to))
}

/// What a reader delivers of its only image topic; it must not fail.
fn images(reader: &mut BagReader) -> Vec<MessageBuf> {
    reader.select(None).unwrap();
    rest(reader)
}

fn rest(reader: &mut BagReader) -> Vec<MessageBuf> {
    let (mut all, mut message) = (Vec::new(), MessageBuf::new());
    while reader.read_next(&mut message).unwrap() {
        all.push(message.clone());
    }
    all
}

/// The ten images of the recording that cases 06 to 11 were made of.
fn good() -> Vec<MessageBuf> {
    let (_folder, path) = case("00_good.mcap").unwrap();
    let all = images(&mut BagReader::open(&path).unwrap());
    assert_eq!(all.len(), 10);
    all
}

fn times(messages: &[MessageBuf]) -> Vec<i64> {
    messages.iter().map(|m| m.log_time().as_nanos()).collect()
}

fn names(folder: &Path) -> BTreeSet<String> {
    let entries = fs::read_dir(folder).unwrap();
    entries
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect()
}

fn stamp(number: usize) -> Stamp {
    Stamp::from_nanos(1_700_000_000_000_000_000 + number as i64 * 100_000_000)
}

/// A bag of `FRAMES` frames and as many flags, four of each in a chunk; where each chunk begins.
fn write_bag(folder: &Path) -> Vec<usize> {
    let mut writer = BagWriter::create(folder, "drive").unwrap();
    let image = writer.add_topic::<Image>(TOPIC, Qos::Sensor).unwrap();
    let flag = writer.add_topic::<Bool>("/flag", Qos::Reliable).unwrap();
    for number in 0..FRAMES {
        let data: Vec<u8> = (0..300).map(|i| (i * 7 + number * 13) as u8).collect();
        let message = ImageRef {
            header: HeaderRef {
                stamp: stamp(number).into(),
                frame_id: "camera",
            },
            height: 10,
            width: 10,
            encoding: "rgb8",
            is_bigendian: 0,
            step: 30,
            data: &data,
        };
        writer.write(image, stamp(number), &message).unwrap();
        writer
            .write(flag, stamp(number), &Bool { data: true })
            .unwrap();
        if number % IN_A_CHUNK == IN_A_CHUNK - 1 {
            writer.flush().unwrap();
        }
    }
    writer.finish().unwrap();
    let file = fs::read(folder.join("drive_0.mcap")).unwrap();
    let mut at = mcap::MAGIC.len();
    let mut chunks = Vec::new();
    while at + 9 < file.len() {
        let len = u64::from_le_bytes(file[at + 1..at + 9].try_into().unwrap());
        if file[at] == 0x06 {
            chunks.push(at);
        }
        if file[at] == 0x0f {
            break; // the end of the data
        }
        at += 9 + len as usize;
    }
    assert_eq!(chunks.len(), CHUNKS);
    chunks
}

/// The numbers of the frames that a damaged file still gives, and the reader after them.
fn recovered(bag: &Path, bytes: &[u8]) -> (Vec<usize>, BagReader) {
    fs::write(bag.join("drive_0.mcap"), bytes).unwrap();
    let mut reader = BagReader::open(bag).unwrap();
    reader.recover();
    let frames = images(&mut reader);
    let first = stamp(0).as_nanos();
    let numbers = times(&frames)
        .into_iter()
        .map(|t| ((t - first) / 100_000_000) as usize);
    (numbers.collect(), reader)
}

fn without(chunks: std::ops::Range<usize>) -> Vec<usize> {
    let lost = chunks.start * IN_A_CHUNK..chunks.end * IN_A_CHUNK;
    (0..FRAMES).filter(|frame| !lost.contains(frame)).collect()
}

#[test]
fn a_damaged_chunk_is_left_behind_and_told() {
    let folder = tempfile::tempdir().unwrap();
    let bag = folder.path().join("drive");
    let chunks = write_bag(&bag);
    let whole = fs::read(bag.join("drive_0.mcap")).unwrap();
    let (frames, reader) = recovered(&bag, &whole);
    assert_eq!(frames, without(0..0));
    assert_eq!((reader.gaps().count(), reader.lost()), (0, Some(0)));

    // the content, the length in front of it, the kind of the record, and a hole over two of them
    type Damage = fn(&mut [u8], &[usize]);
    let kinds: [(&str, Damage, std::ops::Range<usize>); 5] = [
        ("content", |bytes, at| bytes[at[3] + 200] ^= 0x10, 3..4),
        ("length", |bytes, at| bytes[at[3] + 3] = 0xff, 3..4),
        ("kind", |bytes, at| bytes[at[3]] = 0x99, 3..4),
        (
            "hole",
            |bytes, at| bytes[at[3] + 40..at[4] + 60].fill(0),
            3..5,
        ),
        // it holds the schemas and channels; the summary repeats them
        ("first", |bytes, at| bytes[at[0] + 60] ^= 1, 0..1),
    ];
    for (name, damage, lost) in kinds {
        let mut bytes = whole.clone();
        damage(&mut bytes, &chunks);
        let (frames, reader) = recovered(&bag, &bytes);
        assert_eq!(frames, without(lost.clone()), "{name}");
        let count = lost.len() * IN_A_CHUNK;
        assert_eq!(
            (reader.gaps().count(), reader.lost()),
            (1, Some(count as u64)),
            "{name}"
        );
        let gap = &reader.gaps().list()[0];
        assert!(!gap.reason.is_empty(), "{name}");
        if name == "kind" {
            // a record of a kind that nobody knows may be: only the checksum at the end tells
            assert!(gap.reason.contains("checksum"), "{}", gap.reason);
            continue;
        }
        assert_eq!(gap.before, Some(stamp(lost.end * IN_A_CHUNK)), "{name}");
        let seconds = 0.1 * (count + 1) as f64;
        match gap.seconds() {
            Some(between) => assert!((between - seconds).abs() < 1e-9, "{name}: {between}"),
            None => assert_eq!(lost.start, 0, "{name}"),
        }
        assert!(!reader.gaps().at_the_end());

        // without it, the damage ends the reading as before
        let mut reader = BagReader::open(&bag).unwrap();
        reader.select(None).unwrap();
        let mut message = MessageBuf::new();
        let mut read = 0;
        let error = loop {
            match reader.read_next(&mut message) {
                Ok(true) => read += 1,
                Ok(false) => panic!("{name}: no error"),
                Err(error) => break error.to_string(),
            }
        };
        assert!(read <= lost.start * IN_A_CHUNK, "{name}");
        assert!(error.contains("drive_0.mcap"), "{name}: {error}");
    }
}

#[test]
fn a_file_that_is_cut_off_is_a_gap_at_its_end() {
    let folder = tempfile::tempdir().unwrap();
    let bag = folder.path().join("drive");
    let chunks = write_bag(&bag);
    let whole = fs::read(bag.join("drive_0.mcap")).unwrap();
    let (frames, reader) = recovered(&bag, &whole[..chunks[7] + 50]);
    assert_eq!(frames, without(7..CHUNKS));
    assert!(reader.gaps().at_the_end());
    // the metadata counts what was recorded
    assert_eq!(reader.lost(), Some(12));
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(300))]

    /// Random bytes overwrite a part of the file. The reader delivers only true messages, in their
    /// order, and its gaps and its count of lost messages cover every message that is missing.
    #[test]
    fn no_damage_loses_a_frame_without_a_word(
        from in 8usize..40_000,
        noise in prop::collection::vec(any::<u8>(), 1..3000),
    ) {
        let folder = tempfile::tempdir().unwrap();
        let bag = folder.path().join("drive");
        write_bag(&bag);
        let mut bytes = fs::read(bag.join("drive_0.mcap")).unwrap();
        let from = 8 + from % (bytes.len() - 8);
        let to = (from + noise.len()).min(bytes.len());
        bytes[from..to].copy_from_slice(&noise[..to - from]);
        fs::write(bag.join("drive_0.mcap"), &bytes).unwrap();
        let mut reader = BagReader::open(&bag).unwrap();
        reader.recover();
        let frames = images(&mut reader);
        prop_assert!(times(&frames).is_sorted());
        for frame in &frames {
            let image: ImageRef<'_> = cdr::from_slice(frame.data()).unwrap();
            prop_assert_eq!(Stamp::from(image.header.stamp), frame.log_time());
        }
        let lost = FRAMES - frames.len();
        prop_assert_eq!(reader.lost(), Some(lost as u64));
        prop_assert!(lost == 0 || reader.gaps().count() > 0);
    }
}

#[test]
fn a_message_with_an_impossible_time_is_left_out_and_the_rest_plays() {
    let Some((_folder, path)) = case("06_one_log_time_above_2pow63.mcap") else {
        return;
    };
    let mut reader = BagReader::open(&path).unwrap();
    let (played, good) = (images(&mut reader), good());
    assert_eq!(played.len(), good.len() - 1);
    assert!(played.iter().all(|message| good.contains(message)));
    assert_eq!(reader.gaps().count(), 1);
    let gap = &reader.gaps().list()[0];
    assert!(gap.reason.contains("impossible log time"), "{}", gap.reason);
    assert!(gap.after.is_some() && gap.before.is_some());
}

#[test]
fn a_compressed_file_under_an_old_folder_name_is_found() {
    let Some((_folder, bag)) = case("07_v4_compressed_prefixed_path") else {
        return;
    };
    assert!(images(&mut BagReader::open(&bag).unwrap()) == good());
}

#[test]
fn a_topic_that_is_not_in_cdr_is_left_out() {
    let Some((_folder, bag)) = case("08_foreign_topic_json_in_metadata") else {
        return;
    };
    let mut reader = BagReader::open(&bag).unwrap();
    assert!(reader.topics().iter().any(|topic| topic.encoding == "json"));
    assert!(images(&mut reader) == good());
    // of every topic: those that can be read
    let all = rest(&mut BagReader::open(&bag).unwrap());
    assert!(all == good());
}

#[test]
fn a_wal_file_that_was_closed_is_read_and_nothing_is_left_beside_it() {
    let Some((folder, file)) = case("09_wal_cleanly_closed.db3") else {
        return;
    };
    let before = names(folder.path());
    let mut reader = BagReader::open(&file).unwrap();
    assert!(images(&mut reader) == good());
    // a medium that is read-only takes no file while it is read either
    assert_eq!(names(folder.path()), before);
    drop(reader);
    assert_eq!(names(folder.path()), before);
}

#[test]
fn a_file_whose_recorder_was_killed_gives_what_was_committed_and_stays_as_it_is() {
    let Some((_folder, bag)) = case("10_hot_journal") else {
        return;
    };
    let bytes = || -> Vec<_> {
        let names = names(&bag);
        names
            .iter()
            .map(|name| fs::read(bag.join(name)).unwrap())
            .collect()
    };
    let before = bytes();
    assert!(images(&mut BagReader::open(&bag).unwrap()) == good());
    assert_eq!(bytes(), before);
}

#[test]
fn files_without_metadata_are_read_in_the_order_of_their_times() {
    let Some((_folder, bag)) = case("11_split_no_metadata") else {
        return;
    };
    let frames = images(&mut BagReader::open(&bag).unwrap());
    assert!(frames == good() && times(&frames).is_sorted());
    // the names do not decide
    for (from, to) in [("bag_0", "z"), ("bag_1", "a")] {
        let file = |name: &str| bag.join(format!("{name}.mcap"));
        fs::rename(file(from), file(to)).unwrap();
    }
    assert_eq!(images(&mut BagReader::open(&bag).unwrap()), frames);
}

#[test]
fn a_ros_1_recording_is_refused_with_its_types_and_encodings() {
    let Some((_folder, file)) = case("12_ros1_in_mcap.mcap") else {
        return;
    };
    let error = BagReader::open(&file).unwrap().select(None).unwrap_err();
    let error = error.to_string();
    assert!(
        error.contains("/cam/compressed (sensor_msgs/CompressedImage, ros1"),
        "{error}"
    );
}

#[test]
fn opencvs_name_for_three_channels_is_bgr() {
    let Some((_folder, file)) = case("13_encoding_8UC3.mcap") else {
        return;
    };
    let frames = images(&mut BagReader::open(&file).unwrap());
    let mut frame = Frame::new();
    for message in &frames {
        let image: ImageRef<'_> = cdr::from_slice(message.data()).unwrap();
        assert_eq!(image.encoding, "8UC3");
        let view = ImageView {
            stamp: image.header.stamp.into(),
            width: image.width,
            height: image.height,
            encoding: image.encoding,
            is_bigendian: false,
            step: image.step,
            data: image.data,
        };
        Decoder::default()
            .decode(&CameraView::Raw(view), &mut frame)
            .unwrap();
        let [b, g, r] = image.data[..3].try_into().unwrap();
        assert_eq!(frame.pixel(0, 0), Some([r, g, b]));
    }
}

#[test]
fn an_image_topic_without_messages_forces_no_choice() {
    let folder = tempfile::tempdir().unwrap();
    let bag = folder.path().join("two");
    let mut writer = BagWriter::create(&bag, "two").unwrap();
    let left = writer.add_topic::<Image>("/left", Qos::Sensor).unwrap();
    writer.add_topic::<Image>("/right", Qos::Sensor).unwrap();
    let message = ImageRef {
        header: HeaderRef {
            stamp: stamp(0).into(),
            frame_id: "camera",
        },
        height: 1,
        width: 1,
        encoding: "mono8",
        is_bigendian: 0,
        step: 1,
        data: &[7],
    };
    writer.write(left, stamp(0), &message).unwrap();
    writer.finish().unwrap();
    let mut reader = BagReader::open(&bag).unwrap();
    assert_eq!(reader.select(None).unwrap().name, "/left");
}

#[test]
fn metadata_may_not_name_files_outside_of_the_bag() {
    let folder = tempfile::tempdir().unwrap();
    let bag = folder.path().join("drive");
    write_bag(&bag);
    let metadata = bag.join("metadata.yaml");
    let text = fs::read_to_string(&metadata).unwrap();
    let name = |name: &str| {
        fs::write(&metadata, text.replace("drive_0.mcap", name)).unwrap();
        BagReader::open(&bag)
    };
    let other = folder.path().join("other.mcap");
    fs::copy(bag.join("drive_0.mcap"), &other).unwrap();
    for outside in [
        "../other.mcap",
        "a/../../other.mcap",
        other.to_str().unwrap(),
    ] {
        let error = name(outside).unwrap_err().to_string();
        assert!(error.contains("outside of the bag's folder"), "{error}");
    }
    // an absolute path of another machine, and an old name of the folder
    for moved in [
        "/home/someone/bags/drive/drive_0.mcap",
        "old_name/drive_0.mcap",
    ] {
        assert_eq!(images(&mut name(moved).unwrap()).len(), FRAMES);
    }
}

/// An MCAP file by hand: magic, and whatever records.
fn mcap_of(records: &[(u8, Vec<u8>)]) -> Vec<u8> {
    let mut file = mcap::MAGIC.to_vec();
    for (opcode, body) in records {
        file.push(*opcode);
        file.extend((body.len() as u64).to_le_bytes());
        file.extend(body);
    }
    file
}

fn text(text: &str) -> Vec<u8> {
    [&(text.len() as u32).to_le_bytes()[..], text.as_bytes()].concat()
}

fn schema(id: u16, name: &str) -> (u8, Vec<u8>) {
    let id = id.to_le_bytes();
    (
        0x03,
        [&id[..], &text(name), &text("ros2msg"), &text("")].concat(),
    )
}

fn channel(id: u16, topic: &str) -> (u8, Vec<u8>) {
    let ids = [id.to_le_bytes(), 1u16.to_le_bytes()].concat();
    (
        0x04,
        [&ids[..], &text(topic), &text("cdr"), &0u32.to_le_bytes()].concat(),
    )
}

fn message(channel: u16, time: u64) -> (u8, Vec<u8>) {
    let data = cdr::to_vec(&Bool { data: true }).unwrap();
    let head = [
        &channel.to_le_bytes()[..],
        &0u32.to_le_bytes(),
        &time.to_le_bytes(),
        &time.to_le_bytes(),
    ];
    (0x05, [head.concat(), data].concat())
}

fn chunk(compression: &str, size: u64, records: &[u8]) -> (u8, Vec<u8>) {
    let mut body = [0u8; 16].to_vec();
    body.extend(size.to_le_bytes());
    body.extend(0u32.to_le_bytes());
    body.extend(text(compression));
    body.extend((records.len() as u64).to_le_bytes());
    body.extend(records);
    (0x06, body)
}

const DATA_END: (u8, [u8; 4]) = (0x0f, [0; 4]);

#[test]
fn messages_outside_of_chunks_and_lz4_frames_one_behind_the_other_are_read() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("legal.mcap");
    let inside = [
        schema(1, "std_msgs/msg/Bool"),
        channel(1, "/flag"),
        message(1, 1),
        message(1, 2),
    ];
    let records = mcap_of(&inside)[mcap::MAGIC.len()..].to_vec();
    let lz4 = |part: &[u8]| {
        let mut encoder = lz4_flex::frame::FrameEncoder::new(Vec::new());
        std::io::Write::write_all(&mut encoder, part).unwrap();
        encoder.finish().unwrap()
    };
    let (a, b) = records.split_at(records.len() / 2);
    let frames = [lz4(a), lz4(b)].concat();
    let end = (DATA_END.0, DATA_END.1.to_vec());
    let file = [
        chunk("lz4", records.len() as u64, &frames),
        message(1, 3),
        end,
    ];
    fs::write(&path, mcap_of(&file)).unwrap();
    let read = rest(&mut BagReader::open(&path).unwrap());
    assert_eq!(times(&read), [1, 2, 3]);
}

#[test]
fn names_of_megabytes_are_refused_and_counts_never_overflow() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("names.mcap");
    let long = "a".repeat(2000);
    let end = (DATA_END.0, DATA_END.1.to_vec());
    for records in [
        vec![schema(1, &long), end.clone()],
        vec![
            schema(1, "std_msgs/msg/Bool"),
            channel(1, &long),
            end.clone(),
        ],
    ] {
        fs::write(&path, mcap_of(&records)).unwrap();
        let error = BagReader::open(&path).map(|mut reader| {
            let mut message = MessageBuf::new();
            reader.read_next(&mut message)
        });
        let error = error.and_then(|read| read).unwrap_err().to_string();
        assert!(error.contains("a name of 2000 bytes"), "{error}");
    }
    // two channels of one topic that both claim the greatest count
    let counts = [1u16, 2].map(|id| [&id.to_le_bytes()[..], &u64::MAX.to_le_bytes()].concat());
    let counts = counts.concat();
    let mut statistics = [0u8; 8 + 2 + 4 * 4 + 2 * 8].to_vec();
    statistics.extend((counts.len() as u32).to_le_bytes());
    statistics.extend(counts);
    let head = [
        schema(1, "std_msgs/msg/Bool"),
        channel(1, "/flag"),
        channel(2, "/flag"),
    ];
    let mut file = mcap_of(&[&head[..], &[end]].concat());
    let summary_at = file.len() as u64;
    let summary = [&head[..], &[(0x0b, statistics)]].concat();
    file.extend(&mcap_of(&summary)[mcap::MAGIC.len()..]);
    let footer = [&summary_at.to_le_bytes()[..], &[0; 12]].concat();
    file.extend(&mcap_of(&[(0x02, footer)])[mcap::MAGIC.len()..]);
    file.extend(mcap::MAGIC);
    fs::write(&path, file).unwrap();
    let reader = BagReader::open(&path).unwrap();
    assert_eq!(reader.topics()[0].message_count, Some(u64::MAX));
}
