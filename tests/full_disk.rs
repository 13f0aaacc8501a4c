//! A bag on a disk that fills up. A test program of its own: the limit holds for the whole process.
#![cfg(target_os = "linux")]
#![allow(clippy::unwrap_used, reason = "a test that fails may panic")]

mod support;

use std::sync::Arc;
use std::sync::atomic::AtomicBool;

use lookout::bag::{BagError, BagReader, BagWriter, MessageBuf, Qos};
use lookout::msg::Image;
use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
use support::{TOPIC, image, stamp, storage};

/// What files may grow to; a signal comes with the error, and would end the program.
const LIMIT: u64 = 600_000;

#[test]
fn what_was_written_before_a_disk_was_full_stays_readable() {
    let dir = tempfile::tempdir().unwrap();
    let folder = dir.path().join("drive");
    signal_hook::flag::register(25 /* SIGXFSZ */, Arc::new(AtomicBool::new(false))).unwrap();
    let maximum = getrlimit(Resource::Fsize).maximum;
    let limit = |current| setrlimit(Resource::Fsize, Rlimit { current, maximum }).unwrap();
    let mut bag = BagWriter::create(&folder, "drive").unwrap();
    let topic = bag.add_topic::<Image>(TOPIC, Qos::Sensor).unwrap();
    limit(Some(LIMIT));
    let mut index = 0;
    let error = loop {
        if let Err(error) = bag.write(topic, stamp(index), &image(index)) {
            break error;
        }
        index += 1;
        assert!(index < 1000);
    };
    // the first word on it is the last
    let later = bag.write(topic, stamp(index), &image(index)).unwrap_err();
    assert!(later.to_string().contains("closed"), "{later}");
    drop(bag);
    limit(maximum);
    let BagError::Storage { messages, .. } = error else {
        panic!("{error}");
    };
    assert!(
        0 < messages && messages <= u64::from(index),
        "{messages} of {index}"
    );
    assert!(std::fs::metadata(storage(&folder)).unwrap().len() < LIMIT);
    let mut reader = BagReader::open_recovering(&folder).unwrap();
    let (mut message, mut read) = (MessageBuf::new(), 0);
    while reader.read_next(&mut message).unwrap() {
        read += 1;
    }
    assert_eq!(read, messages);
}
