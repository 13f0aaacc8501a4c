//! What the engine makes is what the CPU makes.

use lookout::decide::{AnomalyMask, threshold};
use lookout::engine::{Engine, Judge, Judges, Mode, Perception, RtenEngine};
use lookout::frame::Encoding;
use lookout::model::Bundle;
use lookout::score::{ScoreKind, ScoreMap, argmax, score};

use crate::pictures::{Message, picture};
use crate::standin::{Policy, Standin};
use crate::{clean, networks, open};

const POLICIES: [Policy; 4] = [
    Policy::Eager,
    Policy::Late,
    Policy::Random(1),
    Policy::Random(2),
];

fn rten() -> RtenEngine {
    RtenEngine::load(&Bundle::shipped().unwrap(), 1).unwrap()
}

/// The networks are the same ones; threads may add in another order.
fn assert_same(got: &Perception, want: &Perception, what: &str) {
    assert_eq!(got.size(), want.size(), "{what}");
    assert_eq!(got.input_size(), want.input_size(), "{what}");
    let planes = [
        (got.logits(), want.logits()),
        (got.observer(), want.observer()),
    ];
    for (got, want) in planes {
        assert_eq!(got.is_some(), want.is_some(), "{what}");
        let (Some(got), Some(want)) = (got, want) else {
            continue;
        };
        let pairs = got.data().iter().zip(want.data());
        let worst = pairs
            .map(|(a, b)| (a - b).abs() / b.abs().max(1.0))
            .fold(0.0, f32::max);
        assert!(worst < 1e-4, "{what}: {worst} apart");
    }
}

#[test]
fn every_mode_and_size_is_that_of_the_cpu_whenever_the_gpu_works() {
    let mut standin = Standin::get();
    let folder = tempfile::tempdir().unwrap();
    let mut reference = rten();
    for policy in POLICIES {
        standin.reset();
        standin.set_network(networks::real());
        standin.policy(policy);
        let mut engine = open(&folder).unwrap();
        let own = [
            Mode::FULL,
            Mode::REDUCED,
            Mode::FULL_LOGITS,
            Mode::REDUCED_LOGITS,
        ];
        for (i, mode) in own.into_iter().enumerate() {
            for (width, height) in [(640, 480), (1280, 720), (321, 243), (1920, 1080)] {
                let frame = picture(width, height, 10 * i as u32 + width % 7);
                let want = reference.run(&frame, mode).unwrap().clone();
                let what = format!("{policy:?} {mode} {width}x{height}");
                assert_same(engine.run(&frame, mode).unwrap(), &want, &what);
                // the same in two steps, as where a deadline decides in between
                engine.segment(&frame, mode.resolution).unwrap();
                if mode.observer {
                    engine.observe().unwrap();
                }
                assert_same(engine.perception(), &want, &what);
            }
        }
        drop(engine);
        clean(&mut standin);
    }
}

#[test]
fn a_replay_sees_the_frame_of_now_and_not_the_one_that_was_captured() {
    let mut standin = Standin::get();
    let folder = tempfile::tempdir().unwrap();
    standin.set_network(networks::real());
    standin.policy(Policy::Late);
    let mut engine = open(&folder).unwrap();
    let mut reference = rten();
    for seed in [1, 2, 1, 3, 3] {
        let frame = picture(640, 480, seed);
        let want = reference.run(&frame, Mode::FULL).unwrap();
        let got = engine.run(&frame, Mode::FULL).unwrap();
        assert_same(got, want, &format!("seed {seed}"));
    }
    drop(engine);
    clean(&mut standin);
}

/// On a GPU that shares the CPU's memory kernels read it in place; else it is copied.
#[test]
fn camera_bytes_are_read_in_every_encoding_as_the_cpu_reads_them() {
    let mut standin = Standin::get();
    let folder = tempfile::tempdir().unwrap();
    let mut reference = rten();
    for integrated in [false, true] {
        standin.reset();
        standin.set_network(networks::real());
        standin.policy(Policy::Late);
        standin.integrated(integrated);
        let mut engine = open(&folder).unwrap();
        for (i, encoding) in Encoding::ALL.into_iter().enumerate() {
            let message = Message::noise(encoding, 642, 480, i as u32 + 1);
            assert!(engine.stage(Some(&message.raw())).unwrap());
            let mode = Mode::REDUCED;
            let want = reference.run(&message.frame, mode).unwrap();
            let got = engine.run(&message.frame, mode).unwrap();
            assert_same(got, want, &format!("{encoding}, integrated: {integrated}"));
        }
        drop(engine);
        clean(&mut standin);
    }
}

/// What was handed over is what is looked at; what was taken back is not.
#[test]
fn the_bytes_that_were_staged_are_those_that_are_seen() {
    let mut standin = Standin::get();
    let folder = tempfile::tempdir().unwrap();
    standin.set_network(networks::real());
    let mut engine = open(&folder).unwrap();
    let mut reference = rten();
    let mode = Mode::REDUCED;
    let frame = picture(640, 480, 5);
    // another picture under the same stamp: only that shows whose bytes were read
    let other = Message::noise(Encoding::Nv12, 640, 480, 5);
    assert_eq!(frame.stamp(), other.frame.stamp());

    engine.stage(Some(&other.raw())).unwrap();
    let want = reference.run(&other.frame, mode).unwrap().clone();
    assert_same(engine.run(&frame, mode).unwrap(), &want, "staged");
    // it is used once
    let want = reference.run(&frame, mode).unwrap().clone();
    assert_same(engine.run(&frame, mode).unwrap(), &want, "used up");

    engine.stage(Some(&other.raw())).unwrap();
    engine.stage(None).unwrap();
    assert_same(engine.run(&frame, mode).unwrap(), &want, "taken back");
    // one of another time, and one of another size
    for message in [
        Message::noise(Encoding::Nv12, 640, 480, 6),
        Message::noise(Encoding::Nv12, 660, 480, 5),
    ] {
        engine.stage(Some(&message.raw())).unwrap();
        assert_same(engine.run(&frame, mode).unwrap(), &want, "another message");
    }
    drop(engine);
    clean(&mut standin);
}

#[test]
fn the_gpu_judges_as_the_cpu_does() {
    let mut standin = Standin::get();
    let folder = tempfile::tempdir().unwrap();
    standin.set_network(networks::real());
    standin.policy(Policy::Late);
    let mut engine = open(&folder).unwrap();
    let mut reference = rten();
    let frame = picture(640, 480, 3);
    for kind in ScoreKind::ALL {
        for mode in [Mode::FULL, Mode::REDUCED_LOGITS] {
            if kind.needs_head() && !mode.observer {
                continue;
            }
            let want = reference.run(&frame, mode).unwrap();
            let mut map = ScoreMap::default();
            let stats = score(kind, want.logits().unwrap(), want.observer(), &mut map).unwrap();
            // in the middle of what there is, so that both sides are tried
            let judge = Judge {
                score: kind,
                threshold: stats.mean,
            };
            let mut mask = AnomalyMask::default();
            let masked = threshold(&map, judge.threshold, &mut mask);
            let mut classes = vec![0; map.values().len()];
            argmax(want.logits().unwrap(), &mut classes).unwrap();

            engine.set_judges(Judges::one(mode, judge));
            let got = engine.run(&frame, mode).unwrap();
            let what = format!("{kind} {mode}");
            assert!(got.logits().is_none() && got.observer().is_none(), "{what}");
            let scored = got.scored().unwrap();
            assert_eq!(scored.judge, Some(judge), "{what}");
            let apart = |(a, b): (&f32, &f32)| (a - b).abs();
            let worst = scored.map.values().iter().zip(map.values()).map(apart);
            let worst = worst.fold(0.0, f32::max);
            assert!(worst < 1e-4, "{what}: scores {worst} apart");
            let differ = |a: &[u8], b: &[u8]| a.iter().zip(b).filter(|(a, b)| a != b).count();
            // a pixel at the very threshold, or with two classes alike, may fall to either side
            let pixels = map.values().len();
            let masks = differ(scored.mask.pixels(), mask.pixels());
            assert!(masks * 1000 <= pixels, "{what}: {masks} pixels of the mask");
            let labels = differ(&scored.classes, &classes);
            assert!(labels * 1000 <= pixels, "{what}: {labels} classes");
            assert!(scored.masked.anomalous.abs_diff(masked.anomalous) * 1000 <= pixels);
            assert_eq!(scored.masked.non_finite, 0);
            for (a, b) in [
                (scored.stats.min, stats.min),
                (scored.stats.max, stats.max),
                (scored.stats.mean, stats.mean),
            ] {
                assert!((a - b).abs() < 1e-4, "{what}: {a} {b}");
            }
        }
    }
    drop(engine);
    clean(&mut standin);
}
