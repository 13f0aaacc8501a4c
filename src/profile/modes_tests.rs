use super::*;
use crate::decide::Reason;
use crate::profile::sample::record;

const MS: Duration = Duration::from_millis(1);
const DEADLINE: Duration = Duration::from_millis(100);
const BEST: &str = "full+observer";
const LESS: &str = "reduced";

fn ran(at: Duration, mode: &'static str, fate: FrameFate, state: State) -> FrameOutcome {
    let record = record(0, state, Reason::Clear);
    FrameOutcome {
        at,
        mode: Some(mode),
        stages: record.stages,
        gpu: None,
        latency: Some(record.latency),
        age: Some(if fate == FrameFate::Late {
            140 * MS
        } else {
            60 * MS
        }),
        fate,
        verdict: Some(record.verdict),
        mean_score: None,
    }
}

#[test]
fn frames_and_time_are_shared_out_to_the_modes() {
    let mut profile = DeadlineProfile::new(DEADLINE);
    let ok = |at, mode| ran(at, mode, FrameFate::InTime, State::Ok);
    profile.add(&ok(1000 * MS, BEST));
    profile.add(&ok(1100 * MS, BEST));
    profile.add(&FrameOutcome::untried(1150 * MS, FrameFate::Replaced(2)));
    profile.add(&ran(1200 * MS, BEST, FrameFate::Late, State::Fault));
    profile.add(&FrameOutcome::untried(1300 * MS, FrameFate::Refused));
    profile.add(&ok(1500 * MS, LESS));
    profile.add(&ran(1600 * MS, LESS, FrameFate::Failed, State::Fault));
    let summary = profile.summary(2000 * MS);

    assert_eq!((summary.frames, summary.in_time), (8, 3));
    let misses = Misses {
        late: 1,
        refused: 1,
        replaced: 2,
        failed: 1,
    };
    assert_eq!((summary.misses, profile.misses), (misses, misses));
    assert_eq!(summary.miss_ratio, 5.0 / 8.0);
    assert_eq!(summary.miss_ratio_taken, 3.0 / 6.0);
    assert_eq!(summary.mode_switches, 1);
    assert_eq!(summary.seconds, 1.0);
    assert_eq!(
        (summary.refusing_seconds, summary.refusing_share),
        (0.2, 0.2)
    );
    let modes: Vec<_> = summary
        .modes
        .iter()
        .map(|m| (m.mode, m.frames, m.in_time, m.late, m.failed, m.seconds))
        .collect();
    assert_eq!(modes, [(BEST, 3, 2, 1, 0, 0.3), (LESS, 2, 1, 0, 1, 0.5)]);
    assert_eq!(summary.modes[0].frame_share, 0.6);
    assert_eq!(summary.modes[1].time_share, 0.5);
    let stage = &summary.modes[0].stages[Stage::Segmentation as usize];
    assert_eq!((stage.stage, stage.latency.count), (Stage::Segmentation, 3));
    assert!((stage.latency.p50_ms / 14.0 - 1.0).abs() < 0.01);
    assert_eq!((summary.age.count, summary.age.max_ms), (5, 140.0));
    assert_eq!(summary.modes[0].age.max_ms, 140.0);
    assert_eq!(summary.modes[1].age.max_ms, 60.0);
}

#[test]
fn the_worst_gap_counts_from_the_first_frame_to_the_end() {
    let gap = |times: &[(u32, FrameFate)], end: u32| {
        let mut profile = DeadlineProfile::new(DEADLINE);
        for &(at, fate) in times {
            profile.add(&ran(at * MS, BEST, fate, State::Ok));
        }
        profile
            .summary(end * MS)
            .worst_fresh_gap
            .map(|gap| (gap.ms, gap.at_s))
    };
    use FrameFate::{InTime, Late};
    assert_eq!(gap(&[], 500), None);
    assert_eq!(
        gap(&[(0, Late), (300, InTime), (400, InTime)], 500),
        Some((300.0, 0.0))
    );
    assert_eq!(
        gap(
            &[(0, InTime), (100, InTime), (200, Late), (350, InTime)],
            400
        ),
        Some((250.0, 0.1))
    );
    assert_eq!(gap(&[(0, InTime), (100, InTime)], 900), Some((800.0, 0.1)));
}

#[test]
fn a_late_frame_shown_as_fresh_is_found_whatever_the_caller_says() {
    let mut profile = DeadlineProfile::new(DEADLINE);
    let mut tell = |fate, state: State, age| {
        let mut outcome = ran(Duration::ZERO, BEST, fate, state);
        outcome.age = age;
        profile.add(&outcome);
        (profile.fresh_checked, profile.late_shown_as_fresh)
    };
    let late = Some(DEADLINE + Duration::from_nanos(1));
    assert_eq!(tell(FrameFate::InTime, State::Ok, Some(DEADLINE)), (1, 0));
    assert_eq!(tell(FrameFate::Late, State::Fault, late), (1, 0));
    assert_eq!(tell(FrameFate::Late, State::Stop, late), (1, 0));
    assert_eq!(
        tell(FrameFate::InTime, State::Ok, None),
        (1, 0),
        "age not known"
    );
    assert_eq!(tell(FrameFate::InTime, State::Warn, late), (2, 1));
    assert_eq!(tell(FrameFate::Late, State::Ok, late), (3, 2));
    // A flag that contradicts its state is as bad.
    let mut odd = ran(Duration::ZERO, BEST, FrameFate::Late, State::Fault);
    odd.verdict = odd.verdict.map(|verdict| Verdict {
        safe_stop: false,
        ..verdict
    });
    profile.add(&odd);
    assert_eq!(profile.late_shown_as_fresh, 3);
}

#[test]
fn more_modes_than_fit_are_counted_but_not_apart() {
    let mut profile = DeadlineProfile::new(DEADLINE);
    for (at, mode) in ["a", "b", "c", "d", "e", "f", "g", "h"]
        .into_iter()
        .enumerate()
    {
        profile.add(&ran(MS * at as u32, mode, FrameFate::InTime, State::Ok));
    }
    let summary = profile.summary(8 * MS);
    assert_eq!(summary.modes.len(), MAX_MODES);
    assert_eq!((summary.frames, summary.frames_in_other_modes), (8, 2));
    assert_eq!(summary.mode_switches, 7);
    let shares: f64 = summary.modes.iter().map(|m| m.frame_share).sum();
    assert!((shares - 6.0 / 8.0).abs() < 1e-12);
}

#[test]
fn times_that_go_backwards_give_no_negative_shares() {
    let mut profile = DeadlineProfile::new(DEADLINE);
    for at in [500, 100, 400, 600] {
        profile.add(&ran(at * MS, BEST, FrameFate::InTime, State::Ok));
    }
    let summary = profile.summary(Duration::ZERO);
    assert_eq!(summary.modes[0].seconds, 0.1);
    assert_eq!(summary.modes[0].time_share, 1.0);
}

#[test]
fn counts_that_overflow_saturate() {
    let mut profile = DeadlineProfile::new(Duration::MAX);
    profile.add(&FrameOutcome::untried(
        Duration::MAX,
        FrameFate::Replaced(u64::MAX),
    ));
    profile.add(&FrameOutcome::untried(
        Duration::MAX,
        FrameFate::Replaced(u64::MAX),
    ));
    profile.add(&ran(Duration::MAX, BEST, FrameFate::InTime, State::Ok));
    let summary = profile.summary(Duration::MAX);
    assert_eq!(summary.frames, u64::MAX);
    assert!(summary.miss_ratio <= 1.0 && summary.miss_ratio_taken <= 1.0);
}

#[test]
fn the_memory_is_fixed_and_below_1600_kilobytes() {
    let mut profile = DeadlineProfile::new(DEADLINE);
    let bytes = |p: &DeadlineProfile| {
        let heap = |m: &ModeTally| {
            let all = m.stages.iter().chain([&m.latency, &m.age]);
            let all = all.chain(m.gpu.histograms());
            size_of::<ModeTally>() + all.map(LatencyHistogram::heap_bytes).sum::<usize>()
        };
        p.modes.iter().map(heap).sum::<usize>()
            + p.latency.heap_bytes()
            + p.age.heap_bytes()
            + TIMELINE * size_of::<Step>()
            + size_of::<DeadlineProfile>()
    };
    let before = bytes(&profile);
    assert!(before < 1_600_000, "{before}");
    for i in 0..49_000u32 {
        let mode = if i % 7 < 4 { BEST } else { LESS };
        profile.add(&ran(MS * 66 * i, mode, FrameFate::InTime, State::Ok));
    }
    assert_eq!(bytes(&profile), before);
    assert!(profile.timeline().steps().len() <= TIMELINE);
    assert_eq!(profile.summary(Duration::ZERO).mode_switches, 2 * 7_000 - 1);
}

#[test]
fn no_frames_have_a_summary() {
    let summary = DeadlineProfile::new(DEADLINE).summary(5 * MS);
    assert_eq!(
        (summary.frames, summary.miss_ratio, summary.seconds),
        (0, 0.0, 0.0)
    );
    let json = serde_json::to_value(&summary).unwrap();
    assert_eq!(json["misses"]["late"], 0);
    assert_eq!(json["worst_fresh_gap"], serde_json::Value::Null);
}
