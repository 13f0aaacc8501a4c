use std::borrow::Cow;
use std::fmt;

use super::{State, Transition};
use crate::msg::lifecycle_msgs as msg;

/// A transition that somebody asks for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Request {
    /// By its id.
    Id(u8),
    /// By its label, which is `shutdown` from wherever one is.
    Label(Cow<'static, str>),
}

impl Request {
    /// From `unconfigured` to `inactive`.
    pub const CONFIGURE: Self = Self::Label(Cow::Borrowed("configure"));
    /// From `inactive` to `active`.
    pub const ACTIVATE: Self = Self::Label(Cow::Borrowed("activate"));
    /// From `active` to `inactive`.
    pub const DEACTIVATE: Self = Self::Label(Cow::Borrowed("deactivate"));
    /// From `inactive` to `unconfigured`.
    pub const CLEANUP: Self = Self::Label(Cow::Borrowed("cleanup"));
    /// From any of those three to `finalized`.
    pub const SHUTDOWN: Self = Self::Label(Cow::Borrowed("shutdown"));
}

impl From<msg::Transition> for Request {
    /// A label goes before an id, as in `rclcpp`: who writes only the label leaves the id 0.
    fn from(transition: msg::Transition) -> Self {
        if transition.label.is_empty() {
            Self::Id(transition.id)
        } else {
            Self::Label(transition.label.into())
        }
    }
}

impl fmt::Display for Request {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        /// Characters shown of a label, which comes from the network and can be of any length.
        const SHOWN: usize = 40;
        match self {
            Self::Id(id) => write!(f, "{id}"),
            Self::Label(label) => {
                let shown: String = label.chars().take(SHOWN).collect();
                let cut = if shown.len() < label.len() { "…" } else { "" };
                write!(f, "{shown:?}{cut}")
            }
        }
    }
}

/// What a callback came to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// It is done.
    Success,
    /// It is not done, and all is as before.
    Failure,
    /// It is not done, and nobody knows how things are.
    Error,
}

/// A request that is not possible in the state that the node is in.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("no transition {request} in state {state}")]
pub struct Refused {
    /// What was asked for.
    pub request: Request,
    /// The state then.
    pub state: State,
}

/// The state machine: where a node is, and where it can go from there. One that was just made is `unconfigured`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Machine {
    state: State,
}

impl Machine {
    /// Where it is.
    #[must_use]
    pub const fn state(&self) -> State {
        self.state
    }

    /// Leaves a primary state for the transition state that was asked for. What runs there is to
    /// be told to [`finish`](Self::finish).
    ///
    /// # Errors
    /// There is no such transition in this state; in a transition state there is none at all.
    pub fn begin(&mut self, request: &Request) -> Result<Transition, Refused> {
        let Some(transition) = Transition::requested(self.state, request) else {
            return Err(Refused {
                request: request.clone(),
                state: self.state,
            });
        };
        self.state = transition.goal();
        Ok(transition)
    }

    /// Leaves a transition state, for a primary one or for `errorprocessing`, which is to be
    /// finished in its turn. Nothing happens in a primary state.
    pub fn finish(&mut self, outcome: Outcome) -> Option<Transition> {
        let transition = Transition::finishing(self.state, outcome)?;
        self.state = transition.goal();
        Some(transition)
    }
}

#[cfg(test)]
#[path = "machine_tests.rs"]
mod tests;
