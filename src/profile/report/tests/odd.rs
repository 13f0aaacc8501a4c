//! The report of odd runs: runs without frames, very long ones, values that are not finite, and names that hold HTML.

use super::super::series::CAPACITY;
use super::*;

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
