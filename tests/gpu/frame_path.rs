//! The frame path: no allocation, times, and what is refused.

use std::time::{Duration, Instant};

use lookout::engine::tensorrt::TensorRtError;
use lookout::engine::{Engine, EngineError, Mode, Perception, Resolution};
use lookout::frame::{Encoding, Frame};

use crate::pictures::{Message, picture};
use crate::standin::{Policy, Standin};
use crate::{clean, networks, open};

#[test]
fn a_frame_in_the_steady_state_is_a_few_calls_and_none_that_allocates() {
    let mut standin = Standin::get();
    let folder = tempfile::tempdir().unwrap();
    standin.set_network(networks::cheap());
    let mut engine = open(&folder).unwrap();
    let mut frame = picture(640, 480, 1);
    engine.run(&frame, Mode::FULL).unwrap();
    let before = standin.calls().len();
    for seed in 2..5 {
        frame.set_stamp(lookout::time::Stamp::from_nanos(seed));
        engine.run(&frame, Mode::FULL).unwrap();
    }
    let calls = standin.calls();
    let calls = &calls[before..];
    for call in calls {
        let makes = [
            "Alloc",
            "Create",
            "Instantiate",
            "Capture",
            "Free",
            "Destroy",
            "enqueueV3",
        ];
        assert!(
            !makes.iter().any(|m| call.contains(m)),
            "{call} in {calls:?}"
        );
    }
    let launches = calls.iter().filter(|c| c.contains("GraphLaunch")).count();
    assert_eq!(launches, 3 * 2, "{calls:?}");
    let copies = calls.iter().filter(|c| c.contains("Memcpy")).count();
    assert_eq!(copies, 3, "the picture, once: {calls:?}");
    drop(engine);
    clean(&mut standin);
}

#[test]
fn the_gpus_times_are_told_apart_from_the_cpus() {
    let mut standin = Standin::get();
    let folder = tempfile::tempdir().unwrap();
    standin.set_network(networks::cheap());
    standin.policy(Policy::Late);
    let mut engine = open(&folder).unwrap();
    let graphs = ["network:", "kernel:preprocess", "kernel:judge"];
    for (name, ms) in graphs.into_iter().zip([30.0, 4.0, 2.0]) {
        standin.delay(name, 1000.0 * ms);
    }
    let judge = lookout::engine::Judge {
        score: lookout::score::ScoreKind::OBSERVER,
        threshold: 0.5,
    };
    engine.set_judges(lookout::engine::Judges::one(Mode::FULL, judge));
    let times = engine
        .run(&picture(640, 480, 1), Mode::FULL)
        .unwrap()
        .times();
    let gpu = times.gpu.unwrap();
    let near = |time: Duration, ms: u64| {
        let off = time.abs_diff(Duration::from_millis(ms));
        assert!(off < Duration::from_millis(1), "{gpu:?}");
    };
    near(gpu.preprocess, 4);
    near(gpu.segmentation, 30);
    near(gpu.observer, 30);
    near(gpu.judge, 2);
    // the virtual clock does not hold up the CPU
    assert!(gpu.enqueue < Duration::from_secs(1), "{gpu:?}");
    drop(engine);
    clean(&mut standin);
}

#[test]
fn what_the_engine_was_not_built_for_is_refused_and_says_what_to_do() {
    let mut standin = Standin::get();
    let folder = tempfile::tempdir().unwrap();
    standin.set_network(networks::cheap());
    let mut engine = open(&folder).unwrap();
    let wide = picture(1600, 400, 1);
    let error = engine.segment(&wide, Resolution::Full).unwrap_err();
    let EngineError::TensorRt(inner) = &error else {
        panic!("{error}");
    };
    assert!(
        matches!(**inner, TensorRtError::OutsideProfile { width: 1408, .. }),
        "{error}"
    );
    assert!(
        error.to_string().contains("engine build --camera 1600x400"),
        "{error}"
    );
    assert!(matches!(
        engine.segment(&Frame::new(), Resolution::Full),
        Err(EngineError::EmptyFrame)
    ));
    assert!(matches!(
        engine.observe(),
        Err(EngineError::NothingSegmented)
    ));
    assert!(engine.perception().logits().is_none());
    engine.run(&picture(640, 480, 1), Mode::FULL).unwrap();
    drop(engine);
    clean(&mut standin);
}

/// While the networks work on one frame, the thread that takes messages brings the next one.
#[test]
fn the_next_frame_is_brought_while_one_is_worked_on() {
    let mut standin = Standin::get();
    let folder = tempfile::tempdir().unwrap();
    standin.set_network(networks::cheap());
    standin.policy(Policy::Late);
    let mut engine = open(&folder).unwrap();
    let messages = [1, 2, 3, 4].map(|seed| Message::noise(Encoding::Nv12, 640, 480, seed));
    let alone = messages.each_ref().map(|message| {
        engine.stage(Some(&message.raw())).unwrap();
        logits(engine.run(&message.frame, Mode::FULL).unwrap())
    });

    let copies = |standin: &Standin| {
        let calls = standin.calls();
        calls
            .iter()
            .filter(|c| c.contains("MemcpyHtoDAsync"))
            .count()
    };
    let before = copies(&standin);
    standin.sleep_factor(1.0);
    standin.delay("network:", 60_000.0);
    let mut ahead = engine.uploader().unwrap();
    let [first, second, third, fourth] = &messages;
    engine.stage(Some(&first.raw())).unwrap();
    let began = Instant::now();
    let brought = std::thread::scope(|scope| {
        let next = scope.spawn(move || {
            std::thread::sleep(Duration::from_millis(30));
            // the newer one takes the place of one that was never looked at
            ahead.upload(&second.raw()).unwrap();
            ahead.upload(&third.raw()).unwrap();
            began.elapsed()
        });
        assert_eq!(
            logits(engine.run(&first.frame, Mode::FULL).unwrap()),
            alone[0]
        );
        let done = began.elapsed();
        let brought = next.join().unwrap();
        assert!(
            brought < done,
            "brought after {brought:?}, done after {done:?}"
        );
        copies(&standin)
    });
    assert_eq!(brought - before, 3);
    // the one that was brought is not copied again; one that was not is
    engine.stage(Some(&third.raw())).unwrap();
    assert_eq!(copies(&standin), brought);
    assert_eq!(
        logits(engine.run(&third.frame, Mode::FULL).unwrap()),
        alone[2]
    );
    engine.stage(Some(&fourth.raw())).unwrap();
    assert_eq!(copies(&standin), brought + 1);
    assert_eq!(
        logits(engine.run(&fourth.frame, Mode::FULL).unwrap()),
        alone[3]
    );
    drop(engine);
    clean(&mut standin);
}

fn logits(seen: &Perception) -> Vec<f32> {
    seen.logits().unwrap().data().to_vec()
}
