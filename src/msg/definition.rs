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
