//! ROS messages and CDR through the public interface.

use lookout::msg::cdr::{self, CdrError};
use lookout::msg::*;
use proptest::prelude::*;

fn header() -> Header {
    Header {
        stamp: Time {
            sec: -1,
            nanosec: 5,
        },
        frame_id: "camera".into(),
    }
}

fn array() -> DiagnosticArray {
    let value = |key: &str| KeyValue {
        key: key.into(),
        value: "1.5 ms".into(),
    };
    let status = DiagnosticStatus {
        level: DiagnosticStatus::WARN,
        name: "lookout".into(),
        message: String::new(),
        hardware_id: "cpu".into(),
        values: vec![value("age"), value("slack")],
    };
    DiagnosticArray {
        header: header(),
        status: vec![status, DiagnosticStatus::default()],
    }
}

#[test]
fn a_bool_and_a_header_have_the_bytes_that_ros_2_gives_them() {
    assert_eq!(cdr::to_vec(&Bool { data: true }).unwrap(), [0, 1, 0, 0, 1]);
    assert_eq!(
        cdr::to_vec(&Header {
            stamp: Time { sec: 1, nanosec: 2 },
            frame_id: "ab".into()
        })
        .unwrap(),
        [
            0, 1, 0, 0, 1, 0, 0, 0, 2, 0, 0, 0, 3, 0, 0, 0, b'a', b'b', 0
        ]
    );
}

#[test]
fn messages_round_trip_and_images_are_borrowed() {
    let array = array();
    assert_eq!(
        cdr::from_slice::<DiagnosticArray>(&cdr::to_vec(&array).unwrap()).unwrap(),
        array
    );

    let image = Image {
        header: header(),
        height: 2,
        width: 3,
        encoding: "mono8".into(),
        is_bigendian: 0,
        step: 3,
        data: vec![1, 2, 3, 4, 5, 6],
    };
    let bytes = cdr::to_vec(&image).unwrap();
    assert_eq!(cdr::from_slice::<Image>(&bytes).unwrap(), image);
    let borrowed: ImageRef<'_> = cdr::from_slice(&bytes).unwrap();
    assert_eq!(
        (borrowed.encoding, borrowed.header.frame_id),
        ("mono8", "camera")
    );
    assert!(bytes.as_ptr_range().contains(&borrowed.data.as_ptr()));
    assert_eq!(cdr::to_vec(&borrowed).unwrap(), bytes);

    let compressed = CompressedImage {
        header: header(),
        format: "jpeg".into(),
        data: vec![0xff, 0xd8],
    };
    let bytes = cdr::to_vec(&compressed).unwrap();
    let borrowed: CompressedImageRef<'_> = cdr::from_slice(&bytes).unwrap();
    assert_eq!(
        (borrowed.format, borrowed.data),
        ("jpeg", &[0xff, 0xd8][..])
    );
}

#[test]
fn big_endian_is_read() {
    let bytes = [
        0, 0, 0, 0, 0, 0, 0, 1, 0, 0, 0, 2, 0, 0, 0, 3, b'a', b'b', 0,
    ];
    let header: HeaderRef<'_> = cdr::from_slice(&bytes).unwrap();
    assert_eq!(
        header,
        HeaderRef {
            stamp: Time { sec: 1, nanosec: 2 },
            frame_id: "ab"
        }
    );
}

#[test]
fn an_empty_string_without_its_zero_is_read() {
    let bytes = [0, 1, 0, 0, 1, 0, 0, 0, 2, 0, 0, 0, 0, 0, 0, 0];
    assert_eq!(
        cdr::from_slice::<HeaderRef<'_>>(&bytes).unwrap().frame_id,
        ""
    );
}

#[test]
fn bytes_that_are_no_such_message_are_errors() {
    assert_eq!(
        cdr::from_slice::<Bool>(&[0, 1]),
        Err(CdrError::TooShort { len: 2 })
    );
    let unsupported = CdrError::UnsupportedEncapsulation { id: 0x0003 };
    assert_eq!(cdr::from_slice::<Bool>(&[0, 3, 0, 0, 1]), Err(unsupported));
    assert!(matches!(
        cdr::from_slice::<Bool>(&[0, 1, 0, 0, 7]),
        Err(CdrError::Malformed { .. })
    ));
    // Padding to a multiple of four is the transport's, more is another type.
    assert!(cdr::from_slice::<Bool>(&[0, 1, 0, 0, 1, 0, 0, 0]).is_ok());
    let trailing = cdr::from_slice::<Bool>(&[0, 1, 0, 0, 1, 0, 0, 0, 0]);
    assert!(matches!(
        trailing,
        Err(CdrError::TrailingBytes {
            used: 5,
            len: 9,
            ..
        })
    ));
}

#[test]
fn an_error_names_the_type_as_ros_does() {
    fn said<'a, M: serde::Deserialize<'a> + std::fmt::Debug>(bytes: &'a [u8]) -> String {
        cdr::from_slice::<M>(bytes).unwrap_err().to_string()
    }
    let short = [0, 1, 0, 0, 1];
    for (text, name) in [
        (said::<ImageRef<'_>>(&short), Image::TYPE),
        (said::<Image>(&short), Image::TYPE),
        (
            said::<CompressedImageRef<'_>>(&short),
            CompressedImage::TYPE,
        ),
        (said::<CameraInfo>(&short), CameraInfo::TYPE),
        (said::<Odometry>(&short), Odometry::TYPE),
        (said::<Bool>(&[0, 1, 0, 0, 7]), "Bool"),
    ] {
        assert!(text.contains(&format!("are no {name}: ")), "{text}");
    }
    let long = said::<Bool>(&[0, 1, 0, 0, 1, 0, 0, 0, 0]);
    assert!(long.starts_with("Bool takes 5 of 9 bytes"), "{long}");
}

#[test]
fn a_length_beyond_the_message_is_refused_without_allocating_it() {
    let mut bytes = cdr::to_vec(&array()).unwrap();
    // The number of statuses, behind the stamp (8), the frame id (4 + 7) and a byte of padding.
    bytes[24..28].copy_from_slice(&u32::MAX.to_le_bytes());
    assert!(matches!(
        cdr::from_slice::<DiagnosticArray>(&bytes),
        Err(CdrError::Malformed { .. })
    ));
}

#[test]
fn a_buffer_is_reused() {
    let mut buffer = Vec::new();
    cdr::to_buf(&array(), &mut buffer).unwrap();
    let (at, len) = (buffer.as_ptr(), buffer.len());
    cdr::to_buf(&array(), &mut buffer).unwrap();
    assert_eq!((buffer.as_ptr(), buffer.len()), (at, len));
}

#[test]
fn definitions_name_every_type_that_they_use() {
    for definition in [
        DiagnosticArray::DEFINITION,
        Image::DEFINITION,
        CompressedImage::DEFINITION,
    ] {
        assert!(definition.contains("\nMSG: std_msgs/Header\n"));
        assert!(definition.contains("\nMSG: builtin_interfaces/Time\n"));
    }
    assert!(DiagnosticArray::DEFINITION.contains("\nMSG: diagnostic_msgs/KeyValue\n"));
}

proptest! {
    #[test]
    fn any_bytes_never_panic(
        order in 0u8..2, mut bytes in proptest::collection::vec(any::<u8>(), 0..200),
        hit in any::<prop::sample::Index>(), value: u8,
    ) {
        bytes.splice(0..0, [0, order, 0, 0]);
        let _ = cdr::from_slice::<ImageRef<'_>>(&bytes);
        let _ = cdr::from_slice::<DiagnosticArray>(&bytes);
        let _ = cdr::from_slice::<CompressedImage>(&bytes);
        let mut damaged = cdr::to_vec(&array()).unwrap();
        let at = hit.index(damaged.len());
        damaged[at] = value;
        let _ = cdr::from_slice::<DiagnosticArray>(&damaged);
    }
}
