use crate::slot::Slot;
use crate::sync::{AtomicU8, Ordering};

/// The bits of `middle` with the index of a slot, 0 to 2.
const INDEX: u8 = 0b011;
/// The bit of `middle` that says that the middle slot was given and not yet received.
const FRESH: u8 = 0b100;

/// Hands values from one thread, the giver, to another, the receiver; the newest counts. A triple
/// buffer: three slots, of which the giver owns one, the receiver one, and nobody the middle one.
///
/// Who owns which slot is a permutation of three indices. A side keeps its own index to itself and
/// changes it in one way only: it swaps it, in one atomic step, with the index of the middle. Two
/// such steps never happen at once, so the three indices stay a permutation and no slot ever has
/// two owners. A side opens a slot only while it owns it, and has closed it before the step that
/// gives it away; the step releases what was done to the slot, and the other side's step acquires
/// it. That is why the lock of a [`Slot`] is always free when it is tried, and why the steps of a
/// side do not depend on where the other one is.
///
/// A value is in a slot only while the slot is in the middle. Otherwise its owner has it in hand,
/// where it can be written and read without a lock that a caller could forget to open.
pub(crate) struct Exchange<T> {
    slots: [Slot<T>; 3],
    middle: AtomicU8,
}

/// What one side has: a slot of its own, empty, and the value that belongs in it.
pub(crate) struct Hand<T> {
    slot: u8,
    pub(crate) value: Option<T>,
}

impl<T> Exchange<T> {
    /// An exchange with nothing given yet, the hand of the giver and the hand of the receiver. Each
    /// side and the middle start with a value.
    pub(crate) fn new(
        giver: Option<T>,
        receiver: Option<T>,
        middle: Option<T>,
    ) -> (Self, Hand<T>, Hand<T>) {
        let exchange = Self {
            slots: [Slot::new(None), Slot::new(None), Slot::new(middle)],
            middle: AtomicU8::new(2),
        };
        let giver = Hand {
            slot: 0,
            value: giver,
        };
        let receiver = Hand {
            slot: 1,
            value: receiver,
        };
        (exchange, giver, receiver)
    }

    /// Gives what is in the giver's hand, and takes into it what was in the middle. True when a
    /// value that was given before is lost by that.
    pub(crate) fn give(&self, hand: &mut Hand<T>) -> bool {
        if !self.swap(hand) {
            // Cannot happen (see above). A slot that cannot be filled must not be given, or what
            // it held before would come after what is newer.
            return true;
        }
        let before = self.middle.swap(hand.slot | FRESH, Ordering::AcqRel);
        hand.slot = before & INDEX;
        self.swap(hand);
        before & FRESH != 0
    }

    /// Takes what was given last into the receiver's hand, and leaves in the middle what it held.
    /// False, with the hand as it was, when nothing was given since the last time.
    pub(crate) fn receive(&self, hand: &mut Hand<T>) -> bool {
        // Only the receiver takes the bit away, so what is fresh here is fresh below.
        if self.middle.load(Ordering::Relaxed) & FRESH == 0 || !self.swap(hand) {
            return false;
        }
        let before = self.middle.swap(hand.slot, Ordering::AcqRel);
        hand.slot = before & INDEX;
        self.swap(hand)
    }

    /// Swaps a side's value with what is in its slot, one of which is always none.
    fn swap(&self, hand: &mut Hand<T>) -> bool {
        self.slots
            .get(usize::from(hand.slot))
            .is_some_and(|slot| slot.swap(&mut hand.value))
    }
}

#[cfg(test)]
#[cfg(not(loom))]
#[path = "exchange_tests.rs"]
mod tests;
