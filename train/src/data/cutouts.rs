//! Cut-out objects (RGBA) and pasting them into a frame as outliers.

use std::path::PathBuf;

use fast_image_resize as fir;
use rand::RngExt;
use serde::{Deserialize, Serialize};

use super::picture::{open, sorted_files};
use super::{Canvas, DataError, Rng};

/// An object with its matte.
#[derive(Clone, Debug)]
pub struct Cutout {
    /// File stem.
    pub name: String,
    /// Pixels in a row.
    pub width: usize,
    /// Rows.
    pub height: usize,
    /// Packed RGBA8, straight alpha.
    pub rgba: Vec<u8>,
}

/// Which cut-outs to load: training and validation share no object class, so that calibration and
/// the card's figures are about things that the observer never saw.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum CutoutSplit {
    /// Pasted while training.
    Train,
    /// Pasted into the validation set only.
    Validation,
}

/// Object classes (the start of the file name) kept for validation.
const VALIDATION_CLASSES: [&str; 11] = [
    "bear",
    "zebra",
    "couch",
    "refrigerator",
    "umbrella",
    "vase",
    "horse",
    "suitcase",
    "laptop",
    "potted_plant",
    "skateboard",
];
/// Of the animals with good mattes (`am2k_*`) these are kept for validation too.
const VALIDATION_ANIMALS: [&str; 4] = [
    "am2k_sample10",
    "am2k_sample12",
    "am2k_sample2",
    "am2k_sample6",
];

impl CutoutSplit {
    fn holds(self, stem: &str) -> bool {
        let class = stem.rsplitn(3, '_').nth(2).unwrap_or(stem);
        let validation = if stem.starts_with("am2k") {
            VALIDATION_ANIMALS.contains(&stem)
        } else {
            VALIDATION_CLASSES.contains(&class)
        };
        validation == (self == CutoutSplit::Validation)
    }
}

/// Loads the `*.webp` of some folders that belong to the split, in the order of the names, none
/// larger than 320 pixels.
///
/// # Errors
/// Where a folder or a file cannot be read.
pub fn load_cutouts(dirs: &[PathBuf], split: CutoutSplit) -> Result<Vec<Cutout>, DataError> {
    let mut all = vec![];
    let files: Result<Vec<_>, _> = dirs.iter().map(|dir| sorted_files(dir)).collect();
    for path in files?.into_iter().flatten() {
        let name = path
            .file_stem()
            .unwrap_or_default()
            .to_string_lossy()
            .into_owned();
        if path.extension().is_some_and(|e| e == "webp") && split.holds(&name) {
            let rgba = open(&path)?.into_rgba8();
            let (width, height) = (rgba.width() as usize, rgba.height() as usize);
            let full = Cutout {
                name,
                width,
                height,
                rgba: rgba.into_raw(),
            };
            let factor = 320.0 / width.max(height) as f32;
            all.push(if factor < 1.0 {
                full.scaled(factor)
            } else {
                full
            });
        }
    }
    Ok(all)
}

impl Cutout {
    /// The same object `factor` times as large, at least 2x2 pixels.
    pub fn scaled(&self, factor: f32) -> Cutout {
        let side = |n: usize| ((n as f32 * factor).round() as usize).max(2);
        let (width, height) = (side(self.width), side(self.height));
        let source = fir::images::ImageRef::new(
            self.width as u32,
            self.height as u32,
            &self.rgba,
            fir::PixelType::U8x4,
        );
        let mut target = fir::images::Image::new(width as u32, height as u32, fir::PixelType::U8x4);
        let options = fir::ResizeOptions::new()
            .resize_alg(fir::ResizeAlg::Convolution(fir::FilterType::Bilinear));
        let resized = source.map(|source| {
            fir::Resizer::new()
                .resize(&source, &mut target, &options)
                .is_ok()
        });
        debug_assert!(
            matches!(resized, Ok(true)),
            "sizes are positive and the types agree"
        );
        Cutout {
            name: self.name.clone(),
            width,
            height,
            rgba: target.into_vec(),
        }
    }
}

/// How an object is matched to the frame it is pasted into.
#[derive(Clone, Copy, Debug)]
pub struct Match {
    /// Share of the brightness difference to the surroundings that is taken away, 0..=1.
    pub brightness: f32,
    /// Gain of each colour.
    pub gains: [f32; 3],
    /// Saturation factor.
    pub saturation: f32,
}

impl Match {
    /// Wide: for training.
    pub fn strong(rng: &mut Rng) -> Self {
        let gain = rng.random_range(0.6f32..1.3);
        Self {
            brightness: rng.random_range(0.0f32..0.7),
            gains: std::array::from_fn(|_| gain * rng.random_range(0.85f32..1.15)),
            saturation: rng.random_range(0.3f32..1.4),
        }
    }

    /// Slight: for a validation set that should look like photographs.
    pub fn slight(rng: &mut Rng) -> Self {
        Self {
            brightness: rng.random_range(0.3f32..0.6),
            gains: std::array::from_fn(|_| rng.random_range(0.96f32..1.04)),
            saturation: rng.random_range(0.75f32..1.0),
        }
    }
}

/// Pastes an object with its centre at (`cx`, `cy`) (it may leave the frame) and marks as outlier
/// where its matte is above one half. Returns how many pixels that are.
pub fn paste_cutout(
    canvas: &mut Canvas,
    c: &Cutout,
    cx: i64,
    cy: i64,
    flip: bool,
    m: &Match,
) -> usize {
    let mut marked = vec![];
    paste(canvas, c, (cx, cy), flip, m, |_, at| marked.push(at));
    let weight = outlier_weight(marked.len());
    for &at in &marked {
        canvas.outlier[at] = weight;
    }
    marked.len()
}

/// What an outlier of so many pixels weighs a pixel in the loss: a thing of 30x30 pixels or more 1, a
/// smaller one more, so that far things are learnt too.
pub fn outlier_weight(pixels: usize) -> u8 {
    (900.0 / pixels.max(1) as f32)
        .sqrt()
        .round()
        .clamp(1.0, 6.0) as u8
}

/// Pastes an object with its centre at `centre` and calls `mark` where its matte is above one half.
pub fn paste(
    canvas: &mut Canvas,
    c: &Cutout,
    centre: (i64, i64),
    flip: bool,
    m: &Match,
    mut mark: impl FnMut(&mut Canvas, usize),
) {
    let left = centre.0 - c.width as i64 / 2;
    let top = centre.1 - c.height as i64 / 2;
    let clip = |start: i64, n: usize, limit: usize| {
        let from = start.clamp(0, limit as i64) as usize;
        let to = (start + n as i64).clamp(0, limit as i64) as usize;
        from..to
    };
    let (xs, ys) = (
        clip(left, c.width, canvas.width),
        clip(top, c.height, canvas.height),
    );
    if xs.is_empty() || ys.is_empty() {
        return;
    }
    let around = canvas.mean_brightness(xs.clone(), ys.clone());
    let opaque = c.rgba.chunks_exact(4).filter(|p| p[3] > 127);
    let (sum, n) = opaque.fold((0.0f32, 0), |(s, n), p| {
        (
            s + p[..3].iter().map(|&v| f32::from(v)).sum::<f32>() / 765.0,
            n + 1,
        )
    });
    let shift = m.brightness * (around - sum / (n.max(1)) as f32);
    for y in ys {
        for x in xs.clone() {
            let sx = (x as i64 - left) as usize;
            let sx = if flip { c.width - 1 - sx } else { sx };
            let i = 4 * ((y as i64 - top) as usize * c.width + sx);
            let alpha = f32::from(c.rgba[i + 3]) / 255.0;
            if alpha == 0.0 {
                continue;
            }
            let p: [f32; 3] = std::array::from_fn(|k| f32::from(c.rgba[i + k]) / 255.0);
            let grey = (p[0] + p[1] + p[2]) / 3.0;
            let colour = std::array::from_fn(|k| {
                ((grey + (p[k] - grey) * m.saturation) * m.gains[k] + shift).clamp(0.0, 1.0)
            });
            let at = y * canvas.width + x;
            canvas.blend(at, colour, alpha);
            if alpha > 0.5 {
                mark(canvas, at);
            }
        }
    }
}

/// The classes that things stand on: road and pavement.
const GROUND: std::ops::RangeInclusive<u8> = 3..=4;

/// A pixel of the road or the pavement, where one is soon found.
pub fn ground_pixel(label: &[u8], rng: &mut Rng) -> Option<usize> {
    (0..40)
        .map(|_| rng.random_range(0..label.len()))
        .find(|&at| GROUND.contains(&label[at]))
}

/// Where and how large an object stands on a flat road: the row of its foot (0 top .. 1 bottom)
/// decides its height in pixels, for a horizon at `horizon` and a thing `metres` tall seen from a
/// camera 1.4 m above the ground. Returns (height in pixels, row of the foot).
pub fn place_by_row(frame_height: usize, horizon: f32, foot: f32, metres: f32) -> (f32, f32) {
    let rows = frame_height as f32;
    let below = ((foot - horizon) * rows).max(1.0);
    (below * metres / 1.4, foot * rows)
}

#[cfg(test)]
mod tests {
    use super::*;

    const AS_IT_IS: Match = Match {
        brightness: 0.0,
        gains: [1.0; 3],
        saturation: 1.0,
    };

    /// Red, 6 wide and 4 high, its right-most column mostly transparent.
    fn cutout() -> Cutout {
        let (width, height) = (6, 4);
        let alpha = |i: usize| if i % width == 5 { 100 } else { 255 };
        let rgba = (0..width * height).flat_map(|i| [255, 0, 0, alpha(i)]);
        Cutout {
            name: "thing_1_1".to_owned(),
            width,
            height,
            rgba: rgba.collect(),
        }
    }

    fn marked(canvas: &Canvas) -> Vec<(usize, usize)> {
        let at = |i: usize| (i % canvas.width, i / canvas.width);
        (0..canvas.outlier.len())
            .filter(|&i| canvas.outlier[i] > 0)
            .map(at)
            .collect()
    }

    #[test]
    fn a_paste_marks_what_it_covers() {
        for (flip, columns, faint) in [(false, 7..12, 12), (true, 8..13, 7)] {
            let mut canvas = Canvas::filled(20, 20, [0.0; 3]);
            let count = paste_cutout(&mut canvas, &cutout(), 10, 10, flip, &AS_IT_IS);
            let expected: Vec<(usize, usize)> = (8..12)
                .flat_map(|y| columns.clone().map(move |x| (x, y)))
                .collect();
            assert_eq!(marked(&canvas), expected);
            assert_eq!(count, 20);
            for &(x, y) in &expected {
                let i = y * 20 + x;
                assert_eq!(canvas.rgb[3 * i..3 * i + 3], [1.0, 0.0, 0.0]);
            }
            // the faint column is seen through, and not marked
            let red = canvas.rgb[3 * (9 * 20 + faint)];
            assert!((red - 100.0 / 255.0).abs() < 1e-6, "{red}");
            let coloured = canvas.rgb.iter().filter(|&&v| v > 0.0).count();
            assert_eq!(coloured, 24, "nothing outside the object");
        }
    }

    #[test]
    fn a_paste_over_the_border_is_clipped() {
        let mut canvas = Canvas::filled(20, 20, [0.0; 3]);
        assert_eq!(
            paste_cutout(&mut canvas, &cutout(), 0, 0, false, &AS_IT_IS),
            4
        );
        assert_eq!(marked(&canvas), [(0, 0), (1, 0), (0, 1), (1, 1)]);
        let mut canvas = Canvas::filled(20, 20, [0.0; 3]);
        assert_eq!(
            paste_cutout(&mut canvas, &cutout(), 20, 19, false, &AS_IT_IS),
            9
        );
        assert!(marked(&canvas).iter().all(|&(x, y)| x >= 17 && y >= 17));
    }

    #[test]
    fn a_paste_outside_the_frame_does_nothing() {
        for (x, y) in [(-10, 5), (5, -10), (40, 5), (5, 40)] {
            let mut canvas = Canvas::filled(20, 20, [0.25; 3]);
            assert_eq!(
                paste_cutout(&mut canvas, &cutout(), x, y, false, &AS_IT_IS),
                0
            );
            assert!(canvas.rgb.iter().all(|&v| v == 0.25));
            assert!(marked(&canvas).is_empty());
        }
    }

    #[test]
    fn no_class_is_in_both_splits() {
        let others = ["airplane", "bed", "teddy_bear", "dining_table", "bowl"];
        for class in VALIDATION_CLASSES.into_iter().chain(others) {
            let held_out = VALIDATION_CLASSES.contains(&class);
            for picture in ["000000000081_6577491", "1_2"] {
                let stem = format!("{class}_{picture}");
                assert_eq!(CutoutSplit::Validation.holds(&stem), held_out, "{stem}");
                assert_eq!(CutoutSplit::Train.holds(&stem), !held_out, "{stem}");
            }
        }
        for i in 0..30 {
            let stem = format!("am2k_sample{i}");
            let held_out = VALIDATION_ANIMALS.contains(&stem.as_str());
            assert_eq!(CutoutSplit::Validation.holds(&stem), held_out, "{stem}");
            assert_eq!(CutoutSplit::Train.holds(&stem), !held_out, "{stem}");
        }
    }
}
