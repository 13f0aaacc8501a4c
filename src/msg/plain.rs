//! Messages without pictures.

use serde::{Deserialize, Serialize};

use super::cdr::{self, CdrError};
use crate::time::Stamp;

/// `builtin_interfaces/msg/Time`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Time {
    /// Seconds since the clock's epoch.
    pub sec: i32,
    /// Nanoseconds since `sec`, 0 ..= 999 999 999.
    pub nanosec: u32,
}

impl Time {
    /// The time, where it is one.
    ///
    /// # Errors
    /// [`CdrError::Stamp`]: its nanoseconds are a second or more.
    pub const fn checked(self) -> Result<Self, CdrError> {
        match self {
            Self {
                nanosec: ..1_000_000_000,
                ..
            } => Ok(self),
            Self { sec, nanosec } => Err(CdrError::Stamp { sec, nanosec }),
        }
    }
}

impl From<Stamp> for Time {
    /// Seconds saturate at the ends of `i32`.
    fn from(stamp: Stamp) -> Self {
        let (sec, nanosec) = stamp.to_ros();
        Self { sec, nanosec }
    }
}

impl From<Time> for Stamp {
    fn from(time: Time) -> Self {
        Stamp::from_ros(time.sec, time.nanosec)
    }
}

/// `std_msgs/msg/Header`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Header {
    /// When what the message is about was taken.
    pub stamp: Time,
    /// The coordinate frame (REP 105) of the sensor.
    pub frame_id: String,
}

/// [`Header`], borrowed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct HeaderRef<'a> {
    /// When what the message is about was taken.
    pub stamp: Time,
    /// The coordinate frame (REP 105) of the sensor.
    #[serde(borrow, deserialize_with = "cdr::borrowed_str")]
    pub frame_id: &'a str,
}

/// `std_msgs/msg/Bool`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Bool {
    /// The value.
    pub data: bool,
}

/// `diagnostic_msgs/msg/KeyValue`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct KeyValue {
    /// What is measured.
    pub key: String,
    /// Its value, as text.
    pub value: String,
}

impl KeyValue {
    /// A pair.
    pub fn new(key: &str, value: impl Into<String>) -> Self {
        Self {
            key: key.to_owned(),
            value: value.into(),
        }
    }
}

/// `diagnostic_msgs/msg/DiagnosticStatus`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct DiagnosticStatus {
    /// [`OK`](Self::OK), [`WARN`](Self::WARN), [`ERROR`](Self::ERROR) or [`STALE`](Self::STALE).
    pub level: u8,
    /// The component that reports.
    pub name: String,
    /// One line for people.
    pub message: String,
    /// The hardware that the component runs on or talks to.
    pub hardware_id: String,
    /// Measurements.
    pub values: Vec<KeyValue>,
}

impl DiagnosticStatus {
    /// All is well.
    pub const OK: u8 = 0;
    /// Works, with a restriction.
    pub const WARN: u8 = 1;
    /// Does not work.
    pub const ERROR: u8 = 2;
    /// Nothing was heard for too long.
    pub const STALE: u8 = 3;
}

/// `diagnostic_msgs/msg/DiagnosticArray`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct DiagnosticArray {
    /// When the statuses were taken.
    pub header: Header,
    /// One status a component.
    pub status: Vec<DiagnosticStatus>,
}
