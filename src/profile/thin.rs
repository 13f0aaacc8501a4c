//! A series of fixed memory.

/// What can stand for two neighbours of a series at once.
pub(super) trait Merge: Copy {
    /// Takes what follows into the same step.
    fn merge(&mut self, next: &Self);
}

/// A series in at most `capacity` steps of `stride` items each. Memory is fixed: when it is full,
/// neighbours are merged and every step stands for twice as many items. Pushing does not allocate.
#[derive(Clone, Debug)]
pub(super) struct Thinned<T> {
    steps: Vec<T>,
    capacity: usize,
    stride: u64,
    /// Items in the last step.
    in_last: u64,
    count: u64,
}

impl<T: Merge> Thinned<T> {
    /// Of nothing yet; `capacity` is made even and at least 2.
    pub(super) fn new(capacity: usize) -> Self {
        let capacity = (capacity & !1).max(2);
        Self {
            steps: Vec::with_capacity(capacity),
            capacity,
            stride: 1,
            in_last: 0,
            count: 0,
        }
    }

    pub(super) fn push(&mut self, item: T) {
        self.count += 1;
        if self.in_last < self.stride
            && let Some(last) = self.steps.last_mut()
        {
            last.merge(&item);
            self.in_last += 1;
            return;
        }
        if self.steps.len() == self.capacity {
            for i in 0..self.capacity / 2 {
                let mut step = self.steps[2 * i];
                step.merge(&self.steps[2 * i + 1]);
                self.steps[i] = step;
            }
            self.steps.truncate(self.capacity / 2);
            self.stride *= 2;
        }
        self.steps.push(item);
        self.in_last = 1;
    }

    /// The steps, in the order in which their items came.
    pub(super) fn steps(&self) -> &[T] {
        &self.steps
    }

    /// Items that a step stands for; the last may stand for fewer.
    pub(super) fn stride(&self) -> u64 {
        self.stride
    }

    /// Items taken in.
    pub(super) fn count(&self) -> u64 {
        self.count
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Clone, Copy, Debug, PartialEq)]
    struct Sum(u64);

    impl Merge for Sum {
        fn merge(&mut self, next: &Self) {
            self.0 += next.0;
        }
    }

    #[test]
    fn every_item_is_in_one_step_and_full_steps_weigh_the_same() {
        for items in [0, 1, 6, 7, 100, 1001] {
            let mut thinned = Thinned::new(6);
            for _ in 0..items {
                thinned.push(Sum(1));
            }
            assert!(thinned.steps().len() <= 6);
            assert_eq!(thinned.steps().iter().map(|s| s.0).sum::<u64>(), items);
            assert_eq!(thinned.count(), items);
            if let Some((_, full)) = thinned.steps().split_last() {
                assert!(full.iter().all(|s| s.0 == thinned.stride()), "{items}");
            }
        }
    }
}
