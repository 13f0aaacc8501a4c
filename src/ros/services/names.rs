/// The names of the services, absolute and remapped: `/perception/lookout/reset`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ServiceNames {
    /// `std_srvs/srv/Trigger`
    pub reset: String,
    /// `std_srvs/srv/SetBool`
    pub enable: String,
    /// `lifecycle_msgs/srv/ChangeState`
    pub change_state: String,
    /// `lifecycle_msgs/srv/GetState`
    pub get_state: String,
    /// `lifecycle_msgs/srv/GetAvailableStates`
    pub get_available_states: String,
    /// `lifecycle_msgs/srv/GetAvailableTransitions`
    pub get_available_transitions: String,
    /// `lifecycle_msgs/srv/GetAvailableTransitions`
    pub get_transition_graph: String,
}

impl ServiceNames {
    /// All names, each as `expand` makes it of the private one: of `~/reset`, and so on.
    pub fn new(mut expand: impl FnMut(&str) -> String) -> Self {
        Self {
            reset: expand("~/reset"),
            enable: expand("~/enable"),
            change_state: expand("~/change_state"),
            get_state: expand("~/get_state"),
            get_available_states: expand("~/get_available_states"),
            get_available_transitions: expand("~/get_available_transitions"),
            get_transition_graph: expand("~/get_transition_graph"),
        }
    }
}
