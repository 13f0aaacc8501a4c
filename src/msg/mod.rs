//! The ROS 2 messages that are read and written, and their wire format.
//!
//! Plain structs with the fields of the `.msg` files in their order, which is what
//! [CDR](cdr) needs. [`ImageRef`] and [`CompressedImageRef`] borrow everything from the buffer
//! they are read from, so a picture of any size is read without a copy or an allocation, and
//! written without being owned.
//!
//! ```
//! use lookout::msg::{ImageRef, HeaderRef, Time, cdr};
//!
//! let image = ImageRef {
//!     header: HeaderRef { stamp: Time { sec: 1, nanosec: 2 }, frame_id: "camera" },
//!     height: 1,
//!     width: 2,
//!     encoding: "mono8",
//!     is_bigendian: 0,
//!     step: 2,
//!     data: &[10, 20],
//! };
//! let bytes = cdr::to_vec(&image)?;
//! assert_eq!(cdr::from_slice::<ImageRef>(&bytes)?, image);
//! # Ok::<(), lookout::msg::cdr::CdrError>(())
//! ```

mod array;
mod camera_info;
pub mod cdr;
mod definition;
mod geometry;
mod image;
pub mod lifecycle_msgs;
mod live;
pub mod parameters;
mod plain;
mod status;
pub mod std_srvs;
mod vision;

pub use camera_info::{CameraInfo, RegionOfInterest};
pub use geometry::{
    Odometry, Point, Pose, PoseWithCovariance, Quaternion, Twist, TwistWithCovariance, Vector3,
};
pub use image::{CompressedImage, CompressedImageRef, Image, ImageRef};
pub use live::{Clock, Float64, Log};
pub use plain::{Bool, DiagnosticArray, DiagnosticStatus, Header, HeaderRef, KeyValue, Time};
pub use status::{LiveStatus, Networks};
pub use vision::{
    BoundingBox2D, Detection2D, Detection2DArray, ObjectHypothesis, ObjectHypothesisWithPose,
    Point2D, Pose2D,
};

/// A message type that ROS 2 knows by name.
pub trait RosMessage {
    /// The full name, like `sensor_msgs/msg/Image`.
    const TYPE: &'static str;

    /// The definition in the form of a `ros2msg` schema: the fields of the type itself, then
    /// those of every type that it uses, each under a line of 80 `=` and a line `MSG: name`.
    const DEFINITION: &'static str;
}

#[cfg(test)]
mod live_tests;
