use super::series::CAPACITY;
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
        promise: String::new(),
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
fn text_from_outside_is_escaped() {
    let evil = "<script>alert(\"1\")</script>&\"'";
    let mut info = info();
    for text in [
        &mut info.title,
        &mut info.source,
        &mut info.engine,
        &mut info.mode,
    ] {
        *text = evil.to_owned();
    }
    (info.bundle_name, info.bundle_hash) = (evil.to_owned(), evil.to_owned());
    let mut report = ReportBuilder::new(info);
    report.headline(evil);
    let mut profile = RunProfile::default();
    let mut evil_mode = record(0, State::Ok, Reason::Clear);
    evil_mode.mode = "<script>";
    report.add(&evil_mode);
    profile.add(&evil_mode);
    let html = report.html(&profile.summary(Duration::ZERO));
    assert!(!html.contains("<script"));
    assert!(html.contains("&lt;script&gt;alert(&quot;1&quot;)&lt;/script&gt;&amp;"));
    balanced(&html);
}

#[test]
fn no_frames_make_a_page_that_says_so() {
    let (report, summary) = report_of(&[]);
    let html = report.html(&summary);
    assert!(html.contains("No frame was processed"));
    balanced(&html);
}

#[test]
fn one_frame_makes_a_page() {
    let (report, summary) = report_of(&[record(0, State::Ok, Reason::Clear)]);
    let html = report.html(&summary);
    assert!(html.contains("The corridor was clear in every frame after the start: 1 frame."));
    assert!(!html.contains("NaN") && !html.contains("inf"));
    balanced(&html);
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
fn odd_numbers_leave_the_page_whole() {
    let mut records = Vec::new();
    for (i, odd) in [f32::NAN, f32::INFINITY, f32::NEG_INFINITY, -1.0, 7.0]
        .into_iter()
        .enumerate()
    {
        let mut record = record(u64::MAX - i as u64, State::Fault, Reason::EmptyScoreMap);
        record.score = Some(ScoreStats {
            mean: odd,
            max: odd,
            ..ScoreStats::default()
        });
        record.verdict.nearest = Some(odd);
        record.verdict.corridor_pixels = u32::MAX;
        record.verdict.capture_stamp = Some(Stamp::from_nanos(if i % 2 == 0 {
            i64::MIN
        } else {
            i64::MAX
        }));
        record.latency = Duration::MAX;
        records.push(record);
    }
    let (mut report, summary) = report_of(&records);
    report.info.judges = Judges::default();
    report.info.area_on = 0;
    report.picture_candidate(f32::NAN, u64::MAX, || Some(Vec::new()));
    let html = report.html(&summary);
    balanced(&html);
    for path in html
        .split(" d=\"")
        .skip(1)
        .filter_map(|rest| rest.split('"').next())
    {
        assert!(!path.contains("NaN") && !path.contains("inf"), "{path}");
    }
}

#[test]
fn a_hundred_thousand_frames_are_bounded_and_keep_their_peaks() {
    let (mut report, mut profile) = (ReportBuilder::new(info()), RunProfile::default());
    let mut made = 0u32;
    for i in 0..100_000u64 {
        // A flapping state, one peak of score, one slow frame.
        let state = if i % 2 == 0 { State::Ok } else { State::Warn };
        let mut record = record(i, state, Reason::Clear);
        if i == 61_803 {
            record.score = Some(ScoreStats {
                mean: 0.5,
                max: 0.99,
                ..ScoreStats::default()
            });
            record.latency = Duration::from_secs(3);
            record.verdict.corridor_pixels = 4321;
        }
        report.add(&record);
        profile.add(&record);
        let score = record.score.unwrap().max;
        report.picture_candidate(score, i, || {
            made += 1;
            Some(vec![0xff, 0xd8])
        });
    }
    let steps = report.series.steps();
    assert!(
        steps.len() <= CAPACITY && steps.len() > CAPACITY / 2 - 1,
        "{}",
        steps.len()
    );
    assert_eq!(report.series.count(), 100_000);
    let peak = steps.iter().find(|s| s.score == Some(0.99)).unwrap();
    assert_eq!((peak.corridor_pixels, peak.latency_ms), (4321, 3000.0));
    assert!(peak.frame <= 61_803 && 61_803 < peak.frame + report.series.stride());
    assert_eq!(report.transitions.len(), MAX_TRANSITIONS);
    assert_eq!(
        report.transitions_left_out,
        100_000 - MAX_TRANSITIONS as u64
    );
    assert!(report.pictures.worst().iter().any(|p| p.index == 61_803));
    assert!(made < 2_000, "{made} pictures made");
    let html = report.html(&profile.summary(Duration::from_secs(5000)));
    assert!(html.len() < 400_000, "{} bytes", html.len());
    assert!(html.contains("the longest of every 64 frames"));
    // Frame 60000 at 20 frames a second, though no step begins there.
    assert!(html.contains(">60000</text>") && html.contains(">50:00.0</text>"));
    balanced(&html);
}

#[test]
fn the_worst_frames_are_spread_and_the_worst_is_among_them() {
    let mut pictures = Pictures::new();
    // A score that rises slowly to a peak at frame 700, then falls.
    for i in 0..1000u64 {
        let score = 1.0 - (i.abs_diff(700) as f32) / 1000.0;
        pictures.offer(score, i, None, || Some(i.to_le_bytes().to_vec()));
    }
    let shown: Vec<u64> = pictures.worst().iter().map(|p| p.index).collect();
    assert_eq!(shown.len(), 8);
    assert!(shown.contains(&700), "{shown:?}");
    assert!(
        shown.windows(2).all(|pair| pair[1] - pair[0] >= 32),
        "{shown:?}"
    );
    for picture in pictures.worst() {
        assert_eq!(picture.jpeg, picture.index.to_le_bytes());
    }
}

#[test]
fn pictures_are_made_only_when_they_are_kept() {
    let mut pictures = Pictures::new();
    pictures.offer(0.9, 3, None, || Some(vec![1]));
    pictures.offer(0.9, 4, None, || panic!("no worse than the one held"));
    pictures.offer(0.95, 5, None, || None);
    assert_eq!(
        pictures.worst()[0].index,
        3,
        "a picture that is not there replaces none"
    );
    pictures.offer(f32::NAN, 6, None, || Some(vec![2]));
    pictures.offer(1.0, 7, None, || panic!("no score is worse than any"));
    assert_eq!(pictures.worst()[0].index, 6);
}

#[test]
fn pictures_far_apart_are_held_in_fixed_memory() {
    let mut pictures = Pictures::new();
    for i in 0..64 {
        pictures.offer(0.5, 1 << i, None, || Some(Vec::new()));
    }
    pictures.offer(0.5, u64::MAX, None, || Some(Vec::new()));
    assert!(!pictures.worst().is_empty());
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

#[test]
fn a_profile_of_nothing_leaves_the_page_whole() {
    let (mut report, summary) = report_of(&[]);
    let deadlines = DeadlineProfile::new(Duration::from_millis(100));
    report.set_deadlines(&deadlines, Duration::ZERO);
    let nowhere = Path::new("/nowhere/at/all");
    let machine = crate::profile::Machine::at(nowhere, std::time::Instant::now());
    report.set_machine(machine.into_profile());
    let html = report.html(&summary);
    balanced(&html);
    assert!(html.contains("Deadlines and modes") && html.contains("0 of 0 frames"));
    assert!(!html.contains("100.00 %"), "nothing was in time");
    assert!(!html.contains("The machine") && !html.contains("NaN"));
}

#[test]
fn odd_profiles_leave_the_page_whole() {
    use crate::profile::{FrameFate, FrameOutcome};
    let mut record = record(0, State::Ok, Reason::Clear);
    record.mode = "<b>&";
    for deadline in [Duration::ZERO, Duration::MAX] {
        let mut deadlines = DeadlineProfile::new(deadline);
        for at in [Duration::MAX, Duration::ZERO] {
            deadlines.add(&FrameOutcome {
                at,
                mode: Some(record.mode),
                stages: record.stages,
                gpu: None,
                latency: Some(Duration::MAX),
                age: Some(Duration::MAX),
                fate: FrameFate::InTime,
                verdict: Some(record.verdict),
                mean_score: None,
            });
        }
        let (mut report, summary) = report_of(&[]);
        report.set_deadlines(&deadlines, Duration::MAX);
        let html = report.html(&summary);
        balanced(&html);
        assert!(!html.contains("NaN") && !html.contains("inf") && !html.contains("<b>"));
        assert_eq!(html.contains("must be 0"), deadline.is_zero());
    }
}
