//! Random shapes: where attacks act and textures are pasted.

use rand::RngExt;

use super::Rng;

/// Fills the union of `count` random ellipses, boxes and polygons with 1 in a `width`x`height`
/// mask of zeros; `radius` is drawn log-uniformly from the given range, in pixels.
pub fn random_shapes(
    width: usize,
    height: usize,
    count: usize,
    radius: (f32, f32),
    rng: &mut Rng,
) -> Vec<f32> {
    let mut mask = vec![0.0; width * height];
    for _ in 0..count {
        let r = rng.random_range(radius.0.ln()..=radius.1.ln()).exp();
        let cx = rng.random_range(0.0..width as f32);
        let cy = rng.random_range(height as f32 * 0.15..height as f32);
        let outline = match rng.random_range(0..4) {
            0 => ellipse(r, rng),
            1 => rectangle(r, rng),
            _ => blob(r, rng),
        };
        let outline: Vec<_> = outline.into_iter().map(|(x, y)| (x + cx, y + cy)).collect();
        fill(&mut mask, width, height, &outline);
    }
    mask
}

fn ellipse(r: f32, rng: &mut Rng) -> Vec<(f32, f32)> {
    let (flat, turn) = (rng.random_range(0.3f32..1.0), rng.random_range(0.0f32..3.2));
    let at = |k: usize| {
        let a = k as f32 / 24.0 * std::f32::consts::TAU;
        let (x, y) = (r * a.cos(), r * flat * a.sin());
        (
            x * turn.cos() - y * turn.sin(),
            x * turn.sin() + y * turn.cos(),
        )
    };
    (0..24).map(at).collect()
}

fn rectangle(r: f32, rng: &mut Rng) -> Vec<(f32, f32)> {
    let (w, h) = (
        r * rng.random_range(0.5f32..1.0),
        r * rng.random_range(0.3f32..1.0),
    );
    vec![(-w, -h), (w, -h), (w, h), (-w, h)]
}

fn blob(r: f32, rng: &mut Rng) -> Vec<(f32, f32)> {
    let corners = rng.random_range(3..14);
    let mut angles: Vec<f32> = (0..corners)
        .map(|_| rng.random_range(0.0..std::f32::consts::TAU))
        .collect();
    angles.sort_by(f32::total_cmp);
    let corner = |a: f32, rng: &mut Rng| {
        let q = r * rng.random_range(0.4f32..1.1);
        (q * a.cos(), q * a.sin())
    };
    angles.into_iter().map(|a| corner(a, rng)).collect()
}

/// Even-odd scan-line fill of a polygon, at pixel centres.
fn fill(mask: &mut [f32], width: usize, height: usize, outline: &[(f32, f32)]) {
    let mut crossings: Vec<f32> = Vec::with_capacity(outline.len());
    for y in 0..height {
        let yc = y as f32 + 0.5;
        crossings.clear();
        for (i, &(x0, y0)) in outline.iter().enumerate() {
            let (x1, y1) = outline[(i + 1) % outline.len()];
            if (y0 <= yc) != (y1 <= yc) {
                crossings.push(x0 + (yc - y0) / (y1 - y0) * (x1 - x0));
            }
        }
        crossings.sort_by(f32::total_cmp);
        for pair in crossings.chunks_exact(2) {
            let from = (pair[0] - 0.5).ceil().clamp(0.0, width as f32) as usize;
            let to = (pair[1] - 0.5).ceil().clamp(0.0, width as f32) as usize;
            mask[y * width + from..y * width + to.max(from)].fill(1.0);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_box_fills_its_pixel_centres() {
        let mut mask = vec![0.0; 36];
        fill(
            &mut mask,
            6,
            6,
            &[(1.0, 2.0), (4.0, 2.0), (4.0, 4.0), (1.0, 4.0)],
        );
        assert_eq!(mask.iter().sum::<f32>(), 6.0);
        assert_eq!(mask[2 * 6 + 1], 1.0);
        assert_eq!(mask[3 * 6 + 3], 1.0);
    }

    #[test]
    fn shapes_that_leave_the_picture_are_clipped() {
        let mut rng = rand::SeedableRng::seed_from_u64(3);
        for _ in 0..200 {
            let mask = random_shapes(40, 30, 3, (5.0, 80.0), &mut rng);
            assert!(mask.iter().all(|&m| m == 0.0 || m == 1.0));
        }
    }
}
