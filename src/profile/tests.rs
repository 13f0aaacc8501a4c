use super::sample::{START_NS, drive, record};
use super::*;
use crate::decide::{Failure, Reason, State};
use crate::score::ScoreStats;
use std::io::{self, Write};
use std::time::Duration;

fn table(records: &[FrameRecord]) -> String {
    let mut out = Vec::new();
    let mut csv = FramesCsv::new(&mut out).unwrap();
    for record in records {
        csv.write(record).unwrap();
    }
    drop(csv);
    String::from_utf8(out).unwrap()
}

#[test]
fn the_columns_are_fixed() {
    assert_eq!(
        table(&[]),
        "frame,stamp_ns,mode,anomalous_pixels,corridor_pixels,score_max,state,safe_stop,reason,\
         reason_text,age_ms,total_ms,decode_ms,preprocess_ms,segmentation_ms,observer_ms,score_ms,\
         decide_ms,publish_ms\n"
    );
    assert_eq!(FramesCsv::<Vec<u8>>::VERDICT_COLUMNS, 10);
}

#[test]
fn a_row_says_what_is_known_and_leaves_the_rest_empty() {
    let reason = Reason::Candidate {
        hits: 1,
        needed: 3,
        window: 5,
    };
    let mut known = record(0, State::Warn, reason);
    known.score = Some(ScoreStats {
        mean: 0.1,
        max: 0.5,
        ..ScoreStats::default()
    });
    let reason = Reason::Failed {
        failure: Failure::Source,
    };
    let mut unknown = record(7, State::Fault, reason);
    unknown.verdict.capture_stamp = None;
    unknown.stages = StageTimes::default();
    unknown.latency = Duration::from_nanos(1_234_567);
    (unknown.score, unknown.age) = (None, None);
    let text = table(&[known, unknown]);
    let rows: Vec<&str> = text.lines().skip(1).collect();
    assert_eq!(
        rows,
        [
            "0,1700000000000000000,full+observer,0,0,0.5,WARN,false,candidate,\
             anomaly in the corridor in 1 of 5 frames; 3 confirm a stop,\
             30.100,26.100,2.100,0.900,14.000,6.500,0.700,0.400,1.500",
            "7,,full+observer,8,1,,FAULT,true,failed,source lost,,1.235,,,,,,,",
        ]
    );
}

#[test]
fn every_row_is_flushed() {
    /// Counts rows that went through and those that were flushed.
    #[derive(Default)]
    struct Flushes {
        rows: usize,
        flushed: usize,
    }
    impl Write for &mut Flushes {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            self.rows += bytes.iter().filter(|&&b| b == b'\n').count();
            Ok(bytes.len())
        }
        fn flush(&mut self) -> io::Result<()> {
            self.flushed = self.rows;
            Ok(())
        }
    }
    let mut flushes = Flushes::default();
    let mut csv = FramesCsv::new(&mut flushes).unwrap();
    csv.write(&record(0, State::Ok, Reason::Clear)).unwrap();
    std::mem::forget(csv); // a killed run drops nothing
    assert_eq!((flushes.rows, flushes.flushed), (2, 2));
}

#[test]
fn a_full_disk_is_named_with_the_frame() {
    struct Full(usize);
    impl Write for Full {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            self.0 = self.0.checked_sub(1).ok_or(io::ErrorKind::StorageFull)?;
            Ok(bytes.len())
        }
        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }
    assert!(matches!(
        FramesCsv::new(Full(0)),
        Err(FramesCsvError::Header(_))
    ));
    let mut csv = FramesCsv::new(Full(1)).unwrap();
    let error = csv
        .write(&record(41, State::Ok, Reason::Clear))
        .unwrap_err();
    assert!(error.to_string().contains("frame 41"), "{error}");
}

#[test]
fn a_summary_counts_frames_states_and_the_first_stop() {
    let mut profile = RunProfile::default();
    for record in drive() {
        profile.add(&record);
    }
    profile.add_dropped(3);
    let summary = profile.summary(Duration::from_secs(10));
    assert_eq!(
        summary.frames,
        FrameCounts {
            handled: 399,
            failed: 1,
            dropped: 3
        }
    );
    assert_eq!(
        summary.states,
        StateCounts {
            waiting: 2,
            ok: 273,
            warn: 7,
            stop: 113,
            fault: 5
        }
    );
    assert_eq!(summary.safe_stop_frames, 2 + 113 + 5);
    assert_eq!(summary.transitions, 7);
    let stop = summary.first_stop.unwrap();
    assert_eq!(
        (stop.frame, stop.stamp_ns),
        (287, Some(START_NS + 287 * 50_000_000))
    );
    assert_eq!(summary.last_state, Some(State::Stop));
    assert_eq!(
        summary.modes,
        [ModeCount {
            mode: "full+observer",
            frames: 400
        }]
    );
    assert_eq!(summary.frames_per_second, 40.0);
    assert_eq!(summary.stages.len(), Stage::COUNT);
    assert!(
        summary
            .stages
            .iter()
            .all(|stage| stage.latency.count == 400)
    );
}

#[test]
fn a_run_of_no_frames_has_a_summary() {
    let summary = RunProfile::default().summary(Duration::ZERO);
    assert_eq!(summary.frames, FrameCounts::default());
    assert_eq!((summary.score_max, summary.first_stop), (None, None));
    assert_eq!(summary.frames_per_second, 0.0);
    let json = serde_json::to_value(&summary).unwrap();
    assert_eq!(json["stages"][0]["stage"], "decode");
    assert_eq!(json["stages"][0]["p99_ms"], 0.0);
    assert_eq!(json["last_state"], serde_json::Value::Null);
}

#[test]
fn nan_scores_do_not_hide_the_largest() {
    let mut profile = RunProfile::default();
    for max in [f32::NAN, 0.4, f32::NAN, 0.2] {
        let mut record = record(0, State::Ok, Reason::Clear);
        record.score = Some(ScoreStats {
            mean: max,
            max,
            ..ScoreStats::default()
        });
        profile.add(&record);
    }
    assert_eq!(profile.summary(Duration::ZERO).score_max, Some(0.4));
}

#[test]
fn more_modes_than_there_are_do_not_break_the_count() {
    const NAMES: [&str; 20] = [
        "a", "b", "c", "d", "e", "f", "g", "h", "i", "j", "k", "l", "m", "n", "o", "p", "q", "r",
        "s", "t",
    ];
    let mut profile = RunProfile::default();
    for mode in NAMES {
        profile.add(&FrameRecord {
            mode,
            ..record(0, State::Ok, Reason::Clear)
        });
    }
    assert_eq!(profile.summary(Duration::ZERO).frames.handled, 20);
}

#[test]
fn peak_memory_is_read_where_there_is_one() {
    let status = "Name:\tlookout\nVmHWM:\t  123456 kB\nVmRSS:\t    99 kB\n";
    assert_eq!(run::parse_vm_hwm(status), Some(123_456 * 1024));
    for odd in [
        "",
        "VmHWM:",
        "VmHWM: x kB",
        "VmHWM: 18446744073709551615 kB",
    ] {
        assert_eq!(run::parse_vm_hwm(odd), None, "{odd}");
    }
}
