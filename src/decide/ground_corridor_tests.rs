use super::*;
use crate::decide::{AnomalyMask, RegionFinder, Regions};
use crate::score::ScoreMap;
use proptest::prelude::*;

/// A level camera 1.5 m up, of 640x480 with the horizon in the middle; a map of 16x12 has a row for
/// every 40 of its rows.
fn ground() -> Ground {
    let k = [500.0, 0.0, 320.0, 0.0, 500.0, 239.5, 0.0, 0.0, 1.0];
    Ground::new(&k, (640, 480), 1.5, 0.0).unwrap()
}

const SIZE: MapSize = MapSize {
    width: 16,
    height: 12,
};

fn corridor(ground: Option<Ground>, limit: Option<f32>) -> GroundCorridor {
    let mut corridor = GroundCorridor::new(Trapezoid::everywhere());
    corridor.set_ground(ground);
    corridor.set_far_limit(limit);
    corridor
}

fn find(corridor: &dyn Corridor, pixels: Vec<u8>) -> Regions {
    let mask = AnomalyMask::from_pixels(SIZE.width, SIZE.height, pixels).unwrap();
    let map = ScoreMap::new(SIZE.width, SIZE.height);
    let mut regions = Regions::default();
    RegionFinder::new(1)
        .find(&mask, &map, corridor, &mut regions)
        .unwrap();
    regions
}

/// Somebody two columns wide from row 3 to row `foot`.
fn standing(foot: usize) -> Vec<u8> {
    let mut pixels = vec![0; SIZE.width * SIZE.height];
    for row in 3..=foot {
        pixels[row * SIZE.width + 7..][..2].fill(1);
    }
    pixels
}

#[test]
fn g04_a_region_is_as_near_as_the_lower_edge_of_its_lowest_pixel() {
    let corridor = corridor(Some(ground()), None);
    // lower edge of row 7: 80 rows under the horizon
    for (row, metres) in [(7, 1.5 * 500.0 / 80.0), (11, 1.5 * 500.0 / 240.0)] {
        let got = corridor.distance(3, row, SIZE).unwrap();
        assert!((got - metres).abs() < 1e-4, "row {row}: {got} for {metres}");
    }
    for row in 0..=5 {
        assert_eq!(corridor.distance(3, row, SIZE), None, "row {row}");
    }
    let regions = find(&corridor, standing(7));
    assert_eq!(regions.corridor_area, 10);
    assert_eq!(regions.nearest, corridor.distance(7, 7, SIZE));
    assert_eq!(regions.largest()[0].distance, regions.nearest);
}

#[test]
fn g05_who_stands_within_the_limit_counts_whole_and_who_stands_beyond_not_at_all() {
    let at = |limit| corridor(Some(ground()), Some(limit));
    let stands = at(0.0).distance(7, 8, SIZE).unwrap();
    let near = find(&at(stands), standing(8));
    assert_eq!(near.corridor_area, 12, "head and all, at the limit itself");
    assert_eq!(near.nearest, Some(stands));
    let far = find(&at(stands.next_down()), standing(8));
    assert_eq!((far.corridor_area, far.nearest), (0, None));
    assert_eq!(far.area, 12, "anomalous all the same");
    assert_eq!(far.largest()[0].distance, None);
    // in the sky: stands nowhere
    let sky = find(&at(1000.0), standing(4));
    assert_eq!((sky.corridor_area, sky.nearest), (0, None));

    // one within the limit, one beyond: only the first is counted
    let mut both = standing(8);
    both[6 * SIZE.width + 1] = 1;
    let regions = find(&at(stands), both);
    assert_eq!(regions.largest().len(), 2);
    assert_eq!((regions.corridor_area, regions.nearest), (12, Some(stands)));
}

#[test]
fn g06_a_limit_that_is_none_lets_everything_count() {
    for limit in [
        None,
        Some(f32::NAN),
        Some(-1.0),
        Some(f32::INFINITY),
        Some(f32::NEG_INFINITY),
    ] {
        let corridor = corridor(Some(ground()), limit);
        assert_eq!(corridor.far_limit_m(), None, "{limit:?}");
        for foot in 3..12 {
            let regions = find(&corridor, standing(foot));
            assert_eq!(regions.corridor_area, regions.area, "{limit:?} {foot}");
        }
    }
}

#[test]
fn g03_a_picture_of_another_size_has_no_ground() {
    let corridor = corridor(Some(ground()), Some(5.0));
    let same = corridor.in_image(640, 480);
    assert_eq!(same, corridor);
    for (width, height) in [(640, 481), (1280, 960), (0, 0)] {
        let other = corridor.in_image(width, height);
        assert_eq!(other.ground(), None);
        let regions = find(&other, standing(6));
        assert_eq!((regions.corridor_area, regions.nearest), (8, None));
    }
}

#[test]
fn sizes_of_zero_neither_count_nor_break() {
    let corridor = corridor(Some(ground()), Some(5.0));
    let none = MapSize {
        width: 0,
        height: 0,
    };
    // the lower edge of the first of no rows is infinitely far down
    assert!(corridor.distance(0, 0, none).is_none_or(f32::is_finite));
    assert!(corridor.columns(0, none).is_empty());
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..Default::default() })]

    #[test]
    fn g01_without_a_ground_the_regions_are_those_of_the_trapezoid(
        pixels in prop::collection::vec(0u8..2, SIZE.width * SIZE.height),
        limit in prop::option::of(prop::num::f32::ANY),
    ) {
        let trapezoid = Trapezoid::default();
        let mut corridor = GroundCorridor::new(trapezoid);
        corridor.set_far_limit(limit);
        prop_assert_eq!(find(&corridor, pixels.clone()), find(&trapezoid, pixels));
    }

    #[test]
    fn a_larger_limit_never_counts_less(
        pixels in prop::collection::vec(0u8..2, SIZE.width * SIZE.height),
        limit in 0f32..60.0,
        more in 0f32..60.0,
    ) {
        let area = |limit| find(&corridor(Some(ground()), limit), pixels.clone()).corridor_area;
        let (near, far, all) = (area(Some(limit)), area(Some(limit + more)), area(None));
        prop_assert!(near <= far && far <= all, "{} {} {}", near, far, all);
    }
}
