//! Scale, crop, flip and colour augmentation.

use fast_image_resize as fir;
use rand::RngExt;
use serde::{Deserialize, Serialize};

use super::{Canvas, Picture, Rng};

/// Ranges of the augmentation.
#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
pub struct AugmentConfig {
    /// Pixels in a row of the sample.
    pub width: usize,
    /// Rows of the sample.
    pub height: usize,
    /// Smallest and largest scale, drawn log-uniformly.
    pub scale: (f32, f32),
}

/// Void around pictures that were made smaller than the sample.
const BORDER: [f32; 3] = [0.411, 0.425, 0.432];

/// Makes a sample of a picture.
pub fn augment(picture: &Picture, config: &AugmentConfig, rng: &mut Rng) -> Canvas {
    let mut canvas = Canvas::filled(config.width, config.height, BORDER);
    let look = Look::draw(rng);
    place(picture, config, rng, &mut canvas, &look);
    look.finish(&mut canvas, rng);
    canvas
}

/// Chooses which part of the picture lands where, and resamples it there.
fn place(picture: &Picture, config: &AugmentConfig, rng: &mut Rng, out: &mut Canvas, look: &Look) {
    let (lo, hi) = config.scale;
    let scale = rng.random_range(lo.ln()..=hi.ln()).exp();
    let stretch = rng.random_range(-0.1f32..0.1).exp();
    let (sx, sy) = (scale * stretch, scale);
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
    let crop_w = (tile_w as f32 / sx).min(picture.width as f32 - from_x);
    let crop_h = (tile_h as f32 / sy).min(picture.height as f32 - from_y);
    let options = fir::ResizeOptions::new()
        .resize_alg(fir::ResizeAlg::Convolution(fir::FilterType::Bilinear))
        .crop(from_x as f64, from_y as f64, crop_w as f64, crop_h as f64);
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
            for c in 0..3 {
                out.rgb[3 * to + c] = look.curves[c][p[c] as usize];
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
