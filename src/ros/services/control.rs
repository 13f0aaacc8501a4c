use std::sync::Arc;

use ros2_client::Node;

use super::aside::serve_aside;
use super::server::{ServiceError, Serving, serve};
use crate::msg::{lifecycle_msgs, std_srvs};
use crate::ros::lifecycle::{Request, State, Transition};

/// What the services do with the node.
pub trait Control: Send + Sync {
    /// Resets the latch of a confirmed stop, as the client `by` asks. Returns what was done, or why
    /// not. May wait for the frame that is judged: called on a thread of its own, for one request at a time.
    ///
    /// # Errors
    /// Why there was no reset.
    fn reset(&self, by: &str) -> Result<String, String>;

    /// Lets frames be judged, or not, as the client `by` asks. Returns what was done, or why not. The
    /// flag is up when frames are not judged any more. Quick.
    ///
    /// # Errors
    /// Why it stays as it was.
    fn enable(&self, on: bool, by: &str) -> Result<String, String>;

    /// Where the node is now. Quick, also while a change runs.
    fn state(&self) -> State;

    /// Makes a transition, and returns when it is done, which may take seconds. True where it was
    /// possible and succeeded. Called on a thread of its own, for one request at a time.
    fn change_state(&self, request: &Request) -> bool;
}

/// The servers of `~/reset`, `~/enable` and of the five services of a managed node. They appear in
/// the graph as services of `node`, and are there from now on; they answer once
/// [`Services`](super::Services) runs them. `name` makes the absolute and remapped name of a private
/// one: of `~/reset`, and so on.
///
/// # Errors
/// A name is no absolute one, DDS refuses, or there is no thread for changes of state or resets.
pub fn control_servers(
    node: &mut Node,
    name: impl Fn(&str) -> String,
    control: &Arc<dyn Control>,
) -> Result<Vec<Serving>, ServiceError> {
    let by = || Arc::clone(control);
    let (reset, enable, change, state, transitions) = (by(), by(), by(), by(), by());
    let busy = std_srvs::TriggerResponse {
        success: false,
        message: "too many requests for a reset wait already; ask again".to_owned(),
    };
    Ok(vec![
        serve_aside(
            node,
            &name("~/reset"),
            ("std_srvs", "Trigger"),
            "lookout-reset",
            busy,
            move |_: std_srvs::TriggerRequest, by| {
                let (success, message) = success_and_message(reset.reset(by));
                std_srvs::TriggerResponse { success, message }
            },
        )?,
        serve(
            node,
            &name("~/enable"),
            ("std_srvs", "SetBool"),
            move |request: std_srvs::SetBoolRequest, by| {
                let (success, message) = success_and_message(enable.enable(request.data, by));
                std_srvs::SetBoolResponse { success, message }
            },
        )?,
        serve_aside(
            node,
            &name("~/change_state"),
            ("lifecycle_msgs", "ChangeState"),
            "lookout-change",
            lifecycle_msgs::ChangeStateResponse { success: false },
            move |request: lifecycle_msgs::ChangeStateRequest, _| {
                let success = change.change_state(&request.transition.into());
                lifecycle_msgs::ChangeStateResponse { success }
            },
        )?,
        serve(
            node,
            &name("~/get_state"),
            ("lifecycle_msgs", "GetState"),
            move |_: lifecycle_msgs::GetStateRequest, _| lifecycle_msgs::GetStateResponse {
                current_state: state.state().into(),
            },
        )?,
        serve(
            node,
            &name("~/get_available_states"),
            ("lifecycle_msgs", "GetAvailableStates"),
            |_: lifecycle_msgs::GetAvailableStatesRequest, _| {
                lifecycle_msgs::GetAvailableStatesResponse {
                    available_states: State::ALL.map(Into::into).to_vec(),
                }
            },
        )?,
        serve(
            node,
            &name("~/get_available_transitions"),
            TRANSITIONS,
            move |_: lifecycle_msgs::GetAvailableTransitionsRequest, _| {
                described(Transition::from_state(transitions.state()))
            },
        )?,
        serve(
            node,
            &name("~/get_transition_graph"),
            TRANSITIONS,
            |_: lifecycle_msgs::GetAvailableTransitionsRequest, _| {
                described(Transition::GRAPH.into_iter())
            },
        )?,
    ])
}

const TRANSITIONS: (&str, &str) = ("lifecycle_msgs", "GetAvailableTransitions");

fn described(
    transitions: impl Iterator<Item = Transition>,
) -> lifecycle_msgs::GetAvailableTransitionsResponse {
    lifecycle_msgs::GetAvailableTransitionsResponse {
        available_transitions: transitions.map(Into::into).collect(),
    }
}

fn success_and_message(result: Result<String, String>) -> (bool, String) {
    match result {
        Ok(message) => (true, message),
        Err(message) => (false, message),
    }
}
