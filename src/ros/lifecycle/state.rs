use std::fmt;

use crate::msg::lifecycle_msgs as msg;

/// A state of a managed node. The numbers are the ids of `lifecycle_msgs/msg/State`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[repr(u8)]
pub enum State {
    /// Never the state of a node: what a client has that knows nothing yet.
    Unknown = 0,
    /// Nothing is loaded.
    Unconfigured = 1,
    /// Ready, but does nothing.
    Inactive = 2,
    /// At work.
    Active = 3,
    /// Over; nothing leads out of it.
    Finalized = 4,
    /// [`configure`](super::Managed::configure) runs.
    Configuring = 10,
    /// [`cleanup`](super::Managed::cleanup) runs.
    CleaningUp = 11,
    /// [`shutdown`](super::Managed::shutdown) runs.
    ShuttingDown = 12,
    /// [`activate`](super::Managed::activate) runs.
    Activating = 13,
    /// [`deactivate`](super::Managed::deactivate) runs.
    Deactivating = 14,
    /// [`recover`](super::Managed::recover) runs.
    ErrorProcessing = 15,
}

impl State {
    /// All states, in the order in which `rcl_lifecycle` lists them.
    pub const ALL: [Self; 11] = [
        Self::Unknown,
        Self::Unconfigured,
        Self::Inactive,
        Self::Active,
        Self::Finalized,
        Self::Configuring,
        Self::CleaningUp,
        Self::ShuttingDown,
        Self::Activating,
        Self::Deactivating,
        Self::ErrorProcessing,
    ];

    /// The id in messages.
    #[must_use]
    pub const fn id(self) -> u8 {
        self as u8
    }

    /// The label in messages.
    #[must_use]
    pub const fn label(self) -> &'static str {
        match self {
            Self::Unknown => "unknown",
            Self::Unconfigured => "unconfigured",
            Self::Inactive => "inactive",
            Self::Active => "active",
            Self::Finalized => "finalized",
            Self::Configuring => "configuring",
            Self::CleaningUp => "cleaningup",
            Self::ShuttingDown => "shuttingdown",
            Self::Activating => "activating",
            Self::Deactivating => "deactivating",
            Self::ErrorProcessing => "errorprocessing",
        }
    }

    /// True where a node stays until somebody asks for a transition, false where a callback runs.
    #[must_use]
    pub const fn is_primary(self) -> bool {
        self.id() <= Self::Finalized.id()
    }
}

impl fmt::Display for State {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.label())
    }
}

impl From<State> for msg::State {
    fn from(state: State) -> Self {
        Self {
            id: state.id(),
            label: state.label().to_owned(),
        }
    }
}
