//! Textures of nothing in particular, pasted into random shapes as outliers (after CutPaste,
//! Li et al., CVPR 2021, and noise textures).

use rand::RngExt;

use super::{Canvas, Cutout, Picture, Rng, outlier_weight, random_shapes};

/// What textures are cut from.
#[derive(Clone, Copy, Debug)]
pub struct TextureSource<'a> {
    /// Another frame.
    pub picture: &'a Picture,
    /// Objects.
    pub cutouts: &'a [Cutout],
}

/// A way to colour a shape: position in the canvas to colour.
type Paint<'a> = Box<dyn Fn(f32, f32) -> [f32; 3] + 'a>;

/// Pastes one texture into one to three random shapes and marks them as outliers.
pub fn paste_texture(
    canvas: &mut Canvas,
    source: TextureSource,
    radius: (f32, f32),
    rng: &mut Rng,
) {
    let count = rng.random_range(1..=3);
    let shape = random_shapes(canvas.width, canvas.height, count, radius, rng);
    let weight = outlier_weight(shape.iter().filter(|&&s| s > 0.0).count());
    let paint = match rng.random_range(0..5) {
        0 => noise(rng),
        1 => flat(canvas.height as f32, rng),
        2 => stripes(rng),
        3 if !source.cutouts.is_empty() => {
            let c = &source.cutouts[rng.random_range(0..source.cutouts.len())];
            let pixel = |i: usize| std::array::from_fn(|k| c.rgba[4 * i + k]);
            turned(c.width, c.height, Box::new(pixel), rng)
        }
        _ => {
            let p = source.picture;
            let pixel = |i: usize| std::array::from_fn(|k| p.rgb[3 * i + k]);
            turned(p.width, p.height, Box::new(pixel), rng)
        }
    };
    let opacity = if rng.random_bool(0.7) { 1.0 } else { 0.75 };
    let soft = rng.random_bool(0.5);
    let (w, h) = (canvas.width, canvas.height);
    for y in 0..h {
        for x in 0..w {
            let i = y * w + x;
            if shape[i] == 0.0 {
                continue;
            }
            let edge = soft && (x == 0 || shape[i - 1] == 0.0 || x + 1 == w || shape[i + 1] == 0.0);
            let alpha = if edge { opacity * 0.6 } else { opacity };
            canvas.blend(i, paint(x as f32, y as f32), alpha);
            canvas.outlier[i] = weight;
        }
    }
}

fn colour(rng: &mut Rng) -> [f32; 3] {
    std::array::from_fn(|_| rng.random_range(0.02f32..0.98))
}

/// Value noise of up to three octaves round a colour.
fn noise<'a>(rng: &mut Rng) -> Paint<'a> {
    let base = colour(rng);
    let seed: u32 = rng.random();
    let octaves: Vec<(f32, f32)> = [3.0f32, 11.0, 37.0]
        .map(|size| (size, rng.random_range(0.0f32..0.3)))
        .into_iter()
        .filter(|_| rng.random_bool(0.75))
        .collect();
    let coloured = rng.random_range(0.0f32..1.0);
    Box::new(move |x, y| {
        std::array::from_fn(|c| {
            let sum: f32 = octaves
                .iter()
                .map(|&(size, gain)| {
                    let grey = lattice(x / size, y / size, seed);
                    let own = lattice(x / size, y / size, seed ^ ((c as u32 + 1) * 0x9e37));
                    gain * (grey + (own - grey) * coloured)
                })
                .sum();
            (base[c] + sum).clamp(0.0, 1.0)
        })
    })
}

/// Smoothly interpolated random lattice, -1..1.
fn lattice(x: f32, y: f32, seed: u32) -> f32 {
    let (x0, y0) = (x.floor(), y.floor());
    let at = |dx: i32, dy: i32| {
        let mut h = (x0 as i32 + dx) as u32;
        h = h.wrapping_mul(0x85eb_ca6b)
            ^ ((y0 as i32 + dy) as u32).wrapping_mul(0xc2b2_ae35)
            ^ seed;
        h = (h ^ (h >> 15)).wrapping_mul(0x2c1b_3c6d);
        h = (h ^ (h >> 13)).wrapping_mul(0x297a_2d39);
        (h ^ (h >> 16)) as f32 / u32::MAX as f32 * 2.0 - 1.0
    };
    let smooth = |t: f32| t * t * (3.0 - 2.0 * t);
    let (u, v) = (smooth(x - x0), smooth(y - y0));
    let top = at(0, 0) + (at(1, 0) - at(0, 0)) * u;
    let bottom = at(0, 1) + (at(1, 1) - at(0, 1)) * u;
    top + (bottom - top) * v
}

/// One colour, shaded from top to bottom.
fn flat<'a>(height: f32, rng: &mut Rng) -> Paint<'a> {
    let base = colour(rng);
    let (top, bottom) = (rng.random_range(0.5f32..1.0), rng.random_range(0.5f32..1.2));
    let (seed, grain): (u32, f32) = (rng.random(), rng.random_range(0.0f32..0.05));
    Box::new(move |x, y| {
        let shade = top + (bottom - top) * y / height + grain * lattice(x, y, seed);
        base.map(|c| (c * shade).clamp(0.0, 1.0))
    })
}

/// Two colours in bands.
fn stripes<'a>(rng: &mut Rng) -> Paint<'a> {
    let (a, b) = (colour(rng), colour(rng));
    let (turn, width) = (
        rng.random_range(0.0f32..3.2),
        rng.random_range(2.0f32..18.0),
    );
    let (sin, cos) = turn.sin_cos();
    let check = rng.random_bool(0.3);
    Box::new(move |x, y| {
        let band = ((x * cos + y * sin) / width).floor() as i32;
        let across = if check {
            ((y * cos - x * sin) / width).floor() as i32
        } else {
            0
        };
        if (band + across).rem_euclid(2) == 0 {
            a
        } else {
            b
        }
    })
}

/// Another picture, turned, scaled, mirrored at its borders, its colours shifted.
fn turned<'a>(
    width: usize,
    height: usize,
    pixel: Box<dyn Fn(usize) -> [u8; 3] + 'a>,
    rng: &mut Rng,
) -> Paint<'a> {
    let (sin, cos) = rng.random_range(0.5f32..5.8).sin_cos();
    let zoom = 1.0 / rng.random_range(0.5f32..2.5);
    let (ox, oy) = (
        rng.random_range(0.0..width as f32),
        rng.random_range(0.0..height as f32),
    );
    let gains: [f32; 3] = std::array::from_fn(|_| rng.random_range(0.6f32..1.4));
    let saturation = rng.random_range(0.2f32..1.5);
    let mirror = |v: f32, n: usize| {
        let m = (v.floor() as i64).rem_euclid(2 * n as i64) as usize;
        if m < n { m } else { 2 * n - 1 - m }
    };
    Box::new(move |x, y| {
        let sx = mirror(ox + (x * cos - y * sin) * zoom, width);
        let sy = mirror(oy + (x * sin + y * cos) * zoom, height);
        let p = pixel(sy * width + sx).map(|v| f32::from(v) / 255.0);
        let grey = (p[0] + p[1] + p[2]) / 3.0;
        std::array::from_fn(|c| ((grey + (p[c] - grey) * saturation) * gains[c]).clamp(0.0, 1.0))
    })
}
