use super::*;
use crate::decide::ground::tests::Kind;
use crate::decide::{AnomalyMask, Ground, MapSize, Mount, RegionFinder, Trapezoid, threshold};

const SIZE: MapSize = MapSize {
    width: 120,
    height: 88,
};
const THRESHOLD: f32 = 0.5;

/// What is seen of something in the middle of the picture whose rows have these scores, the last at its
/// foot in row 56.
fn seen(rows: &[f32]) -> Sighting {
    seen_by(0.0, 56, rows)
}

/// The same by a camera whose pitch is uncertain, with its foot in that row.
fn seen_by(pitch_uncertainty_deg: f64, foot: usize, rows: &[f32]) -> Sighting {
    let mut corridor = GroundCorridor::new(Trapezoid::default(), 2.5);
    let mount = Mount {
        pitch_uncertainty_deg,
        ..Mount::level(1.5)
    };
    let ground = Ground::new(Kind::PlumbBob.camera(), mount).unwrap();
    corridor.set_ground(Some(ground)).unwrap();
    let image = corridor.ground().unwrap().camera().image_size();
    corridor.fit(image, SIZE);
    let mut scores = vec![0.0; SIZE.width * SIZE.height];
    for (y, score) in (0..=foot).rev().zip(rows.iter().rev()) {
        scores[y * SIZE.width + 58..y * SIZE.width + 63].fill(*score);
    }
    let map = ScoreMap::from_values(SIZE.width, SIZE.height, scores).unwrap();
    let (mut mask, mut regions) = (AnomalyMask::default(), Regions::default());
    threshold(&map, THRESHOLD, &mut mask);
    let mut finder = RegionFinder::default();
    finder.find(&mask, &map, &corridor, &mut regions).unwrap();
    let mut seen = Sightings::new();
    sightings(&regions, &map, THRESHOLD, &corridor, &mut seen);
    let [one] = seen.as_slice() else {
        panic!("{seen:?}");
    };
    *one
}

#[test]
fn what_lies_flat_is_weaker_than_what_stands_there() {
    let (flat, standing) = (seen(&[0.9]), seen(&[0.9; 13]));
    let (low, high) = (flat.footprint, standing.footprint);
    assert_eq!(low.distance_m, high.distance_m);
    assert!(low.area_m2 / low.width_m() < 0.3, "{flat:?}");
    let (weak, strong) = (flat.strength, standing.strength);
    assert!((strong - 0.8).abs() < 1e-5, "{strong}");
    assert!(weak < 0.55 * strong && weak > 0.0, "{weak}");
}

#[test]
fn one_sure_pixel_makes_less_than_many_and_faint_ones_take_little_away() {
    let mut spot = [0.52; 13];
    spot[6] = 0.9;
    let even = seen(&[0.9; 13]).strength;
    assert!(seen(&spot).strength < 0.65 * even, "{spot:?}");
    let mut merged = [0.9; 13];
    merged[..6].fill(0.51);
    assert!(seen(&merged).strength > 0.95 * even, "{merged:?}");
}

#[test]
fn no_strength_is_over_that_of_the_surest_pixel_or_is_no_number() {
    for (low, high) in [
        (THRESHOLD.next_up(), THRESHOLD.next_up()),
        (THRESHOLD.next_up(), 1.0),
        (1.0, 1.0),
    ] {
        let mut rows = [low; 13];
        rows[3] = high;
        let strength = seen(&rows).strength;
        let most = (high - THRESHOLD) / (1.0 - THRESHOLD);
        assert!(
            (0.0..=most + 1e-6).contains(&strength),
            "{low} {high}: {strength}"
        );
    }
}

#[test]
fn the_foot_moves_within_its_row_as_the_score_at_it_falls() {
    let foot = |score: f32| seen(&[0.9, 0.9, 0.9, score]);
    let at = [0.99, 0.9, 0.8, 0.7, 0.6, 0.51].map(|score| foot(score).distance_m);
    assert!(at.is_sorted(), "{at:?}");
    // whole rows tell no difference
    let row = foot(0.99).footprint.distance_m;
    assert_eq!(foot(0.51).footprint.distance_m, row);
    assert!(at[0] > row);
    // with the score just over the threshold it is at the row's upper edge
    let above = seen(&[0.9, 0.9, 0.9, 0.0]).footprint.distance_m;
    assert!(at[5] < above && at[5] > 0.95 * above, "{at:?}, {above}");
}

#[test]
fn a_less_certain_pitch_weakens_nothing_and_lets_nothing_come_nearer_more_slowly() {
    for rows in [[0.9, 0.9].as_slice(), &[0.9; 13]] {
        for foot in 50..80 {
            let sure = seen_by(0.0, foot, rows);
            let sure_way = sure.distance_m - seen_by(0.0, foot + 1, rows).distance_m;
            for uncertain in [0.5, 1.0, 2.0, 5.0] {
                let one = seen_by(uncertain, foot, rows);
                let next = seen_by(uncertain, foot + 1, rows);
                let at = format!("row {foot}, {uncertain} degrees");
                assert!(
                    one.strength >= sure.strength - 1e-5,
                    "{at}: {one:?} {sure:?}"
                );
                assert!(one.footprint.distance_m < sure.footprint.distance_m, "{at}");
                // where the foot may be beyond the horizon, it is measured by the pitch as it is given
                let beyond = |seen: &Sighting| f64::from(seen.footprint.farthest_m) >= FAR_M;
                if beyond(&one) {
                    assert!(
                        (one.distance_m - sure.distance_m).abs() < 1e-3,
                        "{at}: {one:?}"
                    );
                }
                if beyond(&one) == beyond(&next) {
                    let way = one.distance_m - next.distance_m;
                    assert!(way > 0.999 * sure_way, "{at}: {way} m and {sure_way} m");
                }
            }
        }
    }
}

#[test]
fn scores_that_are_no_numbers_give_a_distance_all_the_same() {
    for score in [f32::NAN, f32::INFINITY] {
        let one = seen(&[0.9, score]);
        assert!(one.distance_m.is_finite() && one.distance_m >= one.footprint.distance_m);
        assert!((0.0..=1.0).contains(&one.strength), "{one:?}");
    }
}
