//! What makes an input one that cannot be relied on.

use super::super::{Observation, Reason};
use super::Supervisor;
use super::pictures::Picture;
use crate::time::{Now, Stamp};

const NANOS_PER_MS: i64 = 1_000_000;

/// A score map whose scores differ by less has the same score everywhere.
const LEAST_SPREAD: f32 = 1e-6;

impl Supervisor {
    /// Whether one clock moved much more than the other since the last event.
    pub(super) fn clock_step(&mut self, now: Now) -> Option<Reason> {
        let previous = self.previous.replace(now)?;
        let by = now
            .stamp
            .nanos_since(previous.stamp)
            .saturating_sub(now.monotonic_since(previous));
        let limit = i64::from(self.config.clock_step_ms) * NANOS_PER_MS;
        (by.saturating_abs() > limit).then_some(Reason::ClockStepped {
            by_ms: by / NANOS_PER_MS,
        })
    }

    /// What makes a frame one that cannot be relied on; the first that holds.
    pub(super) fn fault_of(
        &self,
        observation: &Observation,
        picture: Picture,
        now: Stamp,
    ) -> Option<Reason> {
        let stamp = observation.capture_stamp;
        if let Some(ahead) = self.ahead(stamp, now) {
            return Some(ahead);
        }
        if let Some(last) = self.last {
            let previous = last.stamp;
            if stamp <= previous {
                return Some(Reason::StampRegressed { previous, stamp });
            }
            if let Some(missing) = self.missing(stamp.nanos_since(previous)) {
                return Some(missing);
            }
        }
        let age = now.nanos_since(stamp);
        let limit_ms = self.config.max_age_ms;
        if age > i64::from(limit_ms) * NANOS_PER_MS {
            return Some(Reason::Late {
                age_ms: whole_ms(age),
                limit_ms,
            });
        }
        if let Picture::Faulty(reason) = picture {
            return Some(reason);
        }
        if observation.pixels == 0 {
            return Some(Reason::EmptyScoreMap);
        }
        if observation.non_finite > 0 {
            let (pixels, of) = (observation.non_finite, observation.pixels);
            return Some(Reason::NonFinite { pixels, of });
        }
        let spread = observation.score_max - observation.score_min;
        // Also where there is no number.
        if spread.is_nan() || spread < LEAST_SPREAD {
            return Some(Reason::ConstantScoreMap);
        }
        None
    }

    pub(super) fn ahead(&self, stamp: Stamp, now: Stamp) -> Option<Reason> {
        let ahead = stamp.nanos_since(now);
        let limit_ms = self.config.future_tolerance_ms;
        (ahead > i64::from(limit_ms) * NANOS_PER_MS).then(|| Reason::FutureStamp {
            ahead_ms: whole_ms(ahead),
            limit_ms,
        })
    }

    /// Of the time without a frame, in nanoseconds.
    pub(super) fn missing(&self, gap: i64) -> Option<Reason> {
        let limit_ms = self.config.stale_after_ms;
        (gap > i64::from(limit_ms) * NANOS_PER_MS).then(|| Reason::Missing {
            gap_ms: whole_ms(gap),
            limit_ms,
        })
    }
}

/// Of a positive time.
pub(super) fn whole_ms(nanos: i64) -> u64 {
    nanos.max(0).unsigned_abs() / NANOS_PER_MS.unsigned_abs()
}
