//! Where the road is, from the camera's calibration, and how far it matters, from the speed.

use std::time::{Duration, Instant};

use super::super::listener::Latest;
use super::super::parameters::{Camera, NodeSettings};
use super::shared::Shared;
use crate::decide::{Ground, GroundError, SpeedSource, StoppingConfig, StoppingError};
use crate::msg::{CameraInfo, Odometry};
use crate::pipeline::Pipeline;

/// What of a `sensor_msgs/msg/CameraInfo` the ground is made of.
#[derive(Clone, Copy, Debug, PartialEq)]
struct Lens {
    k: [f64; 9],
    size: (u32, u32),
}

/// Keeps the pipeline's ground and far limit up to date.
pub(super) struct Road {
    camera: Option<Camera>,
    info: Latest<CameraInfo>,
    lens: Option<Lens>,
    speed: Option<(Latest<Odometry>, SpeedSource)>,
    heard: Option<Instant>,
    began: Instant,
}

impl Road {
    /// Of the settings; `odometry` only where they ask for it.
    ///
    /// # Errors
    /// A vehicle that cannot be.
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
            speed,
            heard: None,
            began: Instant::now(),
        })
    }

    /// Before a frame is judged.
    pub(super) fn update(&mut self, pipeline: &mut Pipeline, shared: &Shared) {
        self.look(pipeline);
        let Some((odometry, speed)) = &mut self.speed else {
            return;
        };
        if let Some((mps, at)) = odometry.with(|o, at| (o.twist.twist.linear.x, at))
            && self.heard.replace(at) != Some(at)
        {
            speed.heard(mps, at.saturating_duration_since(self.began));
        }
        let limit = speed.stopping_distance(self.began.elapsed());
        pipeline.set_far_limit(limit.ok());
        shared.health().set_far_limit(Some(limit));
    }

    /// A new calibration is a new ground. One that is none is told of once, and there are no
    /// distances then: the whole corridor counts.
    fn look(&mut self, pipeline: &mut Pipeline) {
        let Some(camera) = self.camera else {
            return;
        };
        let seen = self.info.with(|info, _| Lens {
            k: info.k,
            size: (info.width, info.height),
        });
        if seen.is_none() || seen == self.lens {
            return;
        }
        self.lens = seen;
        let ground = seen.map(|lens| -> Result<Ground, GroundError> {
            Ground::new(&lens.k, lens.size, camera.height_m, camera.pitch_deg)
        });
        let ground = ground.and_then(|ground| {
            ground
                .inspect_err(|e| log::warn!("no distances: camera_info: {e}"))
                .ok()
        });
        pipeline.set_ground(ground);
    }
}
