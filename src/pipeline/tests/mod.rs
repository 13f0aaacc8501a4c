//! Somebody who stands on the road, and what a pipeline makes of it.

mod decoding;
mod evidence;
mod ground;
mod modes;

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use super::*;
use crate::decide::{
    Band, Calibration, Camera, Mount, State, StopLevel, StoppingConfig, Trapezoid, Watch,
};
use crate::engine::{GivenThresholds, Resolution};
use crate::model::{Bundle, ThresholdAt};
use crate::schedule::AdmissionConfig;
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
