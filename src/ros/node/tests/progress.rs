//! What the diagnostics see of the thread that handles frames, while it does and where it cannot.

use super::super::super::diagnostics;
use super::super::super::test_log::logged;
use super::super::report::MissingFrames;
use super::*;

/// Level and message of a status of an active node that gets frames.
fn status(node: &Node, name: &str) -> (u8, String) {
    let at = node.shared.at();
    let mut health = node.shared.health();
    health.set_lifecycle("active", true);
    health.received(at);
    health.underway = node.shared.progress.seen();
    let (flag, stamp) = (node.shared.flag(), node.shared.stamp());
    let flag = (&flag.0, flag.1);
    let array = diagnostics::array(&health, "eye", flag, at, stamp, None);
    let found = array.status.into_iter().find(|s| s.name.ends_with(name));
    let found = found.unwrap();
    (found.level, found.message)
}

#[test]
fn a_frame_is_under_way_until_it_is_done_with() {
    let mut node = Node::new(WeakMode::Warn);
    for what in [
        What::FRAME,
        What::Malformed,
        What::with_panic(Place::Segment),
    ] {
        node.event(what);
        assert_eq!(node.shared.progress.seen().since, None, "{what:?}");
    }
    // it never is where its thread ends
    node.event(What::with_panic(Place::Pictures));
    assert!(node.shared.progress.seen().since.is_some());
}

#[test]
fn an_engine_that_cannot_be_opened_again_is_an_error_until_it_can() {
    let mut node = Node::new(WeakMode::Warn);
    node.event(What::FRAME);
    node.world.opened.store(eye::NO_ENGINE, Ordering::Relaxed);
    node.event(What::with_panic(Place::Segment));
    let (level, message) = status(&node, "engine");
    assert_eq!(level, DiagnosticStatus::ERROR);
    let words = "active, but there is no engine: a panic took the engine";
    assert!(message.starts_with(words), "{message}");
    node.world.opened.store(1, Ordering::Relaxed);
    node.event(What::FRAME);
    assert!(!node.shared.progress.seen().without_engine);
}

#[test]
fn while_the_engine_is_opened_again_no_frame_hangs() {
    let node = Node::new(WeakMode::Warn);
    let progress = &node.shared.progress;
    progress.begin(Duration::ZERO);
    let opened = progress.opening(|| -> Result<_, ()> {
        assert_eq!(progress.seen().since, None);
        Ok(status(&node, "engine"))
    });
    let (level, message) = opened.unwrap();
    assert_eq!(level, DiagnosticStatus::ERROR);
    assert!(message.contains("it is not open again"), "{message}");
    assert!(!progress.seen().without_engine);
    assert_eq!(progress.opening(|| Err::<(), _>(5)), Err(5));
    assert!(progress.seen().without_engine);
}

#[test]
fn frames_without_a_clock_are_an_error_that_is_logged_once() {
    let mut node = Node::new(WeakMode::Warn);
    let clock = std::mem::replace(&mut node.frames.clock, Arc::new(RosClock::simulated()));
    node.event(What::FRAME);
    let (level, message) = status(&node, "frames");
    assert_eq!(level, DiagnosticStatus::ERROR, "{message}");
    assert!(message.starts_with(diagnostics::NO_CLOCK), "{message}");
    let mut missing = MissingFrames::default();
    let began = Instant::now();
    let mut check = |node: &Node, seconds| {
        node.shared.health().received(node.shared.at());
        let now = began + Duration::from_secs(seconds);
        logged(|| missing.check(&node.shared, now, &mut String::new))
    };
    assert_eq!(check(&node, 0), [""; 0], "it may come any moment");
    assert_eq!(check(&node, 4), [diagnostics::NO_CLOCK]);
    assert_eq!(check(&node, 8), [""; 0]);
    node.frames.clock = clock;
    node.event(What::FRAME);
    assert!(!status(&node, "frames").1.contains("/clock"));
    assert_eq!(check(&node, 12), [""; 0]);
}

#[test]
fn a_wait_for_frames_ends_with_frames_without_a_clock() {
    let mut node = Node::new(WeakMode::Warn);
    node.frames.clock = Arc::new(RosClock::simulated());
    let mut missing = MissingFrames::default();
    let began = Instant::now();
    let mut check = |node: &Node, seconds| {
        let now = began + Duration::from_secs(seconds);
        let mut why = || "nobody publishes".to_owned();
        let lines = logged(|| missing.check(&node.shared, now, &mut why));
        (lines, node.shared.health().waiting.clone())
    };
    let said = vec!["no frame comes: nobody publishes".to_owned()];
    for seconds in [0, 10] {
        node.shared.health().set_lifecycle("inactive", false);
        node.shared.health().set_lifecycle("active", true);
        let waits = (said.clone(), Some("nobody publishes".to_owned()));
        assert_eq!(check(&node, seconds), waits, "{seconds}");
        node.event(What::FRAME);
        node.shared.health().received(node.shared.at());
        assert_eq!(check(&node, seconds + 1), (vec![], None), "{seconds}");
    }
}

#[test]
fn a_calibration_that_changes_at_every_frame_is_logged_once_and_warned_of() {
    let mut node = Node::new(WeakMode::Warn);
    let mut settings = SETTINGS.clone();
    settings.camera = Some(crate::decide::Mount::level(1.5));
    let info = Latest::default();
    node.frames.corridor = watch(&settings, info.clone(), None, &node.frames.handler);
    node.shared.health().camera_info = "/camera_info".to_owned();
    let words =
        "the camera's calibration changes again and again: do two cameras publish on /camera_info?";
    let frame = |node: &mut Node, cx: f64| {
        info.put(
            CameraInfo {
                width: SIZE.0,
                height: SIZE.1,
                distortion_model: "plumb_bob".to_owned(),
                k: [40.0, 0.0, cx, 0.0, 40.0, 23.5, 0.0, 0.0, 1.0],
                ..CameraInfo::default()
            },
            node.world.board.now(),
        );
        node.event(What::FRAME);
    };
    let lines = logged(|| {
        for number in 0..20 {
            frame(&mut node, if number % 2 == 0 { 31.5 } else { 30.0 });
        }
    });
    let of_it = |line: &&String| line.starts_with("distances from the camera");
    assert_eq!(lines.iter().filter(of_it).count(), 1, "{lines:?}");
    let (level, message) = status(&node, "frames");
    assert!(
        level >= DiagnosticStatus::WARN && message.contains(words),
        "{message}"
    );
    // one that stays is none to warn of
    for _ in 0..400 {
        frame(&mut node, 31.5);
    }
    let (_, message) = status(&node, "frames");
    assert!(!message.contains("again and again"), "{message}");
}

#[test]
fn the_camera_that_is_missed_is_the_one_that_the_parameters_name_now() {
    let node = Node::new(WeakMode::Warn);
    let names = Names::new(DEFAULT_NAME, DEFAULT_NAMESPACE, &[]).unwrap();
    let topic = |node: &Node| camera(&names, &node.shared).unwrap().0;
    assert_eq!(topic(&node), "/lookout/input/image");
    let compressed = super::super::super::parameters::Value::String("compressed".to_owned());
    let set = [("image_transport".to_owned(), compressed)];
    let phase = super::super::super::parameters::Phase::Unconfigured;
    node.shared.store.lock().unwrap().set(&set, phase).unwrap();
    assert_eq!(topic(&node), "/lookout/input/image/compressed");
}
