//! Nothing is allocated after construction: neither by a post nor by a take nor by a wait.
#![cfg(not(loom))]
#![allow(clippy::unwrap_used)]

#[path = "../../tests/support/counting.rs"]
mod counting;

use std::thread;
use std::time::Duration;

use counting::{counted, counted_from_now};
use lookout_mailbox::{Wait, mailbox, mailbox_with};

fn allocations(work: impl FnOnce()) -> u64 {
    counted_from_now();
    work();
    counted()
}

#[test]
fn a_post_and_a_take_allocate_nothing() {
    let (mut sender, mut receiver) = mailbox_with(|| Vec::<u8>::with_capacity(1000));
    let n = allocations(|| {
        for i in 0..1000 {
            for _ in 0..i % 4 {
                let message = sender.slot();
                message.clear();
                message.resize(1000, 1);
                sender.post();
            }
            assert_eq!(receiver.take().is_some(), i % 4 > 0);
            assert_eq!(receiver.wait(Duration::ZERO), Wait::TimedOut);
        }
        drop(sender);
        assert_eq!(receiver.wait(Duration::ZERO), Wait::Closed);
    });
    // The sender's message is freed with it.
    assert_eq!(n, 1);
}

/// On either side while the other one runs, the first wait and the wake-ups too.
#[test]
fn neither_side_of_two_threads_allocates() {
    let (mut questions, mut asked) = mailbox::<u32>();
    let (mut answers, mut answered) = mailbox::<u32>();
    let answering = thread::spawn(move || {
        let n = allocations(|| {
            while let Wait::Message(&mut question) = asked.wait(Duration::from_secs(60)) {
                *answers.slot() = question + 1;
                answers.post();
            }
        });
        assert_eq!(n, 0, "the answering thread");
    });
    let n = allocations(|| {
        for i in 0..1000 {
            *questions.slot() = i;
            questions.post();
            let answer = answered.wait(Duration::from_secs(60));
            assert_eq!(answer, Wait::Message(&mut (i + 1)));
        }
    });
    assert_eq!(n, 0, "the asking thread");
    drop(questions);
    answering.join().unwrap();
}

#[test]
fn the_counter_counts() {
    assert_eq!(allocations(|| drop(std::hint::black_box(Box::new(5)))), 2);
}
