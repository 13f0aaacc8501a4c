//! The frames of a drive in which something happened, side by side in one picture.

use jpeg_encoder::{ColorType, Encoder};
use lookout::decide::AnomalyMask;
use lookout::frame::Frame;
use lookout::paint::Painter;

/// A frame in a strip is at least this wide, unless it was smaller.
const WIDTH: usize = 240;
const QUALITY: u8 = 80;
/// Most frames: into view, first warning, stop, the last.
const MOST: usize = 4;

/// Collects frames.
#[derive(Default)]
pub(super) struct Strip {
    painter: Painter,
    overlay: Vec<u8>,
    /// Small pictures, each row by row.
    pictures: Vec<Vec<u8>>,
    size: (usize, usize),
}

impl Strip {
    /// Forgets the drive before.
    pub(super) fn begin(&mut self) {
        self.pictures.clear();
    }

    /// The frame with its mask over it.
    pub(super) fn add(&mut self, frame: &Frame, mask: &AnomalyMask) {
        if self.pictures.len() == MOST {
            return;
        }
        self.painter.overlay(frame, mask, &mut self.overlay);
        let (w, h) = (frame.width() as usize, frame.height() as usize);
        let step = (w / WIDTH).max(1);
        self.size = (w / step, h / step);
        let mut small = Vec::with_capacity(self.size.0 * self.size.1 * 3);
        for y in 0..self.size.1 {
            for x in 0..self.size.0 {
                for channel in 0..3 {
                    small.push(mean(&self.overlay, w, (x * step, y * step), step, channel));
                }
            }
        }
        self.pictures.push(small);
    }

    /// Side by side, in the order in which they came.
    pub(super) fn jpeg(&self) -> anyhow::Result<Vec<u8>> {
        let (w, h) = self.size;
        let mut rgb = Vec::with_capacity(self.pictures.len() * w * h * 3);
        for y in 0..h {
            for picture in &self.pictures {
                rgb.extend_from_slice(&picture[y * w * 3..][..w * 3]);
            }
        }
        let size = (u16::try_from(w * self.pictures.len())?, u16::try_from(h)?);
        let mut out = Vec::new();
        Encoder::new(&mut out, QUALITY).encode(&rgb, size.0, size.1, ColorType::Rgb)?;
        Ok(out)
    }
}

/// Of a square of pixels.
fn mean(rgb: &[u8], width: usize, (x, y): (usize, usize), step: usize, channel: usize) -> u8 {
    let mut sum = 0;
    for row in y..y + step {
        for column in x..x + step {
            let at = (row * width + column) * 3 + channel;
            sum += rgb.get(at).copied().map_or(0, usize::from);
        }
    }
    (sum / (step * step)) as u8
}
