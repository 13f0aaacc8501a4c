//! Networks that take one size: the frame lies in their input, and its part of the planes comes back.

use lookout::decide::{AnomalyMask, threshold};
use lookout::engine::tensorrt::TensorRtEngine;
use lookout::engine::{Engine, Judge, Judges, Mode, Resolution, RtenEngine};
use lookout::model::Bundle;
use lookout::score::{ScoreKind, ScoreMap, argmax, score};

use crate::own::Own;
use crate::pictures::picture;
use crate::standin::{Policy, Standin};
use crate::{clean, networks, settings};

const LETTERBOX: &str = "fixed = { width = 97, height = 65, fit = \"letterbox\" }";
const STRETCH: &str = "fixed = { width = 97, height = 65, fit = \"stretch\" }";
/// Camera sizes in turn: the frame lies elsewhere in an input of the same size.
const SIZES: [(u32, u32); 5] = [(640, 480), (320, 180), (180, 320), (97, 65), (640, 480)];

#[test]
fn one_size_gives_what_the_cpu_gives_wherever_the_frame_lies() {
    let mut standin = Standin::get();
    for (input, stride, head) in [
        (LETTERBOX, 1, "observer"),
        (STRETCH, 1, "observer"),
        (LETTERBOX, 4, "observer"),
        (LETTERBOX, 1, "blueless"),
        (STRETCH, 1, "brightness"),
        (LETTERBOX, 1, "share"),
    ] {
        let own = Own {
            input,
            stride,
            observer: true,
            heads: head != "observer",
            ..Own::FIXED
        };
        let (folder, cache) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
        let kind: ScoreKind = head.parse().unwrap();
        let bundle = Bundle::load(&own.write(folder.path())).unwrap();
        let bundle = bundle.choose(kind).unwrap();
        let mut reference = RtenEngine::load(&bundle, 1).unwrap();
        standin.reset();
        standin.set_network(networks::real());
        standin.policy(Policy::Late);
        let mut engine = TensorRtEngine::load(&bundle, &settings(&cache)).unwrap();
        for (seed, (width, height)) in (1..).zip(SIZES) {
            let what = format!("{input} {stride} {head} {width}x{height}");
            let frame = picture(width, height, seed);
            let want = reference.run(&frame, Mode::FULL).unwrap().clone();
            engine.set_judges(Judges::default());
            let got = engine.run(&frame, Mode::FULL).unwrap();
            assert_eq!(got.size(), want.size(), "{what}");
            assert_eq!(got.input_size(), (97, 65), "{what}");
            for (got, want) in [
                (got.logits().unwrap(), want.logits().unwrap()),
                (got.observer().unwrap(), want.observer().unwrap()),
            ] {
                let pairs = got.data().iter().zip(want.data());
                let worst = pairs.map(|(a, b)| (a - b).abs()).fold(0.0, f32::max);
                assert!(worst < 1e-3, "{what}: {worst} apart");
            }

            let mut map = ScoreMap::default();
            let stats = score(kind, want.logits().unwrap(), want.observer(), &mut map).unwrap();
            let judge = Judge {
                score: kind,
                threshold: stats.mean,
            };
            let mut mask = AnomalyMask::default();
            threshold(&map, judge.threshold, &mut mask);
            let mut classes = vec![0; map.values().len()];
            argmax(want.logits().unwrap(), &mut classes).unwrap();
            engine.set_judges(Judges::one(Mode::FULL, judge));
            let got = engine.run(&frame, Mode::FULL).unwrap();
            let scored = got.scored().unwrap();
            let sizes = |map: &ScoreMap| (map.width(), map.height());
            assert_eq!(sizes(&scored.map), sizes(&map), "{what}");
            let pairs = scored.map.values().iter().zip(map.values());
            let worst = pairs.map(|(a, b)| (a - b).abs()).fold(0.0, f32::max);
            assert!(worst < 1e-4, "{what}: scores {worst} apart");
            let differ = |a: &[u8], b: &[u8]| a.iter().zip(b).filter(|(a, b)| a != b).count();
            assert_eq!(scored.classes.len(), classes.len(), "{what}");
            assert!(
                differ(&scored.classes, &classes) * 100 <= classes.len(),
                "{what}"
            );
            assert!(
                differ(scored.mask.pixels(), mask.pixels()) * 100 <= classes.len(),
                "{what}"
            );
        }
        let frame = picture(640, 480, 9);
        let error = engine.segment(&frame, Resolution::Reduced).unwrap_err();
        assert!(
            error.to_string().contains("one size only, 97x65"),
            "{error}"
        );
        drop(engine);
        clean(&mut standin);
    }
}
