//! Time: capture stamps and the clocks they are compared with.
//!
//! A [`Stamp`] names an instant on the clock of the stream it came from (ROS time: nanoseconds
//! since the Unix epoch, or simulated time). Durations of our own work are never taken from
//! stamps but from a monotonic [`Clock`].

use std::fmt;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::{Duration, Instant};

/// An instant in nanoseconds on the clock of the frame's source (ROS time).
///
/// Signed, because `builtin_interfaces/Time` has signed seconds.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Stamp(i64);

impl Stamp {
    /// The instant `nanos` nanoseconds after the clock's epoch.
    pub const fn from_nanos(nanos: i64) -> Self {
        Self(nanos)
    }

    /// From the two fields of a `builtin_interfaces/Time`.
    pub const fn from_ros(sec: i32, nanosec: u32) -> Self {
        Self(sec as i64 * 1_000_000_000 + nanosec as i64)
    }

    /// Nanoseconds since the clock's epoch.
    pub const fn as_nanos(self) -> i64 {
        self.0
    }

    /// The two fields of a `builtin_interfaces/Time`; seconds saturate at the ends of `i32`.
    pub fn to_ros(self) -> (i32, u32) {
        let sec = self.0.div_euclid(1_000_000_000);
        let nanosec = self.0.rem_euclid(1_000_000_000) as u32;
        (sec.clamp(i32::MIN as i64, i32::MAX as i64) as i32, nanosec)
    }

    /// Signed nanoseconds from `earlier` to `self`; saturates.
    pub const fn nanos_since(self, earlier: Stamp) -> i64 {
        self.0.saturating_sub(earlier.0)
    }

    /// Time from `earlier` to `self`, zero when `earlier` is later.
    pub fn saturating_since(self, earlier: Stamp) -> Duration {
        Duration::from_nanos(self.nanos_since(earlier).max(0) as u64)
    }
}

impl fmt::Display for Stamp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (sign, abs) = if self.0 < 0 {
            ("-", self.0.unsigned_abs())
        } else {
            ("", self.0 as u64)
        };
        write!(
            f,
            "{sign}{}.{:09}",
            abs / 1_000_000_000,
            abs % 1_000_000_000
        )
    }
}

/// Tells the present on the clock of the capture stamps.
pub trait Clock: Send + Sync {
    /// The present.
    fn now(&self) -> Stamp;
}

/// Stands still until it is set: a replay as fast as possible sets it to each frame's stamp, so
/// that the same bag gives the same verdicts on every machine.
#[derive(Debug, Default)]
pub struct SteppedClock(AtomicI64);

impl SteppedClock {
    /// The present is `stamp` from now on.
    pub fn set(&self, stamp: Stamp) {
        self.0.store(stamp.as_nanos(), Ordering::Relaxed);
    }
}

impl Clock for SteppedClock {
    fn now(&self) -> Stamp {
        Stamp(self.0.load(Ordering::Relaxed))
    }
}

/// Runs from a stamp on at a multiple of the machine's monotonic clock.
#[derive(Debug)]
pub struct PacedClock {
    origin: Stamp,
    began: Instant,
    rate: f64,
}

impl PacedClock {
    /// Is at `origin` now and goes on `rate` times as fast as real time.
    pub fn new(origin: Stamp, rate: f64) -> Self {
        Self {
            origin,
            began: Instant::now(),
            rate,
        }
    }

    /// How long until the clock shows `stamp`; zero where it already did.
    pub fn until(&self, stamp: Stamp) -> Duration {
        let ahead = stamp.saturating_since(self.now()).as_secs_f64() / self.rate;
        Duration::try_from_secs_f64(ahead).unwrap_or(Duration::ZERO)
    }
}

impl Clock for PacedClock {
    fn now(&self) -> Stamp {
        let nanos = self.began.elapsed().as_nanos() as f64 * self.rate;
        Stamp(self.origin.0.saturating_add(nanos as i64))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ros_fields_round_trip_before_and_after_the_epoch() {
        for (sec, nanosec) in [(0, 0), (1_700_000_000, 999_999_999), (-1, 5)] {
            assert_eq!(Stamp::from_ros(sec, nanosec).to_ros(), (sec, nanosec));
        }
    }

    #[test]
    fn display_is_seconds_with_nine_decimals() {
        assert_eq!(Stamp::from_nanos(1_500_000_000).to_string(), "1.500000000");
        assert_eq!(Stamp::from_nanos(-1).to_string(), "-0.000000001");
    }
}
