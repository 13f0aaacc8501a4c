//! Camera and vehicle of a recording: what the bag and the command line say of them.

use std::path::PathBuf;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use anyhow::Context;
use lookout::bag::{BagReader, MessageBuf};
use lookout::calibration::CameraFile;
use lookout::decide::{Calibration, Camera, Ground, Mount, StoppingConfig};
use lookout::msg::{CameraInfo, Odometry, RosMessage, cdr};
use lookout::pipeline::{self, FrameHandler, NoGround, Pipeline};
use lookout::repeats::{Kind, Repeats};
use lookout::time::Stamp;

use super::camera::named;

/// Where the camera is, where the bag does not say it.
#[derive(Clone, Debug, Default, clap::Args)]
pub(crate) struct CameraArgs {
    /// YAML file of the camera, as ROS's camera_calibration writes it, maybe with `mount`
    /// (calibration/cameras has examples); goes before the camera_info of the bag.
    #[arg(long, value_name = "FILE")]
    camera: Option<PathBuf>,
    /// Height of the camera above the ground, in metres; without it and without one in the file there are no
    /// distances.
    #[arg(long, value_name = "M", allow_negative_numbers = true)]
    camera_height: Option<f64>,
    /// Pitch of the camera, in degrees, nose down positive; 0 without it and without one in the file.
    #[arg(long, value_name = "DEG", allow_negative_numbers = true)]
    camera_pitch: Option<f64>,
}

/// What the command line says of a camera; it can be.
#[derive(Debug)]
pub(crate) struct GivenCamera {
    calibration: Option<Calibration>,
    mount: Option<Mount>,
}

impl CameraArgs {
    /// The file and the flags, the flags first, for a vehicle.
    ///
    /// # Errors
    /// The file cannot be used, the camera or its mount cannot be, or the camera does not see the vehicle's
    /// way.
    pub(crate) fn read(&self, vehicle: &StoppingConfig) -> anyhow::Result<GivenCamera> {
        let file = self.camera.as_deref().map(CameraFile::read).transpose()?;
        let of_file = file.as_ref().and_then(|file| file.mount);
        let mut mount = self.camera_height.map_or(of_file, |height_m| {
            let known = of_file.unwrap_or(Mount::level(height_m));
            Some(Mount { height_m, ..known })
        });
        if let Some(pitch_deg) = self.camera_pitch {
            let mount = mount
                .as_mut()
                .context("--camera-pitch needs --camera-height, or a --camera with a mount")?;
            mount.pitch_deg = pitch_deg;
        }
        let camera = file.as_ref().map(|file| Camera::new(&file.calibration));
        let camera = camera.transpose().context("cannot use --camera")?;
        if let Some(mount) = mount {
            let checked = match camera {
                Some(camera) => Ground::new(camera, mount)
                    .and_then(|ground| ground.check_way(vehicle.way_width_m())),
                None => mount.validate(),
            };
            checked.context("cannot use where the camera is said to be")?;
        }
        Ok(GivenCamera {
            calibration: file.map(|file| file.calibration),
            mount,
        })
    }
}

/// What is known of camera and vehicle; clones share it, so that whoever reads a bag and whoever judges its
/// frames may be two threads.
#[derive(Clone, Debug)]
pub(crate) struct Surroundings {
    known: Arc<Mutex<pipeline::Surroundings>>,
    repeats: Arc<Mutex<Repeats>>,
    /// The pictures are rectified.
    rectified: bool,
}

impl Surroundings {
    /// Of a vehicle, nothing known.
    pub(crate) fn new(vehicle: StoppingConfig) -> anyhow::Result<Self> {
        let known = pipeline::Surroundings::new(vehicle, None)?;
        Ok(Self {
            known: Arc::new(Mutex::new(known)),
            repeats: Arc::default(),
            rectified: false,
        })
    }

    fn lock(&self) -> MutexGuard<'_, pipeline::Surroundings> {
        self.known.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// How the camera sits.
    pub(crate) fn set_mount(&self, mount: Mount) {
        self.lock().set_mount(Some(mount));
    }

    /// Whether it is known how the camera sits.
    pub(crate) fn has_mount(&self) -> bool {
        self.lock().has_mount()
    }

    /// Takes what the command line says.
    pub(crate) fn take(&self, given: GivenCamera) {
        if let Some(calibration) = given.calibration {
            self.lock().set_camera(calibration);
        }
        if let Some(mount) = given.mount {
            self.set_mount(mount);
        }
    }

    /// Has a bag deliver what it says of camera and vehicle beside the image topic that was selected: the
    /// camera_info beside it, and the odometry where there is one topic of it.
    pub(crate) fn follow(&mut self, reader: &mut BagReader) {
        let Some(image) = reader.selected() else {
            return;
        };
        let (info, rectified) = CameraInfo::topic_beside(image);
        self.rectified = rectified;
        let of = |kind: &str| {
            let topics = reader.topics().iter().filter(|t| t.type_name == kind);
            let names = topics.map(|t| t.name.clone());
            names.collect::<Vec<_>>()
        };
        let mut infos = of(CameraInfo::TYPE);
        infos.retain(|topic| *topic == info);
        let mut odometry = of(Odometry::TYPE);
        if odometry.len() > 1 {
            log::warn!(
                "the bag has several topics of odometry, and none is used: {}",
                named(odometry.iter())
            );
            odometry.clear();
        }
        for topic in infos.into_iter().chain(odometry) {
            reader.follow(&topic);
        }
    }

    /// Takes a message that says something of camera or vehicle; false where it is another.
    pub(crate) fn hear(&self, message: &MessageBuf) -> bool {
        let heard = match message.type_name() {
            CameraInfo::TYPE => cdr::from_slice::<CameraInfo>(message.data()).map(|info| {
                self.lock().camera_info(info.calibration(self.rectified));
            }),
            Odometry::TYPE => cdr::from_slice::<Odometry>(message.data()).map(|odometry| {
                let twist = odometry.twist.twist;
                let at = since_epoch(message.log_time());
                self.lock().odometry(twist.linear.x, twist.angular.z, at);
            }),
            _ => return false,
        };
        if let Err(error) = heard {
            let (topic, at) = (message.topic(), message.log_time());
            let mut repeats = self.repeats.lock().unwrap_or_else(PoisonError::into_inner);
            if let Some(repeated) = repeats.note(Kind::of(topic), Instant::now()) {
                log::warn!("{topic} at {at}: the message is not used: {error}{repeated}");
            }
        }
        true
    }

    /// Before the frame of a message is judged.
    pub(crate) fn apply(&self, pipeline: &mut Pipeline, log_time: Stamp) {
        self.lock().apply(pipeline, since_epoch(log_time));
    }

    /// The same for several that judge the same frames.
    pub(crate) fn apply_to_all<'a>(
        &self,
        pipelines: impl IntoIterator<Item = &'a mut Pipeline>,
        log_time: Stamp,
    ) {
        self.lock().apply_to_all(pipelines, since_epoch(log_time));
    }

    /// After a frame was judged.
    pub(crate) fn judged(&self, pipeline: &Pipeline) {
        self.lock().judged(pipeline);
    }

    /// Whether frames like the last one have distances.
    ///
    /// # Errors
    /// Why they have none.
    pub(crate) fn check(&self, frames: &FrameHandler) -> Result<(), NoGround> {
        let size = (frames.frame().width(), frames.frame().height());
        self.lock().check(frames.pipeline(), size)
    }

    /// What decided about stops, for people, where stop levels promise that. Warns where no level came to bear.
    pub(crate) fn deciding(&self, promise: &str) -> String {
        let never_on_ground = self.lock().never_on_ground();
        if never_on_ground {
            log::warn!(
                "the area in the corridor decided about stops, not the stop levels: no frame had a ground. The \
                 line of the corridor says why"
            );
        }
        self.lock().deciding(promise)
    }

    /// The corridor that the frames were judged by, for people.
    pub(crate) fn line(&self, pipeline: &Pipeline) -> String {
        self.lock().line(pipeline)
    }
}

/// A rosbag2 has no times before the epoch.
fn since_epoch(log_time: Stamp) -> Duration {
    log_time.saturating_since(Stamp::default())
}
