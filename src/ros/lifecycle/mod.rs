//! The life of a managed node: the states of `rcl_lifecycle`, and what runs between them.
//!
//! ```text
//!                 configure             activate
//!   unconfigured ───────────► inactive ──────────► active
//!                ◄───────────          ◄──────────
//!                  cleanup              deactivate
//!
//!   shutdown, from each of the three: ─► finalized
//!   a callback panics ─► error processing ─► unconfigured, or finalized
//! ```
//! - A **primary state** is one that a node stays in: `unconfigured`, `inactive`,
//!   `active`, `finalized`.
//! - A **transition state** is the time in which the callback of a transition runs: `configuring`,
//!   `activating`, ... and `errorprocessing`.
//! - A **transition** leads from one state to another. Those that start at a primary state can be
//!   asked for ([`Request`]); those that end a transition state follow from what the callback
//!   said ([`Outcome`]).
//!
//! [`Machine`] is the table and where in it one is: plain data. [`Lifecycle`] runs the callbacks of
//! a [`Managed`] with it. States, ids, labels and their order are those that `rcl_lifecycle` of
//! Jazzy gives out.
//!
//! ```
//! use lookout::ros::lifecycle::{Lifecycle, Managed, Request, State};
//!
//! struct Camera;
//! impl Managed for Camera {
//!     fn configure(&mut self) -> Result<(), String> { Ok(()) }
//!     fn activate(&mut self) -> Result<(), String> { Err("no such device".into()) }
//!     fn deactivate(&mut self) -> Result<(), String> { Ok(()) }
//!     fn cleanup(&mut self) -> Result<(), String> { Ok(()) }
//!     fn shutdown(&mut self, _from: State) -> Result<(), String> { Ok(()) }
//! }
//!
//! let lifecycle = Lifecycle::new(Camera, |event| println!("{event}"));
//! assert_eq!(lifecycle.change(&Request::CONFIGURE)?, State::Inactive);
//! assert!(lifecycle.change(&Request::ACTIVATE).is_err());
//! assert_eq!(lifecycle.state(), State::Inactive);
//! assert_eq!(lifecycle.failure().unwrap().reason, "no such device");
//! # Ok::<(), lookout::ros::lifecycle::ChangeError>(())
//! ```

mod event;
mod machine;
mod managed;
mod state;
#[cfg(test)]
pub(super) mod stub;
mod transition;

pub use event::Event;
pub use machine::{Machine, Outcome, Refused, Request};
pub use managed::{ChangeError, Failure, Lifecycle, Managed};
pub use state::State;
pub use transition::Transition;
