use super::super::Trapezoid;
use super::*;
use proptest::prelude::*;

/// A corridor of the left half, the ground a metre further with each row; every pixel is 0.1 by 0.2 of the
/// distance in size.
struct LeftHalf;

/// Rows of the tallest mask.
const ROWS: usize = 24;

impl Corridor for LeftHalf {
    fn columns(&self, _row: usize, size: MapSize) -> std::ops::Range<usize> {
        0..size.width / 2
    }

    fn seen(&self, x: usize, y: usize) -> Seen {
        Seen {
            inside: true,
            distance: (ROWS - y) as f32,
            given: (ROWS - y) as f32,
            farthest: (ROWS - y) as f32,
            edges: (0.1 * x as f32, 0.1 * (x + 1) as f32),
            upright: 0.02,
        }
    }
}

fn mask_of(rows: &[&str]) -> AnomalyMask {
    let pixels = rows
        .iter()
        .flat_map(|row| row.bytes())
        .map(|byte| u8::from(byte == b'#'));
    AnomalyMask::from_pixels(rows[0].len(), rows.len(), pixels.collect()).unwrap()
}

fn find(mask: &AnomalyMask, map: &ScoreMap, min_area: u32) -> Regions {
    let mut regions = Regions::default();
    let mut finder = RegionFinder {
        min_area,
        ..RegionFinder::default()
    };
    finder.find(mask, map, &LeftHalf, &mut regions).unwrap();
    regions
}

/// Pixels of every region by flood fill, in the order of their first pixel.
fn flood_fill(mask: &AnomalyMask) -> Vec<Vec<(usize, usize)>> {
    let (width, height) = (mask.width(), mask.height());
    let mut open = mask.pixels().to_vec();
    let mut regions = Vec::new();
    for start in 0..open.len() {
        let mut stack = vec![start];
        let mut region = Vec::new();
        while let Some(i) = stack.pop() {
            if std::mem::take(&mut open[i]) == 0 {
                continue;
            }
            let (x, y) = (i % width, i / width);
            region.push((x, y));
            for ny in y.saturating_sub(1)..=(y + 1).min(height - 1) {
                for nx in x.saturating_sub(1)..=(x + 1).min(width - 1) {
                    stack.push(ny * width + nx);
                }
            }
        }
        if !region.is_empty() {
            regions.push(region);
        }
    }
    regions
}

#[test]
fn diagonal_neighbours_are_one_region_and_arms_that_meet_late_are_joined() {
    let cases: &[(&[&str], &[u32])] = &[
        (&["...", "..."], &[]),
        (&["#.#", ".#."], &[3]),
        (&["#.#.#", "#.#.#", "#####"], &[11]),
        (&["##..#", "....#", "#...."], &[2, 2, 1]),
        (&["#..#", ".##.", "#..#"], &[6]),
        (&["..#", ".#.", "#.."], &[3]),
    ];
    for (rows, areas) in cases {
        let mask = mask_of(rows);
        let regions = find(&mask, &ScoreMap::new(mask.width(), mask.height()), 1);
        let got: Vec<u32> = regions.largest().iter().map(|region| region.area).collect();
        assert_eq!(&got, areas, "{rows:?}");
    }
}

#[test]
fn a_region_knows_its_place_scores_and_distance() {
    let mask = mask_of(&["....", ".##.", ".#.."]);
    let mut map = ScoreMap::new(4, 3);
    map.values_mut()[5] = 0.5;
    map.values_mut()[6] = 0.75;
    map.values_mut()[9] = f32::NAN;
    let regions = find(&mask, &map, 1);
    let region = regions.largest()[0];
    assert_eq!(
        region.bounding_box,
        BoundingBox {
            left: 1,
            top: 1,
            width: 2,
            height: 2
        }
    );
    assert_eq!((region.area, region.corridor_area), (3, 2));
    let footprint = region.footprint.unwrap();
    assert_eq!(footprint.distance_m, 22.0);
    assert!((footprint.left_m - 2.2).abs() < 1e-5, "{footprint:?}");
    assert!((footprint.width_m() - 4.4).abs() < 1e-5, "{footprint:?}");
    let area = 3.0 * 0.02 * 22.0 * 22.0;
    assert!((footprint.area_m2 - area).abs() < 1e-3, "{footprint:?}");
    assert_eq!(region.centroid, (4.0 / 3.0, 4.0 / 3.0));
    assert_eq!((region.mean_score, region.max_score), (0.75, 1.0));
    assert_eq!(
        (regions.area, regions.corridor_area, regions.nearest),
        (3, 2, Some(22.0))
    );
}

#[test]
fn regions_beyond_the_capacity_are_dropped_smallest_first_but_still_counted() {
    // 100 regions in a row, two pixels the 90th, one each other.
    let mut pixels = vec![0; 400];
    for i in 0..100 {
        pixels[2 * i] = 255;
    }
    pixels[2 * 90 + 200] = 255;
    let mask = AnomalyMask::from_pixels(200, 2, pixels).unwrap();
    let regions = find(&mask, &ScoreMap::new(200, 2), 1);
    assert_eq!(
        (regions.largest().len(), regions.dropped),
        (MAX_REGIONS, 36)
    );
    assert_eq!((regions.area, regions.corridor_area), (101, 50));
    assert_eq!(
        (
            regions.largest()[0].area,
            regions.largest()[0].bounding_box.left
        ),
        (2, 180)
    );
    assert_eq!(regions.largest()[1].bounding_box.left, 0);
}

#[test]
fn specks_are_counted_and_otherwise_left_out() {
    let mask = mask_of(&["#.##", "....", "#..."]);
    let regions = find(&mask, &ScoreMap::new(4, 3), 2);
    assert_eq!(
        (regions.specks, regions.area, regions.corridor_area),
        (2, 2, 0)
    );
    assert_eq!((regions.largest().len(), regions.nearest), (1, None));
}

#[test]
fn a_finder_can_be_used_again_for_other_sizes() {
    let mut finder = RegionFinder::default();
    let mut regions = Regions::default();
    for rows in [&["###", "###"][..], &["#"], &["#.#.#"], &["#", ".", "#"]] {
        let mask = mask_of(rows);
        let map = ScoreMap::new(mask.width(), mask.height());
        finder
            .find(&mask, &map, &Trapezoid::everywhere(), &mut regions)
            .unwrap();
        assert_eq!(regions, {
            let mut fresh = Regions::default();
            let corridor = Trapezoid::everywhere();
            RegionFinder::default()
                .find(&mask, &map, &corridor, &mut fresh)
                .unwrap();
            fresh
        });
    }
    let empty = AnomalyMask::default();
    finder
        .find(&empty, &ScoreMap::default(), &LeftHalf, &mut regions)
        .unwrap();
    assert_eq!(regions, Regions::default());
}

#[test]
fn sizes_that_differ_are_refused() {
    let error = RegionFinder::default()
        .find(
            &mask_of(&["#"]),
            &ScoreMap::new(2, 1),
            &LeftHalf,
            &mut Regions::default(),
        )
        .unwrap_err();
    assert!(
        error.to_string().contains("1x1 for a score map of 2x1"),
        "{error}"
    );
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..Default::default() })]

    #[test]
    fn regions_equal_those_of_a_flood_fill(
        (width, pixels) in (1usize..24, 1usize..16, 1u8..9).prop_flat_map(|(w, h, density)| {
            let pixel = (0u8..10).prop_map(move |value| u8::from(value < density));
            (Just(w), prop::collection::vec(pixel, w * h))
        }),
    ) {
        let height = pixels.len() / width;
        let mask = AnomalyMask::from_pixels(width, height, pixels).unwrap();
        let values = (0..width * height).map(|i| (i % 7) as f32 / 8.0);
        let map = ScoreMap::from_values(width, height, values.collect()).unwrap();
        let found = find(&mask, &map, 1);

        let mut expected = flood_fill(&mask);
        expected.sort_by_key(|region| std::cmp::Reverse(region.len()));
        prop_assert_eq!(found.dropped as usize, expected.len().saturating_sub(MAX_REGIONS));
        prop_assert_eq!(found.area as usize, expected.iter().map(Vec::len).sum::<usize>());
        prop_assert_eq!(found.largest().len(), expected.len().min(MAX_REGIONS));
        for (region, pixels) in found.largest().iter().zip(&expected) {
            let count = pixels.len();
            prop_assert_eq!(region.area as usize, count);
            let (xs, ys) = (pixels.iter().map(|p| p.0), pixels.iter().map(|p| p.1));
            let (left, right) = (xs.clone().min().unwrap(), xs.clone().max().unwrap());
            let (top, bottom) = (ys.clone().min().unwrap(), ys.clone().max().unwrap());
            prop_assert_eq!(region.bounding_box, BoundingBox {
                left: left as u32,
                top: top as u32,
                width: (right - left + 1) as u32,
                height: (bottom - top + 1) as u32,
            });
            let centre = xs.sum::<usize>() as f32 / count as f32;
            prop_assert!((region.centroid.0 - centre).abs() < 1e-4);
            let centre = ys.sum::<usize>() as f32 / count as f32;
            prop_assert!((region.centroid.1 - centre).abs() < 1e-4);
            let scores = pixels.iter().map(|(x, y)| map.values()[y * width + x]);
            prop_assert_eq!(region.max_score, scores.clone().fold(0.0, f32::max));
            let mean = scores.clone().sum::<f32>() / count as f32;
            prop_assert!((region.mean_score - mean).abs() < 1e-5);
            let variance = scores.map(|s| (s - mean).powi(2)).sum::<f32>() / count as f32;
            prop_assert!((region.score_variance - variance).abs() < 1e-5);
            let inside = pixels.iter().filter(|(x, _)| *x < width / 2);
            prop_assert_eq!(region.corridor_area as usize, inside.clone().count());
            let near = |(_, y): &(usize, usize)| (ROWS - y) as f32;
            let nearest = inside.map(near).reduce(f32::min);
            let nearest = nearest.or(pixels.iter().map(near).reduce(f32::min));
            prop_assert_eq!(region.footprint.map(|f| f.distance_m), nearest);
        }
    }
}
