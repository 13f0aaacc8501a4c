//! Time: capture stamps and the clocks they are compared with.
//!
//! A [`Stamp`] names an instant on the clock of the stream it came from (ROS time: nanoseconds
//! since the Unix epoch, or simulated time). Durations of our own work are never taken from
//! stamps but from a monotonic [`Clock`].

use std::fmt;
use std::time::Duration;

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
