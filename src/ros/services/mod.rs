//! The services of the node, all served by one thread.
//!
//! A **server** ([`Serving`]) is a future that answers the requests of one service and never ends.
//! [`control_servers`] makes those of `~/reset`, `~/enable` and the five of a managed node, which
//! call a [`Control`]; others can be put into the same list. [`Services`] is the thread that runs
//! them all, until it is told to stop.
//!
//! - A request that is no message of its type is logged and dropped.
//! - A request whose handler panics gets a response that says no.
//! - Requests wait in the reader's queue (64 at most, of which the oldest go), and each server gives
//!   way to the others after every answer. A change of state and a reset run on threads of their own, and
//!   the others answer meanwhile.

mod aside;
mod control;
mod events;
mod server;
mod thread;
mod wire;

pub use control::{Control, control_servers};
pub use events::transition_events;
pub use server::{ServiceError, Serving, serve, service_qos};
pub(super) use server::{absolute, not_created};
pub use thread::Services;

#[cfg(test)]
mod network_tests;
