use super::*;
use crate::time::Stamp;

/// A picture of the colours that `of` gives for x and y.
fn picture(width: u32, height: u32, of: impl Fn(u32, u32) -> [u8; 3]) -> Frame {
    let pixels = (0..height).flat_map(|y| (0..width).map(move |x| (x, y)));
    let rgb = pixels.flat_map(|(x, y)| of(x, y)).collect();
    Frame::from_rgb(Stamp::default(), width, height, rgb).unwrap()
}

fn measure(frame: &Frame) -> Quality {
    QualityMeter::default().measure(frame)
}

/// Squares with edges as wide as `ramp` in a picture 480 wide.
fn squares(width: u32, ramp: f32) -> Frame {
    let scale = width as f32 / 480.0;
    let wave = |at: u32| {
        let phase = (at as f32 / scale).rem_euclid(80.0);
        let edge = |at: f32| ((phase - at) / ramp + 0.5).clamp(0.0, 1.0);
        edge(20.0) - edge(60.0)
    };
    picture(width, width * 3 / 4, |x, y| {
        let inside = wave(x) * wave(y);
        [40 + (160.0 * inside) as u8; 3]
    })
}

#[test]
fn the_fingerprint_sees_every_pixel_and_the_shape() {
    let base = picture(31, 17, |x, y| [x as u8, y as u8, 3]);
    let known = measure(&base).fingerprint;
    assert_eq!(measure(&base.clone()).fingerprint, known);
    for at in 0..base.pixels().len() {
        let mut changed = base.clone();
        changed.pixels_mut()[at] ^= 1;
        assert_ne!(measure(&changed).fingerprint, known, "byte {at}");
    }
    let (wide, tall) = (picture(4, 2, |_, _| [9; 3]), picture(2, 4, |_, _| [9; 3]));
    assert_ne!(measure(&wide).fingerprint, measure(&tall).fingerprint);
}

#[test]
fn a_meter_remembers_nothing() {
    let (large, small) = (squares(960, 1.0), squares(100, 1.0));
    let mut meter = QualityMeter::default();
    let first = meter.measure(&small);
    meter.measure(&large);
    assert_eq!(meter.measure(&small), first);
}

#[test]
fn one_bright_spot_in_fifty_is_enough_not_to_be_black() {
    let spots = |share| {
        picture(200, 100, move |x, y| {
            let lit = y < 50 && x / 10 < share;
            if lit { [200; 3] } else { [5; 3] }
        })
    };
    assert_eq!(measure(&spots(0)).bright, 5);
    assert_eq!(measure(&spots(1)).bright, 200);
}

#[test]
fn a_clipped_sky_is_no_over_exposure_and_a_clipped_road_is() {
    let clipped_below = |from: u32, to: u32| {
        measure(&picture(320, 240, move |_, y| {
            if (from..to).contains(&y) {
                [255, 60, 60]
            } else {
                [60; 3]
            }
        }))
        .clipped_ppm
    };
    assert_eq!(clipped_below(0, 120), 0, "sky alone");
    assert_eq!(clipped_below(120, 240), 0, "snow under a dark sky");
    assert_eq!(clipped_below(0, 150), 250_000);
    assert_eq!(clipped_below(0, 240), 1_000_000);
}

#[test]
fn edges_are_sharp_at_every_resolution_and_ramps_are_not() {
    for width in [480, 640, 1280, 1920] {
        let (sharp, soft) = (squares(width, 1.0), squares(width, 24.0));
        let sharp = measure(&sharp).sharpness.unwrap();
        let soft = measure(&soft).sharpness.unwrap();
        assert!(sharp > 400 && soft < 250, "{width} wide: {sharp}, {soft}");
    }
}

#[test]
fn without_contrast_there_is_no_sharpness_whatever_the_noise() {
    let flat = picture(480, 360, |x, y| {
        let noise = (x.wrapping_mul(2_654_435_761) ^ y.wrapping_mul(40_503)) >> 7;
        [120 + (noise % 5) as u8; 3]
    });
    assert_eq!(measure(&flat).sharpness, Some(0));
    assert_eq!(measure(&picture(64, 48, |_, _| [90; 3])).sharpness, Some(0));
}

#[test]
fn any_size_is_measured() {
    for (width, height) in [
        (1, 1),
        (2, 2),
        (1, 700),
        (700, 1),
        (9, 9),
        (161, 8),
        (159, 500),
    ] {
        let quality = measure(&picture(width, height, |x, y| {
            [((x * 37) ^ (y * 91)) as u8; 3]
        }));
        let small = width < 9 || height < 9;
        assert_eq!(quality.sharpness.is_none(), small, "{width} x {height}");
    }
    let empty = measure(&Frame::new());
    assert_eq!(
        (empty.bright, empty.clipped_ppm, empty.sharpness),
        (0, 0, None)
    );
    let white = measure(&picture(700, 1, |_, _| [255; 3]));
    assert_eq!((white.bright, white.clipped_ppm), (255, 1_000_000));
}
