//! Where the corridor is, from the camera's calibration, and how far it reaches and bends, from the
//! odometry.

use std::time::Duration;

use super::Pipeline;
use crate::decide::{
    Calibration, Camera, Ground, GroundError, Mount, NoLimit, SpeedSource, StoppingConfig,
    StoppingError,
};

/// Why there are no distances.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
pub enum NoGround {
    /// Nobody says how high the camera is.
    #[error("the camera's height is not known")]
    NoMount,
    /// No calibration has come yet.
    #[error("no camera_info yet")]
    NoCameraInfo,
    /// It came, and is none for the pictures that come.
    #[error("{0}")]
    Refused(GroundError),
}

/// What is known of camera and vehicle, and how many frames were judged with it. Knows no topics and no
/// clock.
#[derive(Clone, Debug)]
pub struct Surroundings {
    mount: Option<Mount>,
    calibration: Option<Calibration>,
    /// The calibration was given, and what comes later does not replace it.
    given: bool,
    /// The pipeline does not have the ground of calibration and mount yet.
    changed: bool,
    /// How many it had.
    version: u64,
    refused: Option<GroundError>,
    speed: SpeedSource,
    /// Odometry is there; whether its speed is believed is another question.
    moves: bool,
    frames: Frames,
}

/// Frames that were judged.
#[derive(Clone, Copy, Debug, Default)]
struct Frames {
    all: u64,
    on_ground: u64,
    limited: u64,
}

impl Surroundings {
    /// Of a vehicle, with a camera on its mount where that is known.
    ///
    /// # Errors
    /// The vehicle is impossible.
    pub fn new(vehicle: StoppingConfig, mount: Option<Mount>) -> Result<Self, StoppingError> {
        Ok(Self {
            mount,
            calibration: None,
            given: false,
            changed: false,
            version: 0,
            refused: None,
            speed: SpeedSource::new(vehicle)?,
            moves: false,
            frames: Frames::default(),
        })
    }

    /// How the camera sits from here on.
    pub fn set_mount(&mut self, mount: Option<Mount>) {
        self.mount = mount;
        self.changed = true;
    }

    /// A calibration that holds whatever camera_info says.
    pub fn set_camera(&mut self, calibration: Calibration) {
        self.calibration = Some(calibration);
        self.given = true;
        self.changed = true;
    }

    /// A camera_info came.
    pub fn camera_info(&mut self, calibration: Calibration) {
        let same = |known: &Calibration| known.is_same(&calibration);
        if !self.given && !self.calibration.as_ref().is_some_and(same) {
            self.calibration = Some(calibration);
            self.changed = true;
        }
    }

    /// Odometry came: speed in m/s, yaw rate in rad/s to the left. `at` is on any clock that only goes
    /// forward.
    pub const fn odometry(&mut self, speed_mps: f64, yaw_rate_rps: f64, at: Duration) {
        self.moves = true;
        self.speed.heard(speed_mps, yaw_rate_rps, at);
    }

    /// Before a frame is judged: a new calibration is a new ground; where it is not valid there are no
    /// distances, and the whole trapezoid counts. `now` is on the clock of the odometry.
    pub fn apply(&mut self, pipeline: &mut Pipeline, now: Duration) {
        self.apply_to_all([pipeline], now);
    }

    /// The same for several that judge the same frames.
    pub fn apply_to_all<'a>(
        &mut self,
        pipelines: impl IntoIterator<Item = &'a mut Pipeline>,
        now: Duration,
    ) {
        let changed = std::mem::take(&mut self.changed);
        for pipeline in pipelines {
            if changed {
                self.refused = self.new_ground(pipeline).err();
            }
            pipeline.set_far_limit(self.speed.far_limit(now));
            pipeline.set_way(self.speed.speed(now), self.speed.curvature(now));
        }
        self.version += u64::from(changed);
    }

    fn new_ground(&self, pipeline: &mut Pipeline) -> Result<(), GroundError> {
        // whatever fails, the old one is gone
        pipeline.set_ground(None)?;
        let (Some(calibration), Some(mount)) = (&self.calibration, self.mount) else {
            return Ok(());
        };
        let ground = Ground::new(Camera::new(calibration)?, mount)?;
        pipeline.set_ground(Some(ground))
    }

    /// After a frame was judged.
    pub fn judged(&mut self, pipeline: &Pipeline) {
        let corridor = pipeline.corridor();
        let on_ground = corridor.is_on_ground();
        self.frames.all += 1;
        self.frames.on_ground += u64::from(on_ground);
        self.frames.limited += u64::from(on_ground && corridor.far_limit_m().is_some());
    }

    /// Whether it is known how the camera sits.
    pub const fn has_mount(&self) -> bool {
        self.mount.is_some()
    }

    /// Another number after every change of calibration or mount that was applied.
    pub const fn version(&self) -> u64 {
        self.version
    }

    /// Whether frames of that size (columns, rows) have distances.
    ///
    /// # Errors
    /// Why they have none.
    pub fn check(&self, pipeline: &Pipeline, (width, height): (u32, u32)) -> Result<(), NoGround> {
        if self.mount.is_none() {
            return Err(NoGround::NoMount);
        }
        if self.calibration.is_none() {
            return Err(NoGround::NoCameraInfo);
        }
        let refused = self.refused.clone().map_or(Ok(()), Err);
        let ground = pipeline.corridor().ground();
        refused
            .and_then(|()| ground.map_or(Ok(()), |ground| ground.check_image(width, height)))
            .map_err(NoGround::Refused)
    }

    /// The stopping distance now, in metres.
    ///
    /// # Errors
    /// Why there is none.
    pub fn stopping_distance(&self, now: Duration) -> Result<f32, NoLimit> {
        self.speed.stopping_distance(now)
    }

    /// One line for people: the corridor that the frames until now were judged by.
    pub fn line(&self, pipeline: &Pipeline) -> String {
        let frames = self.frames;
        let of = |part: u64| match part == frames.all {
            true => String::new(),
            false => format!(" in {part} of {} frames", frames.all),
        };
        let Some(mount) = self.mount.filter(|_| frames.on_ground > 0) else {
            return format!("trapezoid, {}", self.why_trapezoid(pipeline));
        };
        let limit = match frames.limited {
            0 if self.moves => "no speed that is believed, so at any distance".to_owned(),
            0 => "no odometry, so at any distance".to_owned(),
            limited => format!("stopping distance from odometry{}", of(limited)),
        };
        format!(
            "{:.1} m wide, camera {:.1} m high{}, {limit}",
            pipeline.corridor().width_m(),
            mount.height_m,
            of(frames.on_ground),
        )
    }

    /// Whether frames were judged, all of them without a ground.
    pub const fn never_on_ground(&self) -> bool {
        self.frames.all > 0 && self.frames.on_ground == 0
    }

    /// One line for people: what decided about stops in the frames until now, where stop levels promise that.
    pub fn deciding(&self, promise: &str) -> String {
        let Frames { all, on_ground, .. } = self.frames;
        if self.never_on_ground() {
            return format!(
                "by area, because no frame had a ground; so this promise does not hold: {promise}"
            );
        }
        if on_ground == all {
            return format!("by evidence: {promise}");
        }
        format!(
            "by evidence in {on_ground} of {all} frames, by area in those without a ground, for which this is not \
             kept: {promise}"
        )
    }

    fn why_trapezoid(&self, pipeline: &Pipeline) -> String {
        let ground = pipeline.corridor().ground();
        match (&self.refused, &self.calibration, ground) {
            (Some(error), ..) => error.to_string(),
            (None, None, _) => "no camera known".to_owned(),
            (None, Some(_), None) => NoGround::NoMount.to_string(),
            (None, Some(_), Some(ground)) => {
                let (width, height) = ground.camera().image_size();
                format!("the camera is known for pictures of {width}x{height}")
            }
        }
    }
}
