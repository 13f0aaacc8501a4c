//! Two participants that talk to each other over loopback. These tests open sockets, so they are
//! left out of a plain run; in a network namespace of their own:
//!
//! ```text
//! unshare -rn bash -c 'ip link set lo up; cargo test --release -p lookout --lib ros:: -- --ignored'
//! ```

use std::io::{BufRead, BufReader, Write};
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use log::Log as _;
use ros2_client::dds::rustdds::QosPolicies;
use ros2_client::{Context, Node, NodeName, NodeOptions, Publisher, Subscription};
use serde::Serialize;

use super::alive::TransportThreads;
use super::clock::{RosClock, SimClock};
use super::input::{CameraSubscription, ImageTransport};
use super::listener::Subscriptions;
use super::message::CameraMessage;
use super::outlet::Outlet;
use super::outputs::{Output, Outputs};
use super::participant::Environment;
use super::publish::{BagPublisher, BagType};
use super::qos;
use super::rosout::RosLogger;
use super::subscribers::Offer;
use super::test_log::logged;
use crate::decide::AnomalyMask;
use crate::live::Source;
use crate::msg::{
    Bool, Clock, CompressedImage, DiagnosticStatus, Float64, Header, HeaderRef, Image, Log,
    Odometry, RosMessage, Time, cdr,
};
use crate::time::{Clock as _, Stamp};

mod stopped;

/// The node under test and its peer, each a participant.
pub(super) struct Pair {
    pub(super) here: Context,
    pub(super) here_node: Node,
    there: Context,
    there_node: Node,
}

fn node(name: &str, range: &str) -> (Context, Node) {
    let read = |key: &str| (key == "ROS_AUTOMATIC_DISCOVERY_RANGE").then(|| range.to_owned());
    let context = Environment::read(read).unwrap().join(8 << 20).unwrap();
    let name = NodeName::new("/", name).unwrap();
    let options = NodeOptions::new().enable_rosout(false);
    let node = context.new_node(name, options).unwrap();
    (context, node)
}

pub(super) fn pair(name: &str) -> Pair {
    let (here, here_node) = node(name, "SUBNET");
    let (there, there_node) = node(&format!("{name}_peer"), "SUBNET");
    Pair {
        here,
        here_node,
        there,
        there_node,
    }
}

impl Pair {
    /// A publisher of the peer, as soon as the node reads it.
    pub(super) fn publisher<M: RosMessage, T: Serialize>(
        &mut self,
        topic: &str,
        qos: &QosPolicies,
    ) -> Publisher<T> {
        let publisher = qos::publisher::<M, T>(&self.there, &mut self.there_node, topic, qos);
        let offer = Offer::new(topic, M::TYPE, qos.clone());
        let participant = self.there.domain_participant();
        wait_for("a reader", || offer.readers(&participant) > 0);
        // The node has to hear of the writer, too.
        let here = self.here.domain_participant();
        let guid = publisher.as_ref().unwrap().guid();
        wait_for("the writer", || {
            let writers = here.discovered_writers();
            writers
                .iter()
                .any(|w| w.writer_proxy.remote_writer_guid == guid)
        });
        thread::sleep(Duration::from_millis(300));
        publisher.unwrap()
    }

    fn subscription<M: RosMessage + 'static>(
        &mut self,
        topic: &str,
        qos: &QosPolicies,
    ) -> Subscription<M> {
        qos::subscribe::<M, M>(&self.there, &mut self.there_node, topic, qos).unwrap()
    }
}

pub(super) fn wait_for(what: &str, mut holds: impl FnMut() -> bool) {
    let started = Instant::now();
    while !holds() {
        assert!(started.elapsed() < Duration::from_secs(20), "no {what}");
        thread::sleep(Duration::from_millis(10));
    }
}

pub(super) fn publish_all<T: Serialize>(
    publisher: &Publisher<T>,
    messages: impl IntoIterator<Item = T>,
) {
    for message in messages {
        assert!(publisher.publish(message).is_ok());
        thread::sleep(Duration::from_millis(10));
    }
}

pub(super) fn image(number: u32, bytes: usize) -> Image {
    Image {
        header: Header {
            stamp: Time {
                sec: 1,
                nanosec: number,
            },
            frame_id: "camera".into(),
        },
        height: 1,
        width: bytes as u32,
        encoding: "mono8".into(),
        is_bigendian: 0,
        step: bytes as u32,
        data: (0..bytes).map(|i| (i % 251) as u8).collect(),
    }
}

fn take<M: serde::de::DeserializeOwned + 'static>(from: &Subscription<M>) -> M {
    let mut found = None;
    wait_for("message", || {
        found = from.take().unwrap().map(|(message, _)| message);
        found.is_some()
    });
    found.unwrap()
}

fn header() -> HeaderRef<'static> {
    HeaderRef {
        stamp: Time { sec: 5, nanosec: 6 },
        frame_id: "camera",
    }
}

#[test]
#[ignore = "opens sockets"]
fn outputs_are_wanted_while_somebody_subscribes_and_arrive_as_sent() {
    let mut pair = pair("outputs");
    let name = |output: Output| output.name().replace('~', "/outputs");
    let mut outputs = Outputs::new(&pair.here, &mut pair.here_node, name).unwrap();
    thread::sleep(Duration::from_millis(300));
    assert!(Output::ALL.iter().all(|&o| !outputs.wants(o)));

    let raw = pair.subscription::<Image>("/outputs/output/anomaly_mask", &qos::picture());
    let png = pair
        .subscription::<CompressedImage>("/outputs/output/anomaly_mask/compressed", &qos::input());
    // reliable where best effort is offered: no match
    let overlay =
        pair.subscription::<CompressedImage>("/outputs/debug/overlay/compressed", &qos::picture());
    let wanted = [Output::AnomalyMask, Output::AnomalyMaskCompressed];
    wait_for("subscribers", || wanted.iter().all(|&o| outputs.wants(o)));
    thread::sleep(Duration::from_millis(300));
    for output in Output::ALL {
        assert_eq!(
            outputs.wants(output),
            wanted.contains(&output),
            "{output:?}"
        );
    }

    let mask = AnomalyMask::from_pixels(120, 88, [0, 1].repeat(60 * 88)).unwrap();
    for _ in 0..3 {
        assert!(outputs.publish_mask(header(), &mask));
        assert!(outputs.publish_mask_compressed(header(), &mask));
        let message = take(&raw);
        assert_eq!(message.header.stamp, header().stamp);
        assert_eq!(
            (message.width, message.height, message.step),
            (120, 88, 120)
        );
        assert_eq!(
            (message.encoding.as_str(), message.data.as_slice()),
            ("mono8", mask.pixels())
        );
        let message = take(&png);
        assert_eq!(message.format, "mono8; png compressed ");
        let decoded = image::load_from_memory(&message.data).unwrap();
        assert_eq!(decoded.as_bytes(), mask.pixels());
    }
    drop((raw, png, overlay));
    wait_for("nobody", || wanted.iter().all(|&o| !outputs.wants(o)));
    assert_eq!(outputs.dropped(), 0);
}

/// Cannot be written.
struct Unwritable;

impl Serialize for Unwritable {
    fn serialize<S: serde::Serializer>(&self, _: S) -> Result<S::Ok, S::Error> {
        Err(serde::ser::Error::custom("on purpose"))
    }
}

impl RosMessage for Unwritable {
    const TYPE: &'static str = Bool::TYPE;
    const DEFINITION: &'static str = Bool::DEFINITION;
}

#[test]
#[ignore = "opens sockets"]
fn a_message_that_cannot_be_written_is_counted_and_the_first_of_a_row_is_logged() {
    let (context, mut node) = node("unwritable", "SUBNET");
    let qos = qos::safe_stop();
    let outlet = Outlet::<Unwritable>::new(&context, &mut node, "/unwritable", &qos).unwrap();
    let lines = logged(|| {
        for _ in 0..3 {
            assert!(!outlet.send(Unwritable));
        }
    });
    assert_eq!(outlet.dropped(), 3);
    let ours = lines
        .iter()
        .filter(|line| line.starts_with("/unwritable: "));
    assert_eq!(ours.count(), 1, "{lines:?}");
}

#[test]
#[ignore = "opens sockets"]
fn a_late_subscriber_sees_the_flag_at_once() {
    let mut pair = pair("latched");
    let qos = qos::safe_stop();
    let flag = Outlet::<Bool>::new(&pair.here, &mut pair.here_node, "/latched", &qos).unwrap();
    assert!(flag.send(Bool { data: false }) && flag.send(Bool { data: true }));
    thread::sleep(Duration::from_millis(500));
    let late = pair.subscription::<Bool>("/latched", &qos);
    wait_for("the raised flag", || take(&late).data);
}

#[test]
#[ignore = "opens sockets"]
fn a_late_subscriber_gets_the_last_status_and_no_older_one() {
    let mut pair = pair("status");
    let qos = qos::status();
    let outlet = Outlet::new(&pair.here, &mut pair.here_node, "/status", &qos).unwrap();
    for message in ["first", "second", "last"] {
        assert!(outlet.send(DiagnosticStatus {
            message: message.to_owned(),
            ..DiagnosticStatus::default()
        }));
    }
    thread::sleep(Duration::from_millis(500));
    // asks for more than is kept
    let late = pair.subscription::<DiagnosticStatus>("/status", &qos::rosout());
    assert_eq!(take(&late).message, "last");
}

#[test]
#[ignore = "opens sockets"]
fn small_topics_and_the_simulated_clock_are_listened_to_by_one_thread() {
    let mut pair = pair("small");
    let (context, node) = (&pair.here, &mut pair.here_node);
    let clock = Arc::new(SimClock::default());
    let shown = RosClock::Simulated(Arc::clone(&clock));
    let began = Instant::now();
    let mut subscriptions = Subscriptions::new(move || began.elapsed());
    let odometry =
        qos::subscribe::<Odometry, Odometry>(context, node, "/odometry", &qos::input()).unwrap();
    let odometry = subscriptions.latest("/odometry", odometry);
    let ticks = qos::subscribe::<Clock, Clock>(context, node, "/clock", &qos::clock()).unwrap();
    subscriptions.each("/clock", ticks, move |tick| clock.set(tick.clock.into()));
    let listener = subscriptions.listen().unwrap();

    let vehicle = pair.publisher::<Odometry, Odometry>("/odometry", &qos::input());
    let simulator = pair.publisher::<Clock, Clock>("/clock", &qos::clock());
    let garbage = pair.publisher::<Clock, u8>("/clock", &qos::clock());
    let speed = || odometry.with(|o, arrival| (o.twist.twist.linear.x, arrival));
    assert!(speed().is_none() && !shown.started());
    let mut sent = Odometry::default();
    for speed in [1.0, 2.0, 3.0] {
        sent.twist.twist.linear.x = speed;
        publish_all(&vehicle, [sent.clone()]);
    }
    publish_all(&garbage, [1]);
    let last = Time { sec: 9, nanosec: 1 };
    publish_all(
        &simulator,
        [Time::default(), last].map(|clock| Clock { clock }),
    );
    wait_for("odometry", || speed().is_some_and(|(mps, _)| mps == 3.0));
    wait_for("clock", || shown.now() == Stamp::from_ros(9, 1));
    let (_, arrival) = speed().unwrap();
    assert!(began.elapsed() - arrival < Duration::from_secs(5));
    wait_for("garbage", || listener.malformed() == 1);
    let dropping = Instant::now();
    drop(listener);
    assert!(dropping.elapsed() < Duration::from_millis(100));
}

#[test]
#[ignore = "opens sockets"]
fn the_log_goes_to_rosout_while_a_node_is_attached() {
    let mut pair = pair("log");
    let mut console = env_logger::Builder::new();
    let console = console
        .filter_level(log::LevelFilter::Info)
        .is_test(true)
        .build();
    let logger = RosLogger::with(console);
    let attach = |pair: &mut Pair| {
        let rosout = logger.rosout();
        rosout.attach(&pair.here, &mut pair.here_node, "/rosout", "front.log")
    };
    let attached = attach(&mut pair).unwrap();
    assert!(attach(&mut pair).is_err());
    let say = |text: &str| {
        let mut record = log::Record::builder();
        record.target("lookout").level(log::Level::Warn);
        logger.log(&record.args(format_args!("{text}")).build());
    };
    say("early");
    let late = pair.subscription::<Log>("/rosout", &qos::rosout());
    assert_eq!(take(&late).msg, "early");
    say("late");
    drop(attached);
    let line = take(&late);
    assert_eq!(
        (line.msg.as_str(), line.name.as_str()),
        ("late", "front.log")
    );
    assert_eq!(line.level, Log::WARN);
    say("nobody hears that");
    assert!(attach(&mut pair).is_ok());
}

#[test]
#[ignore = "opens sockets"]
fn a_bag_is_published_byte_for_byte_and_its_readers_are_counted() {
    let mut pair = pair("bag");
    let (context, node) = (&pair.here, &mut pair.here_node);
    let camera =
        CameraSubscription::new(context, node, "/bag", ImageTransport::Compressed).unwrap();
    let mut source = camera.source();
    let kind = BagType::CompressedImage;
    let (there, there_node) = (&pair.there, &mut pair.there_node);
    let mut publisher = BagPublisher::new(there, there_node, "/bag", kind).unwrap();
    wait_for("the reader", || publisher.readers() == 1);
    thread::sleep(Duration::from_millis(500));
    let message = CompressedImage {
        header: image(3, 0).header,
        format: "jpeg".into(),
        data: vec![7; 70_000],
    };
    assert_eq!(publisher.publish(&cdr::to_vec(&message).unwrap()), Ok(true));
    let mut frame = CameraMessage::default();
    assert!(source.fetch(&mut frame).unwrap());
    let Ok(crate::frame::CameraView::Compressed(view)) = frame.view() else {
        panic!("{frame:?}");
    };
    assert_eq!((view.format, view.data), ("jpeg", message.data.as_slice()));
    assert!(publisher.publish(&[0, 1, 0, 0, 1]).is_err());
}

#[test]
#[ignore = "opens sockets"]
fn two_that_keep_to_this_machine_find_each_other() {
    let (here, mut here_node) = node("local", "LOCALHOST");
    let (there, mut there_node) = node("local_peer", "LOCALHOST");
    let qos = qos::small();
    let reader =
        qos::subscribe::<Float64, Float64>(&there, &mut there_node, "/local", &qos).unwrap();
    let outlet = Outlet::<Float64>::new(&here, &mut here_node, "/local", &qos).unwrap();
    let offer = Offer::new("/local", Float64::TYPE, qos);
    let participant = here.domain_participant();
    wait_for("the reader", || offer.readers(&participant) == 1);
    thread::sleep(Duration::from_millis(500));
    assert!(outlet.send(Float64 { data: 0.5 }));
    assert_eq!(take(&reader).data, 0.5);
}
