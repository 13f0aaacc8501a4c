//! An allocator that ends the program when one input makes it hold more than a reader may.
#![allow(unsafe_code)]

use std::alloc::{GlobalAlloc, Layout, System};
use std::backtrace::Backtrace;
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};

/// Bytes that are held.
static HELD: AtomicUsize = AtomicUsize::new(0);
/// Bytes that may be held.
static MOST: AtomicUsize = AtomicUsize::new(usize::MAX);

/// The system's allocator, counted. Memory counts from when it is asked for, used or not.
pub(crate) struct Counting;

/// From here on at most so many bytes more than now may be held; without a number, any.
pub(crate) fn allow(more: Option<usize>) {
    let most = more.map_or(usize::MAX, |more| HELD.load(Relaxed).saturating_add(more));
    MOST.store(most, Relaxed);
}

fn grow(bytes: usize) {
    let held = HELD.fetch_add(bytes, Relaxed).saturating_add(bytes);
    if held > MOST.load(Relaxed) {
        // what is printed is allocated too
        MOST.store(usize::MAX, Relaxed);
        eprintln!(
            "too much memory: {bytes} bytes more, {held} in all, from\n{}",
            Backtrace::force_capture()
        );
        std::process::abort();
    }
}

fn shrink(bytes: usize) {
    HELD.fetch_sub(bytes, Relaxed);
}

// SAFETY: hands everything to the system's allocator unchanged.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        grow(layout.size());
        // SAFETY: the caller keeps the allocator's contract, and so do we.
        unsafe { System.alloc(layout) }
    }

    unsafe fn alloc_zeroed(&self, layout: Layout) -> *mut u8 {
        grow(layout.size());
        // SAFETY: as above.
        unsafe { System.alloc_zeroed(layout) }
    }

    unsafe fn dealloc(&self, pointer: *mut u8, layout: Layout) {
        shrink(layout.size());
        // SAFETY: as above.
        unsafe { System.dealloc(pointer, layout) }
    }

    unsafe fn realloc(&self, pointer: *mut u8, layout: Layout, size: usize) -> *mut u8 {
        shrink(layout.size());
        grow(size);
        // SAFETY: as above.
        unsafe { System.realloc(pointer, layout, size) }
    }
}
