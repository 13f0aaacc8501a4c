//! Names and definitions of the messages; each definition is put together from those of the types it uses.

use super::{
    Bool, CameraInfo, Clock, CompressedImage, CompressedImageRef, Detection2DArray,
    DiagnosticArray, DiagnosticStatus, Float64, Header, HeaderRef, Image, ImageRef, KeyValue, Log,
    Odometry, RosMessage, Time, lifecycle_msgs,
};

/// Gives a type its name and its definition, or those of the type that it borrows from.
macro_rules! message {
    ($Message:ty = $Owned:ty) => {
        impl RosMessage for $Message {
            const TYPE: &'static str = <$Owned>::TYPE;
            const DEFINITION: &'static str = <$Owned>::DEFINITION;
        }
    };
    ($Message:ty, $name:literal, $($definition:tt)+) => {
        impl RosMessage for $Message {
            const TYPE: &'static str = $name;
            const DEFINITION: &'static str = concat!($($definition)+);
        }
    };
}

/// The fields of a type that is used alone and by others.
macro_rules! fields {
    (Time) => {
        "int32 sec\nuint32 nanosec\n"
    };
    (Header) => {
        "builtin_interfaces/Time stamp\nstring frame_id\n"
    };
    (KeyValue) => {
        "string key\nstring value\n"
    };
    (DiagnosticStatus) => {
        concat!(
            "byte OK=0\nbyte WARN=1\nbyte ERROR=2\nbyte STALE=3\n",
            "byte level\nstring name\nstring message\nstring hardware_id\nKeyValue[] values\n"
        )
    };
    // The constants of the two are left out: they belong to the state machine, not to the wire.
    (StateOrTransition) => {
        "uint8 id\nstring label\n"
    };
}

macro_rules! separator {
    ($name:literal) => {
        concat!(
            "================================================================================\n",
            "MSG: ",
            $name,
            "\n"
        )
    };
}

/// A type with those that it uses, as it stands below the fields of a type that uses it.
macro_rules! part {
    (Time) => {
        concat!(separator!("builtin_interfaces/Time"), fields!(Time))
    };
    (Header) => {
        concat!(separator!("std_msgs/Header"), fields!(Header), part!(Time))
    };
    (KeyValue) => {
        concat!(separator!("diagnostic_msgs/KeyValue"), fields!(KeyValue))
    };
    (PoseWithCovariance) => {
        concat!(
            separator!("geometry_msgs/PoseWithCovariance"),
            "Pose pose\nfloat64[36] covariance\n",
            separator!("geometry_msgs/Pose"),
            "Point position\nQuaternion orientation\n",
            separator!("geometry_msgs/Point"),
            "float64 x\nfloat64 y\nfloat64 z\n",
            separator!("geometry_msgs/Quaternion"),
            "float64 x 0\nfloat64 y 0\nfloat64 z 0\nfloat64 w 1\n"
        )
    };
    (StateAndTransition) => {
        concat!(
            separator!("lifecycle_msgs/Transition"),
            fields!(StateOrTransition),
            separator!("lifecycle_msgs/State"),
            fields!(StateOrTransition)
        )
    };
}

message!(Time, "builtin_interfaces/msg/Time", fields!(Time));
message!(Header, "std_msgs/msg/Header", fields!(Header), part!(Time));
message!(HeaderRef<'_> = Header);
message!(Bool, "std_msgs/msg/Bool", "bool data\n");
message!(
    Image,
    "sensor_msgs/msg/Image",
    "std_msgs/Header header\nuint32 height\nuint32 width\nstring encoding\n",
    "uint8 is_bigendian\nuint32 step\nuint8[] data\n",
    part!(Header)
);
message!(ImageRef<'_> = Image);
message!(
    CompressedImage,
    "sensor_msgs/msg/CompressedImage",
    "std_msgs/Header header\nstring format\nuint8[] data\n",
    part!(Header)
);
message!(CompressedImageRef<'_> = CompressedImage);
message!(KeyValue, "diagnostic_msgs/msg/KeyValue", fields!(KeyValue));
message!(
    DiagnosticStatus,
    "diagnostic_msgs/msg/DiagnosticStatus",
    fields!(DiagnosticStatus),
    part!(KeyValue)
);
message!(
    DiagnosticArray,
    "diagnostic_msgs/msg/DiagnosticArray",
    "std_msgs/Header header\nDiagnosticStatus[] status\n",
    separator!("diagnostic_msgs/DiagnosticStatus"),
    fields!(DiagnosticStatus),
    part!(KeyValue),
    part!(Header)
);
message!(
    Clock,
    "rosgraph_msgs/msg/Clock",
    "builtin_interfaces/Time clock\n",
    part!(Time)
);
message!(Float64, "std_msgs/msg/Float64", "float64 data\n");
message!(
    Log,
    "rcl_interfaces/msg/Log",
    "byte DEBUG=10\nbyte INFO=20\nbyte WARN=30\nbyte ERROR=40\nbyte FATAL=50\n",
    "builtin_interfaces/Time stamp\nuint8 level\nstring name\nstring msg\nstring file\n",
    "string function\nuint32 line\n",
    part!(Time)
);
message!(
    CameraInfo,
    "sensor_msgs/msg/CameraInfo",
    "std_msgs/Header header\nuint32 height\nuint32 width\nstring distortion_model\n",
    "float64[] d\nfloat64[9] k\nfloat64[9] r\nfloat64[12] p\nuint32 binning_x\n",
    "uint32 binning_y\nRegionOfInterest roi\n",
    separator!("sensor_msgs/RegionOfInterest"),
    "uint32 x_offset\nuint32 y_offset\nuint32 height\nuint32 width\nbool do_rectify\n",
    part!(Header)
);
message!(
    Odometry,
    "nav_msgs/msg/Odometry",
    "std_msgs/Header header\nstring child_frame_id\n",
    "geometry_msgs/PoseWithCovariance pose\ngeometry_msgs/TwistWithCovariance twist\n",
    part!(PoseWithCovariance),
    separator!("geometry_msgs/TwistWithCovariance"),
    "Twist twist\nfloat64[36] covariance\n",
    separator!("geometry_msgs/Twist"),
    "Vector3 linear\nVector3 angular\n",
    separator!("geometry_msgs/Vector3"),
    "float64 x\nfloat64 y\nfloat64 z\n",
    part!(Header)
);
message!(
    Detection2DArray,
    "vision_msgs/msg/Detection2DArray",
    "std_msgs/Header header\nDetection2D[] detections\n",
    separator!("vision_msgs/Detection2D"),
    "std_msgs/Header header\nObjectHypothesisWithPose[] results\nBoundingBox2D bbox\nstring id\n",
    separator!("vision_msgs/ObjectHypothesisWithPose"),
    "ObjectHypothesis hypothesis\ngeometry_msgs/PoseWithCovariance pose\n",
    separator!("vision_msgs/ObjectHypothesis"),
    "string class_id\nfloat64 score\n",
    separator!("vision_msgs/BoundingBox2D"),
    "vision_msgs/Pose2D center\nfloat64 size_x\nfloat64 size_y\n",
    separator!("vision_msgs/Pose2D"),
    "vision_msgs/Point2D position\nfloat64 theta\n",
    separator!("vision_msgs/Point2D"),
    "float64 x\nfloat64 y\n",
    part!(PoseWithCovariance),
    part!(Header)
);
message!(
    lifecycle_msgs::State,
    "lifecycle_msgs/msg/State",
    fields!(StateOrTransition)
);
message!(
    lifecycle_msgs::Transition,
    "lifecycle_msgs/msg/Transition",
    fields!(StateOrTransition)
);
message!(
    lifecycle_msgs::TransitionDescription,
    "lifecycle_msgs/msg/TransitionDescription",
    "Transition transition\nState start_state\nState goal_state\n",
    part!(StateAndTransition)
);
message!(
    lifecycle_msgs::TransitionEvent,
    "lifecycle_msgs/msg/TransitionEvent",
    "uint64 timestamp\nTransition transition\nState start_state\nState goal_state\n",
    part!(StateAndTransition)
);
