use std::fs;

use super::*;
use crate::decide::{Band, Watch};
use crate::engine::{Asked, Choice, GivenThresholds, Judge};
use crate::model::ThresholdAt;
use crate::schedule::AdmissionConfig;

const JUDGE: Judge = Judge {
    score: ScoreKind::OBSERVER,
    threshold: 0.5,
};

fn file() -> StopFile {
    StopFile {
        version: StopFile::VERSION,
        bundle_hash: "0123456789abcdef".to_owned(),
        date: "2026-11-29".to_owned(),
        command: "lookout calibrate stop".to_owned(),
        promise: Promise {
            hours: 0.25,
            confidence: 0.9,
            block_s: 10.0,
        },
        data: StopData {
            hash: "00".to_owned(),
            recordings: "two roads".to_owned(),
            frames: 1200,
            hours: 1.25,
            frame_rate: 15.0,
        },
        vehicle: StoppingConfig::default(),
        modes: vec![StopMode {
            name: "full+observer".to_owned(),
            score: JUDGE.score,
            threshold: JUDGE.threshold,
            stop: StopLevel {
                level: 12.5,
                most_a_frame: 4.0,
                allowance: 2.0,
                min_region_ppm: 300,
                bands: vec![Band::new(40.0, [vec![0.25, 0.5], vec![0.0; 998]].concat())],
            },
        }],
    }
}

#[test]
fn a_file_that_was_written_is_read_as_the_same() {
    let text = toml::to_string(&file()).unwrap();
    assert_eq!(StopFile::parse(&text).unwrap(), file(), "{text}");
}

#[test]
fn levels_hold_for_the_bundle_the_score_and_the_threshold_that_they_were_made_with() {
    let path = Path::new("stop.toml");
    let bundle = Bundle::shipped().unwrap();
    let of = |hash: &str, mode, judge| {
        let file = StopFile {
            bundle_hash: hash.to_owned(),
            ..file()
        };
        let applied = file.applied(path, &bundle, Settings::fixed(mode, judge));
        applied.map_err(|e| e.to_string())
    };
    let own = of(bundle.hash(), Mode::FULL, JUDGE).unwrap().stop_levels;
    assert_eq!(own.of(Mode::FULL), Some(&file().modes[0].stop));
    assert_eq!(own.of(Mode::REDUCED), None);
    let other = Judge {
        threshold: 0.6,
        ..JUDGE
    };
    for (result, words) in [
        (
            of("0123456789abcdef", Mode::FULL, JUDGE),
            "0123456789ab, and",
        ),
        (of(bundle.hash(), Mode::FULL, other), "over 0.5, and"),
        (of(bundle.hash(), Mode::REDUCED, JUDGE), "it has none"),
    ] {
        let error = result.unwrap_err();
        assert!(error.contains(words), "{error} for {words}");
    }
}

#[test]
fn another_vehicle_than_they_were_made_for_is_told() {
    let own = StoppingConfig::default();
    assert_eq!(file().other_vehicle(&own), None);
    let later = StoppingConfig {
        odometry_timeout_ms: 400,
        ..own
    };
    assert_eq!(file().other_vehicle(&later), None);
    let wider = StoppingConfig {
        width_m: 2.5,
        ..own
    };
    let told = file().other_vehicle(&wider).unwrap();
    assert!(told.contains("3.1 m wide"), "{told}");
    let slower = StoppingConfig {
        deceleration_mps2: 2.0,
        ..own
    };
    assert!(file().other_vehicle(&slower).is_some());
}

#[test]
fn every_shipped_file_has_a_stop_level_of_each_mode_of_the_shipped_bundle_that_watches() {
    let bundle = Bundle::shipped().unwrap();
    let asked = Asked {
        score: ScoreKind::OBSERVER,
        fallback: Asked::WITHOUT_OBSERVER,
        at: ThresholdAt::Fpr1,
        given: GivenThresholds::default(),
    };
    let choice = Choice::new(bundle.manifest(), &asked);
    let own = Settings::chosen(AdmissionConfig::default(), choice);
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("calibration/stops");
    let mut count = 0;
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        let file = StopFile::read(&path).unwrap();
        let settings = file.applied(&path, &bundle, own.clone()).unwrap();
        for mode in settings.judges.modes() {
            let watch = settings.watch(mode, true);
            assert_ne!(watch, Watch::NoStopLevel, "{}: {mode}", path.display());
            count += usize::from(watch == Watch::Counts);
        }
    }
    assert!(count > 1);
}

#[test]
fn what_cannot_be_is_refused_with_the_reason() {
    let text = toml::to_string(&file()).unwrap();
    for (old, new, words) in [
        ("hours = 0.25", "hours = 0.0", "hours of the promise"),
        ("level = 12.5", "level = 7.5", "most_a_frame"),
        ("version = 2\n", "", "make them again"),
        ("version = 2", "version = 3", "another version"),
        ("full+observer", "fully", "mode \"fully\""),
        ("date = ", "day = ", "day"),
        (
            "hours = 0.25",
            "hours = 1000.0",
            "too short for the promise",
        ),
        (
            "confidence = 0.9",
            "confidence = 0.9999",
            "too short for the promise",
        ),
        ("hours = 1.25", "hours = -5.0", "no time"),
        ("hours = 1.25", "hours = inf", "no time"),
        ("hours = 1.25", "hours = 0.5", "too short for the promise"),
        ("frame_rate = 15.0\n", "", "frame_rate"),
        ("frame_rate = 15.0", "frame_rate = 0.0", "frames a second"),
        ("\"observer\"", "\"the observer\"", "the observer"),
    ] {
        assert!(text.contains(old), "{old} in {text}");
        let error = StopFile::parse(&text.replace(old, new)).unwrap_err();
        assert!(error.contains(words), "{error} for {words}");
    }
    let mut twice = file();
    twice.modes.extend(file().modes);
    let error = StopFile::parse(&toml::to_string(&twice).unwrap()).unwrap_err();
    assert!(error.contains("twice"), "{error}");
    let dir = tempfile::tempdir().unwrap();
    assert!(StopFile::read(&dir.path().join("none.toml")).is_err());
}
