//! The one word that is the safe-stop flag.
//!
//! Everything that decides the flag is in a single `AtomicU64`: until when it may be down, or why
//! it is up. So a reader sees one state or another and never a mixture, and nobody can make the
//! flag and its freshness disagree.
//!
//! | bits 63, 62 | the rest |
//! |---|---|
//! | 0, 0 | `0 ..= 2` raised and why; from `BASE` on: down until `BASE` + nanoseconds |
//! | any set | latched: 63 by panics, 62 disabled; 30 bits each for how many of them are not acknowledged |
//! | all bits set | closed, raised for good |
//!
//! # A post that races a trip
//! Every change is one compare-and-swap from a value that was looked at. The swaps of the word
//! have one order, so there are two cases. The trip's comes first: the post finds a latch in the
//! value that it swaps from and leaves it. The post's comes first: the trip replaces what it wrote.
//! Both end latched. An acknowledgement takes away as many trips as it names, so one that came
//! meanwhile keeps its latch. With a single word there is no third order for a model
//! checker to find; the stress test in `board_tests.rs` checks that the code does what this says.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use super::TripKind;

const WAITING: u64 = 0;
const RAISED: u64 = 1;
const REPAIRED: u64 = 2;
/// Where times begin, so that none is taken for one of the three above.
const BASE: u64 = 3;
/// About 146 years.
const LAST_TIME: u64 = (1 << 62) - 1;

const LATCHES: u64 = 0b11 << 62;
const CLOSED: u64 = u64::MAX;
const COUNT: u64 = (1 << 30) - 1;

/// Which bit is the latch of a kind, and where its number is.
const fn place(kind: TripKind) -> (u64, u32) {
    match kind {
        TripKind::Panic => (1 << 63, 30),
        TripKind::Disabled => (1 << 62, 0),
    }
}

/// What the word says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum FlagState {
    /// Raised: nothing was posted yet.
    Waiting,
    /// Raised by a verdict.
    Raised,
    /// Raised: nothing was posted since the last trip was acknowledged.
    Repaired,
    /// Down until this time of the board, in nanoseconds; raised from then on.
    ClearUntil(u64),
    /// Raised by trips: how many of each kind.
    Latched {
        panic: Option<u32>,
        disabled: Option<u32>,
    },
    /// Raised for good.
    Closed,
}

impl FlagState {
    fn of(word: u64) -> Self {
        let count = |kind| {
            let (bit, shift) = place(kind);
            (word & bit != 0).then_some((word >> shift & COUNT) as u32)
        };
        match word {
            CLOSED => Self::Closed,
            _ if word & LATCHES != 0 => Self::Latched {
                panic: count(TripKind::Panic),
                disabled: count(TripKind::Disabled),
            },
            WAITING => Self::Waiting,
            RAISED => Self::Raised,
            REPAIRED => Self::Repaired,
            _ => Self::ClearUntil(word - BASE),
        }
    }

    /// Whether the flag is down at a time of the board.
    pub(super) fn is_clear(self, now: Duration) -> bool {
        matches!(self, Self::ClearUntil(until) if nanos(now) < until)
    }

    /// How many trips of a kind are latched.
    pub(super) fn latched(self, kind: TripKind) -> Option<u32> {
        match (self, kind) {
            (Self::Latched { panic, .. }, TripKind::Panic) => panic,
            (Self::Latched { disabled, .. }, TripKind::Disabled) => disabled,
            _ => None,
        }
    }
}

/// Nanoseconds, saturating after 584 years.
pub(super) fn nanos(time: Duration) -> u64 {
    u64::try_from(time.as_nanos()).unwrap_or(u64::MAX)
}

/// The word.
#[derive(Debug)]
pub(super) struct FlagWord(AtomicU64);

impl FlagWord {
    pub(super) const fn new() -> Self {
        Self(AtomicU64::new(WAITING))
    }

    pub(super) fn state(&self) -> FlagState {
        FlagState::of(self.0.load(Ordering::Acquire))
    }

    /// A verdict: down until then, or raised. Gives what was there before; `None` where trips
    /// hold the flag, and the verdict changed nothing.
    pub(super) fn post(&self, clear_until: Option<Duration>) -> Option<FlagState> {
        let new = clear_until.map_or(RAISED, |until| {
            nanos(until).saturating_add(BASE).min(LAST_TIME)
        });
        self.change(|word| (word & LATCHES == 0).then_some(new))
    }

    /// One trip more that holds the flag up. A thousand million of them, none acknowledged, are not
    /// told apart from more.
    pub(super) fn latch(&self, kind: TripKind) {
        let (bit, shift) = place(kind);
        self.change(|word| {
            let held = if word & LATCHES == 0 { 0 } else { word };
            let count = (held >> shift & COUNT).saturating_add(1).min(COUNT - 1);
            (word != CLOSED).then_some(held & !(COUNT << shift) | bit | count << shift)
        });
    }

    /// So many trips of a kind less; the latch goes with the last one.
    pub(super) fn release(&self, kind: TripKind, trips: u32) -> bool {
        let (bit, shift) = place(kind);
        self.change(|word| {
            if word == CLOSED || word & bit == 0 {
                return None;
            }
            let left = (word >> shift & COUNT).saturating_sub(trips.into());
            let rest = word & !(bit | COUNT << shift);
            Some(match left {
                0 if rest & LATCHES == 0 => REPAIRED,
                0 => rest,
                left => rest | bit | left << shift,
            })
        })
        .is_some()
    }

    /// Raises the flag for good.
    pub(super) fn close(&self) {
        self.0.store(CLOSED, Ordering::Release);
    }

    /// Swaps in what `to` makes of the present value; nothing where that is `None`. Gives the value
    /// swapped out.
    fn change(&self, to: impl FnMut(u64) -> Option<u64>) -> Option<FlagState> {
        self.0
            .fetch_update(Ordering::AcqRel, Ordering::Acquire, to)
            .ok()
            .map(FlagState::of)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use TripKind::{Disabled, Panic};

    const LONG: Option<Duration> = Some(Duration::MAX);

    #[test]
    fn a_time_is_never_taken_for_a_mark() {
        let word = FlagWord::new();
        assert_eq!(word.state(), FlagState::Waiting);
        for until in [0, 1, 2, 3, 1_000_000_000] {
            word.post(Some(Duration::from_nanos(until)));
            assert_eq!(word.state(), FlagState::ClearUntil(until));
            assert!(!word.state().is_clear(Duration::from_nanos(until)));
            assert_eq!(until > 0, word.state().is_clear(Duration::ZERO));
        }
        word.post(LONG);
        assert!(matches!(word.state(), FlagState::ClearUntil(_)), "no latch");
        assert_eq!(word.post(None).is_some(), word.state() == FlagState::Raised);
    }

    #[test]
    fn each_kind_has_its_own_latch() {
        let word = FlagWord::new();
        word.post(LONG);
        word.latch(Panic);
        word.latch(Disabled);
        let both = FlagState::Latched {
            panic: Some(1),
            disabled: Some(1),
        };
        assert_eq!(word.state(), both);
        assert_eq!(word.post(LONG), None);
        assert!(word.release(Panic, 1));
        assert_eq!(word.state().latched(Panic), None);
        assert_eq!(word.state().latched(Disabled), Some(1));
        assert_eq!(word.post(LONG), None, "one latch is enough");
        assert!(!word.release(Panic, 1), "it is gone");
        assert!(word.release(Disabled, 1));
        assert_eq!(word.state(), FlagState::Repaired);
    }

    #[test]
    fn w08_each_trip_is_released_by_itself() {
        let word = FlagWord::new();
        for _ in 0..3 {
            word.latch(Panic);
        }
        assert!(word.release(Panic, 1));
        assert_eq!(word.state().latched(Panic), Some(2));
        assert!(word.release(Panic, 2));
        assert_eq!(word.state(), FlagState::Repaired);
    }

    #[test]
    fn closed_is_for_good() {
        let word = FlagWord::new();
        word.latch(Panic);
        word.latch(Disabled);
        assert_ne!(word.state(), FlagState::Closed);
        word.close();
        word.latch(Panic);
        assert!(!word.release(Panic, 1));
        assert_eq!(word.post(LONG), None);
        assert_eq!(word.state(), FlagState::Closed);
    }
}
