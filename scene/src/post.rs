//! From linear light to the camera's 8-bit pixels.

use crate::look::Look;
use crate::math::{Rgb, Vec3};
use crate::noise::mix32;

/// Develops `linear` (row by row, `width` wide) into packed RGB; `seed` is the frame's own.
pub(crate) fn develop(linear: &[Rgb], width: usize, look: &Look, seed: u32, rgb: &mut [u8]) {
    let height = linear.len() / width;
    let (cx, cy) = (width as f32 * 0.5, height as f32 * 0.5);
    let reach = 1.0 / (cx * cx + cy * cy);
    let gain = look.tint * look.exposure;
    let side = look.blur * 0.11;
    let middle = 1.0 - 4.0 * side;
    for y in 0..height {
        let (up, down) = (y.saturating_sub(1) * width, (y + 1).min(height - 1) * width);
        let row = y * width;
        for x in 0..width {
            let (left, right) = (x.saturating_sub(1), (x + 1).min(width - 1));
            let c = linear[row + x] * middle
                + (linear[row + left] + linear[row + right] + linear[up + x] + linear[down + x])
                    * side;
            let (dx, dy) = (x as f32 - cx, y as f32 - cy);
            let fall = 1.0 - look.vignette * (dx * dx + dy * dy) * reach;
            let c = c.scale(gain) * fall;
            let grey = c.x * 0.3 + c.y * 0.59 + c.z * 0.11;
            let c = Vec3 {
                x: grey,
                y: grey,
                z: grey,
            }
            .mix(c, look.saturation);
            let h = mix32((row + x) as u32 ^ seed);
            let out = &mut rgb[(row + x) * 3..(row + x) * 3 + 3];
            let channels = [c.x, c.y, c.z];
            // Sum of two uniform numbers a channel, most of it common to the three.
            let common = ((h & 255) + (h >> 8 & 255)) as f32 - 255.0;
            for (k, (o, c)) in out.iter_mut().zip(channels).enumerate() {
                let own = ((h >> (12 + 4 * k)) & 255) as f32 - 127.5;
                let v = tone(c);
                let v = (v + look.contrast * (v * v * (3.0 - 2.0 * v) - v)) * 255.0;
                *o = (v + (common + own) * 0.0075 * look.noise + 0.5).clamp(0.0, 255.0) as u8;
            }
        }
    }
}

/// Display curve: a square root with a soft shoulder.
fn tone(c: f32) -> f32 {
    let v = c.max(0.0).sqrt();
    if v < 0.8 {
        v
    } else {
        let over = (v - 0.8) * 5.0;
        // Slope 1 at 0.8, 1.0 in the limit of strong light; white is reached at 1.2.
        let k = over / (1.0 + 0.55 * over);
        (0.8 + 0.2 * k).min(1.0)
    }
}
