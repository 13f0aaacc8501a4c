use serde::{Deserialize, Serialize};
use std::ops::Range;

/// Size of the score map that a corridor is asked about, in pixels.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct MapSize {
    /// Width in pixels.
    pub width: usize,
    /// Height in pixels.
    pub height: usize,
}

/// What is known of a pixel of the score map.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Seen {
    /// Whether it lies in the corridor, where its column does.
    pub inside: bool,
    /// Distance from the point under the camera ahead to the ground that it sees, in metres, the
    /// nearest that is possible; infinite where it sees none or the geometry is not known.
    pub distance: f32,
    /// The same, by the pitch as it is given.
    pub given: f32,
    /// The same, the farthest that is possible.
    pub farthest: f32,
    /// Its left and right edge, to the right of the camera in parts of the distance ahead.
    pub edges: (f32, f32),
    /// Area of what it covers of something upright, in parts of the distance ahead squared.
    pub upright: f32,
}

impl Seen {
    /// In no corridor, without geometry.
    pub const NOTHING: Self = Self {
        inside: false,
        distance: f32::INFINITY,
        given: f32::INFINITY,
        farthest: f32::INFINITY,
        edges: (f32::INFINITY, f32::NEG_INFINITY),
        upright: 0.0,
    };
    /// In the corridor, without geometry.
    pub const INSIDE: Self = Self {
        inside: true,
        ..Self::NOTHING
    };
}

/// So high, on average over its width and in heights of the camera, is what counts in full as upright. Paint on
/// the road is seen at a slant: it covers a fifth and less, whatever its size.
const UPRIGHT: f32 = 0.5;
/// Where one pixel in so many is sure, a region counts in full.
const ONE_SURE_IN: f32 = 6.0;

/// A region, as far as it matters to how much of it counts.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Standing {
    /// Its pixels.
    pub area: u32,
    /// Those that lie in the corridor.
    pub inside: u32,
    /// Those whose score is sure.
    pub sure: u32,
    /// Columns that it reaches over.
    pub columns: u32,
    /// The row under its lowest pixel.
    pub foot: u32,
    /// The nearest ground that the pixels in the corridor see, in metres; infinite where there is none.
    pub distance: f32,
    /// The nearest ground that any of its pixels sees, as far away as is possible.
    pub farthest: f32,
    /// Left and right edge of all of it, to the right of the camera in parts of the distance.
    pub edges: (f32, f32),
    /// Area of what it covers of something upright, in parts of the distance squared.
    pub upright: f32,
}

impl Standing {
    /// Of so many pixels in the corridor, those that count: fewer where few are sure, and where it is so low
    /// (mean height over its foot, in heights of the camera) that it may lie on the road.
    pub(super) fn weighed(&self, pixels: u32, height: f32) -> u32 {
        // a height that is no number is not known, and takes nothing
        let upright = (height / UPRIGHT).min(1.0);
        let sure = self.sure as f32 * ONE_SURE_IN / self.area as f32;
        let part = (upright * sure).clamp(0.0, 1.0);
        ((part * pixels as f32).ceil() as u32).min(pixels)
    }
}

/// The part of the picture that the vehicle is about to drive through.
pub trait Corridor {
    /// The columns of row `row` that may lie in the corridor; empty when none does. Callers cut the
    /// range to the map.
    fn columns(&self, row: usize, size: MapSize) -> Range<usize>;

    /// What is known of pixel (`x`, `y`).
    fn seen(&self, x: usize, y: usize) -> Seen {
        let _ = (x, y);
        Seen::INSIDE
    }

    /// How many pixels of a region count as in the corridor, on a score map of `size`.
    fn counted(&self, standing: &Standing, size: MapSize) -> u32 {
        let _ = size;
        standing.inside
    }
}

/// A corridor drawn in the image: a trapezoid with horizontal parallel sides, in coordinates
/// normalised to the picture (0, 0 upper left ..= 1, 1 lower right). Knows no distances; its upper side is
/// taken for the horizon, over which heights are told in heights of the camera.
///
/// A pixel is inside when its centre is; the left edge belongs to it, the right does not. Deserialising checks the ranges.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(try_from = "RawTrapezoid")]
pub struct Trapezoid {
    top: f32,
    bottom: f32,
    top_left: f32,
    top_right: f32,
    bottom_left: f32,
    bottom_right: f32,
}

/// A trapezoid that is none.
#[derive(Clone, Copy, Debug, PartialEq, thiserror::Error)]
pub enum TrapezoidError {
    /// A coordinate is NaN or outside the picture.
    #[error("corridor: {name} is {value}, not in 0 ..= 1")]
    OutOfRange {
        /// Which field.
        name: &'static str,
        /// Its value.
        value: f32,
    },
    /// The upper side is not above the lower.
    #[error("corridor: top {top} is not above bottom {bottom}")]
    UpsideDown {
        /// Upper side.
        top: f32,
        /// Lower side.
        bottom: f32,
    },
    /// A left end is right of its right end, or both sides have no length.
    #[error(
        "corridor: left must be left of right, got top {top_left}..{top_right}, \
         bottom {bottom_left}..{bottom_right}"
    )]
    Crossed {
        /// Left end of the upper side.
        top_left: f32,
        /// Right end of the upper side.
        top_right: f32,
        /// Left end of the lower side.
        bottom_left: f32,
        /// Right end of the lower side.
        bottom_right: f32,
    },
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RawTrapezoid {
    top: f32,
    bottom: f32,
    top_left: f32,
    top_right: f32,
    bottom_left: f32,
    bottom_right: f32,
}

impl TryFrom<RawTrapezoid> for Trapezoid {
    type Error = TrapezoidError;

    fn try_from(raw: RawTrapezoid) -> Result<Self, Self::Error> {
        Self::new(
            (raw.top, raw.top_left, raw.top_right),
            (raw.bottom, raw.bottom_left, raw.bottom_right),
        )
    }
}

impl Default for Trapezoid {
    /// A lane's width ahead of a level camera in the middle of the vehicle.
    fn default() -> Self {
        Self {
            top: 0.5,
            bottom: 1.0,
            top_left: 0.45,
            top_right: 0.55,
            bottom_left: 0.15,
            bottom_right: 0.85,
        }
    }
}

impl Trapezoid {
    /// From the upper and the lower side, each as `(y, left x, right x)` in `0 ..= 1`.
    ///
    /// # Errors
    /// [`TrapezoidError`] when a value is outside, `top >= bottom`, a side is reversed, or both
    /// sides have no length.
    pub fn new(upper: (f32, f32, f32), lower: (f32, f32, f32)) -> Result<Self, TrapezoidError> {
        let (top, top_left, top_right) = upper;
        let (bottom, bottom_left, bottom_right) = lower;
        for (name, value) in [
            ("top", top),
            ("bottom", bottom),
            ("top_left", top_left),
            ("top_right", top_right),
            ("bottom_left", bottom_left),
            ("bottom_right", bottom_right),
        ] {
            if !(0.0..=1.0).contains(&value) {
                return Err(TrapezoidError::OutOfRange { name, value });
            }
        }
        if top >= bottom {
            return Err(TrapezoidError::UpsideDown { top, bottom });
        }
        let flat = top_left == top_right && bottom_left == bottom_right;
        if flat || top_left > top_right || bottom_left > bottom_right {
            return Err(TrapezoidError::Crossed {
                top_left,
                top_right,
                bottom_left,
                bottom_right,
            });
        }
        Ok(Self {
            top,
            bottom,
            top_left,
            top_right,
            bottom_left,
            bottom_right,
        })
    }

    /// The whole picture.
    pub const fn everywhere() -> Self {
        Self {
            top: 0.0,
            bottom: 1.0,
            top_left: 0.0,
            top_right: 1.0,
            bottom_left: 0.0,
            bottom_right: 1.0,
        }
    }

    /// The four corners as normalised `(x, y)`: upper left, upper right, lower right, lower left.
    /// For drawing.
    pub fn corners(&self) -> [(f32, f32); 4] {
        [
            (self.top_left, self.top),
            (self.top_right, self.top),
            (self.bottom_right, self.bottom),
            (self.bottom_left, self.bottom),
        ]
    }
}

impl Corridor for Trapezoid {
    fn columns(&self, row: usize, size: MapSize) -> Range<usize> {
        let y = (row as f32 + 0.5) / size.height as f32;
        if !(self.top..self.bottom).contains(&y) {
            return 0..0;
        }
        let t = (y - self.top) / (self.bottom - self.top);
        let first_centre_from = |top: f32, bottom: f32| {
            let edge = (top + (bottom - top) * t) * size.width as f32;
            ((edge - 0.5).ceil().max(0.0) as usize).min(size.width)
        };
        first_centre_from(self.top_left, self.bottom_left)
            ..first_centre_from(self.top_right, self.bottom_right)
    }

    fn counted(&self, standing: &Standing, size: MapSize) -> u32 {
        // a camera that is level is as high over the foot as the horizon is
        let camera = standing.foot as f32 - self.top * size.height as f32;
        let rows = standing.area as f32 / standing.columns as f32;
        standing.weighed(standing.inside, rows / camera)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::decide::{AnomalyMask, RegionFinder, Regions, threshold};
    use crate::score::ScoreMap;

    #[test]
    fn a_triangle_takes_the_pixels_whose_centres_are_inside() {
        let triangle = Trapezoid::new((0.0, 0.5, 0.5), (1.0, 0.0, 1.0)).unwrap();
        let size = MapSize {
            width: 16,
            height: 4,
        };
        let rows: Vec<_> = (0..5).map(|row| triangle.columns(row, size)).collect();
        assert_eq!(rows, [7..9, 5..11, 3..13, 1..15, 0..0]);
    }

    #[test]
    fn everywhere_is_every_pixel_of_any_size() {
        for (width, height) in [(1, 1), (3, 7), (120, 88), (4096, 3)] {
            let size = MapSize { width, height };
            for row in 0..height {
                assert_eq!(Trapezoid::everywhere().columns(row, size), 0..width);
            }
        }
    }

    #[test]
    fn what_lies_flat_or_is_hardly_sure_counts_little() {
        let (width, height) = (120, 88);
        let counted = |rows: Range<usize>, one_sure_of: usize| {
            let pixels = rows.flat_map(|y| (55..65).map(move |x| y * width + x));
            let mut scores = vec![0.0; width * height];
            for (i, pixel) in pixels.enumerate() {
                scores[pixel] = if i % one_sure_of == 0 { 0.9 } else { 0.6 };
            }
            let map = ScoreMap::from_values(width, height, scores).unwrap();
            let (mut mask, mut regions) = (AnomalyMask::default(), Regions::default());
            threshold(&map, 0.5, &mut mask);
            let mut finder = RegionFinder::default();
            finder.sure_from = 0.7;
            let corridor = Trapezoid::default();
            finder.find(&mask, &map, &corridor, &mut regions).unwrap();
            regions.corridor_area
        };
        // 20 rows over a foot that is 26 rows under the horizon
        assert_eq!(counted(50..70, 1), 200);
        assert_eq!(counted(50..70, 4), 200);
        assert_eq!(counted(50..70, 8), 150, "fewer than one in six are sure");
        assert_eq!(counted(50..70, 1000), 6, "one pixel is sure");
        // three rows there: an eighth of the camera's height
        assert_eq!(counted(67..70, 1), 30);
        assert_eq!(counted(67..70, 8), 6);
        assert_eq!(counted(67..70, 1000), 2);
    }

    #[test]
    fn sizes_of_zero_have_no_columns() {
        let size = MapSize {
            width: 0,
            height: 0,
        };
        assert!(Trapezoid::default().columns(0, size).is_empty());
    }

    #[test]
    fn impossible_trapezoids_are_refused() {
        let good = (0.5, 0.4, 0.6);
        type Side = (f32, f32, f32);
        let cases: &[(Side, Side)] = &[
            ((f32::NAN, 0.4, 0.6), (1.0, 0.0, 1.0)),
            (good, (1.5, 0.0, 1.0)),
            (good, (1.0, -0.1, 1.0)),
            (good, (0.5, 0.0, 1.0)),
            (good, (1.0, 0.9, 0.1)),
            ((0.5, 0.5, 0.5), (1.0, 0.5, 0.5)),
        ];
        for &(upper, lower) in cases {
            assert!(Trapezoid::new(upper, lower).is_err(), "{upper:?} {lower:?}");
        }
    }

    #[test]
    fn reading_a_file_checks_the_ranges_too() {
        let text = |bottom: f32| {
            format!(
                "top = 0.5\nbottom = {bottom:?}\ntop_left = 0.4\ntop_right = 0.6\n\
                 bottom_left = 0.0\nbottom_right = 1.0"
            )
        };
        assert!(toml::from_str::<Trapezoid>(&text(1.0)).is_ok());
        let error = toml::from_str::<Trapezoid>(&text(2.0))
            .unwrap_err()
            .to_string();
        assert!(error.contains("bottom is 2"), "{error}");
    }
}
