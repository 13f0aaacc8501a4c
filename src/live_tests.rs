use super::*;
use std::time::Instant;

#[derive(Default)]
struct Log {
    seen: Vec<u64>,
    replaced: u64,
    idle: u64,
    slow: Duration,
    panic_at: Option<u64>,
}

impl Worker<u64> for Log {
    fn handle(&mut self, message: &u64) {
        // or later: any one message may be replaced before it is handled
        assert!(self.panic_at.is_none_or(|at| *message < at), "told to");
        self.seen.push(*message);
        thread::sleep(self.slow);
    }

    fn replaced(&mut self, messages: u64) {
        self.replaced += messages;
    }

    fn idle(&mut self) {
        self.idle += 1;
    }
}

/// Counts up to `end`, one every `every`.
fn counting(end: u64, every: Duration) -> impl FnMut(&mut u64) -> Result<bool, String> + Send {
    let mut next = 0;
    move |message| {
        thread::sleep(every);
        next += 1;
        *message = next;
        Ok(next <= end)
    }
}

#[test]
fn a_slow_worker_gets_the_newest_and_every_other_one_is_counted() {
    let mut log = Log {
        slow: Duration::from_millis(10),
        ..Log::default()
    };
    let (counts, ended) = run(
        counting(60, Duration::from_millis(1)),
        &mut log,
        Duration::from_secs(5),
    );
    assert_eq!(ended, Ok(()));
    assert!(
        log.seen.is_sorted() && log.seen.len() < 40,
        "{:?}",
        log.seen
    );
    assert_eq!(log.seen.last(), Some(&60), "the last one is never lost");
    assert_eq!(log.seen.len() as u64 + log.replaced, 60);
    assert_eq!((counts.posted, counts.replaced), (60, log.replaced));
}

#[test]
fn a_source_that_is_silent_makes_ticks() {
    let mut log = Log::default();
    let began = Instant::now();
    let (_, ended) = run(
        counting(1, Duration::from_millis(60)),
        &mut log,
        Duration::from_millis(10),
    );
    assert_eq!(ended, Ok(()));
    assert!(log.idle >= 3, "{} ticks", log.idle);
    assert!(began.elapsed() < Duration::from_secs(5));
}

#[test]
fn what_breaks_on_either_side_ends_the_run_and_is_named() {
    let mut next = 0;
    let broken = |message: &mut u64| {
        next += 1;
        *message = next;
        if next < 3 {
            Ok(true)
        } else {
            Err("unplugged".to_owned())
        }
    };
    let tick = Duration::from_secs(5);
    let mut log = Log::default();
    let (_, ended) = run(broken, &mut log, tick);
    assert_eq!(ended, Err(LiveError::Source("unplugged".to_owned())));
    assert_eq!(log.seen.last(), Some(&2), "what was posted is handled");

    let panicking = |_: &mut u64| -> Result<bool, String> { panic!("burnt") };
    let (_, ended) = run(panicking, &mut Log::default(), tick);
    assert_eq!(ended, Err(LiveError::SourcePanicked("burnt".to_owned())));

    let mut log = Log {
        panic_at: Some(1),
        ..Log::default()
    };
    let endless = counting(u64::MAX, Duration::from_millis(1));
    let (_, ended) = run(endless, &mut log, tick);
    assert!(matches!(ended, Err(LiveError::WorkerPanicked(why)) if why.contains("told to")));
}
