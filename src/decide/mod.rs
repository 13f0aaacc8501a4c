//! From a score map to a verdict.
//!
//! - **anomaly mask**: the pixels whose score is over the threshold ([`threshold`]).
//! - **region**: 8-connected pixels of the mask ([`RegionFinder`]).
//! - **corridor**: where the vehicle is about to drive ([`Corridor`]).
//! - **verdict**: what the [`Supervisor`] makes of it, frame after frame: WAITING, OK, WARN, STOP
//!   (latched) or FAULT, and the safe-stop flag. Its rules are the table in `docs/safety.md`.

mod config;
mod corridor;
mod mask;
mod reason;
mod regions;
mod supervisor;
mod verdict;

pub use config::{ConfigError, QualityLimits, SupervisorConfig};
pub use corridor::{Corridor, MapSize, Trapezoid, TrapezoidError};
pub use mask::{AnomalyMask, MaskStats, threshold};
pub use reason::Reason;
pub use regions::{BoundingBox, MAX_REGIONS, Region, RegionError, RegionFinder, Regions};
pub use supervisor::Supervisor;
pub use verdict::{Event, Failure, Observation, State, Verdict};
