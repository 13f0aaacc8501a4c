//! Pictures for people: a frame with its anomalous area marked.
//!
//! Presentation only; no verdict depends on it. [`Painter`] is made for a frame path: its buffers
//! and maps are made at the first frame of a size and kept.

use crate::decide::AnomalyMask;
use crate::frame::Frame;

/// Colour of the anomalous area: magenta, which no road scene has. It and [`OUTLINE`] lie at the
/// two ends of the blue-yellow axis, which red-green blind people see as well.
pub const TINT: [u8; 3] = [255, 0, 170];
/// Colour of the line round the anomalous area: light yellow.
pub const OUTLINE: [u8; 3] = [255, 235, 60];

/// Sixteenths of the frame's brightness that are kept, so that the marks stand out.
const KEPT: u16 = 13;
/// Parts that a weight is counted in.
const ONE: u8 = 16;
/// Frames wider than this get a line of two pixels.
const WIDE: usize = 960;

/// Where a column or row of the frame lies on the mask.
#[derive(Clone, Copy, Debug)]
struct Tap {
    near: usize,
    far: usize,
    /// Sixteenths of `far`.
    weight: u8,
}

/// Bilinear where the frame is at least twice the mask, so that outlines are round and a single
/// pixel of the mask still shows; otherwise the nearest pixel.
fn taps(source: usize, target: usize, out: &mut Vec<Tap>) {
    out.clear();
    if source == 0 || target == 0 {
        return;
    }
    let last = source - 1;
    out.extend((0..target).map(|i| {
        if target < 2 * source {
            let near = ((2 * i + 1) * source / (2 * target)).min(last);
            return Tap {
                near,
                far: near,
                weight: 0,
            };
        }
        // 16 * ((i + 1/2) * source / target - 1/2), to the nearest whole number
        let position = ((2 * i + 1) * source * usize::from(ONE) + target) / (2 * target);
        let position = position.saturating_sub(usize::from(ONE) / 2);
        let near = (position / usize::from(ONE)).min(last);
        Tap {
            near,
            far: (near + 1).min(last),
            weight: (position % usize::from(ONE)) as u8,
        }
    }));
}

/// Draws anomaly masks over frames.
#[derive(Clone, Debug, Default)]
pub struct Painter {
    /// Mask size and frame size that the maps are for.
    sizes: Option<[(usize, usize); 2]>,
    columns: Vec<Tap>,
    rows: Vec<Tap>,
    /// One row of the mask between two of its rows, in sixteenths.
    blended: Vec<u8>,
    /// The mask at the frame's size: 1 anomalous, 0 not.
    inside: Vec<u8>,
}

impl Painter {
    /// The frame, slightly dimmed, with the anomalous area tinted ([`TINT`], half) and a line
    /// round it ([`OUTLINE`]; one pixel, two on frames over 960 columns). `out` gets packed RGB8
    /// of the frame's size. The mask may have any size, it is stretched over the frame; an empty
    /// one marks nothing. An empty frame gives an empty `out`.
    ///
    /// Allocates nothing after the first frame of a size, with an `out` that is kept.
    pub fn overlay(&mut self, frame: &Frame, mask: &AnomalyMask, out: &mut Vec<u8>) {
        let (width, height) = (frame.width() as usize, frame.height() as usize);
        out.resize(width * height * 3, 0);
        if frame.is_empty() {
            return;
        }
        self.stretch(mask, (width, height));
        let reach = if width > WIDE { 2 } else { 1 };
        let rows = frame
            .pixels()
            .chunks_exact(width * 3)
            .zip(out.chunks_exact_mut(width * 3));
        for (y, (from, to)) in rows.enumerate() {
            for (to, &from) in to.iter_mut().zip(from) {
                *to = (u16::from(from) * KEPT / 16) as u8;
            }
            let Some(inside) = self.inside.get(y * width..(y + 1) * width) else {
                continue;
            };
            if !inside.contains(&1) {
                continue;
            }
            let pixels = to.as_chunks_mut::<3>().0;
            for (x, (pixel, _)) in pixels
                .iter_mut()
                .zip(inside)
                .enumerate()
                .filter(|p| *p.1.1 == 1)
            {
                *pixel = if self.borders(x, y, (width, height), reach) {
                    OUTLINE
                } else {
                    std::array::from_fn(|c| u8::midpoint(pixel[c], TINT[c]))
                };
            }
        }
    }

    /// Whether a pixel that is not anomalous lies within `reach` of one that is. The frame's edge
    /// is no border.
    fn borders(&self, x: usize, y: usize, (width, height): (usize, usize), reach: usize) -> bool {
        (1..=reach).any(|d| {
            let (left, right) = (x.saturating_sub(d), (x + d).min(width - 1));
            let (up, down) = (y.saturating_sub(d), (y + d).min(height - 1));
            let row = y * width;
            [row + left, row + right, up * width + x, down * width + x]
                .iter()
                .any(|&at| self.inside.get(at) == Some(&0))
        })
    }

    /// The mask at the frame's size.
    fn stretch(&mut self, mask: &AnomalyMask, frame: (usize, usize)) {
        let size = (mask.width(), mask.height());
        if self.sizes != Some([size, frame]) {
            taps(size.0, frame.0, &mut self.columns);
            taps(size.1, frame.1, &mut self.rows);
            self.sizes = Some([size, frame]);
        }
        self.inside.clear();
        self.inside.resize(frame.0 * frame.1, 0);
        if !mask.pixels().contains(&AnomalyMask::ANOMALOUS) {
            return;
        }
        self.blended.resize(size.0, 0);
        for (row, inside) in self.rows.iter().zip(self.inside.chunks_exact_mut(frame.0)) {
            let near = &mask.pixels()[row.near * size.0..][..size.0];
            let far = &mask.pixels()[row.far * size.0..][..size.0];
            for ((blended, &near), &far) in self.blended.iter_mut().zip(near).zip(far) {
                *blended = (near & 1) * (ONE - row.weight) + (far & 1) * row.weight;
            }
            for (inside, tap) in inside.iter_mut().zip(&self.columns) {
                let near = u16::from(self.blended[tap.near]) * u16::from(ONE - tap.weight);
                let far = u16::from(self.blended[tap.far]) * u16::from(tap.weight);
                *inside = u8::from(near + far >= u16::from(ONE) * u16::from(ONE) / 2);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::time::Stamp;

    fn grey(width: u32, height: u32) -> Frame {
        let len = (width * height * 3) as usize;
        Frame::from_rgb(Stamp::default(), width, height, vec![160; len]).unwrap()
    }

    fn pixel(out: &[u8], width: usize, x: usize, y: usize) -> [u8; 3] {
        out[(y * width + x) * 3..][..3].try_into().unwrap()
    }

    #[test]
    fn the_anomalous_area_is_tinted_inside_a_line_and_the_rest_dimmed() {
        // the right half of the mask, on a frame eight times as large
        let mask = AnomalyMask::from_pixels(4, 2, vec![0, 0, 1, 1, 0, 0, 1, 1]).unwrap();
        let mut out = Vec::new();
        Painter::default().overlay(&grey(32, 16), &mask, &mut out);
        assert_eq!(out.len(), 32 * 16 * 3);
        for y in [0, 7, 15] {
            assert_eq!(pixel(&out, 32, 15, y), [130; 3]);
            assert_eq!(pixel(&out, 32, 16, y), OUTLINE);
            // the frame's edge is no border of the area
            for x in [17, 31] {
                assert_eq!(pixel(&out, 32, x, y), [192, 65, 150], "{x},{y}");
            }
        }
    }

    #[test]
    fn a_mask_of_the_frames_size_is_drawn_pixel_by_pixel() {
        let mut pixels = vec![0; 64];
        pixels[3 * 8 + 5] = 255;
        let mask = AnomalyMask::from_pixels(8, 8, pixels).unwrap();
        let mut out = Vec::new();
        Painter::default().overlay(&grey(8, 8), &mask, &mut out);
        let marked = out
            .as_chunks::<3>()
            .0
            .iter()
            .filter(|p| **p == OUTLINE)
            .count();
        assert_eq!((marked, pixel(&out, 8, 5, 3)), (1, OUTLINE));
    }

    #[test]
    fn a_single_pixel_of_the_mask_shows_whatever_the_scale() {
        for (width, height) in [
            (8, 8),
            (9, 11),
            (13, 15),
            (16, 16),
            (17, 23),
            (64, 40),
            (1200, 9),
        ] {
            for at in 0..64 {
                let mut pixels = vec![0; 64];
                pixels[at] = 255;
                let mask = AnomalyMask::from_pixels(8, 8, pixels).unwrap();
                let mut out = Vec::new();
                Painter::default().overlay(&grey(width, height), &mask, &mut out);
                assert!(
                    out.iter().any(|&v| v != 130),
                    "{width}x{height}, pixel {at}"
                );
            }
        }
    }

    #[test]
    fn empty_frames_and_masks_and_changing_sizes_are_taken() {
        let (mut painter, mut out) = (Painter::default(), vec![1; 7]);
        painter.overlay(&Frame::new(), &AnomalyMask::default(), &mut out);
        assert!(out.is_empty());
        let full = AnomalyMask::from_pixels(5, 3, vec![1; 15]).unwrap();
        for (width, height) in [(2000, 3), (1, 1), (33, 21)] {
            painter.overlay(&grey(width, height), &full, &mut out);
            assert!(out.as_chunks::<3>().0.iter().all(|p| *p == [192, 65, 150]));
            painter.overlay(&grey(width, height), &AnomalyMask::default(), &mut out);
            assert!(out.iter().all(|&v| v == 130));
        }
    }

    #[test]
    fn buffers_stay_where_they_are() {
        let mask = AnomalyMask::from_pixels(12, 8, vec![1; 96]).unwrap();
        let (mut painter, mut out, frame) = (Painter::default(), Vec::new(), grey(96, 64));
        painter.overlay(&frame, &mask, &mut out);
        let before = (
            painter.inside.as_ptr(),
            painter.columns.as_ptr(),
            out.as_ptr(),
        );
        painter.overlay(&frame, &mask, &mut out);
        assert_eq!(
            before,
            (
                painter.inside.as_ptr(),
                painter.columns.as_ptr(),
                out.as_ptr()
            )
        );
    }
}
