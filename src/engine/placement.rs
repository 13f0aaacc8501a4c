//! Where a frame lies in the networks' input, and which logits are the frame's.

use super::{EngineError, Resolution, input_size};
use crate::model::{Fit, Manifest};

/// A part of a picture or of a plane, in whole pixels.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Area {
    /// Columns to the left of it.
    pub x: u32,
    /// Rows above it.
    pub y: u32,
    /// Columns, at least 1.
    pub width: u32,
    /// Rows, at least 1.
    pub height: u32,
}

impl Area {
    /// All of a picture of that width and height.
    pub const fn all((width, height): (u32, u32)) -> Self {
        Self {
            x: 0,
            y: 0,
            width,
            height,
        }
    }
}

/// Where a frame lies in the networks' input, and which part of their planes is the frame's. It covers whole
/// logits, so that what is cut out of the planes covers the frame and nothing else.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Placement {
    /// Width and height of the input in pixels.
    pub input: (u32, u32),
    /// The frame's part of the input; what is outside has the mean colour.
    pub picture: Area,
    /// Width and height of the logits.
    pub logits: (u32, u32),
    /// The frame's part of the logits.
    pub cells: Area,
}

impl Placement {
    /// For a frame of that width and height.
    ///
    /// # Errors
    /// As [`input_size`].
    pub fn new(
        manifest: &Manifest,
        resolution: Resolution,
        width: u32,
        height: u32,
    ) -> Result<Self, EngineError> {
        let input = input_size(&manifest.input, resolution, width, height)?;
        let stride = (*manifest.segmentation.stride.get_ref()).max(1);
        let logits = (input.0.div_ceil(stride), input.1.div_ceil(stride));
        let whole = Self {
            input,
            picture: Area::all(input),
            logits,
            cells: Area::all(logits),
        };
        Ok(match manifest.input.fixed().map(|fixed| fixed.fit) {
            Some(Fit::Letterbox) => whole.letterboxed(width, height),
            Some(Fit::Stretch) | None => whole,
        })
    }

    /// In the middle, as large as it fits, and as near to its shape as whole logits allow.
    fn letterboxed(self, width: u32, height: u32) -> Self {
        let (input, logits) = (self.input, self.logits);
        let [across, down] = [u64::from(width), u64::from(height)];
        let [columns, rows] = [u64::from(input.0), u64::from(input.1)];
        // the logits that a side takes whose length is `part` of the side `of`
        let count = |logits: u32, part: u64, of: u64| {
            let exact = u64::from(logits) * part;
            let nearest = (exact + of / 2) / of;
            u32::try_from(nearest).map_or(logits, |n| n.clamp(1, logits))
        };
        let cells = match columns * down <= rows * across {
            true => (logits.0, count(logits.1, columns * down, rows * across)),
            false => (count(logits.0, rows * across, columns * down), logits.1),
        };
        let (x, width, left, columns) = middle(input.0, logits.0, cells.0);
        let (y, height, top, rows) = middle(input.1, logits.1, cells.1);
        Self {
            picture: Area {
                x,
                y,
                width,
                height,
            },
            cells: Area {
                x: left,
                y: top,
                width: columns,
                height: rows,
            },
            ..self
        }
    }
}

/// So many of the logits along a side, in the middle: first pixel and number of pixels, first logit and number
/// of logits.
fn middle(side: u32, logits: u32, cells: u32) -> (u32, u32, u32, u32) {
    let first = (logits - cells) / 2;
    // where a logit begins, to the nearest pixel
    let begins = |cell: u32| {
        let exact = u64::from(cell) * u64::from(side);
        let nearest = (exact + u64::from(logits) / 2) / u64::from(logits);
        u32::try_from(nearest).map_or(side, |pixel| pixel.min(side))
    };
    let from = begins(first);
    let pixels = begins(first + cells).saturating_sub(from).max(1);
    (from, pixels, first, cells)
}

/// Leaves of `planes` planes of that width and height, one after the other, what is in the area.
pub(super) fn cut(values: &mut Vec<f32>, planes: usize, size: (u32, u32), area: Area) {
    if area == Area::all(size) {
        return;
    }
    let [columns, rows] = [size.0 as usize, size.1 as usize];
    let [x, y] = [area.x as usize, area.y as usize];
    let [width, height] = [area.width as usize, area.height as usize];
    if values.len() != planes * rows * columns || x + width > columns || y + height > rows {
        // nothing is better than something of another place
        values.clear();
        return;
    }
    let mut to = 0;
    for plane in 0..planes {
        for row in y..y + height {
            let from = (plane * rows + row) * columns + x;
            values.copy_within(from..from + width, to);
            to += width;
        }
    }
    values.truncate(to);
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::Bundle;

    fn manifest(fixed: &str, stride: u32) -> Manifest {
        let text = include_str!("../../models/road/model.toml")
            .replace("full_height = 352", fixed)
            .replace("reduced_height = 224", "")
            .replace("stride = 4", &format!("stride = {stride}"));
        toml::from_str(&text).unwrap()
    }

    fn letterbox(side: u32, stride: u32, width: u32, height: u32) -> Placement {
        let fixed = format!("fixed = {{ width = {side}, height = {side}, fit = \"letterbox\" }}");
        let manifest = manifest(&fixed, stride);
        Placement::new(&manifest, Resolution::Full, width, height).unwrap()
    }

    #[test]
    fn networks_of_any_size_are_filled() {
        let bundle = Bundle::shipped().unwrap();
        let placed = Placement::new(bundle.manifest(), Resolution::Full, 1280, 720).unwrap();
        assert_eq!(placed.input, (640, 352));
        assert_eq!(placed.picture, Area::all((640, 352)));
        assert_eq!(
            (placed.logits, placed.cells),
            ((160, 88), Area::all((160, 88)))
        );
    }

    #[test]
    fn a_letterboxed_frame_lies_in_the_middle_on_whole_logits() {
        // 513 pixels in 65 logits, 7.89 each: three quarters of them are 48.75
        let placed = letterbox(513, 8, 960, 720);
        assert_eq!(placed.logits, (65, 65));
        let cells = Area {
            x: 0,
            y: 8,
            width: 65,
            height: 49,
        };
        assert_eq!(placed.cells, cells);
        let picture = Area {
            x: 0,
            y: 63,
            width: 513,
            height: 387,
        };
        assert_eq!(placed.picture, picture);
        // an upright frame
        let placed = letterbox(512, 8, 720, 960);
        assert_eq!((placed.cells.x, placed.cells.width), (8, 48));
        assert_eq!((placed.picture.x, placed.picture.width), (64, 384));
        assert_eq!((placed.picture.y, placed.picture.height), (0, 512));
        // a frame of the input's shape fills it
        assert_eq!(letterbox(513, 8, 1026, 1026).picture, Area::all((513, 513)));
    }

    #[test]
    fn the_shape_is_kept_to_half_a_logit_and_every_frame_has_one() {
        for (side, stride) in [(512, 4), (513, 8), (100, 8), (97, 1), (7, 32), (1, 1)] {
            for (width, height) in [(1280, 720), (640, 480), (480, 640), (1, 4000), (4000, 1)] {
                let placed = letterbox(side, stride, width, height);
                let Placement {
                    picture,
                    cells,
                    logits,
                    ..
                } = placed;
                assert!(cells.width >= 1 && cells.x + cells.width <= logits.0);
                assert!(cells.height >= 1 && cells.y + cells.height <= logits.1);
                assert!(picture.x + picture.width <= side && picture.y + picture.height <= side);
                let scale = f64::from(side) / f64::from(width.max(height));
                let cell = f64::from(side) / f64::from(logits.0);
                for (is, frame) in [(picture.width, width), (picture.height, height)] {
                    let exact = f64::from(frame) * scale;
                    let off = (f64::from(is) - exact).abs();
                    // pixels are rounded at both ends, and there is at least one logit
                    assert!(off <= cell / 2.0 + 1.0 || exact < cell, "{placed:?}");
                }
            }
        }
    }

    #[test]
    fn a_stretched_frame_fills_the_input() {
        let manifest = manifest("fixed = { width = 97, height = 65, fit = \"stretch\" }", 8);
        let placed = Placement::new(&manifest, Resolution::Full, 1280, 720).unwrap();
        assert_eq!((placed.input, placed.logits), ((97, 65), (13, 9)));
        assert_eq!(placed.picture, Area::all((97, 65)));
        assert_eq!(placed.cells, Area::all((13, 9)));
    }

    #[test]
    fn networks_of_one_size_have_no_reduced_resolution() {
        let manifest = manifest("fixed = { width = 97, height = 65, fit = \"stretch\" }", 8);
        let error = Placement::new(&manifest, Resolution::Reduced, 1280, 720).unwrap_err();
        assert_eq!(
            error.to_string(),
            "the bundle's networks take one size only, 97x65: there is no reduced resolution"
        );
    }

    #[test]
    fn planes_are_cut_to_the_frames_part_of_them() {
        // two planes of four columns and three rows
        let mut values: Vec<f32> = (0..24).map(|i| i as f32).collect();
        let area = Area {
            x: 1,
            y: 1,
            width: 2,
            height: 2,
        };
        cut(&mut values, 2, (4, 3), area);
        assert_eq!(values, [5.0, 6.0, 9.0, 10.0, 17.0, 18.0, 21.0, 22.0]);
        // what does not belong to that size is not guessed
        cut(&mut values, 2, (4, 3), area);
        assert!(values.is_empty());
    }
}
