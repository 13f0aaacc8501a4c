//! After its start the watchdog allocates nothing, and neither do a post and a trip: the flag must
//! not wait for an allocator's lock.
#![allow(clippy::unwrap_used)]

#[path = "support/counting.rs"]
mod counting;

use std::sync::Arc;
use std::sync::mpsc::sync_channel;
use std::thread;
use std::time::Duration;

use counting::{counted, counted_from_now};
use lookout::decide::{Event, Reason, State, Supervisor, SupervisorConfig, Verdict};
use lookout::time::{Now, Stamp};
use lookout::watchdog::{Board, Trip, Watchdog, WatchdogConfig};

#[test]
fn w17_beats_posts_and_trips_allocate_nothing() {
    let raised = Supervisor::new(SupervisorConfig::default())
        .unwrap()
        .step(Event::Tick, Now::simulated(Stamp::default()));
    let clear = Verdict {
        state: State::Ok,
        safe_stop: false,
        reason: Reason::Clear,
        ..raised
    };
    let board = Arc::new(Board::new(60_000).unwrap());
    let config = WatchdogConfig {
        period_ms: 10,
        ..WatchdogConfig::default()
    };
    let (send, result) = sync_channel(1);
    let mut codes: heapless::Vec<&'static str, 256> = heapless::Vec::new();
    // From the sink, which runs in the watchdog's thread: all that is between two beats counts.
    let watchdog = Watchdog::start(&board, &config, move |beat| {
        match beat.sequence {
            0 => counted_from_now(),
            60 => {
                let n = counted();
                send.send((n, codes.clone())).unwrap();
            }
            _ => {}
        }
        let _ = codes.push(beat.cause.code());
    })
    .unwrap();

    thread::sleep(Duration::from_millis(50));
    counted_from_now();
    for _ in 0..10 {
        board.post(&clear, Duration::ZERO);
        thread::sleep(Duration::from_millis(10));
        board.post(&raised, Duration::ZERO);
    }
    let panic = board.trip(Trip::Panic {
        thread: "engine",
        message: "no such tensor",
        owned: true,
    });
    thread::sleep(Duration::from_millis(50));
    board.acknowledge(panic);
    let _output = board.trip(Trip::Disabled { message: "by hand" });
    let own = counted();

    let (watchdogs, codes) = result.recv_timeout(Duration::from_secs(20)).unwrap();
    for code in ["no-verdict-yet", "clear", "panic", "disabled"] {
        assert!(codes.contains(&code), "{code} did not come up");
    }
    assert_eq!(own, 0, "allocations of posts and trips");
    assert_eq!(watchdogs, 0, "allocations of the watchdog in 60 beats");
    assert!(watchdog.stop());
}

#[test]
fn the_counter_counts() {
    counted_from_now();
    drop(std::hint::black_box(Box::new(5)));
    assert_eq!(counted(), 2);
}
