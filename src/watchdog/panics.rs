use std::fmt::Write as _;
use std::panic;
use std::sync::Arc;
use std::thread;

use super::text::Clip;
use super::{Board, Message, Trip};

/// From now on, a panic in any thread of the process trips the board, with the thread's name and
/// with what and where the panic was; then the hook that was there before runs.
///
/// That includes panics that somebody catches on purpose: whoever caught it acknowledges the trip
/// when the damage is repaired ([`Board::latched`], [`Board::acknowledge`]). The hook keeps no board
/// alive, and does nothing for one that is gone. It waits for nothing.
///
/// Called from a thread that is panicking it does nothing, because hooks cannot be changed then.
pub fn install_panic_hook(board: &Arc<Board>) {
    if thread::panicking() {
        return;
    }
    let board = Arc::downgrade(board);
    let previous = panic::take_hook();
    panic::set_hook(Box::new(move |info| {
        if let Some(board) = board.upgrade() {
            let mut message = Message::new();
            let mut clip = Clip(&mut message);
            // The place first, so that a long text does not push it out. A clip gives no errors.
            if let Some(place) = info.location() {
                let _ = write!(clip, "{}:{}: ", place.file(), place.line());
            }
            let _ = clip.write_str(info.payload_as_str().unwrap_or("(no text)"));
            let thread = thread::current();
            let _ = board.trip(Trip::Panic {
                thread: thread.name().unwrap_or("(unnamed)"),
                message: &message,
            });
        }
        previous(info);
    }));
}
