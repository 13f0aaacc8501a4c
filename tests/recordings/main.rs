//! Recordings as people have them: damaged, unfinished, moved, made by other tools.

#![allow(clippy::unwrap_used, reason = "helpers of tests")]

#[path = "../support/cases.rs"]
mod cases;

mod by_hand;
mod recovery;

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

use lookout::bag::{BagReader, BagWriter, MessageBuf, Qos};
use lookout::frame::{CameraView, Decoder, Frame, ImageView};
use lookout::msg::{Bool, HeaderRef, Image, ImageRef, cdr};
use lookout::time::Stamp;

const CHUNKS: usize = 10;
const IN_A_CHUNK: usize = 4;
const FRAMES: usize = CHUNKS * IN_A_CHUNK;
const TOPIC: &str = "/camera/image_raw";

/// A copy of a case of the shared data, which is not part of the project.
fn case(name: &str) -> Option<(tempfile::TempDir, PathBuf)> {
    let from = cases::case(name)?;
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
fn what_macos_puts_beside_a_file_is_no_file_of_the_recording() {
    let folder = tempfile::tempdir().unwrap();
    let bag = folder.path().join("drive");
    write_bag(&bag);
    fs::remove_file(bag.join("metadata.yaml")).unwrap();
    fs::write(bag.join("._drive_0.mcap"), [0, 5, 0x16, 7, 0]).unwrap();
    let frames = images(&mut BagReader::open(&bag).unwrap());
    assert_eq!(frames.len(), FRAMES);
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
