//! From a score map to a verdict.
//!
//! - **anomaly mask**: the pixels whose score is over the threshold ([`threshold`]).
//! - **region**: 8-connected pixels of the mask ([`RegionFinder`]).
//! - **corridor**: where the vehicle is about to drive ([`Corridor`]); a way on the **ground** where the
//!   camera is known ([`GroundCorridor`], [`Ground`], [`Camera`]), bent by the yaw rate and cut at the
//!   **stopping distance** where the odometry is ([`SpeedSource`]), else a trapezoid in the picture.
//! - **footprint**: where a region stands on the ground ([`Footprint`]).
//! - **track**: what stands on the ground, followed over frames ([`Tracker`]); its **evidence** says how
//!   little it looks like the clean recordings that a [`StopLevel`] is made of.
//! - **verdict**: what the [`Supervisor`] makes of it, frame after frame: WAITING, OK, WARN, STOP
//!   (latched) or FAULT, and the safe-stop flag. Its rules are the table in `docs/safety.md`.

mod camera;
mod config;
mod corridor;
mod ground;
mod ground_corridor;
mod ground_map;
mod mask;
mod reason;
mod regions;
mod sightings;
mod stop_level;
mod stopping;
mod supervisor;
mod tracks;
mod verdict;

pub use camera::{Calibration, Camera};
pub use config::{ConfigError, QualityLimits, SupervisorConfig, WeakMode};
pub use corridor::{Corridor, MapSize, Seen, Standing, Trapezoid, TrapezoidError};
pub use ground::{Ground, GroundError, Mount};
pub use ground_corridor::GroundCorridor;
pub use mask::{AnomalyMask, MaskStats, threshold};
pub use reason::Reason;
pub use regions::{
    BoundingBox, Footprint, MAX_REGIONS, Region, RegionError, RegionFinder, Regions,
};
pub use sightings::{Sighting, Sightings, sightings};
pub use stop_level::{Band, StopLevel, StopLevelError};
pub use stopping::{NoLimit, SpeedSource, StoppingConfig, StoppingError};
pub use supervisor::Supervisor;
pub use tracks::{MAX_TRACKS, Motion, Track, Tracked, Tracker};
pub use verdict::{Event, Failure, Observation, State, Verdict, Watch};

#[cfg(test)]
mod document_tests;
