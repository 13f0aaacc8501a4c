//! One training sample while it is being made.

/// A sample of fixed size: colours as f32, labels and masks.
#[derive(Clone, Debug)]
pub struct Canvas {
    /// Pixels in a row.
    pub width: usize,
    /// Rows.
    pub height: usize,
    /// Interleaved RGB, 0..=1.
    pub rgb: Vec<f32>,
    /// Class ids.
    pub label: Vec<u8>,
    /// 1 where the adversarial attack may act, else 0.
    pub attack: Vec<f32>,
    /// Where something unknown is, what a pixel of it weighs in the loss; else 0.
    pub outlier: Vec<u8>,
}

impl Canvas {
    /// A canvas of one colour without labels.
    pub fn filled(width: usize, height: usize, colour: [f32; 3]) -> Self {
        let n = width * height;
        Self {
            width,
            height,
            rgb: colour.iter().copied().cycle().take(3 * n).collect(),
            label: vec![super::VOID; n],
            attack: vec![0.0; n],
            outlier: vec![0; n],
        }
    }

    /// Mean brightness of the pixels in a box, 0..=1; 0.5 for an empty one.
    pub fn mean_brightness(&self, x: std::ops::Range<usize>, y: std::ops::Range<usize>) -> f32 {
        let mut sum = 0.0;
        let mut count = 0;
        for row in y {
            for v in &self.rgb[3 * (row * self.width + x.start)..3 * (row * self.width + x.end)] {
                sum += v;
                count += 1;
            }
        }
        if count == 0 { 0.5 } else { sum / count as f32 }
    }

    /// Puts `colour` over a pixel with opacity `alpha`.
    pub fn blend(&mut self, index: usize, colour: [f32; 3], alpha: f32) {
        for (v, c) in self.rgb[3 * index..3 * index + 3].iter_mut().zip(colour) {
            *v += (c - *v) * alpha;
        }
    }
}
