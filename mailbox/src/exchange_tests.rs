use super::*;

fn exchange() -> (Exchange<u32>, Hand<u32>, Hand<u32>) {
    Exchange::new(Some(10), Some(20), Some(30))
}

fn give(exchange: &Exchange<u32>, hand: &mut Hand<u32>, value: u32) -> bool {
    hand.value = Some(value);
    exchange.give(hand)
}

#[test]
fn nothing_is_received_before_something_is_given() {
    let (exchange, _, mut receiver) = exchange();
    assert!(!exchange.receive(&mut receiver));
    assert_eq!(receiver.value, Some(20));
}

#[test]
fn the_newest_is_received_once() {
    let (exchange, mut giver, mut receiver) = exchange();
    assert!(!give(&exchange, &mut giver, 1));
    assert!(give(&exchange, &mut giver, 2));
    assert!(give(&exchange, &mut giver, 3));
    assert!(exchange.receive(&mut receiver));
    assert_eq!(receiver.value, Some(3));
    assert!(!exchange.receive(&mut receiver));
    assert_eq!(receiver.value, Some(3));
    assert!(!give(&exchange, &mut giver, 4));
    assert!(exchange.receive(&mut receiver));
    assert_eq!(receiver.value, Some(4));
}

/// Every order of nine steps of the two sides.
#[test]
fn values_are_kept_and_slots_have_one_owner_whatever_the_order() {
    for order in 0..1_u32 << 9 {
        let (exchange, mut giver, mut receiver) = exchange();
        for step in 0..9 {
            if order & (1 << step) == 0 {
                exchange.give(&mut giver);
            } else {
                exchange.receive(&mut receiver);
            }
            let middle = exchange.middle.load(Ordering::Relaxed) & INDEX;
            let mut owned = [giver.slot, receiver.slot, middle];
            owned.sort_unstable();
            assert_eq!(owned, [0, 1, 2], "order {order:09b}, step {step}");

            let held = |slot: u8| *exchange.slots[usize::from(slot)].lock();
            assert_eq!(held(giver.slot), None);
            assert_eq!(held(receiver.slot), None);
            let mut values = [giver.value, receiver.value, held(middle)];
            values.sort_unstable();
            assert_eq!(values, [Some(10), Some(20), Some(30)]);
        }
    }
}

/// It cannot happen while the protocol is kept, so the test breaks it by holding a lock.
#[test]
fn a_slot_that_cannot_be_opened_gives_nothing_old_and_works_again_after() {
    let (exchange, mut giver, mut receiver) = exchange();
    assert!(!give(&exchange, &mut giver, 1));
    let lock = exchange.slots[usize::from(giver.slot)].lock();
    assert!(give(&exchange, &mut giver, 2), "2 is lost");
    drop(lock);
    assert!(exchange.receive(&mut receiver));
    assert_eq!(receiver.value, Some(1));

    assert!(!give(&exchange, &mut giver, 3));
    let lock = exchange.slots[usize::from(receiver.slot)].lock();
    assert!(!exchange.receive(&mut receiver));
    drop(lock);
    assert!(exchange.receive(&mut receiver));
    assert_eq!(receiver.value, Some(3));

    let middle = exchange.middle.load(Ordering::Relaxed) & INDEX;
    let lock = exchange.slots[usize::from(middle)].lock();
    assert!(!give(&exchange, &mut giver, 4));
    assert_eq!(giver.value, None, "nothing to write the next into");
    drop(lock);
    for value in 5..10 {
        assert!(exchange.receive(&mut receiver));
        assert_eq!(receiver.value, Some(value - 1));
        assert!(!give(&exchange, &mut giver, value));
        assert!(giver.value.is_some());
    }
}
