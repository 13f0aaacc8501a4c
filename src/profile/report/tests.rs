//! What the page of a drive says.

mod odd;
mod pictures;

use super::*;
use crate::decide::{Failure, Tracked};
use crate::engine::{Judge, Mode};
use crate::profile::RunProfile;
use crate::profile::sample::{drive, record};
use crate::score::ScoreKind;
use crate::score::ScoreStats;
use image::{Rgb, RgbImage};
use std::time::Duration;

fn info() -> ReportInfo {
    ReportInfo {
        title: "Replay of morning_drive".to_owned(),
        source: "bags/morning_drive (MCAP), topic /camera/image_raw".to_owned(),
        bundle_name: "road".to_owned(),
        bundle_hash: "9f2c4e1b7a6d5038c1e2f4a69b8d7c605f4e3d2c1b0a99887766554433221100".to_owned(),
        engine: "rten 0.27".to_owned(),
        mode: "full+observer".to_owned(),
        judges: Judges::one(
            Mode::FULL,
            Judge {
                score: ScoreKind::OBSERVER,
                threshold: 0.62,
            },
        ),
        area_on: 40,
        corridor: String::new(),
        notes: Vec::new(),
        stop: String::new(),
        width: 480,
        height: 360,
    }
}

fn report_of(records: &[FrameRecord]) -> (ReportBuilder, Summary) {
    let (mut report, mut profile) = (ReportBuilder::new(info()), RunProfile::default());
    for record in records {
        report.add(record);
        profile.add(record);
    }
    let summary = profile.summary(Duration::from_secs_f64(11.4));
    (report, summary)
}

/// A road with a reddish something on it that grows with `near` (0 ..= 1), as JPEG.
fn jpeg(near: f32) -> Vec<u8> {
    let picture = RgbImage::from_fn(160, 120, |x, y| {
        let (x, y) = (x as f32 * 3.0, y as f32 * 3.0);
        let half_road = 20.0 + (y - 150.0) * 1.3;
        let (dx, dy) = (x - 250.0, y - 190.0 - 90.0 * near);
        if near > 0.0 && dx.hypot(dy) < 6.0 + 40.0 * near {
            Rgb([235, 60 + (x as u8 % 30), 70])
        } else if y < 150.0 {
            Rgb([150, 185, 215])
        } else if (x - 240.0).abs() < half_road {
            let marking = (x - 240.0).abs() < 0.02 * half_road && (y as u32 / 18).is_multiple_of(2);
            if marking {
                Rgb([230, 230, 225])
            } else {
                Rgb([95, 96, 100])
            }
        } else {
            Rgb([96, 128, 74])
        }
    });
    let mut out = std::io::Cursor::new(Vec::new());
    picture
        .write_to(&mut out, image::ImageFormat::Jpeg)
        .unwrap();
    out.into_inner()
}

/// Set `LOOKOUT_REPORT_SAMPLE` to a path to keep the page and look at it.
#[test]
fn a_drive_becomes_one_page_that_needs_no_other() {
    let (mut report, mut profile) = (ReportBuilder::new(info()), RunProfile::default());
    for record in drive() {
        report.add(&record);
        profile.add(&record);
        let Some(score) = record.score else { continue };
        let near = record
            .verdict
            .nearest
            .map_or(0.0, |metres| 1.0 - metres / 60.0);
        report.picture_candidate(score.max, record.index, || Some(jpeg(near)));
    }
    report.headline("Seen at 52 m, stop raised 180 ms after, no false alarm before.");
    let summary = profile.summary(Duration::from_secs_f64(11.4));

    let dir = tempfile::tempdir().unwrap();
    let path = std::env::var_os("LOOKOUT_REPORT_SAMPLE")
        .map_or_else(|| dir.path().join("report.html"), PathBuf::from);
    report.write(&path, &summary).unwrap();
    let html = std::fs::read_to_string(&path).unwrap();

    assert!(html.contains("Safe stop called 14.35 s into the drive (frame 287)"));
    assert!(html.contains("observer, anomalous over 0.62, in mode full+observer"));
    assert!(html.contains("Seen at 52 m"));
    assert_eq!(html.matches("data:image/jpeg;base64,").count(), 8);
    for outside in ["http://", "https://", "<script", "<link", "@import", "url("] {
        assert!(!html.contains(outside), "{outside}");
    }
    balanced(&html);
}

/// Every element but the void ones is closed in its order.
fn balanced(html: &str) {
    let mut open = Vec::new();
    for tag in html.split('<').skip(1).filter(|tag| !tag.starts_with('!')) {
        let name: String = tag
            .chars()
            .take_while(|c| *c == '/' || c.is_alphanumeric())
            .collect();
        match name.strip_prefix('/') {
            Some(name) => assert_eq!(open.pop().as_deref(), Some(name)),
            None if ["meta", "input", "img", "br"].contains(&&*name) => {}
            None => open.push(name),
        }
    }
    assert!(open.is_empty(), "{open:?}");
}

#[test]
fn a_drive_that_heeds_the_flag_shows_how_it_came_towards_the_thing() {
    const HEADING: &str = "How the vehicle came towards it";
    let (report, summary) = report_of(&drive());
    assert!(!report.html(&summary).contains(HEADING));
    let (mut report, mut profile) = (ReportBuilder::new(info()), RunProfile::default());
    for record in drive() {
        let braked = record.index.saturating_sub(290) as f32;
        report.approach(Approach {
            ahead_m: (record.index > 250).then_some(60.0 - record.index as f32 / 8.0),
            speed_mps: if record.index == 7 {
                f32::NAN
            } else {
                (14.0 - braked / 5.0).max(0.0)
            },
        });
        report.add(&record);
        profile.add(&record);
    }
    let html = report.html(&profile.summary(Duration::from_secs(9)));
    assert!(html.contains(HEADING) && html.contains("Safe-stop flag"));
    assert!(!html.contains("NaN"));
    balanced(&html);
}

#[test]
fn what_decides_about_a_stop_is_what_the_page_shows() {
    const AREA: &str = "a frame is a hit from 40 on";
    const LEVEL: &str = "confirms a stop from 100 % on";
    const CLIPPED: &str = "; cut off at 400 %";
    let page = |nats: &[f32]| {
        let (mut report, mut profile) = (ReportBuilder::new(info()), RunProfile::default());
        for (i, nats) in (0..).zip(nats) {
            let mut record = record(i, State::Ok, Reason::Clear);
            record.verdict.corridor_pixels = 7;
            record.verdict.tracked = (!nats.is_nan()).then_some(Tracked {
                evidence: *nats,
                level: 10.0,
                distance_m: 20.0,
                in_reach: true,
            });
            report.approach(Approach {
                ahead_m: Some(20.0),
                speed_mps: 10.0,
            });
            report.add(&record);
            profile.add(&record);
            report.picture_candidate(1.0, i, || Some(Vec::new()));
        }
        let html = report.html(&profile.summary(Duration::from_secs(1)));
        balanced(&html);
        html
    };
    // the area, where there are no tracks
    let html = page(&[f32::NAN]);
    assert!(html.contains("7 px in the corridor") && !html.contains(LEVEL));
    assert_eq!(
        html.matches(AREA).count(),
        2,
        "towards the thing, and the run"
    );
    // and else the evidence
    let html = page(&[0.0, 12.0]);
    assert!(html.contains("evidence 0 % of the level") && !html.contains("px in the corridor"));
    assert!(!html.contains(AREA) && !html.contains(CLIPPED));
    assert_eq!(html.matches(LEVEL).count(), 2);
    // 1800 % does not flatten what led to 100 %: its scale ends at 400
    let html = page(&[0.0, 180.0]);
    assert_eq!(html.matches(CLIPPED).count(), 2);
    assert_eq!(html.matches(">400</text>").count(), 2);
    assert!(!html.contains("the ground is not known"));
    assert!(page(&[f32::NAN, 5.0]).contains("a gap where the ground is not known"));
}

#[test]
fn the_gravest_that_happened_names_the_run() {
    let failed = Reason::Failed {
        failure: Failure::Engine,
    };
    let cases: &[(&[State], State)] = &[
        (&[State::Waiting], State::Waiting),
        (&[State::Waiting, State::Ok], State::Ok),
        (&[State::Ok, State::Warn, State::Ok], State::Warn),
        (&[State::Warn, State::Fault, State::Ok], State::Fault),
        (&[State::Stop, State::Fault, State::Ok], State::Stop),
    ];
    for (states, expected) in cases {
        let records: Vec<_> = (0..)
            .zip(*states)
            .map(|(i, s)| record(i, *s, failed))
            .collect();
        let (_, summary) = report_of(&records);
        assert_eq!(words::verdict(&summary).0, *expected, "{states:?}");
    }
}

#[test]
fn a_report_that_cannot_be_written_names_its_path() {
    let (report, summary) = report_of(&[]);
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("missing/report.html");
    let error = report.write(&path, &summary).unwrap_err();
    assert!(error.to_string().contains("missing/report.html"), "{error}");
}

/// Set `LOOKOUT_PROFILE_SAMPLE` to a path to keep the page and look at it.
#[test]
fn a_profile_has_sections_on_deadlines_and_on_the_machine() {
    let (mut report, summary) = report_of(&drive());
    let without = report.html(&summary);
    assert!(!without.contains("Deadlines and modes") && !without.contains("The machine"));
    let (_, deadlines, machine) = crate::profile::sample::profiled();
    report.set_deadlines(&deadlines, Duration::from_secs(20));
    report.set_machine(machine);
    let html = report.html(&summary);
    if let Some(path) = std::env::var_os("LOOKOUT_PROFILE_SAMPLE") {
        std::fs::write(path, &html).unwrap();
    }
    balanced(&html);
    for part in [
        "Deadlines and modes",
        "3 late, 6 refused, 2 replaced, 1 failed",
        "none: refusing",
        "reduced+observer",
        "deadline 100 ms",
        "VDD_CPU_GPU_CV",
        "40 readings, 6 cores, at most 101 MB resident",
    ] {
        assert!(html.contains(part), "{part}");
    }
    assert!(!html.contains("NaN") && !html.contains("inf"));
    assert!(!html.contains("must be 0"));
}
