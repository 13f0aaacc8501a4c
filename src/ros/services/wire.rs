//! What of [`crate::msg`] goes through `ros2_client` here.

use ros2_client::Message;

use crate::msg::{lifecycle_msgs, std_srvs};

impl Message for std_srvs::EmptyRequest {}
impl Message for std_srvs::TriggerResponse {}
impl Message for std_srvs::SetBoolRequest {}
impl Message for std_srvs::SetBoolResponse {}
impl Message for lifecycle_msgs::TransitionEvent {}
impl Message for lifecycle_msgs::ChangeStateRequest {}
impl Message for lifecycle_msgs::ChangeStateResponse {}
impl Message for lifecycle_msgs::GetStateResponse {}
impl Message for lifecycle_msgs::GetAvailableStatesResponse {}
impl Message for lifecycle_msgs::GetAvailableTransitionsResponse {}
