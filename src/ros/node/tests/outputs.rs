//! Outputs that fail: nothing else does, nothing waits, and a transport that has ended ends the node.

use std::cell::Cell;

use super::super::super::test_log::logged;
use super::*;
use crate::ros::lifecycle::Managed;

/// A node that never leaves `unconfigured`.
struct Unconfigured;

impl Managed for Unconfigured {
    fn configure(&mut self) -> Result<(), String> {
        Err("on purpose".to_owned())
    }

    fn activate(&mut self) -> Result<(), String> {
        Ok(())
    }

    fn deactivate(&mut self) -> Result<(), String> {
        Ok(())
    }

    fn cleanup(&mut self) -> Result<(), String> {
        Ok(())
    }

    fn shutdown(&mut self, _: State) -> Result<(), String> {
        Ok(())
    }
}

/// What services and parameters of a node do with it.
pub(super) fn control(node: &Node) -> NodeControl {
    NodeControl {
        shared: Arc::clone(&node.shared),
        lifecycle: Arc::new(Lifecycle::new(Unconfigured, |_| ())),
    }
}

fn report(
    node: &Node,
    shutdown: &Shutdown,
    publish: &dyn Fn(DiagnosticArray),
    sending: &dyn Fn() -> bool,
) -> Result<(), NodeError> {
    let control = control(node);
    let rosout = Rosout::default();
    let why = &mut String::new;
    super::super::report::report(&control, publish, &rosout, shutdown, (sending, why))
}

#[test]
fn a_transport_that_has_ended_ends_the_node_with_an_error_and_a_shutdown_does_not() {
    let node = Node::new(WeakMode::Warn);
    let (asked, shutdown) = (Cell::new(0), Shutdown::default());
    // the threads are gone when they are looked at for the third time
    let sending = || asked.replace(asked.get() + 1) < 2;
    let mut ended = Ok(());
    let lines = logged(|| ended = report(&node, &shutdown, &|_| (), &sending));
    assert!(matches!(ended, Err(NodeError::TransportEnded)), "{ended:?}");
    assert_eq!(asked.get(), 3);
    // the flag is logged where it changes, and not at every look
    let flag: Vec<_> = lines.iter().filter(|l| l.contains("flag is")).collect();
    let up = "the safe-stop flag is up: no frame has been judged yet";
    assert_eq!(flag, [up]);

    shutdown.request();
    assert!(report(&node, &shutdown, &|_| (), &|| false).is_ok());
}

#[test]
fn a_panic_that_nobody_repairs_ends_the_node_with_an_error_that_says_which() {
    let mut node = Node::new(WeakMode::Warn);
    node.event(What::Lost);
    let ended = report(&node, &Shutdown::default(), &|_| (), &|| true);
    let Err(NodeError::Lost(why)) = ended else {
        panic!("{ended:?}");
    };
    assert_eq!(why, "thread any panicked: on purpose");
}

#[test]
fn each_beat_hands_the_flag_out_again_and_the_status_only_where_it_changed() {
    let mut node = Node::new(WeakMode::Warn);
    node.event(What::FRAME);
    node.world.flags.lock().unwrap().clear();
    for (what, raised) in [
        (What::FRAME, false),
        (What::Malformed, true),
        (What::FRAME, false),
    ] {
        node.event(what);
        *node.world.status.lock().unwrap() = None;
        node.beats();
        assert_eq!(node.world.board.flag(), raised, "{what:?}");
        let flags = std::mem::take(&mut *node.world.flags.lock().unwrap());
        assert_eq!(flags, [raised; 2], "{what:?}");
        // the status has no beat: it was out with the frame
        assert!(node.world.status.lock().unwrap().is_none(), "{what:?}");
    }
}
