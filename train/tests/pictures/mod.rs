//! Pictures to train on.

use std::fs;
use std::path::Path;

use image::{GrayImage, Luma, Rgb, RgbImage, Rgba, RgbaImage};

const SIDE: u32 = 64;

/// A folder in CamVid's arrangement, eight pictures in each split, five classes, void, and a label
/// that means one of two classes.
pub(crate) fn write_pictures(root: &Path) {
    for (split, shift) in [("train", 0), ("val", 5)] {
        let (images, labels) = (
            root.join(split).join("images"),
            root.join(split).join("labels"),
        );
        fs::create_dir_all(&images).unwrap();
        fs::create_dir_all(&labels).unwrap();
        for k in 0..8u32 {
            let class = |x: u32, y: u32| ((x / 16 + y / 16 * 2 + k + shift) % 6) as u8;
            let rgb = RgbImage::from_fn(SIDE, SIDE, |x, y| {
                let (c, grain) = (class(x, y), ((x * 7 + y * 13 + k * 29) % 32) as u8);
                Rgb([40 * c + grain, 220 - 30 * c, 60 + grain])
            });
            let label = GrayImage::from_fn(SIDE, SIDE, |x, y| match class(x, y) {
                5 => Luma([if y < SIDE / 2 { 11 } else { 15 }]),
                c => Luma([c]),
            });
            rgb.save(images.join(format!("{k:04}.webp"))).unwrap();
            label.save(labels.join(format!("{k:04}.png"))).unwrap();
        }
    }
}

/// One round object for training and one held out.
pub(crate) fn write_cutouts(folder: &Path) {
    fs::create_dir_all(folder).unwrap();
    for (name, colour) in [("bowl_1_1", [230, 60, 20]), ("zebra_1_1", [20, 20, 200])] {
        let object = RgbaImage::from_fn(40, 40, |x, y| {
            let (dx, dy) = (i64::from(x) - 20, i64::from(y) - 20);
            let [r, g, b] = colour;
            let alpha = if dx * dx + dy * dy < 350 { 255 } else { 0 };
            Rgba([r, g, b, alpha])
        });
        object.save(folder.join(format!("{name}.webp"))).unwrap();
    }
}
