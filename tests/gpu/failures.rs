//! Every call fails once: a clean error, nothing left behind, and the process works on.

use lookout::engine::tensorrt::TensorRtEngine;
use lookout::engine::{Engine, EngineError, Mode, Resolution};
use lookout::frame::Encoding;
use tempfile::TempDir;

use crate::pictures::{Message, picture};
use crate::standin::{Policy, Standin};
use crate::{clean, networks, open};

const OUT_OF_MEMORY: i32 = 2;
const UNKNOWN: i32 = 999;
const ILLEGAL_ADDRESS: i32 = 700;

/// Logits and observer logits of a frame.
type Seen = (Vec<f32>, Vec<f32>);

fn seen(engine: &mut TensorRtEngine, message: &Message) -> Result<Seen, EngineError> {
    engine.stage(Some(&message.raw()))?;
    let seen = engine.run(&message.frame, Mode::FULL)?;
    let of = |planes: Option<lookout::score::Planes<'_>>| planes.unwrap().data().to_vec();
    Ok((of(seen.logits()), of(seen.observer())))
}

/// Whatever it takes, tried once more where it failed: the failure was for once.
fn again<T>(mut what: impl FnMut() -> Result<T, EngineError>, failures: &mut Vec<String>) -> T {
    what().unwrap_or_else(|e| {
        failures.push(e.to_string());
        what().unwrap()
    })
}

/// An engine from nothing, and two frames on it.
fn life(failures: &mut Vec<String>) -> [Seen; 2] {
    let folder = tempfile::tempdir().unwrap();
    let mut engine = again(|| open(&folder), failures);
    [7, 8].map(|seed| {
        let message = Message::noise(Encoding::Nv12, 320, 240, seed);
        again(|| seen(&mut engine, &message), failures)
    })
}

/// A failed call is never a frame that looks good and is not: what comes out is right, or an error.
#[test]
fn whichever_call_fails_is_an_error_and_the_next_attempt_is_right() {
    let mut standin = Standin::get();
    let begin = |standin: &mut Standin| {
        standin.reset();
        standin.set_network(networks::cheap());
        standin.policy(Policy::Late);
    };
    begin(&mut standin);
    let expected = life(&mut Vec::new());
    let calls = standin.calls();
    assert!(calls.len() > 300, "{}", calls.len());
    clean(&mut standin);

    let (mut told, mut silent) = (0, Vec::new());
    for n in 1..=calls.len() {
        begin(&mut standin);
        let code = if n % 2 == 0 { OUT_OF_MEMORY } else { UNKNOWN };
        standin.fail_call(n as i64, code);
        let mut failures = Vec::new();
        let what = format!("call {n}, {}", calls[n - 1]);
        assert!(life(&mut failures) == expected, "{what}: {failures:?}");
        assert!(failures.len() <= 1, "{what}: {failures:?}");
        assert!(failures.iter().all(|f| !f.is_empty()), "{what}");
        match failures.is_empty() {
            true => silent.push(calls[n - 1].clone()),
            false => told += 1,
        }
        assert_eq!(standin.check(), Vec::<String>::new(), "{what}");
        assert_eq!(standin.leaks(), 0, "{what}");
    }
    // what may fail without a word: giving back, reading times, and asking what there is
    silent.sort();
    silent.dedup();
    eprintln!(
        "{told} of {} calls: an error; without one: {silent:?}",
        calls.len()
    );
    let quiet = [
        // giving back: told by the next call that can
        "Destroy",
        "destroy",
        "Free",
        "Unload",
        "Release",
        // asked for once more, or waited for in another way
        "GetCurrent",
        "Synchronize",
        "IsCapturing",
        // times of a frame that is good without them, and of builders
        "Elapsed",
        "TimingCache",
    ];
    for name in silent {
        assert!(
            quiet.iter().any(|q| name.contains(q)),
            "{name} failed without a word"
        );
    }
    begin(&mut standin);
    assert!(life(&mut Vec::new()) == expected);
    clean(&mut standin);
}

#[test]
fn a_network_that_fails_on_the_gpu_leaves_nothing_to_be_seen() {
    let mut standin = Standin::get();
    let folder = tempfile::tempdir().unwrap();
    standin.set_network(networks::cheap());
    let mut engine = open(&folder).unwrap();
    let frame = picture(640, 480, 1);
    engine.run(&frame, Mode::FULL).unwrap();
    for (operation, code) in [("network:", UNKNOWN), ("kernel:preprocess", UNKNOWN)] {
        standin.fail_operation(operation, 1, code);
        assert!(engine.run(&frame, Mode::FULL).is_err(), "{operation}");
        let seen = engine.perception();
        assert!(seen.logits().is_none() && seen.scored().is_none());
        assert!(matches!(
            engine.observe(),
            Err(EngineError::NothingSegmented)
        ));
        engine.run(&frame, Mode::FULL).unwrap();
    }
    // this one breaks the context for good: every frame is an error from then on, and none a crash
    standin.fail_operation("kernel:judge", 1, ILLEGAL_ADDRESS);
    standin.fail_operation("kernel:preprocess", 1, ILLEGAL_ADDRESS);
    for _ in 0..3 {
        let error = engine.segment(&frame, Resolution::Full).unwrap_err();
        assert!(error.to_string().contains("CUDA"), "{error}");
    }
    drop(engine);
    standin.reset();
    standin.set_network(networks::cheap());
    let mut engine = open(&folder).unwrap();
    engine.run(&frame, Mode::FULL).unwrap();
    drop(engine);
    clean(&mut standin);
}

#[test]
fn a_machine_without_a_gpu_or_with_a_broken_one_says_so() {
    let standin = Standin::get();
    let folder = tempfile::tempdir().unwrap();
    let told = |folder: &TempDir| open(folder).unwrap_err().to_string();
    standin.device_count(0);
    let error = told(&folder);
    assert!(
        error.contains("no GPU") && error.contains("NO_DEVICE"),
        "{error}"
    );
    standin.device_count(1);
    standin.fail("cuInit", 1, 999);
    let error = told(&folder);
    assert!(
        error.contains("no GPU") && error.contains("does not start"),
        "{error}"
    );
    standin.fail_compile("lookout.cu(3): error: expected a \";\"");
    let error = told(&folder);
    assert!(
        error.contains("lookout.cu does not compile") && error.contains("expected"),
        "{error}"
    );
    standin.memory(1 << 20);
    let error = told(&folder);
    assert!(error.contains("out of memory"), "{error}");
    assert_eq!(standin.leaks(), 0);
}
