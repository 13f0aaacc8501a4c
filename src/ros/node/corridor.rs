//! Where the corridor is and how far it reaches, from the topics of camera_info and odometry.

use std::time::{Duration, Instant};

use heapless::HistoryBuf;
use log::Level;

use super::super::listener::Latest;
use super::super::parameters::NodeSettings;
use super::state::NodeState;
use crate::calibration::CameraFile;
use crate::decide::{Camera, Ground, GroundCorridor};
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
    /// Of the settings; `odometry` only where they ask for it. `image` is the topic of the pictures, `corridor`
    /// that of the pipeline.
    ///
    /// # Errors
    /// The vehicle of the settings is impossible, or the camera's file cannot be used; in words.
    pub(super) fn new(
        settings: &NodeSettings,
        image: &str,
        info: Latest<CameraInfo>,
        odometry: Option<Latest<Odometry>>,
        corridor: &GroundCorridor,
    ) -> Result<Self, String> {
        let file = settings.camera_file.as_deref().map(CameraFile::read);
        let file = file.transpose().map_err(|e| format!("camera.file: {e}"))?;
        let mount = settings
            .camera
            .or(file.as_ref().and_then(|file| file.mount));
        let mut surroundings =
            Surroundings::new(settings.vehicle, mount).map_err(|e| e.to_string())?;
        let expected = mount.is_some() || file.is_some();
        if let Some(file) = file {
            let mut corridor = corridor.clone();
            let usable = Camera::new(&file.calibration).and_then(|camera| match mount {
                Some(mount) => corridor.set_ground(Some(Ground::new(camera, mount)?)),
                None => Ok(()),
            });
            usable.map_err(|e| match settings.camera {
                Some(_) => format!("camera.file, with camera.height_m and its angles: {e}"),
                None => format!("camera.file: {e}"),
            })?;
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

#[cfg(test)]
mod tests {
    use std::fs;

    use super::super::super::parameters::Store;
    use super::*;
    use crate::decide::{Mount, Trapezoid};

    #[test]
    fn a_camera_file_that_cannot_be_used_is_refused_before_the_first_frame() {
        let dir = tempfile::tempdir().unwrap();
        let file = dir.path().join("camera.yaml");
        let corridor = GroundCorridor::new(Trapezoid::default(), 2.5);
        let mut settings = NodeSettings::new(&Store::new(&[]).unwrap().0).unwrap();
        settings.camera_file = Some(file.clone());
        let mut refused = |mount, text: Option<&str>| {
            if let Some(text) = text {
                fs::write(&file, text).unwrap();
            }
            settings.camera = mount;
            let new = CorridorUpdater::new(&settings, "/i", Latest::default(), None, &corridor);
            new.err().unwrap_or_default()
        };
        let good = include_str!("../../../calibration/cameras/plumb_bob.yaml");
        let up = Some(Mount {
            pitch_deg: -45.0,
            ..Mount::level(1.5)
        });
        let (flat, folded) = (
            good.replace("905.3, 0.0, ", "0.0, 0.0, "),
            good.replace(
                "distortion_coefficients:",
                "distortion_coefficients:\n  data: [-9.0, 0.0, 0.0, 0.0, 0.0]\nother:",
            ),
        );
        for (mount, text, words) in [
            (None, None, "camera.yaml: No such file"),
            (None, Some("height: 3"), "camera.yaml"),
            (None, Some(flat.as_str()), "fx is 0 px"),
            (None, Some(folded.as_str()), "gives no ray"),
            (up, Some(good), "hardly sees the way"),
        ] {
            let why = refused(mount, text);
            assert!(
                why.starts_with("camera.file") && why.contains(words),
                "{why}"
            );
        }
        assert_eq!(refused(None, Some(good)), "");
    }
}
