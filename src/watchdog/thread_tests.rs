//! Times that are measured have generous upper bounds, because the machine may be busy; none that
//! a watchdog without the property would meet.

use std::sync::Mutex;
use std::sync::atomic::AtomicBool;
use std::time::Instant;

use super::*;
use crate::decide::{Event, Reason, State, Supervisor, SupervisorConfig, Verdict};
use crate::time::{Now, Stamp};
use crate::watchdog::Trip;

const fn ms(ms: u64) -> Duration {
    Duration::from_millis(ms)
}

/// Longer than any of these tests may wait for a thread of its own.
const LONG: Duration = Duration::from_secs(20);

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

fn config(period_ms: u32) -> WatchdogConfig {
    WatchdogConfig {
        period_ms,
        ..WatchdogConfig::default()
    }
}

/// A watchdog whose beats can be read.
fn watched(stale_after_ms: u32, period_ms: u32) -> (Arc<Board>, Watchdog, Receiver<Beat>) {
    let board = Arc::new(Board::new(stale_after_ms).unwrap());
    let (send, beats) = channel();
    let sink = move |beat: &Beat| {
        let _ = send.send(beat.clone());
    };
    let watchdog = Watchdog::start(&board, &config(period_ms), sink).unwrap();
    (board, watchdog, beats)
}

fn until(beats: &Receiver<Beat>, wanted: impl Fn(&Beat) -> bool) -> Beat {
    let end = Instant::now() + LONG;
    loop {
        let left = end.saturating_duration_since(Instant::now());
        let beat = beats.recv_timeout(left).expect("no such beat");
        if wanted(&beat) {
            return beat;
        }
    }
}

#[test]
fn w01_beats_before_the_first_post_are_raised() {
    let (_, watchdog, beats) = watched(300, 10);
    for sequence in 0..3 {
        let beat = beats.recv_timeout(LONG).unwrap();
        assert_eq!(beat.sequence, sequence);
        assert!(beat.safe_stop);
        assert_eq!(beat.cause.code(), "no-verdict-yet");
        assert_eq!((beat.verdict, beat.verdict_age), (None, None));
    }
    drop(watchdog);
}

#[test]
fn w04_a_pipeline_that_stops_posting_is_found() {
    let (board, _watchdog, beats) = watched(400, 50);
    for _ in 0..20 {
        board.post(&clear(), ms(0));
        thread::sleep(ms(10));
    }
    let last = board.posted().unwrap().as_ref().unwrap().at;
    let down = until(&beats, |beat| beat.at > last - ms(100) && !beat.safe_stop);
    assert_eq!(down.cause.code(), "clear");
    let up = until(&beats, |beat| beat.at > last && beat.safe_stop);
    let silent_for = up.at - last;
    assert!(silent_for >= ms(400), "{silent_for:?}: too early");
    assert!(silent_for < ms(400 + 50 + 500), "{silent_for:?}: too late");
    assert_eq!(up.cause.code(), "stale");
    assert_eq!(up.verdict, Some(clear()));
    assert_eq!(up.verdict_age, Some(silent_for));
    assert!(board.flag());
}

#[test]
fn w10_beats_do_not_drift() {
    let period = ms(20);
    let board = Arc::new(Board::new(300).unwrap());
    let (send, beats) = channel();
    let sink = move |beat: &Beat| {
        // a watchdog that slept a period after each would be late by this much more each time
        thread::sleep(ms(4));
        let _ = send.send((beat.sequence, beat.late_beats, beat.at));
    };
    let watchdog = Watchdog::start(&board, &config(20), sink).unwrap();
    thread::sleep(ms(1000));
    watchdog.stop();
    let mut beats: Vec<_> = beats.iter().collect();
    beats.pop(); // the one of the stop comes when it comes
    let (first, last) = (beats[0], *beats.last().unwrap());
    assert!(last.2 - first.2 > ms(800), "{} beats only", beats.len());
    for (sequence, late, at) in beats {
        let due = first.2 + period * u32::try_from(sequence + late).unwrap();
        // the thread's clock began a little before it could give the first beat
        assert!(at + ms(10) >= due, "beat {sequence}: {at:?} before {due:?}");
        assert!(
            at < due + period + ms(10),
            "beat {sequence}: {at:?} for {due:?}"
        );
    }
}

#[test]
fn w11_a_rise_and_a_trip_are_told_at_once() {
    let (board, watchdog, beats) = watched(60_000, 1000);
    let first = beats.recv_timeout(LONG).unwrap();
    // between two beats, far from both
    let quiet = || {
        let into = (board.now() - first.at).as_millis() % 1000;
        thread::sleep(ms(1400 - u64::try_from(into).unwrap()));
        while beats.try_recv().is_ok() {}
        board.now()
    };
    board.post(&clear(), ms(0));

    let at = quiet();
    board.post(&raised(), ms(0));
    let beat = until(&beats, |beat| beat.at >= at);
    assert!(beat.safe_stop && beat.at - at < ms(300), "{beat:?}");
    assert_eq!(beat.cause, super::super::Cause::Verdict(raised().reason));

    let at = quiet();
    let _trip = board.trip(Trip::Disabled { message: "by hand" });
    let beat = until(&beats, |beat| beat.at >= at);
    assert!(beat.at - at < ms(300), "{beat:?}");
    assert_eq!(beat.cause.code(), "disabled");
    assert!(watchdog.stop());
}

#[test]
fn w04_w11_the_end_of_a_verdict_is_told_at_once() {
    let (board, _watchdog, beats) = watched(400, 1000);
    let first = beats.recv_timeout(LONG).unwrap();
    thread::sleep(ms(950));
    board.post(&clear(), ms(0)); // seen by the beat at 1000, over at 1350
    let posted = board.posted().unwrap().as_ref().unwrap().at;
    let down = until(&beats, |beat| beat.sequence > first.sequence);
    assert!(!down.safe_stop, "{down:?}");
    let up = until(&beats, |beat| beat.sequence > down.sequence);
    assert_eq!(up.cause.code(), "stale");
    let after = up.at - posted;
    assert!(after >= ms(400) && after < ms(700), "{after:?}");
}

#[test]
fn w11_a_sink_that_trips_on_every_beat_does_not_cause_the_next() {
    let board = Arc::new(Board::new(300).unwrap());
    let (sink_board, (send, beats)) = (Arc::clone(&board), channel());
    let sink = move |beat: &Beat| {
        let _ = sink_board.trip(Trip::Disabled { message: "by hand" });
        let _ = send.send(beat.sequence);
    };
    let watchdog = Watchdog::start(&board, &config(100), sink).unwrap();
    thread::sleep(ms(450));
    watchdog.stop();
    let beats = beats.iter().count();
    assert!((3..=7).contains(&beats), "{beats} beats");
}

#[test]
fn w12_a_sink_that_panics_is_counted_and_beats_go_on() {
    struct Nasty;
    impl Drop for Nasty {
        fn drop(&mut self) {
            panic!("on purpose, dropped");
        }
    }
    let board = Arc::new(Board::new(300).unwrap());
    let (send, beats) = channel();
    let sink = move |beat: &Beat| {
        let _ = send.send(beat.clone());
        match beat.sequence {
            1 => panic!("on purpose"),
            2 => std::panic::panic_any(Nasty),
            _ => (),
        }
    };
    let watchdog = Watchdog::start(&board, &config(10), sink).unwrap();
    for failures in [0, 0, 1, 2, 2, 2] {
        let beat = beats.recv_timeout(LONG).unwrap();
        assert_eq!(beat.sink_failures, failures, "beat {}", beat.sequence);
    }
    assert!(watchdog.stop());
}

#[test]
fn w18_beats_that_are_not_sent_are_found_by_whoever_counts_on_them() {
    let default = WatchdogConfig::default().period_ms;
    assert_eq!(5 * default, 500, "what docs/ros.md asks of subscribers");
    let board = Arc::new(Board::new(60_000).unwrap());
    let (send, beats) = channel();
    let is_down = Arc::new(AtomicBool::new(false));
    let network = Arc::clone(&is_down);
    // a publisher that takes nothing gives no error that the watchdog would see
    let sink = move |beat: &Beat| {
        if !network.load(Ordering::Relaxed) {
            let _ = send.send(beat.clone());
        }
    };
    let _watchdog = Watchdog::start(&board, &config(20), sink).unwrap();
    board.post(&clear(), ms(0));
    let before = until(&beats, |beat| !beat.safe_stop);
    is_down.store(true, Ordering::Relaxed);
    // one may be on its way
    while beats.recv_timeout(ms(5 * 20)).is_ok() {}
    assert!(!board.flag(), "nothing is raised here");
    is_down.store(false, Ordering::Relaxed);
    let next = until(&beats, |_| true);
    let missed = next.sequence + next.late_beats - before.sequence - before.late_beats;
    assert!(
        missed >= 4,
        "{missed} beats: they went on, and none came twice"
    );
    assert!(!next.safe_stop && next.sink_failures == 0);
}

#[test]
fn w13_a_slow_sink_delays_beats_but_not_the_flag() {
    let board = Arc::new(Board::new(60_000).unwrap());
    let told = Arc::new(Mutex::new(Vec::new()));
    let sink_told = Arc::clone(&told);
    let (enter, entered) = channel();
    let sink = move |beat: &Beat| {
        sink_told
            .lock()
            .unwrap()
            .push((beat.sequence, beat.late_beats));
        let _ = enter.send(());
        thread::sleep(ms(55));
    };
    let watchdog = Watchdog::start(&board, &config(10), sink).unwrap();
    for _ in 0..4 {
        entered.recv_timeout(LONG).unwrap();
    }
    let began = Instant::now();
    board.post(&clear(), ms(0));
    assert!(!board.flag());
    board.post(&raised(), ms(0));
    assert!(board.flag());
    let _trip = board.trip(Trip::Disabled { message: "by hand" });
    assert!(began.elapsed() < ms(40), "nobody waits for the sink");
    assert!(watchdog.stop());
    let told = told.lock().unwrap();
    for pair in told[..4].windows(2) {
        let left_out = pair[1].1 - pair[0].1;
        assert!(left_out >= 4, "{told:?}: of 5 that fell due, one was given");
    }
}

#[test]
fn w14_the_last_beat_is_raised_and_stopping_is_quick() {
    let (board, watchdog, beats) = watched(60_000, 1000);
    board.post(&clear(), ms(0));
    beats.recv_timeout(LONG).unwrap();
    assert!(!board.flag());
    let mut quickest = Duration::MAX;
    let began = Instant::now();
    assert!(watchdog.stop());
    quickest = quickest.min(began.elapsed());
    let last = beats.iter().last().unwrap();
    assert!(last.safe_stop);
    assert_eq!(last.cause.code(), "stopped");
    assert!(board.flag());
    // the best of a few: one may fall into somebody else's turn
    for _ in 0..5 {
        let (_, watchdog, beats) = watched(300, 1000);
        beats.recv_timeout(LONG).unwrap();
        let began = Instant::now();
        drop(watchdog);
        quickest = quickest.min(began.elapsed());
    }
    assert!(quickest < ms(50), "{quickest:?}");
}

#[test]
fn w14_a_sink_that_hangs_is_left_behind() {
    let board = Arc::new(Board::new(300).unwrap());
    let (enter, entered) = channel();
    let (release, held) = channel::<()>();
    let sink = move |_: &Beat| {
        let _ = enter.send(());
        let _ = held.recv();
    };
    let watchdog = Watchdog::start(&board, &config(10), sink).unwrap();
    entered.recv_timeout(LONG).unwrap();
    board.post(&clear(), ms(0));
    let began = Instant::now();
    assert!(!watchdog.stop());
    assert!(began.elapsed() < STOP_WITHIN + ms(1000));
    assert!(board.flag(), "raised all the same");
    drop(release);
}

#[test]
fn a_board_is_watched_once() {
    let (board, watchdog, _beats) = watched(300, 100);
    let again = Watchdog::start(&board, &config(100), |_| ());
    assert!(matches!(again, Err(WatchdogError::Watched)));
    drop(watchdog);
    let again = Watchdog::start(&board, &config(100), |_| ());
    assert!(matches!(again, Err(WatchdogError::Watched)));
    let board = Arc::new(Board::new(300).unwrap());
    assert!(Watchdog::start(&board, &config(9), |_| ()).is_err());
    assert!(
        Watchdog::start(&board, &config(10), |_| ()).is_ok(),
        "not used up"
    );
}
