//! Compounded corruptions inside a shape as outliers (after CnC, Hebbar et al., 2022): what is there
//! is made into what no camera shows.

use rand::RngExt;

use super::{Canvas, Rng, outlier_weight, random_shapes};

/// Two different corruptions, one after the other, inside one random shape, which becomes an outlier.
pub fn corrupt(canvas: &mut Canvas, radius: (f32, f32), rng: &mut Rng) {
    let shape = random_shapes(canvas.width, canvas.height, 1, radius, rng);
    let inside: Vec<usize> = (0..shape.len()).filter(|&i| shape[i] > 0.0).collect();
    let first = rng.random_range(0..5);
    let second = (first + rng.random_range(1..5)) % 5;
    for kind in [first, second] {
        match kind {
            0 => invert(canvas, &inside),
            1 => turn_hue(canvas, &inside, rng),
            2 => pixelate(canvas, &inside, rng),
            3 => noise(canvas, &inside, rng),
            _ => posterise(canvas, &inside, rng),
        }
    }
    let weight = outlier_weight(inside.len());
    for i in inside {
        canvas.outlier[i] = weight;
    }
}

fn invert(canvas: &mut Canvas, inside: &[usize]) {
    for i in inside {
        canvas.rgb[3 * i..3 * i + 3]
            .iter_mut()
            .for_each(|v| *v = 1.0 - *v);
    }
}

fn turn_hue(canvas: &mut Canvas, inside: &[usize], rng: &mut Rng) {
    let (by, gain) = (rng.random_range(1..3), rng.random_range(1.5f32..3.5));
    for i in inside {
        let p = &mut canvas.rgb[3 * i..3 * i + 3];
        p.rotate_left(by);
        let grey = p.iter().sum::<f32>() / 3.0;
        p.iter_mut()
            .for_each(|v| *v = (grey + (*v - grey) * gain).clamp(0.0, 1.0));
    }
}

fn pixelate(canvas: &mut Canvas, inside: &[usize], rng: &mut Rng) {
    let block = rng.random_range(4..14);
    let w = canvas.width;
    let source = canvas.rgb.clone();
    for i in inside {
        let from = i / w / block * block * w + i % w / block * block;
        canvas.rgb[3 * i..3 * i + 3].copy_from_slice(&source[3 * from..3 * from + 3]);
    }
}

fn noise(canvas: &mut Canvas, inside: &[usize], rng: &mut Rng) {
    let amount = rng.random_range(0.1f32..0.4);
    for i in inside {
        for v in &mut canvas.rgb[3 * i..3 * i + 3] {
            *v = (*v + amount * rng.random_range(-1.7f32..1.7)).clamp(0.0, 1.0);
        }
    }
}

fn posterise(canvas: &mut Canvas, inside: &[usize], rng: &mut Rng) {
    let levels = rng.random_range(1.0f32..3.0);
    for i in inside {
        for v in &mut canvas.rgb[3 * i..3 * i + 3] {
            *v = ((*v * levels).round() / levels).clamp(0.0, 1.0);
        }
    }
}
