use std::ops::Range;

use super::{Corridor, Ground, MapSize, Trapezoid};

/// A trapezoid in the picture, with distances where the ground is known and a limit of distance
/// where one is set: what stands beyond it does not count as in the corridor.
///
/// The limit is about where a region *stands* (its lowest pixel in the corridor), not about
/// pixels: of somebody who stands within the limit, all that is in front of the corridor counts,
/// though the ground behind him is beyond it. Without a ground there is no limit, and the whole
/// trapezoid counts.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct GroundCorridor {
    trapezoid: Trapezoid,
    ground: Option<Ground>,
    far_limit_m: Option<f32>,
}

impl GroundCorridor {
    /// The whole trapezoid, without distances.
    pub const fn new(trapezoid: Trapezoid) -> Self {
        Self {
            trapezoid,
            ground: None,
            far_limit_m: None,
        }
    }

    /// The ground from here on; without one there are no distances and no limit.
    pub const fn set_ground(&mut self, ground: Option<Ground>) {
        self.ground = ground;
    }

    /// How far away counts from here on, in metres from the point under the camera. A limit that is
    /// negative or no finite number is none: the whole trapezoid counts.
    pub fn set_far_limit(&mut self, metres: Option<f32>) {
        self.far_limit_m = metres.filter(|m| m.is_finite() && *m >= 0.0);
    }

    /// The trapezoid.
    pub const fn trapezoid(&self) -> &Trapezoid {
        &self.trapezoid
    }

    /// The ground, where it is known.
    pub const fn ground(&self) -> Option<&Ground> {
        self.ground.as_ref()
    }

    /// The limit that is set, in metres; it holds where the ground is known.
    pub const fn far_limit_m(&self) -> Option<f32> {
        self.far_limit_m
    }

    /// The corridor in a picture of that size: a ground that was calibrated at another is left out.
    #[must_use]
    pub fn in_image(mut self, width: u32, height: u32) -> Self {
        self.ground = self
            .ground
            .filter(|ground| ground.check_image(width, height).is_ok());
        self
    }
}

impl Corridor for GroundCorridor {
    fn columns(&self, row: usize, size: MapSize) -> Range<usize> {
        self.trapezoid.columns(row, size)
    }

    /// Of the pixel's lower edge, the nearest ground that it sees.
    fn distance(&self, _x: usize, y: usize, size: MapSize) -> Option<f32> {
        let ground = self.ground.as_ref()?;
        let share = (y as f64 + 1.0) / size.height as f64;
        // The edges of a picture are half a pixel outside of the centres of its first and last row.
        let row = share * f64::from(ground.image_size().1) - 0.5;
        ground.distance(row).map(|metres| metres as f32)
    }

    fn counts(&self, x: usize, y: usize, size: MapSize) -> bool {
        match (self.ground, self.far_limit_m) {
            (Some(_), Some(limit)) => self.distance(x, y, size).is_some_and(|d| d <= limit),
            _ => true,
        }
    }
}

#[cfg(test)]
#[path = "ground_corridor_tests.rs"]
mod tests;
