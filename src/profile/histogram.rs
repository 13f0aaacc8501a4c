//! A latency histogram of fixed memory.

use hdrhistogram::Histogram;
use serde::{Serialize, Serializer};
use std::time::Duration;

/// Least time told apart, in nanoseconds.
const LOW: u64 = 1_000;
/// Longer times are counted as this, in nanoseconds: ten minutes. Maximum and mean stay exact.
const HIGH: u64 = 600_000_000_000;
/// Three significant digits: a percentile is at most 0.1 % too high.
const DIGITS: u8 = 3;
/// Where there are many histograms: at most 1 % too high.
const COARSE_DIGITS: u8 = 2;

/// Counts times of one kind in about 100 kB, however many there are. Made once; adding does not
/// allocate. Serialises as its [`LatencySummary`].
///
/// Percentiles are right to 0.1 % or a microsecond, whichever is more, up to ten minutes; maximum
/// and mean are exact.
#[derive(Clone, Debug)]
pub struct LatencyHistogram {
    histogram: Histogram<u32>,
    sum_nanos: u128,
    max: Duration,
}

/// A [`LatencyHistogram`] in a few numbers, times in milliseconds; all 0 when the count is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize)]
pub struct LatencySummary {
    /// How many times were counted.
    pub count: u64,
    /// Mean.
    pub mean_ms: f64,
    /// Half are at most this.
    pub p50_ms: f64,
    /// 90 % are at most this.
    pub p90_ms: f64,
    /// 99 % are at most this.
    pub p99_ms: f64,
    /// The longest.
    pub max_ms: f64,
}

impl Default for LatencyHistogram {
    fn default() -> Self {
        Self::with_digits(DIGITS)
    }
}

impl LatencyHistogram {
    /// An empty one of about 12 kB, with percentiles right to 1 %; maximum and mean stay exact.
    pub fn coarse() -> Self {
        Self::with_digits(COARSE_DIGITS)
    }

    fn with_digits(digits: u8) -> Self {
        // The bounds are constants that satisfy the constructor's rules (LOW >= 1,
        // HIGH >= 2 * LOW, at most 5 digits); every test of this module goes through here.
        #[allow(clippy::expect_used)]
        let histogram = Histogram::new_with_bounds(LOW, HIGH, digits).expect("constant bounds");
        Self {
            histogram,
            sum_nanos: 0,
            max: Duration::ZERO,
        }
    }

    /// Counts a time.
    pub fn add(&mut self, time: Duration) {
        let nanos = time.as_nanos();
        self.histogram
            .saturating_record(u64::try_from(nanos).unwrap_or(HIGH).min(HIGH));
        self.sum_nanos = self.sum_nanos.saturating_add(nanos);
        self.max = self.max.max(time);
    }

    /// Memory of the counters, in bytes.
    #[cfg(test)]
    pub(super) fn heap_bytes(&self) -> usize {
        self.histogram.distinct_values() * size_of::<u32>()
    }

    /// How many times were counted.
    pub fn count(&self) -> u64 {
        self.histogram.len()
    }

    /// The time that a share `quantile` (0 ..= 1, cut to it; NaN is 0) of the counted times does
    /// not exceed; zero when none was counted.
    pub fn quantile(&self, quantile: f64) -> Duration {
        if self.histogram.is_empty() {
            return Duration::ZERO;
        }
        let quantile = if quantile.is_nan() {
            0.0
        } else {
            quantile.clamp(0.0, 1.0)
        };
        let nanos = self.histogram.value_at_quantile(quantile);
        Duration::from_nanos(nanos).min(self.max)
    }

    /// The longest time; zero when none was counted.
    pub fn max(&self) -> Duration {
        self.max
    }

    /// The mean; zero when none was counted.
    pub fn mean(&self) -> Duration {
        let mean = self.sum_nanos / u128::from(self.count().max(1));
        u64::try_from(mean).map_or(Duration::MAX, Duration::from_nanos)
    }

    /// The usual numbers.
    pub fn summary(&self) -> LatencySummary {
        LatencySummary {
            count: self.count(),
            mean_ms: millis(self.mean()),
            p50_ms: millis(self.quantile(0.5)),
            p90_ms: millis(self.quantile(0.9)),
            p99_ms: millis(self.quantile(0.99)),
            max_ms: millis(self.max),
        }
    }
}

impl Serialize for LatencyHistogram {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.summary().serialize(serializer)
    }
}

/// A time in milliseconds.
pub(super) fn millis(time: Duration) -> f64 {
    time.as_secs_f64() * 1e3
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn percentiles_are_right_to_a_thousandth() {
        let mut histogram = LatencyHistogram::default();
        for i in 1..=10_000 {
            histogram.add(Duration::from_micros(10 * i));
        }
        let summary = histogram.summary();
        assert_eq!(summary.count, 10_000);
        for (got, want) in [
            (summary.p50_ms, 50.0),
            (summary.p90_ms, 90.0),
            (summary.p99_ms, 99.0),
            (summary.mean_ms, 50.005),
            (summary.max_ms, 100.0),
        ] {
            assert!((got / want - 1.0).abs() < 2e-3, "{got} for {want}");
        }
        assert_eq!(histogram.max(), Duration::from_millis(100));
    }

    #[test]
    fn coarse_percentiles_are_right_to_a_hundredth_in_a_tenth_of_the_memory() {
        let (mut fine, mut coarse) = (LatencyHistogram::default(), LatencyHistogram::coarse());
        for i in 1..=10_000 {
            fine.add(Duration::from_micros(13 * i));
            coarse.add(Duration::from_micros(13 * i));
        }
        for quantile in [0.5, 0.9, 0.99, 0.999] {
            let ratio =
                coarse.quantile(quantile).as_secs_f64() / fine.quantile(quantile).as_secs_f64();
            assert!((ratio - 1.0).abs() < 0.01, "{quantile}: {ratio}");
        }
        assert_eq!(
            (coarse.max(), coarse.mean(), coarse.count()),
            (fine.max(), fine.mean(), fine.count())
        );
        assert!(coarse.heap_bytes() < 13_000, "{}", coarse.heap_bytes());
        assert!(fine.heap_bytes() < 100_000, "{}", fine.heap_bytes());
    }

    #[test]
    fn no_times_give_zeros() {
        let histogram = LatencyHistogram::default();
        assert_eq!(histogram.summary(), LatencySummary::default());
        assert_eq!(histogram.quantile(f64::NAN), Duration::ZERO);
    }

    #[test]
    fn extreme_times_are_counted_and_the_largest_kept() {
        let mut histogram = LatencyHistogram::default();
        histogram.add(Duration::ZERO);
        histogram.add(Duration::MAX);
        assert_eq!(histogram.count(), 2);
        assert_eq!(histogram.max(), Duration::MAX);
        assert!(histogram.quantile(0.0) < Duration::from_micros(1));
        assert!(histogram.quantile(f64::INFINITY) >= Duration::from_secs(600));
        assert_eq!(histogram.quantile(f64::NAN), histogram.quantile(0.0));
    }

    #[test]
    fn percentiles_never_exceed_the_maximum() {
        let mut histogram = LatencyHistogram::default();
        histogram.add(Duration::from_nanos(123_456_789));
        assert_eq!(histogram.quantile(0.99), Duration::from_nanos(123_456_789));
    }
}
