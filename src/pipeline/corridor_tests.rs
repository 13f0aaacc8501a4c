use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use super::*;
use crate::decide::{
    Band, Calibration, Camera, Mount, State, StopLevel, StoppingConfig, Trapezoid,
};
use crate::engine::{GivenThresholds, Resolution};
use crate::model::{Bundle, ThresholdAt};
use crate::score::ScoreKind;

const MAP: (usize, usize) = (16, 12);
const IMAGE: (u32, u32) = (64, 48);

/// Sees somebody four columns wide who stands in row 8 of 12, in every frame in which he is not hidden.
struct Somebody {
    there: Perception,
    nobody: Perception,
    hidden: Arc<AtomicBool>,
}

impl Somebody {
    fn new(hidden: Arc<AtomicBool>) -> Self {
        let (width, height) = MAP;
        let mut observer = vec![-6.0; width * height];
        // scores that are the same everywhere are a fault
        observer[0] = -5.0;
        let perception = |observer: &[f32]| {
            let logits = vec![0.0; 2 * width * height];
            Perception::of_planes(MAP, logits, Some(observer.to_vec()))
        };
        let nobody = perception(&observer);
        for row in 3..=8 {
            observer[row * width + 6..][..4].fill(6.0);
        }
        Self {
            there: perception(&observer),
            nobody,
            hidden,
        }
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
        match self.hidden.load(Ordering::Relaxed) {
            true => &self.nobody,
            false => &self.there,
        }
    }
}

fn settings() -> Settings {
    reduced_at(0.5)
}

/// With this threshold for the mode `reduced+observer`, and 0.5 for the others.
fn reduced_at(reduced: f32) -> Settings {
    let (score, threshold) = (ScoreKind::OBSERVER, 0.5);
    let mut settings = Settings::fixed(Mode::FULL, Judge { score, threshold });
    let asked = Asked {
        score,
        fallback: ScoreKind::Energy,
        at: ThresholdAt::Fpr1,
        given: GivenThresholds {
            all: Some(threshold),
            modes: Mode::ALL.map(|mode| (mode == Mode::REDUCED).then_some(reduced)),
        },
    };
    settings.judges = Choice::new(Bundle::shipped().unwrap().manifest(), &asked).judges;
    settings.corridor = Trapezoid::everywhere();
    settings.vehicle.width_m = 10.0;
    settings
}

/// What a frame with somebody adds, and one without takes.
const ADDS: f32 = 4.907755;
const TAKES: f32 = 2.0;

/// After a thousand clean frames without anything: who is seen is a surprise of ln 1000.
fn stop_level() -> StopLevel {
    StopLevel {
        level: 12.0,
        most_a_frame: 6.0,
        allowance: TAKES,
        min_region_ppm: 1000,
        bands: vec![Band::new(40.0, vec![0.0; 999])],
    }
}

/// With a stop level for the best mode.
fn by_evidence() -> Settings {
    let stop_levels = StopLevels::promising(String::new()).with(Mode::FULL, stop_level());
    Settings {
        stop_levels,
        ..settings()
    }
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
    hidden: Arc<AtomicBool>,
    /// How old a frame is when its verdict is made, in ms.
    age_ms: i64,
    picture: Picture,
}

#[derive(Clone, Copy)]
enum Picture {
    Sharp,
    Blurred,
    Black,
}

impl Picture {
    /// A value of a pixel, by a random byte.
    fn value(self, random: u8) -> u8 {
        match self {
            Self::Sharp => 60 + random % 121,
            Self::Blurred => 100 + random % 2,
            Self::Black => random % 2,
        }
    }
}

impl Run {
    fn new() -> Self {
        Self::with(settings())
    }

    fn with(settings: Settings) -> Self {
        let hidden = Arc::new(AtomicBool::new(false));
        let engine = Somebody::new(Arc::clone(&hidden));
        Self {
            pipeline: Pipeline::new(Box::new(engine), settings).unwrap(),
            clock: SteppedClock::default(),
            frames: 0,
            hidden,
            age_ms: 0,
            picture: Picture::Sharp,
        }
    }

    /// On a known ground, after two frames with somebody.
    fn after_two_frames(settings: Settings) -> Self {
        let mut run = Self::with(settings);
        run.pipeline.set_ground(Some(ground())).unwrap();
        run.frame();
        run.frame();
        assert_close(run.evidence(), 2.0 * ADDS);
        run
    }

    fn hide(&self, hidden: bool) {
        self.hidden.store(hidden, Ordering::Relaxed);
    }

    fn evidence(&self) -> f32 {
        self.pipeline.tracks().iter().map(|t| t.evidence).sum()
    }

    /// The verdict on the last frame came out too late.
    fn overdue(&mut self) -> Verdict {
        let stamp = Stamp::from_nanos(self.frames * 50_000_000);
        self.pipeline.overdue(stamp, &self.clock)
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
            self.picture.value((state >> 24) as u8)
        });
        let frame = Frame::from_rgb(stamp, width, height, pixels.collect()).unwrap();
        let late = Stamp::from_nanos(stamp.as_nanos() + self.age_ms * 1_000_000);
        self.clock.set(late);
        let outcome = self.pipeline.process(&frame, mode, &self.clock);
        assert!(outcome.error.is_none(), "{:?}", outcome.error);
        outcome.verdict
    }

    fn frame(&mut self) -> Verdict {
        self.frame_of(IMAGE)
    }
}

fn assert_close(found: f32, wanted: f32) {
    assert!((found - wanted).abs() < 1e-3, "{found} for {wanted}");
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
fn what_is_hardly_over_the_threshold_confirms_no_stop() {
    let mut settings = settings();
    let (score, threshold) = (ScoreKind::OBSERVER, 0.74);
    settings.judges = Judges::one(Mode::FULL, Judge { score, threshold });
    for ground in [None, Some(ground())] {
        let mut run = Run::with(settings.clone());
        run.pipeline.set_ground(ground).unwrap();
        for _ in 0..3 {
            run.frame();
        }
        // somebody's score is 0.75
        let verdict = run.frame();
        assert_eq!(verdict.anomalous_pixels, WHOLE);
        assert_eq!((verdict.state, verdict.corridor_pixels), (State::Ok, 0));
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

#[test]
fn s19_a_late_frame_adds_to_the_evidence_and_takes_none() {
    let mut run = Run::after_two_frames(by_evidence());
    run.hide(true);
    run.age_ms = 300;
    // longer than the gap after which tracks are forgotten
    for _ in 0..30 {
        assert_eq!(run.frame().reason.code(), "late");
        assert_close(run.evidence(), 2.0 * ADDS);
    }
    run.hide(false);
    run.frame();
    assert_close(run.evidence(), 3.0 * ADDS);
    // in time, it takes
    run.age_ms = 0;
    run.hide(true);
    run.frame();
    assert_close(run.evidence(), 3.0 * ADDS - TAKES);
}

#[test]
fn s19_a_frame_whose_verdict_came_out_too_late_gives_back_what_it_took() {
    let mut run = Run::after_two_frames(by_evidence());
    run.hide(true);
    run.frame();
    assert_close(run.evidence(), 2.0 * ADDS - TAKES);
    for _ in 0..2 {
        assert_eq!(run.overdue().state, State::Fault);
        assert_close(run.evidence(), 2.0 * ADDS);
    }
    // one that ends a track brings it back
    for taken in [1.0, 2.0, 3.0, 4.0] {
        run.frame();
        assert_close(run.evidence(), 2.0 * ADDS - taken * TAKES);
    }
    run.frame();
    assert!(run.pipeline.tracks().is_empty());
    run.overdue();
    assert_close(run.evidence(), 2.0 * ADDS - 4.0 * TAKES);
    // and what it showed stays
    run.hide(false);
    run.frame();
    run.overdue();
    assert_close(run.evidence(), 3.0 * ADDS - 4.0 * TAKES);
}

#[test]
fn s19_a_faulty_frame_leaves_the_tracks_as_they_were() {
    for hidden in [true, false] {
        let mut run = Run::after_two_frames(by_evidence());
        run.hide(hidden);
        run.picture = Picture::Black;
        assert_eq!(run.frame().reason.code(), "black");
        assert_close(run.evidence(), 2.0 * ADDS);
        // late as well, it still counts for nothing
        run.overdue();
        assert_close(run.evidence(), 2.0 * ADDS);
        // its time is that of the next
        run.picture = Picture::Sharp;
        run.frame();
        let seconds = run.pipeline.motion().seconds;
        assert!((seconds - 0.1).abs() < 1e-6, "{seconds}");
    }
}

#[test]
fn s19_a_blurred_frame_adds_to_the_evidence_and_takes_none() {
    let mut run = Run::after_two_frames(by_evidence());
    run.picture = Picture::Blurred;
    run.hide(true);
    run.frame();
    assert!(run.pipeline.is_blurred());
    assert_close(run.evidence(), 2.0 * ADDS);
    run.hide(false);
    run.frame();
    assert_close(run.evidence(), 3.0 * ADDS);
}

#[test]
fn s19_a_weak_frame_leaves_the_tracks_as_they_were() {
    let mut settings = by_evidence();
    settings.stop_levels = settings.stop_levels.with(Mode::REDUCED, stop_level());
    settings.least_mode = Mode::FULL;
    for hidden in [true, false] {
        let mut run = Run::after_two_frames(settings.clone());
        run.hide(hidden);
        assert_eq!(
            run.frame_in(Mode::REDUCED, IMAGE).reason.code(),
            "weak-mode"
        );
        assert_close(run.evidence(), 2.0 * ADDS);
    }
}

#[test]
fn s20_modes_that_count_share_a_window_and_each_is_judged_by_its_own_threshold() {
    // somebody's score is 0.75
    for (reduced, third, fourth) in [
        (0.5, State::Stop, State::Stop),
        (0.999, State::Warn, State::Stop),
    ] {
        let mut run = Run::with(reduced_at(reduced));
        run.frame();
        run.frame_in(Mode::REDUCED, IMAGE);
        assert_eq!(run.frame().state, third, "{reduced}");
        assert_eq!(run.frame().state, fourth, "{reduced}");
    }
}
