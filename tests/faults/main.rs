//! Faults in a live run: engine, source, clock, disk. Whatever breaks, the flag is raised within the
//! staleness limit and one heartbeat, the run goes on or ends with an error, the log says why, and
//! what was written stays.
//!
//! Engine, source and clock break in a run of this process, which is joined as that of the program is. What
//! breaks in the program itself is its recording and its disk.
#![allow(clippy::unwrap_used)]

mod run;

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::{Mutex, MutexGuard, OnceLock, PoisonError};
use std::time::Duration;

use jpeg_encoder::{ColorType, Encoder};
use lookout::bag::{BagReader, BagWriter, MessageBuf, Qos};
use lookout::decide::State;
use lookout::msg::{CompressedImageRef, HeaderRef};
use lookout::time::Stamp;
use lookout_scene::{Anomaly, Drive, DriveConfig, Rendered};
use run::{EngineFault, Faults, Run, SourceFault};

const DEADLINE_MS: u32 = 150;
const STALE_MS: u32 = 500;
const HEARTBEAT_MS: u32 = 50;
/// What a machine that runs other tests too may add to a heartbeat.
const GRACE: Duration = Duration::from_millis(100);
const TICK: Duration = Duration::from_millis(50);
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

fn stamp(frame: usize) -> Stamp {
    Stamp::from_nanos(1_700_000_000_000_000_000 + frame as i64 * 1_000_000_000 / HZ)
}

/// So many frames; after the last picture it starts over.
fn bag(folder: &Path, frames: usize) -> PathBuf {
    let path = folder.join("drive");
    let mut bag = BagWriter::create(&path, "drive").unwrap();
    let topic = bag
        .add_topic::<CompressedImageRef<'_>>("/camera/image_raw/compressed", Qos::Sensor)
        .unwrap();
    for (i, data) in pictures().iter().cycle().take(frames).enumerate() {
        let stamp = stamp(i);
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
fn settings_file(folder: &Path) -> PathBuf {
    let path = folder.join("settings.toml");
    fs::write(&path, "least_mode = \"reduced\"\n").unwrap();
    path
}

/// Live runs one at a time: each wants the processors for itself.
fn alone() -> MutexGuard<'static, ()> {
    static ALONE: Mutex<()> = Mutex::new(());
    ALONE.lock().unwrap_or_else(PoisonError::into_inner)
}

#[test]
fn without_a_fault_the_flag_goes_down_and_stays_down() {
    let run = Run::of(Faults::default(), 40);
    assert_eq!(run.ended, Ok(()));
    assert!(run.was_down());
    assert_eq!(run.beats.last().unwrap().cause.code(), "stopped");
}

#[test]
fn an_engine_that_panics_raises_the_flag_and_is_opened_again() {
    let faults = Faults {
        engine: &[(15, EngineFault::Panics)],
        ..Faults::default()
    };
    let run = Run::of(faults, 45);
    assert_eq!(run.ended, Ok(()));
    let told = run.rose("panic").cause.to_string();
    assert!(told.contains("a panic on purpose"), "{told}");
    assert_eq!(run.recovers("failed").reason.to_string(), "engine panicked");
    assert_eq!(run.repairs, 1);
}

#[test]
fn an_engine_that_hangs_raises_the_flag_at_the_staleness_limit() {
    let faults = Faults {
        engine: &[(15, EngineFault::Hangs(5))],
        ..Faults::default()
    };
    let run = Run::of(faults, 90);
    assert_eq!(run.ended, Ok(()));
    let age = run.rose("stale").verdict_age.unwrap();
    let limit = Duration::from_millis((STALE_MS + HEARTBEAT_MS).into()) + GRACE;
    assert!(age <= limit, "{age:?}");
    // what came out of it five seconds later is late, and said to be
    let fault = run.verdicts.iter().find(|v| v.state == State::Fault);
    run.recovers(fault.unwrap().reason.code());
}

#[test]
fn scores_that_are_no_numbers_or_all_the_same_raise_the_flag() {
    let faults = Faults {
        engine: &[
            (12, EngineFault::Gives(f32::NAN)),
            (26, EngineFault::Gives(1.0)),
        ],
        ..Faults::default()
    };
    let run = Run::of(faults, 45);
    assert_eq!(run.ended, Ok(()));
    run.recovers("non-finite");
    run.recovers("constant-score-map");
    assert!(run.says("no finite score"));
}

#[test]
fn a_source_that_dies_ends_the_run_with_the_flag_raised() {
    for (fault, words) in [
        (SourceFault::Dies, "died on purpose"),
        (SourceFault::Panics, "a panic on purpose"),
    ] {
        let faults = Faults {
            source: Some((15, fault)),
            ..Faults::default()
        };
        let run = Run::of(faults, 40);
        let error = run.ended.as_ref().unwrap_err().to_string();
        assert!(error.contains(words), "{error}");
        assert!(run.was_down());
        assert!(run.verdicts.len() >= 13, "{}", run.verdicts.len());
    }
}

#[test]
fn a_source_that_stalls_raises_the_flag_until_frames_are_good_again() {
    let faults = Faults {
        source: Some((15, SourceFault::Stalls(Duration::from_millis(1500)))),
        ..Faults::default()
    };
    let run = Run::of(faults, 50);
    assert_eq!(run.ended, Ok(()));
    let stale = run.beats.iter().any(|beat| beat.cause.code() == "stale");
    assert!(stale || run.says("no frame came for"));
    assert_ne!(run.verdicts.last().unwrap().state, State::Fault);
}

#[test]
fn a_clock_that_steps_raises_the_flag() {
    for ms in [3000, -3000] {
        let faults = Faults {
            clock: Some((Duration::from_millis(1500), ms)),
            ..Faults::default()
        };
        let run = Run::of(faults, 40);
        assert_eq!(run.ended, Ok(()));
        assert!(run.says("clock of the capture stamps was moved"), "{ms}");
        // ages cannot be known on this clock any more
        assert_eq!(run.verdicts.last().unwrap().state, State::Fault, "{ms}");
    }
}

#[test]
fn a_recording_that_is_cut_off_ends_with_the_flag_raised_and_keeps_what_was_written() {
    let _alone = alone();
    let folder = tempfile::tempdir().unwrap();
    let (drive, out) = (bag(folder.path(), 40), folder.path().join("out"));
    let file = drive.join("drive_0.mcap");
    let bytes = fs::read(&file).unwrap();
    fs::write(&file, &bytes[..bytes.len() / 2]).unwrap();
    let output = Command::new(env!("CARGO_BIN_EXE_lookout"))
        .arg("profile")
        .arg(drive)
        .args(["--engine", "rten", "--out"])
        .arg(&out)
        .output()
        .unwrap();
    let stderr = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(1), "{stderr}");
    assert!(stderr.contains("truncated"), "{stderr}");
    assert!(out.join("profile.json").is_file() && out.join("report.html").is_file());
    let rows = fs::read_to_string(out.join("frames.csv")).unwrap();
    assert!(rows.lines().count() > 5, "{rows}");
    let mut beats = csv::Reader::from_path(out.join("heartbeat.csv")).unwrap();
    let last = beats.records().last().unwrap().unwrap();
    assert_eq!(&last[2], "true", "{last:?}");
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
        .env("SETTINGS", settings_file(folder.path()))
        .env("RUST_LOG", "info")
        .output()
        .unwrap();
    let stderr = String::from_utf8_lossy(&output.stderr).into_owned();
    assert_eq!(output.status.code(), Some(1), "{stderr}");
    assert!(stderr.contains("recording ends here"), "{stderr}");
    // of the bag, or of the table beside it: whichever was the first that the disk had no room for
    let named = ["the disk is full", "No space left on device"];
    assert!(named.iter().any(|words| stderr.contains(words)), "{stderr}");
    assert!(
        stderr.contains("output failed"),
        "the flag says why: {stderr}"
    );
    // the process went on to the end of the drive: its last words are those of a run that ended
    assert!(
        stderr.contains(" of 60 frames in time") || stderr.contains("stopped"),
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
