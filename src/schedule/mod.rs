//! Which frames are run, in which mode, so that verdicts come within their deadline.
//!
//! - **deadline**: the greatest age, from the capture stamp on, at which a verdict still counts as
//!   fresh; what is left of it is the **slack**.
//! - **latency model**: what the rest of a frame's work will take, in each mode, on this machine as
//!   it is at the moment ([`LatencyModel`]).
//! - **admission**: the best mode whose predicted time fits into the slack, or a refusal
//!   ([`Admission`]).
//!
//! No clock is read here: times and ages are handed in, so that a simulation and a vehicle run the
//! same code. Nothing allocates after warm-up.
//!
//! ```
//! use std::time::Duration;
//! use lookout::engine::Mode;
//! use lookout::profile::{Stage, StageTimes};
//! use lookout::schedule::{Admission, AdmissionConfig, Admit};
//!
//! let ms = Duration::from_millis;
//! let mut admission = Admission::new(AdmissionConfig { deadline_ms: 60, ..Default::default() })?;
//! for (mode, segmentation) in [(Mode::FULL, 30), (Mode::REDUCED, 12)] {
//!     let mut times = StageTimes::default();
//!     times.add(Stage::Segmentation, ms(segmentation));
//!     times.add(Stage::Publish, ms(2));
//!     for _ in 0..20 {
//!         admission.warm_up(mode, &times);
//!     }
//! }
//! // A frame that is 10 ms old has 50 ms left; one that is 40 ms old has 20.
//! assert_eq!(admission.admit(ms(10)), Admit::Run { mode: Mode::FULL, probe: false });
//! assert_eq!(admission.admit(ms(40)), Admit::Run { mode: Mode::REDUCED, probe: false });
//! assert!(matches!(admission.admit(ms(55)), Admit::Refuse { .. }));
//! # Ok::<(), lookout::schedule::AdmissionConfigError>(())
//! ```

mod admission;
mod config;
mod ladder;
mod latency;
mod mode_windows;
mod pace;
mod window;

pub use admission::{Admission, AdmissionCounters, Admit};
pub use config::{AdmissionConfig, AdmissionConfigError, ModeSet};
pub use latency::{LatencyModel, Prediction};
pub use window::Window;
