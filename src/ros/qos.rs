//! Quality of service of every topic, and how topics are made.
//!
//! ros2_client's profiles know no resource limits, so topics are made on the participant, and their
//! QoS is what readers and writers made on them get. Two limits matter:
//!
//! - **Readers** hold at most [`CAMERA_SAMPLES`] unread pictures: the cap of RustDDS's queue is
//!   `max_samples`, not the depth, and what is read first is the oldest.
//! - **Reliable writers** keep the last samples up to the depth, for late subscribers and for those
//!   that have not acknowledged them; the newest wins, so a subscriber that is dead or slow holds up
//!   nobody. `max_samples` is above the depth: only then RustDDS takes a history as bounded by it
//!   (vendor/README.md). A write never waits.

use std::time::Duration;

use ros2_client::dds::rustdds::{self, QosPolicies, QosPolicyBuilder, Topic, TopicKind, policy};
use ros2_client::{Context, CreateError, Node, Publisher, Subscription};
use serde::Serialize;

use crate::msg::RosMessage;

/// Pictures that a camera reader holds unread, the newest ones, if they are over 64 KiB each: RustDDS
/// makes room before it adds one, for pictures from 1 KiB on at every eighth only.
pub const CAMERA_SAMPLES: i32 = 2;
/// Room of a writer's history, above every depth.
const WRITER_SAMPLES: i32 = 4096;
/// A reliable write that finds no room fails instead of waiting.
const NEVER_BLOCK: rustdds::Duration = rustdds::Duration::ZERO;

const fn limits(max_samples: i32) -> policy::ResourceLimits {
    policy::ResourceLimits {
        max_samples,
        max_instances: 1,
        max_samples_per_instance: max_samples,
    }
}

const fn best_effort(depth: i32, max_samples: i32) -> QosPolicies {
    QosPolicyBuilder::new()
        .best_effort()
        .durability(policy::Durability::Volatile)
        .history(policy::History::KeepLast { depth })
        .resource_limits(limits(max_samples))
        .build()
}

const fn reliable(depth: i32) -> QosPolicyBuilder {
    QosPolicyBuilder::new()
        .reliable(NEVER_BLOCK)
        .durability(policy::Durability::Volatile)
        .history(policy::History::KeepLast { depth })
        .resource_limits(limits(WRITER_SAMPLES))
}

/// Camera pictures, camera info, odometry: the newest.
pub const fn input() -> QosPolicies {
    best_effort(1, CAMERA_SAMPLES - 1)
}

/// `/clock`.
pub const fn clock() -> QosPolicies {
    best_effort(1, 1)
}

/// `~/output/safe_stop`: a late subscriber gets the last flag at once.
pub const fn safe_stop() -> QosPolicies {
    reliable(1)
        .durability(policy::Durability::TransientLocal)
        .build()
}

/// `~/output/status`: a late subscriber gets the last one.
pub const fn status() -> QosPolicies {
    reliable(1)
        .durability(policy::Durability::TransientLocal)
        .build()
}

/// Masks, score maps.
pub const fn picture() -> QosPolicies {
    reliable(5).build()
}

/// Regions and numbers.
pub const fn small() -> QosPolicies {
    reliable(5).build()
}

/// The overlay, for people.
pub const fn overlay() -> QosPolicies {
    best_effort(1, 4)
}

/// `/diagnostics`.
pub const fn diagnostics() -> QosPolicies {
    reliable(10).build()
}

/// `/rosout`, as rclcpp has it.
pub const fn rosout() -> QosPolicies {
    reliable(1000)
        .durability(policy::Durability::TransientLocal)
        .lifespan(policy::Lifespan {
            duration: rustdds::Duration::from_secs(10),
        })
        .build()
}

/// Camera topics of a bag that is played.
pub const fn bag() -> QosPolicies {
    best_effort(5, 8)
}

/// The name of a ROS topic in DDS: `/a/b` is `rt/a/b`.
pub fn dds_topic(name: &str) -> String {
    format!("rt/{}", name.trim_start_matches('/'))
}

/// The name of a ROS message type in DDS: `std_msgs/msg/Bool` is `std_msgs::msg::dds_::Bool_`.
pub fn dds_type(name: &str) -> String {
    match name.rsplit_once('/') {
        Some((package, kind)) => format!("{}::dds_::{kind}_", package.replace('/', "::")),
        None => name.to_owned(),
    }
}

/// A topic of messages `M`. `name` is absolute, remapped and valid.
///
/// # Errors
/// What RustDDS says.
pub fn topic<M: RosMessage>(
    context: &Context,
    name: &str,
    qos: &QosPolicies,
) -> Result<Topic, CreateError> {
    let participant = context.domain_participant();
    let kind = dds_type(M::TYPE);
    Ok(participant.create_topic(dds_topic(name), kind, qos, TopicKind::NoKey)?)
}

/// Subscribes to messages `M` at the node; `T` is what they are read into.
///
/// # Errors
/// What RustDDS says.
pub fn subscribe<M: RosMessage, T: 'static>(
    context: &Context,
    node: &mut Node,
    name: &str,
    qos: &QosPolicies,
) -> Result<Subscription<T>, CreateError> {
    node.create_subscription(&topic::<M>(context, name, qos)?, None)
}

/// Publishes messages `M` at the node; `T` is what is written as them.
///
/// # Errors
/// What RustDDS says.
pub fn publisher<M: RosMessage, T: Serialize>(
    context: &Context,
    node: &mut Node,
    name: &str,
    qos: &QosPolicies,
) -> Result<Publisher<T>, CreateError> {
    node.create_publisher(&topic::<M>(context, name, qos)?, None)
}

/// A publisher that is dropped takes with it what it has not sent yet: keep it for so long after
/// the last message that matters.
pub const LINGER: Duration = Duration::from_millis(100);

/// How often it is looked who subscribes.
pub const DISCOVERY_PERIOD: Duration = Duration::from_millis(100);

#[cfg(test)]
mod tests {
    use super::*;
    use crate::msg::{Detection2DArray, Image};

    #[test]
    fn names_are_mangled_as_ros_2_does() {
        assert_eq!(
            dds_topic("/lookout/output/status"),
            "rt/lookout/output/status"
        );
        assert_eq!(dds_type(Image::TYPE), "sensor_msgs::msg::dds_::Image_");
        assert_eq!(
            dds_type(Detection2DArray::TYPE),
            "vision_msgs::msg::dds_::Detection2DArray_"
        );
    }

    #[test]
    fn no_writer_waits_and_every_queue_has_a_limit() {
        for qos in [
            input(),
            clock(),
            safe_stop(),
            status(),
            picture(),
            small(),
            overlay(),
            diagnostics(),
            rosout(),
            bag(),
        ] {
            let limits = qos.resource_limits().unwrap();
            assert!((1..=4096).contains(&limits.max_samples));
            let Some(policy::History::KeepLast { depth }) = qos.history() else {
                panic!("{qos:?} keeps everything");
            };
            assert!(depth <= limits.max_samples);
            if let Some(wait) = qos.reliable_max_blocking_time() {
                assert_eq!(wait, rustdds::Duration::ZERO);
            }
        }
    }

    #[test]
    fn offers_meet_what_ros_2_subscribers_ask_for() {
        let asked = |reliable: bool, latched: bool| {
            let builder = QosPolicyBuilder::new().durability(if latched {
                policy::Durability::TransientLocal
            } else {
                policy::Durability::Volatile
            });
            if reliable {
                builder.reliable(rustdds::Duration::ZERO).build()
            } else {
                builder.best_effort().build()
            }
        };
        let meets = |offered: QosPolicies, reliable, latched| {
            offered
                .compliance_failure_wrt(&asked(reliable, latched))
                .is_none()
        };
        assert!(meets(safe_stop(), true, true) && meets(status(), true, true));
        assert!(meets(rosout(), true, true) && meets(picture(), true, false));
        assert!(!meets(picture(), true, true), "pictures are not latched");
        assert!(meets(overlay(), false, false) && !meets(overlay(), true, false));
    }
}
