use super::*;
use crate::decide::Reason;
use crate::profile::sample::record;
use crate::profile::trace_events::FLUSH_AT;
use crate::profile::{Machine, StageTimes};
use serde_json::Value as Json;
use std::time::Instant;

const MS: Duration = Duration::from_millis(1);

fn frame(i: u64) -> FrameTrace {
    let mut stages = StageTimes::default();
    for (stage, micros) in Stage::ALL
        .into_iter()
        .zip([2100, 900, 14_001, 6_500, 700, 400, 1_500])
    {
        stages.add(
            stage,
            Duration::from_micros(micros) + Duration::from_nanos(i),
        );
    }
    let began = MS * 66 * u32::try_from(i).unwrap();
    let state = if i < 2 { State::Waiting } else { State::Ok };
    FrameTrace {
        frame: i,
        outcome: FrameOutcome {
            mode: Some(if i < 5 { "full+observer" } else { "full" }),
            stages,
            age: Some(31 * MS),
            verdict: Some(record(i, state, Reason::Clear).verdict),
            ..FrameOutcome::untried(began, FrameFate::InTime)
        },
        decode_at: began,
        engine_at: began + 3 * MS,
        engine_time: 24 * MS,
        publish_at: began + 27 * MS,
    }
}

fn untried(i: u64, fate: FrameFate) -> FrameTrace {
    let frame = frame(i);
    FrameTrace {
        outcome: FrameOutcome::untried(frame.outcome.at, fate),
        ..frame
    }
}

fn run(trace: &mut Trace<&mut Vec<u8>>) {
    for i in 0..8 {
        trace.frame(&frame(i)).unwrap();
    }
    let mut late = frame(8);
    late.outcome.fate = FrameFate::Late;
    late.outcome.verdict = Some(record(8, State::Fault, Reason::Clear).verdict);
    trace.frame(&late).unwrap();
    trace.frame(&untried(9, FrameFate::Refused)).unwrap();
    trace.frame(&untried(10, FrameFate::Replaced(3))).unwrap();
    trace.frame(&untried(11, FrameFate::Failed)).unwrap();
}

fn finished() -> Vec<Json> {
    let mut out = Vec::new();
    let mut trace = Trace::new(&mut out, "lookout \"profile\"").unwrap();
    run(&mut trace);
    trace.finish().unwrap();
    serde_json::from_slice(&out).unwrap()
}

fn of<'a>(events: &'a [Json], ph: &str, track: Track) -> Vec<&'a Json> {
    events
        .iter()
        .filter(|e| e["ph"] == ph && e["tid"] == track as u32)
        .collect()
}

/// Nanoseconds of a field in microseconds.
fn nanos(event: &Json, field: &str) -> u64 {
    (event[field].as_f64().unwrap() * 1e3).round() as u64
}

#[test]
fn stages_lie_within_their_frame_one_after_another_and_add_up() {
    let events = finished();
    let spans = of(&events, "X", Track::Engine);
    let frames: Vec<_> = spans.iter().filter(|e| e["name"] == "frame").collect();
    assert_eq!(frames.len(), 9);
    for whole in frames {
        let number = whole["args"]["frame"].as_u64().unwrap();
        let (from, to) = (nanos(whole, "ts"), nanos(whole, "ts") + nanos(whole, "dur"));
        let mut at = from;
        let mut names = Vec::new();
        for stage in spans
            .iter()
            .filter(|e| e["name"] != "frame" && e["args"]["frame"] == number)
        {
            assert_eq!(nanos(stage, "ts"), at, "no overlap and no gap");
            at += nanos(stage, "dur");
            names.push(stage["name"].as_str().unwrap());
        }
        assert_eq!(
            names,
            ["preprocess", "segmentation", "observer", "score", "decide"]
        );
        assert_eq!(at - from, 22_501_000 + 5 * number);
        assert!(at <= to);
        assert_eq!(to - from, 24_000_000, "as long as the thread had it");
    }
    assert_eq!(of(&events, "X", Track::Decode).len(), 9);
    let publish = of(&events, "X", Track::Publish);
    assert_eq!(nanos(publish[1], "ts"), (66 + 27) * 1_000_000);
}

#[test]
fn modes_and_states_are_spans_that_begin_and_end_in_turn() {
    let events = finished();
    let turns = |track| -> Vec<String> {
        let both = |e: &&Json| e["tid"] == track as u32 && (e["ph"] == "B" || e["ph"] == "E");
        let text = |e: &Json| {
            format!(
                "{}{}",
                e["ph"].as_str().unwrap(),
                e["name"].as_str().unwrap()
            )
        };
        events.iter().filter(both).map(text).collect()
    };
    assert_eq!(
        turns(Track::Mode),
        [
            "Bfull+observer",
            "Efull+observer",
            "Bfull",
            "Efull",
            "Brefusing",
            "Erefusing"
        ]
    );
    assert_eq!(
        turns(Track::Supervisor),
        ["BWAITING", "EWAITING", "BOK", "EOK", "BFAULT", "EFAULT"]
    );
}

#[test]
fn fates_are_instants_and_the_age_is_a_counter() {
    let events = finished();
    for (name, track) in [
        ("late", Track::Publish),
        ("refused", Track::Engine),
        ("replaced", Track::Source),
        ("failed", Track::Engine),
    ] {
        let found = of(&events, "i", track);
        let found: Vec<_> = found.iter().filter(|e| e["name"] == name).collect();
        assert_eq!(found.len(), 1, "{name}");
        assert_eq!(found[0]["s"], "t");
    }
    let replaced = of(&events, "i", Track::Source);
    assert_eq!(replaced[0]["args"]["frames"], 3);
    let ages: Vec<_> = events.iter().filter(|e| e["ph"] == "C").collect();
    assert_eq!(ages.len(), 9);
    assert_eq!(ages[0]["args"]["value"], 31.0);
    assert_eq!(events[0]["args"]["name"], "lookout \"profile\"");
}

#[test]
fn a_run_that_is_killed_leaves_whole_events_that_lack_only_the_end() {
    let mut out = Vec::new();
    let mut trace = Trace::new(&mut out, "killed").unwrap();
    run(&mut trace);
    trace.events.flush().unwrap();
    trace.frame(&frame(12)).unwrap();
    std::mem::forget(trace); // nothing is dropped, nothing closed
    assert!(serde_json::from_slice::<Vec<Json>>(&out).is_err());
    out.push(b']');
    let events: Vec<Json> = serde_json::from_slice(&out).unwrap();
    assert_eq!(of(&events, "X", Track::Decode).len(), 9, "up to the flush");
    let open = |ph| of(&events, ph, Track::Mode).len();
    assert_eq!(open("B"), open("E") + 1);
}

#[test]
fn a_trace_that_is_dropped_is_whole() {
    let mut out = Vec::new();
    run(&mut Trace::new(&mut out, "dropped").unwrap());
    let events: Vec<Json> = serde_json::from_slice(&out).unwrap();
    assert_eq!(of(&events, "E", Track::Supervisor).len(), 3);
}

#[test]
fn a_long_run_is_written_as_it_goes_in_bounded_memory() {
    let mut trace = Trace::new(io::sink(), "long").unwrap();
    let room = trace.events.buffer.capacity();
    for i in 0..20_000 {
        trace.frame(&frame(i)).unwrap();
        assert!(trace.events.buffer.len() < FLUSH_AT);
    }
    assert_eq!(trace.events.buffer.capacity(), room);
}

#[test]
fn a_full_disk_is_an_error_and_no_growth() {
    #[derive(Debug)]
    struct Full;
    impl Write for Full {
        fn write(&mut self, _: &[u8]) -> io::Result<usize> {
            Err(io::ErrorKind::StorageFull.into())
        }
        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }
    let mut trace = Trace::new(Full, "full").unwrap();
    let failed = (0..1000)
        .filter(|&i| trace.frame(&frame(i)).is_err())
        .count();
    assert!(failed > 0);
    assert!(trace.events.buffer.len() < FLUSH_AT);
    assert_eq!(
        trace.finish().unwrap_err().kind(),
        io::ErrorKind::StorageFull
    );
}

#[test]
fn times_that_make_no_sense_do_not_break_the_file() {
    let mut out = Vec::new();
    let mut trace = Trace::new(&mut out, "odd").unwrap();
    let mut odd = frame(1);
    odd.outcome.stages.add(Stage::Observer, Duration::MAX);
    (odd.engine_at, odd.publish_at) = (Duration::MAX, Duration::ZERO);
    odd.outcome.age = Some(Duration::MAX);
    trace.frame(&odd).unwrap();
    trace.finish().unwrap();
    assert!(serde_json::from_slice::<Vec<Json>>(&out).is_ok());
}

#[test]
fn the_machine_is_a_counter_a_channel() {
    let mut machine = Machine::new(Instant::now());
    machine.sample();
    std::thread::sleep(2 * MS);
    machine.sample();
    let mut out = Vec::new();
    let mut trace = Trace::new(&mut out, "machine").unwrap();
    trace.machine(machine.profile()).unwrap();
    trace.finish().unwrap();
    let events: Vec<Json> = serde_json::from_slice(&out).unwrap();
    let cpu: Vec<_> = events
        .iter()
        .filter(|e| e["ph"] == "C" && e["name"] == "process CPU [cores]")
        .collect();
    assert_eq!(cpu.len(), 1, "a rate needs two readings");
    assert!(cpu[0]["args"]["value"].as_f64().unwrap() >= 0.0);
}
