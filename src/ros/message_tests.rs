use super::*;
use crate::frame::{Decoder, Frame, Limits};
use crate::msg::Time;

fn raw<'a>(data: &'a [u8], nanosec: u32) -> ImageRef<'a> {
    ImageRef {
        header: HeaderRef {
            stamp: Time { sec: 3, nanosec },
            frame_id: "camera",
        },
        height: 1,
        width: 2,
        encoding: "bgr8",
        is_bigendian: 0,
        step: 6,
        data,
    }
}

#[test]
fn a_raw_picture_is_the_one_that_was_sent() {
    let mut message = CameraMessage::default();
    assert!(message.view().is_err() && message.stamp().is_none());
    message.take_raw(&raw(&[1, 2, 3, 4, 5, 6], 7));
    let stamp = Stamp::from_ros(3, 7);
    assert_eq!(
        (message.stamp(), message.frame_id()),
        (Some(stamp), "camera")
    );
    assert_eq!(message.header().stamp, Time { sec: 3, nanosec: 7 });
    let mut frame = Frame::new();
    let view = message.view().unwrap();
    Decoder::new(Limits::default())
        .decode(&view, &mut frame)
        .unwrap();
    assert_eq!(frame.pixels(), [3, 2, 1, 6, 5, 4]);
    assert_eq!(frame.stamp(), stamp);
}

#[test]
fn buffers_stay_where_they_are_through_malformed_messages_too() {
    let mut message = CameraMessage::default();
    message.take_raw(&raw(&[9; 6], 7));
    let at = (message.data.as_ptr(), message.frame_id.as_ptr());
    message.malform(None, "no CDR".to_owned());
    assert_eq!((message.view().unwrap_err(), message.len()), ("no CDR", 0));
    assert_eq!((message.stamp(), message.frame_id()), (None, ""));
    message.take_raw(&raw(&[8; 6], 8));
    assert_eq!((message.data.as_ptr(), message.frame_id.as_ptr()), at);
    assert!(message.view().is_ok());
}

#[test]
fn stamps_that_are_none_and_pictures_that_are_too_large_are_malformed() {
    let mut message = CameraMessage::default();
    message.take_raw(&raw(&[1; 6], 1_000_000_000));
    assert!(message.view().unwrap_err().contains("1000000000"));
    assert_eq!(message.stamp(), None);

    let large = vec![0; MAX_BYTES + 1];
    message.take_raw(&raw(&large, 7));
    assert!(message.view().unwrap_err().contains("64000001 bytes"));
    assert_eq!(message.stamp(), Some(Stamp::from_ros(3, 7)));
    assert_eq!(message.data.capacity(), 0);

    let header = raw(&[], 7).header;
    let format = "jpeg";
    message.take_compressed(&CompressedImageRef {
        header,
        format,
        data: &large,
    });
    assert!(message.view().is_err());
    message.take_compressed(&CompressedImageRef {
        header,
        format,
        data: &[1, 2],
    });
    let Ok(CameraView::Compressed(view)) = message.view() else {
        panic!("{message:?}");
    };
    assert_eq!((view.format, view.data), ("jpeg", &[1, 2][..]));
}
