//! What weather, light and transmission do to a picture, things pasted into it included.

use image::codecs::jpeg::{JpegDecoder, JpegEncoder};
use image::{DynamicImage, ExtendedColorType};
use rand::RngExt;

use super::{Canvas, Rng, random_shapes};

/// Haze, dusk, shadows and JPEG artefacts, each now and then.
pub fn weather(canvas: &mut Canvas, rng: &mut Rng) {
    if rng.random_bool(0.12) {
        shadow(canvas, rng);
    }
    match rng.random_range(0..100) {
        0..10 => haze(canvas, rng),
        10..20 => dusk(canvas, rng),
        _ => {}
    }
    if rng.random_bool(0.2) {
        jpeg(canvas, rng.random_range(25..85));
    }
}

/// Sharp-edged shadows of things outside the picture.
fn shadow(canvas: &mut Canvas, rng: &mut Rng) {
    let strength = rng.random_range(0.4f32..0.8);
    let shape = random_shapes(canvas.width, canvas.height, 2, (20.0, 140.0), rng);
    for (p, &inside) in canvas.rgb.chunks_exact_mut(3).zip(&shape) {
        let gain = 1.0 - inside * (1.0 - strength);
        p.iter_mut().for_each(|v| *v *= gain);
    }
}

/// Light grey that thickens from the bottom to the horizon: far things lose contrast.
fn haze(canvas: &mut Canvas, rng: &mut Rng) {
    let (thick, grey) = (
        rng.random_range(0.15f32..0.7),
        rng.random_range(0.55f32..0.9),
    );
    let horizon = rng.random_range(0.3f32..0.5) * canvas.height as f32;
    for (y, row) in canvas.rgb.chunks_exact_mut(3 * canvas.width).enumerate() {
        let below = ((y as f32 - horizon) / (canvas.height as f32 - horizon)).max(0.0);
        let alpha = thick * (1.0 - below).powi(2);
        row.iter_mut().for_each(|v| *v += (grey - *v) * alpha);
    }
}

/// Little light: dark, bluish or orange, with grain.
fn dusk(canvas: &mut Canvas, rng: &mut Rng) {
    let gain = rng.random_range(0.25f32..0.6);
    let tint = rng.random_range(-0.15f32..0.15);
    let gains = [gain * (1.0 + tint), gain, gain * (1.0 - tint)];
    let grain = rng.random_range(0.005f32..0.025);
    for p in canvas.rgb.chunks_exact_mut(3) {
        for (v, gain) in p.iter_mut().zip(gains) {
            *v = (*v * gain + grain * rng.random_range(-1.7f32..1.7)).clamp(0.0, 1.0);
        }
    }
}

/// There and back at that quality; the picture stays as it is should the codec refuse.
fn jpeg(canvas: &mut Canvas, quality: u8) {
    let bytes: Vec<u8> = canvas
        .rgb
        .iter()
        .map(|v| (v * 255.0).round() as u8)
        .collect();
    let (w, h) = (canvas.width as u32, canvas.height as u32);
    let mut file = vec![];
    let encoder = JpegEncoder::new_with_quality(&mut file, quality);
    let encoded = image::ImageEncoder::write_image(encoder, &bytes, w, h, ExtendedColorType::Rgb8);
    let decoded = encoded
        .and_then(|()| JpegDecoder::new(std::io::Cursor::new(&file)))
        .and_then(DynamicImage::from_decoder);
    debug_assert!(decoded.is_ok(), "an RGB picture of a sample's size");
    if let Ok(picture) = decoded {
        for (v, byte) in canvas.rgb.iter_mut().zip(picture.into_rgb8().into_raw()) {
            *v = f32::from(byte) / 255.0;
        }
    }
}

#[cfg(test)]
mod tests {
    use rand::SeedableRng;

    use super::*;

    #[test]
    fn weather_changes_colours_only_and_keeps_them_in_range() {
        let mut changed = 0;
        for seed in 0..60 {
            let mut canvas = Canvas::filled(64, 48, [0.2, 0.5, 0.8]);
            let before = canvas.clone();
            weather(&mut canvas, &mut Rng::seed_from_u64(seed));
            assert!(canvas.rgb.iter().all(|v| (0.0..=1.0).contains(v)));
            assert_eq!(canvas.label, before.label);
            assert_eq!(canvas.outlier, before.outlier);
            changed += usize::from(canvas.rgb != before.rgb);
        }
        assert!((10..50).contains(&changed), "{changed} of 60 changed");
    }
}
