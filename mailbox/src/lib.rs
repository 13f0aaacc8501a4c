//! A mailbox between two threads that keeps only the newest message.
//!
//! It stands between the thread that takes camera messages and the thread that handles them. The
//! one must never be held up, and the other is to see the road as it is now: a message that was
//! overtaken is worth nothing but a count.
//!
//! # Words
//! - A **message** is a value of the type that the mailbox carries. There are three of them, made
//!   with the mailbox and used again and again: a message with a buffer keeps its buffer.
//! - A **slot** is a place for one message. The sender has one in hand to write into, the receiver
//!   has one in hand to read from, and the third, the middle one, is where they meet.
//! - To **post** is to make the message in the sender's slot the one that waits in the middle. The
//!   sender goes on with another slot.
//! - To **take** is to make the message that waits the receiver's.
//! - A message is **replaced** when the next one is posted before it was taken. It is never seen,
//!   and it is counted.
//!
//! # What holds
//! - The receiver gets the newest message, each at most once, never an older one after a newer
//!   one, and always a whole one.
//! - No side waits for the other: [`Sender::post`] and [`Receiver::take`] are a fixed number of
//!   steps, whatever the other side does, wherever it was interrupted. Only [`Receiver::wait`]
//!   waits, and only for a message.
//! - Nothing is allocated after construction.
//! - Every message posted is taken, replaced or still waiting; [`Counts`] says how many.
//! - A mailbox whose sender is gone gives its last message and then says that it is closed. A
//!   sender that goes because its thread panics closes the mailbox too; a message that was half
//!   written then is not posted.
//!
//! # Example
//! ```
//! use std::time::Duration;
//!
//! use lookout_mailbox::{Wait, mailbox};
//!
//! #[derive(Default)]
//! struct Picture {
//!     number: u32,
//!     pixels: Vec<u8>,
//! }
//!
//! let (mut sender, mut receiver) = mailbox::<Picture>();
//! let camera = std::thread::spawn(move || {
//!     for number in 1..=100 {
//!         let picture = sender.slot(); // still holds an older picture
//!         picture.number = number;
//!         picture.pixels.clear();
//!         picture.pixels.resize(640 * 480, 0);
//!         sender.post();
//!     }
//! });
//!
//! let mut last = 0;
//! loop {
//!     match receiver.wait(Duration::from_secs(10)) {
//!         Wait::Message(picture) => {
//!             assert!(picture.number > last);
//!             last = picture.number;
//!         }
//!         Wait::TimedOut => panic!("no picture in ten seconds"),
//!         Wait::Closed => break,
//!     }
//! }
//! assert_eq!(last, 100);
//! let counts = receiver.counts();
//! assert_eq!(counts.posted, 100);
//! assert_eq!(counts.taken + counts.replaced, 100);
//! # camera.join().unwrap();
//! ```
//!
//! # How it is checked
//! `tests/loom.rs` runs the same code under [loom](https://docs.rs/loom), which tries the orders in
//! which two threads can run and the values that the memory model lets them see:
//!
//! ```text
//! RUSTFLAGS="--cfg loom" cargo test --release -p lookout-mailbox --test loom
//! ```

mod exchange;
mod receiver;
mod sender;
mod shared;
mod slot;
mod sync;

pub use receiver::{Receiver, Wait};
pub use sender::Sender;
pub use shared::Counts;

use exchange::Exchange;
use shared::Shared;
use sync::Arc;

/// A mailbox whose three messages start as their type's default.
///
/// ```
/// let (mut sender, mut receiver) = lookout_mailbox::mailbox::<u32>();
/// assert_eq!(receiver.take(), None);
/// *sender.slot() = 1;
/// sender.post();
/// *sender.slot() = 2;
/// sender.post();
/// assert_eq!(receiver.take(), Some(&mut 2));
/// assert_eq!(receiver.take(), None);
/// ```
pub fn mailbox<T: Default>() -> (Sender<T>, Receiver<T>) {
    mailbox_with(T::default)
}

/// A mailbox whose three messages are made by `make`, with their buffers at full size for instance.
/// The default is not used: see [`Sender::slot`].
///
/// ```
/// let (mut sender, _receiver) = lookout_mailbox::mailbox_with(|| Vec::<u8>::with_capacity(4096));
/// assert_eq!(sender.slot().capacity(), 4096);
/// ```
pub fn mailbox_with<T: Default>(mut make: impl FnMut() -> T) -> (Sender<T>, Receiver<T>) {
    let (messages, sender, receiver) = Exchange::new(Some(make()), Some(make()), Some(make()));
    let (threads, register, wake) = Exchange::new(None, None, None);
    let shared = Arc::new(Shared::new(messages, threads));
    (
        Sender::new(Arc::clone(&shared), sender, wake),
        Receiver::new(shared, receiver, register),
    )
}
