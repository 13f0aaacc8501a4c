use ros2_client::{MessageTypeName, Node};

use super::server::{ServiceError, absolute, not_created, service_qos};
use crate::msg::lifecycle_msgs::TransitionEvent;
use crate::ros::lifecycle::Event;

/// A publisher of `~/transition_event`, as a sink for a
/// [`Lifecycle`](crate::ros::lifecycle::Lifecycle).
///
/// `name` is the absolute name of the topic, and `now` the node's clock in nanoseconds. The QoS is
/// that of `rcl_lifecycle`: reliable, volatile, the last 10.
///
/// # Errors
/// The name is no absolute one, or DDS refuses.
pub fn transition_events<C>(
    node: &mut Node,
    name: &str,
    now: C,
) -> Result<impl Fn(&Event) + Send + Sync + use<C>, ServiceError>
where
    C: Fn() -> u64 + Send + Sync + 'static,
{
    let message_type = MessageTypeName::new("lifecycle_msgs", "TransitionEvent");
    let topic = node
        .create_topic(&absolute(name)?, message_type, &service_qos())
        .map_err(not_created(name))?;
    let publisher = node
        .create_publisher::<TransitionEvent>(&topic, None)
        .map_err(not_created(name))?;
    let name = name.to_owned();
    Ok(move |event: &Event| {
        if let Err(error) = publisher.publish(event.to_message(now())) {
            log::warn!("{name}: an event is lost: {error:?}");
        }
    })
}
