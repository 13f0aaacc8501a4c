//! The clocks of a node: the time of day, or the time of a simulation.
//!
//! # Under simulated time
//! The stamps' clock shows the last `/clock` message and stands still in between, as in rclcpp.
//! The monotonic clock beside it moves by every step forwards and by none backwards. The supervisor
//! compares the two: at any rate of the simulation they move alike, and a jump back of the
//! simulation moves one of them only, which is a clock that was set. A jump forwards (a seek in a
//! bag) moves both; what it does is a gap between two capture stamps.
//!
//! A simulation that stands still, or whose `/clock` ends, stops both. Nothing gets stale in a
//! paused world; that the flag goes up nevertheless is for the watchdog's board, which is on the
//! machine's monotonic clock whatever the simulation does.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use crate::time::{Clock, Now, Stamp, SystemClock};

/// Shows what `/clock` says; at stamp 0 until the first message.
#[derive(Debug, Default)]
pub struct SimClock(Mutex<Shown>);

#[derive(Clone, Copy, Debug, Default)]
struct Shown {
    now: Now,
    started: bool,
}

impl SimClock {
    /// The simulation is at `stamp` now.
    pub fn set(&self, stamp: Stamp) {
        let mut shown = self.shown();
        let ahead = stamp.saturating_since(shown.now.stamp);
        shown.now = Now {
            stamp,
            monotonic: shown.now.monotonic.saturating_add(ahead),
        };
        shown.started = true;
    }

    /// Whether there was a message: before, the time is nobody's.
    pub fn started(&self) -> bool {
        self.shown().started
    }

    fn shown(&self) -> MutexGuard<'_, Shown> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Clock for SimClock {
    fn now(&self) -> Stamp {
        self.shown().now.stamp
    }

    fn monotonic(&self) -> Duration {
        self.shown().now.monotonic
    }

    fn present(&self) -> Now {
        self.shown().now
    }
}

/// The clock of a node's capture stamps; clones show the same time.
#[derive(Clone, Debug)]
pub enum RosClock {
    /// The time of day.
    System(SystemClock),
    /// `use_sim_time`.
    Simulated(Arc<SimClock>),
}

impl RosClock {
    /// The time of day.
    pub fn system() -> Self {
        Self::System(SystemClock::default())
    }

    /// A simulation's; the [`SimClock`] is to be set by whoever listens to `/clock`.
    pub fn simulated() -> Self {
        Self::Simulated(Arc::new(SimClock::default()))
    }

    /// Whether it shows a time: a simulation's clock only does from its first message on.
    pub fn started(&self) -> bool {
        match self {
            Self::System(_) => true,
            Self::Simulated(clock) => clock.started(),
        }
    }

    fn inner(&self) -> &dyn Clock {
        match self {
            Self::System(clock) => clock,
            Self::Simulated(clock) => clock.as_ref(),
        }
    }
}

impl Clock for RosClock {
    fn now(&self) -> Stamp {
        self.inner().now()
    }

    fn monotonic(&self) -> Duration {
        self.inner().monotonic()
    }

    fn present(&self) -> Now {
        self.inner().present()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::decide::{Event, Reason, Supervisor, SupervisorConfig};

    const MS: i64 = 1_000_000;

    fn supervisor() -> Supervisor {
        Supervisor::new(SupervisorConfig::default()).unwrap()
    }

    fn stepped(reason: Reason) -> bool {
        matches!(reason, Reason::ClockStepped { .. })
    }

    #[test]
    fn it_stands_still_between_messages_and_says_whether_there_was_one() {
        let clock = RosClock::simulated();
        assert!(!clock.started() && RosClock::system().started());
        assert_eq!(clock.now(), Stamp::default());
        let RosClock::Simulated(sim) = &clock else {
            panic!("not simulated");
        };
        sim.set(Stamp::from_nanos(5 * MS));
        let before = clock.clone().present();
        std::thread::sleep(Duration::from_millis(3));
        assert_eq!(clock.present(), before);
        assert_eq!((before.stamp.as_nanos(), clock.started()), (5 * MS, true));
        assert_eq!(
            (clock.now(), clock.monotonic()),
            (before.stamp, before.monotonic)
        );
    }

    #[test]
    fn its_monotonic_clock_never_goes_back() {
        let clock = SimClock::default();
        let mut last = clock.monotonic();
        for nanos in [7, 3, i64::MIN, i64::MAX, -1, 0, i64::MAX] {
            clock.set(Stamp::from_nanos(nanos));
            let now = clock.present();
            assert_eq!(now.stamp.as_nanos(), nanos);
            assert!(now.monotonic >= last, "{nanos}");
            last = now.monotonic;
        }
    }

    #[test]
    fn no_rate_of_the_simulation_is_a_step_but_a_jump_back_is() {
        let clock = SimClock::default();
        let mut supervisor = supervisor();
        // before the first message, and from nothing to the time of day
        assert!(!stepped(
            supervisor.step(Event::Tick, clock.present()).reason
        ));
        let mut at = 1_700_000_000_000 * MS;
        for rate in [1, 2, 10, 1000] {
            for _ in 0..20 {
                at += rate * 10 * MS;
                clock.set(Stamp::from_nanos(at));
                let verdict = supervisor.step(Event::Tick, clock.present());
                assert!(!stepped(verdict.reason), "rate {rate}: {}", verdict.reason);
            }
        }
        let limit = i64::from(SupervisorConfig::default().clock_step_ms);
        clock.set(Stamp::from_nanos(at - (limit + 1) * MS));
        let verdict = supervisor.step(Event::Tick, clock.present());
        assert!(
            stepped(verdict.reason) && verdict.safe_stop,
            "{}",
            verdict.reason
        );
    }
}
