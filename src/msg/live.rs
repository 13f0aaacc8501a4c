//! Small messages of a running system: time, numbers, log lines.

use serde::{Deserialize, Serialize};

use super::Time;

/// `rosgraph_msgs/msg/Clock`: the time of a simulation or of a bag that is played.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Clock {
    /// The time.
    pub clock: Time,
}

/// `std_msgs/msg/Float64`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Float64 {
    /// The value.
    pub data: f64,
}

/// `rcl_interfaces/msg/Log`: a line of `/rosout`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Log {
    /// When it was said.
    pub stamp: Time,
    /// [`DEBUG`](Self::DEBUG) .. [`FATAL`](Self::FATAL).
    pub level: u8,
    /// The logger, which is the node's name or begins with it.
    pub name: String,
    /// What was said.
    pub msg: String,
    /// Source file.
    pub file: String,
    /// Function in it.
    pub function: String,
    /// Line in it.
    pub line: u32,
}

impl Log {
    /// Of use when something is searched for.
    pub const DEBUG: u8 = 10;
    /// Good to know.
    pub const INFO: u8 = 20;
    /// Something may go wrong.
    pub const WARN: u8 = 30;
    /// Something went wrong.
    pub const ERROR: u8 = 40;
    /// It cannot go on.
    pub const FATAL: u8 = 50;
}
