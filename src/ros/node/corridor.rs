//! Where the corridor is and how far it reaches, from the topics of camera_info and odometry.

use std::time::{Duration, Instant};

use heapless::HistoryBuf;
use log::Level;

use super::super::listener::Latest;
use super::super::parameters::NodeSettings;
use super::state::NodeState;
use crate::calibration::CameraFile;
use crate::decide::Camera;
use crate::msg::{CameraInfo, Odometry};
use crate::pipeline::{NoGround, Pipeline, Surroundings};
use crate::repeats::{Kind, Repeats};

/// A camera's calibration does not change so many times within [`OFTEN_WITHIN`].
const OFTEN: usize = 5;
const OFTEN_WITHIN: Duration = Duration::from_secs(10);

/// Keeps the pipeline's ground, far limit and bend up to date.
pub(super) struct CorridorUpdater {
    surroundings: Surroundings,
    info: Latest<CameraInfo>,
    info_at: Option<Duration>,
    /// Pictures are rectified.
    rectified: bool,
    /// Somebody said where the camera is, so that distances are expected.
    expected: bool,
    /// What was logged last: of which calibration, for frames of which size.
    reported: Option<(u64, (u32, u32))>,
    /// When the calibration changed last, on the board's clock.
    changes: HistoryBuf<Duration, OFTEN>,
    odometry: Option<Latest<Odometry>>,
    odometry_at: Option<Duration>,
}

impl CorridorUpdater {
    /// Of the settings; `odometry` only where they ask for it. `image` is the topic of the pictures.
    ///
    /// # Errors
    /// The vehicle of the settings is impossible, or the camera's file cannot be used; in words.
    pub(super) fn new(
        settings: &NodeSettings,
        image: &str,
        info: Latest<CameraInfo>,
        odometry: Option<Latest<Odometry>>,
    ) -> Result<Self, String> {
        let file = match &settings.camera_file {
            Some(path) => Some(CameraFile::read(path).map_err(|e| e.to_string())?),
            None => None,
        };
        let mount = settings
            .camera
            .or(file.as_ref().and_then(|file| file.mount));
        let mut surroundings =
            Surroundings::new(settings.vehicle, mount).map_err(|e| e.to_string())?;
        let expected = mount.is_some() || file.is_some();
        if let Some(file) = file {
            let usable = Camera::new(&file.calibration).map(|_| ());
            let usable = usable.and_then(|()| mount.map_or(Ok(()), |mount| mount.validate()));
            usable.map_err(|e| format!("camera.file: {e}"))?;
            surroundings.set_camera(file.calibration);
        }
        let (_, rectified) = CameraInfo::topic_beside(image);
        Ok(Self {
            surroundings,
            info,
            info_at: None,
            rectified,
            expected,
            reported: None,
            changes: HistoryBuf::new(),
            odometry,
            odometry_at: None,
        })
    }

    /// Before a frame is judged. Messages arrive on the board's clock, and are too old on it.
    pub(super) fn update(&mut self, pipeline: &mut Pipeline, shared: &NodeState) {
        let (rectified, seen) = (self.rectified, self.info_at);
        let info = self.info.with(|info, at| {
            let new = seen != Some(at);
            (at, new.then(|| info.calibration(rectified)))
        });
        if let Some((at, new)) = info {
            self.info_at = Some(at);
            if let Some(calibration) = new {
                self.surroundings.camera_info(calibration);
            }
        }
        let moved = self.odometry.as_ref().and_then(|odometry| {
            odometry.with(|o, at| (o.twist.twist.linear.x, o.twist.twist.angular.z, at))
        });
        if let Some((speed, yaw_rate, at)) = moved
            && self.odometry_at.replace(at) != Some(at)
        {
            self.surroundings.odometry(speed, yaw_rate, at);
        }
        let now = shared.board.now();
        let version = self.surroundings.version();
        self.surroundings.apply(pipeline, now);
        if self.surroundings.version() != version {
            self.changes.write(now);
        }
        if self.odometry.is_some() {
            let limit = self.surroundings.stopping_distance(now);
            shared.health().far_limit = Some(limit);
        }
    }

    /// After a frame of `size` (columns, rows) was judged: notes whether it had distances.
    pub(super) fn report_ground(
        &mut self,
        pipeline: &Pipeline,
        size: (u32, u32),
        shared: &NodeState,
        repeats: &mut Repeats,
    ) {
        if !self.expected {
            return;
        }
        let ground = self.surroundings.check(pipeline, size);
        let about = Some((self.surroundings.version(), size));
        if std::mem::replace(&mut self.reported, about) != about {
            let mut log = |level, line: &str| {
                if let Some(repeated) = repeats.note(Kind::of_text(line), Instant::now()) {
                    log::log!(level, "{line}{repeated}");
                }
            };
            match &ground {
                Ok(()) => log(Level::Info, "distances from the camera's calibration"),
                // usual at the start, and told in the diagnostics
                Err(NoGround::NoCameraInfo) => {}
                Err(why) => log(Level::Warn, &format!("no distances: {why}")),
            }
        }
        let oldest = self.changes.oldest_ordered().next();
        let recently = |at: &Duration| shared.board.now().saturating_sub(*at) <= OFTEN_WITHIN;
        let often = self.changes.len() == OFTEN && oldest.is_some_and(recently);
        let mut health = shared.health();
        health.ground = Some(ground);
        health.is_camera_unsteady = often;
    }
}
