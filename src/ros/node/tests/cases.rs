//! One request or fault at a time.

use super::super::super::parameters::{Host, Phase, Value};
use super::super::super::test_log::logged;
use super::*;
use crate::watchdog::{TripKind, contain};

#[test]
fn disabling_raises_the_flag_before_the_answer_and_the_status_says_so() {
    let mut node = Node::new(WeakMode::Warn);
    node.event(What::FRAME);
    assert!(!node.world.board.flag());
    // the thread of the frames does not look around meanwhile
    node.shared.set_enabled(false);
    assert!(node.world.board.flag());
    node.beats();
    assert_eq!(node.world.value("reason"), "disabled");
    assert_eq!(node.world.value("state"), "FAULT");
    // a frame that was judged at that moment lowers nothing, nor does the next
    for _ in 0..3 {
        node.event(What::FRAME);
        assert!(node.world.board.flag());
    }
    node.shared.set_enabled(true);
    assert!(node.world.board.flag(), "until frames were judged");
    node.event(What::FRAME);
    assert!(!node.world.board.flag());
}

#[test]
fn a_frame_that_waits_while_the_life_cycle_ends_the_judging_lowers_nothing() {
    let mut node = Node::new(WeakMode::Warn);
    node.event(What::FRAME);
    assert!(!node.world.board.flag());
    node.event(What::Deactivate);
    assert!(node.world.board.flag());
    for what in [What::FRAME, What::Enable(true), What::FRAME, What::FRAME] {
        node.event(what);
        assert!(node.world.board.flag(), "{what:?}");
    }
    node.event(What::Activate);
    assert!(node.world.board.flag(), "until frames were judged");
    node.event(What::FRAME);
    assert!(!node.world.board.flag());

    // nor does a node that is activated while a service has disabled it
    for what in [What::Deactivate, What::Enable(false), What::Activate] {
        node.event(what);
    }
    node.event(What::FRAME);
    assert!(node.world.board.flag());
    node.event(What::Enable(true));
    node.event(What::FRAME);
    assert!(!node.world.board.flag());
}

#[test]
fn a_reset_that_is_refused_never_happens_later() {
    let stopped = || {
        let mut node = Node::new(WeakMode::Warn);
        for what in [What::FRAME, What::HAZARD, What::HAZARD] {
            node.event(what);
        }
        assert_eq!(node.world.value("state"), "STOP");
        node
    };
    let stays = |mut node: Node| {
        for _ in 0..20 {
            node.event(What::FRAME);
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

    let mut unreadable = stopped();
    unreadable.event(What::Malformed);
    let refused = unreadable.event(reset).unwrap().unwrap_err();
    assert!(refused.contains("malformed"), "{refused}");
    stays(unreadable);

    let mut paused = stopped();
    paused.world.paused_ms.store(60_000, Ordering::Relaxed);
    let refused = paused.event(reset).unwrap().unwrap_err();
    assert!(refused.contains("source lost"), "{refused}");
    stays(paused);

    let mut accepted = stopped();
    assert!(accepted.event(reset).unwrap().is_ok());
    accepted.event(What::FRAME);
    accepted.event(What::FRAME);
    assert_eq!(accepted.world.value("state"), "OK");
}

#[test]
fn a_reset_does_not_outlast_the_judging() {
    for between in [
        &[What::Enable(false), What::Enable(true)][..],
        &[What::Deactivate, What::Activate],
        &[What::with_panic(Place::Segment)],
        &[What::Time {
            ms: 700,
            hangs: false,
        }],
    ] {
        let mut node = Node::new(WeakMode::Warn);
        for what in [What::FRAME, What::HAZARD, What::HAZARD] {
            node.event(what);
        }
        assert!(node.event(What::Reset { waits: true }).unwrap().is_ok());
        for what in between {
            node.event(*what);
        }
        for _ in 0..20 {
            node.event(What::FRAME);
            assert_eq!(node.world.value("state"), "STOP", "{between:?}");
        }
    }
}

#[test]
fn a_node_that_is_configured_again_begins_in_the_stop_that_it_was_in() {
    let mut before = Node::new(WeakMode::Warn);
    for what in [What::FRAME, What::HAZARD, What::HAZARD, What::Deactivate] {
        before.event(what);
    }
    before.event(What::Activate);
    let since = before.frames.handler.stopped_at().unwrap();

    let mut node = Node::new(WeakMode::Warn);
    node.frames.handler.keep_stop(since);
    let reset = What::Reset { waits: true };
    assert!(node.event(reset).unwrap().is_err(), "no frame came yet");
    for _ in 0..20 {
        node.event(What::FRAME);
        assert!(node.world.board.flag());
        assert_eq!(node.world.value("state"), "STOP");
    }
    assert!(node.event(reset).unwrap().is_ok());
    node.event(What::FRAME);
    node.event(What::FRAME);
    assert_eq!(node.world.value("state"), "OK");
}

#[test]
fn a_reset_is_logged_once_with_who_asked_and_what_became_of_it() {
    let mut node = Node::new(WeakMode::Warn);
    for what in [What::FRAME, What::HAZARD, What::HAZARD] {
        node.event(what);
    }
    for (busy, words) in [
        (false, "; reset accepted: 0 of 2 clean frames have come"),
        (
            true,
            ", which was refused: the frame that is judged now takes too long; ask again",
        ),
    ] {
        let control = outputs::control(&node);
        let asking = thread::spawn(move || {
            logged(|| {
                let _ = control.reset("abc");
            })
        });
        while !asking.is_finished() {
            if !busy {
                node.frames_do(|frames, _| frames.idle());
            }
            thread::sleep(Duration::from_millis(1));
        }
        let line = format!("the client abc asked for a reset{words}");
        assert_eq!(asking.join().unwrap(), [line]);
    }
}

#[test]
fn a_reset_that_nobody_will_take_is_answered_at_once_and_with_the_reason() {
    let mut node = Node::new(WeakMode::Warn);
    let control = outputs::control(&node);
    // who asked for these has withdrawn them
    for _ in 0..4 {
        let (request, asked) = ResetRequest::new();
        assert!(node.shared.command(request).is_ok() && asked.withdraw());
    }
    let busy = Err("the frame that is judged now takes too long; ask again".to_owned());
    assert_eq!(control.reset("abc"), busy);

    node.frames_do(|frames, _| frames.idle());
    let asking = thread::spawn(move || (control.reset("abc"), control.reset("abc")));
    // deactivated while it waits, and asked again after that
    let request = node.frames.commands.recv_timeout(Duration::from_secs(10));
    node.shared.end_commands();
    drop(request);
    let gone = || Err("no frames are judged: the node is unconfigured".to_owned());
    assert_eq!(asking.join().unwrap(), (gone(), gone()));
}

#[test]
fn a_node_that_is_not_active_says_when_frames_are_judged() {
    let node = Node::new(WeakMode::Warn);
    let control = outputs::control(&node);
    let off = control.enable(false, "abc").unwrap();
    assert_eq!(off, "frames are not judged from now on");
    for _ in 0..2 {
        let on = control.enable(true, "abc").unwrap();
        let expected = "frames are judged once the node is active; it is unconfigured now";
        assert_eq!(on, expected);
    }
}

#[test]
fn every_panic_round_the_engine_is_repaired_by_its_owner_and_by_nobody_else() {
    for place in Place::ENGINE {
        let mut node = Node::new(WeakMode::Warn);
        node.event(What::FRAME);
        assert!(!node.world.board.flag(), "{place:?}");
        node.event(What::with_panic(place));
        assert!(node.world.board.flag(), "{place:?}");
        assert_eq!(node.frames.handler.repairs(), 1, "{place:?}");
        node.event(What::FRAME);
        assert!(!node.world.board.flag(), "{place:?}");
        let uploaded_to = node.world.uploaded_to.load(Ordering::Relaxed);
        assert_eq!(
            uploaded_to, 2,
            "{place:?}: the uploader is that of the new engine"
        );
        node.event(What::with_panic(Place::Upload));
        assert_eq!(node.frames.handler.repairs(), 2, "{place:?}");

        node.event(What::Lost);
        node.event(What::with_panic(place));
        node.event(What::FRAME);
        assert!(node.world.board.flag(), "{place:?}");
        assert!(node.world.board.is_lost(), "{place:?}");
    }
}

#[test]
fn a_panic_while_no_frames_are_judged_is_repaired_when_the_node_is_deactivated() {
    let mut node = Node::new(WeakMode::Warn);
    for what in [
        What::FRAME,
        What::Enable(false),
        What::FRAME,
        What::with_panic(Place::Upload),
        What::Deactivate,
        What::Activate,
        What::Enable(true),
        What::FRAME,
    ] {
        node.event(what);
    }
    assert_eq!(node.frames.handler.repairs(), 1);
    assert!(!node.world.board.flag() && !node.world.board.is_lost());
}

#[test]
fn panics_of_an_engine_that_is_discarded_are_acknowledged() {
    let node = Node::new(WeakMode::Warn);
    let Node {
        world, mut frames, ..
    } = node;
    *world.panic.lock().unwrap() = Some(Place::Segment);
    let panic = contain(|| world.panic_at(Place::Segment)).unwrap_err();
    frames.handler.pipeline_mut().lose_engine(panic);
    assert!(world.board.latched(TripKind::Panic).is_some());
    frames.handler.discard();
    assert!(world.board.latched(TripKind::Panic).is_none());
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
        node.event(What::FRAME);
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

#[test]
fn a_threshold_that_the_node_cannot_judge_by_is_refused_before_it_is_set() {
    let node = Node::new(WeakMode::Warn);
    let control = outputs::control(&node);
    let with = |threshold| {
        let mut store = Store::default();
        let value = Value::Double(threshold);
        let set = [("threshold".to_owned(), value)];
        store.set(&set, Phase::Active).unwrap();
        control.agrees(&store)
    };
    // nothing is loaded that it would have to fit
    assert_eq!(with(0.3), Ok(()));
    node.shared.set_judging(Some(JUDGING.clone()));
    assert_eq!(with(0.3), Ok(()));
    node.shared.set_judging(Some(Judging {
        has_stop_levels: true,
        ..JUDGING.clone()
    }));
    let refused = with(0.3).unwrap_err();
    assert!(
        refused.contains("the stop levels of stop_file"),
        "{refused}"
    );
    assert_eq!(with(0.0), Ok(()), "the one that it has");

    // a mode that only a given threshold would have
    let mut manifest = (*JUDGING.manifest).clone();
    manifest.thresholds.clear();
    node.shared.set_judging(Some(Judging {
        manifest: Arc::new(manifest),
        ..JUDGING.clone()
    }));
    let refused = with(0.3).unwrap_err();
    assert!(refused.contains("the modes would be"), "{refused}");
}

#[test]
fn a_threshold_that_nothing_can_exceed_is_said_in_the_log_and_the_status() {
    let mut node = Node::new(WeakMode::Warn);
    node.event(What::FRAME);
    let mut set = |threshold| {
        let mut live = node.shared.live();
        live.thresholds.all = threshold;
        node.shared.set_live(live);
        let lines = logged(|| {
            node.event(What::FRAME);
        });
        (lines.join("\n"), node.world.value("note"))
    };
    let words = "the threshold of the mode full+observer is 1: nothing can be anomalous in it";
    let (lines, note) = set(Some(1.0));
    assert!(lines.contains(words), "{lines}");
    assert!(note.contains(words), "{note}");
    assert_eq!(set(None), (String::new(), String::new()));
}

#[test]
fn a_panic_that_nobody_repairs_keeps_the_flag_up_until_the_process_ends() {
    for place in [Place::Status, Place::Pictures] {
        let mut node = Node::new(WeakMode::Warn);
        node.event(What::FRAME);
        assert!(!node.world.board.flag(), "{place:?}");
        node.event(What::with_panic(place));
        node.beats();
        assert!(node.ended && node.world.board.is_lost(), "{place:?}");
        assert!(node.world.board.flag(), "{place:?}");
        assert_eq!(node.world.value("reason"), "panic", "{place:?}");
        assert_eq!(node.event(What::Reset { waits: true }), None, "{place:?}");
        assert!(node.world.board.flag(), "{place:?}");
    }
}

#[test]
fn odometry_limits_the_corridor_until_it_is_too_old_on_the_boards_clock() {
    let mut node = Node::new(WeakMode::Warn);
    let odometry = Latest::default();
    let heard = Some(odometry.clone());
    node.frames.corridor = watch(&SETTINGS, Latest::default(), heard, &node.frames.handler);
    let mut limit = || {
        node.event(What::FRAME);
        let corridor = node.frames.handler.pipeline().corridor();
        (corridor.far_limit_m(), node.world.board.now())
    };
    let (before, now) = limit();
    assert_eq!(before, None);
    let mut moves = Odometry::default();
    moves.twist.twist.linear.x = 5.0;
    odometry.put(moves, now);
    let timeout = Duration::from_millis(SETTINGS.vehicle.odometry_timeout_ms.into());
    loop {
        let (far, at) = limit();
        assert_eq!(far.is_some(), at - now <= timeout, "after {:?}", at - now);
        if far.is_none() {
            break;
        }
    }
    assert!(node.world.board.now() - now > timeout);
}

#[test]
fn a_source_that_breaks_keeps_the_flag_up_and_the_status_says_why() {
    for panics in [false, true] {
        let mut node = Node::new(WeakMode::Warn);
        node.event(What::FRAME);
        assert!(!node.world.board.flag());
        let source = move |_: &mut CameraMessage| -> Result<bool, String> {
            if panics {
                std::panic::resume_unwind(Box::new("the camera is gone"));
            }
            Err("the camera is gone".to_owned())
        };
        handle_all(source, &mut node.frames);
        node.beats();
        assert!(node.world.board.flag() && node.world.board.is_lost());
        assert_eq!(node.world.value("state"), "FAULT");
        let status = node.world.status.lock().unwrap();
        let said = status.as_ref().map(|status| status.message.as_str());
        assert!(said.unwrap().contains("the camera is gone"), "{said:?}");
    }
}
