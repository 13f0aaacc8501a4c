//! What the log says of the states, and when.

use std::cell::RefCell;
use std::rc::Rc;

use super::super::super::test_log::{listen, logged};
use super::*;

const OVERDUE: What = What::Frame {
    age_ms: 10,
    hazard: false,
    segment_ms: 0,
    publish_ms: 120,
    panic: None,
    other_size: false,
};
const OLD: What = What::Frame {
    age_ms: 700,
    hazard: false,
    segment_ms: 0,
    publish_ms: 0,
    panic: None,
    other_size: false,
};

/// The lines that speak of states.
fn changes(node: &mut Node, what: What) -> Vec<String> {
    let lines = logged(|| {
        node.event(what);
    });
    let changes = lines.into_iter().filter(|line| line.contains(" -> "));
    changes.collect()
}

#[test]
fn every_change_of_state_is_logged_once_with_its_reason_and_nothing_else_is() {
    let mut node = Node::new(WeakMode::Warn);
    let (mut before, mut seen) = ("(start)".to_owned(), Vec::new());
    for what in [
        What::FRAME,
        What::FRAME,
        What::HAZARD,
        What::Malformed,
        What::Malformed,
        What::HAZARD,
        What::HAZARD,
        What::Reset { waits: true },
        What::FRAME,
        What::FRAME,
        What::Time {
            ms: 700,
            hangs: false,
        },
        What::Time {
            ms: 700,
            hangs: false,
        },
        What::FRAME,
        What::FRAME,
        OVERDUE,
        What::FRAME,
        OLD,
        What::FRAME,
        What::FRAME,
        What::with_panic(Place::Segment),
        What::FRAME,
        What::Enable(false),
        What::FRAME,
        What::Enable(true),
        What::FRAME,
    ] {
        let lines = changes(&mut node, what);
        let last = node.frames.handler.last();
        let after = last.map_or_else(|| before.clone(), |verdict| verdict.state.to_string());
        if after == before {
            assert_eq!(lines, [""; 0], "{what:?} in {before}");
            continue;
        }
        let change = format!("{before} -> {after}");
        let reason = last.unwrap().reason;
        assert_eq!(lines, [format!("{change}: {reason}")], "{what:?}");
        seen.push(change);
        before = after;
    }
    for change in [
        "(start) -> OK",
        "OK -> WARN",
        "WARN -> FAULT",
        "FAULT -> STOP",
        "STOP -> OK",
        "OK -> FAULT",
        "FAULT -> OK",
    ] {
        assert!(seen.iter().any(|one| one == change), "{change}: {seen:?}");
    }
}

#[test]
fn a_stop_during_a_fault_is_logged_though_the_flag_does_not_move() {
    let mut node = Node::new(WeakMode::Warn);
    for what in [What::FRAME, What::HAZARD, What::Malformed] {
        node.event(what);
    }
    assert!(node.world.board.flag());
    let flag = Rc::new(RefCell::new(Vec::new()));
    let (seen, board) = (Rc::clone(&flag), Arc::clone(&node.world.board));
    let heard = move |record: &log::Record<'_>| {
        let line = (record.level(), record.args().to_string(), board.flag());
        seen.borrow_mut().push(line);
    };
    listen(heard, || {
        node.event(What::HAZARD);
    });
    let lines = flag.take();
    let [(level, line, true)] = &lines[..] else {
        panic!("{lines:?}");
    };
    assert_eq!(*level, log::Level::Warn);
    assert!(line.starts_with("FAULT -> STOP: anomaly of "), "{line}");
    assert!(line.ends_with("confirmed by 2 of 3 frames"), "{line}");
}

#[test]
fn judging_that_somebody_ended_is_logged_and_is_no_warning() {
    for end in [What::Enable(false), What::Deactivate] {
        let mut node = Node::new(WeakMode::Warn);
        node.event(What::FRAME);
        let found = Rc::new(RefCell::new(Vec::new()));
        let seen = Rc::clone(&found);
        let heard = move |record: &log::Record<'_>| {
            let line = (record.level(), record.args().to_string());
            seen.borrow_mut().push(line);
        };
        listen(heard, || {
            node.event(end);
            node.event(What::FRAME);
        });
        let line = "OK -> FAULT: judging is disabled".to_owned();
        assert_eq!(found.take(), [(log::Level::Info, line)], "{end:?}");
    }
}

#[test]
fn nothing_is_logged_of_a_frame_before_its_verdict_is_out() {
    for what in [What::Malformed, OVERDUE, OLD] {
        let mut node = Node::new(WeakMode::Warn);
        node.event(What::FRAME);
        assert!(!node.world.board.flag());
        let found = Rc::new(RefCell::new(Vec::new()));
        let (seen, world) = (Rc::clone(&found), Arc::clone(&node.world));
        let heard = move |record: &log::Record<'_>| {
            let out = world.board.flag() && world.value("state") == "FAULT";
            seen.borrow_mut().push((record.args().to_string(), out));
        };
        listen(heard, || {
            node.event(what);
        });
        let lines = found.take();
        assert!(!lines.is_empty(), "{what:?}");
        assert!(lines.iter().all(|(_, out)| *out), "{what:?}: {lines:?}");
    }
}

#[test]
fn each_kind_of_failure_of_frames_is_logged_once_and_every_frame_is_counted() {
    let mut node = Node::new(WeakMode::Warn);
    let lines = logged(|| {
        for number in 0..100 {
            let side = if number % 2 == 0 { "left" } else { "right" };
            node.world.pass(33);
            let why = format!("{number} bytes are missing on the {side}");
            node.message.malform(Some(node.world.clock.now()), why);
            node.frames_do(|frames, message| frames.handle(message));
        }
        for _ in 0..5 {
            node.event(What::with_panic(Place::Segment));
        }
    });
    let failures: Vec<_> = lines
        .iter()
        .filter_map(|line| Some(line.split_once("cannot be judged: ")?.1))
        .collect();
    let help = "check the program that publishes these frames; repeats are only counted";
    let expected = [
        format!("0 bytes are missing on the left; {help}"),
        format!("1 bytes are missing on the right; {help}"),
        "the engine panicked: on purpose; repeats are only counted".to_owned(),
    ];
    assert_eq!(failures, expected);
    let opened = |line: &&String| line.starts_with("the engine was opened again");
    assert_eq!(lines.iter().filter(opened).count(), 1, "{lines:?}");
    let health = node.shared.health();
    assert_eq!(health.counts().malformed, 100);
    assert_eq!(health.counts().failed, 5);
}

#[test]
fn how_long_no_frame_was_clear_is_said_as_a_duration() {
    let mut node = Node::new(WeakMode::Warn);
    node.event(What::FRAME);
    node.event(What::Time {
        ms: 41_944,
        hangs: true,
    });
    node.beats();
    assert_eq!(node.world.value("reason"), "stale");
    let status = node.world.status.lock().unwrap();
    assert_eq!(
        status.as_ref().map(|status| status.message.as_str()),
        Some("FAULT: the last frame that was found clear is 41 s old; the limit is 500 ms")
    );
}
