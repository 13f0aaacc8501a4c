//! Damaged files: the reader goes on behind the damage and says how much is lost.

use proptest::prelude::*;

use super::*;

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
