//! Scale, crop, flip and colour augmentation.
//!
//! Scale is relative to the height that pictures have in use, [`FULL_HEIGHT`]: cameras differ in theirs.

use fast_image_resize as fir;
use rand::RngExt;
use serde::{Deserialize, Serialize};

use super::weather::weather;
use super::{Canvas, FULL_HEIGHT, Picture, Rng};

/// Size of a sample.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct AugmentConfig {
    /// Pixels in a row of the sample.
    pub width: usize,
    /// Rows of the sample.
    pub height: usize,
}

/// Void around pictures that were made smaller than the sample.
const BORDER: [f32; 3] = [0.411, 0.425, 0.432];

/// How pictures come to the networks in use: what a scale of 1 is.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum InUse {
    /// So many rows, whatever the columns.
    Rows(usize),
    /// As large as fits into that width and height; beside it is that colour.
    Letterbox(usize, usize, [f32; 3]),
    /// Stretched to that width and height.
    Stretch(usize, usize),
}

impl InUse {
    /// Times as many columns and rows as the picture has.
    fn scale(self, picture: &Picture) -> (f32, f32) {
        let times = |to: usize, from: usize| to as f32 / from as f32;
        let [w, h] = [picture.width, picture.height];
        match self {
            Self::Rows(rows) => (times(rows, h), times(rows, h)),
            Self::Letterbox(width, height, _) => {
                let both = times(width, w).min(times(height, h));
                (both, both)
            }
            Self::Stretch(width, height) => (times(width, w), times(height, h)),
        }
    }

    fn border(self) -> [f32; 3] {
        match self {
            Self::Letterbox(_, _, colour) => colour,
            _ => BORDER,
        }
    }
}

/// Makes a sample of a picture. `scale` is the range of scales, drawn log-uniformly, where 1 brings
/// the picture to [`FULL_HEIGHT`] rows. What is seen in it is not changed by [`weather`] yet: things
/// may be pasted in between.
pub fn augment(
    picture: &Picture,
    config: &AugmentConfig,
    scale: (f32, f32),
    rng: &mut Rng,
) -> Canvas {
    augment_as(picture, config, InUse::Rows(FULL_HEIGHT), scale, rng)
}

/// [`augment`], where pictures come to the networks in another way.
pub fn augment_as(
    picture: &Picture,
    config: &AugmentConfig,
    in_use: InUse,
    scale: (f32, f32),
    rng: &mut Rng,
) -> Canvas {
    let mut canvas = Canvas::filled(config.width, config.height, in_use.border());
    let look = Look::draw(rng);
    place(picture, in_use, scale, rng, &mut canvas, &look);
    look.finish(&mut canvas, rng);
    canvas
}

/// [`augment`], then [`weather`].
pub fn augment_all(
    picture: &Picture,
    config: &AugmentConfig,
    scale: (f32, f32),
    rng: &mut Rng,
) -> Canvas {
    let mut canvas = augment(picture, config, scale, rng);
    weather(&mut canvas, rng);
    canvas
}

/// Chooses which part of the picture lands where, and resamples it there.
fn place(
    picture: &Picture,
    in_use: InUse,
    (lo, hi): (f32, f32),
    rng: &mut Rng,
    out: &mut Canvas,
    look: &Look,
) {
    let drawn = rng.random_range(lo.ln()..=hi.ln()).exp();
    let (x, y) = in_use.scale(picture);
    let stretch = rng.random_range(-0.1f32..0.1).exp();
    let (sx, sy) = (drawn * x * stretch, drawn * y);
    let scaled = |n: usize, s: f32| ((n as f32 * s) as usize).max(1);
    let (w, h) = (scaled(picture.width, sx), scaled(picture.height, sy));
    let (tile_w, tile_h) = (w.min(out.width), h.min(out.height));
    let from_x = rng.random_range(0..=w - tile_w) as f32 / sx;
    let from_y = rng.random_range(0..=h - tile_h) as f32 / sy;
    let to_x = rng.random_range(0..=out.width - tile_w);
    let to_y = rng.random_range(0..=out.height - tile_h);
    let flip = rng.random_bool(0.5);

    let source = fir::images::ImageRef::new(
        picture.width as u32,
        picture.height as u32,
        &picture.rgb,
        fir::PixelType::U8x3,
    );
    let mut tile = fir::images::Image::new(tile_w as u32, tile_h as u32, fir::PixelType::U8x3);
    // in f64, where the difference is exact: rounded up by a hair, the crop would be refused
    let crop = |tile: usize, s: f32, n: usize, from: f32| {
        f64::from(tile as f32 / s).min(n as f64 - f64::from(from))
    };
    let crop_w = crop(tile_w, sx, picture.width, from_x);
    let crop_h = crop(tile_h, sy, picture.height, from_y);
    let options = fir::ResizeOptions::new()
        .resize_alg(fir::ResizeAlg::Convolution(fir::FilterType::Bilinear))
        .crop(from_x as f64, from_y as f64, crop_w, crop_h);
    let resized = match source {
        Ok(source) => fir::Resizer::new()
            .resize(&source, &mut tile, &options)
            .is_ok(),
        Err(_) => false,
    };
    debug_assert!(resized, "crop inside the picture");
    let pixels = tile.buffer();
    for y in 0..tile_h {
        let label_y = ((from_y + (y as f32 + 0.5) / sy) as usize).min(picture.height - 1);
        for x in 0..tile_w {
            let label_x = ((from_x + (x as f32 + 0.5) / sx) as usize).min(picture.width - 1);
            let column = if flip {
                out.width - 1 - (to_x + x)
            } else {
                to_x + x
            };
            let to = (to_y + y) * out.width + column;
            let p = &pixels[3 * (y * tile_w + x)..3 * (y * tile_w + x) + 3];
            for (c, &value) in p.iter().enumerate() {
                out.rgb[3 * to + c] = look.curves[c][value as usize];
            }
            let from = label_y * picture.width + label_x;
            out.label[to] = picture.label[from];
            out.outlier[to] = picture.outlier[from];
        }
    }
}

/// How a camera might have seen it.
struct Look {
    curves: [[f32; 256]; 3],
    contrast: f32,
    saturation: f32,
    blur: f32,
    grain: f32,
}

impl Look {
    fn draw(rng: &mut Rng) -> Self {
        let gamma = rng.random_range(-0.4f32..0.4).exp();
        let gain = rng.random_range(0.7f32..1.3);
        let curve = |rng: &mut Rng| {
            let own = gain * rng.random_range(0.92f32..1.08);
            std::array::from_fn(|i| (i as f32 / 255.0).powf(gamma) * own)
        };
        let curves = [curve(rng), curve(rng), curve(rng)];
        let contrast = rng.random_range(0.7f32..1.3);
        let saturation = rng.random_range(0.4f32..1.35);
        let kind = rng.random_range(0.0f32..1.0);
        let blur = if kind < 0.12 {
            rng.random_range(0.4f32..1.3)
        } else {
            0.0
        };
        let grain = if (0.12..0.3).contains(&kind) {
            rng.random_range(0.005f32..0.03)
        } else {
            0.0
        };
        Self {
            curves,
            contrast,
            saturation,
            blur,
            grain,
        }
    }

    fn finish(&self, canvas: &mut Canvas, rng: &mut Rng) {
        let mean = canvas.rgb.iter().sum::<f32>() / canvas.rgb.len() as f32;
        if self.blur > 0.0 {
            blur(canvas, self.blur);
        }
        for p in canvas.rgb.chunks_exact_mut(3) {
            let grey = (p[0] + p[1] + p[2]) / 3.0;
            for v in p {
                let c = grey + (*v - grey) * self.saturation;
                let noise = if self.grain > 0.0 {
                    self.grain * noise(rng)
                } else {
                    0.0
                };
                *v = ((c - mean) * self.contrast + mean + noise).clamp(0.0, 1.0);
            }
        }
    }
}

/// About normal, from the sum of four uniform draws; unit variance.
fn noise(rng: &mut Rng) -> f32 {
    let sum: f32 = (0..4).map(|_| rng.random_range(-1.0f32..1.0)).sum();
    sum * 0.866
}

/// Separable three-tap blur whose variance is `sigma²` (valid to about 0.8, then it saturates).
fn blur(canvas: &mut Canvas, sigma: f32) {
    let side = (sigma * sigma / 2.0).min(0.33);
    let (w, h) = (canvas.width, canvas.height);
    let source = canvas.rgb.clone();
    for y in 0..h {
        for x in 1..w - 1 {
            let i = 3 * (y * w + x);
            for c in i..i + 3 {
                canvas.rgb[c] =
                    source[c] * (1.0 - 2.0 * side) + (source[c - 3] + source[c + 3]) * side;
            }
        }
    }
    let source = canvas.rgb.clone();
    for i in 3 * w..3 * w * (h - 1) {
        canvas.rgb[i] =
            source[i] * (1.0 - 2.0 * side) + (source[i - 3 * w] + source[i + 3 * w]) * side;
    }
}

#[cfg(test)]
mod tests {
    use rand::SeedableRng;

    use super::*;
    use crate::data::VOID;

    const BLOCK: usize = 16;

    /// Nine blocks of one class and one grey each; class 3 is an outlier.
    fn picture() -> Picture {
        let side = 3 * BLOCK;
        let class = |i: usize| (i % side / BLOCK + 3 * (i / side / BLOCK)) as u8;
        let label: Vec<u8> = (0..side * side).map(class).collect();
        Picture {
            width: side,
            height: side,
            rgb: label.iter().flat_map(|&l| [25 * l; 3]).collect(),
            outlier: label.iter().map(|&l| u8::from(l == 3)).collect(),
            label,
        }
    }

    /// Whether all pixels up to two away are on the canvas and have the same label.
    fn is_inside(canvas: &Canvas, x: usize, y: usize) -> bool {
        if x < 2 || y < 2 || x + 2 >= canvas.width || y + 2 >= canvas.height {
            return false;
        }
        let own = canvas.label[y * canvas.width + x];
        (y - 2..=y + 2).all(|row| {
            canvas.label[row * canvas.width..][x - 2..=x + 2]
                .iter()
                .all(|&l| l == own)
        })
    }

    #[test]
    fn labels_stay_with_their_pixels() {
        let unchanged = Look {
            curves: [std::array::from_fn(|i| i as f32 / 255.0); 3],
            contrast: 1.0,
            saturation: 1.0,
            blur: 0.0,
            grain: 0.0,
        };
        let config = AugmentConfig {
            width: 64,
            height: 32,
        };
        let picture = picture();
        let own_size = picture.height as f32 / FULL_HEIGHT as f32;
        let scale = (0.6 * own_size, 1.8 * own_size);
        let mut checked = 0;
        for seed in 0..60 {
            let mut rng = Rng::seed_from_u64(seed);
            let mut canvas = Canvas::filled(config.width, config.height, BORDER);
            let rows = InUse::Rows(FULL_HEIGHT);
            place(&picture, rows, scale, &mut rng, &mut canvas, &unchanged);
            for y in 0..config.height {
                for x in 0..config.width {
                    let i = y * config.width + x;
                    let label = canvas.label[i];
                    assert_eq!(canvas.outlier[i] == 1, label == 3);
                    if label == VOID || !is_inside(&canvas, x, y) {
                        continue;
                    }
                    let expected = f32::from(25 * label) / 255.0;
                    let found = canvas.rgb[3 * i];
                    assert!(
                        (found - expected).abs() < 1.5 / 255.0,
                        "seed {seed} ({x}, {y}): class {label} has {found}, not {expected}"
                    );
                    checked += 1;
                }
            }
        }
        assert!(checked > 60 * 100, "{checked} pixels checked");
    }

    #[test]
    fn a_scale_of_one_is_what_the_networks_see_in_use() {
        let picture = Picture {
            width: 400,
            height: 200,
            ..picture()
        };
        assert_eq!(InUse::Rows(300).scale(&picture), (1.5, 1.5));
        let letterbox = InUse::Letterbox(600, 600, [0.0; 3]);
        assert_eq!(letterbox.scale(&picture), (1.5, 1.5));
        assert_eq!(InUse::Stretch(600, 600).scale(&picture), (1.5, 3.0));
    }

    #[test]
    fn a_sample_has_its_size_and_colours_in_range_and_repeats_with_its_seed() {
        let config = AugmentConfig {
            width: 96,
            height: 32,
        };
        for seed in 0..20 {
            let rng = || Rng::seed_from_u64(seed);
            let sample = || augment_all(&picture(), &config, (0.08, 0.25), &mut rng());
            let canvas = sample();
            assert_eq!((canvas.width, canvas.height), (96, 32));
            assert!(canvas.rgb.iter().all(|v| (0.0..=1.0).contains(v)));
            assert_eq!(canvas.rgb, sample().rgb);
        }
    }
}
