use super::*;
use crate::decide::Calibration;
use crate::time::Stamp;

const SIZE: (u32, u32) = (640, 480);
const LANE_M: f64 = 3.4;

fn camera() -> Camera {
    let k = [520.0, 0.0, 322.0, 0.0, 520.0, 236.0, 0.0, 0.0, 1.0];
    Camera::new(&Calibration::new(SIZE, k, "plumb_bob", &[])).unwrap()
}

/// A picture of a flat road with lines so far to the right, 12 cm wide.
fn road(mount: Mount, lines: &[f64]) -> Frame {
    let ground = crate::decide::Ground::new(camera(), mount).unwrap();
    let mut pixels = Vec::new();
    for y in 0..SIZE.1 {
        for x in 0..SIZE.0 {
            let on = ground.point(f64::from(x), f64::from(y));
            let paint = on.is_some_and(|(ahead, right)| {
                ahead < 60.0 && lines.iter().any(|at| (right - at).abs() < 0.06)
            });
            pixels.extend([if paint { 210u8 } else { 90 }; 3]);
        }
    }
    Frame::from_rgb(Stamp::from_nanos(0), SIZE.0, SIZE.1, pixels).unwrap()
}

fn found(mounts: &[Mount], lines: &[f64], roll_deg: f64) -> Result<LaneMount, LanesError> {
    let mut markings = LaneMarkings::new(camera(), roll_deg);
    for mount in mounts {
        markings.add(&road(*mount, lines));
    }
    markings.mount(LANE_M)
}

#[test]
fn a_camera_is_found_as_it_sits() {
    for (height_m, pitch_deg, yaw_deg, roll_deg) in [
        (1.4, 2.0, 0.0, 0.0),
        (1.1, -1.5, 1.5, 0.0),
        (2.2, 4.0, -2.0, 2.0),
    ] {
        let mount = Mount {
            pitch_deg,
            yaw_deg,
            roll_deg,
            ..Mount::level(height_m)
        };
        let lines = [-1.6, LANE_M - 1.6, LANE_M * 2.0 - 1.6];
        let got = found(&[mount; 12], &lines, roll_deg).unwrap();
        let off = (got.mount.height_m / height_m - 1.0).abs();
        assert!(off < 0.02, "{got:?} for {mount:?}");
        assert!(
            (got.mount.pitch_deg - pitch_deg).abs() < 0.1,
            "{got:?} for {mount:?}"
        );
        assert!(
            (got.mount.yaw_deg - yaw_deg).abs() < 0.1,
            "{got:?} for {mount:?}"
        );
        assert!(got.residual_deg < 0.1 && got.frames == 12, "{got:?}");
    }
}

#[test]
fn a_nose_that_nods_is_the_uncertainty_of_the_pitch() {
    let nods: Vec<Mount> = (0..16)
        .map(|i| Mount {
            pitch_deg: 2.0 + if i % 2 == 0 { 0.1 } else { -0.1 },
            ..Mount::level(1.4)
        })
        .collect();
    let got = found(&nods, &[-1.6, LANE_M - 1.6], 0.0).unwrap();
    assert!((got.mount.pitch_deg - 2.0).abs() < 0.1, "{got:?}");
    assert!(
        (0.1..0.35).contains(&got.mount.pitch_uncertainty_deg),
        "{got:?}"
    );
}

#[test]
fn a_road_without_a_lane_is_refused_with_the_reason() {
    let mount = Mount {
        pitch_deg: 2.0,
        ..Mount::level(1.4)
    };
    let error = found(&[mount; 12], &[], 0.0).unwrap_err();
    assert!(
        matches!(error, LanesError::NoVanishingPoint { .. }),
        "{error}"
    );
    let error = found(&[mount; 3], &[-1.6, 1.8], 0.0).unwrap_err();
    assert!(error.to_string().contains("meet in one point"), "{error}");
    let error = found(&[mount; 12], &[1.2, 3.4], 0.0).unwrap_err();
    assert_eq!(error, LanesError::NoLane { frames: 0 });
}

#[test]
fn a_height_that_the_frames_do_not_agree_on_is_refused() {
    let mount = |height_m| Mount {
        pitch_deg: 2.0,
        ..Mount::level(height_m)
    };
    let lines = [-1.6, LANE_M - 1.6];
    let heights: Vec<Mount> = (0..16).map(|i| mount([1.2, 1.8][i % 2])).collect();
    let error = found(&heights, &lines, 0.0).unwrap_err();
    assert!(matches!(error, LanesError::Spread { .. }), "{error}");
    let heights: Vec<Mount> = (0..16).map(|i| mount([1.4, 1.5][i % 2])).collect();
    assert!(found(&heights, &lines, 0.0).is_ok());
}
