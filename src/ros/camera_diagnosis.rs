//! Why no frame comes, in words for whoever started the node: nobody publishes the topic, another
//! type is published there, the quality of service cannot match, or datagrams are lost.

use std::fs;

use ros2_client::dds::rustdds::{DomainParticipant, QosPolicies};

use super::input::ImageTransport;
use super::qos;
use crate::msg::{CompressedImage, Image, RosMessage as _};

/// Most topics that are named.
const NAMED: usize = 5;
const COMPRESSED: &str = "/compressed";

/// What the node waits for.
#[derive(Clone, Debug)]
pub struct CameraDiagnosis {
    topic: String,
    transport: ImageTransport,
    datagrams: Datagrams,
}

/// What the system counts of IP and UDP, in all of its sockets.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Datagrams {
    received: u64,
    /// There was no room in a receive buffer.
    dropped: u64,
    /// A packet of them did not come, or there was no room for those that did.
    torn: u64,
}

/// A topic that somebody publishes.
#[derive(Clone, Debug)]
struct Published {
    topic: String,
    kind: String,
    /// The policy that keeps the node from reading it.
    mismatch: Option<String>,
}

impl CameraDiagnosis {
    /// For frames on a topic, absolute and remapped.
    pub fn new(topic: &str, transport: ImageTransport) -> Self {
        Self {
            topic: topic.to_owned(),
            transport,
            datagrams: Datagrams::now(),
        }
    }

    /// For frames on another topic from now on.
    pub fn set_camera(&mut self, topic: String, transport: ImageTransport) {
        (self.topic, self.transport) = (topic, transport);
    }

    /// A sentence that says why nothing comes, as far as discovery and the system know.
    pub fn why(&mut self, participant: &DomainParticipant) -> String {
        let reader = qos::input();
        let published: Vec<_> = (participant.discovered_writers().iter())
            .map(|writer| {
                let data = &writer.publication_topic_data;
                let failure = offered(&data.qos(), &reader);
                Published {
                    topic: data.topic_name.clone(),
                    kind: data.type_name.clone(),
                    mismatch: failure,
                }
            })
            .collect();
        let before = std::mem::replace(&mut self.datagrams, Datagrams::now());
        self.sentence(&published, self.datagrams.since(before))
    }

    fn sentence(&self, published: &[Published], datagrams: Datagrams) -> String {
        let (topic, kind) = (&self.topic, self.transport.kind());
        let named = |name: &str| {
            let name = qos::dds_topic(name);
            published.iter().filter(move |p| p.topic == name)
        };
        let of_kind = |p: &&Published| p.kind == qos::dds_type(kind);
        let fitting: Vec<_> = named(topic).filter(of_kind).collect();
        if let Some(mismatch) = fitting.iter().find_map(|p| p.mismatch.as_ref())
            && fitting.iter().all(|p| p.mismatch.is_some())
        {
            return format!(
                "{topic} is published with a quality of service that this node cannot read: the policy \
                 {mismatch} does not match"
            );
        }
        if !fitting.is_empty() {
            let count = fitting.iter().filter(|p| p.mismatch.is_none()).count();
            let publishers = match count {
                1 => "1 publisher".to_owned(),
                count => format!("{count} publishers"),
            };
            return format!("{topic} has {publishers}, but no whole frame comes{datagrams}");
        }
        if let Some(other) = named(topic).next() {
            return format!(
                "{topic} is published as {}, and the node reads {kind}{}",
                ros_type(&other.kind),
                self.transport.advice(&other.kind)
            );
        }
        let (other, kind) = match self.transport {
            ImageTransport::Raw => (format!("{topic}{COMPRESSED}"), CompressedImage::TYPE),
            ImageTransport::Compressed => {
                let raw = topic.strip_suffix(COMPRESSED).unwrap_or(topic);
                (raw.to_owned(), Image::TYPE)
            }
        };
        if named(&other).any(|p| p.kind == qos::dds_type(kind)) {
            let advice = self.transport.advice(&qos::dds_type(kind));
            return format!("nobody publishes {topic}, but {other} is published{advice}");
        }
        let mut images: Vec<_> = published
            .iter()
            .filter(|p| {
                [Image::TYPE, CompressedImage::TYPE]
                    .map(qos::dds_type)
                    .contains(&p.kind)
            })
            .filter_map(|p| p.topic.strip_prefix("rt"))
            // what the node itself publishes comes from it, not to it
            .filter(|name| !name.contains("/output/") && !name.contains("/debug/"))
            .collect();
        images.sort_unstable();
        images.dedup();
        match images.as_slice() {
            [] => format!("nobody publishes {topic}, nor any other topic with images"),
            some => {
                let more = if some.len() > NAMED { ", .." } else { "" };
                let some = some[..some.len().min(NAMED)].join(", ");
                format!(
                    "nobody publishes {topic}; topics with images are {some}{more}: remap one with \
                     --ros-args -r ~/input/image:=TOPIC"
                )
            }
        }
    }
}

/// The policy of a writer that a reader cannot accept.
fn offered(writer: &QosPolicies, reader: &QosPolicies) -> Option<String> {
    writer
        .compliance_failure_wrt(reader)
        .map(|policy| format!("{policy:?}"))
}

impl ImageTransport {
    const fn kind(self) -> &'static str {
        match self {
            Self::Raw => Image::TYPE,
            Self::Compressed => CompressedImage::TYPE,
        }
    }

    /// What to do where pictures of the other kind are published.
    fn advice(self, kind: &str) -> &'static str {
        match self {
            Self::Raw if kind == qos::dds_type(CompressedImage::TYPE) => {
                ": start the node with -p image_transport:=compressed and remap \
                 ~/input/image/compressed"
            }
            Self::Compressed if kind == qos::dds_type(Image::TYPE) => {
                ": start the node with -p image_transport:=raw and remap ~/input/image"
            }
            _ => "",
        }
    }
}

/// `sensor_msgs::msg::dds_::Image_` is `sensor_msgs/msg/Image`.
fn ros_type(kind: &str) -> String {
    kind.replace("::dds_::", "::")
        .replace("::", "/")
        .trim_end_matches('_')
        .to_owned()
}

impl Datagrams {
    /// Of the network that this process is in; zeros where the system does not tell.
    fn now() -> Self {
        let snmp = fs::read_to_string("/proc/self/net/snmp").unwrap_or_default();
        Self::parse(&snmp).unwrap_or_default()
    }

    /// Two lines begin with `Udp:`, one with names and one with numbers, and two with `Ip:`.
    fn parse(snmp: &str) -> Option<Self> {
        let value = |protocol: &str, wanted: &str| {
            let mut lines = snmp.lines().filter_map(|line| line.strip_prefix(protocol));
            let (names, numbers) = (lines.next()?, lines.next()?);
            let at = names.split_whitespace().position(|name| name == wanted)?;
            numbers.split_whitespace().nth(at)?.parse().ok()
        };
        Some(Self {
            received: value("Udp:", "InDatagrams")?,
            dropped: value("Udp:", "RcvbufErrors")?,
            torn: value("Ip:", "ReasmFails")?,
        })
    }

    fn since(self, before: Self) -> Self {
        Self {
            received: self.received.saturating_sub(before.received),
            dropped: self.dropped.saturating_sub(before.dropped),
            torn: self.torn.saturating_sub(before.torn),
        }
    }
}

impl std::fmt::Display for Datagrams {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match *self {
            Self {
                received,
                dropped: dropped @ 1..,
                ..
            } => write!(
                f,
                ": since the last look {received} datagrams arrived and the system dropped {dropped} \
                 more, because receive buffers were full: sudo sysctl -w \
                 net.core.rmem_max=67108864, and set socket_receive_buffer_bytes to as much",
            ),
            Self {
                received,
                torn: torn @ 1..,
                ..
            } => write!(
                f,
                ": since the last look {received} datagrams arrived and {torn} could not be put \
                 together of their packets: sudo sysctl -w net.ipv4.ipfrag_high_thresh=134217728 \
                 net.ipv4.ipfrag_time=3, and look for losses on the network",
            ),
            // discovery itself takes a few
            Self {
                received: received @ 100..,
                ..
            } => write!(
                f,
                ": since the last look {received} datagrams arrived, but parts of every frame are \
                 lost before they come here: on the camera's computer too, sudo sysctl -w \
                 net.core.wmem_max=8388608 net.core.rmem_max=67108864, and give its DDS larger \
                 buffers",
            ),
            _ => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use ros2_client::dds::rustdds::{QosPolicyBuilder, policy};

    use super::*;

    fn published(topic: &str, kind: &str) -> Published {
        Published {
            topic: qos::dds_topic(topic),
            kind: qos::dds_type(kind),
            mismatch: None,
        }
    }

    fn raw(published: &[Published]) -> String {
        let diagnosis = CameraDiagnosis::new("/cam/image", ImageTransport::Raw);
        diagnosis.sentence(published, Datagrams::default())
    }

    #[test]
    fn a_topic_that_nobody_publishes_is_named_with_those_that_somebody_does() {
        assert_eq!(
            raw(&[]),
            "nobody publishes /cam/image, nor any other topic with images"
        );
        let other = published("/front/image_raw", Image::TYPE);
        let own = published("/lookout/debug/overlay/compressed", CompressedImage::TYPE);
        let said = raw(&[other, own, published("/chatter", "std_msgs/msg/String")]);
        assert_eq!(
            said,
            "nobody publishes /cam/image; topics with images are /front/image_raw: remap one with \
             --ros-args -r ~/input/image:=TOPIC"
        );
    }

    #[test]
    fn the_other_transport_beside_it_is_found_both_ways() {
        let said = raw(&[published("/cam/image/compressed", CompressedImage::TYPE)]);
        assert!(
            said.contains("/cam/image/compressed is published"),
            "{said}"
        );
        assert!(said.contains("image_transport:=compressed"), "{said}");
        let diagnosis = CameraDiagnosis::new("/cam/image/compressed", ImageTransport::Compressed);
        let beside = [published("/cam/image", Image::TYPE)];
        let said = diagnosis.sentence(&beside, Datagrams::default());
        assert!(said.contains("image_transport:=raw"), "{said}");
    }

    #[test]
    fn the_camera_that_the_node_was_configured_for_last_is_named() {
        let mut diagnosis = CameraDiagnosis::new("/cam/image", ImageTransport::Raw);
        diagnosis.set_camera("/cam/image/compressed".into(), ImageTransport::Compressed);
        let beside = [published("/cam/image", Image::TYPE)];
        let said = diagnosis.sentence(&beside, Datagrams::default());
        let words = "nobody publishes /cam/image/compressed, but /cam/image is published";
        assert!(said.starts_with(words), "{said}");
    }

    #[test]
    fn another_type_and_another_quality_of_service_are_named() {
        let said = raw(&[published("/cam/image", CompressedImage::TYPE)]);
        assert!(
            said.starts_with(
                "/cam/image is published as sensor_msgs/msg/CompressedImage, and the node reads \
                 sensor_msgs/msg/Image"
            ),
            "{said}"
        );
        let writer = Published {
            mismatch: Some("Partition".to_owned()),
            ..published("/cam/image", Image::TYPE)
        };
        let said = raw(std::slice::from_ref(&writer));
        assert!(
            said.contains("the policy Partition does not match"),
            "{said}"
        );
        // one that matches is enough
        let said = raw(&[writer, published("/cam/image", Image::TYPE)]);
        assert_eq!(said, "/cam/image has 1 publisher, but no whole frame comes");
    }

    #[test]
    fn a_publisher_whose_quality_of_service_cannot_match_is_told_by_its_policy() {
        let reader = qos::input();
        for fits in [qos::input(), qos::picture(), qos::safe_stop()] {
            assert_eq!(offered(&fits, &reader), None, "{fits:?}");
        }
        let exclusive = policy::Ownership::Exclusive { strength: 1 };
        let exclusive = QosPolicyBuilder::new().ownership(exclusive).build();
        let mismatch = offered(&exclusive, &reader);
        assert_eq!(mismatch.as_deref(), Some("Ownership"));
        // less is offered than is asked for
        let volatile = offered(&qos::input(), &qos::safe_stop());
        assert_eq!(volatile.as_deref(), Some("Durability"));
        let said = raw(&[Published {
            mismatch,
            ..published("/cam/image", Image::TYPE)
        }]);
        let words = "the policy Ownership does not match";
        assert!(said.contains(words), "{said}");
    }

    #[test]
    fn datagrams_that_come_and_make_no_frame_are_counted() {
        let snmp = "Ip: Forwarding ReasmFails FragOKs\nIp: 1 5 0\n\
                    Udp: InDatagrams NoPorts InErrors OutDatagrams RcvbufErrors SndbufErrors\n\
                    Udp: 812 1 40 700 33 0\nUdpLite: InDatagrams\nUdpLite: 0\n";
        let now = Datagrams::parse(snmp).unwrap();
        assert_eq!((now.received, now.dropped, now.torn), (812, 33, 5));
        assert_eq!(Datagrams::parse("Tcp: 1\n"), None);
        let diagnosis = CameraDiagnosis::new("/cam/image", ImageTransport::Raw);
        let said = |now| diagnosis.sentence(&[published("/cam/image", Image::TYPE)], now);
        let cases = [
            (now, "the system dropped 33 more", "net.core.rmem_max="),
            (
                Datagrams { dropped: 0, ..now },
                "5 could not be put together",
                "ipfrag_high_thresh=",
            ),
            (
                Datagrams {
                    received: 812,
                    ..Datagrams::default()
                },
                "812 datagrams arrived, but parts of every frame are lost",
                "net.core.wmem_max=",
            ),
        ];
        for (now, what, remedy) in cases {
            let said = said(now);
            let begins =
                "/cam/image has 1 publisher, but no whole frame comes: since the last look ";
            assert!(said.starts_with(begins), "{said}");
            assert!(said.contains(what), "{said}");
            assert!(
                said.contains("sudo sysctl -w net.") && said.contains(remedy),
                "{said}"
            );
        }
        assert_eq!(
            said(Datagrams::default()),
            "/cam/image has 1 publisher, but no whole frame comes"
        );
    }
}
