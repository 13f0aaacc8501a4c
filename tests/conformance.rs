//! One suite for every engine: each gives the same as the reference, frame after frame, size after
//! size. rten is the reference, because it is always there; the trainer's tests hold exported graphs
//! against libtorch.
#![allow(clippy::unwrap_used, clippy::expect_used)]

use lookout::engine::{
    Engine, EngineError, EngineKind, Mode, Options, RtenEngine, find_onnxruntime, open,
};
use lookout::frame::Frame;
use lookout::model::Bundle;
use lookout::time::Stamp;

/// A picture with edges, gradients and colours, the same everywhere.
fn picture(width: u32, height: u32, seed: u32) -> Frame {
    let mut rgb = Vec::with_capacity(3 * (width * height) as usize);
    for y in 0..height {
        for x in 0..width {
            let block = (x / 23 + seed) ^ (y / 17);
            rgb.push((block * 37 % 256) as u8);
            rgb.push((x * 255 / width) as u8);
            rgb.push(((y * 255 / height) ^ ((seed * 31) & 0xff)) as u8);
        }
    }
    Frame::from_rgb(Stamp::from_nanos(i64::from(seed)), width, height, rgb).unwrap()
}

/// Engines other than the reference that this machine has. One that was asked for through
/// `ORT_DYLIB_PATH` must work: a library that is named and fails is a failed test.
///
/// `LOOKOUT_TEST_ENGINE` asks for one by name, as `scripts/verify-on-gpu.sh` does for TensorRT; then that
/// one and no other has to work.
fn others(bundle: &Bundle) -> Vec<Box<dyn Engine>> {
    if let Some(name) = std::env::var_os("LOOKOUT_TEST_ENGINE") {
        let kind: EngineKind = name.to_str().unwrap().parse().unwrap();
        return vec![open(bundle, Options { kind, threads: 1 }).unwrap()];
    }
    let named = std::env::var_os("ORT_DYLIB_PATH").is_some();
    match find_onnxruntime() {
        Ok(_) => vec![
            open(
                bundle,
                Options {
                    kind: EngineKind::Ort,
                    threads: 1,
                },
            )
            .unwrap(),
        ],
        Err(e) if named => panic!("{e}"),
        Err(_) => {
            eprintln!("skipped for ort: no ONNX Runtime found");
            vec![]
        }
    }
}

fn modes(bundle: &Bundle) -> impl Iterator<Item = Mode> {
    let all = Mode::ALL.into_iter();
    all.filter(|mode| mode.check(bundle.manifest()).is_ok())
}

/// The built-in engine with the networks of the bundle and of its fallback.
fn rten(bundle: &Bundle) -> Box<dyn Engine> {
    let kind = EngineKind::Rten;
    open(bundle, Options { kind, threads: 1 }).unwrap()
}

fn largest_difference(a: &[f32], b: &[f32]) -> f32 {
    assert_eq!(a.len(), b.len());
    a.iter()
        .zip(b)
        .map(|(a, b)| (a - b).abs() / a.abs().max(1.0))
        .fold(0.0, f32::max)
}

#[test]
fn every_engine_gives_what_the_reference_gives_in_every_mode_and_size() {
    let bundle = Bundle::shipped().unwrap();
    let mut reference = rten(&bundle);
    for engine in &mut others(&bundle) {
        for (width, height) in [(480, 360), (640, 480), (1280, 720), (97, 61)] {
            for mode in modes(&bundle) {
                let frame = picture(width, height, 5);
                let want = reference.run(&frame, mode).unwrap();
                let got = engine.run(&frame, mode).unwrap();
                assert_eq!(got.input_size(), want.input_size());
                assert_eq!(got.size(), want.size());
                let (g, w) = (got.logits().unwrap(), want.logits().unwrap());
                let d = largest_difference(w.data(), g.data());
                assert!(
                    d < 1e-3,
                    "{} {mode} {width}x{height}: logits differ by {d}",
                    "ort"
                );
                assert_eq!(got.observer().is_some(), mode.observer);
                if let (Some(g), Some(w)) = (got.observer(), want.observer()) {
                    let d = largest_difference(w.data(), g.data());
                    assert!(d < 1e-3, "{mode} {width}x{height}: observer differs by {d}");
                }
            }
        }
    }
}

/// What another library made of the shipped bundle; `tests/fixtures/make.py` writes it.
const FIXTURE: &[u8] = include_bytes!("fixtures/road_reduced.f32");

#[test]
fn every_engine_gives_what_the_fixture_holds() {
    let bundle = Bundle::shipped().unwrap();
    let fixture: Vec<f32> = FIXTURE
        .as_chunks::<4>()
        .0
        .iter()
        .map(|bytes| f32::from_le_bytes(*bytes))
        .collect();
    let mut frame = Frame::new();
    let pixels = frame.reset(352, 224, Stamp::default()).unwrap();
    for (i, pixel) in pixels.as_chunks_mut::<3>().0.iter_mut().enumerate() {
        let (x, y) = (i % 352, i / 352);
        *pixel = [0, 1, 2].map(|c| ((x * 13 + y * 7 + c * 50 + x * y / 16) % 256) as u8);
    }
    let mut engines = others(&bundle);
    engines.push(Box::new(RtenEngine::load(&bundle, 1).unwrap()));
    for engine in &mut engines {
        let seen = engine.run(&frame, Mode::REDUCED).unwrap();
        let observer = seen.observer().unwrap().data().iter();
        let logits = seen.logits().unwrap().data().iter().step_by(7);
        let got: Vec<f32> = observer.chain(logits).copied().collect();
        let d = largest_difference(&fixture, &got);
        assert!(d < 1e-3, "{}: differs by {d}", engine.name());
    }
}

/// Runs the checks that every engine must pass by itself.
fn alone(engine: &mut dyn Engine) {
    // the same frame gives the same, whatever came between, also at another size
    let first = engine
        .run(&picture(480, 360, 1), Mode::FULL)
        .unwrap()
        .clone();
    engine.run(&picture(640, 360, 2), Mode::FULL).unwrap();
    let again = engine.run(&picture(480, 360, 1), Mode::FULL).unwrap();
    assert_eq!(
        first.logits().unwrap().data(),
        again.logits().unwrap().data()
    );
    assert_eq!(
        first.observer().unwrap().data(),
        again.observer().unwrap().data()
    );
    // another frame gives something else: outputs are not those of a run before
    let other = engine.run(&picture(480, 360, 9), Mode::FULL).unwrap();
    assert_ne!(
        first.logits().unwrap().data(),
        other.logits().unwrap().data()
    );
    assert_ne!(
        first.observer().unwrap().data(),
        other.observer().unwrap().data()
    );
    // without the observer the logits are the same and no stale observer is shown
    let bare = engine
        .run(&picture(480, 360, 1), Mode::FULL_LOGITS)
        .unwrap();
    assert_eq!(
        first.logits().unwrap().data(),
        bare.logits().unwrap().data()
    );
    assert!(bare.observer().is_none());
    // what cannot be run is an error, and the engine works on
    assert!(matches!(
        engine.run(&Frame::new(), Mode::FULL),
        Err(EngineError::EmptyFrame)
    ));
    // nothing of the frame before is left to observe or to show
    assert!(matches!(
        engine.observe(),
        Err(EngineError::NothingSegmented)
    ));
    assert!(engine.perception().logits().is_none() && engine.perception().observer().is_none());
    let thin = picture(4000, 10, 1);
    assert!(matches!(
        engine.run(&thin, Mode::FULL),
        Err(EngineError::FrameShape { .. })
    ));
    let again = engine.run(&picture(480, 360, 1), Mode::FULL).unwrap();
    assert_eq!(
        first.logits().unwrap().data(),
        again.logits().unwrap().data()
    );
}

#[test]
fn an_engine_repeats_itself_and_survives_bad_frames() {
    let bundle = Bundle::shipped().unwrap();
    alone(rten(&bundle).as_mut());
    for engine in &mut others(&bundle) {
        alone(engine.as_mut());
    }
}

#[test]
fn threads_do_not_change_what_the_built_in_engine_gives() {
    let bundle = Bundle::shipped().unwrap();
    let frame = picture(480, 360, 3);
    let one = RtenEngine::load(&bundle, 1)
        .unwrap()
        .run(&frame, Mode::FULL)
        .unwrap()
        .clone();
    let two = RtenEngine::load(&bundle, 2)
        .unwrap()
        .run(&frame, Mode::FULL)
        .unwrap()
        .clone();
    let d = largest_difference(one.logits().unwrap().data(), two.logits().unwrap().data());
    assert!(d < 1e-4, "logits differ by {d}");
}
