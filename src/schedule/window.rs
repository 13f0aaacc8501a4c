//! The last values of a series, and their quantiles.

/// The last `N` values. They are kept in the order of arrival and sorted, so that a quantile is a
/// look-up and a new value one move of at most `N` numbers. Never allocates.
#[derive(Clone, Debug)]
pub struct Window<const N: usize> {
    /// In the order of arrival, round and round.
    ring: [f32; N],
    /// The same values, least first.
    sorted: [f32; N],
    len: usize,
    /// Where in the ring the next value goes.
    next: usize,
}

impl<const N: usize> Default for Window<N> {
    fn default() -> Self {
        Self::new()
    }
}

impl<const N: usize> Window<N> {
    /// An empty one.
    pub const fn new() -> Self {
        const { assert!(N > 0, "a window holds at least one value") };
        Self {
            ring: [0.0; N],
            sorted: [0.0; N],
            len: 0,
            next: 0,
        }
    }

    /// How many values there are, at most `N`.
    pub const fn len(&self) -> usize {
        self.len
    }

    /// Whether there is none.
    pub const fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// Forgets every value.
    pub fn clear(&mut self) {
        (self.len, self.next) = (0, 0);
    }

    /// Adds a value; when the window is full, the oldest goes. NaN is left out, infinities count as
    /// the largest and least finite values.
    pub fn push(&mut self, value: f32) {
        if value.is_nan() {
            return;
        }
        let value = value.clamp(f32::MIN, f32::MAX);
        let sorted = &mut self.sorted;
        let to = sorted[..self.len].partition_point(|&x| x < value);
        if self.len < N {
            sorted.copy_within(to..self.len, to + 1);
            sorted[to] = value;
            self.len += 1;
        } else {
            // Only what lies between the place of the oldest and that of the new one moves.
            let oldest = self.ring[self.next];
            let from = sorted.partition_point(|&x| x < oldest);
            if from < to {
                sorted.copy_within(from + 1..to, from);
                sorted[to - 1] = value;
            } else {
                sorted.copy_within(to..from, to + 1);
                sorted[to] = value;
            }
        }
        self.ring[self.next] = value;
        self.next = (self.next + 1) % N;
    }

    /// The nearest-rank quantile: the least value that a share `quantile` (0 ..= 1, cut to it; NaN
    /// is 0) of the values does not exceed. `None` when there is no value.
    pub fn quantile(&self, quantile: f32) -> Option<f32> {
        // Saturates: NaN and negative numbers are rank 0.
        let rank = (f64::from(quantile) * self.len as f64).ceil() as usize;
        let last = self.len.checked_sub(1)?;
        Some(self.sorted[rank.saturating_sub(1).min(last)])
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// The least value of which `quantile` of all are at most as large, by counting.
    fn by_counting(values: &[f32], quantile: f64) -> f32 {
        let mut candidates = values.to_vec();
        candidates.sort_by(f32::total_cmp);
        let enough = |x: f32| {
            let below = values.iter().filter(|&&v| v <= x).count();
            below as f64 >= quantile * values.len() as f64
        };
        candidates.into_iter().find(|&x| enough(x)).unwrap()
    }

    proptest! {
        #![proptest_config(ProptestConfig { failure_persistence: None, ..Default::default() })]

        #[test]
        fn quantiles_are_those_of_the_last_values(
            values in prop::collection::vec(
                // Few different values, so that there are many equal ones.
                prop_oneof![(-5i8..5).prop_map(f32::from), any::<f32>(), Just(-0.0f32)], 1..120),
            quantile in 0f32..=1.0,
        ) {
            let mut window = Window::<16>::new();
            let mut kept: Vec<f32> = Vec::new();
            for value in values {
                window.push(value);
                if !value.is_nan() {
                    kept.push(value.clamp(f32::MIN, f32::MAX));
                }
                let last = &kept[kept.len().saturating_sub(16)..];
                prop_assert_eq!(window.len(), last.len());
                if !last.is_empty() {
                    for q in [0.0, quantile, 0.5, 1.0] {
                        let want = by_counting(last, f64::from(q));
                        prop_assert_eq!(window.quantile(q), Some(want), "quantile {}", q);
                    }
                }
            }
        }
    }

    #[test]
    fn an_empty_window_has_no_quantile() {
        let mut window = Window::<4>::new();
        assert_eq!(window.quantile(0.5), None);
        window.push(f32::NAN);
        assert_eq!(window.quantile(0.5), None);
        window.push(1.0);
        assert_eq!(window.quantile(0.5), Some(1.0));
        window.clear();
        assert!(window.is_empty());
        assert_eq!(window.quantile(0.5), None);
    }

    #[test]
    fn the_p99_of_128_values_is_the_second_largest() {
        let mut window = Window::<128>::new();
        for i in 0..128 {
            window.push(i as f32);
        }
        assert_eq!(window.quantile(0.99), Some(126.0));
        assert_eq!(window.quantile(f32::NAN), Some(0.0));
        assert_eq!(window.quantile(f32::INFINITY), Some(127.0));
        assert_eq!(window.quantile(-1.0), Some(0.0));
    }
}
