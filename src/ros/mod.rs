//! The ROS 2 adapter: `lookout node`. The only module that names `ros2_client`.

pub mod alive;
pub mod arguments;
pub mod camera_diagnosis;
pub mod clock;
mod console;
pub mod diagnostics;
mod drawing;
pub mod input;
pub mod lifecycle;
pub mod listener;
pub mod message;
pub mod names;
pub mod node;
pub mod outlet;
pub mod outputs;
pub mod parameters;
pub mod participant;
pub mod publish;
pub mod qos;
pub mod rosout;
pub mod services;
pub mod subscribers;

#[cfg(test)]
mod network_tests;
#[cfg(test)]
mod test_log;
