use std::collections::BTreeMap;
use std::path::PathBuf;
use std::time::Duration;

use thiserror::Error;

use super::{Store, Value};
use crate::decide::{
    ConfigError, Mount, QualityLimits, StoppingConfig, SupervisorConfig, Trapezoid, TrapezoidError,
};
use crate::engine::{EngineKind, GivenThresholds, Mode, Options};
use crate::pipeline::PartialSettings;
use crate::ros::input::ImageTransport;
use crate::schedule::{AdmissionConfig, AdmissionConfigError};
use crate::score::{ParseScoreKindError, ScoreKind};
use crate::watchdog::{CpuListError, Realtime, WatchdogConfig, parse_cpus};

/// Values that cannot be together, or that the part that they are for does not take.
#[derive(Clone, Debug, PartialEq, Error)]
pub enum SettingsError {
    /// What the supervisor does not take.
    #[error(transparent)]
    Supervisor(#[from] ConfigError),
    /// What the admission does not take.
    #[error(transparent)]
    Admission(#[from] AdmissionConfigError),
    /// Frames would be stale before they are late.
    #[error("stale_after_ms: {stale_after_ms} is less than deadline_ms, {deadline_ms}")]
    StaleBeforeLate {
        /// Staleness limit.
        stale_after_ms: u32,
        /// Deadline.
        deadline_ms: u32,
    },
    /// No corridor.
    #[error(transparent)]
    Corridor(#[from] TrapezoidError),
    /// The bundle's corridor and one of one's own.
    #[error(
        "corridor.bottom is 0, which stands for the bundle's corridor, but other fields of \
         corridor are not: set all six or none"
    )]
    HalfCorridor,
    /// No processors.
    #[error("realtime.cpus: {0}")]
    Cpus(#[from] CpuListError),
    /// What cannot be the name of a score.
    #[error("score: {0}")]
    Score(#[from] ParseScoreKindError),
    /// A parameter is not declared as what it is used for.
    #[error("{0} is not declared as what it is used for")]
    Undeclared(String),
}

/// The settings that can change while frames are judged. Cheap to copy.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct LiveSettings {
    /// Thresholds that go before the bundle's.
    pub thresholds: GivenThresholds,
    /// Period of `/diagnostics`.
    pub diagnostics_period: Duration,
    /// JPEG quality of the overlay, `1 ..= 100`.
    pub overlay_quality: u8,
    /// Largest width of the overlay, in pixels.
    pub overlay_max_width: u32,
}

/// All parameters in the form that the program takes.
#[derive(Clone, Debug, PartialEq)]
pub struct NodeSettings {
    /// Time comes from `/clock`.
    pub use_sim_time: bool,
    /// The node configures and activates itself.
    pub autostart: bool,
    /// Folder of the bundle; none: the built-in one.
    pub bundle: Option<PathBuf>,
    /// Which engine.
    pub engine: EngineKind,
    /// CPU threads that a network may use; none: [`Options::default`].
    pub threads: Option<usize>,
    /// Which score.
    pub score: ScoreKind,
    /// Which image topic.
    pub image_transport: ImageTransport,
    /// For the board of the watchdog, in ms.
    pub stale_after_ms: u32,
    /// Period of the heartbeat, in ms.
    pub heartbeat_period_ms: u32,
    /// What can change later.
    pub live: LiveSettings,
    /// Supervisor, its ages and limits taken from deadline and staleness limit.
    pub supervisor: SupervisorConfig,
    /// The least mode that counts as watching.
    pub least_mode: Mode,
    /// Admission, with the deadline and all modes.
    pub admission: AdmissionConfig,
    /// Corridor; none: the bundle's.
    pub corridor: Option<Trapezoid>,
    /// Speed and yaw rate come from the odometry.
    pub use_odometry: bool,
    /// File of the stop levels; none: the area in the corridor decides.
    pub stop_file: Option<PathBuf>,
    /// File of the camera; none: its calibration is what camera_info says.
    pub camera_file: Option<PathBuf>,
    /// How the camera sits; none: as its file says and, where that does not, there are no distances.
    pub camera: Option<Mount>,
    /// How wide the vehicle is, how it stops, and how long its speed is believed.
    pub vehicle: StoppingConfig,
    /// What the frames' thread asks the system for.
    pub realtime: Realtime,
    /// Receive buffer of the sockets, in bytes.
    pub socket_receive_buffer_bytes: u32,
}

/// Whether the values can be together. A corridor that is only half set is let pass, so that its
/// fields can be set one by one, [`bottom`](Trapezoid) last.
pub(super) fn check(store: &Store) -> Result<(), SettingsError> {
    match NodeSettings::new(store) {
        Ok(_) | Err(SettingsError::HalfCorridor) => Ok(()),
        Err(e) => Err(e),
    }
}

impl NodeSettings {
    /// Reads every parameter.
    ///
    /// # Errors
    /// Values that cannot be together.
    pub fn new(store: &Store) -> Result<Self, SettingsError> {
        let values = Reader(store);
        let deadline_ms = values.u32("deadline_ms")?;
        let stale_after_ms = values.u32("stale_after_ms")?;
        if stale_after_ms < deadline_ms {
            return Err(SettingsError::StaleBeforeLate {
                stale_after_ms,
                deadline_ms,
            });
        }
        let bundle = values.string("bundle")?;
        let threads = values.u32("threads")?;
        let height_m = values.double("camera.height_m")?;
        let camera_file = values.string("camera.file")?;
        let stop_file = values.string("stop_file")?;
        Ok(Self {
            use_sim_time: values.bool("use_sim_time")?,
            autostart: values.bool("autostart")?,
            bundle: (!bundle.is_empty()).then(|| bundle.into()),
            engine: values.parsed("engine")?,
            threads: (threads > 0).then_some(threads as usize),
            score: values.string("score")?.parse()?,
            image_transport: match values.string("image_transport")? {
                "compressed" => ImageTransport::Compressed,
                _ => ImageTransport::Raw,
            },
            stale_after_ms,
            heartbeat_period_ms: values.u32("heartbeat_period_ms")?,
            live: LiveSettings::new(store)?,
            supervisor: values.supervisor(deadline_ms, stale_after_ms)?,
            least_mode: values.parsed("least_mode")?,
            admission: values.admission(deadline_ms)?,
            use_odometry: values.bool("use_odometry")?,
            stop_file: (!stop_file.is_empty()).then(|| stop_file.into()),
            camera_file: (!camera_file.is_empty()).then(|| camera_file.into()),
            camera: (height_m > 0.0).then_some(Mount {
                height_m,
                pitch_deg: values.double("camera.pitch_deg")?,
                roll_deg: values.double("camera.roll_deg")?,
                yaw_deg: values.double("camera.yaw_deg")?,
                pitch_uncertainty_deg: values.double("camera.pitch_uncertainty_deg")?,
            }),
            vehicle: StoppingConfig {
                deceleration_mps2: values.double("vehicle.deceleration_mps2")?,
                reaction_time_ms: values.u32("vehicle.reaction_time_ms")?,
                margin_m: values.double("vehicle.margin_m")?,
                odometry_timeout_ms: values.u32("odometry_timeout_ms")?,
                width_m: values.double("vehicle.width_m")?,
                side_margin_m: values.double("vehicle.side_margin_m")?,
            },
            realtime: Realtime {
                fifo_priority: match values.u32("realtime.fifo_priority")? {
                    0 => None,
                    priority => Some(priority.min(u8::MAX.into()) as u8),
                },
                cpus: parse_cpus(values.string("realtime.cpus")?)?,
                lock_memory: values.bool("realtime.lock_memory")?,
            },
            socket_receive_buffer_bytes: values.u32("socket_receive_buffer_bytes")?,
            // last, because only this error is let pass while values are set
            corridor: values.corridor()?,
        })
    }

    /// How to open the engine.
    pub fn engine_options(&self) -> Options {
        let default = Options::default();
        Options {
            kind: self.engine,
            threads: self.threads.unwrap_or(default.threads),
        }
    }

    /// The settings of the pipeline.
    pub fn for_pipeline(&self) -> PartialSettings {
        PartialSettings {
            // they are in the judges already
            threshold: None,
            thresholds: BTreeMap::new(),
            least_mode: Some(self.least_mode),
            supervisor: Some(self.supervisor),
            corridor: self.corridor,
            vehicle: Some(self.vehicle),
            admission: Some(self.admission),
        }
    }

    /// How the watchdog's thread runs: one priority above the frames' thread.
    pub fn watchdog(&self) -> WatchdogConfig {
        let mut realtime = self.realtime.clone();
        realtime.fifo_priority = realtime.fifo_priority.map(|p| p.saturating_add(1));
        WatchdogConfig {
            period_ms: self.heartbeat_period_ms,
            realtime,
        }
    }
}

impl LiveSettings {
    /// Reads what can change while frames are judged.
    ///
    /// # Errors
    /// None with a table that has all of it.
    pub fn new(store: &Store) -> Result<Self, SettingsError> {
        let values = Reader(store);
        Ok(Self {
            thresholds: values.thresholds()?,
            diagnostics_period: values.millis("diagnostics_period_ms")?,
            overlay_quality: values.u32("overlay_quality")?.min(100) as u8,
            overlay_max_width: values.u32("overlay_max_width")?,
        })
    }
}

/// Name of the parameter that is the threshold of a mode. ROS takes no `+` in a name.
pub(super) fn threshold_name(mode: Mode) -> String {
    format!("thresholds.{}", mode.name().replace('+', "_"))
}

/// Values by name and type.
struct Reader<'a>(&'a Store);

impl<'a> Reader<'a> {
    fn wrong(name: &str) -> SettingsError {
        SettingsError::Undeclared(name.to_owned())
    }

    fn bool(&self, name: &str) -> Result<bool, SettingsError> {
        match self.0.get(name) {
            Some(Value::Bool(value)) => Ok(*value),
            _ => Err(Self::wrong(name)),
        }
    }

    fn u32(&self, name: &str) -> Result<u32, SettingsError> {
        match self.0.get(name) {
            Some(Value::Integer(value)) => (*value).try_into().map_err(|_| Self::wrong(name)),
            _ => Err(Self::wrong(name)),
        }
    }

    fn millis(&self, name: &str) -> Result<Duration, SettingsError> {
        Ok(Duration::from_millis(self.u32(name)?.into()))
    }

    fn double(&self, name: &str) -> Result<f64, SettingsError> {
        match self.0.get(name) {
            Some(Value::Double(value)) => Ok(*value),
            _ => Err(Self::wrong(name)),
        }
    }

    fn string(&self, name: &str) -> Result<&'a str, SettingsError> {
        match self.0.get(name) {
            Some(Value::String(value)) => Ok(value),
            _ => Err(Self::wrong(name)),
        }
    }

    fn parsed<T: std::str::FromStr>(&self, name: &str) -> Result<T, SettingsError> {
        self.string(name)?.parse().map_err(|_| Self::wrong(name))
    }

    fn thresholds(&self) -> Result<GivenThresholds, SettingsError> {
        let one = |name: &str| -> Result<Option<f32>, SettingsError> {
            let threshold = self.double(name)?;
            Ok((threshold > 0.0).then_some(threshold as f32))
        };
        let mut given = GivenThresholds {
            all: one("threshold")?,
            ..GivenThresholds::default()
        };
        for mode in Mode::ALL {
            given.modes[mode.index()] = one(&threshold_name(mode))?;
        }
        Ok(given)
    }

    fn supervisor(
        &self,
        deadline_ms: u32,
        stale_after_ms: u32,
    ) -> Result<SupervisorConfig, SettingsError> {
        let field = |name: &str| self.u32(&format!("supervisor.{name}"));
        let config = SupervisorConfig {
            area_on_ppm: field("area_on_ppm")?,
            area_off_ppm: field("area_off_ppm")?,
            confirm_hits: field("confirm_hits")?,
            confirm_window: field("confirm_window")?,
            start_frames: field("start_frames")?,
            fault_clear_frames: field("fault_clear_frames")?,
            reset_frames: field("reset_frames")?,
            max_age_ms: deadline_ms,
            stale_after_ms,
            future_tolerance_ms: field("future_tolerance_ms")?,
            clock_step_ms: field("clock_step_ms")?,
            quality: QualityLimits {
                black_below: field("quality.black_below")?,
                over_exposed_ppm: field("quality.over_exposed_ppm")?,
                incomplete_from: field("quality.incomplete_from")?,
                shifted_from: field("quality.shifted_from")?,
                blurred_below: field("quality.blurred_below")?,
                blur_fault_frames: field("quality.blur_fault_frames")?,
                frozen_frames: field("quality.frozen_frames")?,
                size_may_change: self.bool("supervisor.quality.size_may_change")?,
            },
            weak_mode: self.parsed("supervisor.weak_mode")?,
        };
        config.validate()?;
        Ok(config)
    }

    fn admission(&self, deadline_ms: u32) -> Result<AdmissionConfig, SettingsError> {
        let field = |name: &str| self.u32(&format!("admission.{name}"));
        let config = AdmissionConfig {
            deadline_ms,
            recover_frames: field("recover_frames")?,
            recover_margin_percent: field("recover_margin_percent")?,
            probe_every: field("probe_every")?,
            ..AdmissionConfig::default()
        };
        config.validate()?;
        Ok(config)
    }

    fn corridor(&self) -> Result<Option<Trapezoid>, SettingsError> {
        let field = |name: &str| self.double(&format!("corridor.{name}"));
        let upper = (field("top")?, field("top_left")?, field("top_right")?);
        let lower = (
            field("bottom")?,
            field("bottom_left")?,
            field("bottom_right")?,
        );
        let others = [upper.0, upper.1, upper.2, lower.1, lower.2];
        match (lower.0, others) {
            (0.0, [0.0, 0.0, 0.0, 0.0, 0.0]) => Ok(None),
            (0.0, _) => Err(SettingsError::HalfCorridor),
            _ => {
                let narrow = |side: (f64, f64, f64)| (side.0 as f32, side.1 as f32, side.2 as f32);
                Ok(Some(Trapezoid::new(narrow(upper), narrow(lower))?))
            }
        }
    }
}

#[cfg(test)]
#[path = "settings_tests.rs"]
mod tests;
