use super::super::ground::tests::KINDS;
use super::*;
use crate::decide::{AnomalyMask, Calibration, Camera, Mount, RegionFinder, Regions};
use crate::score::ScoreMap;
use proptest::prelude::*;

/// A level camera 1.5 m up, of 640x480 with the horizon in the middle; a map of 16x12 has a row for
/// every 40 of its rows.
fn ground_of(mount: Mount) -> Ground {
    let k = [500.0, 0.0, 319.5, 0.0, 500.0, 239.5, 0.0, 0.0, 1.0];
    let camera = Camera::new(&Calibration::new((640, 480), k, "", &[])).unwrap();
    Ground::new(camera, mount).unwrap()
}

fn ground() -> Ground {
    ground_of(Mount::level(1.5))
}

const SIZE: MapSize = MapSize {
    width: 16,
    height: 12,
};
/// Wider than what is seen of the ground at any distance here.
const WIDE: f32 = 100.0;

fn corridor_of(ground: Option<Ground>, width_m: f32, limit: Option<f32>) -> GroundCorridor {
    let mut corridor = GroundCorridor::new(Trapezoid::everywhere(), width_m);
    corridor.set_ground(ground).unwrap();
    corridor.set_far_limit(limit);
    corridor.fit((640, 480), SIZE);
    corridor
}

fn corridor(ground: Option<Ground>, limit: Option<f32>) -> GroundCorridor {
    corridor_of(ground, WIDE, limit)
}

fn find(corridor: &dyn Corridor, pixels: Vec<u8>) -> Regions {
    let mask = AnomalyMask::from_pixels(SIZE.width, SIZE.height, pixels).unwrap();
    let map = ScoreMap::new(SIZE.width, SIZE.height);
    let mut regions = Regions::default();
    RegionFinder::default()
        .find(&mask, &map, corridor, &mut regions)
        .unwrap();
    regions
}

/// Somebody from row 3 to row `foot`, in some columns.
fn in_columns(columns: Range<usize>, foot: usize) -> Vec<u8> {
    let mut pixels = vec![0; SIZE.width * SIZE.height];
    for row in 3..=foot {
        pixels[row * SIZE.width..][columns.clone()].fill(1);
    }
    pixels
}

/// Two columns wide, in the middle.
fn standing(foot: usize) -> Vec<u8> {
    in_columns(7..9, foot)
}

fn distance(regions: &Regions) -> f32 {
    regions.largest()[0].footprint.unwrap().distance_m
}

#[path = "ground_corridor_fit_tests.rs"]
mod fit;

#[test]
fn g04_a_region_is_as_near_as_the_lower_edge_of_its_lowest_pixel() {
    let corridor = corridor(Some(ground()), None);
    // lower edge of row 7: 80 rows under the horizon
    for (row, metres) in [(7, 1.5 * 500.0 / 80.0), (11, 1.5 * 500.0 / 240.0)] {
        let got = corridor.seen(3, row).distance;
        assert!((got - metres).abs() < 1e-4, "row {row}: {got} for {metres}");
    }
    let regions = find(&corridor, standing(7));
    let metres = 1.5 * 500.0 / 80.0;
    assert_eq!(regions.corridor_area, 10, "head and all");
    assert!((distance(&regions) - metres).abs() < 1e-4);
    assert_eq!(regions.nearest, Some(distance(&regions)));
    // two of its columns are 80 of 500 pixels, its five rows 200
    let footprint = regions.largest()[0].footprint.unwrap();
    let (width, area) = (metres * 0.16, metres * metres * 0.16 * 0.4);
    assert!((footprint.width_m() - width).abs() < 1e-3, "{footprint:?}");
    assert!(
        (footprint.left_m + width / 2.0).abs() < 1e-3,
        "{footprint:?}"
    );
    assert!((footprint.area_m2 - area).abs() < 1e-3, "{footprint:?}");
}

#[test]
fn g16_the_sky_and_the_horizon_never_count() {
    let corridor = corridor(Some(ground()), None);
    for row in 0..=5 {
        let seen = corridor.seen(3, row);
        assert_eq!((seen.inside, seen.distance), (false, f32::INFINITY));
    }
    let sky = find(&corridor, standing(5));
    assert_eq!((sky.corridor_area, sky.nearest, sky.area), (0, None, 6));
    assert_eq!(sky.largest()[0].footprint, None);
}

#[test]
fn g05_who_stands_within_the_limit_counts_and_who_stands_beyond_not_at_all() {
    let at = |limit| corridor(Some(ground()), Some(limit));
    let stands = at(0.0).seen(7, 8).distance;
    let near = find(&at(stands), standing(8));
    assert_eq!(near.corridor_area, 12, "head and all, at the limit itself");
    assert_eq!(near.nearest, Some(stands));
    let far = find(&at(stands.next_down()), standing(8));
    assert_eq!((far.corridor_area, far.nearest), (0, None));
    assert_eq!(far.area, 12, "anomalous all the same");
    assert_eq!(distance(&far), stands);

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
        for foot in 6..12 {
            let regions = find(&corridor, standing(foot));
            assert_eq!(regions.corridor_area, regions.area, "{limit:?} {foot}");
        }
    }
}

#[test]
fn g17_the_way_is_as_wide_as_the_vehicle_and_its_margins() {
    // row 7 sees 9.4 m: a column of 40 pixels is 0.75 m wide there
    let corridor = corridor_of(Some(ground()), 2.4, None);
    let inside: Vec<usize> = (0..16).filter(|&x| corridor.seen(x, 7).inside).collect();
    assert_eq!(inside, [6, 7, 8, 9], "centres within 1.2 m of the middle");
    // nearer, at 3.1 m, a column is 0.25 m
    let inside = (0..16).filter(|&x| corridor.seen(x, 11).inside).count();
    assert_eq!(inside, 10);
    // half on the way: half of it counts, also where it is wider than the way behind it
    let half = find(&corridor, in_columns(8..12, 9));
    let way = 1.2 / (1.5 * 500.0 / 160.0);
    let share: f32 = way / (4.0 * 40.0 / 500.0);
    let expected = (28.0 * share.min(1.0)).ceil() as u32;
    assert_eq!(half.corridor_area, expected);
    assert_eq!(find(&corridor, in_columns(13..16, 7)).corridor_area, 0);
    let beside = find(&corridor, in_columns(13..16, 7));
    assert!(beside.largest()[0].footprint.is_some() && beside.nearest.is_none());
}

#[test]
fn g18_a_way_that_bends_leads_past_what_stands_straight_ahead() {
    let mut corridor = corridor_of(Some(ground()), 2.4, None);
    // 2.4 of its 3 metres are on the way
    assert_eq!(find(&corridor, standing(6)).corridor_area, 7);
    // 18.75 m ahead, on a circle of 40 m: 4.7 m to the left, six columns and a quarter of 0.75 m
    corridor.set_curvature(1.0 / 40.0);
    assert_eq!(find(&corridor, standing(6)).corridor_area, 0);
    let inside = |corridor: &GroundCorridor| {
        let inside = (0..16).filter(|&x| corridor.seen(x, 6).inside);
        inside.collect::<Vec<_>>()
    };
    let (left, middle) = (inside(&corridor), 18.75 * 40.0 / 500.0);
    let column = 8.0 - 4.67 / middle;
    assert!(!left.is_empty());
    for x in &left {
        assert!(
            (*x as f32 + 0.5 - column).abs() < 1.4,
            "{left:?} round {column}"
        );
    }
    corridor.set_curvature(-1.0 / 40.0);
    let mut right: Vec<usize> = inside(&corridor).iter().map(|x| 15 - x).collect();
    right.reverse();
    assert_eq!(right, left);
    corridor.set_curvature(f32::NAN);
    assert_eq!(find(&corridor, standing(6)).corridor_area, 7);
}

#[test]
fn what_may_stand_on_the_way_at_any_distance_that_is_possible_is_on_the_way() {
    let mut corridor = corridor_of(Some(ground()), 2.4, None);
    // a metre wide in the middle of a way to the right, 30 m ahead; the pitch lets it be 20 to 90 m away
    corridor.set_curvature(-1.0 / 100.0);
    let middle = 100.0 - (100.0f32.powi(2) - 30.0f32.powi(2)).sqrt();
    let footprint = |farthest_m| Footprint {
        distance_m: 20.0,
        farthest_m,
        left_m: (middle - 0.5) / 1.5,
        right_m: (middle + 0.5) / 1.5,
        area_m2: 1.0,
    };
    let share = |farthest_m| corridor.share_on_way(&footprint(farthest_m));
    assert!(share(20.0) < 0.9, "{}", share(20.0));
    for farthest_m in [30.0, 40.0, 90.0] {
        assert!(
            share(farthest_m) > 0.99,
            "{farthest_m}: {}",
            share(farthest_m)
        );
    }
}

#[test]
fn g19_what_lies_flat_or_is_hardly_sure_counts_little() {
    let corridor = corridor(Some(ground()), None);
    // eight columns, from a row down to the lowest; one pixel in eight is sure
    let counted = |from: usize| {
        let mut pixels = vec![0; SIZE.width * SIZE.height];
        let mut map = ScoreMap::new(SIZE.width, SIZE.height);
        for row in from..SIZE.height {
            let start = row * SIZE.width + 4;
            pixels[start..start + 8].fill(1);
            map.values_mut()[start] = 0.9;
        }
        let mask = AnomalyMask::from_pixels(SIZE.width, SIZE.height, pixels).unwrap();
        let (mut finder, mut regions) = (RegionFinder::default(), Regions::default());
        finder.sure_from = 0.7;
        finder.find(&mask, &map, &corridor, &mut regions).unwrap();
        regions.corridor_area
    };
    // it stands 3.1 m ahead and is 2 m high, as is the camera and more
    assert_eq!(counted(4), 48, "fewer than one in six are sure");
    // a quarter of a metre: a third of half the camera's height
    let flat = counted(11);
    assert!((2..=3).contains(&flat), "{flat} of 8");
}

const FINE: MapSize = MapSize {
    width: 160,
    height: 100,
};

/// The pixel of the map that a point of the picture of `KINDS` lies in.
fn cell_of((u, v): (f64, f64)) -> (usize, usize) {
    let at = |point: f64, pixels: f64, cells: usize| {
        let cell = ((point + 0.5) / pixels * cells as f64).floor();
        assert!(
            cell >= 0.0 && cell < cells as f64,
            "{point} is in the picture"
        );
        cell as usize
    };
    (at(u, 1280.0, FINE.width), at(v, 800.0, FINE.height))
}

#[test]
fn g15_with_an_uncertain_pitch_nothing_is_measured_farther_away_than_it_is() {
    for kind in KINDS {
        for roll_deg in [0.0, 2.0] {
            let mount = Mount {
                pitch_deg: 3.0,
                roll_deg,
                pitch_uncertainty_deg: 1.0,
                ..Mount::level(1.5)
            };
            let mut corridor = GroundCorridor::new(Trapezoid::default(), 2.4);
            let ground = Ground::new(kind.camera(), mount).unwrap();
            corridor.set_ground(Some(ground)).unwrap();
            corridor.fit((1280, 800), FINE);
            for off in [-1.0, -0.5, 0.0, 0.4, 1.0] {
                let really = Mount {
                    pitch_deg: mount.pitch_deg + off,
                    ..mount
                };
                for ahead in [6.0, 12.0, 20.0, 31.0, 45.0, 60.0] {
                    for right in [-1.1, -0.5, 0.0, 0.7, 1.1] {
                        let (x, y) = cell_of(kind.pixel(&really, ahead, right, 0.0));
                        let seen = corridor.seen(x, y);
                        let what = format!("{kind:?} {off} {ahead} {right}: {seen:?}");
                        assert!(f64::from(seen.distance) <= ahead * (1.0 + 1e-3), "{what}");
                        // a pixel belongs to the way by its middle
                        let pixel = 0.5 * ahead / 100.0;
                        assert!(seen.inside || right.abs() + pixel > 1.2, "{what}");
                    }
                }
            }
        }
    }
}

#[test]
fn a_thing_on_the_map_is_measured_within_a_row_and_never_farther_than_it_is() {
    for kind in KINDS {
        let mount = Mount {
            pitch_deg: 3.0,
            ..Mount::level(1.5)
        };
        let ground = Ground::new(kind.camera(), mount).unwrap();
        let mut corridor = GroundCorridor::new(Trapezoid::default(), 2.4);
        corridor.set_ground(Some(ground)).unwrap();
        corridor.fit((1280, 800), FINE);
        for ahead in [6.0, 9.0, 14.0, 22.0, 31.0] {
            // a box a metre wide and a metre high, as the pixels that its front covers
            let corners = [(-0.5, 0.0), (0.5, 0.0), (-0.5, 1.0), (0.5, 1.0)];
            let cells = corners.map(|(right, up)| cell_of(kind.pixel(&mount, ahead, right, up)));
            let columns = cells[0].0.min(cells[2].0)..=cells[1].0.max(cells[3].0);
            let rows = cells[2].1..=cells[0].1;
            let mut pixels = vec![0; FINE.width * FINE.height];
            for row in rows.clone() {
                for column in columns.clone() {
                    pixels[row * FINE.width + column] = 1;
                }
            }
            let mask = AnomalyMask::from_pixels(FINE.width, FINE.height, pixels).unwrap();
            let map = ScoreMap::new(FINE.width, FINE.height);
            let mut regions = Regions::default();
            RegionFinder::default()
                .find(&mask, &map, &corridor, &mut regions)
                .unwrap();
            let region = regions.largest()[0];
            let footprint = region.footprint.unwrap();
            let what = format!("{kind:?} at {ahead}: {footprint:?}");
            let next = f64::from(corridor.seen(cells[0].0, cells[0].1 - 1).distance);
            let got = f64::from(footprint.distance_m);
            assert!(
                got <= ahead * 1.001 && ahead <= next * 1.01,
                "{what}, {next}"
            );
            // whole pixels, at a distance that may be a row too near
            let (tall, wide) = (rows.count() as f64, columns.count() as f64);
            let coarse = 1.0 + 1.5 / tall + 1.5 / wide;
            let (width, area) = (f64::from(footprint.width_m()), f64::from(footprint.area_m2));
            assert!((0.75..=coarse).contains(&width), "{what}");
            assert!((0.6..=coarse * coarse).contains(&area), "{what}");
            assert_eq!(region.corridor_area, region.area, "{what}");
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..Default::default() })]

    #[test]
    fn g01_without_a_ground_the_regions_are_those_of_the_trapezoid(
        pixels in prop::collection::vec(0u8..2, SIZE.width * SIZE.height),
        limit in prop::option::of(prop::num::f32::ANY),
        curvature in prop::num::f32::ANY,
    ) {
        let trapezoid = Trapezoid::default();
        let mut corridor = GroundCorridor::new(trapezoid, 2.0);
        corridor.set_far_limit(limit);
        corridor.set_curvature(curvature);
        corridor.fit((640, 480), SIZE);
        prop_assert_eq!(find(&corridor, pixels.clone()), find(&trapezoid, pixels));
    }

    #[test]
    fn a_larger_limit_or_a_wider_way_never_counts_less(
        pixels in prop::collection::vec(0u8..2, SIZE.width * SIZE.height),
        limit in 0f32..60.0,
        more in 0f32..60.0,
        width in 0.5f32..4.0,
        wider in 0f32..4.0,
    ) {
        let area = |limit, width| {
            let corridor = corridor_of(Some(ground()), width, limit);
            find(&corridor, pixels.clone()).corridor_area
        };
        let (near, far, all) =
            (area(Some(limit), width), area(Some(limit + more), width), area(None, width));
        prop_assert!(near <= far && far <= all, "{} {} {}", near, far, all);
        let wide = area(None, width + wider);
        prop_assert!(all <= wide, "{} in {} m, {} in more", all, width, wide);
    }

    #[test]
    fn more_uncertainty_never_counts_less_and_never_measures_farther(
        column in 0usize..16,
        row in 0usize..12,
        curvature in -0.05f32..0.05,
        uncertain in 0f64..2.0,
        more in 0f64..2.0,
    ) {
        let seen = |pitch_uncertainty_deg, width| {
            let mount = Mount { pitch_uncertainty_deg, ..Mount::level(1.5) };
            let mut corridor = corridor_of(Some(ground_of(mount)), width, None);
            corridor.set_curvature(curvature);
            corridor.seen(column, row)
        };
        // what is seen under other pitches does not lie quite on a line
        let (sure, unsure) = (seen(uncertain, 2.4), seen(uncertain + more, 2.5));
        prop_assert!(unsure.distance <= sure.distance);
        prop_assert!(unsure.inside || !sure.inside, "{:?} {:?}", sure, unsure);
    }

    #[test]
    fn nothing_breaks_whatever_the_curvature(
        curvature in prop::num::f32::ANY,
        limit in prop::option::of(prop::num::f32::ANY),
        pixels in prop::collection::vec(0u8..2, SIZE.width * SIZE.height),
    ) {
        let mut corridor = corridor_of(Some(ground()), 2.4, limit);
        corridor.set_curvature(curvature);
        let regions = find(&corridor, pixels);
        prop_assert!(regions.corridor_area <= regions.area);
    }
}
