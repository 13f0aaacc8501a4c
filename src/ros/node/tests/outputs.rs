//! Outputs that fail: nothing else does, nothing waits, and a transport that has ended ends the node.

use std::cell::Cell;
use std::sync::mpsc::{Receiver, Sender, channel};

use super::super::super::rosout::RosLogger;
use super::super::super::test_log::{listen, logged};
use super::*;
use crate::live::Source;
use crate::ros::lifecycle::stub::Stub;

/// What services and parameters of a node do with it.
pub(super) fn control(node: &Node) -> NodeControl {
    let unconfigured = Stub {
        configure: || Err("on purpose".to_owned()),
        activate: Ok(()),
    };
    NodeControl {
        shared: Arc::clone(&node.shared),
        lifecycle: Arc::new(Lifecycle::new(unconfigured, |_| ())),
    }
}

fn report(
    control: &NodeControl,
    shutdown: &Shutdown,
    publish: &dyn Fn(DiagnosticArray),
    sending: &dyn Fn() -> bool,
) -> Result<(), NodeError> {
    let rosout = Rosout::default();
    let why = &mut String::new;
    super::super::report::report(control, publish, &rosout, shutdown, (sending, why))
}

#[test]
fn a_transport_that_has_ended_ends_the_node_with_an_error_and_a_shutdown_does_not() {
    let control = control(&Node::new(WeakMode::Warn));
    let (asked, shutdown) = (Cell::new(0), Shutdown::default());
    // the threads are gone when they are looked at for the third time
    let sending = || asked.replace(asked.get() + 1) < 2;
    let mut ended = Ok(());
    let lines = logged(|| ended = report(&control, &shutdown, &|_| (), &sending));
    assert!(matches!(ended, Err(NodeError::TransportEnded)), "{ended:?}");
    assert_eq!(asked.get(), 3);
    // the flag is logged where it changes, and not at every look
    let flag: Vec<_> = lines.iter().filter(|l| l.contains("flag is")).collect();
    let up = "the safe-stop flag is up: no frame has been judged yet";
    assert_eq!(flag, [up]);

    shutdown.request();
    assert!(report(&control, &shutdown, &|_| (), &|| false).is_ok());
}

#[test]
fn a_panic_that_nobody_repairs_ends_the_node_with_an_error_that_says_which() {
    let mut node = Node::new(WeakMode::Warn);
    node.event(What::Lost);
    let ended = report(&control(&node), &Shutdown::default(), &|_| (), &|| true);
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

#[test]
fn a_node_that_is_configured_at_its_end_is_shut_down_after_that() {
    let ((entered, inside), (let_go, go)) = (channel(), channel::<()>());
    let slow = Stub {
        configure: move || {
            entered.send(()).unwrap();
            go.recv().map_err(|e| e.to_string())
        },
        activate: Ok(()),
    };
    let lifecycle = Arc::new(Lifecycle::new(slow, |_| ()));
    thread::scope(|scope| {
        scope.spawn(|| lifecycle.change(&Request::CONFIGURE));
        inside.recv().unwrap();
        scope.spawn(|| shut_down(&lifecycle));
        // it is asked to end meanwhile
        thread::sleep(Duration::from_millis(20));
        let_go.send(()).unwrap();
    });
    let began = Instant::now();
    while lifecycle.state() != State::Finalized && began.elapsed() < HELD_FOR {
        thread::sleep(Duration::from_millis(1));
    }
    assert_eq!(lifecycle.state(), State::Finalized);
}

/// So long a publisher holds what it was given, where the test does not let it go.
const HELD_FOR: Duration = Duration::from_secs(10);
/// Much longer than frames take here, much shorter than that.
const IN_TIME: Duration = Duration::from_secs(2);

/// A publisher that takes one message and no other until it is let go.
struct StuckPublisher {
    has_one: Sender<()>,
    let_go: Receiver<()>,
}

impl StuckPublisher {
    /// Also where it says that it has a message, and what lets it go when it is dropped.
    fn new() -> (Self, Receiver<()>, Sender<()>) {
        let ((has_one, stuck), (release, let_go)) = (channel(), channel());
        (Self { has_one, let_go }, stuck, release)
    }

    fn publish(&self) {
        let _ = self.has_one.send(());
        let _ = self.let_go.recv_timeout(HELD_FOR);
    }
}

/// What came of frames that were taken, judged and handed out: the flags, the state, and how long it took.
struct Meanwhile {
    flags: Vec<bool>,
    state: String,
    took: Duration,
}

impl Meanwhile {
    /// A clear road, then a hazard.
    fn of(node: &mut Node) -> Self {
        let began = Instant::now();
        node.world.flags.lock().unwrap().clear();
        let mut source = InstrumentedSource {
            source: |_: &mut CameraMessage| -> Result<bool, String> { Ok(true) },
            shared: Arc::clone(&node.shared),
            upload: Arc::clone(&node.source.upload),
        };
        for what in [What::FRAME, What::HAZARD, What::HAZARD] {
            let _ = source.fetch(&mut CameraMessage::default());
            node.event(what);
            node.beats();
        }
        Self {
            flags: std::mem::take(&mut *node.world.flags.lock().unwrap()),
            state: node.world.value("state"),
            took: began.elapsed(),
        }
    }

    #[track_caller]
    fn is_in_time(&self) {
        assert_eq!(self.flags, [false, false, false, false, true, true]);
        assert_eq!(self.state, "STOP");
        assert!(self.took < IN_TIME, "{:?}", self.took);
    }
}

#[test]
fn diagnostics_that_nobody_takes_delay_neither_a_verdict_nor_the_flag() {
    let mut node = Node::new(WeakMode::Warn);
    let mut live = node.shared.live();
    live.diagnostics_period = Duration::from_millis(10);
    node.shared.set_live(live);
    let (control, shutdown) = (control(&node), Shutdown::default());
    let (publisher, stuck, release) = StuckPublisher::new();
    let meanwhile = thread::scope(|scope| {
        let (control, shutdown) = (&control, &shutdown);
        let publishing = scope.spawn(move || {
            report(control, shutdown, &|_| publisher.publish(), &|| true).unwrap();
        });
        let meanwhile = stuck
            .recv_timeout(HELD_FOR)
            .ok()
            .map(|()| Meanwhile::of(&mut node));
        shutdown.request();
        drop(release);
        publishing.join().unwrap();
        meanwhile
    });
    meanwhile.unwrap().is_in_time();
}

#[test]
fn a_log_that_nobody_takes_delays_neither_a_verdict_nor_the_flag() {
    let mut node = Node::new(WeakMode::Warn);
    let mut console = env_logger::Builder::new();
    let console = console.filter_level(log::LevelFilter::Info).is_test(true);
    let logger = RosLogger::with(console.build());
    let (publisher, stuck, release) = StuckPublisher::new();
    let attached = logger
        .rosout()
        .forward("lookout", move |_| publisher.publish())
        .unwrap();
    let mut meanwhile = None;
    let heard = move |record: &log::Record<'_>| log::Log::log(&logger, record);
    listen(heard, || {
        log::info!("the first line, which the publisher keeps");
        stuck.recv_timeout(HELD_FOR).unwrap();
        meanwhile = Some(Meanwhile::of(&mut node));
    });
    drop(release);
    drop(attached);
    meanwhile.unwrap().is_in_time();
}
