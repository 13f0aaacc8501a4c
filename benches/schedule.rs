//! What admission costs a frame: all three calls, every window full, on each path a frame can take.
#![allow(missing_docs, clippy::unwrap_used)]

use std::hint::black_box;
use std::time::Duration;

use criterion::{Criterion, criterion_group, criterion_main};
use lookout::decide::{Event, Observation, Supervisor, SupervisorConfig, Watch};
use lookout::engine::Mode;
use lookout::profile::{Stage, StageTimes};
use lookout::schedule::{Admission, AdmissionConfig, Admit};
use lookout::time::{Now, Stamp};
use lookout::watchdog::Board;
use rand::{RngExt, SeedableRng};
use rand_pcg::Pcg32;

const AGE: Duration = Duration::from_millis(8);

fn times(mode: Mode, factor: f64) -> StageTimes {
    let mut times = StageTimes::default();
    for (stage, millis) in Stage::ALL
        .into_iter()
        .zip([1.0, 0.35, 24.0, 9.0, 0.3, 0.05, 2.0])
    {
        if stage != Stage::Observer || mode.observer {
            times.add(stage, Duration::from_secs_f64(millis * factor / 1e3));
        }
    }
    times
}

fn admission(rng: &mut Pcg32) -> Admission {
    let config = AdmissionConfig {
        deadline_ms: 80,
        ..Default::default()
    };
    let mut admission = Admission::new(config).unwrap();
    for _ in 0..20 {
        for mode in Mode::ALL {
            admission.warm_up(mode, &times(mode, rng.random_range(0.9..1.1)));
        }
    }
    for i in 0..4000 {
        let mode = Mode::ALL[i % Mode::COUNT];
        admission.admit(AGE);
        admission.done(mode, &times(mode, rng.random_range(0.9..1.1)), AGE);
    }
    admission
}

fn frame(c: &mut Criterion) {
    let mut rng = Pcg32::seed_from_u64(7);
    let mut group = c.benchmark_group("admission");
    // As many different frames as fill a window several times.
    let frames: Vec<_> = (0..997)
        .map(|_| times(Mode::FULL, rng.random_range(0.9..1.1)))
        .collect();
    let mut next = frames.iter().cycle();
    let mut model = admission(&mut rng);
    group.bench_function("run", |b| {
        b.iter(|| {
            let times = next.next().unwrap();
            let admit = model.admit(black_box(AGE));
            let observer = model.observer_fits(black_box(AGE + Duration::from_millis(25)));
            let in_time = model.done(Mode::FULL, black_box(times), AGE + times.total());
            black_box((admit, observer, in_time))
        });
    });
    let mut model = admission(&mut rng);
    group.bench_function("refused", |b| {
        b.iter(|| {
            let admit = model.admit(black_box(Duration::from_millis(80)));
            debug_assert!(matches!(admit, Admit::Refuse { .. }));
            black_box(admit)
        });
    });
    // all of what decides on a frame: admission, supervisor, board
    let mut model = admission(&mut rng);
    let mut supervisor = Supervisor::new(SupervisorConfig::default()).unwrap();
    let board = Board::new(500).unwrap();
    let mut nanos = 0;
    group.bench_function("run, supervisor and board", |b| {
        b.iter(|| {
            let times = next.next().unwrap();
            nanos += 66_000_000;
            let stamp = Stamp::from_nanos(nanos);
            black_box(model.admit(black_box(AGE)));
            black_box(model.observer_fits(black_box(AGE + Duration::from_millis(25))));
            let observation = Observation {
                capture_stamp: stamp,
                pixels: 120 * 88,
                non_finite: 0,
                score_min: 0.1,
                score_max: 0.7,
                anomalous_pixels: 9,
                corridor_pixels: 0,
                nearest: None,
                tracked: None,
                quality: None,
                size: Some((1280, 720)),
                watch: Watch::Counts,
                fallback: false,
            };
            let verdict = supervisor.step(Event::Frame(observation), Now::simulated(stamp));
            board.post(&verdict, AGE);
            black_box(model.done(Mode::FULL, black_box(times), AGE + times.total()))
        });
    });
    group.finish();
}

criterion_group!(benches, frame);
criterion_main!(benches);
