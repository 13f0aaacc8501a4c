//! Files of `calibration/`: cameras, and what a stop is worth.
//!
//! - [`CameraFile`]: a camera, as ROS's `camera_calibration` writes it, and how it sits on the vehicle.
//! - [`LaneMarkings`]: how a camera sits, from the markings of a straight road.
//! - [`CleanRecordings`]: roads with nothing strange on them, and the stop level that they carry.
//! - [`StopFile`]: the evidence that confirms a stop, with the **promise** that it was made for: at most
//!   one false stop in so many hours of roads like those that were recorded.

mod camera;
mod clean;
mod file;
mod lanes;
mod promise;
#[cfg(test)]
mod splits_tests;
mod stop;

pub use camera::CameraFile;
pub use clean::{CleanError, CleanFrame, CleanRecordings};
pub use file::FileError;
pub use lanes::{LaneMarkings, LaneMount, LanesError};
pub use promise::{Promise, PromiseError, TooFewBlocks};
pub use stop::{StopData, StopFile, StopFileError, StopMode};
