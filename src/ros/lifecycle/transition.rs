use super::{Outcome, Request, State};
use crate::msg::lifecycle_msgs as msg;

/// A transition: a line of the [graph](Transition::GRAPH).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Transition {
    id: u8,
    label: &'static str,
    start: State,
    goal: State,
}

const fn line(id: u8, label: &'static str, start: State, goal: State) -> Transition {
    Transition {
        id,
        label,
        start,
        goal,
    }
}

const SUCCESS: &str = "transition_success";
const FAILURE: &str = "transition_failure";
const ERROR: &str = "transition_error";
const SHUTDOWN: &str = "shutdown";

impl Transition {
    /// All transitions, as `get_transition_graph` of a node with `rcl_lifecycle` lists them.
    /// (`create` and `destroy` have ids in `lifecycle_msgs`, but are not in that machine.)
    pub const GRAPH: [Self; 25] = [
        line(1, "configure", State::Unconfigured, State::Configuring),
        line(10, SUCCESS, State::Configuring, State::Inactive),
        line(11, FAILURE, State::Configuring, State::Unconfigured),
        line(12, ERROR, State::Configuring, State::ErrorProcessing),
        line(2, "cleanup", State::Inactive, State::CleaningUp),
        line(20, SUCCESS, State::CleaningUp, State::Unconfigured),
        line(21, FAILURE, State::CleaningUp, State::Inactive),
        line(22, ERROR, State::CleaningUp, State::ErrorProcessing),
        line(3, "activate", State::Inactive, State::Activating),
        line(30, SUCCESS, State::Activating, State::Active),
        line(31, FAILURE, State::Activating, State::Inactive),
        line(32, ERROR, State::Activating, State::ErrorProcessing),
        line(4, "deactivate", State::Active, State::Deactivating),
        line(40, SUCCESS, State::Deactivating, State::Inactive),
        line(41, FAILURE, State::Deactivating, State::Active),
        line(42, ERROR, State::Deactivating, State::ErrorProcessing),
        line(5, SHUTDOWN, State::Unconfigured, State::ShuttingDown),
        line(6, SHUTDOWN, State::Inactive, State::ShuttingDown),
        line(7, SHUTDOWN, State::Active, State::ShuttingDown),
        line(50, SUCCESS, State::ShuttingDown, State::Finalized),
        line(51, FAILURE, State::ShuttingDown, State::Finalized),
        line(52, ERROR, State::ShuttingDown, State::ErrorProcessing),
        line(60, SUCCESS, State::ErrorProcessing, State::Unconfigured),
        line(61, FAILURE, State::ErrorProcessing, State::Finalized),
        line(62, ERROR, State::ErrorProcessing, State::Finalized),
    ];

    /// The id in messages.
    #[must_use]
    pub const fn id(self) -> u8 {
        self.id
    }

    /// The label in messages. Only together with the start is it unique.
    #[must_use]
    pub const fn label(self) -> &'static str {
        self.label
    }

    /// Where it starts.
    #[must_use]
    pub const fn start(self) -> State {
        self.start
    }

    /// Where it leads to.
    #[must_use]
    pub const fn goal(self) -> State {
        self.goal
    }

    /// Those that start at a state, in the order of the graph.
    pub fn from_state(state: State) -> impl Iterator<Item = Self> {
        let starts_here = move |transition: &Self| transition.start == state;
        Self::GRAPH.into_iter().filter(starts_here)
    }

    /// What a request means in a state. Nothing in a transition state: only a callback's outcome
    /// leads out of it.
    pub(super) fn requested(state: State, request: &Request) -> Option<Self> {
        let meant = |transition: &Self| match request {
            Request::Id(id) => transition.id == *id,
            Request::Label(label) => transition.label == label.as_ref(),
        };
        Self::from_state(state)
            .filter(|transition| transition.start.is_primary())
            .find(meant)
    }

    /// What a callback's outcome means in a state; nothing in a primary state.
    pub(super) fn finishing(state: State, outcome: Outcome) -> Option<Self> {
        let label = match outcome {
            Outcome::Success => SUCCESS,
            Outcome::Failure => FAILURE,
            Outcome::Error => ERROR,
        };
        Self::from_state(state).find(|transition| transition.label == label)
    }
}

impl From<Transition> for msg::Transition {
    fn from(transition: Transition) -> Self {
        Self {
            id: transition.id,
            label: transition.label.to_owned(),
        }
    }
}

impl From<Transition> for msg::TransitionDescription {
    fn from(transition: Transition) -> Self {
        Self {
            transition: transition.into(),
            start_state: transition.start.into(),
            goal_state: transition.goal.into(),
        }
    }
}
