use std::sync::{Arc, Barrier};
use std::thread;

use super::super::board_reader::{BoardReader, Snapshot};
use super::*;
use crate::decide::{Event, Reason, State, Supervisor, SupervisorConfig};
use crate::time::{Now, Stamp};
use crate::watchdog::Cause;

const fn ms(ms: u64) -> Duration {
    Duration::from_millis(ms)
}

const NANO: Duration = Duration::from_nanos(1);

fn raised() -> Verdict {
    let mut supervisor = Supervisor::new(SupervisorConfig::default()).unwrap();
    supervisor.step(Event::Tick, Now::simulated(Stamp::default()))
}

fn clear() -> Verdict {
    Verdict {
        state: State::Ok,
        safe_stop: false,
        reason: Reason::Clear,
        ..raised()
    }
}

/// A board with a limit of 300 ms, on a clock that is set.
fn board() -> (Board, impl Fn(Duration)) {
    let time = Arc::new(AtomicU64::new(0));
    let hand = Arc::clone(&time);
    let read = move || Duration::from_nanos(time.load(Ordering::SeqCst));
    let board = Board::with_clock(300, read).unwrap();
    (board, move |at| hand.store(nanos(at), Ordering::SeqCst))
}

fn panic_trip(board: &Board) -> LatchedTrip {
    board.trip(Trip::Panic {
        thread: "engine",
        message: "no such tensor",
        owned: true,
    })
}

fn disabled_trip(board: &Board) -> LatchedTrip {
    board.trip(Trip::Disabled {
        message: "a service asked for it",
    })
}

fn read(board: &Board) -> Snapshot {
    BoardReader::default().read(board)
}

#[test]
fn another_staleness_limit_counts_from_the_next_post_on() {
    let (board, set) = board();
    board.post(&clear(), Duration::ZERO);
    board.set_stale_after_ms(100).unwrap();
    set(ms(300) - NANO);
    assert!(!board.flag(), "posted under 300 ms");
    board.post(&clear(), Duration::ZERO);
    set(ms(400) - NANO - NANO);
    assert!(!board.flag());
    set(ms(400) - NANO);
    assert!(board.flag(), "posted under 100 ms");
    assert!(board.set_stale_after_ms(9).is_err());
    assert_eq!(board.stale_after(), ms(100));
}

#[test]
fn w01_raised_until_the_first_post() {
    let (board, set) = board();
    for at in [Duration::ZERO, ms(1), ms(1_000_000)] {
        set(at);
        assert!(board.flag());
        let snapshot = read(&board);
        assert!(snapshot.safe_stop && snapshot.posted.is_none());
        assert_eq!(snapshot.cause, Cause::NoVerdictYet);
    }
}

#[test]
fn w02_down_for_the_limit_less_the_age_and_not_longer() {
    for (posted, age) in [
        (Duration::ZERO, Duration::ZERO),
        (ms(5000), ms(40)),
        (ms(5000), ms(300) - NANO),
    ] {
        let (board, set) = board();
        set(posted);
        board.post(&clear(), age);
        let end = posted + ms(300) - age;
        for (at, expected) in [(posted, false), (end - NANO, false), (end, true)] {
            set(at);
            assert_eq!(board.flag(), expected, "{at:?} of {end:?}");
            assert_eq!(read(&board).safe_stop, expected);
        }
        let (age, limit) = (ms(300), ms(300));
        assert_eq!(read(&board).cause, Cause::Stale { age, limit });
        set(end + ms(40));
        let age = ms(340);
        assert_eq!(read(&board).cause, Cause::Stale { age, limit });
    }
}

#[test]
fn w02_a_verdict_as_old_as_the_limit_lowers_nothing() {
    for age in [ms(300), ms(301), Duration::MAX] {
        let (board, set) = board();
        board.post(&clear(), age);
        assert!(board.flag(), "at the origin");
        set(ms(5000));
        board.post(&clear(), age);
        assert!(board.flag());
        assert_eq!(read(&board).cause.code(), "stale");
    }
}

#[test]
fn w02_each_post_counts_anew() {
    let (board, set) = board();
    board.post(&clear(), ms(0));
    set(ms(200));
    board.post(&clear(), ms(0));
    set(ms(499));
    assert!(!board.flag());
    // one that is older than the one before it takes time away
    board.post(&clear(), ms(290));
    set(ms(509));
    assert!(board.flag());
}

#[test]
fn w03_a_raised_verdict_raises_at_once() {
    let (board, set) = board();
    set(ms(100));
    board.post(&clear(), ms(0));
    let seen = read(&board);
    assert!(!seen.safe_stop);
    assert_eq!(seen.cause, Cause::Verdict(Reason::Clear));
    board.post(&raised(), ms(0));
    assert!(board.flag());
    assert_eq!(read(&board).cause, Cause::Verdict(raised().reason));
}

#[test]
fn w03_where_state_and_flag_of_a_verdict_disagree_it_is_raised() {
    let (board, _) = board();
    for state in [State::Waiting, State::Stop, State::Fault] {
        board.post(&Verdict { state, ..clear() }, ms(0));
        assert!(board.flag(), "{state}");
    }
    let safe_stop = true;
    board.post(
        &Verdict {
            safe_stop,
            ..clear()
        },
        ms(0),
    );
    assert!(board.flag());
}

#[test]
fn w05_w06_a_trip_raises_and_is_told() {
    let (board, _) = board();
    board.post(&clear(), ms(0));
    let trip = panic_trip(&board);
    assert!(board.flag());
    let cause = read(&board).cause;
    assert_eq!(
        cause.to_string(),
        "thread engine panicked: no such tensor",
        "{cause:?}"
    );
    assert_eq!(board.latched(TripKind::Disabled), None);
    assert!(board.acknowledge(trip));

    board.post(&clear(), ms(0));
    let trip = disabled_trip(&board);
    assert!(board.flag());
    assert_eq!(
        read(&board).cause.to_string(),
        "no frames are judged: a service asked for it"
    );
    assert_eq!(board.latched(TripKind::Disabled), Some(trip));
    assert_eq!(board.panics(), 1);
}

#[test]
fn w15_a_panic_that_nobody_repairs_is_known_and_its_words_stay() {
    let (board, _) = board();
    let owned = panic_trip(&board);
    assert!(!board.is_lost());
    let _lost = board.trip(Trip::Panic {
        thread: "lookout-source",
        message: "index out of bounds",
        owned: false,
    });
    let another = panic_trip(&board);
    assert!(board.is_lost());
    for trip in [owned, another] {
        assert!(board.acknowledge(trip));
        board.post(&clear(), ms(0));
        assert!(board.flag());
        assert_eq!(
            read(&board).cause.to_string(),
            "thread lookout-source panicked: index out of bounds"
        );
    }
}

#[test]
fn w07_verdicts_lower_nothing_while_a_trip_is_latched() {
    let (board, set) = board();
    let trip = panic_trip(&board);
    for at in 0..10 {
        set(ms(at));
        board.post(&clear(), ms(0));
        assert!(board.flag());
    }
    assert_eq!(read(&board).cause.code(), "panic");
    assert!(board.acknowledge(trip));
}

#[test]
fn w07_a_post_that_races_a_trip_ends_raised() {
    for round in 0..400 {
        let board = Board::new(60_000).unwrap();
        let start = Barrier::new(3);
        thread::scope(|scope| {
            // the trip falls before, among or after the posts
            scope.spawn(|| {
                start.wait();
                for _ in 0..round % 40 {
                    board.post(&clear(), ms(0));
                }
            });
            for trip in [panic_trip, disabled_trip] {
                let (board, start) = (&board, &start);
                scope.spawn(move || {
                    start.wait();
                    let _ = trip(board);
                });
            }
        });
        assert!(board.flag(), "round {round}");
        board.post(&clear(), ms(0));
        assert!(board.flag(), "round {round}");
        for kind in [TripKind::Panic, TripKind::Disabled] {
            let trip = board.latched(kind).unwrap();
            assert!(board.acknowledge(trip), "round {round}");
            assert!(board.flag(), "round {round}");
        }
        board.post(&clear(), ms(0));
        assert!(!board.flag(), "round {round}");
    }
}

#[test]
fn w08_an_acknowledgement_lowers_nothing_by_itself() {
    let (board, _) = board();
    board.post(&clear(), ms(0));
    let trip = panic_trip(&board);
    board.post(&clear(), ms(0));
    assert!(board.acknowledge(trip));
    assert!(board.flag(), "the verdicts before it do not count");
    assert_eq!(read(&board).cause, Cause::Repaired);
    board.post(&clear(), ms(0));
    assert!(!board.flag());
}

#[test]
fn w08_an_acknowledgement_is_of_its_own_trip_alone() {
    let (board, _) = board();
    let first = panic_trip(&board);
    let second = panic_trip(&board);
    let disabled = disabled_trip(&board);
    for trip in [second, first] {
        assert_eq!(read(&board).cause.code(), "panic");
        assert!(board.acknowledge(trip));
        board.post(&clear(), ms(0));
        assert!(board.flag());
    }
    assert_eq!(read(&board).cause.code(), "disabled");
    assert!(board.acknowledge(disabled));
    board.post(&clear(), ms(0));
    assert!(!board.flag());
}

#[test]
fn w08_an_acknowledgement_that_races_a_trip_does_not_take_it_away() {
    let board = Board::new(60_000).unwrap();
    for round in 0..2000 {
        let first = panic_trip(&board);
        let start = Barrier::new(2);
        let second = thread::scope(|scope| {
            let tripping = scope.spawn(|| {
                start.wait();
                panic_trip(&board)
            });
            start.wait();
            board.acknowledge(first);
            tripping.join().unwrap()
        });
        let held = board.latched(TripKind::Panic);
        assert_eq!(held.as_ref(), Some(&second), "round {round}");
        assert!(board.acknowledge(second));
    }
    assert_eq!(board.panics(), 4000);
}

#[test]
fn w09_a_lock_that_is_held_delays_nobody() {
    let (board, set) = board();
    let mut reader = BoardReader::default();
    board.post(&clear(), ms(0));
    assert_eq!(reader.read(&board).cause.code(), "clear");

    // a thread that was preempted, for good, while it wrote the details
    let details = board.posted.lock().unwrap();
    let notes = board.notes.lock().unwrap();
    set(ms(100));
    board.post(&raised(), ms(0));
    assert!(board.flag(), "the flag is not behind the lock");
    let seen = reader.read(&board);
    assert!(seen.safe_stop);
    assert_eq!(
        seen.cause,
        Cause::DetailsBusy,
        "not the reason of another verdict"
    );
    let kept = seen.posted.unwrap();
    assert_eq!((kept.verdict, kept.at), (clear(), ms(0)), "the last copy");

    board.post(&clear(), ms(0));
    assert_eq!(reader.read(&board).cause.code(), "clear");
    set(ms(400));
    let seen = reader.read(&board);
    assert!(seen.safe_stop);
    assert_eq!(seen.cause.code(), "stale");

    let trip = panic_trip(&board);
    assert!(board.flag());
    assert_eq!(
        reader.read(&board).cause.to_string(),
        "thread (unknown) panicked: (its message could not be read)"
    );
    drop((details, notes));
    board.post(&raised(), ms(0));
    assert_eq!(
        reader.read(&board).posted.unwrap().verdict,
        raised(),
        "and again, when it is free"
    );
    assert!(board.acknowledge(trip));
}

#[test]
fn w09_a_lock_that_a_panic_left_poisoned_is_used_on() {
    let (board, _) = board();
    thread::scope(|scope| {
        let panicking = scope.spawn(|| {
            let _details = board.posted.lock().unwrap();
            let _notes = board.notes.lock().unwrap();
            panic!("on purpose, with the locks held");
        });
        assert!(panicking.join().is_err());
    });
    assert!(board.posted.is_poisoned() && board.notes.is_poisoned());
    board.post(&clear(), ms(0));
    assert_eq!(read(&board).cause.code(), "clear");
    let _ = panic_trip(&board);
    assert_eq!(
        read(&board).cause.to_string(),
        "thread engine panicked: no such tensor"
    );
}

#[test]
fn w14_a_closed_board_is_raised_for_good() {
    let (board, _) = board();
    board.post(&clear(), ms(0));
    let trip = panic_trip(&board);
    board.close();
    assert!(!board.acknowledge(trip));
    board.post(&clear(), ms(0));
    assert!(board.flag());
    assert_eq!(read(&board).cause, Cause::Stopped);
}
