#[cfg(loom)]
use crate::sync::{AtomicBool, Ordering};
use crate::sync::{Mutex, TryLockError};

/// A place for a value that two threads use in turn. Whose turn it is they settle elsewhere
/// ([`Exchange`](crate::exchange::Exchange)), so the lock only shows the compiler what is true
/// anyway. It is tried, never waited for.
pub(crate) struct Slot<T> {
    value: Mutex<Option<T>>,
    /// In models, a lock of relaxed loads and stores. Loom's mutex would by itself order what the
    /// two sides do; this one holds only if whose turn it is was settled with the right orderings.
    #[cfg(loom)]
    in_use: AtomicBool,
}

impl<T> Slot<T> {
    pub(crate) fn new(value: Option<T>) -> Self {
        Self {
            value: Mutex::new(value),
            #[cfg(loom)]
            in_use: AtomicBool::new(false),
        }
    }

    /// Swaps what is in the slot with what is in `hand`. False, with nothing done, when the other
    /// side is at the slot, which breaks the rule above: an error in a model.
    pub(crate) fn swap(&self, hand: &mut Option<T>) -> bool {
        #[cfg(loom)]
        {
            assert!(!self.in_use.load(Ordering::Relaxed), "two sides at a slot");
            self.in_use.store(true, Ordering::Relaxed);
        }
        match self.value.try_lock() {
            Ok(mut value) => std::mem::swap(&mut *value, hand),
            // Nothing can panic inside the lock, and a swap has no half-way.
            Err(TryLockError::Poisoned(poisoned)) => {
                std::mem::swap(&mut *poisoned.into_inner(), hand);
            }
            Err(TryLockError::WouldBlock) => {
                #[cfg(loom)]
                panic!("two sides at a slot");
                #[cfg(not(loom))]
                return false;
            }
        }
        #[cfg(loom)]
        self.in_use.store(false, Ordering::Relaxed);
        true
    }
}

#[cfg(test)]
#[cfg(not(loom))]
mod tests {
    use super::*;

    impl<T> Slot<T> {
        /// Keeps the slot in use, and shows what is in it.
        pub(crate) fn lock(&self) -> std::sync::MutexGuard<'_, Option<T>> {
            self.value.lock().unwrap()
        }
    }

    #[test]
    fn a_poisoned_slot_works() {
        let slot = Slot::new(Some(1));
        std::thread::scope(|scope| {
            let holder = scope.spawn(|| {
                let _lock = slot.lock();
                panic!("poisons the slot's lock");
            });
            assert!(holder.join().is_err());
        });
        assert!(slot.value.is_poisoned());
        let mut hand = Some(2);
        assert!(slot.swap(&mut hand));
        assert_eq!(hand, Some(1));
        assert!(slot.swap(&mut hand));
        assert_eq!(hand, Some(2));
    }

    #[test]
    fn a_slot_in_use_is_not_waited_for() {
        let slot = Slot::new(Some(1));
        let lock = slot.lock();
        let mut hand = Some(2);
        assert!(!slot.swap(&mut hand));
        assert_eq!(hand, Some(2));
        drop(lock);
        assert!(slot.swap(&mut hand));
        assert_eq!(hand, Some(1));
    }
}
