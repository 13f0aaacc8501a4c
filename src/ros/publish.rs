//! The camera topics of a bag, published as they were recorded.

use std::sync::Arc;

use ros2_client::dds::rustdds::DomainParticipant;
use ros2_client::{Context, CreateError, Node, Publisher};
use serde::ser::Error as _;
use serde::{Deserialize, Serialize, Serializer};

use super::qos;
use super::subscribers::Offer;
use crate::msg::cdr::{self, CdrError};
use crate::msg::{CameraInfo, CompressedImage, CompressedImageRef, Image, ImageRef, RosMessage};

/// Message types that are published.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum BagType {
    /// `sensor_msgs/msg/Image`
    Image,
    /// `sensor_msgs/msg/CompressedImage`
    CompressedImage,
    /// `sensor_msgs/msg/CameraInfo`
    CameraInfo,
}

impl BagType {
    /// By its ROS name.
    pub fn of(name: &str) -> Option<Self> {
        [Self::Image, Self::CompressedImage, Self::CameraInfo]
            .into_iter()
            .find(|kind| kind.name() == name)
    }

    /// The ROS name.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Image => Image::TYPE,
            Self::CompressedImage => CompressedImage::TYPE,
            Self::CameraInfo => CameraInfo::TYPE,
        }
    }

    /// Whether the bytes are such a message.
    fn check(self, bytes: &[u8]) -> Result<(), CdrError> {
        match self {
            Self::Image => cdr::from_slice::<ImageRef<'_>>(bytes).map(drop),
            Self::CompressedImage => cdr::from_slice::<CompressedImageRef<'_>>(bytes).map(drop),
            Self::CameraInfo => cdr::from_slice::<CameraInfo>(bytes).map(drop),
        }
    }
}

/// A message as it lies in the bag. RustDDS takes structs only, so it is read, borrowed, when it
/// is written; that also turns big-endian recordings into what ROS 2 sends.
struct Recorded {
    kind: BagType,
    bytes: Arc<Vec<u8>>,
}

impl Serialize for Recorded {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        match self.kind {
            BagType::Image => self.read::<ImageRef<'_>, S>()?.serialize(to),
            BagType::CompressedImage => self.read::<CompressedImageRef<'_>, S>()?.serialize(to),
            BagType::CameraInfo => self.read::<CameraInfo, S>()?.serialize(to),
        }
    }
}

impl Recorded {
    fn read<'a, M: Deserialize<'a>, S: Serializer>(&'a self) -> Result<M, S::Error> {
        cdr::from_slice(&self.bytes).map_err(S::Error::custom)
    }
}

/// Publishes one topic of a bag, best effort.
pub struct BagPublisher {
    publisher: Publisher<Recorded>,
    participant: DomainParticipant,
    offer: Offer,
    kind: BagType,
    bytes: Arc<Vec<u8>>,
}

impl BagPublisher {
    /// Publishes at the node; `topic` is absolute and remapped.
    ///
    /// # Errors
    /// What RustDDS says.
    pub fn new(
        context: &Context,
        node: &mut Node,
        topic: &str,
        kind: BagType,
    ) -> Result<Self, CreateError> {
        let qos = qos::bag();
        let publisher = match kind {
            BagType::Image => qos::publisher::<Image, _>(context, node, topic, &qos)?,
            BagType::CompressedImage => {
                qos::publisher::<CompressedImage, _>(context, node, topic, &qos)?
            }
            BagType::CameraInfo => qos::publisher::<CameraInfo, _>(context, node, topic, &qos)?,
        };
        Ok(Self {
            publisher,
            participant: context.domain_participant(),
            offer: Offer::new(topic, kind.name(), qos),
            kind,
            bytes: Arc::default(),
        })
    }

    /// Publishes a message of the bag, its CDR header included. False where the transport did not
    /// take it.
    ///
    /// # Errors
    /// The bytes are no message of the type.
    pub fn publish(&mut self, message: &[u8]) -> Result<bool, CdrError> {
        self.kind.check(message)?;
        // The publisher let go of it when it had serialised it.
        if Arc::get_mut(&mut self.bytes).is_none() {
            self.bytes = Arc::default();
        }
        if let Some(bytes) = Arc::get_mut(&mut self.bytes) {
            bytes.clear();
            bytes.extend_from_slice(message);
        }
        let recorded = Recorded {
            kind: self.kind,
            bytes: Arc::clone(&self.bytes),
        };
        Ok(self.publisher.publish(recorded).is_ok())
    }

    /// Readers of other processes that match now; asks the discovery, so not for every message.
    pub fn readers(&self) -> usize {
        self.offer.readers(&self.participant)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::msg::{HeaderRef, Time};

    #[test]
    fn a_recorded_message_is_written_as_it_was_in_either_byte_order() {
        let image = ImageRef {
            header: HeaderRef {
                stamp: Time { sec: 1, nanosec: 2 },
                frame_id: "camera",
            },
            height: 1,
            width: 3,
            encoding: "mono8",
            is_bigendian: 0,
            step: 3,
            data: &[7, 8, 9],
        };
        let little = cdr::to_vec(&image).unwrap();
        let mut big = vec![0, 0, 0, 0];
        let body = cdr_encoding::to_vec::<_, byteorder::BigEndian>(&image).unwrap();
        big.extend_from_slice(&body);
        assert_ne!(little[4..], big[4..]);
        for bytes in [little.clone(), big] {
            BagType::Image.check(&bytes).unwrap();
            let recorded = Recorded {
                kind: BagType::Image,
                bytes: Arc::new(bytes),
            };
            assert_eq!(cdr::to_vec(&recorded).unwrap(), little);
        }
        assert!(BagType::CameraInfo.check(&little).is_err());
        assert!(BagType::Image.check(&little[..20]).is_err());
    }

    #[test]
    fn types_are_found_by_their_ros_names() {
        assert_eq!(BagType::of("sensor_msgs/msg/Image"), Some(BagType::Image));
        assert_eq!(
            BagType::of("sensor_msgs/msg/CompressedImage"),
            Some(BagType::CompressedImage)
        );
        assert_eq!(BagType::of("std_msgs/msg/Bool"), None);
    }
}
