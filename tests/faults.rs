//! Faults in a live run of the whole program: engine, source, clock, disk. Whatever breaks, the flag
//! is raised within the staleness limit and one heartbeat, the process lives on or ends with an
//! error, the reason is told, and what was written stays.
#![allow(clippy::unwrap_used)]

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use std::sync::{Mutex, MutexGuard, OnceLock, PoisonError};

use jpeg_encoder::{ColorType, Encoder};
use lookout::bag::{BagReader, BagWriter, MessageBuf, Qos};
use lookout::msg::{CompressedImageRef, HeaderRef};
use lookout::time::Stamp;
use lookout_scene::{Anomaly, Drive, DriveConfig, Rendered};

const STALE_MS: f64 = 500.0;
const HEARTBEAT_MS: f64 = 50.0;
/// What a machine that runs other tests too may add to a heartbeat.
const GRACE_MS: f64 = 100.0;
const HZ: i64 = 10;

/// Frames of a street with nothing strange on it, as JPEG.
fn pictures() -> &'static [Vec<u8>] {
    static PICTURES: OnceLock<Vec<Vec<u8>>> = OnceLock::new();
    PICTURES.get_or_init(|| {
        let street = Drive::new(DriveConfig {
            seed: 1,
            fps: HZ as f64,
            duration_s: 4.0,
            anomaly: Anomaly::None,
            ..DriveConfig::default()
        })
        .unwrap();
        let mut out = Rendered::new();
        let encode = |i| {
            street.render(i, &mut out);
            let mut jpeg = Vec::new();
            let (width, height) = (out.width as u16, out.height as u16);
            Encoder::new(&mut jpeg, 90)
                .encode(&out.rgb, width, height, ColorType::Rgb)
                .unwrap();
            jpeg
        };
        (0..street.frame_count()).map(encode).collect()
    })
}

/// So many frames; after the last picture it starts over.
fn bag(folder: &Path, frames: usize) -> PathBuf {
    let path = folder.join("drive");
    let mut bag = BagWriter::create(&path, "drive").unwrap();
    let topic = bag
        .add_topic::<CompressedImageRef<'_>>("/camera/image_raw/compressed", Qos::Sensor)
        .unwrap();
    for (i, data) in pictures().iter().cycle().take(frames).enumerate() {
        let nanos = 1_700_000_000_000_000_000 + i as i64 * 1_000_000_000 / HZ;
        let stamp = Stamp::from_nanos(nanos);
        let header = HeaderRef {
            stamp: stamp.into(),
            frame_id: "camera",
        };
        let image = CompressedImageRef {
            header,
            format: "jpeg",
            data,
        };
        bag.write(topic, stamp, &image).unwrap();
    }
    bag.finish().unwrap();
    path
}

/// Every mode counts as watching: these tests are of faults, and not of how fast the machine is.
fn settings(folder: &Path) -> PathBuf {
    let path = folder.join("settings.toml");
    fs::write(&path, "least_mode = \"reduced\"\n").unwrap();
    path
}

/// Live runs one at a time: each wants the processors for itself.
fn alone() -> MutexGuard<'static, ()> {
    static ALONE: Mutex<()> = Mutex::new(());
    ALONE.lock().unwrap_or_else(PoisonError::into_inner)
}

struct Beat {
    safe_stop: bool,
    cause: String,
    message: String,
    verdict_age_ms: f64,
}

struct Row {
    state: String,
    reason: String,
    text: String,
}

struct Run {
    output: Output,
    beats: Vec<Beat>,
    rows: Vec<Row>,
    profile: Option<serde_json::Value>,
}

impl Run {
    fn stderr(&self) -> String {
        String::from_utf8_lossy(&self.output.stderr).into_owned()
    }

    fn read(output: Output, out: &Path) -> Self {
        let text = |name: &str| fs::read_to_string(out.join(name)).unwrap();
        let mut beats = Vec::new();
        for record in csv::Reader::from_reader(text("heartbeat.csv").as_bytes()).records() {
            let record = record.unwrap();
            beats.push(Beat {
                safe_stop: &record[2] == "true",
                cause: record[3].to_owned(),
                message: record[4].to_owned(),
                verdict_age_ms: record[5].parse().unwrap(),
            });
        }
        let mut rows = Vec::new();
        let text = text("frames.csv");
        let mut reader = csv::Reader::from_reader(text.as_bytes());
        let headers = reader.headers().unwrap().clone();
        let column = |name: &str| headers.iter().position(|h| h == name).unwrap();
        let (state, code, words) = (column("state"), column("reason"), column("reason_text"));
        for record in reader.records() {
            let record = record.unwrap();
            rows.push(Row {
                state: record[state].to_owned(),
                reason: record[code].to_owned(),
                text: record[words].to_owned(),
            });
        }
        let profile = fs::read_to_string(out.join("profile.json")).ok();
        let profile = profile.map(|json| serde_json::from_str(&json).unwrap());
        let run = Self {
            output,
            beats,
            rows,
            profile,
        };
        run.check();
        run
    }

    /// What holds in every run, whatever its faults.
    #[track_caller]
    fn check(&self) {
        let stderr = self.stderr();
        let (first, last) = (self.beats.first().unwrap(), self.beats.last().unwrap());
        assert!(first.safe_stop, "the flag starts raised");
        assert!(last.safe_stop, "and ends raised: {stderr}");
        for beat in self.beats.iter().filter(|beat| !beat.safe_stop) {
            assert!(
                beat.verdict_age_ms <= STALE_MS,
                "a flag that is down on a verdict {} ms old: {stderr}",
                beat.verdict_age_ms
            );
        }
        if let Some(profile) = &self.profile {
            let late = &profile["deadlines"]["late_shown_as_fresh"];
            assert_eq!(late, 0, "{stderr}");
        }
    }

    /// The beat in which the flag rose for a cause, after it was down.
    #[track_caller]
    fn rose(&self, cause: &str) -> &Beat {
        let pairs = self.beats.windows(2).map(|pair| (&pair[0], &pair[1]));
        let mut rises = pairs.filter(|(before, after)| !before.safe_stop && after.safe_stop);
        let found = rises.find(|(_, after)| after.cause == cause);
        found.map(|(_, after)| after).unwrap_or_else(|| {
            let causes: Vec<_> = self.beats.iter().map(|b| (b.safe_stop, &b.cause)).collect();
            panic!("no rise for {cause}: {causes:?}\n{}", self.stderr())
        })
    }

    /// The rows after the first with this reason.
    #[track_caller]
    fn after(&self, reason: &str) -> &[Row] {
        let at = self.rows.iter().position(|row| row.reason == reason);
        let at = at.unwrap_or_else(|| {
            let reasons: Vec<_> = self.rows.iter().map(|row| &row.reason).collect();
            panic!("no row is {reason}: {reasons:?}\n{}", self.stderr())
        });
        &self.rows[at..]
    }

    /// That the flag went down again after a frame with this reason.
    #[track_caller]
    fn recovers(&self, reason: &str) {
        let after = self.after(reason);
        assert_eq!(after[0].state, "FAULT");
        assert!(
            after
                .iter()
                .any(|row| row.state == "OK" || row.state == "WARN"),
            "never good again after {reason}: {}",
            self.stderr()
        );
    }
}

/// `lookout profile` with faults, over so many frames.
fn profile(faults: &str, frames: usize) -> Run {
    let _alone = alone();
    let folder = tempfile::tempdir().unwrap();
    let out = folder.path().join("out");
    let output = Command::new(env!("CARGO_BIN_EXE_lookout"))
        .arg("profile")
        .arg(bag(folder.path(), frames))
        .args(["--engine", "rten", "--inject", faults, "--settings"])
        .arg(settings(folder.path()))
        .arg("--out")
        .arg(&out)
        .args([
            "--deadline-ms",
            "150",
            "--stale-ms",
            "500",
            "--heartbeat-ms",
            "50",
        ])
        .env("RUST_LOG", "info")
        .env_remove("RUST_BACKTRACE")
        .output()
        .unwrap();
    Run::read(output, &out)
}

#[test]
fn without_a_fault_the_flag_goes_down_and_stays_down() {
    let run = profile("", 40);
    assert!(run.output.status.success(), "{}", run.stderr());
    assert!(run.beats.iter().any(|beat| !beat.safe_stop));
    assert_eq!(run.beats.last().unwrap().cause, "stopped");
    let profile = run.profile.unwrap();
    assert_eq!(profile["deadlines"]["frames"], 40);
}

#[test]
fn an_engine_that_panics_raises_the_flag_and_is_opened_again() {
    let run = profile("panic@15", 45);
    assert!(run.output.status.success(), "{}", run.stderr());
    let beat = run.rose("panic");
    assert!(
        beat.message.contains("a panic on purpose"),
        "{}",
        beat.message
    );
    let row = &run.after("failed")[0];
    assert_eq!(row.text, "engine panicked");
    assert!(run.stderr().contains("opened again"), "{}", run.stderr());
    run.recovers("failed");
}

#[test]
fn an_engine_that_hangs_raises_the_flag_at_the_staleness_limit() {
    let run = profile("hang@15:5000", 90);
    assert!(run.output.status.success(), "{}", run.stderr());
    let beat = run.rose("stale");
    let limit = STALE_MS + HEARTBEAT_MS + GRACE_MS;
    assert!(beat.verdict_age_ms <= limit, "{} ms", beat.verdict_age_ms);
    // what came out of it five seconds later is late, and said to be
    let states: Vec<_> = run.rows.iter().map(|row| row.state.as_str()).collect();
    assert!(states.contains(&"FAULT"), "{states:?}");
    let reason = run.rows.iter().find(|row| row.state == "FAULT").unwrap();
    run.recovers(&reason.reason.clone());
}

#[test]
fn scores_that_are_no_numbers_or_all_the_same_raise_the_flag() {
    let run = profile("nan@12,constant@26", 45);
    assert!(run.output.status.success(), "{}", run.stderr());
    run.recovers("non-finite");
    run.recovers("constant-score-map");
    assert!(
        run.beats
            .iter()
            .any(|beat| beat.message.contains("no finite score"))
    );
}

#[test]
fn a_source_that_dies_ends_the_run_with_the_flag_raised() {
    for (faults, words) in [
        ("source-dies@15", "died on purpose"),
        ("source-panics@15", "a panic on purpose"),
    ] {
        let run = profile(faults, 40);
        assert_eq!(run.output.status.code(), Some(1), "{}", run.stderr());
        assert!(run.stderr().contains(words), "{}", run.stderr());
        assert!(run.beats.iter().any(|beat| !beat.safe_stop));
        // everything before it was written
        assert!(run.rows.len() >= 13, "{} rows", run.rows.len());
        assert!(run.profile.is_some());
    }
}

#[test]
fn a_source_that_stalls_raises_the_flag_until_frames_are_good_again() {
    let run = profile("source-stalls@15:1500", 50);
    assert!(run.output.status.success(), "{}", run.stderr());
    let raised: Vec<_> = run.beats.iter().filter(|beat| beat.safe_stop).collect();
    assert!(
        raised
            .iter()
            .any(|beat| beat.message.contains("no frame came for") || beat.cause == "stale"),
        "{}",
        run.stderr()
    );
    assert!(
        run.rows.last().unwrap().state != "FAULT",
        "{}",
        run.stderr()
    );
}

#[test]
fn a_clock_that_steps_raises_the_flag() {
    for faults in ["clock-step@1500:3000", "clock-step@1500:-3000"] {
        let run = profile(faults, 40);
        assert!(run.output.status.success(), "{}", run.stderr());
        let told = run.beats.iter().any(|beat| {
            beat.message
                .contains("clock of the capture stamps was moved")
        });
        assert!(told, "{faults}: {}", run.stderr());
        // ages cannot be known on this clock any more
        assert_eq!(run.rows.last().unwrap().state, "FAULT", "{faults}");
    }
}

/// A file system of a megabyte, in a mount namespace of its own.
#[test]
fn a_full_disk_raises_the_flag_and_keeps_what_was_written() {
    let _alone = alone();
    let folder = tempfile::tempdir().unwrap();
    let (small, kept) = (folder.path().join("small"), folder.path().join("kept"));
    fs::create_dir_all(&small).unwrap();
    fs::create_dir_all(&kept).unwrap();
    let mount = "mount -t tmpfs -o size=1m none \"$SMALL\"";
    let works = Command::new("unshare")
        .args(["-rm", "sh", "-c", mount])
        .env("SMALL", &small)
        .status();
    if !works.is_ok_and(|status| status.success()) {
        assert!(
            std::env::var_os("LOOKOUT_NEEDS_NAMESPACES").is_none(),
            "no mount namespace to be had"
        );
        eprintln!("skipped: no mount namespace to be had");
        return;
    }
    let script = r#"
        mount -t tmpfs -o size=1m none "$SMALL" || exit 99
        "$LOOKOUT" profile "$BAG" --engine rten --settings "$SETTINGS" --out "$SMALL/out" \
            --deadline-ms 1000 --stale-ms 2000 --heartbeat-ms 50
        code=$?
        cp -r "$SMALL/out" "$KEPT/out"
        exit $code
    "#;
    let output = Command::new("unshare")
        .args(["-rm", "sh", "-c", script])
        .env("SMALL", &small)
        .env("KEPT", &kept)
        .env("LOOKOUT", env!("CARGO_BIN_EXE_lookout"))
        .env("BAG", bag(folder.path(), 60))
        .env("SETTINGS", settings(folder.path()))
        .env("RUST_LOG", "info")
        .output()
        .unwrap();
    let stderr = String::from_utf8_lossy(&output.stderr).into_owned();
    assert_eq!(output.status.code(), Some(1), "{stderr}");
    assert!(stderr.contains("recording ends here"), "{stderr}");
    assert!(
        stderr.contains("output failed"),
        "the flag says why: {stderr}"
    );
    // the process went on to the end of the drive: its last words are those of a run that ended
    assert!(
        stderr.contains("60 of 60 frames") || stderr.contains("stopped"),
        "{stderr}"
    );
    let bag = kept.join("out/annotated/annotated_0.mcap");
    let mut reader = BagReader::open(&bag).unwrap();
    let (mut message, mut flags) = (MessageBuf::new(), 0);
    while let Ok(true) = reader.read_next(&mut message) {
        flags += u32::from(message.topic() == "/lookout/output/safe_stop");
    }
    assert!(flags >= 3, "{flags} flags in what was written");
}
