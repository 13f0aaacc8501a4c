//! With sockets: in a network namespace of their own.

use std::thread;
use std::time::Instant;

use super::super::network_tests::{image, pair, publish_all};
use super::*;
use crate::msg::Header;

fn stamps(source: &CameraSource, wanted: usize) -> Vec<u32> {
    let mut message = CameraMessage::default();
    let waker = Waker::noop();
    let mut found = Vec::new();
    let started = Instant::now();
    while found.len() < wanted && started.elapsed() < Duration::from_secs(2) {
        match source.poll(&mut message, waker) {
            Poll::Ready(Some(Ok(()))) => found.push(message.header().stamp.nanosec),
            Poll::Ready(other) => panic!("{other:?}"),
            Poll::Pending => thread::sleep(Duration::from_millis(5)),
        }
    }
    found
}

#[test]
#[ignore = "opens sockets"]
fn of_20_frames_unread_the_newest_two_are_kept() {
    let mut pair = pair("unread");
    let (context, node) = (&pair.here, &mut pair.here_node);
    let camera = CameraSubscription::new(context, node, "/unread", ImageTransport::Raw).unwrap();
    let source = camera.source();
    let publisher = pair.publisher::<Image, Image>("/unread", &qos::bag());
    publish_all(&publisher, (1..=20).map(|n| image(n, 100_000)));
    thread::sleep(Duration::from_millis(500));
    let found = stamps(&source, 3);
    assert!(found.len() <= CAMERA_SAMPLES_USIZE, "{found:?}");
    assert_eq!(found.last(), Some(&20), "{found:?}");
    // what was left over is not for the next source
    publish_all(&publisher, (21..=23).map(|n| image(n, 100_000)));
    thread::sleep(Duration::from_millis(500));
    let next = camera.source();
    publish_all(&publisher, (24..=24).map(|n| image(n, 100_000)));
    assert_eq!(stamps(&next, 1), [24]);
}

const CAMERA_SAMPLES_USIZE: usize = qos::CAMERA_SAMPLES as usize;

#[test]
#[ignore = "opens sockets"]
fn frames_arrive_whole_garbage_is_told_of_and_a_stop_ends_it() {
    let mut pair = pair("whole");
    let (context, node) = (&pair.here, &mut pair.here_node);
    let camera = CameraSubscription::new(context, node, "/whole", ImageTransport::Raw).unwrap();
    let mut source = camera.source();
    let good = pair.publisher::<Image, Image>("/whole", &qos::bag());
    // the type's name, another content
    let garbage = pair.publisher::<Image, Header>("/whole", &qos::bag());
    let mut frame = CameraMessage::default();

    publish_all(&good, [image(1, 300_000)]);
    assert!(source.fetch(&mut frame).unwrap());
    let Ok(crate::frame::CameraView::Raw(view)) = frame.view() else {
        panic!("{frame:?}");
    };
    assert_eq!(view.data, image(1, 300_000).data);
    assert_eq!(
        (frame.frame_id(), frame.stamp().is_some()),
        ("camera", true)
    );

    publish_all(&garbage, [Header::default()]);
    assert!(source.fetch(&mut frame).unwrap());
    assert!(
        frame.view().is_err() && frame.stamp().is_none(),
        "{frame:?}"
    );
    publish_all(&good, [image(2, 10)]);
    assert!(source.fetch(&mut frame).unwrap());
    assert!(frame.view().is_ok());

    let stopper = source.stopper();
    let stopping = thread::spawn(move || {
        thread::sleep(Duration::from_millis(200));
        stopper.stop();
        Instant::now()
    });
    assert_eq!(source.fetch(&mut frame), Ok(false));
    let stopped = stopping.join().unwrap();
    assert!(stopped.elapsed() < Duration::from_millis(100));
    assert_eq!(source.fetch(&mut frame), Ok(false));
}
