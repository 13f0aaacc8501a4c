use super::{AnomalyMask, Corridor, MapSize, Seen, Standing};
use crate::score::ScoreMap;
use heapless::Vec as FixedVec;

/// Regions that are reported a frame; the largest are kept.
pub const MAX_REGIONS: usize = 64;

/// The smallest upright rectangle round a region, in pixels of the score map.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Serialize)]
pub struct BoundingBox {
    /// Leftmost column.
    pub left: u32,
    /// Topmost row.
    pub top: u32,
    /// Width in pixels, at least 1.
    pub width: u32,
    /// Height in pixels, at least 1.
    pub height: u32,
}

/// An 8-connected set of anomalous pixels, in pixels of the score map.
#[derive(Clone, Copy, Debug, PartialEq, serde::Serialize)]
pub struct Region {
    /// The rectangle round it.
    pub bounding_box: BoundingBox,
    /// Its pixels.
    pub area: u32,
    /// Mean column and row of its pixels' centres (the first pixel's centre is 0, 0).
    pub centroid: (f32, f32),
    /// Mean score; a pixel without a score counts as 1.
    pub mean_score: f32,
    /// Variance of the score, not under 0; a pixel without a score counts as 1.
    pub score_variance: f32,
    /// Largest score; a pixel without a score counts as 1.
    pub max_score: f32,
    /// Its pixels that count as in the corridor, fewer than lie there where few are sure or where it lies flat;
    /// 0 where it stands beyond the corridor's limit.
    pub corridor_area: u32,
    /// Where it stands, where the corridor knows the ground.
    pub footprint: Option<Footprint>,
}

/// Where a region stands on the ground, and how large it is if it stands there upright.
#[derive(Clone, Copy, Debug, PartialEq, serde::Serialize)]
pub struct Footprint {
    /// Distance from the point under the camera ahead, in metres, to the nearest ground of its lower
    /// contour: of the part that lies in the corridor where there is one, else of all of it.
    pub distance_m: f32,
    /// The same if the pitch is off by all of its uncertainty: as far away as is possible, at most 1 km.
    pub farthest_m: f32,
    /// Its left edge, in metres to the right of the camera.
    pub left_m: f32,
    /// Its right edge, in metres to the right of the camera.
    pub right_m: f32,
    /// Its area, in square metres.
    pub area_m2: f32,
}

impl Footprint {
    /// Its width, in metres.
    pub fn width_m(&self) -> f32 {
        self.right_m - self.left_m
    }

    /// Its mean height over its width in metres, as far away as is possible: the greatest that it may have.
    /// No number where it has no width.
    pub fn height_m(&self) -> f32 {
        self.area_m2 / self.width_m() * (self.farthest_m / self.distance_m)
    }
}

/// The regions of one frame, and what is not among them.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Regions {
    items: FixedVec<Region, MAX_REGIONS>,
    /// Regions beyond [`MAX_REGIONS`], all no larger than those kept.
    pub dropped: u32,
    /// Regions under the smallest area that counts.
    pub specks: u32,
    /// Pixels of every region but specks, the dropped ones among them.
    pub area: u32,
    /// Pixels that count as in the corridor of every region but specks, the dropped ones among them.
    pub corridor_area: u32,
    /// Smallest distance of any region that counts as in the corridor, the dropped ones among them, in
    /// metres.
    pub nearest: Option<f32>,
}

impl Regions {
    /// The largest regions first; equal areas in the order of their first pixel, row by row.
    pub fn largest(&self) -> &[Region] {
        &self.items
    }

    fn clear(&mut self) {
        self.items.clear();
        (self.dropped, self.specks, self.area, self.corridor_area) = (0, 0, 0, 0);
        self.nearest = None;
    }

    fn add(&mut self, region: Region) {
        self.area += region.area;
        self.corridor_area += region.corridor_area;
        let counts = region.corridor_area > 0;
        if let Some(distance) = region.footprint.filter(|_| counts).map(|f| f.distance_m) {
            self.nearest = Some(
                self.nearest
                    .map_or(distance, |nearest| nearest.min(distance)),
            );
        }
        if self.items.is_full() {
            self.dropped += 1;
            if self
                .items
                .last()
                .is_some_and(|smallest| smallest.area >= region.area)
            {
                return;
            }
            self.items.pop();
        }
        let place = self.items.partition_point(|kept| kept.area >= region.area);
        // There is room: `add` made it above.
        let _ = self.items.insert(place, region);
    }
}

/// Mask and score map that don't belong together.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum RegionError {
    /// The sizes differ.
    #[error("mask of {mask_width}x{mask_height} for a score map of {map_width}x{map_height}")]
    SizeMismatch {
        /// Width of the mask, in pixels.
        mask_width: usize,
        /// Height of the mask, in pixels.
        mask_height: usize,
        /// Width of the score map, in pixels.
        map_width: usize,
        /// Height of the score map, in pixels.
        map_height: usize,
    },
    /// More pixels than 32 bits count.
    #[error("a mask of {width}x{height} has more pixels than can be counted")]
    TooLarge {
        /// Width, in pixels.
        width: usize,
        /// Height, in pixels.
        height: usize,
    },
}

/// What is summed up for a provisional label.
#[derive(Clone, Copy, Debug)]
struct Sums {
    left: u32,
    right: u32,
    top: u32,
    bottom: u32,
    area: u32,
    x: u64,
    y: u64,
    score: f64,
    square: f64,
    max_score: f32,
    inside: u32,
    sure: u32,
    /// Nearest ground, in metres: of the pixels in the corridor, and of all; infinite without.
    near_inside: f32,
    near: f32,
    /// The same, as far away as is possible.
    far_inside: f32,
    farthest: f32,
    edges: (f32, f32),
    upright: f32,
}

impl Sums {
    fn of_pixel((x, y): (u32, u32), score: f32, sure: bool, seen: &Seen) -> Self {
        Self {
            left: x,
            right: x,
            top: y,
            bottom: y,
            area: 1,
            x: u64::from(x),
            y: u64::from(y),
            score: f64::from(score),
            square: f64::from(score) * f64::from(score),
            max_score: score,
            inside: u32::from(seen.inside),
            sure: u32::from(sure),
            near_inside: if seen.inside {
                seen.distance
            } else {
                f32::INFINITY
            },
            near: seen.distance,
            far_inside: if seen.inside {
                seen.farthest
            } else {
                f32::INFINITY
            },
            farthest: seen.farthest,
            edges: seen.edges,
            upright: seen.upright,
        }
    }

    fn absorb(&mut self, other: Self) {
        self.left = self.left.min(other.left);
        self.right = self.right.max(other.right);
        self.top = self.top.min(other.top);
        self.bottom = self.bottom.max(other.bottom);
        self.area += other.area;
        self.x += other.x;
        self.y += other.y;
        self.score += other.score;
        self.square += other.square;
        self.max_score = self.max_score.max(other.max_score);
        self.inside += other.inside;
        self.sure += other.sure;
        self.near_inside = self.near_inside.min(other.near_inside);
        self.near = self.near.min(other.near);
        self.far_inside = self.far_inside.min(other.far_inside);
        self.farthest = self.farthest.min(other.farthest);
        self.edges.0 = self.edges.0.min(other.edges.0);
        self.edges.1 = self.edges.1.max(other.edges.1);
        self.upright += other.upright;
    }

    /// Where it stands: in the corridor, where a part of it lies there.
    fn footprint(&self) -> Option<Footprint> {
        let (distance_m, farthest_m) = match self.inside {
            0 => (self.near, self.farthest),
            _ => (self.near_inside, self.far_inside),
        };
        let (left, right) = self.edges;
        let known = distance_m.is_finite() && left.is_finite() && right.is_finite();
        known.then_some(Footprint {
            distance_m,
            farthest_m: farthest_m.max(distance_m),
            left_m: left * distance_m,
            right_m: right * distance_m,
            area_m2: self.upright * distance_m * distance_m,
        })
    }
}

/// Finds the regions of a mask: one pass over the pixels with union-find over provisional labels,
/// one over the labels. Keeps two rows of labels and one entry a provisional label, and allocates
/// only when a mask is larger than any before.
///
/// The method is Rosenfeld and Pfaltz's (1966) with the decision tree of Wu, Otoo and Suzuki
/// (2009) over the neighbours already seen.
#[derive(Clone, Debug, Default)]
pub struct RegionFinder {
    /// Regions of fewer pixels are counted as specks and otherwise left out.
    pub min_area: u32,
    /// A pixel is sure from this score on.
    pub sure_from: f32,
    /// Labels of the row above and of this one, with one empty column at either end.
    above: Vec<u32>,
    current: Vec<u32>,
    /// Parent of every provisional label; a root is its own and the smallest of its set. Label 0
    /// is "no region".
    parents: Vec<u32>,
    sums: Vec<Sums>,
}

impl RegionFinder {
    /// Makes the buffers for masks up to this size, so that no later call allocates.
    pub fn reserve(&mut self, width: usize, height: usize) {
        // Provisional labels can't be neighbours, so every 2x2 square has at most one.
        let labels = width
            .div_ceil(2)
            .saturating_mul(height.div_ceil(2))
            .saturating_add(1);
        self.parents.clear();
        self.sums.clear();
        self.parents.reserve(labels);
        self.sums.reserve(labels);
        self.above.clear();
        self.current.clear();
        self.above.resize(width.saturating_add(2), 0);
        self.current.resize(width.saturating_add(2), 0);
    }

    /// Finds the regions of `mask` into `out`, with their scores from `map` and their place
    /// relative to `corridor`.
    ///
    /// # Errors
    /// [`RegionError`] when the sizes differ or the pixels are more than 32 bits count.
    pub fn find(
        &mut self,
        mask: &AnomalyMask,
        map: &ScoreMap,
        corridor: &dyn Corridor,
        out: &mut Regions,
    ) -> Result<(), RegionError> {
        let size = MapSize {
            width: mask.width(),
            height: mask.height(),
        };
        if (size.width, size.height) != (map.width(), map.height()) {
            return Err(RegionError::SizeMismatch {
                mask_width: size.width,
                mask_height: size.height,
                map_width: map.width(),
                map_height: map.height(),
            });
        }
        if u32::try_from(mask.pixels().len()).is_err() {
            return Err(RegionError::TooLarge {
                width: size.width,
                height: size.height,
            });
        }
        out.clear();
        if mask.pixels().is_empty() {
            return Ok(());
        }
        self.reserve(size.width, size.height);
        self.parents.push(0);
        self.sums
            .push(Sums::of_pixel((0, 0), 0.0, false, &Seen::NOTHING));
        let rows = mask
            .pixels()
            .chunks_exact(size.width)
            .zip(map.values().chunks_exact(size.width));
        for (y, (pixels, scores)) in rows.enumerate() {
            let columns = corridor.columns(y, size);
            for (x, (&pixel, &score)) in pixels.iter().zip(scores).enumerate() {
                let label = if pixel == 0 {
                    0
                } else {
                    let score = if score.is_nan() { 1.0 } else { score };
                    let mut seen = corridor.seen(x, y);
                    seen.inside &= columns.contains(&x);
                    let at = (x as u32, y as u32);
                    self.place(x, Sums::of_pixel(at, score, score >= self.sure_from, &seen))
                };
                self.current[x + 1] = label;
            }
            std::mem::swap(&mut self.above, &mut self.current);
        }
        self.collect(corridor, size, out);
        Ok(())
    }

    /// The label of the pixel in column `x` of the current row, its sums added.
    fn place(&mut self, x: usize, pixel: Sums) -> u32 {
        // The columns are shifted by one: left is `current[x]`, straight above `above[x + 1]`.
        let (upper_left, up, upper_right) = (self.above[x], self.above[x + 1], self.above[x + 2]);
        let left = self.current[x];
        let label = if up != 0 {
            // It touches the other three, so they are joined already.
            up
        } else if upper_right != 0 {
            // Touches neither of the other two, which are joined when both are there.
            match if left != 0 { left } else { upper_left } {
                0 => upper_right,
                other => self.join(upper_right, other),
            }
        } else if upper_left != 0 {
            upper_left
        } else {
            left
        };
        if label == 0 {
            let label = self.parents.len() as u32;
            self.parents.push(label);
            self.sums.push(pixel);
            return label;
        }
        self.sums[label as usize].absorb(pixel);
        label
    }

    fn root(&mut self, mut label: u32) -> u32 {
        while self.parents[label as usize] != label {
            let grandparent = self.parents[self.parents[label as usize] as usize];
            self.parents[label as usize] = grandparent;
            label = grandparent;
        }
        label
    }

    fn join(&mut self, a: u32, b: u32) -> u32 {
        let (a, b) = (self.root(a), self.root(b));
        self.parents[a.max(b) as usize] = a.min(b);
        a.min(b)
    }

    fn collect(&mut self, corridor: &dyn Corridor, size: MapSize, out: &mut Regions) {
        // Parents are smaller than their labels: from the last label down, every label is whole
        // before it goes to its parent.
        for label in (1..self.parents.len()).rev() {
            let parent = self.parents[label] as usize;
            if parent != label {
                let sums = self.sums[label];
                self.sums[parent].absorb(sums);
            }
        }
        for (label, sums) in self.sums.iter().enumerate().skip(1) {
            if self.parents[label] as usize != label {
                continue;
            }
            if sums.area < self.min_area {
                out.specks += 1;
                continue;
            }
            let area = f64::from(sums.area);
            let mean = sums.score / area;
            let standing = Standing {
                area: sums.area,
                inside: sums.inside,
                sure: sums.sure,
                columns: sums.right - sums.left + 1,
                foot: sums.bottom + 1,
                distance: sums.near_inside,
                farthest: sums.farthest,
                edges: sums.edges,
                upright: sums.upright,
            };
            out.add(Region {
                bounding_box: BoundingBox {
                    left: sums.left,
                    top: sums.top,
                    width: standing.columns,
                    height: sums.bottom - sums.top + 1,
                },
                area: sums.area,
                centroid: ((sums.x as f64 / area) as f32, (sums.y as f64 / area) as f32),
                mean_score: mean as f32,
                score_variance: (sums.square / area - mean * mean).max(0.0) as f32,
                max_score: sums.max_score,
                corridor_area: corridor.counted(&standing, size),
                footprint: sums.footprint(),
            });
        }
    }
}

#[cfg(test)]
#[path = "regions_tests.rs"]
mod tests;
