//! Corruptions of a given severity (after Hendrycks & Dietterich, ICLR 2019): 0 is none, 5 the worst.

use rand::RngExt;

use super::{Canvas, Rng};

/// What is done to a pixel.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Corruption {
    /// Normal noise on every colour.
    Noise,
    /// Some pixels black, some white.
    Impulse,
    /// A box of neighbours.
    Blur,
    /// White shining through.
    Fog,
    /// Nearer to the mean.
    Contrast,
    /// Brighter.
    Brightness,
    /// Stronger colours.
    Saturation,
    /// Blocks of one colour shining through.
    Pixelate,
}

/// Side of the blocks of [`Corruption::Pixelate`].
const BLOCK: usize = 8;

impl Corruption {
    /// All of them.
    pub const ALL: [Self; 8] = [
        Self::Noise,
        Self::Impulse,
        Self::Blur,
        Self::Fog,
        Self::Contrast,
        Self::Brightness,
        Self::Saturation,
        Self::Pixelate,
    ];

    /// One by chance.
    pub fn draw(rng: &mut Rng) -> Self {
        Self::ALL[rng.random_range(0..Self::ALL.len())]
    }

    /// Corrupts the pixels `inside`.
    pub fn apply(self, canvas: &mut Canvas, inside: &[usize], severity: u8, rng: &mut Rng) {
        let by = f32::from(severity);
        if severity == 0 {
            return;
        }
        let source = canvas.rgb.clone();
        let (w, h) = (canvas.width, canvas.height);
        let mean = source.iter().sum::<f32>() / source.len().max(1) as f32;
        for &i in inside {
            let own: [f32; 3] = std::array::from_fn(|c| source[3 * i + c]);
            let grey = own.iter().sum::<f32>() / 3.0;
            let new: [f32; 3] = match self {
                Self::Noise => own.map(|v| {
                    let sum: f32 = (0..4).map(|_| rng.random_range(-1.0f32..1.0)).sum();
                    v + 0.05 * by * sum * 0.866
                }),
                Self::Impulse => match rng.random_range(0.0f32..1.0) {
                    at if at < 0.03 * by => [0.0; 3],
                    at if at < 0.06 * by => [1.0; 3],
                    _ => own,
                },
                Self::Blur => box_mean(&source, (w, h), i, usize::from(severity)),
                Self::Fog => own.map(|v| v + (0.9 - v) * 0.15 * by),
                Self::Contrast => own.map(|v| v + (mean - v) * 0.18 * by),
                Self::Brightness => own.map(|v| v + 0.1 * by),
                Self::Saturation => own.map(|v| grey + (v - grey) * (1.0 + 0.6 * by)),
                Self::Pixelate => {
                    let from = 3 * (i / w / BLOCK * BLOCK * w + i % w / BLOCK * BLOCK);
                    std::array::from_fn(|c| own[c] + (source[from + c] - own[c]) * 0.2 * by)
                }
            };
            for (to, v) in canvas.rgb[3 * i..3 * i + 3].iter_mut().zip(new) {
                *to = v.clamp(0.0, 1.0);
            }
        }
    }
}

/// Mean of the box of `radius` round a pixel, inside the frame.
fn box_mean(rgb: &[f32], (w, h): (usize, usize), at: usize, radius: usize) -> [f32; 3] {
    let (x, y) = (at % w, at / w);
    let (mut sum, mut count) = ([0.0; 3], 0.0);
    for v in y.saturating_sub(radius)..(y + radius + 1).min(h) {
        for u in x.saturating_sub(radius)..(x + radius + 1).min(w) {
            let from = 3 * (v * w + u);
            for (s, p) in sum.iter_mut().zip(&rgb[from..from + 3]) {
                *s += p;
            }
            count += 1.0;
        }
    }
    sum.map(|s| s / count)
}

#[cfg(test)]
mod tests {
    use rand::SeedableRng;

    use super::*;

    /// A picture of colours, edges and texture.
    fn canvas() -> Canvas {
        let mut canvas = Canvas::filled(64, 48, [0.0; 3]);
        let mut rng = Rng::seed_from_u64(1);
        for i in 0..64 * 48 {
            let (x, y) = (i % 64, i / 64);
            let base = if (x / 16 + y / 12) % 2 == 0 {
                0.25
            } else {
                0.6
            };
            for c in 0..3 {
                let own = 0.08 * c as f32 + rng.random_range(-0.1f32..0.1);
                canvas.rgb[3 * i + c] = base + own;
            }
        }
        canvas
    }

    fn change(corruption: Corruption, severity: u8) -> f32 {
        let (before, mut after) = (canvas(), canvas());
        let all: Vec<usize> = (0..64 * 48).collect();
        corruption.apply(&mut after, &all, severity, &mut Rng::seed_from_u64(2));
        let apart = before
            .rgb
            .iter()
            .zip(&after.rgb)
            .map(|(a, b)| (a - b).abs());
        apart.sum::<f32>() / before.rgb.len() as f32
    }

    #[test]
    fn severity_nought_is_the_identity_and_more_is_more() {
        for corruption in Corruption::ALL {
            let all: Vec<f32> = (0..=5).map(|s| change(corruption, s)).collect();
            assert_eq!(all[0], 0.0, "{corruption:?}");
            let grows = all.windows(2).all(|w| w[0] < w[1]);
            assert!(grows, "{corruption:?}: {all:?}");
        }
    }

    #[test]
    fn pixels_outside_stay_bit_by_bit() {
        let inside: Vec<usize> = (500..900).collect();
        for corruption in Corruption::ALL {
            let (before, mut after) = (canvas(), canvas());
            corruption.apply(&mut after, &inside, 5, &mut Rng::seed_from_u64(3));
            assert_eq!(before.rgb[..1500], after.rgb[..1500], "{corruption:?}");
            assert_eq!(before.rgb[2700..], after.rgb[2700..], "{corruption:?}");
        }
    }
}
