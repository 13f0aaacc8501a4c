//! After warm-up, our own code allocates nothing on the frame path. The engines' libraries do
//! (rten its activations, ONNX Runtime its handles), and so does the resizer, which builds its
//! filter anew for every frame. A stand-in engine takes the engines' place here and the frames have
//! the networks' size, so that every allocation counted is ours.
#![allow(clippy::unwrap_used)]

#[path = "support/counting.rs"]
mod counting;
#[path = "support/sixteen.rs"]
mod sixteen;

use std::time::Duration;

use counting::{counted, counted_from_now};
use lookout::decide::{
    Band, Calibration, Event, Failure, Mount, Observation, State, StopLevel, StoppingConfig,
    Supervisor, SupervisorConfig, Watch,
};
use lookout::engine::{
    Engine, EngineError, GpuTimes, Mode, Perception, Preprocessor, Resolution, input_size,
};
use lookout::frame::{CameraView, Decoder, Frame, ImageView, QualityMeter};
use lookout::model::Bundle;
use lookout::msg::{HeaderRef, ImageRef, cdr};
use lookout::paint::Painter;
use lookout::pipeline::{Judge, Judges, Pipeline, Settings, StopLevels, Surroundings};
use lookout::profile::{
    DeadlineProfile, FrameFate, FrameOutcome, FrameRecord, RunProfile, Stage, StageTimes,
};
use lookout::schedule::{AdmissionConfig, LatencyModel};
use lookout::score::ScoreKind;
use lookout::time::{Now, Stamp, SteppedClock};
use lookout::watchdog::Board;

fn allocations(work: impl FnOnce()) -> u64 {
    counted_from_now();
    work();
    counted()
}

/// Does our share of an engine's work (pre-processing) and gives a fixed perception.
struct StandIn {
    bundle: Bundle,
    preprocessor: Preprocessor,
    perception: Perception,
}

impl Engine for StandIn {
    fn name(&self) -> &'static str {
        "stand-in"
    }

    fn description(&self) -> String {
        "stand-in".to_owned()
    }

    fn has_observer(&self) -> bool {
        true
    }

    fn segment(&mut self, frame: &Frame, resolution: Resolution) -> Result<(), EngineError> {
        let input = &self.bundle.manifest().input;
        let size = input_size(input, resolution, frame.width(), frame.height())?;
        self.preprocessor.run(frame, size)
    }

    fn observe(&mut self) -> Result<(), EngineError> {
        Ok(())
    }

    fn perception(&self) -> &Perception {
        &self.perception
    }
}

/// Times of a frame.
fn stages() -> StageTimes {
    let mut stages = StageTimes::default();
    for stage in Stage::ALL {
        stages.add(stage, Duration::from_millis(4));
    }
    stages
}

/// What the GPU took of a frame.
fn gpu(i: u64) -> GpuTimes {
    let time = Duration::from_micros(100 + i);
    GpuTimes {
        enqueue: time,
        preprocess: time,
        segmentation: time,
        observer: time,
        judge: time,
        download: time,
    }
}

/// A rosbag2 payload: a 480x352 frame of the encoding.
fn message(encoding: &str, bytes_a_pixel: u32, stamp: Stamp) -> Vec<u8> {
    let (width, height) = (480, 352);
    // no two frames are the same picture, or they would be frozen
    let shift = (stamp.as_nanos() / 1_000_000) as u32;
    let data: Vec<u8> = (0..width * height * bytes_a_pixel)
        .map(|i| (60 + (i * 7 + shift) % 121) as u8)
        .collect();
    let header = HeaderRef {
        stamp: stamp.into(),
        frame_id: "camera",
    };
    let step = width * bytes_a_pixel;
    cdr::to_vec(&ImageRef {
        header,
        height,
        width,
        encoding,
        is_bigendian: 0,
        step,
        data: &data,
    })
    .unwrap()
}

#[test]
fn frames_allocate_nothing_after_the_first_ones() {
    let bundle = Bundle::shipped().unwrap();
    // a perception with a good part of the picture anomalous, so that regions are found
    let mut real = lookout::engine::RtenEngine::load(&bundle, 1).unwrap();
    let mut noise = Frame::new();
    let mut state = 1u32;
    for p in noise.reset(640, 480, Stamp::default()).unwrap() {
        state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        *p = (state >> 24) as u8;
    }
    let perception = real.run(&noise, Mode::FULL).unwrap().clone();

    for (encoding, bytes) in [
        ("rgb8", 3),
        ("bgr8", 3),
        ("mono8", 1),
        ("bayer_rggb8", 1),
        ("yuv422", 2),
    ] {
        for score in ScoreKind::ALL {
            let engine = StandIn {
                bundle: bundle.clone(),
                preprocessor: Preprocessor::new(&bundle.manifest().input),
                perception: perception.clone(),
            };
            let threshold = 0.4;
            let judges = Judges::one(Mode::FULL, Judge { score, threshold });
            let mut settings = Settings::deadline(AdmissionConfig::default(), judges);
            // a level that these frames do not reach: the tracks go on
            let level = StopLevel {
                level: 120.0,
                most_a_frame: 4.0,
                allowance: 0.5,
                min_region_ppm: 300,
                bands: vec![Band::new(90.0, vec![0.0; 99])],
            };
            settings.stop_levels = StopLevels::default().with(Mode::FULL, level);
            let mut pipeline = Pipeline::new(Box::new(engine), settings).unwrap();
            for _ in 0..LatencyModel::MIN_DRY_RUNS {
                pipeline.warm_up(Mode::FULL, &stages());
            }
            let board = Board::new(500).unwrap();
            let clock = SteppedClock::default();
            let (mut decoder, mut frame) = (Decoder::default(), Frame::new());
            let (mut painter, mut overlay) = (Painter::default(), Vec::new());
            let mut profile = RunProfile::default();
            let k = [400.0, 0.0, 240.0, 0.0, 400.0, 176.0, 0.0, 0.0, 1.0];
            let d = [-0.2, 0.05, 0.0, 0.0, 0.0];
            let camera = Calibration::new((480, 352), k, "plumb_bob", &d);
            let mount = Some(Mount::level(1.4));
            let mut around = Surroundings::new(StoppingConfig::default(), mount).unwrap();
            let messages: Vec<Vec<u8>> = (1..=12)
                .map(|i| message(encoding, bytes, Stamp::from_nanos(i * 66_000_000)))
                .collect();
            let mut one = |bytes: &[u8], index: u64| {
                let m: ImageRef<'_> = cdr::from_slice(bytes).unwrap();
                let view = CameraView::Raw(ImageView {
                    stamp: m.header.stamp.into(),
                    width: m.width,
                    height: m.height,
                    encoding: m.encoding,
                    is_bigendian: m.is_bigendian != 0,
                    step: m.step,
                    data: m.data,
                });
                decoder.decode(&view, &mut frame).unwrap();
                clock.set(frame.stamp());
                // as with every frame, and the vehicle turns, once something has evidence: what keeps its
                // distance to one that drives gathers none
                let speed_mps = if index < 3 { 0.0 } else { 10.0 };
                around.camera_info(camera.clone());
                around.odometry(speed_mps, 0.01 * index as f64, Duration::ZERO);
                around.apply(&mut pipeline, Duration::ZERO);
                let mode = pipeline.admit(frame.stamp(), &clock).unwrap();
                let outcome = pipeline.process(&frame, mode, &clock);
                around.judged(&pipeline);
                assert!(pipeline.corridor().is_on_ground());
                assert!(!pipeline.tracks().is_empty());
                board.post(&outcome.verdict, Duration::ZERO);
                pipeline.published(&outcome, &stages(), Duration::from_millis(40));
                assert!(outcome.error.is_none());
                assert_ne!(outcome.verdict.state, State::Fault, "{:?}", outcome.verdict);
                painter.overlay(&frame, pipeline.mask(), &mut overlay);
                profile.add(&FrameRecord {
                    index,
                    verdict: outcome.verdict,
                    mode: "full+observer",
                    stages: StageTimes::default(),
                    latency: outcome.times.total,
                    age: None,
                    score: outcome.stats,
                });
            };
            let (warm, measured) = messages.split_at(4);
            warm.iter().enumerate().for_each(|(i, m)| one(m, i as u64));
            let n = allocations(|| {
                measured
                    .iter()
                    .enumerate()
                    .for_each(|(i, m)| one(m, i as u64));
            });
            assert_eq!(n, 0, "{encoding}, {score}: {n} allocations in 8 frames");
        }
    }
}

#[test]
fn with_as_many_regions_and_tracks_as_there_can_be_frames_allocate_nothing() {
    let bundle = Bundle::shipped().unwrap();
    let (width, height) = sixteen::MAP;
    let logits = vec![0.0; 2 * width * height];
    let engine = StandIn {
        preprocessor: Preprocessor::new(&bundle.manifest().input),
        perception: Perception::of_planes(sixteen::MAP, logits, Some(sixteen::observer())),
        bundle,
    };
    let judge = Judge {
        score: ScoreKind::OBSERVER,
        threshold: sixteen::THRESHOLD,
    };
    let mut settings = Settings::fixed(Mode::FULL, judge);
    settings.vehicle.width_m = sixteen::WIDTH_M;
    settings.stop_levels = StopLevels::default().with(Mode::FULL, sixteen::level());
    let mut pipeline = Pipeline::new(Box::new(engine), settings).unwrap();
    pipeline.set_ground(Some(sixteen::ground())).unwrap();
    let clock = SteppedClock::default();
    let (columns, rows) = sixteen::PICTURE;
    let frames: Vec<Frame> = (1..=12u32)
        .map(|i| {
            // no two frames are the same picture, or they would be frozen
            let bytes = (0..columns * rows * 3).map(|at| (60 + (at * 7 + i) % 121) as u8);
            let stamp = Stamp::from_nanos(i64::from(i) * 66_000_000);
            Frame::from_rgb(stamp, columns, rows, bytes.collect()).unwrap()
        })
        .collect();
    let mut one = |frame: &Frame| {
        clock.set(frame.stamp());
        let outcome = pipeline.process(frame, Mode::FULL, &clock);
        assert!(outcome.error.is_none());
        assert_ne!(outcome.verdict.state, State::Fault, "{:?}", outcome.verdict);
        sixteen::assert_sixteen(pipeline.regions().largest().len(), pipeline.tracks().len());
    };
    let (warm, measured) = frames.split_at(4);
    warm.iter().for_each(&mut one);
    let n = allocations(|| measured.iter().for_each(&mut one));
    assert_eq!(n, 0, "{n} allocations in 8 frames");
}

#[test]
fn quality_and_supervisor_allocate_nothing_from_the_first_frame_on() {
    let mut frame = Frame::new();
    let (width, height) = (480, 360);
    frame.reset(width, height, Stamp::default()).unwrap();
    let mut meter = QualityMeter::default();
    let mut supervisor = Supervisor::new(SupervisorConfig::default()).unwrap();
    let mut states = [State::Waiting; 64];
    let n = allocations(|| {
        for (i, state) in (0u8..).zip(&mut states) {
            let capture_stamp = Stamp::from_nanos(i64::from(i) * 50_000_000);
            for (at, value) in frame.pixels_mut().iter_mut().enumerate() {
                *value = ((at / 60) as u8).wrapping_mul(i).wrapping_add(i);
            }
            let event = match i % 9 {
                5 => Event::Tick,
                6 => Event::Reset,
                7 if i > 30 => Event::Missed {
                    capture_stamp,
                    slack_ms: 1,
                    needed_ms: 2,
                },
                8 if i > 30 => Event::Failed {
                    capture_stamp: None,
                    failure: Failure::Panicked,
                },
                _ => Event::Frame(Observation {
                    capture_stamp,
                    pixels: 10_560,
                    non_finite: 0,
                    score_min: 0.0,
                    score_max: 1.0,
                    anomalous_pixels: 0,
                    corridor_pixels: if i > 50 { 100 } else { 0 },
                    nearest: None,
                    tracked: None,
                    quality: Some(meter.measure(&frame)),
                    size: Some((frame.width(), frame.height())),
                    watch: Watch::Counts,
                    fallback: false,
                }),
            };
            *state = supervisor.step(event, Now::simulated(capture_stamp)).state;
        }
    });
    assert_eq!(n, 0, "{n} allocations in 64 frames");
    for state in [State::Ok, State::Fault, State::Stop] {
        assert!(states.contains(&state), "{state}: {states:?}");
    }
}

#[test]
fn counting_frames_with_and_without_a_gpu_allocates_nothing() {
    let mut profile = DeadlineProfile::new(Duration::from_millis(100));
    let n = allocations(|| {
        for i in 0..2000u64 {
            profile.add(&FrameOutcome {
                at: Duration::from_millis(33 * i),
                mode: Some(["full", "full+observer", "reduced"][i as usize % 3]),
                stages: stages(),
                gpu: (i % 4 > 0).then(|| gpu(i)),
                latency: Some(Duration::from_millis(i % 70)),
                age: Some(Duration::from_millis(i % 90)),
                fate: FrameFate::InTime,
                verdict: None,
                mean_score: None,
            });
        }
    });
    assert_eq!(n, 0, "{n} allocations in 2000 frames");
    let modes = profile.summary(Duration::from_secs(66)).modes;
    let counted: u64 = modes
        .iter()
        .flat_map(|m| &m.gpu)
        .map(|g| g.total.count)
        .sum();
    assert_eq!((modes.len(), counted), (3, 1500));
}

#[cfg(feature = "ros")]
#[test]
fn telling_the_diagnostics_of_frames_allocates_nothing() {
    use lookout::decide::Reason;
    use lookout::ros::diagnostics::{Health, Limits};

    let mut health = Health::new(Limits {
        deadline_ms: 100,
        stale_after_ms: 500,
    });
    let verdict = lookout::decide::Verdict {
        state: State::Ok,
        safe_stop: false,
        reason: Reason::Clear,
        capture_stamp: Some(Stamp::default()),
        age_nanos: Some(0),
        anomalous_pixels: 0,
        corridor_pixels: 0,
        nearest: None,
        tracked: None,
    };
    let fates = [
        FrameFate::InTime,
        FrameFate::Late,
        FrameFate::Refused,
        FrameFate::Replaced(3),
        FrameFate::Failed,
    ];
    let n = allocations(|| {
        for i in 0..2000u64 {
            let at = Duration::from_millis(33 * i);
            health.received(at);
            health.frame(&FrameOutcome {
                at,
                mode: Some("full"),
                stages: stages(),
                gpu: (i % 3 > 0).then(|| gpu(i)),
                latency: Some(Duration::from_millis(i % 70)),
                age: Some(Duration::from_millis(i % 90)),
                fate: fates[i as usize % fates.len()],
                verdict: Some(verdict),
                mean_score: Some(0.1 + i as f32 / 8000.0),
            });
            health.malformed(at, &i);
        }
    });
    assert_eq!(n, 0, "{n} allocations in 2000 frames");
    assert_eq!(health.counts().judged(), 800);
}

#[test]
fn the_counter_counts() {
    assert_eq!(allocations(|| drop(std::hint::black_box(Box::new(5)))), 2);
}
