use super::*;
use proptest::prelude::*;

const K: [f64; 9] = [500.0, 0.0, 320.0, 0.0, 510.0, 240.0, 0.0, 0.0, 1.0];

fn calibration(model: &str, d: &[f64]) -> Calibration {
    Calibration::new((640, 480), K, model, d)
}

fn camera(model: &str, d: &[f64]) -> Camera {
    Camera::new(&calibration(model, d)).unwrap()
}

#[test]
fn a_lens_without_distortion_is_a_pinhole() {
    for (model, d) in [
        ("", &[][..]),
        ("plumb_bob", &[]),
        ("plumb_bob", &[0.0; 5]),
        ("rational_polynomial", &[0.0; 14]),
    ] {
        let ray = camera(model, d).ray(370.0, 138.0).unwrap();
        assert_eq!(ray, [0.1, -0.2, 1.0], "{model} {d:?}");
    }
    let fisheye = camera("equidistant", &[0.0; 4]);
    let [x, y, z] = fisheye.ray(370.0, 240.0).unwrap();
    assert_eq!(y, 0.0);
    assert!((x.atan2(z) - 0.1).abs() < 1e-12, "the angle is the radius");
}

#[test]
fn what_the_model_does_not_cover_has_no_ray() {
    // r (1 - 0.4 r²) is largest at r = 0.913, where it is 0.608: 304 pixels
    let barrel = camera("plumb_bob", &[-0.4, 0.0, 0.0, 0.0]);
    let [x, _, _] = barrel.ray(320.0 + 300.0, 240.0).unwrap();
    assert!(
        (500.0 * x * (1.0 - 0.4 * x * x) - 300.0).abs() < 1e-6 && x < 0.913,
        "{x}"
    );
    assert_eq!(barrel.ray(320.0 + 306.0, 240.0), None);
    assert_eq!(barrel.ray(320.0 + 5000.0, 240.0), None);
    // an angle of 1 and more has no radius of its own
    let fisheye = camera("equidistant", &[-1.0 / 3.0, 0.0, 0.0, 0.0]);
    assert!(fisheye.ray(320.0 + 500.0 * 0.66, 240.0).is_some());
    assert_eq!(fisheye.ray(320.0 + 500.0 * 0.68, 240.0), None);
    for camera in [barrel, fisheye] {
        for wrong in [f64::NAN, f64::INFINITY, f64::NEG_INFINITY, 1e300] {
            assert_eq!(camera.ray(wrong, 0.0), None, "{camera:?} {wrong}");
        }
    }
}

#[test]
fn joined_pixels_and_windows_look_where_those_of_the_whole_picture_do() {
    let d = [-0.2, 0.05, 0.001, -0.001, 0.0];
    let whole = camera("plumb_bob", &d);
    let given = Calibration {
        binning: (2, 4),
        offset: (100, 40),
        window: (400, 0),
        ..calibration("plumb_bob", &d)
    };
    let part = Camera::new(&given).unwrap();
    assert_eq!(part.image_size(), (200, 110));
    let shown = given.as_shown().unwrap();
    assert_eq!((shown.size, shown.binning), ((200, 110), (0, 0)));
    assert_eq!(Camera::new(&shown), Ok(part), "without binning and window");
    // the middle of 2 x 4 pixels
    let (u, v) = (100.0 + 2.0 * 7.0 + 0.5, 40.0 + 4.0 * 9.0 + 1.5);
    let (got, want) = (part.ray(7.0, 9.0).unwrap(), whole.ray(u, v).unwrap());
    for (got, want) in got.iter().zip(want) {
        assert!((got - want).abs() < 1e-9, "{got} for {want}");
    }
}

#[test]
fn g02_a_calibration_that_cannot_be_is_refused_with_its_value() {
    let k = |index: usize, value: f64| {
        let mut calibration = calibration("plumb_bob", &[]);
        calibration.k[index] = value;
        calibration
    };
    let window = |offset, window| Calibration {
        offset,
        window,
        ..calibration("", &[])
    };
    let cases = [
        (Calibration::default(), "fy is 0 px"),
        (k(0, f64::NAN), "K[0] is NaN"),
        (k(5, f64::INFINITY), "K[5] is inf"),
        (k(4, -500.0), "fy is -500 px"),
        (k(0, 1e7), "fx is 10000000 px"),
        (k(5, -2e6), "cy is -2000000 px"),
        (k(1, 0.5), "K[1] is 0.5, not 0"),
        (k(8, 0.0), "K[8] is 0, not 1"),
        (Calibration::new((0, 480), K, "", &[]), "are no part of 0"),
        (window((600, 0), (41, 480)), "41 pixels from 600 on"),
        (window((640, 0), (0, 0)), "are no part of 640"),
        (calibration("thin_prism", &[]), "model is \"thin_prism\""),
        (calibration("", &[0.1]), "\"\" does not go with 1"),
        (calibration("plumb_bob", &[0.1; 3]), "does not go with 3"),
        (calibration("plumb_bob", &[0.1; 8]), "does not go with 8"),
        (calibration("equidistant", &[0.0; 3]), "does not go with 3"),
        (
            calibration("rational_polynomial", &[0.0; 15]),
            "does not go with 15",
        ),
        (calibration("plumb_bob", &[f64::NAN; 5]), "D[0] is NaN"),
    ];
    for (calibration, words) in cases {
        let error = Camera::new(&calibration).unwrap_err().to_string();
        assert!(error.contains(words), "{error} for {words}");
    }
}

#[test]
fn a_calibration_equals_itself_whatever_it_holds() {
    let mut odd = calibration("plumb_bob", &[f64::NAN, 0.1]);
    assert!(odd.is_same(&odd.clone()));
    let other = calibration("plumb_bob", &[f64::NAN, 0.2]);
    assert!(!odd.is_same(&other));
    odd.k[0] = f64::NAN;
    assert!(odd.is_same(&odd.clone()) && !odd.is_same(&calibration("plumb_bob", &[f64::NAN, 0.1])));
}

fn models() -> impl Strategy<Value = &'static str> {
    prop::sample::select(vec![
        "",
        "plumb_bob",
        "rational_polynomial",
        "equidistant",
        "?",
    ])
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..Default::default() })]

    #[test]
    fn any_calibration_is_taken_or_refused_and_any_ray_is_finite(
        mut k in prop::array::uniform9(prop::num::f64::ANY),
        size in any::<(u32, u32)>(),
        model in models(),
        d in prop::collection::vec(prop::num::f64::ANY, 0..16),
        (binning, offset, window) in any::<((u32, u32), (u32, u32), (u32, u32))>(),
        (u, v) in (prop::num::f64::ANY, prop::num::f64::ANY),
        pinhole in any::<bool>(),
    ) {
        if pinhole {
            k = [k[0], 0.0, k[2], 0.0, k[4], k[5], 0.0, 0.0, 1.0];
        }
        let whole = Calibration::new(size, k, model, &d);
        let part = Calibration { binning, offset, window, ..whole.clone() };
        for calibration in [whole, part] {
            if let Ok(camera) = Camera::new(&calibration) {
                let ray = camera.ray(u, v);
                prop_assert!(ray.is_none_or(|ray| ray.iter().all(|n| n.is_finite())), "{:?}", ray);
            }
        }
    }

    #[test]
    fn a_ray_comes_back_to_its_pixel_or_is_none(
        d in prop::collection::vec(-2f64..2.0, 8),
        used in prop::sample::select(vec![4usize, 5, 8]),
        u in -100f64..740.0,
        v in -100f64..580.0,
    ) {
        let model = if used == 8 { "rational_polynomial" } else { "plumb_bob" };
        let mut d = d;
        // decentred lenses are off by little
        d[2] *= 0.01;
        d[3] *= 0.01;
        d.truncate(used);
        let at = |i: usize| d.get(i).copied().unwrap_or(0.0);
        if let Some([x, y, z]) = camera(model, &d).ray(u, v) {
            prop_assert_eq!(z, 1.0);
            let r = x.hypot(y);
            let above = 1.0 + at(0) * r.powi(2) + at(1) * r.powi(4) + at(4) * r.powi(6);
            let below = 1.0 + at(5) * r.powi(2) + at(6) * r.powi(4) + at(7) * r.powi(6);
            let bent_x = x * above / below + 2.0 * at(2) * x * y + at(3) * (r * r + 2.0 * x * x);
            let bent_y = y * above / below + at(2) * (r * r + 2.0 * y * y) + 2.0 * at(3) * x * y;
            let off = (500.0 * bent_x + 320.0 - u).hypot(510.0 * bent_y + 240.0 - v);
            prop_assert!(off < 1e-5, "{} px off", off);
        }
    }
}
