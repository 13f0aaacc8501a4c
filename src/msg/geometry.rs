//! Where things are and how they move (geometry_msgs, nav_msgs).

use serde::{Deserialize, Serialize};

use super::{Header, array};

/// `geometry_msgs/msg/Point`, in metres.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Point {
    /// Along the first axis.
    pub x: f64,
    /// Along the second axis.
    pub y: f64,
    /// Along the third axis.
    pub z: f64,
}

/// `geometry_msgs/msg/Vector3`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Vector3 {
    /// Along the first axis.
    pub x: f64,
    /// Along the second axis.
    pub y: f64,
    /// Along the third axis.
    pub z: f64,
}

/// `geometry_msgs/msg/Quaternion`; the default is no rotation, as in the message's definition.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Quaternion {
    /// First part of the vector.
    pub x: f64,
    /// Second part of the vector.
    pub y: f64,
    /// Third part of the vector.
    pub z: f64,
    /// The scalar.
    pub w: f64,
}

impl Default for Quaternion {
    fn default() -> Self {
        let (x, y, z, w) = (0.0, 0.0, 0.0, 1.0);
        Self { x, y, z, w }
    }
}

/// `geometry_msgs/msg/Pose`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Pose {
    /// Where.
    pub position: Point,
    /// How it is turned.
    pub orientation: Quaternion,
}

/// `geometry_msgs/msg/PoseWithCovariance`.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct PoseWithCovariance {
    /// The pose.
    pub pose: Pose,
    /// 6 x 6, row by row: x, y, z, rotations about X, Y, Z.
    #[serde(with = "array")]
    pub covariance: [f64; 36],
}

impl Default for PoseWithCovariance {
    fn default() -> Self {
        Self {
            pose: Pose::default(),
            covariance: [0.0; 36],
        }
    }
}

/// `geometry_msgs/msg/Twist`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Twist {
    /// Metres a second.
    pub linear: Vector3,
    /// Radians a second.
    pub angular: Vector3,
}

/// `geometry_msgs/msg/TwistWithCovariance`.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct TwistWithCovariance {
    /// The velocities.
    pub twist: Twist,
    /// 6 x 6, row by row: x, y, z, rotations about X, Y, Z.
    #[serde(with = "array")]
    pub covariance: [f64; 36],
}

impl Default for TwistWithCovariance {
    fn default() -> Self {
        Self {
            twist: Twist::default(),
            covariance: [0.0; 36],
        }
    }
}

/// `nav_msgs/msg/Odometry`.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Odometry {
    /// When, and the frame of the pose.
    pub header: Header,
    /// The frame of the twist, usually `base_link`.
    pub child_frame_id: String,
    /// Where the vehicle is.
    pub pose: PoseWithCovariance,
    /// How it moves; `twist.linear.x` is forwards (REP 103).
    pub twist: TwistWithCovariance,
}
