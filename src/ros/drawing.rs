//! The bytes and boxes of the outputs, into buffers that are kept.

use fast_image_resize::images::{Image, ImageRef};
use fast_image_resize::{FilterType, PixelType, ResizeAlg, ResizeOptions, Resizer};
use jpeg_encoder::{ColorType, Encoder};

use super::outputs::put;
use crate::decide::{AnomalyMask, Regions};
use crate::frame::Frame;
use crate::msg::{
    BoundingBox2D, Detection2D, HeaderRef, ObjectHypothesis, ObjectHypothesisWithPose, Point2D,
    Pose2D, PoseWithCovariance,
};
use crate::paint::Painter;
use crate::score::ScoreMap;

/// What a region is called in a detection.
const CLASS: &str = "anomaly";

/// Draws. Every function gives false where there is nothing to draw or it cannot be encoded.
#[derive(Default)]
pub(super) struct Drawing {
    painter: Painter,
    resizer: Resizer,
    small: Frame,
    painted: Vec<u8>,
    levels: Vec<u8>,
}

impl Drawing {
    /// A picture of one byte a pixel as PNG, over what `out` held.
    pub(super) fn png(&mut self, size: (usize, usize), pixels: &[u8], out: &mut Vec<u8>) -> bool {
        encode_png(size, pixels, out)
    }

    /// A score map as PNG: 0 known .. 255 unknown; no number is unknown.
    pub(super) fn scores(&mut self, map: &ScoreMap, out: &mut Vec<u8>) -> bool {
        self.levels.clear();
        self.levels.extend(map.values().iter().map(|&score| {
            let unknown = if score.is_nan() {
                1.0
            } else {
                score.clamp(0.0, 1.0)
            };
            (unknown * 255.0).round() as u8
        }));
        encode_png((map.width(), map.height()), &self.levels, out)
    }

    /// The frame with the anomalous area marked, as JPEG, over what `out` held.
    pub(super) fn overlay(
        &mut self,
        frame: &Frame,
        mask: &AnomalyMask,
        quality: u8,
        max_width: u32,
        out: &mut Vec<u8>,
    ) -> bool {
        let shown = if frame.width() > max_width {
            if !self.shrink(frame, max_width.max(1)) {
                return false;
            }
            &self.small
        } else {
            frame
        };
        let (Ok(width), Ok(height)) = (u16::try_from(shown.width()), u16::try_from(shown.height()))
        else {
            return false;
        };
        self.painter.overlay(shown, mask, &mut self.painted);
        out.clear();
        let encoder = Encoder::new(&mut *out, quality.clamp(1, 100));
        let encoded = encoder.encode(&self.painted, width, height, ColorType::Rgb);
        is_done("overlay", encoded)
    }

    /// The frame at `width` columns, in `small`.
    fn shrink(&mut self, frame: &Frame, width: u32) -> bool {
        let exact = u64::from(frame.height()) * u64::from(width);
        let columns = u64::from(frame.width()).max(1);
        let rows = (exact + columns / 2) / columns;
        let height = u32::try_from(rows).unwrap_or(u32::MAX).max(1);
        let resized = self
            .small
            .reset(width, height, frame.stamp())
            .map_err(|e| e.to_string())
            .and_then(|pixels| {
                let (columns, rows) = (frame.width(), frame.height());
                let from = ImageRef::new(columns, rows, frame.pixels(), PixelType::U8x3)
                    .map_err(|e| e.to_string())?;
                let mut to = Image::from_slice_u8(width, height, pixels, PixelType::U8x3)
                    .map_err(|e| e.to_string())?;
                let method = ResizeAlg::Convolution(FilterType::Bilinear);
                let options = ResizeOptions::new().resize_alg(method);
                self.resizer
                    .resize(&from, &mut to, &options)
                    .map_err(|e| e.to_string())
            });
        is_done("overlay", resized)
    }
}

fn encode_png((width, height): (usize, usize), pixels: &[u8], out: &mut Vec<u8>) -> bool {
    out.clear();
    let (Ok(width), Ok(height)) = (u32::try_from(width), u32::try_from(height)) else {
        return false;
    };
    let mut encoder = png::Encoder::new(&mut *out, width, height);
    encoder.set_color(png::ColorType::Grayscale);
    encoder.set_depth(png::BitDepth::Eight);
    encoder.set_compression(png::Compression::Fast);
    let encoded = encoder.write_header().and_then(|mut writer| {
        writer.write_image_data(pixels)?;
        writer.finish()
    });
    is_done("PNG", encoded)
}

fn is_done<E: std::fmt::Display>(what: &str, result: Result<(), E>) -> bool {
    if let Err(e) = &result {
        log::warn!("no {what}: {e}");
    }
    result.is_ok()
}

/// The regions as boxes in pixels of the camera's picture, over what `out` held. The score map
/// covers the whole picture. A box is from the outer edge of its first pixel to that of its last.
pub(super) fn boxes(
    header: HeaderRef<'_>,
    regions: &Regions,
    map: (usize, usize),
    picture: (u32, u32),
    out: &mut Vec<Detection2D>,
) -> bool {
    if map.0 == 0 || map.1 == 0 {
        return false;
    }
    let scale_x = f64::from(picture.0) / map.0 as f64;
    let scale_y = f64::from(picture.1) / map.1 as f64;
    out.resize_with(regions.largest().len(), Detection2D::default);
    for (detection, region) in out.iter_mut().zip(regions.largest()) {
        put(&mut detection.header, header);
        let bounds = region.bounding_box;
        let size_x = f64::from(bounds.width) * scale_x;
        let size_y = f64::from(bounds.height) * scale_y;
        let position = Point2D {
            x: f64::from(bounds.left) * scale_x + size_x / 2.0,
            y: f64::from(bounds.top) * scale_y + size_y / 2.0,
        };
        detection.bbox = BoundingBox2D {
            center: Pose2D {
                position,
                theta: 0.0,
            },
            size_x,
            size_y,
        };
        let score = f64::from(region.max_score);
        match detection.results.first_mut() {
            Some(result) => result.hypothesis.score = score,
            None => detection.results.push(ObjectHypothesisWithPose {
                hypothesis: ObjectHypothesis {
                    class_id: CLASS.to_owned(),
                    score,
                },
                pose: PoseWithCovariance::default(),
            }),
        }
    }
    true
}

#[cfg(test)]
#[path = "drawing_tests.rs"]
mod tests;
