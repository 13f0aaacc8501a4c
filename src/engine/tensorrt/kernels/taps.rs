//! Which source pixels make a target pixel along one axis, and with what weights.

/// The bilinear filter along one axis as a table for the kernel: a triangle as wide as two target
/// pixels, or two source pixels where the picture grows; cut at the edges; its weights add up to 1.
///
/// Weights are 16-bit fixed point with as many fractional bits as the largest of them allows, at most
/// 21. That, and the rounding of each, is what `fast_image_resize` does for 8-bit pixels, so that the
/// kernel's sums are those of [`Preprocessor`](crate::engine::Preprocessor).
///
/// Layout, in the machine's byte order and without gaps:
///
/// | what               | type      | how many |
/// |--------------------|-----------|----------|
/// | source size        | u32       | 1        |
/// | target size        | u32       | 1        |
/// | fractional bits    | u32       | 1        |
/// | number of weights  | u32       | 1        |
/// | start, count, place of the first weight | u32, u32, u32 | target size |
/// | weight             | i16       | number of weights |
///
/// It takes about `12 * target + 4 * max(source, target)` bytes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Taps {
    bytes: Vec<u8>,
}

/// Fewest bits that a weight of 1 leaves; the sums have 32, of which 8 are the pixel's.
const MOST_PRECISION: u32 = 21;

impl Taps {
    /// From `source` pixels to `target`; `None` when either is 0.
    pub fn new(source: u32, target: u32) -> Option<Self> {
        if source == 0 || target == 0 {
            return None;
        }
        let mut window = Window::new(source, target);
        let mut largest = 0.0f64;
        let mut count = 0;
        for at in 0..target {
            window.move_to(at);
            largest = window.weights.iter().copied().fold(largest, f64::max);
            count += window.weights.len();
        }
        let precision = precision(largest);
        let unit = f64::from(1u32 << precision);

        let mut bytes = Vec::with_capacity(16 + 12 * target as usize + 2 * count);
        let mut weights = Vec::with_capacity(2 * count);
        let mut put = |values: &[u32]| {
            bytes.extend(values.iter().flat_map(|value| value.to_ne_bytes()));
        };
        put(&[source, target, precision, count as u32]);
        for at in 0..target {
            window.move_to(at);
            let first = (weights.len() / 2) as u32;
            put(&[window.start, window.weights.len() as u32, first]);
            for weight in &window.weights {
                let fixed = (weight * unit).round() as i16;
                weights.extend_from_slice(&fixed.to_ne_bytes());
            }
        }
        bytes.append(&mut weights);
        Some(Self { bytes })
    }

    /// What to copy to the device, to an address that 4 divides.
    pub fn bytes(&self) -> &[u8] {
        &self.bytes
    }
}

/// Fractional bits with which the largest weight still fits 16 bits with a sign.
fn precision(largest: f64) -> u32 {
    let fits = |bits: u32| (largest * f64::from(1u32 << bits)).round() < 32768.0;
    (1..=MOST_PRECISION)
        .rev()
        .find(|&bits| fits(bits))
        .unwrap_or(1)
}

/// The filter over the source pixels of one target pixel.
struct Window {
    source: u32,
    scale: f64,
    radius: f64,
    /// First source pixel with a weight.
    start: u32,
    /// Of the pixels from there on.
    weights: Vec<f64>,
}

impl Window {
    fn new(source: u32, target: u32) -> Self {
        let scale = f64::from(source) / f64::from(target);
        Self {
            source,
            scale,
            radius: scale.max(1.0),
            start: 0,
            weights: Vec::new(),
        }
    }

    fn move_to(&mut self, target: u32) {
        let centre = (f64::from(target) + 0.5) * self.scale;
        let from = (centre - self.radius).floor().max(0.0) as u32;
        let to = (centre + self.radius).ceil().min(f64::from(self.source)) as u32;
        // Not divided by the radius and not from pixel centre to pixel centre: another order of
        // operations rounds ties the other way.
        let (per_radius, first_centre) = (1.0 / self.radius, centre - 0.5);
        self.start = from;
        self.weights.clear();
        for pixel in from..to {
            let distance = ((f64::from(pixel) - first_centre) * per_radius).abs();
            let weight = if distance < 1.0 { 1.0 - distance } else { 0.0 };
            if weight == 0.0 && self.weights.is_empty() {
                self.start += 1;
            } else {
                self.weights.push(weight);
            }
        }
        while self.weights.last() == Some(&0.0) {
            self.weights.pop();
        }
        let sum: f64 = self.weights.iter().sum();
        for weight in &mut self.weights {
            *weight /= sum;
        }
    }
}
