//! Which cameras, pictures and sizes a corridor has a ground for.

use super::*;

#[test]
fn g03_a_picture_of_another_size_has_no_ground() {
    let mut corridor = corridor(Some(ground()), Some(5.0));
    assert!(corridor.is_on_ground());
    for (width, height) in [(640, 481), (1280, 960), (0, 0)] {
        corridor.fit((width, height), SIZE);
        assert!(!corridor.is_on_ground());
        let regions = find(&corridor, standing(6));
        assert_eq!((regions.corridor_area, regions.nearest), (8, None));
    }
    corridor.fit((640, 480), SIZE);
    assert_eq!(find(&corridor, standing(6)).corridor_area, 0, "beyond 5 m");
}

#[test]
fn g12_a_lens_without_rays_in_the_corridor_is_no_ground() {
    let k = [500.0, 0.0, 319.5, 0.0, 500.0, 239.5, 0.0, 0.0, 1.0];
    let barrel = Calibration::new((640, 480), k, "plumb_bob", &[-1.5, 0.0, 0.0, 0.0]);
    let ground = Ground::new(Camera::new(&barrel).unwrap(), Mount::level(1.5)).unwrap();
    let mut corridor = GroundCorridor::new(Trapezoid::everywhere(), WIDE);
    let error = corridor.set_ground(Some(ground)).unwrap_err();
    assert!(error.to_string().contains("gives no ray for"), "{error}");
    assert_eq!(corridor.ground(), None);
}

#[test]
fn g20_a_camera_without_a_view_of_the_way_is_no_ground() {
    let mut corridor = corridor_of(Some(ground()), 2.4, None);
    let up = Mount {
        pitch_deg: -45.0,
        ..Mount::level(1.5)
    };
    let error = corridor.set_ground(Some(ground_of(up))).unwrap_err();
    assert!(
        matches!(error, GroundError::NoWay { seen: 0, .. }),
        "{error}"
    );
    assert_eq!(corridor.ground(), None);
    corridor.fit((640, 480), SIZE);
    assert!(!corridor.is_on_ground());
    assert_eq!(
        find(&corridor, standing(6)).corridor_area,
        8,
        "the trapezoid holds"
    );
}

#[test]
fn sizes_of_zero_neither_count_nor_break() {
    let mut corridor = corridor(Some(ground()), Some(5.0));
    let none = MapSize {
        width: 0,
        height: 0,
    };
    corridor.fit((640, 480), none);
    assert!(!corridor.is_on_ground());
    assert!(corridor.columns(0, none).is_empty());
    let thin = MapSize {
        width: 1,
        height: 12,
    };
    corridor.fit((640, 480), thin);
    assert!(corridor.seen(0, 11).inside);
    assert!(!corridor.seen(0, 12).inside && !corridor.seen(1, 0).inside);
}

#[test]
fn maps_are_kept_for_the_sizes_that_come() {
    let mut corridor = corridor(Some(ground()), None);
    for round in 0..3 {
        for width in 2..9 {
            let size = MapSize { width, height: 6 };
            corridor.fit((640, 480), size);
            assert!(corridor.seen(width - 1, 5).inside, "{round} {width}");
            assert!(!corridor.seen(width, 5).inside, "{round} {width}");
            assert!(corridor.maps.len() <= KEPT);
        }
    }
}
