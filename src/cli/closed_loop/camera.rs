//! The camera of a rendered drive, and a bag as it would have been recorded.

use std::fs;
use std::path::Path;

use anyhow::Context;
use indicatif::ProgressBar;
use jpeg_encoder::{ColorType, Encoder};
use lookout::bag::{BagWriter, MessageBuf, Qos, TopicId};
use lookout::calibration::CameraFile;
use lookout::decide::Mount;
use lookout::msg::{
    CameraInfo, CompressedImageRef, Header, HeaderRef, Odometry, Point, Quaternion,
};
use lookout::shutdown::Shutdown;
use lookout::time::Stamp;
use lookout_scene::{Camera, Drive, Moment, Rendered};

use crate::cli::surroundings::Surroundings;

/// The camera's topic in the bag of a rendered drive.
pub(super) const TOPIC: &str = "/camera/image_raw/compressed";
const CAMERA_INFO: &str = "/camera/camera_info";
const ODOMETRY: &str = "/odom";
const FRAME_ID: &str = "camera";
const JPEG_QUALITY: u8 = 95;
/// How far the nose of a rendered vehicle nods, in degrees.
const NODS_DEG: f64 = 0.3;

/// How the camera of a drive sits.
pub(crate) fn mount(street: &Drive) -> Mount {
    let mounting = street.mounting();
    let degrees = |radians: f32| f64::from(radians).to_degrees();
    Mount {
        height_m: mounting.height_m.into(),
        pitch_deg: degrees(mounting.pitch),
        roll_deg: degrees(mounting.roll),
        yaw_deg: degrees(mounting.yaw),
        pitch_uncertainty_deg: NODS_DEG,
    }
}

/// Renders frames, each with the messages that belong to it.
#[derive(Default)]
pub(crate) struct RenderedCamera {
    rendered: Rendered,
    jpeg: Vec<u8>,
    stamp: Stamp,
    info: CameraInfo,
    odometry: Odometry,
}

impl RenderedCamera {
    /// Takes frame `i` of a vehicle that has that speed there.
    pub(crate) fn shoot(
        &mut self,
        street: &Drive,
        i: usize,
        at: Moment,
        speed_mps: f64,
    ) -> anyhow::Result<()> {
        street.render_at(i, at, &mut self.rendered);
        let out = &self.rendered;
        let size = (u16::try_from(out.width)?, u16::try_from(out.height)?);
        self.jpeg.clear();
        Encoder::new(&mut self.jpeg, JPEG_QUALITY).encode(
            &out.rgb,
            size.0,
            size.1,
            ColorType::Rgb,
        )?;
        self.stamp = Stamp::from_nanos((at.time_s * 1e9).round() as i64);
        let camera = street.camera_at(at);
        let header = |frame_id: &str| Header {
            stamp: self.stamp.into(),
            frame_id: frame_id.to_owned(),
        };
        self.info = CameraInfo {
            header: header(FRAME_ID),
            ..camera_info(&camera)
        };
        self.odometry = Odometry {
            header: header("odom"),
            ..odometry(street, at, speed_mps, camera.position[0])
        };
        Ok(())
    }

    /// Capture stamp.
    pub(crate) fn stamp(&self) -> Stamp {
        self.stamp
    }

    /// The picture, as the camera sends it.
    pub(crate) fn image(&self) -> CompressedImageRef<'_> {
        CompressedImageRef {
            header: HeaderRef {
                stamp: self.stamp.into(),
                frame_id: FRAME_ID,
            },
            format: "jpeg",
            data: &self.jpeg,
        }
    }

    /// Tells what is known of camera and vehicle in this frame, through messages as they are in the
    /// bag of the drive: a replay of it hears the same.
    ///
    /// # Errors
    /// A message cannot be serialised.
    pub(crate) fn tell(&self, to: &Surroundings, message: &mut MessageBuf) -> anyhow::Result<()> {
        message.write(ODOMETRY, self.stamp, &self.odometry)?;
        to.hear(message);
        message.write(CAMERA_INFO, self.stamp, &self.info)?;
        to.hear(message);
        Ok(())
    }

    /// The camera, for a replay of the drive's bag.
    pub(crate) fn file(&self, mount: Mount) -> CameraFile {
        CameraFile {
            calibration: self.info.calibration(false),
            mount: Some(mount),
        }
    }

    /// The picture and the truth about it.
    pub(crate) fn rendered(&self) -> &Rendered {
        &self.rendered
    }
}

/// A pinhole without distortion.
fn camera_info(camera: &Camera) -> CameraInfo {
    let f = f64::from(camera.focal_px);
    // in ROS the centre of the first pixel is at 0
    let (cx, cy) = (f64::from(camera.cx) - 0.5, f64::from(camera.cy) - 0.5);
    CameraInfo {
        height: camera.height,
        width: camera.width,
        distortion_model: "plumb_bob".to_owned(),
        d: vec![0.0; 5],
        k: [f, 0.0, cx, 0.0, f, cy, 0.0, 0.0, 1.0],
        r: [1.0, 0.0, 0.0, 0.0, 1.0, 0.0, 0.0, 0.0, 1.0],
        p: [f, 0.0, cx, 0.0, 0.0, f, cy, 0.0, 0.0, 0.0, 1.0, 0.0],
        ..CameraInfo::default()
    }
}

/// X along the street from where the drive began, y to the left of its middle.
fn odometry(street: &Drive, at: Moment, speed_mps: f64, right_m: f32) -> Odometry {
    let right_turn_at = |way_m| f64::from(street.heading_at(Moment { way_m, ..at }));
    // over the metre round the vehicle
    let turned = right_turn_at(at.way_m + 0.5) - right_turn_at(at.way_m - 0.5);
    let half_yaw = -0.5 * right_turn_at(at.way_m);
    let mut odometry = Odometry {
        child_frame_id: "base_link".to_owned(),
        ..Odometry::default()
    };
    odometry.pose.pose.position = Point {
        x: at.way_m,
        y: -f64::from(right_m),
        z: 0.0,
    };
    odometry.pose.pose.orientation = Quaternion {
        z: half_yaw.sin(),
        w: half_yaw.cos(),
        ..Quaternion::default()
    };
    odometry.twist.twist.linear.x = speed_mps;
    odometry.twist.twist.angular.z = -turned * speed_mps;
    odometry
}

/// A rosbag2 as a vehicle would have recorded it: of every frame the speed, the camera's calibration
/// and the picture, in that order.
pub(crate) struct DriveBag {
    bag: BagWriter,
    odometry: TopicId,
    info: TopicId,
    image: TopicId,
}

impl DriveBag {
    /// Begins a bag in `folder`, in place of one that was written there before.
    pub(crate) fn create(folder: &Path) -> anyhow::Result<Self> {
        for old in ["drive_0.mcap", "metadata.yaml"] {
            match fs::remove_file(folder.join(old)) {
                Err(e) if e.kind() != std::io::ErrorKind::NotFound => {
                    return Err(e).with_context(|| format!("cannot replace {}", folder.display()));
                }
                _ => {}
            }
        }
        let mut bag = BagWriter::create(folder, "drive")?;
        Ok(Self {
            odometry: bag.add_topic::<Odometry>(ODOMETRY, Qos::Sensor)?,
            info: bag.add_topic::<CameraInfo>(CAMERA_INFO, Qos::Sensor)?,
            image: bag.add_topic::<CompressedImageRef<'_>>(TOPIC, Qos::Sensor)?,
            bag,
        })
    }

    /// Writes a frame.
    pub(crate) fn write(&mut self, camera: &RenderedCamera) -> anyhow::Result<()> {
        let stamp = camera.stamp;
        self.bag.write(self.odometry, stamp, &camera.odometry)?;
        self.bag.write(self.info, stamp, &camera.info)?;
        self.bag.write(self.image, stamp, &camera.image())?;
        Ok(())
    }

    /// Ends the bag.
    pub(crate) fn finish(self) -> anyhow::Result<()> {
        self.bag.finish()?;
        Ok(())
    }
}

/// Renders a drive at its constant speed, which nobody watches, into a bag; less of it where the
/// process is asked to end.
pub(crate) fn render(street: &Drive, folder: &Path, shutdown: &Shutdown) -> anyhow::Result<()> {
    let mut bag = DriveBag::create(folder)?;
    let mut camera = RenderedCamera::default();
    let bar = ProgressBar::new(street.frame_count() as u64).with_message("rendering");
    for i in 0..street.frame_count() {
        if shutdown.requested() {
            break;
        }
        camera.shoot(street, i, street.moment(i), street.config().speed_mps)?;
        bag.write(&camera)?;
        bar.inc(1);
    }
    bar.finish_and_clear();
    bag.finish()
}
