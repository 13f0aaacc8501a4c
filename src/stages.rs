//! What the work on a frame consists of, how long it took, and what became of the frame.

use std::time::Duration;

named! {
    /// A part of the work on one frame that is timed by itself, in the order of the work.
    #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, serde::Serialize)]
    #[serde(rename_all = "kebab-case")]
    pub enum Stage {
        /// Camera encoding to pixels.
        Decode => "decode",
        /// Resize, normalise, planar.
        Preprocess => "preprocess",
        /// Segmentation network.
        Segmentation => "segmentation",
        /// Observer network.
        Observer => "observer",
        /// Score map from logits or the observer.
        Score => "score",
        /// Mask, regions, supervisor.
        Decide => "decide",
        /// Handing the results to whoever asked for them.
        Publish => "publish",
    }
}

/// How long each stage of one frame took. A stage that did not run has no time, which is not the
/// same as a time of zero: percentiles are taken over the frames that a stage ran on.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct StageTimes([Option<Duration>; Stage::COUNT]);

impl StageTimes {
    /// Adds to a stage's time; a stage may run in several pieces. Saturates.
    pub fn add(&mut self, stage: Stage, time: Duration) {
        let slot = &mut self.0[stage as usize];
        *slot = Some(slot.unwrap_or_default().saturating_add(time));
    }

    /// A stage's time, `None` when it did not run.
    pub fn get(&self, stage: Stage) -> Option<Duration> {
        self.0[stage as usize]
    }

    /// The stages with their times, in the order of the work.
    pub fn iter(&self) -> impl Iterator<Item = (Stage, Option<Duration>)> + '_ {
        Stage::ALL.into_iter().zip(self.0)
    }

    /// The sum over the stages; saturates.
    pub fn total(&self) -> Duration {
        self.0
            .iter()
            .flatten()
            .fold(Duration::ZERO, |sum, time| sum.saturating_add(*time))
    }
}

/// What became of a frame.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FrameFate {
    /// Its verdict was out within the deadline.
    InTime,
    /// Its verdict came too late: flagged, never shown as fresh.
    Late,
    /// Admission let it go: no mode would have been in time.
    Refused,
    /// So many frames gave up their place in the mailbox to a newer one.
    Replaced(u64),
    /// It could not be decoded, run or scored.
    Failed,
}

impl FrameFate {
    /// A short name that stays the same over versions.
    pub const fn name(self) -> &'static str {
        match self {
            Self::InTime => "in-time",
            Self::Late => "late",
            Self::Refused => "refused",
            Self::Replaced(_) => "replaced",
            Self::Failed => "failed",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn stages_are_numbered_in_the_order_of_the_work() {
        for (i, stage) in Stage::ALL.into_iter().enumerate() {
            assert_eq!(stage as usize, i);
        }
    }

    #[test]
    fn a_stage_that_did_not_run_has_no_time() {
        let mut times = StageTimes::default();
        times.add(Stage::Decode, Duration::from_millis(1));
        times.add(Stage::Decode, Duration::from_millis(2));
        times.add(Stage::Publish, Duration::MAX);
        assert_eq!(times.get(Stage::Decode), Some(Duration::from_millis(3)));
        assert_eq!(times.get(Stage::Observer), None);
        assert_eq!(times.total(), Duration::MAX);
    }
}
