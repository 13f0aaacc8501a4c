//! One request or fault at a time.

use super::*;

fn still() -> What {
    What::Frame {
        age_ms: 10,
        hazard: false,
        segment_ms: 0,
        publish_ms: 0,
        panic: None,
        other_size: false,
    }
}

fn with_panic(place: Place) -> What {
    match still() {
        What::Frame {
            age_ms,
            hazard,
            segment_ms,
            publish_ms,
            other_size,
            ..
        } => What::Frame {
            age_ms,
            hazard,
            segment_ms,
            publish_ms,
            panic: Some(place),
            other_size,
        },
        other => other,
    }
}

#[test]
fn disabling_raises_the_flag_before_the_answer_and_the_status_says_so() {
    let mut node = Node::new(WeakMode::Warn);
    node.event(still());
    assert!(!node.world.board.flag());
    // the thread of the frames does not look around meanwhile
    node.shared.set_enabled(false);
    assert!(node.world.board.flag());
    node.beats();
    assert_eq!(node.world.value("reason"), "disabled");
    assert_eq!(node.world.value("state"), "FAULT");
    // a frame that was judged at that moment lowers nothing, nor does the next
    for _ in 0..3 {
        node.event(still());
        assert!(node.world.board.flag());
    }
    node.shared.set_enabled(true);
    assert!(node.world.board.flag(), "until frames were judged");
    node.event(still());
    assert!(!node.world.board.flag());
}

#[test]
fn a_reset_that_is_refused_never_happens_later() {
    let hazard = match still() {
        What::Frame { age_ms, .. } => What::Frame {
            age_ms,
            hazard: true,
            segment_ms: 0,
            publish_ms: 0,
            panic: None,
            other_size: false,
        },
        other => other,
    };
    let stopped = || {
        let mut node = Node::new(WeakMode::Warn);
        for what in [still(), hazard, hazard] {
            node.event(what);
        }
        assert_eq!(node.world.value("state"), "STOP");
        node
    };
    let stays = |mut node: Node| {
        for _ in 0..20 {
            node.event(still());
            assert_eq!(node.world.value("state"), "STOP");
        }
    };
    let reset = What::Reset { waits: true };

    let mut lost = stopped();
    lost.event(What::Time {
        ms: 1384,
        hangs: true,
    });
    let refused = lost.event(reset).unwrap().unwrap_err();
    assert!(refused.contains("no frame came for"), "{refused}");
    stays(lost);

    let mut withdrawn = stopped();
    assert_eq!(withdrawn.event(What::Reset { waits: false }), None);
    stays(withdrawn);

    let mut disabled = stopped();
    disabled.event(What::Enable(false));
    let refused = disabled.event(reset).unwrap().unwrap_err();
    assert!(refused.contains("disabled"), "{refused}");
    disabled.event(What::Enable(true));
    stays(disabled);

    let mut accepted = stopped();
    assert!(accepted.event(reset).unwrap().is_ok());
    accepted.event(still());
    accepted.event(still());
    assert_eq!(accepted.world.value("state"), "OK");
}

#[test]
fn every_panic_round_the_engine_is_repaired_by_its_owner_and_by_nobody_else() {
    for place in [Place::Stage, Place::Segment, Place::Observe, Place::Upload] {
        let mut node = Node::new(WeakMode::Warn);
        node.event(still());
        assert!(!node.world.board.flag(), "{place:?}");
        node.event(with_panic(place));
        assert!(node.world.board.flag(), "{place:?}");
        assert_eq!(node.frames.handler.repairs(), 1, "{place:?}");
        node.event(still());
        assert!(!node.world.board.flag(), "{place:?}");
        // the uploader is that of the new engine
        node.event(with_panic(Place::Upload));
        assert_eq!(node.frames.handler.repairs(), 2, "{place:?}");

        node.event(What::Lost);
        node.event(with_panic(place));
        node.event(still());
        assert!(node.world.board.flag(), "{place:?}");
        assert!(node.world.board.is_lost(), "{place:?}");
    }
}

#[test]
fn thresholds_change_while_the_node_runs_and_never_its_modes() {
    let mut node = Node::new(WeakMode::Warn);
    let judged = |node: &Node, mode| {
        let judges = node.frames.handler.pipeline().settings().judges;
        judges.of(mode).unwrap().threshold
    };
    let set = |node: &mut Node, change: fn(&mut GivenThresholds)| {
        let mut live = node.shared.live();
        change(&mut live.thresholds);
        node.shared.set_live(live);
        node.event(still());
    };
    let modes = [Mode::FULL, Mode::REDUCED, Mode::FULL_LOGITS];
    let calibrated = modes.map(|mode| judged(&node, mode));
    set(&mut node, |given| given.all = Some(0.9));
    set(&mut node, |given| {
        given.modes[Mode::FULL_LOGITS.index()] = Some(0.3);
    });
    assert_eq!(modes.map(|mode| judged(&node, mode)), [0.9, 0.9, 0.3]);
    set(&mut node, |given| *given = GivenThresholds::default());
    assert_eq!(modes.map(|mode| judged(&node, mode)), calibrated);

    // a bundle that has a threshold only where one is given: it cannot be taken away
    let mut manifest = (*node.frames.judging.manifest).clone();
    manifest.thresholds.clear();
    node.frames.judging.manifest = Arc::new(manifest);
    set(&mut node, |given| given.all = Some(0.2));
    assert_eq!(modes.map(|mode| judged(&node, mode)), calibrated);
}
