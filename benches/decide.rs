//! The decision stage on a score map of 120x88, with as much to decide as there can be: every region that is
//! kept, every track that is followed.
#![allow(missing_docs, clippy::unwrap_used)]

#[path = "../tests/support/sixteen.rs"]
mod sixteen;

use std::hint::black_box;

use criterion::{Criterion, criterion_group, criterion_main};
use lookout::decide::{
    AnomalyMask, Event, GroundCorridor, MapSize, Motion, Observation, RegionFinder, Regions,
    Sightings, Supervisor, SupervisorConfig, Tracker, Trapezoid, Watch, sightings, threshold,
};
use lookout::frame::{Frame, QualityMeter};
use lookout::score::ScoreMap;
use lookout::time::{Now, Stamp};

const MOTION: Motion = Motion {
    seconds: 0.066,
    speed_mps: 0.0,
    curvature: 0.0,
};

fn picture() -> Frame {
    let (width, height) = sixteen::PICTURE;
    let bytes = (0..width * height * 3).map(|i| (60 + i * 7 % 121) as u8);
    Frame::from_rgb(Stamp::default(), width, height, bytes.collect()).unwrap()
}

fn decide(c: &mut Criterion) {
    let (width, height) = sixteen::MAP;
    let scores = sixteen::observer().into_iter();
    let scores = scores.map(|logit| 1.0 / (1.0 + f32::exp(-logit))).collect();
    let map = ScoreMap::from_values(width, height, scores).unwrap();
    let mut corridor = GroundCorridor::new(Trapezoid::default(), sixteen::WIDTH_M as f32);
    corridor.set_ground(Some(sixteen::ground())).unwrap();
    let level = sixteen::level();
    let mut mask = AnomalyMask::default();
    let mut finder = RegionFinder::default();
    finder.min_area = 3;
    let mut regions = Regions::default();
    let mut seen = Sightings::new();
    let mut tracker = Tracker::default();
    let mut supervisor = Supervisor::new(SupervisorConfig::default()).unwrap();
    let mut nanos = 0;
    // as `Pipeline::process` does once the scores are there, but for the picture's quality
    let mut decide = || {
        corridor.fit(sixteen::PICTURE, MapSize { width, height });
        let masked = threshold(black_box(&map), sixteen::THRESHOLD, &mut mask);
        finder.find(&mask, &map, &corridor, &mut regions).unwrap();
        sightings(&regions, &map, sixteen::THRESHOLD, &corridor, &mut seen);
        // in case the frame is taken back
        black_box(tracker.clone());
        tracker.update(&seen, MOTION, &level);
        nanos += 66_000_000;
        let stamp = Stamp::from_nanos(nanos);
        let observation = Observation {
            capture_stamp: stamp,
            pixels: (width * height) as u32,
            non_finite: 0,
            score_min: 0.0,
            score_max: 1.0,
            anomalous_pixels: masked.anomalous as u32,
            corridor_pixels: regions.corridor_area,
            nearest: regions.nearest,
            tracked: Some(tracker.tracked(&corridor, &level)),
            quality: None,
            size: Some(sixteen::PICTURE),
            watch: Watch::Counts,
            fallback: false,
        };
        let verdict = supervisor.step(Event::Frame(observation), Now::simulated(stamp));
        sixteen::assert_sixteen(regions.largest().len(), tracker.tracks().len());
        verdict
    };
    let mut group = c.benchmark_group("decide_120x88");
    group.bench_function("16 tracks", |b| b.iter(&mut decide));
    let (mut meter, frame) = (QualityMeter::default(), picture());
    group.bench_function("16 tracks, and the quality of 480x352", |b| {
        b.iter(|| (decide(), meter.measure(black_box(&frame))));
    });
    group.finish();
}

criterion_group!(benches, decide);
criterion_main!(benches);
