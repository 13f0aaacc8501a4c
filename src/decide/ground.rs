//! Where on the ground a row of the camera's picture is.

use thiserror::Error;

/// A flat ground seen by a forward-looking pinhole camera without roll and without distortion.
///
/// Rows are those of the camera's picture with the origin of `sensor_msgs/CameraInfo`: 0 is the
/// centre of the uppermost row. Distances are metres along the ground from the point under the
/// camera. A lens whose distortion is more than a few rows needs a rectified picture.
///
/// ```
/// use lookout::decide::Ground;
///
/// let k = [500.0, 0.0, 320.0, 0.0, 500.0, 240.0, 0.0, 0.0, 1.0];
/// let ground = Ground::new(&k, (640, 480), 1.5, 0.0)?;
/// // 75 rows under the horizon: 1.5 m * 500 / 75
/// assert_eq!(ground.distance(315.0), Some(10.0));
/// assert_eq!(ground.distance(240.0), None, "the horizon");
/// # Ok::<(), lookout::decide::GroundError>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Ground {
    fy: f64,
    cy: f64,
    width: u32,
    height: u32,
    camera_height: f64,
    /// Of the pitch.
    sin: f64,
    cos: f64,
}

/// A camera that the ground cannot be told from.
#[derive(Clone, Copy, Debug, PartialEq, Error)]
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
    /// The last row of the camera matrix is not that of a pinhole camera.
    #[error("camera matrix: last row is {last_row:?}, not 0 0 1")]
    NoPinhole {
        /// `K[6]`, `K[7]`, `K[8]`.
        last_row: [f64; 3],
    },
    /// The focal length cannot be; 0 is that of a camera that was never calibrated.
    #[error(
        "camera matrix: fy is {value} px, not in {} ..= {}",
        Ground::MIN_FOCAL_LENGTH,
        Ground::MAX_PIXELS
    )]
    FocalLength {
        /// `K[4]`, in pixels.
        value: f64,
    },
    /// The principal row lies absurdly far outside of the picture.
    #[error("camera matrix: cy is {value} px, not within {}", Ground::MAX_PIXELS)]
    PrincipalRow {
        /// `K[5]`, in pixels.
        value: f64,
    },
    /// The calibrated picture has no pixels.
    #[error("camera info is of a picture of {width}x{height}")]
    NoImage {
        /// Width in pixels.
        width: u32,
        /// Height in pixels.
        height: u32,
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
        Ground::MAX_CAMERA_HEIGHT
    )]
    CameraHeight {
        /// In metres.
        value: f64,
    },
    /// The camera does not look forward.
    #[error("camera pitch is {value} degrees, not within {}", Ground::MAX_PITCH)]
    Pitch {
        /// In degrees, nose down positive.
        value: f64,
    },
}

impl Ground {
    /// Least focal length, in pixels.
    pub const MIN_FOCAL_LENGTH: f64 = 1.0;
    /// Largest focal length and distance of the principal row from the upper edge, in pixels.
    pub const MAX_PIXELS: f64 = 1e6;
    /// Highest camera, in metres.
    pub const MAX_CAMERA_HEIGHT: f64 = 10.0;
    /// Largest pitch up or down, in degrees.
    pub const MAX_PITCH: f64 = 45.0;

    /// From the camera matrix `K` of `sensor_msgs/CameraInfo` (row by row, pixels), the size of the
    /// picture that it is of as `(width, height)`, the camera's height above the ground in metres
    /// (over 0, up to 10) and its pitch in degrees (-45 ..= 45, nose down positive).
    ///
    /// # Errors
    /// The first value that cannot be.
    pub fn new(
        k: &[f64; 9],
        (width, height): (u32, u32),
        camera_height_m: f64,
        pitch_deg: f64,
    ) -> Result<Self, GroundError> {
        for (index, &value) in k.iter().enumerate() {
            if !value.is_finite() {
                return Err(GroundError::NotFinite { index, value });
            }
        }
        let (fy, cy) = (k[4], k[5]);
        if !(Self::MIN_FOCAL_LENGTH..=Self::MAX_PIXELS).contains(&fy) {
            return Err(GroundError::FocalLength { value: fy });
        }
        if cy.abs() > Self::MAX_PIXELS {
            return Err(GroundError::PrincipalRow { value: cy });
        }
        let last_row = [k[6], k[7], k[8]];
        if last_row != [0.0, 0.0, 1.0] {
            return Err(GroundError::NoPinhole { last_row });
        }
        if width == 0 || height == 0 {
            return Err(GroundError::NoImage { width, height });
        }
        let mounted = camera_height_m > 0.0 && camera_height_m <= Self::MAX_CAMERA_HEIGHT;
        if !mounted {
            let value = camera_height_m;
            return Err(GroundError::CameraHeight { value });
        }
        if !(-Self::MAX_PITCH..=Self::MAX_PITCH).contains(&pitch_deg) {
            return Err(GroundError::Pitch { value: pitch_deg });
        }
        let (sin, cos) = pitch_deg.to_radians().sin_cos();
        Ok(Self {
            fy,
            cy,
            width,
            height,
            camera_height: camera_height_m,
            sin,
            cos,
        })
    }

    /// Size of the calibrated picture, `(width, height)` in pixels.
    pub const fn image_size(&self) -> (u32, u32) {
        (self.width, self.height)
    }

    /// Whether a picture is of the calibrated size.
    ///
    /// # Errors
    /// [`GroundError::ImageSize`] when it is not: rows mean something else there.
    pub const fn check_image(&self, width: u32, height: u32) -> Result<(), GroundError> {
        if width == self.width && height == self.height {
            return Ok(());
        }
        Err(GroundError::ImageSize {
            calibrated_width: self.width,
            calibrated_height: self.height,
            width,
            height,
        })
    }

    /// The row of the horizon; may lie outside of the picture.
    pub fn horizon(&self) -> f64 {
        self.cy - self.fy * self.sin / self.cos
    }

    /// Distance to the ground seen in a row, in metres, finite and at least 0 (the ground under
    /// the camera and behind it is at 0). `None` at the horizon and above, and for NaN.
    pub fn distance(&self, row: f64) -> Option<f64> {
        let slope = (row - self.cy) / self.fy;
        // The ray of the row, turned by the pitch: so much down for so much forward.
        let down = slope * self.cos + self.sin;
        let forward = self.cos - slope * self.sin;
        // Rows so far away that a product is no number any more are in no picture.
        let ahead = self.camera_height * (forward / down);
        (down > 0.0 && ahead.is_finite()).then(|| ahead.max(0.0))
    }

    /// The row that sees the ground in a distance of so many metres; may lie outside of the
    /// picture. `None` for a distance that is negative or no number, and for ground so near that a
    /// camera that looks up cannot see it however high its picture is.
    pub fn row(&self, distance_m: f64) -> Option<f64> {
        let seen = distance_m >= 0.0 && distance_m.is_finite();
        let along = distance_m * self.cos + self.camera_height * self.sin;
        let across = self.camera_height * self.cos - distance_m * self.sin;
        let row = self.cy + self.fy * (across / along);
        (seen && along > 0.0 && row.is_finite()).then_some(row)
    }
}

#[cfg(test)]
#[path = "ground_tests.rs"]
mod tests;
