//! Where on the ground a pixel of the camera's picture is.

use serde::{Deserialize, Serialize};
use thiserror::Error;

use super::Camera;

/// How a camera sits on the vehicle: in its middle, looking straight ahead but for pitch, roll and yaw.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Mount {
    /// Height above the ground in metres: over 0, up to 10.
    pub height_m: f64,
    /// Pitch in degrees, nose down positive: -45 ..= 45.
    #[serde(default)]
    pub pitch_deg: f64,
    /// Roll in degrees, right side down positive: -45 ..= 45.
    #[serde(default)]
    pub roll_deg: f64,
    /// Yaw in degrees, to the right positive: -45 ..= 45.
    #[serde(default)]
    pub yaw_deg: f64,
    /// How much the pitch may be off either way, in degrees: 0 ..= 5.
    #[serde(default)]
    pub pitch_uncertainty_deg: f64,
}

impl Mount {
    /// Highest camera, in metres.
    pub const MAX_HEIGHT: f64 = 10.0;
    /// Largest pitch, roll and yaw either way, in degrees.
    pub const MAX_TILT: f64 = 45.0;
    /// Largest uncertainty of the pitch, in degrees.
    pub const MAX_UNCERTAINTY: f64 = 5.0;

    /// So high, level, and known for certain.
    pub const fn level(height_m: f64) -> Self {
        Self {
            height_m,
            pitch_deg: 0.0,
            roll_deg: 0.0,
            yaw_deg: 0.0,
            pitch_uncertainty_deg: 0.0,
        }
    }

    /// Checks every range.
    ///
    /// # Errors
    /// The first value that cannot be.
    pub fn validate(&self) -> Result<(), GroundError> {
        let tilt = -Self::MAX_TILT..=Self::MAX_TILT;
        let value = self.height_m;
        if !(value > 0.0 && value <= Self::MAX_HEIGHT) {
            return Err(GroundError::CameraHeight { value });
        }
        let value = self.pitch_deg;
        if !tilt.contains(&value) {
            return Err(GroundError::Pitch { value });
        }
        let value = self.roll_deg;
        if !tilt.contains(&value) {
            return Err(GroundError::Roll { value });
        }
        let value = self.yaw_deg;
        if !tilt.contains(&value) {
            return Err(GroundError::Yaw { value });
        }
        let value = self.pitch_uncertainty_deg;
        if !(0.0..=Self::MAX_UNCERTAINTY).contains(&value) {
            return Err(GroundError::PitchUncertainty { value });
        }
        Ok(())
    }
}

/// A flat ground seen by a calibrated camera. Distances are metres along the ground from the point
/// under the camera.
///
/// ```
/// use lookout::decide::{Calibration, Camera, Ground, Mount};
///
/// let k = [500.0, 0.0, 320.0, 0.0, 500.0, 240.0, 0.0, 0.0, 1.0];
/// let camera = Camera::new(&Calibration::new((640, 480), k, "plumb_bob", &[]))?;
/// let ground = Ground::new(camera, Mount::level(1.5))?;
/// // 75 rows under the horizon: 1.5 m * 500 / 75 ahead; 100 columns off: a fifth of that to the right
/// let (ahead, right) = ground.point(420.0, 315.0).unwrap();
/// assert!((ahead - 10.0).abs() < 1e-9 && (right - 2.0).abs() < 1e-9);
/// assert_eq!(ground.point(420.0, 240.0), None, "the horizon");
/// # Ok::<(), lookout::decide::GroundError>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Ground {
    camera: Camera,
    mount: Mount,
}

/// A camera that the ground cannot be told from.
#[derive(Clone, Debug, PartialEq, Error)]
#[non_exhaustive]
pub enum GroundError {
    /// The camera matrix holds something that is no number.
    #[error("camera matrix: K[{index}] is {value}")]
    NotFinite {
        /// Where in K, 0 ..= 8.
        index: usize,
        /// What is there.
        value: f64,
    },
    /// The camera matrix is not that of a pinhole camera.
    #[error("camera matrix: K[{index}] is {value}, not {wanted} as a pinhole camera's")]
    NoPinhole {
        /// Where in K.
        index: usize,
        /// What is there.
        value: f64,
        /// What should be.
        wanted: f64,
    },
    /// The focal length cannot be; 0 is that of a camera that was never calibrated.
    #[error(
        "camera matrix: f{axis} is {value} px, not in {} ..= {}",
        Camera::MIN_FOCAL_LENGTH,
        Camera::MAX_PIXELS
    )]
    FocalLength {
        /// `x` or `y`.
        axis: char,
        /// In pixels.
        value: f64,
    },
    /// The principal point lies absurdly far outside of the picture.
    #[error(
        "camera matrix: c{axis} is {value} px, not within {}",
        Camera::MAX_PIXELS
    )]
    PrincipalPoint {
        /// `x` or `y`.
        axis: char,
        /// In pixels.
        value: f64,
    },
    /// Nobody here knows that distortion model.
    #[error("distortion model is {name:?}, not plumb_bob, rational_polynomial or equidistant")]
    DistortionModel {
        /// Its name.
        name: heapless::String<24>,
    },
    /// A distortion model has too few coefficients, or more than it knows.
    #[error("distortion model {name:?} does not go with {count} coefficients")]
    Coefficients {
        /// Its name.
        name: heapless::String<24>,
        /// How many there are.
        count: usize,
    },
    /// A coefficient is no number.
    #[error("distortion: D[{index}] is {value}")]
    Coefficient {
        /// Where in D.
        index: usize,
        /// What is there.
        value: f64,
    },
    /// The calibrated picture, or the part of it that is shown, has no pixels or is not inside.
    #[error(
        "camera info: {window} pixels from {offset} on, joined by {binning}, are no part of {length}"
    )]
    NoImage {
        /// Columns or rows of the calibrated picture.
        length: u32,
        /// The first that is shown.
        offset: u32,
        /// How many are; 0: the rest.
        window: u32,
        /// How many are joined to one.
        binning: u32,
    },
    /// The calibration is of another size of picture (a crop, a binning, another camera).
    #[error(
        "camera info is of {calibrated_width}x{calibrated_height}, the picture is {width}x{height}"
    )]
    ImageSize {
        /// Width of the calibrated picture, in pixels.
        calibrated_width: u32,
        /// Height of the calibrated picture, in pixels.
        calibrated_height: u32,
        /// Width of the picture, in pixels.
        width: u32,
        /// Height of the picture, in pixels.
        height: u32,
    },
    /// The camera is not above the ground, or higher than a vehicle is.
    #[error(
        "camera height is {value} m, not over 0 and up to {}",
        Mount::MAX_HEIGHT
    )]
    CameraHeight {
        /// In metres.
        value: f64,
    },
    /// The camera does not look forward.
    #[error("camera pitch is {value} degrees, not within {}", Mount::MAX_TILT)]
    Pitch {
        /// In degrees, nose down positive.
        value: f64,
    },
    /// The camera lies on its side.
    #[error("camera roll is {value} degrees, not within {}", Mount::MAX_TILT)]
    Roll {
        /// In degrees, right side down positive.
        value: f64,
    },
    /// The camera looks to the side.
    #[error("camera yaw is {value} degrees, not within {}", Mount::MAX_TILT)]
    Yaw {
        /// In degrees, to the right positive.
        value: f64,
    },
    /// Nothing can be said with a pitch that is so uncertain.
    #[error(
        "uncertainty of the pitch is {value} degrees, not in 0 ..= {}",
        Mount::MAX_UNCERTAINTY
    )]
    PitchUncertainty {
        /// In degrees.
        value: f64,
    },
    /// The model of the lens does not hold where the vehicle drives.
    #[error(
        "distortion: the model gives no ray for column {column}, row {row} of the picture, which lies in \
         the corridor"
    )]
    NoRay {
        /// In pixels.
        column: u32,
        /// In pixels.
        row: u32,
    },
    /// Hardly any of the picture shows the ground, or the part of it that the vehicle drives over.
    #[error(
        "the camera hardly sees the way: {seen} of {} points of its picture show it {} to {} m ahead, and {ground} \
         show the ground; {} and {} are needed; check height, pitch (nose down positive), yaw and camera matrix",
        Ground::LOOKED_AT * Ground::LOOKED_AT,
        Ground::WATCHED_M.0,
        Ground::WATCHED_M.1,
        Ground::LEAST_WATCHED,
        Ground::LEAST_GROUND
    )]
    NoWay {
        /// Points of the picture that show the way.
        seen: usize,
        /// Points of the picture that show any ground.
        ground: usize,
    },
}

impl Ground {
    /// A camera that watches the way sees some of it between these distances, in metres: nothing nearer is
    /// followed. What stands nearer than all that it sees counts as farther than it is, so it must see near enough.
    const WATCHED_M: (f64, f64) = (1.0, 30.0);
    /// Columns and rows of points of the picture that are looked at for it.
    const LOOKED_AT: u32 = 64;
    /// So many of them at least show the way. A lens for the road shows it in one of ten, a fisheye 0.1 m over
    /// the ground in eight points.
    const LEAST_WATCHED: usize = 4;
    /// So many, a sixth, show the ground. Whatever its lens and height, a level camera shows it in half of
    /// them, and one that looks at the sky in none or few.
    const LEAST_GROUND: usize = 683;

    /// Under a camera on its mount.
    ///
    /// # Errors
    /// The first value of the mount that cannot be.
    pub fn new(camera: Camera, mount: Mount) -> Result<Self, GroundError> {
        mount.validate()?;
        Ok(Self { camera, mount })
    }

    /// The camera.
    pub const fn camera(&self) -> &Camera {
        &self.camera
    }

    /// How it sits.
    pub const fn mount(&self) -> &Mount {
        &self.mount
    }

    /// Whether a picture is of the calibrated size.
    ///
    /// # Errors
    /// [`GroundError::ImageSize`] when it is not: pixels mean something else there.
    pub const fn check_image(&self, width: u32, height: u32) -> Result<(), GroundError> {
        let (calibrated_width, calibrated_height) = self.camera.image_size();
        if width == calibrated_width && height == calibrated_height {
            return Ok(());
        }
        Err(GroundError::ImageSize {
            calibrated_width,
            calibrated_height,
            width,
            height,
        })
    }

    /// Whether the camera looks at the ground, and sees the straight way of so many metres' width: whatever it
    /// does not see never counts.
    ///
    /// # Errors
    /// [`GroundError::NoWay`] when it sees none of either, or hardly any.
    pub fn check_way(&self, width_m: f32) -> Result<(), GroundError> {
        let (width, height) = self.camera.image_size();
        let half_m = f64::from(width_m) / 2.0;
        let at = |i: u32, length: u32| {
            (f64::from(i) + 0.5) / f64::from(Self::LOOKED_AT) * f64::from(length) - 0.5
        };
        let (nearest, farthest) = Self::WATCHED_M;
        let (mut seen, mut ground) = (0_usize, 0_usize);
        let rows = 0..Self::LOOKED_AT;
        for (x, y) in rows.flat_map(|y| (0..Self::LOOKED_AT).map(move |x| (x, y))) {
            let met = self.point(at(x, width), at(y, height));
            let is_way = met.is_some_and(|(ahead, right)| {
                (nearest..=farthest).contains(&ahead) && right.abs() <= half_m
            });
            ground += usize::from(met.is_some());
            seen += usize::from(is_way);
        }
        match seen < Self::LEAST_WATCHED || ground < Self::LEAST_GROUND {
            true => Err(GroundError::NoWay { seen, ground }),
            false => Ok(()),
        }
    }

    /// Distance ahead and to the right of the ground seen at a point of the picture, in metres, at the
    /// pitch as it is given. What is under the camera or behind it is 0 ahead. `None` at the horizon
    /// and above, and where the lens gives no ray.
    pub fn point(&self, u: f64, v: f64) -> Option<(f64, f64)> {
        self.on_ground(self.level(self.camera.ray(u, v)?, 0.0))
    }

    /// A ray as ahead, right, down of a level vehicle, with the camera pitched by so many degrees
    /// more than is given.
    pub(super) fn level(&self, [x, y, z]: [f64; 3], more_deg: f64) -> [f64; 3] {
        let (roll_sin, roll_cos) = self.mount.roll_deg.to_radians().sin_cos();
        let (sin, cos) = (self.mount.pitch_deg + more_deg).to_radians().sin_cos();
        let (yaw_sin, yaw_cos) = self.mount.yaw_deg.to_radians().sin_cos();
        let right = x * roll_cos - y * roll_sin;
        let down = x * roll_sin + y * roll_cos;
        let ahead = z * cos - down * sin;
        [
            ahead * yaw_cos - right * yaw_sin,
            ahead * yaw_sin + right * yaw_cos,
            z * sin + down * cos,
        ]
    }

    /// Where such a ray meets the ground, ahead and to the right.
    pub(super) fn on_ground(&self, [ahead, right, down]: [f64; 3]) -> Option<(f64, f64)> {
        let scale = self.mount.height_m / down;
        let (ahead, right) = (ahead * scale, right * scale);
        let meets = down > 0.0 && ahead.is_finite() && right.is_finite();
        meets.then(|| (ahead.max(0.0), right))
    }
}

#[cfg(test)]
#[path = "ground_tests.rs"]
pub(super) mod tests;
