use std::time::Duration;

/// When beats are due: at its start and every period after it. Times are absolute, so that a beat
/// that comes late does not push the ones after it.
#[derive(Clone, Debug)]
pub(super) struct Schedule {
    next: Duration,
    period: Duration,
    late: u64,
}

impl Schedule {
    /// Due at `start` for the first time. `period` is not zero.
    pub(super) fn new(start: Duration, period: Duration) -> Self {
        Self {
            next: start,
            period,
            late: 0,
        }
    }

    /// Whether a beat is due. Of several that are, the ones after the first are left out and
    /// counted: told all at once they would tell the same.
    pub(super) fn take(&mut self, now: Duration) -> bool {
        let Some(behind) = now.checked_sub(self.next) else {
            return false;
        };
        let into = behind.as_nanos() % self.period.as_nanos().max(1);
        let missed = behind.as_nanos() / self.period.as_nanos().max(1);
        self.late = self
            .late
            .saturating_add(u64::try_from(missed).unwrap_or(u64::MAX));
        // `into` is less than a period, which is far below 2^64 nanoseconds.
        let into = Duration::from_nanos(u64::try_from(into).unwrap_or(0));
        self.next = (now - into).saturating_add(self.period);
        true
    }

    /// When the next beat is due.
    pub(super) fn next(&self) -> Duration {
        self.next
    }

    /// Beats left out so far.
    pub(super) fn late(&self) -> u64 {
        self.late
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const fn ms(ms: u64) -> Duration {
        Duration::from_millis(ms)
    }

    /// Asks at each time; gives whether a beat was due, and the beats left out until then.
    fn asked(times: &[u64]) -> Vec<(bool, u64)> {
        let mut schedule = Schedule::new(ms(1000), ms(100));
        let ask = |t: &u64| (schedule.take(ms(*t)), schedule.late());
        times.iter().map(ask).collect()
    }

    #[test]
    fn w10_beats_are_due_at_absolute_times() {
        assert_eq!(
            asked(&[999, 1000, 1000, 1099, 1100, 1190, 1199, 1200]),
            [false, true, false, false, true, false, false, true].map(|due| (due, 0))
        );
        // each comes late, none is pushed by the one before
        assert_eq!(
            asked(&[1030, 1190, 1201, 1399]),
            [true; 4].map(|due| (due, 0))
        );
    }

    #[test]
    fn w10_after_a_pause_beats_are_left_out_and_counted() {
        assert_eq!(
            asked(&[1000, 1350, 1351, 1400, 1600]),
            [(true, 0), (true, 2), (false, 2), (true, 2), (true, 3)]
        );
    }

    #[test]
    fn the_end_of_time_is_survived() {
        let mut schedule = Schedule::new(Duration::ZERO, ms(10));
        assert!(schedule.take(Duration::MAX));
        assert!(schedule.next() > Duration::MAX - ms(11));
    }
}
