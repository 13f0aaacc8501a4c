//! `lifecycle_msgs`: how ROS 2 tells and changes the state of a managed node.
//!
//! The ids and labels that go into these messages are those of the
//! [state machine](https://design.ros2.org/articles/node_lifecycle.html).

use serde::{Deserialize, Serialize};

pub use super::std_srvs::EmptyRequest;

/// `lifecycle_msgs/msg/State`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct State {
    /// 0 unknown, 1 ..= 4 primary states, 10 ..= 15 transition states.
    pub id: u8,
    /// The state's name.
    pub label: String,
}

/// `lifecycle_msgs/msg/Transition`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Transition {
    /// Which transition. In a request it counts only where the label is empty.
    pub id: u8,
    /// The transition's name, which several may share.
    pub label: String,
}

/// `lifecycle_msgs/msg/TransitionDescription`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct TransitionDescription {
    /// Its id and label.
    pub transition: Transition,
    /// Where it starts.
    pub start_state: State,
    /// Where it leads to.
    pub goal_state: State,
}

/// `lifecycle_msgs/msg/TransitionEvent`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct TransitionEvent {
    /// When it happened, in nanoseconds of the node's clock.
    pub timestamp: u64,
    /// Which transition it was.
    pub transition: Transition,
    /// The state before it.
    pub start_state: State,
    /// The state since.
    pub goal_state: State,
}

/// The request of `lifecycle_msgs/srv/ChangeState`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct ChangeStateRequest {
    /// By its label or, where that is empty, by its id.
    pub transition: Transition,
}

/// The response of `lifecycle_msgs/srv/ChangeState`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct ChangeStateResponse {
    /// The transition was possible, and what it calls for succeeded.
    pub success: bool,
}

/// The request of `lifecycle_msgs/srv/GetState`.
pub type GetStateRequest = EmptyRequest;

/// The response of `lifecycle_msgs/srv/GetState`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct GetStateResponse {
    /// The state now, which can be one of the transition states.
    pub current_state: State,
}

/// The request of `lifecycle_msgs/srv/GetAvailableStates`.
pub type GetAvailableStatesRequest = EmptyRequest;

/// The response of `lifecycle_msgs/srv/GetAvailableStates`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct GetAvailableStatesResponse {
    /// All states that the node knows.
    pub available_states: Vec<State>,
}

/// The request of `lifecycle_msgs/srv/GetAvailableTransitions`.
pub type GetAvailableTransitionsRequest = EmptyRequest;

/// The response of `lifecycle_msgs/srv/GetAvailableTransitions`, which is the type of both
/// `get_available_transitions` and `get_transition_graph`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct GetAvailableTransitionsResponse {
    /// Those from the state now, or all.
    pub available_transitions: Vec<TransitionDescription>,
}
