//! Time: capture stamps and the clocks they are compared with.
//!
//! A [`Stamp`] names an instant on the clock of the stream it came from (ROS time: nanoseconds
//! since the Unix epoch, or simulated time). Durations of our own work are never taken from
//! stamps but from a monotonic [`Clock`]. [`Now`] is the present on both, so that whoever is handed
//! it can tell when the clock of the stamps was set to another time.

use std::fmt;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

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

    /// Whether nobody set it: it is zero on a clock that shows a time of day.
    pub fn is_unset(self, now: Stamp) -> bool {
        const THIRTY_YEARS: i64 = 30 * 365 * 86_400_000_000_000;
        self == Self::default() && now.0 > THIRTY_YEARS
    }

    /// How old what was captured then is at `now`; `None` where the stamp [was not set](Self::is_unset).
    pub fn age(self, now: Stamp) -> Option<Duration> {
        (!self.is_unset(now)).then(|| now.saturating_since(self))
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

/// A duration in the unit that people read, rounded down.
#[derive(Clone, Copy, Debug)]
pub(crate) struct InWords(pub(crate) Duration);

impl InWords {
    pub(crate) const fn of_ms(ms: u64) -> Self {
        Self(Duration::from_millis(ms))
    }
}

impl fmt::Display for InWords {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0.as_secs() {
            0..10 => write!(f, "{} ms", self.0.as_millis()),
            seconds @ 10..600 => write!(f, "{seconds} s"),
            seconds @ 600..172_800 => write!(f, "{} min", seconds / 60),
            seconds => write!(f, "{} days", seconds / 86_400),
        }
    }
}

/// The present, on the clock of the capture stamps and on a monotonic clock with an arbitrary
/// origin.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Now {
    /// On the clock of the capture stamps.
    pub stamp: Stamp,
    /// On the monotonic clock: time since its origin.
    pub monotonic: Duration,
}

impl Now {
    /// The present where the stamps' clock is the only one there is, as in a replay: the other
    /// moves with it, backwards too.
    pub const fn simulated(stamp: Stamp) -> Self {
        Self {
            stamp,
            monotonic: along(stamp),
        }
    }

    /// Signed nanoseconds on the monotonic clock from `earlier` to `self`; saturates.
    pub fn monotonic_since(self, earlier: Now) -> i64 {
        let nanos = |time: Duration| i64::try_from(time.as_nanos()).unwrap_or(i64::MAX);
        match self.monotonic.checked_sub(earlier.monotonic) {
            Some(ahead) => nanos(ahead),
            None => -nanos(earlier.monotonic - self.monotonic),
        }
    }
}

/// A time that moves as the stamp does: the origin is the earliest stamp there is.
const fn along(stamp: Stamp) -> Duration {
    Duration::from_nanos(stamp.0 as u64 ^ 1 << 63)
}

/// Tells the present.
pub trait Clock: Send + Sync {
    /// The present on the clock of the capture stamps.
    fn now(&self) -> Stamp;

    /// The present on a monotonic clock: time since an origin of its own.
    fn monotonic(&self) -> Duration;

    /// The present on both clocks, read so close together that being interrupted in between does
    /// not look like a step of one of them.
    fn present(&self) -> Now {
        const CLOSE: Duration = Duration::from_millis(1);
        let read = || {
            let before = self.monotonic();
            let stamp = self.now();
            let apart = self.monotonic().saturating_sub(before);
            let monotonic = before.saturating_add(apart / 2);
            (apart, Now { stamp, monotonic })
        };
        let mut best = read();
        for _ in 0..4 {
            if best.0 <= CLOSE {
                break;
            }
            let again = read();
            if again.0 < best.0 {
                best = again;
            }
        }
        best.1
    }
}

/// ROS time of a live system: the time of day for stamps, the machine's monotonic clock beside it.
#[derive(Clone, Copy, Debug)]
pub struct SystemClock {
    began: Instant,
}

impl Default for SystemClock {
    /// Its monotonic clock counts from now on.
    fn default() -> Self {
        Self {
            began: Instant::now(),
        }
    }
}

impl Clock for SystemClock {
    fn now(&self) -> Stamp {
        let nanos = |time: Duration| i64::try_from(time.as_nanos()).unwrap_or(i64::MAX);
        Stamp(match SystemTime::now().duration_since(UNIX_EPOCH) {
            Ok(since) => nanos(since),
            Err(before) => -nanos(before.duration()),
        })
    }

    fn monotonic(&self) -> Duration {
        self.began.elapsed()
    }
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

    fn monotonic(&self) -> Duration {
        along(self.now())
    }

    fn present(&self) -> Now {
        Now::simulated(self.now())
    }
}

/// Runs from a stamp on at a multiple of the machine's monotonic clock; its own monotonic clock
/// runs at the same rate.
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

    /// Time since the start at the clock's rate; nothing for a rate that is none.
    fn run(&self) -> Duration {
        let seconds = self.began.elapsed().as_secs_f64() * self.rate;
        Duration::try_from_secs_f64(seconds).unwrap_or(Duration::ZERO)
    }

    fn at(&self, run: Duration) -> Stamp {
        let nanos = i64::try_from(run.as_nanos()).unwrap_or(i64::MAX);
        Stamp(self.origin.0.saturating_add(nanos))
    }
}

impl Clock for PacedClock {
    fn now(&self) -> Stamp {
        self.at(self.run())
    }

    fn monotonic(&self) -> Duration {
        self.run()
    }

    fn present(&self) -> Now {
        let run = self.run();
        Now {
            stamp: self.at(run),
            monotonic: run,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_duration_is_said_in_the_unit_that_people_read() {
        for (ms, words) in [
            (0, "0 ms"),
            (9_999, "9999 ms"),
            (10_000, "10 s"),
            (41_944, "41 s"),
            (599_999, "599 s"),
            (600_000, "10 min"),
            (3_600_000, "60 min"),
            (172_799_999, "2879 min"),
            (172_800_000, "2 days"),
            (u64::MAX, "213503982334 days"),
        ] {
            assert_eq!(InWords::of_ms(ms).to_string(), words);
        }
    }

    #[test]
    fn ros_fields_round_trip_before_and_after_the_epoch() {
        for (sec, nanosec) in [(0, 0), (1_700_000_000, 999_999_999), (-1, 5)] {
            assert_eq!(Stamp::from_ros(sec, nanosec).to_ros(), (sec, nanosec));
        }
    }

    #[test]
    fn a_zero_stamp_has_an_age_in_a_simulation_and_none_by_the_time_of_day() {
        let zero = Stamp::default();
        let minute = Stamp::from_ros(60, 0);
        assert_eq!(zero.age(minute), Some(Duration::from_secs(60)));
        let today = Stamp::from_ros(1_700_000_000, 0);
        assert_eq!(zero.age(today), None);
        let earlier = Stamp::from_ros(1_699_999_999, 0);
        assert_eq!(earlier.age(today), Some(Duration::from_secs(1)));
    }

    #[test]
    fn display_is_seconds_with_nine_decimals() {
        assert_eq!(Stamp::from_nanos(1_500_000_000).to_string(), "1.500000000");
        assert_eq!(Stamp::from_nanos(-1).to_string(), "-0.000000001");
    }

    #[test]
    fn a_stepped_clocks_monotonic_moves_with_its_stamp_both_ways() {
        let clock = SteppedClock::default();
        let stamps = [i64::MIN, -5, 0, 7, 1_700_000_000_000_000_000, i64::MAX];
        for (from, to) in stamps.iter().flat_map(|a| stamps.map(|b| (*a, b))) {
            clock.set(Stamp::from_nanos(from));
            let before = clock.present();
            clock.set(Stamp::from_nanos(to));
            let after = clock.present();
            assert_eq!(after.monotonic, clock.monotonic());
            let moved = i128::from(to) - i128::from(from);
            let limited = moved.clamp(-i128::from(i64::MAX), i64::MAX.into());
            assert_eq!(i128::from(after.monotonic_since(before)), limited);
        }
    }

    #[test]
    fn a_paced_clock_advances_both_times_alike() {
        let clock = PacedClock::new(Stamp::from_nanos(500), 7.0);
        let before = clock.present();
        std::thread::sleep(Duration::from_millis(5));
        let after = clock.present();
        let moved = after.stamp.nanos_since(before.stamp);
        assert_eq!(moved, after.monotonic_since(before));
        assert!(
            moved >= 35_000_000,
            "{moved} ns in 5 ms at seven times the speed"
        );
    }

    #[test]
    fn the_system_clock_tells_the_time_of_day_and_goes_on() {
        let clock = SystemClock::default();
        let before = clock.present();
        std::thread::sleep(Duration::from_millis(2));
        assert!(clock.present().monotonic_since(before) >= 2_000_000);
        // 2024, and not before the end of what a Stamp can tell
        assert!(
            before.stamp > Stamp::from_ros(1_704_067_200, 0),
            "{}",
            before.stamp
        );
    }

    /// Another program runs for a second between two readings, the first times.
    struct Interrupted(AtomicI64);

    impl Clock for Interrupted {
        fn now(&self) -> Stamp {
            let calls = self.0.fetch_add(1, Ordering::Relaxed);
            let late = if calls < 4 { 1_000_000_000 } else { 0 };
            self.0.fetch_add(late, Ordering::Relaxed);
            Stamp::from_nanos(self.0.load(Ordering::Relaxed))
        }

        fn monotonic(&self) -> Duration {
            Duration::from_nanos(self.0.load(Ordering::Relaxed).unsigned_abs())
        }
    }

    #[test]
    fn an_interruption_between_two_readings_is_no_step() {
        let now = Interrupted(AtomicI64::new(0)).present();
        let apart = now.stamp.as_nanos() - now.monotonic.as_nanos() as i64;
        assert!(apart.abs() < 1_000_000, "{apart} ns apart");
    }
}
