//! Nothing is allocated after construction: neither by a post nor by a take nor by a wait.
#![cfg(not(loom))]
#![allow(clippy::unwrap_used, unsafe_code)]

use std::alloc::{GlobalAlloc, Layout, System};
use std::cell::Cell;
use std::thread;
use std::time::Duration;

use lookout_mailbox::{Wait, mailbox, mailbox_with};

thread_local! {
    static COUNT: Cell<Option<u64>> = const { Cell::new(None) };
}

/// Counts what the thread that asked for it allocates and frees.
struct Counting;

fn note() {
    let _ = COUNT.try_with(|c| c.set(c.get().map(|n| n + 1)));
}

// SAFETY: hands everything to the system's allocator unchanged.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        note();
        // SAFETY: the caller keeps the allocator's contract, and so do we.
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, pointer: *mut u8, layout: Layout) {
        note();
        // SAFETY: as above.
        unsafe { System.dealloc(pointer, layout) }
    }

    unsafe fn realloc(&self, pointer: *mut u8, layout: Layout, size: usize) -> *mut u8 {
        note();
        // SAFETY: as above.
        unsafe { System.realloc(pointer, layout, size) }
    }
}

#[global_allocator]
static ALLOCATOR: Counting = Counting;

fn allocations(work: impl FnOnce()) -> u64 {
    COUNT.with(|c| c.set(Some(0)));
    work();
    COUNT.with(|c| c.replace(None)).unwrap()
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
