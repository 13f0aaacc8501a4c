//! The last seconds, in fixed memory.

use std::time::Duration;

use heapless::HistoryBuf;

use super::Counts;

/// How many seconds count as recent.
pub(super) const SECONDS: u64 = 10;

/// Counts of the last [`SECONDS`] seconds, the second under way among them.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Recent {
    /// Each with the second it is of, by the second's remainder.
    buckets: [(u64, Counts); SECONDS as usize],
}

impl Recent {
    /// The counts of the second of `at`. A time before the latest of its place, of a thread that
    /// was held up, goes to that.
    pub(super) fn at(&mut self, at: Duration) -> &mut Counts {
        let second = at.as_secs();
        // The remainder is less than the number of buckets.
        let bucket = &mut self.buckets[(second % SECONDS) as usize];
        if bucket.0 < second {
            *bucket = (second, Counts::default());
        }
        &mut bucket.1
    }

    pub(super) fn sum(&self, now: Duration) -> Counts {
        let fresh = |second: u64| second.saturating_add(SECONDS) > now.as_secs();
        let mut sum = Counts::default();
        for (second, counts) in &self.buckets {
            if fresh(*second) {
                sum.add(counts);
            }
        }
        sum
    }
}

/// When the last messages arrived.
#[derive(Clone, Debug, Default)]
pub(super) struct Arrivals {
    times: HistoryBuf<Duration, 128>,
}

impl Arrivals {
    const WINDOW: Duration = Duration::from_secs(5);

    pub(super) fn add(&mut self, at: Duration) {
        self.times.write(at);
    }

    pub(super) fn last(&self) -> Option<Duration> {
        self.times.recent().copied()
    }

    /// Messages a second over the last five seconds, or over the last 128 messages where that is
    /// less; `None` for fewer than two messages.
    pub(super) fn frequency(&self, now: Duration) -> Option<f64> {
        let since = now.saturating_sub(Self::WINDOW);
        let times = self.times.oldest_ordered().filter(|at| **at >= since);
        let (mut count, mut first, mut last) = (0u32, None, Duration::ZERO);
        for &at in times {
            count += 1;
            first = first.or(Some(at));
            last = last.max(at);
        }
        let seconds = last.saturating_sub(first?).as_secs_f64();
        (count > 1 && seconds > 0.0).then(|| f64::from(count - 1) / seconds)
    }
}
