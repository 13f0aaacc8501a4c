use image::GenericImageView;

use super::*;
use crate::decide::{RegionFinder, Trapezoid};
use crate::msg::Time;
use crate::time::Stamp;

fn header() -> HeaderRef<'static> {
    HeaderRef {
        stamp: Time { sec: 1, nanosec: 2 },
        frame_id: "camera",
    }
}

fn frame(width: u32, height: u32) -> Frame {
    let pixels = vec![100; (width * height * 3) as usize];
    Frame::from_rgb(Stamp::default(), width, height, pixels).unwrap()
}

#[test]
fn masks_and_scores_come_back_from_the_png() {
    let mask = AnomalyMask::from_pixels(3, 2, vec![0, 1, 0, 1, 1, 0]).unwrap();
    let (mut drawing, mut out) = (Drawing::default(), vec![9; 5]);
    assert!(drawing.png((3, 2), mask.pixels(), &mut out));
    let read = image::load_from_memory(&out).unwrap();
    assert_eq!(read.color(), image::ColorType::L8);
    assert_eq!(
        (read.dimensions(), read.as_bytes()),
        ((3, 2), mask.pixels())
    );

    let values = vec![0.0, 0.5, 1.0, f32::NAN, -3.0, 7.0];
    let map = ScoreMap::from_values(3, 2, values).unwrap();
    assert!(drawing.scores(&map, &mut out));
    let read = image::load_from_memory(&out).unwrap();
    assert_eq!(read.as_bytes(), [0, 128, 255, 255, 0, 255]);
    assert!(!drawing.png((0, 0), &[], &mut out), "an empty picture");
    assert!(!drawing.png((3, 2), &[0; 5], &mut out), "a pixel too few");
}

#[test]
fn an_overlay_is_scaled_down_but_never_up() {
    let mask = AnomalyMask::from_pixels(4, 4, vec![1; 16]).unwrap();
    let (mut drawing, mut out) = (Drawing::default(), Vec::new());
    for (size, max_width, shown) in [
        ((200, 100), 640, (200, 100)),
        ((1280, 720), 640, (640, 360)),
        ((1001, 3), 64, (64, 1)),
        ((101, 67), 50, (50, 33)),
    ] {
        let frame = frame(size.0, size.1);
        assert!(drawing.overlay(&frame, &mask, 80, max_width, &mut out));
        let read = image::load_from_memory(&out).unwrap();
        assert_eq!(read.dimensions(), shown);
        // the mask covers all of it
        let [r, g, b] = read.to_rgb8().get_pixel(shown.0 / 2, shown.1 / 2).0;
        assert!(r > g && b > g, "{r} {g} {b}");
    }
    let none = Frame::new();
    assert!(
        !drawing.overlay(&none, &mask, 80, 64, &mut out),
        "an empty frame"
    );
}

#[test]
fn regions_are_in_pixels_of_the_camera() {
    let mut pixels = vec![0; 12 * 8];
    for (x, y) in [(2, 1), (3, 1), (2, 2), (3, 2), (2, 3), (3, 3)] {
        pixels[y * 12 + x] = 1;
    }
    pixels[7 * 12 + 11] = 1;
    let values = pixels.iter().map(|&p| f32::from(p) * 0.75).collect();
    let map = ScoreMap::from_values(12, 8, values).unwrap();
    let mask = AnomalyMask::from_pixels(12, 8, pixels).unwrap();
    let corridor = Trapezoid::new((0.1, 0.4, 0.6), (1.0, 0.0, 1.0)).unwrap();
    let mut regions = Regions::default();
    RegionFinder::default()
        .find(&mask, &map, &corridor, &mut regions)
        .unwrap();

    // a longer list before
    let mut out = vec![Detection2D::default(); 5];
    assert!(boxes(header(), &regions, (12, 8), (1200, 400), &mut out));
    assert_eq!(out.len(), 2);
    let first = &out[0];
    assert_eq!(
        (first.header.frame_id.as_str(), first.results.len()),
        ("camera", 1)
    );
    assert_eq!(first.results[0].hypothesis.class_id, "anomaly");
    assert!((first.results[0].hypothesis.score - 0.75).abs() < 1e-6);
    let position = first.bbox.center.position;
    assert_eq!((position.x, position.y), (300.0, 125.0));
    assert_eq!((first.bbox.size_x, first.bbox.size_y), (200.0, 150.0));
    let last = out[1].bbox.center.position;
    assert_eq!((last.x, last.y), (1150.0, 375.0));
    assert!(!boxes(header(), &regions, (0, 8), (1, 1), &mut out));
}
