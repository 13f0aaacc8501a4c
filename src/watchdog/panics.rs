use std::any::Any;
use std::cell::Cell;
use std::fmt::Write as _;
use std::panic::{self, AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::thread;

use super::board::LatchedTrip;
use super::text::Clip;
use super::{Board, Message, Trip, TripKind};

thread_local! {
    /// How many [`contain`] this thread is in.
    static DEPTH: Cell<u32> = const { Cell::new(0) };
    /// Panics of this thread in the innermost of them.
    static OWN: Cell<u32> = const { Cell::new(0) };
}

/// Panics of a network's helper threads: whoever waits for them is handed the panic by rayon, without
/// the hook being called again.
static HANDED_ON: AtomicU32 = AtomicU32::new(0);
/// How the names of such threads begin.
const HELPERS: &str = "rten";

/// A panic that was caught by whoever repairs what it left behind.
#[derive(Debug)]
pub struct Contained {
    /// What the panic said.
    pub message: String,
    /// Acknowledge it when the repair is done; the flag is up until then. None where no
    /// [hook](install_panic_hook) tripped a board.
    pub trip: Option<LatchedTrip>,
}

/// Runs `work` for an owner: one that repairs what a panic in it leaves behind, and then
/// [acknowledges](Board::acknowledge) that panic and no other.
///
/// # Errors
/// It panicked.
pub fn contain<T>(work: impl FnOnce() -> T) -> Result<T, Contained> {
    let outer = OWN.replace(0);
    DEPTH.set(DEPTH.get() + 1);
    let result = catch_unwind(AssertUnwindSafe(work)).map_err(|payload| {
        let message = panic_message(payload.as_ref());
        // what a panic carries may panic itself when it is dropped; then it is left where it is
        if let Err(second) = catch_unwind(AssertUnwindSafe(|| drop(payload))) {
            std::mem::forget(second);
        }
        message
    });
    DEPTH.set(DEPTH.get() - 1);
    let own = OWN.replace(outer);
    match result {
        Ok(value) => {
            // caught by somebody else: the owner around this one answers for it
            OWN.set(outer.saturating_add(own));
            Ok(value)
        }
        Err(message) => {
            let count = own.saturating_add(HANDED_ON.swap(0, Ordering::AcqRel));
            let kind = TripKind::Panic;
            let trip = (count > 0).then_some(LatchedTrip { kind, count });
            Err(Contained { message, trip })
        }
    }
}

/// What a panic said.
pub(crate) fn panic_message(panic: &(dyn Any + Send)) -> String {
    let text = panic.downcast_ref::<&str>().copied();
    let text = text.or_else(|| panic.downcast_ref::<String>().map(String::as_str));
    text.unwrap_or("no message").to_owned()
}

/// From now on, a panic in any thread of the process trips the board, with the thread's name and
/// with what and where the panic was; then the hook that was there before runs.
///
/// That includes panics that somebody catches on purpose: see [`contain`]. A panic outside of it is
/// nobody's to repair ([`Board::is_lost`]). The hook keeps no board alive, and does nothing for one
/// that is gone. It waits for nothing.
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
            trip(&board, thread.name().unwrap_or("(unnamed)"), &message);
        }
        previous(info);
    }));
}

/// A thread panics at this moment; what its hook does.
pub(crate) fn trip(board: &Board, thread: &str, message: &str) {
    let inside = DEPTH.try_with(Cell::get).is_ok_and(|depth| depth > 0);
    let helper = thread.starts_with(HELPERS);
    let _ = board.trip(Trip::Panic {
        thread,
        message,
        owned: inside || helper,
    });
    if inside {
        let _ = OWN.try_with(|own| own.set(own.get().saturating_add(1)));
    } else if helper {
        HANDED_ON.fetch_add(1, Ordering::AcqRel);
    }
}
