//! What the pixels of a score map see of the ground, reckoned once for all frames.

use super::{Ground, MapSize};

/// No ground is seen farther away, in metres: a ray that meets it there, or never, counts as one that
/// ends here. So a pitch that is less certain never sees less.
pub(super) const FAR_M: f64 = 1000.0;

/// What a pixel of the score map sees of the ground, at its lower edge.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Cell {
    /// Distance ahead and to the right in metres, nearest first: with the nose as far down, as given and
    /// as far up as the pitch's uncertainty allows, none beyond [`FAR_M`]. The first is infinitely far where
    /// no ground is seen with the nose down either, and where the lens has no ray.
    pub(super) at: [(f32, f32); 3],
    /// The pixel's left and right edge, to the right of the camera in parts of the distance ahead.
    pub(super) edges: (f32, f32),
    /// Area of what the pixel covers of something upright, in parts of the distance ahead squared.
    pub(super) upright: f32,
}

impl Cell {
    const SKY: Self = Self {
        at: [(f32::INFINITY, 0.0); 3],
        edges: (f32::INFINITY, f32::NEG_INFINITY),
        upright: 0.0,
    };

    /// Whether any ground is seen.
    pub(super) fn sees_ground(&self) -> bool {
        self.at[0].0.is_finite()
    }
}

/// The cells of one size of score map.
#[derive(Clone, Debug)]
pub(super) struct GroundMap {
    pub(super) size: MapSize,
    cells: Vec<Cell>,
}

impl GroundMap {
    pub(super) fn new(ground: &Ground, size: MapSize) -> Self {
        let mut cells = vec![Cell::SKY; size.width * size.height];
        let mut upper = vec![None; size.width];
        let mut lower = vec![None; size.width];
        slopes(ground, size, 0, &mut upper);
        for (y, row) in cells.chunks_exact_mut(size.width.max(1)).enumerate() {
            slopes(ground, size, y + 1, &mut lower);
            for (x, cell) in row.iter_mut().enumerate() {
                *cell = one(ground, point(ground, size, x, y + 1));
                let beside = (x.saturating_sub(1), (x + 1).min(size.width - 1));
                if let (Some(here), Some(over), Some(left), Some(right)) =
                    (lower[x], upper[x], lower[beside.0], lower[beside.1])
                {
                    shape(cell, here, over, (left, right), beside.1 - beside.0);
                }
            }
            std::mem::swap(&mut upper, &mut lower);
        }
        Self { size, cells }
    }

    /// `None` outside of the map.
    pub(super) fn cell(&self, x: usize, y: usize) -> Option<&Cell> {
        let inside = x < self.size.width;
        self.cells.get(y * self.size.width + x).filter(|_| inside)
    }
}

/// Middle of the upper edge of a pixel of the map, as a point of the picture. The edges of a picture
/// are half a pixel outside of the centres of its outermost pixels.
fn point(ground: &Ground, size: MapSize, x: usize, y: usize) -> (f64, f64) {
    let (width, height) = ground.camera().image_size();
    let u = (x as f64 + 0.5) / size.width as f64 * f64::from(width) - 0.5;
    let v = y as f64 / size.height as f64 * f64::from(height) - 0.5;
    (u, v)
}

/// Right and down in parts of the distance ahead, along the upper edge of a row.
fn slopes(ground: &Ground, size: MapSize, y: usize, out: &mut [Option<(f64, f64)>]) {
    for (x, slope) in out.iter_mut().enumerate() {
        let (u, v) = point(ground, size, x, y);
        let ray = ground.camera().ray(u, v);
        *slope = ray.and_then(|ray| {
            let [ahead, right, down] = ground.level(ray, 0.0);
            (ahead > 0.0).then(|| (right / ahead, down / ahead))
        });
    }
}

/// Where the ground is, for each pitch that may be.
fn one(ground: &Ground, (u, v): (f64, f64)) -> Cell {
    let Some(ray) = ground.camera().ray(u, v) else {
        return Cell::SKY;
    };
    let uncertain = ground.mount().pitch_uncertainty_deg;
    let mut cell = Cell::SKY;
    for (at, more) in cell.at.iter_mut().zip([uncertain, 0.0, -uncertain]) {
        let level = ground.level(ray, more);
        let met = ground.on_ground(level).filter(|(ahead, _)| *ahead <= FAR_M);
        let (ahead, right) = match met {
            Some(met) => met,
            None if more == uncertain => return Cell::SKY,
            None => (FAR_M, level[1] / level[0].max(f64::MIN_POSITIVE) * FAR_M),
        };
        *at = (ahead as f32, right as f32);
    }
    cell
}

/// Edges and area, from the slopes of the pixels around.
fn shape(
    cell: &mut Cell,
    here: (f64, f64),
    over: (f64, f64),
    (left, right): ((f64, f64), (f64, f64)),
    columns: usize,
) {
    let columns = columns.max(1) as f64;
    let across = ((right.0 - left.0) / columns, (right.1 - left.1) / columns);
    let up = (over.0 - here.0, over.1 - here.1);
    let half = across.0.abs() / 2.0;
    cell.edges = ((here.0 - half) as f32, (here.0 + half) as f32);
    cell.upright = (across.0 * up.1 - across.1 * up.0).abs() as f32;
}
