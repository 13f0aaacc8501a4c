use std::fmt;

use super::Transition;
use crate::msg::lifecycle_msgs::TransitionEvent;

/// A transition that happened just now.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Event {
    /// Which one.
    pub transition: Transition,
    /// What the callback said, where it did not succeed.
    pub reason: Option<String>,
}

impl Event {
    /// The message, for the topic `~/transition_event`.
    ///
    /// `timestamp` is in nanoseconds of the node's clock. (`rcl_lifecycle` leaves it and the
    /// transition empty.)
    #[must_use]
    pub fn to_message(&self, timestamp: u64) -> TransitionEvent {
        TransitionEvent {
            timestamp,
            transition: self.transition.into(),
            start_state: self.transition.start().into(),
            goal_state: self.transition.goal().into(),
        }
    }
}

impl fmt::Display for Event {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (start, goal) = (self.transition.start(), self.transition.goal());
        write!(f, "{start} to {goal}")?;
        match &self.reason {
            Some(reason) => write!(f, ": {reason}"),
            None => Ok(()),
        }
    }
}
