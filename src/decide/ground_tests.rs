use super::*;
use crate::decide::Calibration;
use proptest::prelude::*;

const SIZE: (u32, u32) = (1280, 800);

/// A lens of each kind, written down once more: how it makes a picture, not how it is undone.
#[derive(Clone, Copy, Debug)]
pub(in crate::decide) enum Kind {
    PlumbBob,
    Rational,
    Equidistant,
}

pub(in crate::decide) const KINDS: [Kind; 3] = [Kind::PlumbBob, Kind::Rational, Kind::Equidistant];
const FOCAL: (f64, f64) = (700.0, 704.0);
const CENTRE: (f64, f64) = (633.0, 391.0);

impl Kind {
    fn coefficients(self) -> (&'static str, &'static [f64]) {
        match self {
            Self::PlumbBob => ("plumb_bob", &[-0.28, 0.07, 0.0006, -0.0009, -0.01]),
            Self::Rational => (
                "rational_polynomial",
                &[1.9, 0.8, -0.0003, 0.0002, 0.03, 2.2, 1.2, 0.1],
            ),
            Self::Equidistant => ("equidistant", &[-0.02, 0.005, -0.001, 0.0002]),
        }
    }

    pub(in crate::decide) fn camera(self) -> Camera {
        let (model, d) = self.coefficients();
        let (fx, fy) = FOCAL;
        let k = [fx, 0.0, CENTRE.0, 0.0, fy, CENTRE.1, 0.0, 0.0, 1.0];
        Camera::new(&Calibration::new(SIZE, k, model, d)).unwrap()
    }

    /// The pixel of a point in front of the camera, given right, down, forward of it.
    fn project(self, [x, y, z]: [f64; 3]) -> (f64, f64) {
        let (_, d) = self.coefficients();
        let (a, b) = (x / z, y / z);
        let r = a.hypot(b);
        let (a, b) = match self {
            Self::Equidistant => {
                let t = r.atan();
                let bent =
                    d[0] * t.powi(3) + d[1] * t.powi(5) + d[2] * t.powi(7) + d[3] * t.powi(9);
                ((t + bent) * a / r, (t + bent) * b / r)
            }
            _ => {
                let at = |i: usize| d.get(i).copied().unwrap_or(0.0);
                let sum =
                    |k: [f64; 3]| 1.0 + k[0] * r.powi(2) + k[1] * r.powi(4) + k[2] * r.powi(6);
                let radial = sum([d[0], d[1], d[4]]) / sum([at(5), at(6), at(7)]);
                (
                    a * radial + 2.0 * d[2] * a * b + d[3] * (r * r + 2.0 * a * a),
                    b * radial + d[2] * (r * r + 2.0 * b * b) + 2.0 * d[3] * a * b,
                )
            }
        };
        (FOCAL.0 * a + CENTRE.0, FOCAL.1 * b + CENTRE.1)
    }

    /// The pixel of a point `ahead` and to the `right` of the camera, `up` above the ground.
    ///
    /// With the axes of REP 103 (forward, left, up) and matrices: the code turns rays the other way round.
    pub(in crate::decide) fn pixel(
        self,
        mount: &Mount,
        ahead: f64,
        right: f64,
        up: f64,
    ) -> (f64, f64) {
        let (p, r) = (mount.pitch_deg.to_radians(), mount.roll_deg.to_radians());
        // the vehicle's point in axes that are turned about z, clockwise seen from above
        let y = mount.yaw_deg.to_radians();
        let point = [
            ahead * y.cos() + right * y.sin(),
            ahead * y.sin() - right * y.cos(),
            up - mount.height_m,
        ];
        // about y by the pitch, then about x by the roll; the camera's own axes are the columns
        let forward = [p.cos(), 0.0, -p.sin()];
        let left = [p.sin() * r.sin(), r.cos(), p.cos() * r.sin()];
        let above = [p.sin() * r.cos(), -r.sin(), p.cos() * r.cos()];
        let along = |axis: [f64; 3]| axis.iter().zip(point).map(|(a, b)| a * b).sum::<f64>();
        self.project([-along(left), -along(above), along(forward)])
    }
}

fn ground(kind: Kind, mount: Mount) -> Ground {
    Ground::new(kind.camera(), mount).unwrap()
}

#[test]
fn g13_a_thing_at_a_known_place_is_measured_within_two_percent() {
    for kind in KINDS {
        let tilts = [
            (0.0, 0.0, 0.0),
            (5.0, 0.0, -3.0),
            (-2.0, 3.0, 6.0),
            (8.0, -4.0, 0.0),
        ];
        for (pitch_deg, roll_deg, yaw_deg) in tilts {
            let mount = Mount {
                pitch_deg,
                roll_deg,
                yaw_deg,
                ..Mount::level(1.5)
            };
            let ground = ground(kind, mount);
            for ahead in [4.0, 10.0, 31.0, 80.0] {
                for right in [-0.3 * ahead, 0.4, 0.5 * ahead] {
                    let (u, v) = kind.pixel(&mount, ahead, right, 0.0);
                    let (got, beside) = ground.point(u, v).unwrap();
                    let off = (got / ahead - 1.0)
                        .abs()
                        .max((beside - right).abs() / ahead);
                    assert!(
                        off < 0.02,
                        "{kind:?} {mount:?}: {got} {beside} for {ahead} {right}"
                    );
                    assert!(off < 1e-6, "on flat ground nothing but rounding: {off}");
                }
            }
        }
    }
}

#[test]
fn the_horizon_and_the_sky_are_no_ground() {
    for kind in KINDS {
        for roll_deg in [0.0, 6.0] {
            let mount = Mount {
                pitch_deg: 3.0,
                roll_deg,
                ..Mount::level(1.5)
            };
            let ground = ground(kind, mount);
            for right in [-20.0, 0.0, 30.0] {
                // as high as the camera, far away: the horizon; a little over and under it
                let (u, v) = kind.pixel(&mount, 100.0, right, 1.5);
                assert_eq!(ground.point(u, v - 0.01), None, "{kind:?} {right}");
                assert!(ground.point(u, v + 0.01).is_some(), "{kind:?} {right}");
                let (u, v) = kind.pixel(&mount, 50.0, right, 9.0);
                assert_eq!(ground.point(u, v), None, "{kind:?} {right}");
            }
        }
    }
}

#[test]
fn g02_a_mount_that_cannot_be_is_refused_with_its_value() {
    let level = Mount::level(1.5);
    let cases = [
        (Mount::level(0.0), "height is 0 m"),
        (Mount::level(10.1), "height is 10.1 m"),
        (Mount::level(f64::NAN), "height is NaN m"),
        (
            Mount {
                pitch_deg: 46.0,
                ..level
            },
            "pitch is 46 degrees",
        ),
        (
            Mount {
                pitch_deg: f64::NAN,
                ..level
            },
            "pitch is NaN degrees",
        ),
        (
            Mount {
                roll_deg: -50.0,
                ..level
            },
            "roll is -50 degrees",
        ),
        (
            Mount {
                yaw_deg: 50.0,
                ..level
            },
            "yaw is 50 degrees",
        ),
        (
            Mount {
                pitch_uncertainty_deg: -0.1,
                ..level
            },
            "uncertainty of the pitch is -0.1 degrees",
        ),
    ];
    let camera = Kind::PlumbBob.camera();
    for (mount, words) in cases {
        let error = Ground::new(camera, mount).unwrap_err().to_string();
        assert!(error.contains(words), "{error} for {words}");
    }
    let ground = Ground::new(camera, level).unwrap();
    assert_eq!(ground.check_image(1280, 800), Ok(()));
    let error = ground.check_image(320, 240).unwrap_err().to_string();
    assert_eq!(error, "camera info is of 1280x800, the picture is 320x240");
}

/// A pinhole camera of 640x480 with so many pixels of focal length, so high and pitched.
fn pinhole(focal: f64, centre_x: f64, height_m: f64, pitch_deg: f64) -> Ground {
    let k = [focal, 0.0, centre_x, 0.0, focal, 239.5, 0.0, 0.0, 1.0];
    let camera = Camera::new(&Calibration::new((640, 480), k, "", &[])).unwrap();
    let mount = Mount {
        pitch_deg,
        ..Mount::level(height_m)
    };
    Ground::new(camera, mount).unwrap()
}

#[test]
fn g20_a_camera_that_sees_hardly_any_of_the_way_is_told_from_one_that_does() {
    let sees = |focal, centre_x, height_m, pitch_deg| {
        let ground = pinhole(focal, centre_x, height_m, pitch_deg);
        ground.check_way(2.5)
    };
    for pitch_deg in [-10.0, 0.0, 2.0, 20.0, 45.0] {
        assert_eq!(sees(500.0, 319.5, 1.5, pitch_deg), Ok(()), "{pitch_deg}");
    }
    assert_eq!(sees(4000.0, 319.5, 1.5, 5.0), Ok(()), "a long lens");
    assert_eq!(sees(500.0, 319.5, 10.0, 20.0), Ok(()), "a high mast");
    for (focal, centre_x, height_m, pitch_deg) in [
        (500.0, 319.5, 1.5, -20.0),
        (500.0, 319.5, 1.5, -45.0),
        (700.0, 319.5, 1.5, -20.0),
        (500.0, -50_000.0, 1.5, 0.0),
        (500.0, 50_000.0, 1.5, 0.0),
        (500.0, 319.5, 0.0001, 0.0),
        (1.0, 319.5, 1.5, 0.0),
        (1e6, 319.5, 1.5, 0.0),
        // sees the way from 62 m on: what stands nearer would count as so far away
        (10_000.0, 319.5, 1.5, 0.0),
    ] {
        let error = sees(focal, centre_x, height_m, pitch_deg).unwrap_err();
        let words = error.to_string();
        assert!(matches!(error, GroundError::NoWay { .. }), "{words}");
        assert!(words.contains("nose down positive"), "{words}");
    }
    // a small robot, also one that looks up or down
    for pitch_deg in [-10.0, 0.0, 20.0, 25.0] {
        let ground = pinhole(500.0, 319.5, 0.3, pitch_deg);
        assert_eq!(ground.check_way(0.9), Ok(()), "{pitch_deg}");
    }
}

#[test]
fn g20_a_wide_lens_near_the_ground_is_taken_and_one_that_looks_at_the_sky_is_not() {
    for (model, focal) in [
        ("", 200.0),
        ("", 250.0),
        ("equidistant", 150.0),
        ("equidistant", 200.0),
    ] {
        let k = [focal, 0.0, 319.5, 0.0, focal, 239.5, 0.0, 0.0, 1.0];
        let camera = Camera::new(&Calibration::new((640, 480), k, model, &[])).unwrap();
        let seen = |height_m, pitch_deg| {
            let mount = Mount {
                pitch_deg,
                ..Mount::level(height_m)
            };
            Ground::new(camera, mount).unwrap().check_way(0.6)
        };
        for height_m in [0.1, 0.2, 0.3] {
            for pitch_deg in [-15.0, -5.0, 0.0, 5.0, 10.0, 20.0, 30.0] {
                assert_eq!(
                    seen(height_m, pitch_deg),
                    Ok(()),
                    "{model} {focal} {height_m} {pitch_deg}"
                );
            }
        }
    }
    // a usual lens so low, with the wrong sign: it sees the way, and ground in an eighth of its picture
    let up = pinhole(500.0, 319.5, 0.1, -20.0)
        .check_way(0.6)
        .unwrap_err();
    assert!(matches!(up, GroundError::NoWay { seen: 4.., .. }), "{up}");
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..Default::default() })]

    #[test]
    fn any_mount_is_taken_or_refused_and_no_place_is_nan_or_behind(
        kind in prop::sample::select(KINDS.to_vec()),
        numbers in prop::array::uniform5(prop::num::f64::ANY),
        usual in (0.001f64..=10.0, -45f64..=45.0, -45f64..=45.0, -45f64..=45.0, 0f64..=5.0),
        (u, v) in (prop::num::f64::ANY, prop::num::f64::ANY),
        (column, row) in (-10f64..1300.0, -10f64..900.0),
    ) {
        let mount = |height_m, pitch_deg, roll_deg, yaw_deg, pitch_uncertainty_deg| Mount {
            height_m,
            pitch_deg,
            roll_deg,
            yaw_deg,
            pitch_uncertainty_deg,
        };
        let [a, b, c, d, e] = numbers;
        let (height, pitch, roll, yaw, uncertain) = usual;
        for mount in [mount(a, b, c, d, e), mount(height, pitch, roll, yaw, uncertain)] {
            let Ok(ground) = Ground::new(kind.camera(), mount) else {
                continue;
            };
            for (u, v) in [(u, v), (column, row)] {
                if let Some((ahead, right)) = ground.point(u, v) {
                    prop_assert!(ahead.is_finite() && ahead >= 0.0 && right.is_finite());
                }
            }
        }
    }

    #[test]
    fn nearer_ground_lies_further_down(
        fy in 100f64..5000.0,
        height in 0.3f64..=4.0,
        pitch_deg in -15f64..=30.0,
        row in 0f64..800.0,
        down in 0f64..800.0,
    ) {
        let k = [fy, 0.0, 640.0, 0.0, fy, 400.0, 0.0, 0.0, 1.0];
        let camera = Camera::new(&Calibration::new(SIZE, k, "", &[])).unwrap();
        let mount = Mount { pitch_deg, ..Mount::level(height) };
        let ground = Ground::new(camera, mount).unwrap();
        let at = |row| ground.point(640.0, row).map(|(ahead, _)| ahead);
        if let Some(upper) = at(row) {
            let lower = at(row + down).unwrap();
            prop_assert!(lower <= upper * (1.0 + 1e-9), "{} under {}", lower, upper);
        }
    }
}
