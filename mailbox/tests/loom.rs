//! The mailbox in every order of two threads that loom can tell apart:
//! `RUSTFLAGS="--cfg loom" cargo test --release -p lookout-mailbox --test loom`.
//!
//! The models are small enough to be tried in full, without a bound on preemptions. A message is a
//! pair of equal numbers, so that a torn one shows. Loom itself reports a receiver that is never
//! woken (a deadlock, which ends the test program) and a mailbox that is not dropped; `src/slot.rs`
//! reports two sides at a slot.
//!
//! Loom 0.7 takes an `unpark` for the end of any block, also of a `join`, where it then panics. So
//! no thread here waits for another that may still wake it.
#![cfg(loom)]

use std::time::Duration;

use lookout_mailbox::{Receiver, Sender, Wait, mailbox};
use loom::{model, thread};

type Pair = (u32, u32);

/// Timeouts other than zero never come in a model.
const FOR_EVER: Duration = Duration::from_secs(1);

fn post(sender: &mut Sender<Pair>, number: u32) -> bool {
    sender.slot().0 = number;
    sender.slot().1 = number;
    sender.post()
}

/// The number of a message that is whole and newer than the last.
fn checked(message: &mut Pair, last: u32) -> u32 {
    assert_eq!(message.0, message.1, "torn");
    assert!(message.0 > last, "{} after {last}", message.0);
    // What the receiver leaves in its slot must not come back as a message.
    std::mem::replace(message, (91, 92)).0
}

/// Waits until the mailbox is closed; the last number and how many came.
fn drain(receiver: &mut Receiver<Pair>) -> (u32, u64) {
    let (mut last, mut taken) = (0, 0);
    loop {
        match receiver.wait(FOR_EVER) {
            Wait::Message(message) => {
                last = checked(message, last);
                taken += 1;
            }
            Wait::Closed => return (last, taken),
            Wait::TimedOut => panic!("timed out"),
        }
    }
}

#[test]
fn messages_are_whole_in_order_and_seen_once_and_the_last_one_comes() {
    const POSTS: u32 = 5;
    const TAKES: u32 = 5;
    model(|| {
        let (mut sender, mut receiver) = mailbox();
        let sending = thread::spawn(move || {
            let replaced = (1..=POSTS)
                .map(|n| u64::from(post(&mut sender, n)))
                .sum::<u64>();
            (sender, replaced)
        });
        let (mut last, mut taken) = (0, 0);
        for _ in 0..TAKES {
            if let Some(message) = receiver.take() {
                last = checked(message, last);
                taken += 1;
            }
        }
        let (sender, replaced) = sending.join().unwrap();
        if last < POSTS {
            last = checked(receiver.take().expect("the newest is lost"), last);
            taken += 1;
        }
        assert_eq!(last, POSTS);
        assert_eq!(receiver.take(), None);

        let counts = receiver.counts();
        assert_eq!(counts, sender.counts());
        assert_eq!(counts.posted, u64::from(POSTS));
        assert_eq!((counts.taken, counts.replaced), (taken, replaced));
        assert_eq!(counts.waiting(), 0);
    });
}

#[test]
fn a_message_in_hand_stays_as_it_is_while_others_are_posted() {
    model(|| {
        let (mut sender, mut receiver) = mailbox();
        post(&mut sender, 1);
        let sending = thread::spawn(move || {
            for n in 2..=4 {
                post(&mut sender, n);
            }
        });
        let message = receiver.take().expect("one waits");
        let before = *message;
        sending.join().unwrap();
        assert_eq!(*message, before);
        let last = checked(message, 0);
        match receiver.take() {
            Some(message) => assert_eq!(checked(message, last), 4),
            None => assert_eq!(last, 4),
        }
    });
}

#[test]
fn counts_add_up_at_any_time_on_either_side() {
    model(|| {
        let (mut sender, mut receiver) = mailbox();
        let sending = thread::spawn(move || {
            post(&mut sender, 1);
            post(&mut sender, 2);
            let counts = sender.counts();
            assert_eq!(counts.posted, 2);
            assert!(counts.taken + counts.replaced <= 2, "{counts:?}");
        });
        let first = receiver.take().is_some();
        let counts = receiver.counts();
        assert_eq!(counts.taken, u64::from(first));
        assert!(
            counts.taken + counts.replaced <= counts.posted,
            "{counts:?}"
        );
        sending.join().unwrap();
        let counts = receiver.counts();
        assert_eq!((counts.posted, counts.taken), (2, u64::from(first)));
        let waits = receiver.take().is_some();
        assert_eq!(counts.waiting(), u64::from(waits));
        assert_eq!(receiver.counts().waiting(), 0);
    });
}

#[test]
fn a_waiting_receiver_is_woken_by_posts_and_by_the_close() {
    model(|| {
        let (mut sender, mut receiver) = mailbox();
        let receiving = thread::spawn(move || {
            let (last, taken) = drain(&mut receiver);
            assert_eq!(last, 2);
            let counts = receiver.counts();
            assert_eq!((counts.posted, counts.taken), (2, taken));
            assert_eq!(counts.waiting(), 0);
        });
        post(&mut sender, 1);
        post(&mut sender, 2);
        sender.close();
        receiving.join().unwrap();
    });
}

/// The wake-up has to come from the post: the sender stays.
#[test]
fn a_waiting_receiver_is_woken_by_a_post_alone() {
    const POSTS: u32 = 3;
    model(|| {
        let (mut sender, mut receiver) = mailbox();
        let receiving = thread::spawn(move || {
            let mut last = 0;
            while last < POSTS {
                match receiver.wait(FOR_EVER) {
                    Wait::Message(message) => last = checked(message, last),
                    other => panic!("{other:?}"),
                }
            }
        });
        for n in 1..=POSTS {
            post(&mut sender, n);
        }
        receiving.join().unwrap();
        drop(sender);
    });
}

#[test]
fn a_waiting_receiver_is_woken_by_the_close_alone() {
    model(|| {
        let (sender, mut receiver) = mailbox::<Pair>();
        let receiving = thread::spawn(move || assert_eq!(receiver.wait(FOR_EVER), Wait::Closed));
        drop(sender);
        receiving.join().unwrap();
    });
}

/// The sender knows the former thread and has to learn of the new one.
#[test]
fn a_receiver_that_moved_to_another_thread_is_woken_there() {
    model(|| {
        let (mut sender, mut receiver) = mailbox();
        assert_eq!(receiver.wait(Duration::ZERO), Wait::TimedOut);
        post(&mut sender, 1); // wakes this thread, which is not parked
        let receiving = thread::spawn(move || assert_eq!(drain(&mut receiver).0, 2));
        post(&mut sender, 2);
        drop(sender);
        receiving.join().unwrap();
    });
}

#[test]
fn a_wait_without_time_takes_what_is_there() {
    model(|| {
        let (mut sender, mut receiver) = mailbox();
        let receiving = thread::spawn(move || {
            let taken = match receiver.wait(Duration::ZERO) {
                Wait::Message(message) => checked(message, 0),
                Wait::TimedOut => 0,
                Wait::Closed => panic!("closed"),
            };
            (receiver, taken)
        });
        post(&mut sender, 1);
        let (mut receiver, taken) = receiving.join().unwrap();
        if taken == 0 {
            match receiver.wait(Duration::ZERO) {
                Wait::Message(message) => assert_eq!(checked(message, 0), 1),
                other => panic!("{other:?}"),
            }
        }
        assert_eq!(receiver.wait(Duration::ZERO), Wait::TimedOut);
        drop(sender);
        assert_eq!(receiver.wait(Duration::ZERO), Wait::Closed);
    });
}

#[test]
fn a_mailbox_seen_closed_has_its_last_message() {
    model(|| {
        let (mut sender, mut receiver) = mailbox();
        let sending = thread::spawn(move || {
            post(&mut sender, 1);
            sender.close();
        });
        let closed = receiver.is_closed();
        assert!(!closed || receiver.counts().posted == 1);
        let first = receiver.take().is_some();
        assert!(first || !closed, "closed and empty before its message");
        sending.join().unwrap();
        assert!(receiver.is_closed());
        assert_eq!(receiver.take().is_some(), !first);
        assert_eq!(receiver.take(), None);
    });
}

#[test]
fn the_sender_sees_that_the_receiver_went() {
    model(|| {
        let (mut sender, mut receiver) = mailbox();
        let receiving = thread::spawn(move || receiver.take().map(|m| checked(m, 0)));
        post(&mut sender, 1);
        let taken_at_close = sender.is_closed().then(|| sender.counts().taken);
        post(&mut sender, 2);
        let taken = receiving.join().unwrap();
        assert!(sender.is_closed());
        let counts = sender.counts();
        if let Some(taken_at_close) = taken_at_close {
            assert_eq!(taken_at_close, counts.taken, "taken after the end");
        }
        assert_eq!(counts.posted, 2);
        assert_eq!(counts.taken, u64::from(taken.is_some()));
        // The second waits, unless it was the one that was taken.
        assert_eq!(counts.waiting(), u64::from(taken != Some(2)));
    });
}
