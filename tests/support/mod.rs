//! What the tests of whole commands share: bags to feed, a way to run, and readers of the results.

#![allow(dead_code, reason = "every test program uses a part of it")]

pub(crate) mod cases;
pub(crate) mod own;

use std::collections::BTreeMap;
use std::fs;
use std::ops::Range;
use std::path::{Path, PathBuf};
use std::process::Command;

use lookout::bag::{BagReader, BagWriter, MessageBuf, Qos};
use lookout::msg::{Bool, CompressedImage, Header, Image, RosMessage, cdr};
use lookout::profile::FramesCsv;
use lookout::time::Stamp;
use serde::Serialize;
use sha2::{Digest, Sha256};

pub(crate) const TOPIC: &str = "/camera/image_raw";
pub(crate) const MASK: &str = "/lookout/output/anomaly_mask";
pub(crate) const SCORE_MAP: &str = "/lookout/output/score_map";
pub(crate) const OVERLAY: &str = "/lookout/debug/overlay/compressed";
pub(crate) const SAFE_STOP: &str = "/lookout/output/safe_stop";
pub(crate) const STATUS: &str = "/lookout/output/status";

/// Columns and rows of the pictures.
pub(crate) const SIZE: (u32, u32) = (96, 64);

/// Capture stamp of the frame with that number: ten a second.
pub(crate) fn stamp(index: u32) -> Stamp {
    Stamp::from_nanos(1_700_000_000_000_000_000 + i64::from(index) * 100_000_000)
}

/// A gradient with noise, so that a frame keeps some size when it is compressed.
pub(crate) fn pixels(index: u32) -> Vec<u8> {
    let mut noise = 0x9e37_79b9_u32 ^ (index + 1);
    let mut rgb = Vec::new();
    for y in 0..SIZE.1 {
        for x in 0..SIZE.0 {
            for base in [2 * x, 3 * y, x + y + 8 * index] {
                noise ^= noise << 13;
                noise ^= noise >> 17;
                noise ^= noise << 5;
                rgb.push((base % 192 + (noise >> 26)) as u8);
            }
        }
    }
    rgb
}

fn header(index: u32) -> Header {
    Header {
        stamp: stamp(index).into(),
        frame_id: "camera".to_owned(),
    }
}

/// A good frame.
pub(crate) fn image(index: u32) -> Image {
    Image {
        header: header(index),
        height: SIZE.1,
        width: SIZE.0,
        encoding: "rgb8".to_owned(),
        is_bigendian: 0,
        step: 3 * SIZE.0,
        data: pixels(index),
    }
}

pub(crate) fn images(count: u32) -> Vec<Image> {
    (0..count).map(image).collect()
}

/// A good frame as JPEG.
pub(crate) fn compressed_image(index: u32) -> CompressedImage {
    let mut data = Vec::new();
    let size = (SIZE.0 as u16, SIZE.1 as u16);
    jpeg_encoder::Encoder::new(&mut data, 90)
        .encode(&pixels(index), size.0, size.1, jpeg_encoder::ColorType::Rgb)
        .unwrap();
    CompressedImage {
        header: header(index),
        format: "jpeg".to_owned(),
        data,
    }
}

/// Writes a bag of one topic, every message in a chunk of its own, recorded 5 ms after capture.
pub(crate) fn write_bag<M: RosMessage + Serialize>(folder: &Path, messages: &[M]) {
    let mut bag = BagWriter::create(folder, "drive").unwrap();
    let topic = bag.add_topic::<M>(TOPIC, Qos::Sensor).unwrap();
    for (index, message) in messages.iter().enumerate() {
        let log_time = Stamp::from_nanos(stamp(index as u32).as_nanos() + 5_000_000);
        bag.write(topic, log_time, message).unwrap();
        bag.flush().unwrap();
    }
    bag.finish().unwrap();
}

/// The storage file of a bag of [`write_bag`].
pub(crate) fn storage(folder: &Path) -> PathBuf {
    folder.join("drive_0.mcap")
}

/// What a command said and how it ended.
pub(crate) struct Run {
    pub(crate) code: Option<i32>,
    pub(crate) stdout: Vec<u8>,
    pub(crate) stderr: String,
}

/// The program, away from the variables of whoever runs the tests.
pub(crate) fn command(name: &str) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_lookout"));
    command
        .arg(name)
        .env_remove("RUST_LOG")
        .env_remove("ORT_DYLIB_PATH");
    command
}

/// Runs a command to its end, which must not be a panic.
#[track_caller]
pub(crate) fn finish(mut command: Command) -> Run {
    let output = command.output().unwrap();
    let run = Run {
        code: output.status.code(),
        stdout: output.stdout,
        stderr: String::from_utf8_lossy(&output.stderr).into_owned(),
    };
    assert!(!run.stderr.contains("panicked"), "{}", run.stderr);
    run
}

/// `lookout replay` with the built-in engine on one thread.
#[track_caller]
pub(crate) fn replay(bag: &Path, out: &Path, more: &[&str]) -> Run {
    let mut command = command("replay");
    command.arg(bag).arg("--out").arg(out);
    command
        .args(["--engine", "rten", "--threads", "1"])
        .args(more);
    finish(command)
}

impl Run {
    #[track_caller]
    pub(crate) fn ends_with(&self, code: i32) -> &Self {
        assert_eq!(self.code, Some(code), "{}", self.stderr);
        self
    }

    /// Ended with 1 and said all of these words.
    #[track_caller]
    pub(crate) fn fails(&self, words: &[&str]) -> &Self {
        self.ends_with(1).says(words)
    }

    #[track_caller]
    pub(crate) fn says(&self, words: &[&str]) -> &Self {
        for word in words {
            assert!(
                self.stderr.contains(word),
                "no {word:?} in: {}",
                self.stderr
            );
        }
        self
    }

    /// The one JSON value on stdout.
    #[track_caller]
    pub(crate) fn json(&self) -> serde_json::Value {
        serde_json::from_slice(&self.stdout).unwrap()
    }
}

/// `frames.csv`.
pub(crate) struct Table {
    header: csv::StringRecord,
    rows: Vec<csv::StringRecord>,
}

impl Table {
    #[track_caller]
    pub(crate) fn of(out: &Path) -> Self {
        let mut reader = csv::Reader::from_path(out.join("frames.csv")).unwrap();
        let header = reader.headers().unwrap().clone();
        let rows = reader.records().map(Result::unwrap).collect();
        Self { header, rows }
    }

    pub(crate) fn len(&self) -> usize {
        self.rows.len()
    }

    #[track_caller]
    pub(crate) fn get(&self, row: usize, column: &str) -> &str {
        let at = self.header.iter().position(|name| name == column);
        &self.rows[row][at.unwrap()]
    }

    #[track_caller]
    pub(crate) fn column(&self, column: &str) -> Vec<&str> {
        (0..self.len()).map(|row| self.get(row, column)).collect()
    }

    /// The columns that do not depend on the machine's speed.
    pub(crate) fn verdicts(&self) -> Vec<Vec<&str>> {
        let columns = FramesCsv::<Vec<u8>>::VERDICT_COLUMNS;
        assert!(self.header.len() > columns);
        self.rows
            .iter()
            .map(|row| row.iter().take(columns).collect())
            .collect()
    }
}

/// The messages of a bag by topic, as serialised.
#[track_caller]
pub(crate) fn messages(bag: &Path) -> BTreeMap<String, Vec<Vec<u8>>> {
    let mut reader = BagReader::open(bag).unwrap();
    let mut message = MessageBuf::new();
    let mut all: BTreeMap<String, Vec<Vec<u8>>> = BTreeMap::new();
    while reader.read_next(&mut message).unwrap() {
        let topic = all.entry(message.topic().to_owned()).or_default();
        topic.push(message.data().to_vec());
    }
    all
}

/// Messages of a replay's annotated bag by topic.
#[track_caller]
pub(crate) fn annotated(out: &Path) -> BTreeMap<String, Vec<Vec<u8>>> {
    messages(&out.join("annotated"))
}

/// How many messages there are on a topic.
pub(crate) fn count(all: &BTreeMap<String, Vec<Vec<u8>>>, topic: &str) -> usize {
    all.get(topic).map_or(0, Vec::len)
}

/// The safe-stop flags in their order.
#[track_caller]
pub(crate) fn flags(all: &BTreeMap<String, Vec<Vec<u8>>>) -> Vec<bool> {
    let flag = |data: &Vec<u8>| cdr::from_slice::<Bool>(data).unwrap().data;
    all[SAFE_STOP].iter().map(flag).collect()
}

/// Everything below a folder: files with their bytes, folders without.
pub(crate) fn snapshot(folder: &Path) -> BTreeMap<PathBuf, Option<Vec<u8>>> {
    let mut all = BTreeMap::new();
    let mut folders = vec![folder.to_owned()];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(&folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                all.insert(path.clone(), None);
                folders.push(path);
            } else {
                let bytes = fs::read(&path).unwrap();
                all.insert(path, Some(bytes));
            }
        }
    }
    all
}

/// Copies the shipped bundle.
pub(crate) fn copy_bundle(to: &Path) {
    let from = Path::new(env!("CARGO_MANIFEST_DIR")).join("models/road");
    fs::create_dir_all(to).unwrap();
    for entry in fs::read_dir(from).unwrap() {
        let path = entry.unwrap().path();
        if path.is_file() {
            let name = path.file_name().unwrap();
            fs::write(to.join(name), fs::read(&path).unwrap()).unwrap();
        }
    }
}

/// Sets a text in a table of a bundle's manifest.
pub(crate) fn set_in_manifest(bundle: &Path, table: &str, key: &str, text: &str) {
    let path = bundle.join("model.toml");
    let manifest = fs::read_to_string(&path).unwrap();
    let mut manifest: toml_edit::DocumentMut = manifest.parse().unwrap();
    manifest[table][key] = toml_edit::value(text);
    fs::write(&path, manifest.to_string()).unwrap();
}

/// Makes every bias of a graph NaN and lets the manifest know its new hash, as a training that
/// went wrong would leave it.
pub(crate) fn poison(bundle: &Path, table: &str, file: &str) {
    let path = bundle.join(file);
    let mut onnx = fs::read(&path).unwrap();
    let mut biases = Vec::new();
    for graph in parts(&onnx, 0..onnx.len(), 7) {
        for initializer in parts(&onnx, graph, 5) {
            let mut names = parts(&onnx, initializer.clone(), 8).into_iter();
            if names.any(|name| onnx[name].ends_with(b".bias")) {
                biases.extend(parts(&onnx, initializer, 9));
            }
        }
    }
    assert!(!biases.is_empty(), "no biases in {file}");
    for raw in biases {
        for value in onnx[raw].chunks_exact_mut(4) {
            value.copy_from_slice(&f32::NAN.to_le_bytes());
        }
    }
    fs::write(&path, &onnx).unwrap();
    let digest = Sha256::digest(&onnx);
    let hash: String = digest.iter().map(|byte| format!("{byte:02x}")).collect();
    set_in_manifest(bundle, table, "sha256", &hash);
}

/// Where the fields with a number lie that have a length, in a protobuf message.
fn parts(bytes: &[u8], message: Range<usize>, number: u64) -> Vec<Range<usize>> {
    let mut at = message.start;
    let varint = |at: &mut usize| {
        let mut value = 0;
        for shift in (0..64).step_by(7) {
            let byte = bytes[*at];
            *at += 1;
            value |= u64::from(byte & 0x7f) << shift;
            if byte < 0x80 {
                break;
            }
        }
        value
    };
    let mut found = Vec::new();
    while at < message.end {
        let key = varint(&mut at);
        match key & 7 {
            0 => _ = varint(&mut at),
            1 => at += 8,
            2 => {
                let len = varint(&mut at) as usize;
                if key >> 3 == number {
                    found.push(at..at + len);
                }
                at += len;
            }
            5 => at += 4,
            other => panic!("wire type {other} at byte {at}"),
        }
    }
    found
}
