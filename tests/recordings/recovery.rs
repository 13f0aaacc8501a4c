//! Damaged files: the reader goes on behind the damage and says how much is lost.

use proptest::prelude::*;

use super::*;

/// The numbers of the frames that a damaged file still gives, and the reader after them.
fn recovered(bag: &Path, bytes: &[u8]) -> (Vec<usize>, BagReader) {
    fs::write(bag.join("drive_0.mcap"), bytes).unwrap();
    let mut reader = BagReader::open_recovering(bag).unwrap();
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

#[test]
fn where_nothing_counts_the_messages_the_number_of_lost_ones_is_unknown() {
    let folder = tempfile::tempdir().unwrap();
    let bag = folder.path().join("drive");
    let chunks = write_bag(&bag);
    let whole = fs::read(bag.join("drive_0.mcap")).unwrap();
    fs::remove_file(bag.join("metadata.yaml")).unwrap();
    let (frames, reader) = recovered(&bag, &whole);
    assert_eq!((frames.len(), reader.lost()), (FRAMES, Some(0)));

    let mut damaged = whole.clone();
    damaged[chunks[3] + 200] ^= 0x10;
    // the summary counts what was recorded
    let (frames, reader) = recovered(&bag, &damaged);
    assert_eq!((frames, reader.lost()), (without(3..4), Some(4)));
    // a recorder that was killed wrote none: damaged, cut off, both
    let end = chunks[7] + 50;
    for (bytes, gaps, read) in [
        (&damaged[..chunks[7]], 2, 24),
        (&whole[..end], 1, 28),
        (&damaged[..end], 2, 24),
    ] {
        let (frames, reader) = recovered(&bag, bytes);
        assert_eq!((frames.len(), reader.gaps().count()), (read, gaps));
        assert_eq!(reader.lost(), None, "{:?}", reader.gaps());
    }
}

/// Two files of four chunks and six, with and without metadata that name them.
fn split_bag(bag: &Path, metadata: bool) -> Vec<u8> {
    let chunks = write_bag(bag);
    let whole = fs::read(bag.join("drive_0.mcap")).unwrap();
    // a file of the first chunks only, as of a recorder that was killed
    fs::write(bag.join("drive_0.mcap"), &whole[..chunks[4]]).unwrap();
    let path = bag.join("metadata.yaml");
    let text = fs::read_to_string(&path).unwrap();
    fs::remove_file(&path).unwrap();
    if metadata {
        let both = "\"drive_0.mcap\"\n    - drive_1.mcap\n  files:";
        fs::write(&path, text.replace("\"drive_0.mcap\"\n  files:", both)).unwrap();
    }
    whole
}

#[test]
fn a_file_of_a_split_recording_that_cannot_be_opened_is_lost_alone() {
    let read = 4 * IN_A_CHUNK;
    for metadata in [true, false] {
        let folder = tempfile::tempdir().unwrap();
        let bag = folder.path().join("drive");
        let whole = split_bag(&bag, metadata);
        let second = bag.join("drive_1.mcap");
        for (name, bytes) in [
            ("missing", None),
            ("empty", Some(&[][..])),
            ("header", Some(&whole[..30])),
            ("cut in its first chunk", Some(&whole[..150])),
            ("junk", Some(&[7; 500])),
        ] {
            let _ = fs::remove_file(&second);
            match bytes {
                Some(bytes) => fs::write(&second, bytes).unwrap(),
                // nothing but metadata knows that it was there
                None if !metadata => continue,
                None => {}
            }
            let mut reader = BagReader::open_recovering(&bag).unwrap();
            assert_eq!(images(&mut reader).len(), read, "{name}");
            let gaps = reader.gaps();
            assert!(gaps.at_the_end(), "{name}");
            let lost = metadata.then_some((FRAMES - read) as u64);
            assert_eq!(reader.lost(), lost, "{name}");

            let opened = BagReader::open(&bag);
            let error = opened.and_then(|mut reader| {
                let mut message = MessageBuf::new();
                while reader.read_next(&mut message)? {}
                Ok(())
            });
            let error = error.unwrap_err();
            assert!(error.is_damage(), "{name}: {error}");
        }
    }
}

#[test]
fn a_file_that_cannot_be_opened_is_the_gap_between_two_others() {
    let folder = tempfile::tempdir().unwrap();
    let bag = folder.path().join("drive");
    write_bag(&bag);
    let path = bag.join("metadata.yaml");
    let text = fs::read_to_string(&path).unwrap();
    let three = "\"drive_0.mcap\"\n    - drive_1.mcap\n    - drive_2.mcap\n  files:";
    let text = text.replace("\"drive_0.mcap\"\n  files:", three);
    fs::write(
        &path,
        text.replace("message_count: 40", "message_count: 99"),
    )
    .unwrap();
    fs::copy(bag.join("drive_0.mcap"), bag.join("drive_2.mcap")).unwrap();
    let mut reader = BagReader::open_recovering(&bag).unwrap();
    assert_eq!(images(&mut reader).len(), 2 * FRAMES);
    assert_eq!((reader.gaps().count(), reader.lost()), (1, Some(19)));
    let gap = &reader.gaps().list()[0];
    assert!(gap.path.ends_with("drive_1.mcap"), "{gap:?}");
    assert_eq!(gap.after, Some(stamp(FRAMES - 1)));
    assert_eq!(gap.before, Some(stamp(0)));
    // nothing is left of a bag without any file
    for file in ["metadata.yaml", "drive_0.mcap", "drive_2.mcap"] {
        fs::write(bag.join(file), "").unwrap();
    }
    assert!(BagReader::open_recovering(&bag).is_err());
}

/// An MCAP file whose chunks say again what their channels are, as most recorders write them, and where
/// each chunk begins.
fn channels_in_every_chunk() -> (Vec<u8>, Vec<usize>) {
    let (mut file, mut chunks) = (mcap::MAGIC.to_vec(), Vec::new());
    let record = |opcode: u8, body: &[u8], to: &mut Vec<u8>| {
        to.push(opcode);
        to.extend((body.len() as u64).to_le_bytes());
        to.extend(body);
    };
    let text = |text: &str| [&(text.len() as u32).to_le_bytes()[..], text.as_bytes()].concat();
    for number in 0..3u64 {
        let mut records = Vec::new();
        let schema = [
            &[1, 0][..],
            &text("sensor_msgs/msg/Image"),
            &text("ros2msg"),
            &text(""),
        ];
        record(0x03, &schema.concat(), &mut records);
        let channel = [&[0, 0, 1, 0][..], &text(TOPIC), &text("cdr"), &[0; 4]];
        record(0x04, &channel.concat(), &mut records);
        let time = (stamp(0).as_nanos() as u64 + number * 100_000_000).to_le_bytes();
        let message = [&[0; 6][..], &time, &time, &[0, 1, 0, 0, number as u8]];
        record(0x05, &message.concat(), &mut records);
        let size = (records.len() as u64).to_le_bytes();
        let checksum = crc32fast::hash(&records).to_le_bytes();
        let chunk = [
            &time[..],
            &time,
            &size,
            &checksum,
            &text(""),
            &size,
            &records,
        ];
        chunks.push(file.len());
        record(0x06, &chunk.concat(), &mut file);
    }
    (file, chunks)
}

#[test]
fn a_first_chunk_that_is_damaged_hides_no_channel_that_others_repeat() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("killed.mcap");
    let (mut bytes, chunks) = channels_in_every_chunk();
    fs::write(&path, &bytes).unwrap();
    let mut reader = BagReader::open_recovering(&path).unwrap();
    assert_eq!(images(&mut reader).len(), 3);

    bytes[chunks[0] + 70] ^= 1;
    fs::write(&path, &bytes).unwrap();
    let mut reader = BagReader::open_recovering(&path).unwrap();
    assert_eq!(images(&mut reader).len(), 2);
    // the damage, and the end that is not there
    assert_eq!((reader.gaps().count(), reader.lost()), (2, None));
    assert!(BagReader::open(&path).unwrap_err().is_damage());
    // where nothing names a channel, the damage is the error
    fs::write(&path, &bytes[..chunks[1]]).unwrap();
    let error = BagReader::open_recovering(&path).unwrap_err();
    assert!(error.to_string().contains("checksum"), "{error}");
}

#[test]
fn damaged_metadata_are_left_aside_and_the_files_of_the_folder_are_read() {
    let folder = tempfile::tempdir().unwrap();
    let bag = folder.path().join("drive");
    write_bag(&bag);
    let metadata = bag.join("metadata.yaml");
    let whole = fs::read(&metadata).unwrap();
    let half = &whole[..whole.len() / 2];
    for damaged in [&[][..], half, &[0; 400], &[0xff; 400]] {
        fs::write(&metadata, damaged).unwrap();
        let mut reader = BagReader::open_recovering(&bag).unwrap();
        assert_eq!(images(&mut reader).len(), FRAMES);
        assert_eq!((reader.gaps().count(), reader.lost()), (0, Some(0)));
        let error = BagReader::open(&bag).unwrap_err();
        assert!(error.is_damage(), "{error}");
        let error = error.to_string();
        assert!(error.contains("metadata.yaml"), "{error}");
        assert!(error.contains("remove it"), "{error}");
        assert_eq!(error.lines().count(), 1, "{error}");
    }
}

/// Puts `count` in the place of every count of messages by channel that an MCAP file's statistics hold.
fn set_statistics(file: &mut [u8], count: u64) {
    let mut at = mcap::MAGIC.len();
    // up to the footer
    while file[at] != 0x02 {
        let body = at + 9;
        let len = u64::from_le_bytes(file[at + 1..body].try_into().unwrap());
        let next = body + len as usize;
        if file[at] == 0x0b {
            // the last field is a map, of 10 bytes for each of the two channels
            for entry in file[next - 20..next].chunks_mut(10) {
                entry[2..].copy_from_slice(&count.to_le_bytes());
            }
        }
        at = next;
    }
}

#[test]
fn a_recording_that_holds_fewer_messages_than_it_counts_has_a_gap() {
    let folder = tempfile::tempdir().unwrap();
    let bag = folder.path().join("drive");
    write_bag(&bag);
    let (metadata, file) = (bag.join("metadata.yaml"), bag.join("drive_0.mcap"));
    let text = fs::read_to_string(&metadata).unwrap();
    let bytes = fs::read(&file).unwrap();
    for (told_by_metadata, count, lost) in [
        (true, 50, 10),
        (false, 50, 10),
        (true, 30, 0),
        (false, 30, 0),
    ] {
        if told_by_metadata {
            let text = text.replace("message_count: 40", &format!("message_count: {count}"));
            fs::write(&metadata, text).unwrap();
        } else {
            let mut bytes = bytes.clone();
            set_statistics(&mut bytes, count);
            fs::write(&file, bytes).unwrap();
        }
        let path = if told_by_metadata { &bag } else { &file };
        let mut reader = BagReader::open(path).unwrap();
        assert_eq!(images(&mut reader).len(), FRAMES);
        assert_eq!(reader.lost(), Some(lost), "{path:?}");
        assert_eq!(reader.gaps().count(), u64::from(lost > 0), "{path:?}");
        if let Some(gap) = reader.gaps().list().first() {
            let reason = &gap.reason;
            assert!(reason.contains("counts 50 messages"), "{reason}");
            assert!(reason.contains("holds 40"), "{reason}");
        }
    }
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
        let mut reader = BagReader::open_recovering(&bag).unwrap();
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
