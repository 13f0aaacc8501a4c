//! Where the corridor is, from the camera's calibration, and how far it reaches, from the speed.

use std::time::{Duration, Instant};

use super::super::diagnostics::NoGround;
use super::super::listener::Latest;
use super::super::parameters::{Camera, NodeSettings};
use super::state::NodeState;
use crate::decide::{Ground, SpeedSource, StoppingConfig, StoppingError};
use crate::msg::{CameraInfo, Odometry};
use crate::pipeline::Pipeline;

/// What of a `sensor_msgs/msg/CameraInfo` the ground is made of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Lens {
    /// The camera matrix, bit by bit: so a NaN equals itself, and is new only once.
    k: [u64; 9],
    size: (u32, u32),
}

/// Keeps the pipeline's ground and far limit up to date.
pub(super) struct CorridorUpdater {
    camera: Option<Camera>,
    info: Latest<CameraInfo>,
    lens: Option<Lens>,
    ground: Result<Ground, NoGround>,
    /// What was logged last: of which calibration, for frames of which size.
    reported: Option<(Option<Lens>, (u32, u32))>,
    speed: Option<(Latest<Odometry>, SpeedSource)>,
    speed_at: Option<Instant>,
    began: Instant,
}

impl CorridorUpdater {
    /// Of the settings; `odometry` only where they ask for it.
    ///
    /// # Errors
    /// The vehicle of the settings is impossible.
    pub(super) fn new(
        settings: &NodeSettings,
        info: Latest<CameraInfo>,
        odometry: Option<Latest<Odometry>>,
    ) -> Result<Self, StoppingError> {
        let millis = |time: Duration| u32::try_from(time.as_millis()).unwrap_or(u32::MAX);
        let speed = match (odometry, settings.odometry_timeout) {
            (Some(odometry), Some(timeout)) => {
                let config = StoppingConfig {
                    deceleration_mps2: settings.vehicle.deceleration_mps2,
                    reaction_time_ms: millis(settings.vehicle.reaction_time),
                    margin_m: settings.vehicle.margin_m,
                    odometry_timeout_ms: millis(timeout),
                };
                Some((odometry, SpeedSource::new(config)?))
            }
            _ => None,
        };
        Ok(Self {
            camera: settings.camera,
            info,
            lens: None,
            ground: Err(NoGround::NoCameraInfo),
            reported: None,
            speed,
            speed_at: None,
            began: Instant::now(),
        })
    }

    /// Before a frame is judged.
    pub(super) fn update(&mut self, pipeline: &mut Pipeline, shared: &NodeState) {
        self.update_ground(pipeline);
        let Some((odometry, speed)) = &mut self.speed else {
            return;
        };
        if let Some((mps, at)) = odometry.with(|o, at| (o.twist.twist.linear.x, at))
            && self.speed_at.replace(at) != Some(at)
        {
            speed.heard(mps, at.saturating_duration_since(self.began));
        }
        let limit = speed.stopping_distance(self.began.elapsed());
        pipeline.set_far_limit(limit.ok());
        shared.health().set_far_limit(Some(limit));
    }

    /// After a frame of `size` (columns, rows) was judged: notes whether it had distances.
    pub(super) fn report_ground(&mut self, size: (u32, u32), shared: &NodeState) {
        if self.camera.is_none() {
            return;
        }
        let ground = self.ground.and_then(|ground| {
            let checked = ground.check_image(size.0, size.1);
            checked.map_err(NoGround::Refused)
        });
        if self.reported.replace((self.lens, size)) != Some((self.lens, size)) {
            match &ground {
                Ok(()) => log::info!("distances from the camera_info"),
                // usual at the start, and told in the diagnostics
                Err(NoGround::NoCameraInfo) => {}
                Err(why) => log::warn!("no distances: {why}"),
            }
        }
        shared.health().set_ground(Some(ground));
    }

    /// A new calibration is a new ground. Where it is not valid there are no distances, and the whole
    /// corridor counts.
    fn update_ground(&mut self, pipeline: &mut Pipeline) {
        let Some(camera) = self.camera else {
            return;
        };
        let seen = self.info.with(|info, _| Lens {
            k: info.k.map(f64::to_bits),
            size: (info.width, info.height),
        });
        let Some(lens) = seen.filter(|_| seen != self.lens) else {
            return;
        };
        self.lens = seen;
        let k = lens.k.map(f64::from_bits);
        self.ground = Ground::new(&k, lens.size, camera.height_m, camera.pitch_deg)
            .map_err(NoGround::Refused);
        pipeline.set_ground(self.ground.ok());
    }
}
