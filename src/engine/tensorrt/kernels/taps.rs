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

/// Sums have 32 bits: 8 are a pixel's, and 3 are left for the sign and for sums a little over 1.
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

#[cfg(test)]
mod tests {
    use super::*;
    use fast_image_resize::images::{Image, ImageRef};
    use fast_image_resize::{FilterType, PixelType, ResizeAlg, ResizeOptions, Resizer};
    use rand::{Rng, RngExt, SeedableRng};

    /// The table as the kernel reads it.
    struct Table {
        source: u32,
        target: u32,
        precision: u32,
        taps: Vec<[u32; 3]>,
        weights: Vec<i16>,
    }

    fn table(source: u32, target: u32) -> Table {
        let taps = Taps::new(source, target).unwrap();
        let word = |at: usize| u32::from_ne_bytes(taps.bytes()[4 * at..][..4].try_into().unwrap());
        let end = 16 + 12 * target as usize;
        let weights = taps.bytes()[end..].as_chunks::<2>().0;
        assert_eq!(word(3) as usize, weights.len());
        Table {
            source: word(0),
            target: word(1),
            precision: word(2),
            taps: (0..target as usize)
                .map(|at| std::array::from_fn(|field| word(4 + 3 * at + field)))
                .collect(),
            weights: weights.iter().map(|&b| i16::from_ne_bytes(b)).collect(),
        }
    }

    impl Table {
        fn apply(&self, row: &[[u8; 3]]) -> Vec<[u8; 3]> {
            let one = |&[start, count, first]: &[u32; 3]| {
                let pixels = &row[start as usize..][..count as usize];
                let weights = &self.weights[first as usize..][..count as usize];
                std::array::from_fn(|c| {
                    let products = pixels.iter().zip(weights);
                    let sum: i32 = products.map(|(p, &w)| i32::from(p[c]) * i32::from(w)).sum();
                    let half = 1 << (self.precision - 1);
                    ((sum + half) >> self.precision).min(255) as u8
                })
            };
            self.taps.iter().map(one).collect()
        }
    }

    fn resized(row: &[[u8; 3]], target: u32) -> Vec<[u8; 3]> {
        let pixels = row.as_flattened();
        let source = ImageRef::new(row.len() as u32, 1, pixels, PixelType::U8x3).unwrap();
        let mut out = Image::new(target, 1, PixelType::U8x3);
        let options = ResizeOptions::new().resize_alg(ResizeAlg::Convolution(FilterType::Bilinear));
        Resizer::new().resize(&source, &mut out, &options).unwrap();
        out.buffer().as_chunks::<3>().0.to_vec()
    }

    /// Every pair of small sizes, and those of cameras and networks.
    fn sizes() -> impl Iterator<Item = (u32, u32)> {
        let small = (1..=40).flat_map(|source| (1..=40).map(move |target| (source, target)));
        let cameras = [360, 480, 640, 720, 800, 1080, 1280, 1920, 2160, 3840, 4096];
        let inputs = [224, 288, 320, 352, 384, 480, 640, 672, 1024, 2048];
        let usual = cameras
            .into_iter()
            .flat_map(move |source| inputs.map(|t| (source, t)));
        small.chain(usual).chain([(5000, 3), (100_001, 32)])
    }

    #[test]
    fn rows_are_resized_as_on_the_cpu_path() {
        let mut random = rand_pcg::Pcg64Mcg::seed_from_u64(1);
        for (source, target) in sizes() {
            let table = table(source, target);
            for round in 0..8 {
                let mut row = vec![[0u8; 3]; source as usize];
                random.fill_bytes(row.as_flattened_mut());
                // Black and white come nearest to the ends of the range.
                if round % 2 == 1 {
                    row.iter_mut().for_each(|pixel| {
                        *pixel = [[0; 3], [255; 3]][random.random_range(0..2)];
                    });
                }
                assert!(
                    table.apply(&row) == resized(&row, target),
                    "{source} to {target}"
                );
            }
        }
    }

    #[test]
    fn tables_stay_inside_the_picture_and_weights_are_nearly_1() {
        for (source, target) in sizes() {
            let table = table(source, target);
            assert_eq!((table.source, table.target), (source, target));
            let mut next = 0;
            for &[start, count, first] in &table.taps {
                assert!(count > 0 && start + count <= source, "{source} to {target}");
                assert_eq!(first, next);
                next = first + count;
                let weights = &table.weights[first as usize..next as usize];
                let sum: i32 = weights.iter().map(|&w| i32::from(w)).sum();
                let off = (sum - (1 << table.precision)).unsigned_abs();
                assert!(off <= count.div_ceil(2), "{source} to {target}: {off} off");
                assert!(weights.iter().all(|&w| w >= 0));
            }
            assert_eq!(next as usize, table.weights.len());
        }
    }

    #[test]
    fn the_same_size_changes_nothing_and_no_size_has_no_table() {
        let table = table(7, 7);
        let ones: Vec<_> = (0..7).map(|at| [at, 1, at]).collect();
        assert_eq!(table.taps, ones);
        assert_eq!(table.weights, [1 << table.precision; 7]);
        assert_eq!(Taps::new(0, 7), None);
        assert_eq!(Taps::new(7, 0), None);
    }
}
