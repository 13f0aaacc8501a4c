//! Detections in a picture, as vision_msgs 4 defines them (4.0.0 of March 2022 and later: ROS 2
//! Humble, Iron, Jazzy, Kilted). Versions before 4 have other fields, and so another wire format.

use serde::{Deserialize, Serialize};

use super::{Header, PoseWithCovariance};

/// `vision_msgs/msg/Point2D`, in pixels.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Point2D {
    /// Column.
    pub x: f64,
    /// Row.
    pub y: f64,
}

/// `vision_msgs/msg/Pose2D`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Pose2D {
    /// Where, in pixels.
    pub position: Point2D,
    /// Rotation in radians.
    pub theta: f64,
}

/// `vision_msgs/msg/BoundingBox2D`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct BoundingBox2D {
    /// The centre of the box.
    pub center: Pose2D,
    /// Width in pixels.
    pub size_x: f64,
    /// Height in pixels.
    pub size_y: f64,
}

/// `vision_msgs/msg/ObjectHypothesis`.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct ObjectHypothesis {
    /// What it may be.
    pub class_id: String,
    /// How sure that is, 0 ..= 1.
    pub score: f64,
}

/// `vision_msgs/msg/ObjectHypothesisWithPose`.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct ObjectHypothesisWithPose {
    /// What it may be.
    pub hypothesis: ObjectHypothesis,
    /// Where that would be.
    pub pose: PoseWithCovariance,
}

/// `vision_msgs/msg/Detection2D`.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Detection2D {
    /// Stamp and frame of the picture.
    pub header: Header,
    /// What it may be, each with a score.
    pub results: Vec<ObjectHypothesisWithPose>,
    /// Where it is in the picture.
    pub bbox: BoundingBox2D,
    /// The same name for the same object in later messages; empty where that is not known.
    pub id: String,
}

/// `vision_msgs/msg/Detection2DArray`.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Detection2DArray {
    /// Stamp and frame of the picture.
    pub header: Header,
    /// What was detected.
    pub detections: Vec<Detection2D>,
}
