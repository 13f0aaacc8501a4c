//! The calibration of a camera.

use serde::{Deserialize, Serialize};

use super::{Header, RosMessage, definition};

/// `sensor_msgs/msg/RegionOfInterest`, in pixels.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct RegionOfInterest {
    /// Leftmost column.
    pub x_offset: u32,
    /// Topmost row.
    pub y_offset: u32,
    /// Rows; 0: all.
    pub height: u32,
    /// Columns; 0: all.
    pub width: u32,
    /// Whether a rectified picture is cut too.
    pub do_rectify: bool,
}

/// `sensor_msgs/msg/CameraInfo`.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct CameraInfo {
    /// Stamp and frame of the picture that it belongs to.
    pub header: Header,
    /// Rows at calibration.
    pub height: u32,
    /// Columns at calibration.
    pub width: u32,
    /// Name of the distortion model, like `plumb_bob`.
    pub distortion_model: String,
    /// Its parameters; on the wire `d`.
    pub d: Vec<f64>,
    /// Intrinsic matrix 3 x 3 of the raw picture, row by row; `k[0]` is 0 when not calibrated.
    pub k: [f64; 9],
    /// Rectification matrix 3 x 3, row by row.
    pub r: [f64; 9],
    /// Projection matrix 3 x 4 of the rectified picture, row by row.
    pub p: [f64; 12],
    /// Columns that the camera joins to one; 0 and 1: none.
    pub binning_x: u32,
    /// Rows that the camera joins to one; 0 and 1: none.
    pub binning_y: u32,
    /// The part of the sensor that the picture shows.
    pub roi: RegionOfInterest,
}

impl RosMessage for CameraInfo {
    const TYPE: &'static str = "sensor_msgs/msg/CameraInfo";
    const DEFINITION: &'static str = definition::CAMERA_INFO;
}
