//! As much to decide as there can be: sixteen things that stand on the way, and specks in the sky, as many as
//! regions are kept besides. For the test of allocations and the bench.

use lookout::decide::{
    Band, Calibration, Camera, Ground, MAX_REGIONS, MAX_TRACKS, Mount, StopLevel,
};

/// Columns and rows of the score map.
pub(crate) const MAP: (usize, usize) = (120, 88);
/// Columns and rows of the picture.
pub(crate) const PICTURE: (u32, u32) = (480, 352);
/// Of the vehicle in metres: the things stand up to 4 m beside the middle of its way.
pub(crate) const WIDTH_M: f64 = 10.0;
/// Scores over this are anomalous.
pub(crate) const THRESHOLD: f32 = 0.5;

/// The head's logits, which are over 0 where something is.
pub(crate) fn observer() -> Vec<f32> {
    const SIZE: (usize, usize) = (6, 5);
    let mut logits = vec![-6.0; MAP.0 * MAP.1];
    let mut regions = 0;
    let mut mark = |left: usize, top: usize, (width, height): (usize, usize)| {
        for row in top..top + height {
            logits[row * MAP.0 + left..][..width].fill(6.0);
        }
        regions += 1;
    };
    // from 17 to 4 m away; the horizon is at row 44
    for top in [47, 55, 63, 75] {
        for left in [38, 50, 64, 76] {
            mark(left, top, SIZE);
        }
    }
    for top in (2..26).step_by(4) {
        for left in (4..116).step_by(14) {
            mark(left, top, (3, 1));
        }
    }
    assert_eq!(regions, MAX_REGIONS);
    logits
}

/// Of a camera 1.4 m high that looks straight ahead.
pub(crate) fn ground() -> Ground {
    let k = [400.0, 0.0, 240.0, 0.0, 400.0, 176.0, 0.0, 0.0, 1.0];
    let camera = Camera::new(&Calibration::new(PICTURE, k, "plumb_bob", &[])).unwrap();
    Ground::new(camera, Mount::level(1.4)).unwrap()
}

/// A level that is not reached: every thing goes on to gather evidence, a little in each frame.
pub(crate) fn level() -> StopLevel {
    StopLevel {
        level: 15.0,
        most_a_frame: 0.5,
        allowance: 0.5,
        min_region_ppm: 280,
        bands: vec![Band::new(90.0, vec![0.0; 99])],
    }
}

/// That there is as much to decide as there can be.
pub(crate) fn assert_sixteen(regions: usize, tracks: usize) {
    assert_eq!((regions, tracks), (MAX_REGIONS, MAX_TRACKS));
}
