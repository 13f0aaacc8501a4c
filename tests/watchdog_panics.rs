//! The panic hook is the process's, so these tests have a process of their own and take turns in
//! it: each one's board would see the other's panics.
#![allow(clippy::unwrap_used)]

use std::panic::{AssertUnwindSafe, catch_unwind, panic_any, resume_unwind};
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::mpsc::{Receiver, channel};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::Duration;

use lookout::decide::{Event, Reason, State, Supervisor, SupervisorConfig, Verdict};
use lookout::time::{Now, Stamp};
use lookout::watchdog::{
    Beat, Board, Cause, TripKind, Watchdog, WatchdogConfig, contain, install_panic_hook,
};

static TURN: Mutex<()> = Mutex::new(());

fn turn() -> MutexGuard<'static, ()> {
    TURN.lock().unwrap_or_else(PoisonError::into_inner)
}

fn clear() -> Verdict {
    let mut supervisor = Supervisor::new(SupervisorConfig::default()).unwrap();
    Verdict {
        state: State::Ok,
        safe_stop: false,
        reason: Reason::Clear,
        ..supervisor.step(Event::Tick, Now::simulated(Stamp::default()))
    }
}

fn in_thread(name: &str, work: impl FnOnce() + Send + 'static) {
    let thread = thread::Builder::new().name(name.to_owned());
    assert!(thread.spawn(work).unwrap().join().is_err());
}

fn watched() -> (Arc<Board>, Watchdog, Receiver<Beat>) {
    let board = Arc::new(Board::new(60_000).unwrap());
    install_panic_hook(&board);
    let config = WatchdogConfig {
        period_ms: 1000,
        ..WatchdogConfig::default()
    };
    let (send, beats) = channel();
    let sink = move |beat: &Beat| {
        let _ = send.send(beat.clone());
    };
    let watchdog = Watchdog::start(&board, &config, sink).unwrap();
    (board, watchdog, beats)
}

fn next_panic(beats: &Receiver<Beat>) -> (String, String) {
    loop {
        let beat = beats.recv_timeout(Duration::from_secs(20)).unwrap();
        if let Cause::Panic { thread, message } = beat.cause {
            assert!(beat.safe_stop);
            return (thread.as_str().to_owned(), message.as_str().to_owned());
        }
    }
}

#[test]
fn w05_a_panic_in_any_thread_raises_the_flag_and_is_told() {
    let _turn = turn();
    let (board, _watchdog, beats) = watched();
    board.post(&clear(), Duration::ZERO);
    assert!(!board.flag());

    in_thread("engine", || {
        let missing = ["a", "b"].len();
        panic!("no tensor {missing}");
    });
    assert!(board.flag());
    let (thread, message) = next_panic(&beats);
    assert_eq!(thread, "engine");
    assert!(message.ends_with(": no tensor 2"), "{message}");
    assert!(message.contains("watchdog_panics.rs:"), "{message}");
    assert_eq!(board.panics(), 1);

    board.post(&clear(), Duration::ZERO);
    assert!(board.flag(), "it is not over by itself");
    let trip = board.latched(TripKind::Panic).unwrap();
    assert!(board.acknowledge(trip));
    board.post(&clear(), Duration::ZERO);
    assert!(!board.flag());

    // caught on purpose: a trip all the same
    assert!(catch_unwind(|| panic!("caught")).is_err());
    assert!(board.flag());
    assert!(next_panic(&beats).1.ends_with(": caught"));
}

#[test]
fn w05_odd_panics_are_trips_too() {
    let _turn = turn();
    let (board, _watchdog, beats) = watched();
    let expect = |thread: &str, end: &str| {
        let told = next_panic(&beats);
        assert!(told.0 == thread && told.1.ends_with(end), "{told:?}");
        let trip = board.latched(TripKind::Panic).unwrap();
        assert!(board.acknowledge(trip));
        // one beat after it, so that the next trip is news again
        board.post(&clear(), Duration::ZERO);
        while beats.recv().unwrap().safe_stop {}
    };
    in_thread("odd", || panic_any(17_u8));
    expect("odd", ": (no text)");

    in_thread("n".repeat(100).as_str(), || panic!("{}", "ü".repeat(5000)));
    expect(&"n".repeat(32), "üü");

    assert!(thread::spawn(|| panic!("nameless")).join().is_err());
    expect("(unnamed)", ": nameless");

    // a panic while another unwinds, inside of a destructor that catches it
    struct Again;
    impl Drop for Again {
        fn drop(&mut self) {
            let _ = catch_unwind(AssertUnwindSafe(|| panic!("second")));
        }
    }
    let before = board.panics();
    in_thread("twice", || {
        let _again = Again;
        panic!("first");
    });
    assert_eq!(board.panics(), before + 2);
    expect("twice", ""); // whichever of the two was told first
}

#[test]
fn w12_a_panic_in_the_sink_raises_the_flag_until_the_sink_works_again() {
    let _turn = turn();
    let board = Arc::new(Board::new(60_000).unwrap());
    install_panic_hook(&board);
    let config = WatchdogConfig {
        period_ms: 50,
        ..WatchdogConfig::default()
    };
    let (send, beats) = channel();
    let watchdog = Watchdog::start(&board, &config, move |beat: &Beat| {
        let _ = send.send(beat.clone());
        assert!(beat.sequence > 4, "sink is broken");
    })
    .unwrap();
    let (thread, message) = next_panic(&beats);
    assert_eq!(thread, "lookout-watchdog");
    assert!(message.ends_with("sink is broken"), "{message}");
    while beats.recv().unwrap().sequence < 6 {}
    assert_eq!(board.panics(), 5, "panics must not cause beats");
    assert!(!board.is_lost());
    board.post(&clear(), Duration::ZERO);
    assert!(!board.flag());
    assert!(watchdog.stop());
}

#[test]
fn w08_who_contains_a_panic_acknowledges_that_one_and_no_other() {
    let _turn = turn();
    let (board, _watchdog, _beats) = watched();
    let of_engine = contain(|| panic!("engine")).unwrap_err();
    let of_service = thread::spawn(|| contain(|| panic!("service")).unwrap_err());
    let of_service = of_service.join().unwrap();
    assert_eq!(of_engine.message, "engine");
    assert!(!board.is_lost());
    for own in [of_service, of_engine] {
        board.post(&clear(), Duration::ZERO);
        assert!(board.flag());
        assert!(board.acknowledge(own.trip.unwrap()));
    }
    board.post(&clear(), Duration::ZERO);
    assert!(!board.flag());
    assert_eq!(contain(|| 3).unwrap(), 3);

    // rayon hands a panic of a helper thread on to whoever waits for it
    let handed_on = contain(|| {
        let helper = thread::Builder::new().name("rten-3".to_owned());
        let panic = helper.spawn(|| panic!("kernel")).unwrap().join();
        resume_unwind(panic.unwrap_err());
    });
    assert!(!board.is_lost());
    assert!(board.acknowledge(handed_on.unwrap_err().trip.unwrap()));
    board.post(&clear(), Duration::ZERO);
    assert!(!board.flag());

    in_thread("nobody", || panic!("nobody"));
    assert!(board.is_lost());
    board.post(&clear(), Duration::ZERO);
    assert!(board.flag());
}

#[test]
fn the_hook_before_runs_too_and_boards_are_not_kept() {
    static SEEN: AtomicU32 = AtomicU32::new(0);
    let _turn = turn();
    let before = std::panic::take_hook();
    std::panic::set_hook(Box::new(move |info| {
        SEEN.fetch_add(1, Ordering::SeqCst);
        before(info);
    }));
    let (first, second) = (Board::new(300).unwrap(), Board::new(300).unwrap());
    let (first, second) = (Arc::new(first), Arc::new(second));
    install_panic_hook(&first);
    install_panic_hook(&second);
    in_thread("both", || panic!("both"));
    assert_eq!(SEEN.load(Ordering::SeqCst), 1);
    assert!(first.latched(TripKind::Panic).is_some());
    assert!(second.latched(TripKind::Panic).is_some());

    let gone = Arc::downgrade(&first);
    drop(first);
    assert!(gone.upgrade().is_none(), "the hook keeps the board");
    in_thread("one", || panic!("one"));
    assert_eq!(second.panics(), 2);

    // no panic, no hook
    in_thread("quiet", || resume_unwind(Box::new("not a panic")));
    assert_eq!(second.panics(), 2);
}
