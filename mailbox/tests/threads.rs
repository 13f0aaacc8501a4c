//! The mailbox between threads of the system.
#![cfg(not(loom))]
#![allow(clippy::unwrap_used)]

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use lookout_mailbox::{Counts, Receiver, Wait, mailbox, mailbox_with};

const LONG: Duration = Duration::from_secs(60);
const POSTS: u64 = 1_000_000;

/// A message of 40 equal numbers.
type Block = Vec<u64>;

/// Takes all that comes until the mailbox is closed; how many came.
fn drain(receiver: &mut Receiver<Block>, mut pause: impl FnMut(u64)) -> u64 {
    let (mut last, mut taken) = (0, 0);
    loop {
        match receiver.wait(LONG) {
            Wait::Message(block) => {
                let number = block[0];
                assert!(block.iter().all(|&n| n == number), "torn: {block:?}");
                assert!(number > last, "{number} after {last}");
                block.fill(u64::MAX); // must not come back
                (last, taken) = (number, taken + 1);
                pause(taken);
            }
            Wait::Closed => {
                assert_eq!(last, POSTS, "the newest is lost");
                return taken;
            }
            Wait::TimedOut => panic!("nothing for a minute"),
        }
    }
}

fn stress(pause: impl FnMut(u64) + Send + 'static) -> Counts {
    let (mut sender, mut receiver) = mailbox_with(|| vec![0; 40]);
    let receiving = thread::spawn(move || {
        let taken = drain(&mut receiver, pause);
        (taken, receiver.counts())
    });
    let mut replaced = 0;
    for number in 1..=POSTS {
        sender.slot().fill(number);
        replaced += u64::from(sender.post());
    }
    drop(sender);
    let (taken, counts) = receiving.join().unwrap();
    assert_eq!(counts.posted, POSTS);
    assert_eq!((counts.taken, counts.replaced), (taken, replaced));
    assert_eq!(counts.waiting(), 0);
    counts
}

#[test]
fn a_million_posts_to_a_fast_receiver() {
    stress(|_| ());
}

#[test]
fn a_million_posts_to_a_slow_receiver() {
    let counts = stress(|_| thread::sleep(Duration::from_millis(1)));
    assert!(counts.replaced > counts.taken, "{counts:?}");
}

#[test]
fn a_million_posts_to_a_receiver_that_polls() {
    let (mut sender, mut receiver) = mailbox_with(|| vec![0; 40]);
    let sending = thread::spawn(move || {
        for number in 1..=POSTS {
            sender.slot().fill(number);
            sender.post();
        }
    });
    let (mut last, mut taken) = (0, 0);
    loop {
        let closed = receiver.is_closed();
        let Some(block) = receiver.take() else {
            if closed {
                break;
            }
            thread::yield_now();
            continue;
        };
        let number = block[0];
        assert!(block.iter().all(|&n| n == number), "torn: {block:?}");
        assert!(number > last, "{number} after {last}");
        (last, taken) = (number, taken + 1);
        let counts = receiver.counts();
        assert!(
            counts.taken + counts.replaced <= counts.posted,
            "{counts:?}"
        );
    }
    sending.join().unwrap();
    let counts = receiver.counts();
    assert_eq!((last, counts.posted, counts.taken), (POSTS, POSTS, taken));
    assert_eq!(counts.waiting(), 0);
}

/// Each message is answered before the next is posted: every one wakes a receiver that waits.
#[test]
fn every_message_is_handed_over_when_the_sender_lets_it() {
    let (mut questions, mut asked) = mailbox::<u32>();
    let (mut answers, mut answered) = mailbox::<u32>();
    let answering = thread::spawn(move || {
        while let Wait::Message(&mut question) = asked.wait(LONG) {
            *answers.slot() = question + 1;
            answers.post();
        }
        asked.counts()
    });
    for n in 0..20_000 {
        *questions.slot() = n;
        assert!(!questions.post());
        assert_eq!(answered.wait(LONG), Wait::Message(&mut (n + 1)));
    }
    drop(questions);
    let counts = answering.join().unwrap();
    assert_eq!((counts.taken, counts.replaced), (20_000, 0));
    assert_eq!(answered.wait(LONG), Wait::Closed);
}

#[test]
fn a_receiver_waits_on_whatever_thread_it_is() {
    let (mut sender, mut receiver) = mailbox::<u32>();
    for n in 1..=20 {
        let waiting = thread::spawn(move || {
            assert_eq!(receiver.wait(LONG), Wait::Message(&mut { n }));
            receiver
        });
        thread::sleep(Duration::from_millis(2));
        *sender.slot() = n;
        sender.post();
        receiver = waiting.join().unwrap();
    }
}

#[test]
fn a_wait_ends_when_its_time_is_over_and_not_before() {
    let (mut sender, mut receiver) = mailbox::<u32>();
    assert_eq!(receiver.wait(Duration::ZERO), Wait::TimedOut);
    let timeout = Duration::from_millis(30);
    let begun = Instant::now();
    assert_eq!(receiver.wait(timeout), Wait::TimedOut);
    assert!(begun.elapsed() >= timeout);

    // A wake-up without a message does not end it.
    sender.post();
    assert!(receiver.take().is_some());
    thread::current().unpark();
    let begun = Instant::now();
    assert_eq!(receiver.wait(timeout), Wait::TimedOut);
    assert!(begun.elapsed() >= timeout);
}

#[test]
fn a_wait_longer_than_the_clock_ends_with_a_message() {
    let (mut sender, mut receiver) = mailbox::<u32>();
    let waiting = thread::spawn(move || receiver.wait(Duration::MAX) == Wait::Message(&mut 5));
    thread::sleep(Duration::from_millis(5));
    *sender.slot() = 5;
    sender.post();
    assert!(waiting.join().unwrap());
}

#[test]
fn a_message_that_waits_needs_no_time() {
    let (mut sender, mut receiver) = mailbox::<u32>();
    *sender.slot() = 7;
    sender.post();
    assert_eq!(receiver.wait(Duration::ZERO), Wait::Message(&mut 7));
    assert_eq!(receiver.wait(Duration::ZERO), Wait::TimedOut);
}

#[test]
fn a_closed_mailbox_gives_its_last_message_then_nothing() {
    let (mut sender, mut receiver) = mailbox::<u32>();
    *sender.slot() = 1;
    sender.post();
    assert!(!receiver.is_closed());
    sender.close();
    assert!(receiver.is_closed());
    assert_eq!(receiver.wait(LONG), Wait::Message(&mut 1));
    assert_eq!(receiver.wait(LONG), Wait::Closed);
    assert_eq!(receiver.wait(LONG), Wait::Closed);
    assert_eq!(receiver.take(), None);
}

#[test]
fn a_sender_that_panics_closes_the_mailbox_and_posts_nothing_half_written() {
    let (mut sender, mut receiver) = mailbox::<(u32, u32)>();
    let sending = thread::spawn(move || {
        *sender.slot() = (1, 1);
        sender.post();
        sender.slot().0 = 2;
        panic!("half way through a message");
    });
    assert!(sending.join().is_err());
    assert_eq!(receiver.wait(LONG), Wait::Message(&mut (1, 1)));
    assert_eq!(receiver.wait(LONG), Wait::Closed);
}

#[test]
fn a_sender_whose_receiver_is_gone_can_tell_and_can_go_on() {
    let (mut sender, receiver) = mailbox::<u32>();
    assert!(!sender.is_closed());
    drop(receiver);
    assert!(sender.is_closed());
    assert!(!sender.post());
    assert!(sender.post());
    let counts = sender.counts();
    assert_eq!((counts.posted, counts.taken, counts.replaced), (2, 0, 1));
    assert_eq!(counts.waiting(), 1);
}

/// Counts itself as long as it lives.
struct Counted(Arc<AtomicUsize>);

impl Counted {
    fn new(living: &Arc<AtomicUsize>) -> Self {
        living.fetch_add(1, Ordering::Relaxed);
        Self(Arc::clone(living))
    }
}

impl Drop for Counted {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}

#[test]
fn three_messages_are_made_and_all_are_dropped() {
    let living = Arc::new(AtomicUsize::new(0));
    for sender_first in [true, false] {
        let (mut sender, mut receiver) = mailbox_with(|| Some(Counted::new(&living)));
        for _ in 0..10 {
            sender.post();
            sender.post();
            assert!(receiver.take().is_some());
            assert_eq!(living.load(Ordering::Relaxed), 3);
        }
        sender.post();
        if sender_first {
            drop(sender);
            assert_eq!(living.load(Ordering::Relaxed), 2);
            drop(receiver);
        } else {
            drop(receiver);
            assert_eq!(living.load(Ordering::Relaxed), 2);
            drop(sender);
        }
        assert_eq!(living.load(Ordering::Relaxed), 0);
    }
}

#[test]
fn a_message_keeps_what_it_was_made_with() {
    let (mut sender, mut receiver) = mailbox_with(|| Vec::<u8>::with_capacity(100));
    let mut buffers = Vec::new();
    for n in 0..12 {
        let message = sender.slot();
        message.clear();
        message.push(n);
        sender.post();
        let taken = receiver.take().unwrap();
        assert_eq!(*taken, [n]);
        buffers.push(taken.as_ptr());
    }
    buffers.sort_unstable();
    buffers.dedup();
    assert!(buffers.len() <= 3, "{} buffers", buffers.len());
}

#[test]
fn both_sides_say_how_they_are() {
    let (mut sender, mut receiver) = mailbox::<u32>();
    sender.post();
    sender.post();
    assert!(receiver.take().is_some());
    let counts = "counts: Counts { posted: 2, taken: 1, replaced: 1 }";
    assert_eq!(
        format!("{sender:?}"),
        format!("Sender {{ closed: false, {counts}, .. }}")
    );
    drop(sender);
    assert_eq!(
        format!("{receiver:?}"),
        format!("Receiver {{ closed: true, {counts}, .. }}")
    );
}
