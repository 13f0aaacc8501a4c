use crate::msg::lifecycle_msgs as msg;

named! {
    /// A state of a managed node. The numbers and names are the ids and labels of
    /// `lifecycle_msgs/msg/State`, in the order in which `rcl_lifecycle` lists them.
    #[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
    #[repr(u8)]
    pub enum State {
        /// Never the state of a node: what a client has that knows nothing yet.
        Unknown = 0 => "unknown",
        /// Nothing is loaded.
        #[default]
        Unconfigured = 1 => "unconfigured",
        /// Ready, but does nothing.
        Inactive = 2 => "inactive",
        /// At work.
        Active = 3 => "active",
        /// Over; nothing leads out of it.
        Finalized = 4 => "finalized",
        /// [`configure`](super::Managed::configure) runs.
        Configuring = 10 => "configuring",
        /// [`cleanup`](super::Managed::cleanup) runs.
        CleaningUp = 11 => "cleaningup",
        /// [`shutdown`](super::Managed::shutdown) runs.
        ShuttingDown = 12 => "shuttingdown",
        /// [`activate`](super::Managed::activate) runs.
        Activating = 13 => "activating",
        /// [`deactivate`](super::Managed::deactivate) runs.
        Deactivating = 14 => "deactivating",
        /// [`recover`](super::Managed::recover) runs.
        ErrorProcessing = 15 => "errorprocessing",
    }
}

impl State {
    /// The id in messages.
    #[must_use]
    pub const fn id(self) -> u8 {
        self as u8
    }

    /// True where a node stays until somebody asks for a transition, false where a callback runs.
    #[must_use]
    pub const fn is_primary(self) -> bool {
        self.id() <= Self::Finalized.id()
    }
}

impl From<State> for msg::State {
    fn from(state: State) -> Self {
        Self {
            id: state.id(),
            label: state.name().to_owned(),
        }
    }
}
