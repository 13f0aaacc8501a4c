//! Message definitions, put together from those of the types they use.

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

macro_rules! time {
    () => {
        "int32 sec\nuint32 nanosec\n"
    };
}

macro_rules! header {
    () => {
        "builtin_interfaces/Time stamp\nstring frame_id\n"
    };
}

macro_rules! header_part {
    () => {
        concat!(
            separator!("std_msgs/Header"),
            header!(),
            separator!("builtin_interfaces/Time"),
            time!()
        )
    };
}

macro_rules! key_value {
    () => {
        "string key\nstring value\n"
    };
}

macro_rules! status {
    () => {
        concat!(
            "byte OK=0\nbyte WARN=1\nbyte ERROR=2\nbyte STALE=3\n",
            "byte level\nstring name\nstring message\nstring hardware_id\nKeyValue[] values\n"
        )
    };
}

macro_rules! key_value_part {
    () => {
        concat!(separator!("diagnostic_msgs/KeyValue"), key_value!())
    };
}

pub(super) const TIME: &str = time!();
pub(super) const HEADER: &str = concat!(header!(), separator!("builtin_interfaces/Time"), time!());
pub(super) const BOOL: &str = "bool data\n";
pub(super) const IMAGE: &str = concat!(
    "std_msgs/Header header\nuint32 height\nuint32 width\nstring encoding\n",
    "uint8 is_bigendian\nuint32 step\nuint8[] data\n",
    header_part!()
);
pub(super) const COMPRESSED_IMAGE: &str = concat!(
    "std_msgs/Header header\nstring format\nuint8[] data\n",
    header_part!()
);
pub(super) const KEY_VALUE: &str = key_value!();
pub(super) const DIAGNOSTIC_STATUS: &str = concat!(status!(), key_value_part!());
pub(super) const DIAGNOSTIC_ARRAY: &str = concat!(
    "std_msgs/Header header\nDiagnosticStatus[] status\n",
    separator!("diagnostic_msgs/DiagnosticStatus"),
    status!(),
    key_value_part!(),
    header_part!()
);

macro_rules! region_of_interest {
    () => {
        concat!(
            "uint32 x_offset\nuint32 y_offset\nuint32 height\nuint32 width\n",
            "bool do_rectify\n"
        )
    };
}

macro_rules! xyz {
    () => {
        "float64 x\nfloat64 y\nfloat64 z\n"
    };
}

macro_rules! pose_with_covariance_part {
    () => {
        concat!(
            separator!("geometry_msgs/PoseWithCovariance"),
            "Pose pose\nfloat64[36] covariance\n",
            separator!("geometry_msgs/Pose"),
            "Point position\nQuaternion orientation\n",
            separator!("geometry_msgs/Point"),
            xyz!(),
            separator!("geometry_msgs/Quaternion"),
            "float64 x 0\nfloat64 y 0\nfloat64 z 0\nfloat64 w 1\n"
        )
    };
}

pub(super) const CLOCK: &str = concat!(
    "builtin_interfaces/Time clock\n",
    separator!("builtin_interfaces/Time"),
    time!()
);
pub(super) const FLOAT64: &str = "float64 data\n";
pub(super) const LOG: &str = concat!(
    "byte DEBUG=10\nbyte INFO=20\nbyte WARN=30\nbyte ERROR=40\nbyte FATAL=50\n",
    "builtin_interfaces/Time stamp\nuint8 level\nstring name\nstring msg\nstring file\n",
    "string function\nuint32 line\n",
    separator!("builtin_interfaces/Time"),
    time!()
);
pub(super) const CAMERA_INFO: &str = concat!(
    "std_msgs/Header header\nuint32 height\nuint32 width\nstring distortion_model\n",
    "float64[] d\nfloat64[9] k\nfloat64[9] r\nfloat64[12] p\nuint32 binning_x\n",
    "uint32 binning_y\nRegionOfInterest roi\n",
    separator!("sensor_msgs/RegionOfInterest"),
    region_of_interest!(),
    header_part!()
);
pub(super) const ODOMETRY: &str = concat!(
    "std_msgs/Header header\nstring child_frame_id\n",
    "geometry_msgs/PoseWithCovariance pose\ngeometry_msgs/TwistWithCovariance twist\n",
    pose_with_covariance_part!(),
    separator!("geometry_msgs/TwistWithCovariance"),
    "Twist twist\nfloat64[36] covariance\n",
    separator!("geometry_msgs/Twist"),
    "Vector3 linear\nVector3 angular\n",
    separator!("geometry_msgs/Vector3"),
    xyz!(),
    header_part!()
);
pub(super) const DETECTION_2D_ARRAY: &str = concat!(
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
    pose_with_covariance_part!(),
    header_part!()
);

// The constants of the two are left out: they belong to the state machine, not to the wire.
macro_rules! id_and_label {
    () => {
        "uint8 id\nstring label\n"
    };
}

macro_rules! state_and_transition_parts {
    () => {
        concat!(
            separator!("lifecycle_msgs/Transition"),
            id_and_label!(),
            separator!("lifecycle_msgs/State"),
            id_and_label!()
        )
    };
}

pub(super) const LIFECYCLE_STATE: &str = id_and_label!();
pub(super) const LIFECYCLE_TRANSITION: &str = id_and_label!();
pub(super) const LIFECYCLE_TRANSITION_DESCRIPTION: &str = concat!(
    "Transition transition\nState start_state\nState goal_state\n",
    state_and_transition_parts!()
);
pub(super) const LIFECYCLE_TRANSITION_EVENT: &str = concat!(
    "uint64 timestamp\nTransition transition\nState start_state\nState goal_state\n",
    state_and_transition_parts!()
);
