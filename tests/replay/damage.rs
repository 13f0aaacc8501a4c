//! Bags that are damaged: what is read of them, and what is said of the rest.

use super::*;

/// What must be there after a bag that broke: the frames before, and a raised flag at the end.
#[track_caller]
fn broken_after_some(out: &Path) {
    let rows = Table::of(out).len();
    assert!((1..6).contains(&rows), "{rows} rows");
    let all = annotated(out);
    for topic in [TOPIC, MASK, SCORE_MAP, OVERLAY] {
        assert_eq!(count(&all, topic), rows, "{topic}");
    }
    let flags = flags(&all);
    assert_eq!(flags.len(), rows + 1);
    assert_eq!(flags.last(), Some(&true));
    assert!(out.join("report.html").is_file());
}

#[test]
fn a_truncated_bag_is_named_and_the_frames_before_the_cut_are_kept() {
    let dir = tempfile::tempdir().unwrap();
    let (bag, out) = (dir.path().join("drive"), dir.path().join("out"));
    write_bag(&bag, &images(6));
    let bytes = fs::read(storage(&bag)).unwrap();
    fs::write(storage(&bag), &bytes[..bytes.len() / 2]).unwrap();
    let run = replay(&bag, &out, &["--json", "--threshold", "1"]);
    run.fails(&["drive_0.mcap", "truncated"]);
    let error = run.json()["source_error"].to_string();
    assert!(error.contains("truncated"), "{error}");
    broken_after_some(&out);
    // the file alone, without the metadata that knows its topics
    let alone = dir.path().join("alone");
    replay(&storage(&bag), &alone, &[]).fails(&["drive_0.mcap", "truncated"]);
    broken_after_some(&alone);
}

#[test]
fn a_bag_cut_before_its_first_frame_raises_the_flag() {
    let dir = tempfile::tempdir().unwrap();
    let (bag, out) = (dir.path().join("drive"), dir.path().join("out"));
    write_bag(&bag, &images(6));
    let bytes = fs::read(storage(&bag)).unwrap();
    fs::write(storage(&bag), &bytes[..100]).unwrap();
    replay(&bag, &out, &[]).fails(&["drive_0.mcap", "truncated"]);
    assert_eq!(Table::of(&out).len(), 0);
    assert_eq!(flags(&annotated(&out)).last(), Some(&true));
}

#[test]
fn a_corrupt_bag_is_named_and_the_frames_before_the_damage_are_kept() {
    let dir = tempfile::tempdir().unwrap();
    let (bag, out) = (dir.path().join("drive"), dir.path().join("out"));
    write_bag(&bag, &images(6));
    let mut bytes = fs::read(storage(&bag)).unwrap();
    let middle = bytes.len() / 2;
    bytes[middle..middle + 16]
        .iter_mut()
        .for_each(|byte| *byte ^= 0xff);
    fs::write(storage(&bag), &bytes).unwrap();
    replay(&bag, &out, &["--threshold", "1"]).fails(&["drive_0.mcap", "corrupt"]);
    broken_after_some(&out);
}

/// Where the chunks of an MCAP file begin.
fn chunks(file: &[u8]) -> Vec<usize> {
    let mut at = 8; // behind the magic bytes
    let mut chunks = Vec::new();
    // up to the end of the data
    while file[at] != 0x0f {
        if file[at] == 0x06 {
            chunks.push(at);
        }
        at += 9 + u64::from_le_bytes(file[at + 1..at + 9].try_into().unwrap()) as usize;
    }
    chunks
}

#[test]
fn a_damaged_recording_is_recovered_and_what_is_lost_is_told() {
    let dir = tempfile::tempdir().unwrap();
    let bag = dir.path().join("drive");
    write_bag(&bag, &images(6));
    let mut bytes = fs::read(storage(&bag)).unwrap();
    let at = chunks(&bytes);
    assert_eq!(at.len(), 6);
    bytes[at[3] + 200] ^= 0x10;
    fs::write(storage(&bag), &bytes).unwrap();
    for rate in ["max", "1"] {
        let out = dir.path().join(rate);
        let run = replay(&bag, &out, &["--recover", "--json", "--rate", rate]);
        let words = "The recording is damaged in 1 place: 1 message lost, 0.2 s between";
        run.ends_with(4).says(&[words, "drive_0.mcap"]);
        let json = run.json();
        let lost = &json["lost"];
        assert_eq!((&lost["count"], &lost["messages"]), (&1.into(), &1.into()));
        assert_eq!(lost["at_the_end"], false);
        assert!(
            (lost["seconds"].as_f64().unwrap() - 0.2).abs() < 1e-6,
            "{lost}"
        );
        let nanos = |frame| stamp(frame).as_nanos() + 5_000_000;
        let gap = &lost["gaps"][0];
        assert_eq!(gap["after_ns"], nanos(2), "{lost}");
        assert_eq!(gap["before_ns"], nanos(4), "{lost}");
        assert!(gap["file"].as_str().unwrap().ends_with("drive_0.mcap"));
        let report = fs::read_to_string(out.join("report.html")).unwrap();
        assert!(report.contains(words), "{rate}");
    }
    assert_eq!(Table::of(&dir.path().join("max")).len(), 5);
}

/// Six messages, of which the last two and the end of the file are missing.
fn write_without_end(bag: &Path) {
    write_bag(bag, &images(6));
    let bytes = fs::read(storage(bag)).unwrap();
    fs::write(storage(bag), &bytes[..chunks(&bytes)[4] + 50]).unwrap();
}

#[test]
fn a_recording_without_its_end_is_recovered_with_the_flag_up_at_its_end() {
    let dir = tempfile::tempdir().unwrap();
    let bag = dir.path().join("drive");
    write_without_end(&bag);
    // no score is over 1: nothing is anomalous
    for rate in ["max", "1"] {
        let out = dir.path().join(rate);
        let flags_of_run = ["--recover", "--json", "--threshold", "1", "--rate", rate];
        let run = replay(&bag, &out, &flags_of_run);
        let json = run.ends_with(4).says(&["the end of the drive"]).json();
        assert_eq!(json["lost"]["messages"], 2, "{json}");
        assert_eq!(json["lost"]["at_the_end"], true, "{json}");
        assert_eq!(json["last_verdict"]["state"], "FAULT", "{json}");
        assert_eq!(flags(&annotated(&out)).last(), Some(&true));
    }
    assert_eq!(Table::of(&dir.path().join("max")).len(), 4);
}

#[test]
fn an_error_of_damage_names_the_way_round_it() {
    let dir = tempfile::tempdir().unwrap();
    let bag = dir.path().join("drive");
    let chunks = {
        write_bag(&bag, &images(3));
        chunks(&fs::read(storage(&bag)).unwrap())
    };
    let bytes = fs::read(storage(&bag)).unwrap();
    let replay = |out: &str, flags: &[&str]| replay(&bag, &dir.path().join(out), flags);
    // found while it is played, at either pace, and when it is opened
    fs::write(storage(&bag), &bytes[..chunks[2] + 50]).unwrap();
    replay("a", &[]).fails(&["drive_0.mcap", "`--recover`"]);
    replay("b", &["--rate", "10"]).fails(&["drive_0.mcap", "`--recover`"]);
    fs::write(bag.join("metadata.yaml"), "").unwrap();
    replay("c", &[]).fails(&["metadata.yaml", "`--recover`", "remove it"]);
    replay("d", &["--recover"]).ends_with(4);
    fs::remove_dir_all(&bag).unwrap();
    let run = replay("e", &[]);
    run.fails(&["cannot open"]);
    assert!(!run.stderr.contains("--recover"), "{}", run.stderr);
}

#[test]
fn what_a_killed_recorder_lost_is_an_unknown_number() {
    let dir = tempfile::tempdir().unwrap();
    let bag = dir.path().join("drive");
    write_without_end(&bag);
    for rate in ["max", "1"] {
        let out = dir.path().join(rate);
        let flags_of_run = ["--recover", "--json", "--rate", rate];
        let run = replay(&storage(&bag), &out, &flags_of_run);
        let words = "an unknown number of messages lost";
        let lost = run.ends_with(4).says(&[words]).json()["lost"].clone();
        assert_eq!(lost["messages"], serde_json::Value::Null, "{lost}");
        assert_eq!(lost["count"], 1, "{lost}");
        let report = fs::read_to_string(out.join("report.html")).unwrap();
        assert!(report.contains(words), "{rate}");
    }
}

#[test]
fn a_recording_that_holds_less_than_it_counts_is_told_to_be_short() {
    let dir = tempfile::tempdir().unwrap();
    let bag = dir.path().join("drive");
    write_bag(&bag, &images(3));
    let metadata = bag.join("metadata.yaml");
    let text = fs::read_to_string(&metadata).unwrap();
    let text = text.replace("message_count: 3", "message_count: 50");
    fs::write(&metadata, text).unwrap();
    for (flags_of_run, code) in [(&["--json"][..], 0), (&["--json", "--recover"], 4)] {
        let out = dir.path().join(code.to_string());
        let run = replay(&bag, &out, flags_of_run);
        let words = "47 messages lost";
        let lost = run.ends_with(code).says(&[words, "counts 50"]).json()["lost"].clone();
        assert_eq!((&lost["count"], &lost["messages"]), (&1.into(), &47.into()));
        let report = fs::read_to_string(out.join("report.html")).unwrap();
        assert!(report.contains(words), "{report}");
    }
}

#[test]
fn a_whole_recording_loses_nothing_where_it_is_recovered() {
    let dir = tempfile::tempdir().unwrap();
    let (bag, out) = (dir.path().join("drive"), dir.path().join("out"));
    write_bag(&bag, &images(2));
    let run = replay(&bag, &out, &["--recover", "--json"]);
    let lost = run.ends_with(0).json()["lost"].clone();
    assert_eq!((&lost["count"], &lost["messages"]), (&0.into(), &0.into()));
}

#[test]
fn what_is_left_out_of_a_recording_or_read_from_a_copy_is_told() {
    for (name, frames, words) in [
        (
            "06_one_log_time_above_2pow63.mcap",
            9,
            "impossible log time",
        ),
        (
            "10_hot_journal",
            10,
            "the recorder did not close this file; what it had committed is read, from a copy",
        ),
    ] {
        let Some(bag) = case(name) else {
            return;
        };
        let dir = tempfile::tempdir().unwrap();
        let out = dir.path().join("out");
        replay(&bag, &out, &[]).ends_with(0).says(&["WARN", words]);
        assert_eq!(Table::of(&out).len(), frames, "{name}");
    }
}
