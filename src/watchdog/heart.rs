//! The one word that is the safe-stop flag.
//!
//! Everything that decides the flag is in a single `AtomicU64`: until when it may be down, or why
//! it is up. So a reader sees one state or another and never a mixture, and nobody can make the
//! flag and its freshness disagree.
//!
//! | bits 63, 62 | the rest |
//! |---|---|
//! | 0, 0 | `0 ..= 2` raised and why; from `BASE` on: down until `BASE` + nanoseconds |
//! | any set | latched: 63 a panic, 62 an output failure; 30 bits each for the number of the newest |
//! | all bits set | closed, raised for good |
//!
//! # A post that races a trip
//! Every change is one compare-and-swap from a value that was looked at. The swaps of the word
//! have one order, so there are two cases. The trip's comes first: the post finds a latch in the
//! value that it swaps from and leaves it. The post's comes first: the trip replaces what it wrote.
//! Both end latched. An acknowledgement swaps from the very latch it names, so a newer trip, which
//! has another number, makes it fail. With a single word there is no third order for a model
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
const NUMBER: u64 = (1 << 30) - 1;

/// Which bit is the latch of a kind, and where its number is.
const fn place(kind: TripKind) -> (u64, u32) {
    match kind {
        TripKind::Panic => (1 << 63, 30),
        TripKind::Output => (1 << 62, 0),
    }
}

/// What the word says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Pulse {
    /// Raised: nothing was posted yet.
    Waiting,
    /// Raised by a verdict.
    Raised,
    /// Raised: nothing was posted since the last trip was acknowledged.
    Repaired,
    /// Down until this time of the board, in nanoseconds; raised from then on.
    ClearUntil(u64),
    /// Raised by trips, with the number of the newest of each kind.
    Latched {
        panic: Option<u32>,
        output: Option<u32>,
    },
    /// Raised for good.
    Closed,
}

impl Pulse {
    fn of(word: u64) -> Self {
        let number = |kind| {
            let (bit, shift) = place(kind);
            (word & bit != 0).then_some((word >> shift & NUMBER) as u32)
        };
        match word {
            CLOSED => Self::Closed,
            _ if word & LATCHES != 0 => Self::Latched {
                panic: number(TripKind::Panic),
                output: number(TripKind::Output),
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

    /// The number of the newest trip of a kind, if one is latched.
    pub(super) fn latched(self, kind: TripKind) -> Option<u32> {
        match (self, kind) {
            (Self::Latched { panic, .. }, TripKind::Panic) => panic,
            (Self::Latched { output, .. }, TripKind::Output) => output,
            _ => None,
        }
    }
}

/// Nanoseconds, saturating after 584 years.
pub(super) fn nanos(time: Duration) -> u64 {
    u64::try_from(time.as_nanos()).unwrap_or(u64::MAX)
}

/// The number of the `count`th trip of a kind: as many bits of it as tell trips apart.
pub(super) const fn number(count: u64) -> u32 {
    (count & NUMBER) as u32
}

/// The word.
#[derive(Debug)]
pub(super) struct Heart(AtomicU64);

impl Heart {
    pub(super) const fn new() -> Self {
        Self(AtomicU64::new(WAITING))
    }

    pub(super) fn pulse(&self) -> Pulse {
        Pulse::of(self.0.load(Ordering::Acquire))
    }

    /// A verdict: down until then, or raised. Gives what was there before; `None` where trips
    /// hold the flag, and the verdict changed nothing.
    pub(super) fn post(&self, clear_until: Option<Duration>) -> Option<Pulse> {
        let new = clear_until.map_or(RAISED, |until| {
            nanos(until).saturating_add(BASE).min(LAST_TIME)
        });
        self.change(|word| (word & LATCHES == 0).then_some(new))
    }

    /// Raises the flag until `release` with the same [`number`].
    pub(super) fn latch(&self, kind: TripKind, number: u32) {
        let (bit, shift) = place(kind);
        self.change(|word| {
            let held = if word & LATCHES == 0 { 0 } else { word };
            let newest = (held >> shift & NUMBER) as u32;
            // Two trips of a kind can come here in the other order than they were numbered.
            if word == CLOSED || held & bit != 0 && !is_newer(number, newest) {
                return None;
            }
            Some(held & !(NUMBER << shift) | bit | u64::from(number) << shift)
        });
    }

    /// Takes away the latch of a kind if its newest trip has this number.
    pub(super) fn release(&self, kind: TripKind, number: u32) -> bool {
        let (bit, shift) = place(kind);
        let named = bit | u64::from(number) << shift;
        let part = bit | NUMBER << shift;
        self.change(|word| {
            let rest = word & !part;
            let rest = if rest & LATCHES == 0 { REPAIRED } else { rest };
            (word != CLOSED && word & part == named).then_some(rest)
        })
        .is_some()
    }

    /// Raises the flag for good.
    pub(super) fn close(&self) {
        self.0.store(CLOSED, Ordering::Release);
    }

    /// Swaps in what `to` makes of the present value; nothing where that is `None`. Gives the value
    /// swapped out.
    fn change(&self, to: impl FnMut(u64) -> Option<u64>) -> Option<Pulse> {
        self.0
            .fetch_update(Ordering::AcqRel, Ordering::Acquire, to)
            .ok()
            .map(Pulse::of)
    }
}

/// Among numbers that wrap.
pub(super) fn is_newer(a: u32, b: u32) -> bool {
    a != b && u64::from(a.wrapping_sub(b)) & NUMBER <= NUMBER / 2
}

#[cfg(test)]
mod tests {
    use super::*;
    use TripKind::{Output, Panic};

    const LONG: Option<Duration> = Some(Duration::MAX);

    #[test]
    fn a_time_is_never_taken_for_a_mark() {
        let heart = Heart::new();
        assert_eq!(heart.pulse(), Pulse::Waiting);
        for until in [0, 1, 2, 3, 1_000_000_000] {
            heart.post(Some(Duration::from_nanos(until)));
            assert_eq!(heart.pulse(), Pulse::ClearUntil(until));
            assert!(!heart.pulse().is_clear(Duration::from_nanos(until)));
            assert_eq!(until > 0, heart.pulse().is_clear(Duration::ZERO));
        }
        heart.post(LONG);
        assert!(matches!(heart.pulse(), Pulse::ClearUntil(_)), "no latch");
        assert_eq!(heart.post(None).is_some(), heart.pulse() == Pulse::Raised);
    }

    #[test]
    fn each_kind_has_its_own_latch() {
        let heart = Heart::new();
        heart.post(LONG);
        heart.latch(Panic, 1);
        heart.latch(Output, 1);
        let both = Pulse::Latched {
            panic: Some(1),
            output: Some(1),
        };
        assert_eq!(heart.pulse(), both);
        assert_eq!(heart.post(LONG), None);
        assert!(heart.release(Panic, 1));
        assert_eq!(heart.pulse().latched(Panic), None);
        assert_eq!(heart.pulse().latched(Output), Some(1));
        assert_eq!(heart.post(LONG), None, "one latch is enough");
        assert!(!heart.release(Panic, 1), "it is gone");
        assert!(heart.release(Output, 1));
        assert_eq!(heart.pulse(), Pulse::Repaired);
    }

    #[test]
    fn the_newest_trip_is_the_one_to_be_released() {
        let heart = Heart::new();
        heart.latch(Panic, 2);
        heart.latch(Panic, 1);
        assert!(!heart.release(Panic, 1));
        assert!(heart.release(Panic, 2));

        let (last, next) = (number(NUMBER), number(NUMBER + 1));
        heart.latch(Panic, last);
        heart.latch(Panic, next);
        heart.latch(Panic, last);
        assert!(!heart.release(Panic, last), "numbers wrap");
        assert!(heart.release(Panic, next));
    }

    #[test]
    fn closed_is_for_good() {
        let heart = Heart::new();
        heart.latch(Panic, number(NUMBER));
        heart.latch(Output, number(NUMBER));
        assert_ne!(heart.pulse(), Pulse::Closed);
        heart.close();
        heart.latch(Panic, 1);
        assert!(!heart.release(Panic, number(NUMBER)));
        assert_eq!(heart.post(LONG), None);
        assert_eq!(heart.pulse(), Pulse::Closed);
    }
}
