use std::ops::Range;

use super::ground_map::{Cell, GroundMap};
use super::{Corridor, Footprint, Ground, GroundError, MapSize, Seen, Standing, Trapezoid};

/// Sizes of score maps whose maps of the ground are kept: the modes have two.
const KEPT: usize = 4;
/// Rows and columns of the picture that are looked at for rays in the corridor.
const LOOKED_AT: u32 = 16;

/// What the vehicle is about to drive through: on the ground in metres where the camera is known, a
/// trapezoid in the picture where it is not.
///
/// On the ground it is a way of a certain width, straight or along a circle, as far as the **limit**
/// where one is set. Whoever *stands* on it counts with the part of him that is in front of it, though
/// the ground behind him is beyond it. Where the pitch is uncertain, the nearest distance and the widest
/// way that are possible hold. The sky is in no corridor. Without a ground there is no limit, and the
/// whole trapezoid counts.
#[derive(Clone, Debug)]
pub struct GroundCorridor {
    trapezoid: Trapezoid,
    half_width_m: f32,
    ground: Option<Ground>,
    maps: Vec<GroundMap>,
    /// Sizes of score maps that came, the latest last.
    sizes: heapless::Vec<MapSize, KEPT>,
    /// The map that holds for the present frame.
    current: Option<usize>,
    far_limit_m: Option<f32>,
    /// Of the way, in 1/m, to the right positive.
    curvature: f32,
}

impl GroundCorridor {
    /// The whole trapezoid, without distances; on the ground, once it is known, a straight way of so
    /// many metres.
    pub const fn new(trapezoid: Trapezoid, width_m: f32) -> Self {
        Self {
            trapezoid,
            half_width_m: width_m / 2.0,
            ground: None,
            maps: Vec::new(),
            sizes: heapless::Vec::new(),
            current: None,
            far_limit_m: None,
            curvature: 0.0,
        }
    }

    /// The ground from here on; without one there are no distances and no limit, and the trapezoid
    /// holds.
    ///
    /// # Errors
    /// [`GroundError::NoRay`]: the lens's model does not hold in the trapezoid.
    /// [`GroundError::NoWay`]: hardly any of the way is seen. There is no ground then.
    pub fn set_ground(&mut self, ground: Option<Ground>) -> Result<(), GroundError> {
        self.maps.clear();
        (self.ground, self.current) = (None, None);
        if let Some(ground) = &ground {
            self.check_rays(ground)?;
            ground.check_way(self.width_m())?;
            let maps = self.sizes.iter().map(|size| GroundMap::new(ground, *size));
            self.maps = maps.collect();
        }
        self.ground = ground;
        Ok(())
    }

    fn check_rays(&self, ground: &Ground) -> Result<(), GroundError> {
        let size = MapSize {
            width: LOOKED_AT as usize,
            height: LOOKED_AT as usize,
        };
        let (width, height) = ground.camera().image_size();
        let at = |i: usize, length: u32| {
            (i as f64 + 0.5) / f64::from(LOOKED_AT) * f64::from(length) - 0.5
        };
        for y in 0..size.height {
            for x in self.trapezoid.columns(y, size) {
                let (u, v) = (at(x, width), at(y, height));
                if ground.camera().ray(u, v).is_none() {
                    let (column, row) = (u.max(0.0) as u32, v.max(0.0) as u32);
                    return Err(GroundError::NoRay { column, row });
                }
            }
        }
        Ok(())
    }

    /// How far away counts from here on, in metres from the point under the camera. A limit that is
    /// negative or no finite number is none: the whole corridor counts.
    pub fn set_far_limit(&mut self, metres: Option<f32>) {
        self.far_limit_m = metres.filter(|m| m.is_finite() && *m >= 0.0);
    }

    /// Curvature of the way in 1/m, to the left positive, from here on; what is no number is straight.
    pub fn set_curvature(&mut self, to_the_left: f32) {
        self.curvature = if to_the_left.is_finite() {
            -to_the_left
        } else {
            0.0
        };
    }

    /// Width of the way on the ground, in metres.
    pub const fn width_m(&self) -> f32 {
        self.half_width_m * 2.0
    }

    /// The ground, where it is known.
    pub const fn ground(&self) -> Option<&Ground> {
        self.ground.as_ref()
    }

    /// Whether the last frame was judged on the ground, not in the trapezoid.
    pub const fn is_on_ground(&self) -> bool {
        self.current.is_some()
    }

    /// The limit that is set, in metres; it holds where the ground is known.
    pub const fn far_limit_m(&self) -> Option<f32> {
        self.far_limit_m
    }

    /// Before a frame of that size (columns, rows) is judged by a score map of `size`: where the ground
    /// was calibrated for frames of another size, the trapezoid holds. The first frame of each size makes
    /// a map of the ground, and a new ground one of every size that came before, so that a dry run of all
    /// modes does it ahead; whatever comes later allocates nothing.
    pub fn fit(&mut self, (width, height): (u32, u32), size: MapSize) {
        self.current = None;
        if size.width == 0 || size.height == 0 {
            return;
        }
        let known = self.sizes.contains(&size);
        if !known {
            if self.sizes.is_full() {
                let oldest = self.sizes.remove(0);
                self.maps.retain(|map| map.size != oldest);
            }
            // there is room
            let _ = self.sizes.push(size);
        }
        let Some(ground) = &self.ground else {
            return;
        };
        if !known {
            self.maps.push(GroundMap::new(ground, size));
        }
        if ground.check_image(width, height).is_ok() {
            self.current = self.maps.iter().position(|map| map.size == size);
        }
    }

    /// The part of the width of what stands there that lies on the way: 0 ..= 1, the largest that it has anywhere
    /// between the nearest and the farthest that is possible.
    pub fn share_on_way(&self, footprint: &Footprint) -> f32 {
        let Footprint {
            distance_m: near,
            farthest_m: far,
            left_m: left,
            right_m: right,
            ..
        } = *footprint;
        let nearest = self.share((left, right), near);
        if far <= near {
            return nearest;
        }
        let at = |ahead: f32| self.share((left / near * ahead, right / near * ahead), ahead);
        // the ray through its middle leaves the middle of the way at the camera and meets it once more
        let slope = (left + right) / 2.0 / near;
        let meets = 2.0 * slope / (self.curvature * (1.0 + slope * slope));
        let between = if meets > near && meets < far {
            at(meets)
        } else {
            nearest
        };
        nearest.max(at(far)).max(between)
    }

    /// Whether that distance, in metres, is within the limit; with no limit everything is.
    pub fn is_in_reach(&self, distance_m: f32) -> bool {
        self.far_limit_m.is_none_or(|limit| distance_m <= limit)
    }

    fn share(&self, (left, right): (f32, f32), ahead: f32) -> f32 {
        let way = self.edges(ahead);
        let inside = right.min(way.1) - left.max(way.0);
        if right > left {
            (inside / (right - left)).clamp(0.0, 1.0)
        } else if right == left && inside < 0.0 {
            0.0
        } else {
            // without width, or edges that are not known, all of it counts
            1.0
        }
    }

    fn map(&self) -> Option<&GroundMap> {
        self.maps.get(self.current?)
    }

    /// How far to the right of the middle of the way a point on the ground is.
    fn off_middle(&self, (ahead, right): (f32, f32)) -> f32 {
        let curvature = self.curvature;
        let bent = curvature * (ahead * ahead + right * right);
        let root = (1.0 - curvature * (2.0 * right - bent)).max(0.0).sqrt();
        (2.0 * right - bent) / (1.0 + root)
    }

    /// Whether the ground that a pixel sees may be on the way: somewhere between the nearest and the
    /// farthest that is possible.
    fn is_on_way(&self, cell: &Cell) -> bool {
        if !cell.sees_ground() {
            return false;
        }
        let [near, _, far] = cell.at;
        let off = cell.at.map(|at| self.off_middle(at));
        let turning = self.nearest_to_centre(near, far);
        let off = off.into_iter().chain(turning.map(|at| self.off_middle(at)));
        let (least, most) = off.fold((f32::INFINITY, f32::NEG_INFINITY), |(least, most), off| {
            (least.min(off), most.max(off))
        });
        least <= self.half_width_m && most >= -self.half_width_m
    }

    /// The point between two where the way to the left of it becomes that to the right, or the other way
    /// round: the nearest to the centre of the circle that the vehicle drives along.
    fn nearest_to_centre(&self, from: (f32, f32), to: (f32, f32)) -> Option<(f32, f32)> {
        let (ahead, right) = (to.0 - from.0, to.1 - from.1);
        let centre = 1.0 / self.curvature;
        let part = ((centre - from.1) * right - from.0 * ahead) / (ahead * ahead + right * right);
        let between = part > 0.0 && part < 1.0;
        between.then_some((from.0 + part * ahead, from.1 + part * right))
    }

    /// Left and right edge of the way so far ahead, in metres to the right.
    fn edges(&self, ahead: f32) -> (f32, f32) {
        let turned = self.curvature * ahead;
        let along = (1.0 - turned * turned).max(0.01).sqrt();
        let middle = turned * ahead / (1.0 + along);
        // across a way that is turned, straight to the right
        let half = self.half_width_m / along;
        (middle - half, middle + half)
    }
}

impl Corridor for GroundCorridor {
    fn columns(&self, row: usize, size: MapSize) -> Range<usize> {
        match self.map() {
            // is told pixel by pixel
            Some(_) => 0..size.width,
            None => self.trapezoid.columns(row, size),
        }
    }

    fn seen(&self, x: usize, y: usize) -> Seen {
        let Some(map) = self.map() else {
            return Seen::INSIDE;
        };
        let Some(cell) = map.cell(x, y) else {
            return Seen::NOTHING;
        };
        Seen {
            inside: self.is_on_way(cell),
            distance: cell.at[0].0,
            given: cell.at[1].0,
            farthest: cell.at[2].0,
            edges: cell.edges,
            upright: cell.upright,
        }
    }

    fn counted(&self, standing: &Standing, size: MapSize) -> u32 {
        let (Some(_), Some(ground)) = (self.map(), &self.ground) else {
            return self.trapezoid.counted(standing, size);
        };
        let distance = standing.distance;
        if standing.inside == 0 {
            return 0;
        }
        if !self.is_in_reach(distance) {
            return 0;
        }
        let (left, right) = standing.edges;
        let share = self.share((left * distance, right * distance), distance);
        let counted = (share * standing.area as f32).ceil() as u32;
        let counted = counted.max(standing.inside).min(standing.area);
        let height = match right > left {
            true => standing.upright / (right - left) * standing.farthest,
            false => f32::INFINITY,
        };
        standing.weighed(counted, height / ground.mount().height_m as f32)
    }
}

#[cfg(test)]
#[path = "ground_corridor_tests.rs"]
mod tests;
