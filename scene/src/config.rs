//! What a drive is made from, and what is refused.

use crate::anomaly::AnomalyKind;

/// A drive to render. Equal configs give equal bytes, on every machine.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct DriveConfig {
    /// Chooses the street, its traffic, the light, the camera and the anomaly.
    pub seed: u64,
    /// Image width in pixels, 16 to 4096.
    pub width: u32,
    /// Image height in pixels, 16 to 4096.
    pub height: u32,
    /// Frames a second, above 0 and up to 1000.
    pub fps: f64,
    /// Length in seconds, above 0 and up to 3600; at least one frame is rendered.
    pub duration_s: f64,
    /// Speed of the camera in metres a second, 0 to 70.
    pub speed_mps: f64,
    /// What, if anything, comes onto the road that belongs to no class.
    pub anomaly: Anomaly,
    /// Whether the vehicle swerves round the anomaly. Where it does not, the anomaly stays in its
    /// way, and it has to stop.
    pub swerves: bool,
}

impl Default for DriveConfig {
    /// 20 s at 15 Hz and 50 km/h, 480x360, round one of the held-out anomalies.
    fn default() -> Self {
        DriveConfig {
            seed: 0,
            width: 480,
            height: 360,
            fps: 15.0,
            duration_s: 20.0,
            speed_mps: 50.0 / 3.6,
            anomaly: Anomaly::HeldOut,
            swerves: true,
        }
    }
}

/// Which anomaly a drive has.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Anomaly {
    /// None: a drive through the known world.
    None,
    /// One of [`AnomalyKind::HELD_OUT`], chosen by the seed.
    HeldOut,
    /// One of [`AnomalyKind::TRAINING`], chosen by the seed, a quarter of them and more a medley. It may come into view nearer
    /// than a held-out one, so that training sees it at every size.
    Training,
    /// This one.
    Kind(AnomalyKind),
}

/// Why a [`DriveConfig`] was refused.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum SceneError {
    /// The image is too small to show anything or too large to hold.
    #[error("image size {width}x{height} is not in {MIN_SIDE}x{MIN_SIDE} to {MAX_SIDE}x{MAX_SIDE}")]
    Size {
        /// Width asked for, in pixels.
        width: u32,
        /// Height asked for, in pixels.
        height: u32,
    },
    /// A number is not finite or not in its range.
    #[error("{field} is {value}, not a number {range}")]
    Number {
        /// Field of [`DriveConfig`].
        field: &'static str,
        /// Its value.
        value: f64,
        /// The range in words.
        range: &'static str,
    },
    /// The street would be longer than is held in memory.
    #[error("the drive is {metres:.0} m long; at most {MAX_LENGTH_M:.0} m are rendered")]
    TooLong {
        /// Length of the drive in metres.
        metres: f64,
    },
}

/// Smallest side of an image in pixels.
pub const MIN_SIDE: u32 = 16;
/// Largest side of an image in pixels.
pub const MAX_SIDE: u32 = 4096;
/// Longest drive in metres.
pub const MAX_LENGTH_M: f64 = 20_000.0;

impl DriveConfig {
    /// Checks every field against its range.
    pub fn check(&self) -> Result<(), SceneError> {
        let sides = MIN_SIDE..=MAX_SIDE;
        if !sides.contains(&self.width) || !sides.contains(&self.height) {
            return Err(SceneError::Size {
                width: self.width,
                height: self.height,
            });
        }
        let number = |field, value: f64, ok: bool, range| {
            if value.is_finite() && ok {
                Ok(())
            } else {
                Err(SceneError::Number {
                    field,
                    value,
                    range,
                })
            }
        };
        number(
            "fps",
            self.fps,
            self.fps > 0.0 && self.fps <= 1000.0,
            "above 0 and up to 1000",
        )?;
        number(
            "duration_s",
            self.duration_s,
            self.duration_s > 0.0 && self.duration_s <= 3600.0,
            "above 0 and up to 3600",
        )?;
        number(
            "speed_mps",
            self.speed_mps,
            (0.0..=70.0).contains(&self.speed_mps),
            "from 0 to 70",
        )?;
        let metres = self.duration_s * self.speed_mps;
        if metres > MAX_LENGTH_M {
            return Err(SceneError::TooLong { metres });
        }
        Ok(())
    }

    /// Number of frames: duration times rate, rounded, at least 1.
    pub(crate) fn frame_count(&self) -> usize {
        // In range by `check`: at most 3.6 million.
        ((self.duration_s * self.fps + 0.5) as usize).max(1)
    }
}
