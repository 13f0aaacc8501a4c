use super::*;
use proptest::prelude::*;

const K: [f64; 9] = [500.0, 0.0, 320.0, 0.0, 500.0, 240.0, 0.0, 0.0, 1.0];
const SIZE: (u32, u32) = (640, 480);

fn level() -> Ground {
    Ground::new(&K, SIZE, 1.5, 0.0).unwrap()
}

#[test]
fn known_rows_of_a_level_and_of_a_pitched_camera() {
    let pitched = |deg| Ground::new(&K, SIZE, 1.5, deg).unwrap();
    // tan(10°), tan(20°), by another way than the code's
    let (t10, t20) = (0.176_326_980_708_465, 0.363_970_234_266_202_4);
    let cases = [
        (level(), 240.0, None),
        (level(), 100.0, None),
        (level(), 315.0, Some(10.0)),
        (level(), 740.0, Some(1.5)),
        (level(), f64::NAN, None),
        (pitched(10.0), 240.0, Some(1.5 / t10)),
        (pitched(10.0), 240.0 + 500.0 * t10, Some(1.5 / t20)),
        (pitched(10.0), 240.0 - 500.0 * t10 - 0.01, None),
        (pitched(-10.0), 240.0, None),
        (pitched(-10.0), 240.0 + 500.0 * t20, Some(1.5 / t10)),
        // straight down and beyond
        (pitched(45.0), 740.0 + 1e-6, Some(0.0)),
        (pitched(45.0), 2000.0, Some(0.0)),
    ];
    for (ground, row, want) in cases {
        match (ground.distance(row), want) {
            (Some(got), Some(want)) => {
                assert!((got - want).abs() < 1e-8, "{row}: {got} for {want}");
            }
            (got, want) => assert_eq!(got, want, "{row} of {ground:?}"),
        }
    }
    let horizon = pitched(10.0).horizon();
    assert!((horizon - (240.0 - 500.0 * t10)).abs() < 1e-9, "{horizon}");
}

#[test]
fn g02_a_camera_that_cannot_be_is_refused_with_its_value() {
    let with = |index: usize, value: f64| {
        let mut k = K;
        k[index] = value;
        k
    };
    let cases: [(Result<Ground, GroundError>, &str); 13] = [
        (Ground::new(&[0.0; 9], SIZE, 1.5, 0.0), "fy is 0 px"),
        (
            Ground::new(&with(0, f64::NAN), SIZE, 1.5, 0.0),
            "K[0] is NaN",
        ),
        (
            Ground::new(&with(5, f64::INFINITY), SIZE, 1.5, 0.0),
            "K[5] is inf",
        ),
        (
            Ground::new(&with(4, -500.0), SIZE, 1.5, 0.0),
            "fy is -500 px",
        ),
        (
            Ground::new(&with(4, 1e7), SIZE, 1.5, 0.0),
            "fy is 10000000 px",
        ),
        (
            Ground::new(&with(5, -2e6), SIZE, 1.5, 0.0),
            "cy is -2000000 px",
        ),
        (
            Ground::new(&with(8, 0.0), SIZE, 1.5, 0.0),
            "last row is [0.0, 0.0, 0.0]",
        ),
        (Ground::new(&K, (0, 480), 1.5, 0.0), "a picture of 0x480"),
        (Ground::new(&K, SIZE, 0.0, 0.0), "height is 0 m"),
        (Ground::new(&K, SIZE, 10.1, 0.0), "height is 10.1 m"),
        (Ground::new(&K, SIZE, f64::NAN, 0.0), "height is NaN m"),
        (Ground::new(&K, SIZE, 1.5, 46.0), "pitch is 46 degrees"),
        (Ground::new(&K, SIZE, 1.5, f64::NAN), "pitch is NaN degrees"),
    ];
    for (result, words) in cases {
        let error = result.unwrap_err().to_string();
        assert!(error.contains(words), "{error} for {words}");
    }
    assert_eq!(level().check_image(640, 480), Ok(()));
    let error = level().check_image(320, 240).unwrap_err().to_string();
    assert_eq!(error, "camera info is of 640x480, the picture is 320x240");
}

#[test]
fn distances_that_are_none_have_no_row() {
    for distance in [-0.1, f64::NAN, f64::INFINITY, f64::NEG_INFINITY] {
        assert_eq!(level().row(distance), None, "{distance}");
    }
    let up = Ground::new(&K, SIZE, 1.5, -45.0).unwrap();
    assert_eq!(up.row(1.0), None, "behind the picture's plane");
    assert!(up.row(2.0).is_some());
}

prop_compose! {
    fn grounds()(
        fy in 1f64..1e6,
        cy in -1e6f64..1e6,
        height in 0.001f64..=10.0,
        pitch in -45f64..=45.0,
    ) -> Ground {
        let k = [fy, 0.0, 0.0, 0.0, fy, cy, 0.0, 0.0, 1.0];
        Ground::new(&k, SIZE, height, pitch).unwrap()
    }
}

prop_compose! {
    /// Cameras as they are built.
    fn usual()(
        fy in 100f64..5000.0,
        cy in 0f64..2000.0,
        height in 0.3f64..=4.0,
        pitch in -15f64..=30.0,
    ) -> Ground {
        let k = [fy, 0.0, 0.0, 0.0, fy, cy, 0.0, 0.0, 1.0];
        Ground::new(&k, SIZE, height, pitch).unwrap()
    }
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..Default::default() })]

    #[test]
    fn row_and_distance_are_inverse(ground in usual(), distance in 1f64..500.0) {
        if let Some(row) = ground.row(distance) {
            let back = ground.distance(row).unwrap();
            prop_assert!((back / distance - 1.0).abs() < 1e-6, "{} for {}", back, distance);
        }
    }

    #[test]
    fn a_row_further_down_sees_nearer_ground(
        ground in grounds(), row in -1e7f64..1e7, down in 0f64..1e6,
    ) {
        let (upper, lower) = (ground.distance(row), ground.distance(row + down));
        prop_assert!(row > ground.horizon() - 1.0 || upper.is_none());
        if let Some(upper) = upper {
            let lower = lower.unwrap();
            prop_assert!(lower <= upper * (1.0 + 1e-9), "{} under {}", lower, upper);
        }
    }

    #[test]
    fn nearer_ground_lies_further_down(
        ground in usual(), near in 0f64..1000.0, more in 0.001f64..1000.0,
    ) {
        if let Some(row) = ground.row(near) {
            let further = ground.row(near + more).unwrap();
            prop_assert!(further < row, "{} not above {}", further, row);
            prop_assert!(further > ground.horizon());
        }
    }

    #[test]
    fn never_nan_never_negative(ground in grounds(), row in prop::num::f64::ANY, metres in prop::num::f64::ANY) {
        if let Some(distance) = ground.distance(row) {
            prop_assert!(distance.is_finite() && distance >= 0.0, "{}", distance);
            prop_assert!(!(distance as f32).is_nan());
        }
        if let Some(row) = ground.row(metres) {
            prop_assert!(row.is_finite(), "{}", row);
        }
    }

    #[test]
    fn any_camera_is_taken_or_refused(
        k in prop::array::uniform9(prop::num::f64::ANY),
        size in any::<(u32, u32)>(),
        height in prop::num::f64::ANY,
        pitch in prop::num::f64::ANY,
        row in prop::num::f64::ANY,
    ) {
        let mut pinhole = k;
        pinhole[6..].copy_from_slice(&[0.0, 0.0, 1.0]);
        for k in [k, pinhole] {
            if let Ok(ground) = Ground::new(&k, size, height, pitch) {
                prop_assert!(ground.distance(row).is_none_or(f64::is_finite));
            }
        }
    }
}
