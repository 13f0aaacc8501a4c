use super::*;
use crate::decide::{
    Band, Calibration, Camera, Mount, State, StopLevel, StoppingConfig, Trapezoid,
};
use crate::engine::{GivenThresholds, Resolution};
use crate::model::{Bundle, ThresholdAt};
use crate::score::ScoreKind;

const MAP: (usize, usize) = (16, 12);
const IMAGE: (u32, u32) = (64, 48);

/// Sees somebody four columns wide who stands in row 8 of 12, in every frame.
struct Somebody(Perception);

impl Somebody {
    fn new() -> Self {
        let (width, height) = MAP;
        let mut observer = vec![-6.0; width * height];
        for row in 3..=8 {
            observer[row * width + 6..][..4].fill(6.0);
        }
        let logits = vec![0.0; 2 * width * height];
        Self(Perception::of_planes(MAP, logits, Some(observer)))
    }
}

impl Engine for Somebody {
    fn name(&self) -> &'static str {
        "somebody"
    }

    fn description(&self) -> String {
        self.name().to_owned()
    }

    fn has_observer(&self) -> bool {
        true
    }

    fn segment(&mut self, _: &Frame, _: Resolution) -> Result<(), EngineError> {
        Ok(())
    }

    fn observe(&mut self) -> Result<(), EngineError> {
        Ok(())
    }

    fn perception(&self) -> &Perception {
        &self.0
    }
}

fn settings() -> Settings {
    let (score, threshold) = (ScoreKind::OBSERVER, 0.5);
    let mut settings = Settings::fixed(Mode::FULL, Judge { score, threshold });
    let asked = Asked {
        score,
        fallback: ScoreKind::Energy,
        at: ThresholdAt::Fpr1,
        given: GivenThresholds {
            all: Some(threshold),
            ..GivenThresholds::default()
        },
    };
    settings.judges = Choice::new(Bundle::shipped().unwrap().manifest(), &asked).judges;
    settings.corridor = Trapezoid::everywhere();
    settings.vehicle.width_m = 10.0;
    settings
}

/// With a stop level for the best mode, after a thousand clean frames without anything.
fn by_evidence() -> Settings {
    let level = StopLevel {
        level: 12.0,
        most_a_frame: 6.0,
        allowance: 2.0,
        min_region_ppm: 1000,
        bands: vec![Band::new(40.0, vec![0.0; 999])],
    };
    let stop_levels = StopLevels::promising(String::new()).with(Mode::FULL, level);
    Settings {
        stop_levels,
        ..settings()
    }
}

fn pipeline(settings: Settings) -> Pipeline {
    Pipeline::new(Box::new(Somebody::new()), settings).unwrap()
}

/// The horizon is in the middle of the picture; row 8 ends 12 rows under it.
fn ground() -> Ground {
    let camera = Camera::new(&calibration()).unwrap();
    Ground::new(camera, Mount::level(1.5)).unwrap()
}

fn calibration() -> Calibration {
    let k = [40.0, 0.0, 31.5, 0.0, 40.0, 23.5, 0.0, 0.0, 1.0];
    Calibration::new(IMAGE, k, "plumb_bob", &[])
}

const STANDS_AT: f32 = 1.5 * 40.0 / 12.0;
const WHOLE: u32 = 24;

struct Run {
    pipeline: Pipeline,
    clock: SteppedClock,
    frames: i64,
}

impl Run {
    fn new() -> Self {
        Self::with(settings())
    }

    fn with(settings: Settings) -> Self {
        Self {
            pipeline: pipeline(settings),
            clock: SteppedClock::default(),
            frames: 0,
        }
    }

    fn frame_of(&mut self, size: (u32, u32)) -> Verdict {
        self.frame_in(Mode::FULL, size)
    }

    fn frame_in(&mut self, mode: Mode, (width, height): (u32, u32)) -> Verdict {
        self.frames += 1;
        let stamp = Stamp::from_nanos(self.frames * 50_000_000);
        // noise, so that no frame is frozen or blurred
        let mut state = self.frames as u32;
        let pixels = (0..width * height * 3).map(|_| {
            state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            (60 + (state >> 24) % 121) as u8
        });
        let frame = Frame::from_rgb(stamp, width, height, pixels.collect()).unwrap();
        self.clock.set(stamp);
        let outcome = self.pipeline.process(&frame, mode, &self.clock);
        assert!(outcome.error.is_none(), "{:?}", outcome.error);
        outcome.verdict
    }

    fn frame(&mut self) -> Verdict {
        self.frame_of(IMAGE)
    }
}

fn seen(verdict: &Verdict) -> (u32, Option<f32>) {
    (verdict.corridor_pixels, verdict.nearest)
}

#[test]
fn without_ground_the_whole_trapezoid_counts_whatever_the_limit() {
    let (mut run, mut limited) = (Run::new(), Run::new());
    limited.pipeline.set_far_limit(Some(1.0));
    for _ in 0..6 {
        let verdict = run.frame();
        assert_eq!(seen(&verdict), (WHOLE, None));
        assert_eq!(limited.frame(), verdict);
    }
}

#[test]
fn g10_ground_and_limit_hold_from_the_next_frame_on() {
    let mut run = Run::new();
    run.pipeline.set_ground(Some(ground())).unwrap();
    let known = run.frame();
    assert_eq!(known.corridor_pixels, WHOLE);
    let distance = known.nearest.unwrap();
    assert!((distance - STANDS_AT).abs() < 1e-4, "{distance}");
    run.pipeline.set_far_limit(Some(STANDS_AT + 0.1));
    assert_eq!(seen(&run.frame()), (WHOLE, known.nearest));
    run.pipeline.set_far_limit(Some(STANDS_AT - 0.1));
    let beyond = run.frame();
    assert_eq!(seen(&beyond), (0, None));
    assert_eq!(beyond.anomalous_pixels, WHOLE);
    // the speed is lost
    run.pipeline.set_far_limit(None);
    assert_eq!(seen(&run.frame()), (WHOLE, known.nearest));
    run.pipeline.set_far_limit(Some(STANDS_AT - 0.1));
    run.pipeline.set_ground(None).unwrap();
    assert_eq!(seen(&run.frame()), (WHOLE, None));
}

#[test]
fn g11_a_stop_is_not_taken_back_by_a_limit() {
    let mut run = Run::new();
    run.pipeline.set_ground(Some(ground())).unwrap();
    let states: Vec<State> = (0..4).map(|_| run.frame().state).collect();
    assert_eq!(states.last(), Some(&State::Stop), "{states:?}");
    run.pipeline.set_far_limit(Some(1.0));
    for _ in 0..40 {
        let verdict = run.frame();
        assert_eq!((verdict.state, verdict.corridor_pixels), (State::Stop, 0));
    }
}

#[test]
fn a_picture_of_another_size_is_judged_without_ground() {
    let mut run = Run::new();
    run.pipeline.set_ground(Some(ground())).unwrap();
    run.pipeline.set_far_limit(Some(1.0));
    assert_eq!(seen(&run.frame()), (0, None));
    assert_eq!(seen(&run.frame_of((128, 96))), (WHOLE, None));
    assert_eq!(seen(&run.frame()), (0, None));
}

#[test]
fn what_is_known_of_camera_and_vehicle_reaches_the_next_frame_and_is_told() {
    let second = Duration::from_secs(1);
    let mut run = Run::new();
    let mut known = Surroundings::new(StoppingConfig::default(), None).unwrap();
    let mut frame = |known: &mut Surroundings, now| {
        known.apply(&mut run.pipeline, now);
        let verdict = run.frame();
        known.judged(&run.pipeline);
        let (line, checked) = (known.line(&run.pipeline), known.check(&run.pipeline, IMAGE));
        (
            verdict.corridor_pixels,
            line,
            checked.map_err(|e| e.to_string()),
        )
    };
    let (counted, line, checked) = frame(&mut known, second);
    assert_eq!(
        (counted, line.as_str()),
        (WHOLE, "trapezoid, no camera known")
    );
    assert_eq!(checked.unwrap_err(), "the camera's height is not known");

    known.set_mount(Some(Mount::level(1.5)));
    let (_, line, checked) = frame(&mut known, second);
    assert_eq!(line, "trapezoid, no camera known");
    assert_eq!(checked.unwrap_err(), "no camera_info yet");

    known.camera_info(Calibration {
        coefficients: 3,
        ..calibration()
    });
    let (_, line, checked) = frame(&mut known, second);
    assert!(
        line.starts_with("trapezoid, distortion model \"plumb_bob\" does not go"),
        "{line}"
    );
    assert!(line.contains(&checked.unwrap_err()));

    known.camera_info(calibration());
    let version = known.version();
    let (_, line, checked) = frame(&mut known, second);
    assert_eq!(checked, Ok(()));
    let words = "2.5 m wide, camera 1.5 m high in 1 of 4 frames, no odometry, so at any distance";
    // the pipeline's vehicle is wider
    assert_eq!(line, words.replace("2.5", "10.6"));
    known.camera_info(calibration());
    let _ = frame(&mut known, second);
    assert_eq!(
        known.version(),
        version + 1,
        "the same again is nothing new"
    );

    // stands 5 m away: 3 m and reaction at 1 m/s is nearer, at 10 m/s farther
    for (speed, counted) in [(1.0, 0), (10.0, WHOLE), (-1.0, WHOLE)] {
        known.odometry(speed, 0.0, second);
        assert_eq!(frame(&mut known, second).0, counted, "{speed}");
    }
    known.odometry(1.0, 0.0, second);
    assert_eq!(frame(&mut known, 2 * second).0, WHOLE, "too old");
    let (_, line, _) = frame(&mut known, second);
    let words = "10.6 m wide, camera 1.5 m high in 7 of 10 frames, stopping distance from odometry in 3 of \
                 10 frames";
    assert_eq!(line, words);

    // what was given holds
    known.set_camera(calibration());
    known.camera_info(Calibration::default());
    assert_eq!(frame(&mut known, second).2, Ok(()));
}

#[test]
fn a_frame_of_a_mode_without_a_stop_level_leaves_its_time_to_the_next_that_the_tracks_take() {
    let mut run = Run::with(by_evidence());
    run.pipeline.set_ground(Some(ground())).unwrap();
    let seconds = |run: &Run| run.pipeline.motion().seconds;
    assert!(run.frame().tracked.is_some());
    run.frame();
    assert!((seconds(&run) - 0.05).abs() < 1e-6, "{}", seconds(&run));
    for _ in 0..2 {
        let weak = run.frame_in(Mode::REDUCED, IMAGE);
        assert_eq!(weak.tracked, None, "evidence and areas are not mixed");
    }
    run.frame();
    assert!((seconds(&run) - 0.15).abs() < 1e-6, "{}", seconds(&run));
}

#[test]
fn regions_as_small_as_a_stop_level_takes_count_on_a_known_ground_only() {
    let mut settings = by_evidence();
    // more than somebody covers, so that the area rule takes nobody
    settings.min_region_ppm = 200_000;
    let mut run = Run::with(settings);
    for _ in 0..6 {
        let verdict = run.frame();
        assert_eq!((verdict.corridor_pixels, verdict.tracked), (0, None));
    }
    run.pipeline.set_ground(Some(ground())).unwrap();
    let tracked = run.frame().tracked.unwrap();
    assert!(tracked.evidence > 0.0, "{tracked:?}");
}
