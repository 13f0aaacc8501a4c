//! MCAP files made by hand: legal ones that no recorder of ours writes, and ones that claim too much.

use super::*;

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
    channel_in("cdr", id, topic)
}

fn channel_in(encoding: &str, id: u16, topic: &str) -> (u8, Vec<u8>) {
    let ids = [id.to_le_bytes(), 1u16.to_le_bytes()].concat();
    (
        0x04,
        [&ids[..], &text(topic), &text(encoding), &0u32.to_le_bytes()].concat(),
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
fn messages_of_a_topic_in_another_encoding_are_not_counted_as_lost() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("both.mcap");
    let records = [
        schema(1, "sensor_msgs/msg/Image"),
        channel(1, TOPIC),
        channel_in("json", 2, TOPIC),
        message(1, 1),
        message(2, 2),
        message(1, 3),
        (DATA_END.0, DATA_END.1.to_vec()),
    ];
    fs::write(&path, mcap_of(&records)).unwrap();
    let mut reader = BagReader::open_recovering(&path).unwrap();
    assert_eq!(times(&images(&mut reader)), [1, 3]);
    assert_eq!((reader.gaps().count(), reader.lost()), (0, Some(0)));
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
