use super::*;
use crate::decide::{Reason, State};
use crate::engine::{Judge, Judges, Mode};
use crate::profile::report::{ReportBuilder, ReportInfo};
use crate::profile::sample::{profiled, record};
use crate::profile::{
    DeadlineProfile, FrameFate, FrameOutcome, FrameTrace, ProfileSummary, RunProfile, Trace,
};
use crate::score::ScoreKind;
use serde_json::Value as Json;

const MS: Duration = Duration::from_millis(1);
const END: Duration = Duration::from_secs(2);
const BEST: &str = "full+observer";
const LESS: &str = "reduced";

/// Of a frame with the observer.
fn times(segmentation: u64) -> GpuTimes {
    GpuTimes {
        enqueue: MS / 2,
        preprocess: MS,
        segmentation: Duration::from_millis(segmentation),
        observer: 3 * MS,
        judge: MS / 4,
        download: MS / 4,
    }
}

fn frame(i: u32, mode: &'static str, gpu: Option<GpuTimes>) -> FrameOutcome {
    let record = record(i.into(), State::Ok, Reason::Clear);
    FrameOutcome {
        at: 50 * MS * i,
        mode: Some(mode),
        stages: record.stages,
        gpu,
        latency: Some(record.latency),
        age: Some(40 * MS),
        fate: FrameFate::InTime,
        verdict: Some(record.verdict),
        mean_score: None,
    }
}

/// 20 frames of the best mode with 1 ..= 20 ms of segmentation, 2 of them followed by one whose times
/// are not known; then 5 without a GPU in another mode.
fn run(gpu: bool) -> DeadlineProfile {
    let mut profile = DeadlineProfile::new(100 * MS);
    let mut at = 0;
    let mut add = |mode, gpu| {
        profile.add(&frame(at, mode, gpu));
        at += 1;
    };
    for i in 1..=20 {
        add(BEST, gpu.then(|| times(i)));
        if i == 7 || i == 12 {
            add(BEST, None);
        }
    }
    (0..5).for_each(|_| add(LESS, None));
    profile
}

fn summary(gpu: bool) -> ProfileSummary {
    ProfileSummary {
        deadlines: run(gpu).summary(END),
        ..profiled().0
    }
}

fn near(got: f64, want: f64) {
    assert!((got / want - 1.0).abs() < 0.01, "{got} for {want}");
}

#[test]
fn stages_are_numbered_in_their_order_and_have_their_own_times() {
    let times = GpuTimes {
        enqueue: 100 * MS,
        preprocess: MS,
        segmentation: 2 * MS,
        observer: 3 * MS,
        judge: 4 * MS,
        download: 5 * MS,
    };
    for (i, stage) in GpuStage::ALL.into_iter().enumerate() {
        assert_eq!(stage as usize, i);
        assert_eq!(stage.of(&times), Some(MS * (i as u32 + 1)));
        assert_eq!(stage.of(&GpuTimes::default()), None, "zero is not known");
    }
    assert_eq!(times.total(), Some(15 * MS), "the enqueueing is the CPU's");
}

#[test]
fn a_sum_that_lacks_a_part_is_not_told() {
    let whole = times(4);
    let alone = GpuTimes {
        observer: Duration::ZERO,
        judge: Duration::ZERO,
        download: Duration::ZERO,
        ..whole
    };
    assert_eq!(alone.total(), Some(5 * MS), "logits of one network");
    for part in [
        GpuTimes {
            preprocess: Duration::ZERO,
            ..whole
        },
        GpuTimes {
            segmentation: Duration::ZERO,
            ..whole
        },
    ] {
        assert_eq!(part.total(), None);
    }
    let long = GpuTimes {
        observer: Duration::MAX,
        ..whole
    };
    assert_eq!(long.total(), Some(Duration::MAX));
}

#[test]
fn each_mode_has_its_gpu_times_over_the_frames_that_they_are_known_of() {
    let summary = run(true).summary(END);
    let [best, less] = &summary.modes[..] else {
        panic!("{:?}", summary.modes)
    };
    assert_eq!((best.frames, less.frames), (22, 5));
    assert_eq!(less.gpu, None);
    let gpu = best.gpu.as_ref().unwrap();
    let counts: Vec<_> = gpu.stages.iter().map(|s| s.latency.count).collect();
    assert_eq!(counts, [20; GpuStage::COUNT]);
    let segmentation = &gpu.stages[GpuStage::Segmentation as usize];
    assert_eq!(segmentation.stage, GpuStage::Segmentation);
    near(segmentation.latency.p50_ms, 10.0);
    near(segmentation.latency.p90_ms, 18.0);
    assert_eq!(segmentation.latency.max_ms, 20.0);
    near(gpu.total.p50_ms, 14.5);
    assert_eq!(gpu.total.max_ms, 24.5);
    assert_eq!((gpu.enqueue.count, gpu.enqueue.max_ms), (20, 0.5));
}

#[test]
fn the_cpu_s_numbers_are_the_same_with_and_without_a_gpu() {
    let (mut with, without) = (run(true).summary(END), run(false).summary(END));
    assert_ne!(with, without);
    for mode in &mut with.modes {
        mode.gpu = None;
    }
    assert_eq!(with, without);
}

#[test]
fn a_stage_that_did_not_run_or_could_not_be_read_is_not_counted_as_zero() {
    let mut profile = DeadlineProfile::new(100 * MS);
    let without_observer = GpuTimes {
        observer: Duration::ZERO,
        ..times(4)
    };
    let unread = GpuTimes {
        segmentation: Duration::ZERO,
        ..times(4)
    };
    profile.add(&frame(0, BEST, Some(without_observer)));
    profile.add(&frame(1, BEST, Some(unread)));
    profile.add(&frame(2, LESS, Some(GpuTimes::default())));
    let summary = profile.summary(END);
    let gpu = summary.modes[0].gpu.as_ref().unwrap();
    let counts: Vec<_> = gpu.stages.iter().map(|s| s.latency.count).collect();
    assert_eq!(counts, [2, 1, 1, 2, 2]);
    assert_eq!((gpu.total.count, gpu.total.max_ms), (1, 5.5));
    assert_eq!(summary.modes[1].gpu, None, "nothing was read");
}

#[test]
fn the_json_has_a_key_for_it_only_where_there_is_something() {
    let json = serde_json::to_value(summary(true)).unwrap();
    let modes = &json["deadlines"]["modes"];
    let gpu = modes[0]["gpu"].as_object().unwrap();
    let keys: Vec<_> = gpu.keys().map(String::as_str).collect();
    assert_eq!(keys.len(), 3, "{keys:?}");
    assert_eq!(gpu["enqueue"]["p99_ms"], 0.5);
    assert_eq!(gpu["total"]["max_ms"], 24.5);
    let stages = gpu["stages"].as_array().unwrap();
    let names: Vec<_> = stages
        .iter()
        .map(|s| s["stage"].as_str().unwrap())
        .collect();
    assert_eq!(names, GpuStage::ALL.map(GpuStage::name));
    for key in ["count", "mean_ms", "p50_ms", "p90_ms", "p99_ms", "max_ms"] {
        assert!(stages[2][key].is_number(), "{key}: {}", stages[2]);
    }
    assert_eq!(modes[1].get("gpu"), None);
    let without = serde_json::to_string(&summary(false)).unwrap();
    assert!(!without.contains("\"gpu\""), "{without}");
}

#[test]
fn the_table_tells_them_apart_from_the_cpu_s_stages() {
    let (with, without) = (summary(true).to_string(), summary(false).to_string());
    assert!(!without.contains("GPU, ms") && !without.contains(NOTE));
    let (before, own) = with.split_once("GPU, ms").unwrap();
    let (own, after) = own.split_once(NOTE).unwrap();
    assert_eq!(format!("{before}{}", after.trim_start()), without);
    let rows: Vec<_> = own.lines().skip(1).filter(|l| !l.is_empty()).collect();
    let names = [
        "full+observer  enqueue (CPU)",
        "preprocess",
        "segmentation",
        "observer",
        "judge",
        "download",
        "GPU together",
    ];
    assert_eq!(rows.len(), names.len(), "{own}");
    for (row, name) in rows.iter().zip(names) {
        assert!(row.trim_start().starts_with(name), "{row} for {name}");
        assert_eq!(row.split_whitespace().rev().nth(4), Some("20"), "{row}");
    }
    assert!(with.lines().all(|l| l == l.trim_end() && l.len() < 100));
}

#[test]
fn the_report_has_a_table_of_them_only_where_there_is_something() {
    let page = |gpu| {
        let mut report = ReportBuilder::new(ReportInfo {
            title: "lookout".to_owned(),
            source: "a drive".to_owned(),
            bundle_name: "road".to_owned(),
            bundle_hash: "9f2c".to_owned(),
            engine: "tensorrt".to_owned(),
            mode: BEST.to_owned(),
            judges: Judges::one(
                Mode::FULL,
                Judge {
                    score: ScoreKind::OBSERVER,
                    threshold: 0.6,
                },
            ),
            area_on: 40,
            corridor: String::new(),
            notes: Vec::new(),
            stop: String::new(),
            width: 480,
            height: 360,
        });
        report.set_deadlines(&run(gpu), END);
        report.html(&RunProfile::default().summary(END))
    };
    let (with, without) = (page(true), page(false));
    assert!(!without.contains("GPU"));
    assert_eq!(with.matches("On the GPU by mode").count(), 1);
    let (_, own) = with.split_once("On the GPU by mode").unwrap();
    let own = own.split_once("</table>").unwrap().0;
    assert!(own.contains("not to be added") && own.contains(BEST) && !own.contains(LESS));
    for part in ["enqueue (CPU)", "judge", "download", "GPU together", "24.5"] {
        assert!(own.contains(part), "{part} in {own}");
    }
    assert_eq!(own.matches("<tr").count(), own.matches("</tr>").count());
}

fn traced(i: u32, gpu: Option<GpuTimes>) -> FrameTrace {
    FrameTrace {
        frame: i.into(),
        outcome: FrameOutcome {
            age: None,
            verdict: None,
            ..frame(i, BEST, gpu)
        },
        decode_at: 50 * MS * i,
        engine_at: 50 * MS * i + 3 * MS,
        engine_time: 40 * MS,
        publish_at: 50 * MS * i + 43 * MS,
    }
}

fn trace(frames: &[FrameTrace]) -> Vec<Json> {
    let mut out = Vec::new();
    let mut trace = Trace::new(&mut out, "gpu").unwrap();
    for frame in frames {
        trace.frame(frame).unwrap();
    }
    trace.finish().unwrap();
    serde_json::from_slice(&out).unwrap()
}

#[test]
fn the_trace_has_them_end_to_end_on_a_track_of_their_own() {
    use crate::profile::Track;
    let without_observer = GpuTimes {
        observer: Duration::ZERO,
        ..times(6)
    };
    let frames = [
        traced(0, None),
        traced(1, Some(times(5))),
        traced(2, None),
        traced(3, Some(without_observer)),
    ];
    let all = trace(&frames);
    let of_gpu = |e: &&Json| e["tid"] == Track::Gpu as u32;
    let (own, rest): (Vec<_>, Vec<_>) = all.iter().partition(of_gpu);
    let names: Vec<_> = own.iter().filter(|e| e["ph"] == "M").collect();
    assert_eq!(names.len(), 2, "named once, with its place");
    assert_eq!(names[0]["args"]["name"], Track::Gpu.name());
    let spans: Vec<_> = own
        .iter()
        .filter(|e| e["ph"] == "X")
        .map(|e| {
            (
                e["args"]["frame"].as_u64().unwrap(),
                e["name"].as_str().unwrap(),
                e["ts"].as_f64().unwrap(),
                e["dur"].as_f64().unwrap(),
            )
        })
        .collect();
    assert_eq!(
        spans,
        [
            (1, "preprocess", 53_000.0, 1_000.0),
            (1, "segmentation", 54_000.0, 5_000.0),
            (1, "observer", 59_000.0, 3_000.0),
            (1, "judge", 62_000.0, 250.0),
            (1, "download", 62_250.0, 250.0),
            (3, "preprocess", 153_000.0, 1_000.0),
            (3, "segmentation", 154_000.0, 6_000.0),
            (3, "judge", 160_000.0, 250.0),
            (3, "download", 160_250.0, 250.0),
        ]
    );
    let bare = trace(&[0, 1, 2, 3].map(|i| traced(i, None)));
    assert!(!bare.iter().any(|e| of_gpu(&e)), "no track without times");
    assert_eq!(rest, bare.iter().collect::<Vec<_>>());
}

#[test]
fn times_that_make_no_sense_do_not_break_anything() {
    let odd = GpuTimes {
        enqueue: Duration::MAX,
        preprocess: Duration::MAX,
        segmentation: Duration::MAX,
        ..GpuTimes::default()
    };
    let mut last = traced(1, Some(odd));
    last.engine_at = Duration::MAX;
    assert!(!trace(&[traced(0, Some(odd)), last]).is_empty());
    let mut profile = DeadlineProfile::new(100 * MS);
    profile.add(&frame(0, BEST, Some(odd)));
    let summary = profile.summary(END);
    let text = serde_json::to_string(&summary).unwrap();
    assert!(!text.contains("null,\"p50_ms\""), "{text}");
    assert_eq!(summary.modes[0].gpu.as_ref().unwrap().total.count, 1);
}
