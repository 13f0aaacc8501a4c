//! Requests and responses of `std_srvs`.

use serde::{Deserialize, Serialize};

/// The request of a service that asks nothing.
///
/// IDL knows no empty struct, so ROS 2 puts one byte on the wire in its place.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct EmptyRequest {
    /// No meaning.
    pub structure_needs_at_least_one_member: u8,
}

/// The request of `std_srvs/srv/Trigger`.
pub type TriggerRequest = EmptyRequest;

/// The response of `std_srvs/srv/Trigger`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct TriggerResponse {
    /// It was done.
    pub success: bool,
    /// What was done, or why not.
    pub message: String,
}

/// The request of `std_srvs/srv/SetBool`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct SetBoolRequest {
    /// On or off.
    pub data: bool,
}

/// The response of `std_srvs/srv/SetBool`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct SetBoolResponse {
    /// It was done.
    pub success: bool,
    /// What was done, or why not.
    pub message: String,
}
