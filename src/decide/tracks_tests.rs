use super::*;
use crate::decide::ground::tests::Kind;
use crate::decide::{
    AnomalyMask, Band, Ground, MapSize, Mount, RegionFinder, Trapezoid, threshold,
};
use crate::score::ScoreMap;

const LEVEL_NATS: f32 = 12.0;

/// A thousand clean frames without anything, so that whatever is seen is a surprise of 6.9 nats.
fn level() -> StopLevel {
    StopLevel {
        level: LEVEL_NATS,
        most_a_frame: 6.0,
        allowance: 2.0,
        min_region_ppm: 300,
        bands: vec![
            Band::new(40.0, vec![0.0; 999]),
            // half of the clean frames have something there
            Band::new(80.0, [vec![0.0; 500], vec![0.6; 499]].concat()),
        ],
    }
}

fn corridor() -> GroundCorridor {
    let mut corridor = GroundCorridor::new(Trapezoid::default(), 2.5);
    let ground = Ground::new(Kind::PlumbBob.camera(), Mount::level(1.5)).unwrap();
    corridor.set_ground(Some(ground)).unwrap();
    corridor
}

fn seen(distance_m: f32, left_m: f32, strength: f32) -> Sighting {
    Sighting {
        footprint: Footprint {
            distance_m,
            left_m,
            right_m: left_m + 1.0,
            area_m2: 1.0,
        },
        strength,
    }
}

/// 20 frames a second.
fn driving(speed_mps: f32) -> Motion {
    Motion {
        seconds: 0.05,
        speed_mps,
        curvature: 0.0,
    }
}

/// A tracker after these frames.
fn after(frames: &[&[Sighting]], motion: Motion) -> Tracker {
    let mut tracker = Tracker::default();
    for frame in frames {
        tracker.update(frame, motion, &level());
    }
    tracker
}

#[test]
fn something_sure_and_near_confirms_in_three_frames_and_never_in_one() {
    let at = [20.0, 19.0, 18.0].map(|d| [seen(d, -0.5, 0.9)]);
    let evidence = |n: usize| {
        let frames: Vec<&[Sighting]> = at.iter().take(n).map(|f| f.as_slice()).collect();
        after(&frames, driving(20.0)).tracked(&corridor(), &level())
    };
    assert!(!evidence(1).is_confirmed() && !evidence(1).is_candidate());
    assert!(!evidence(2).is_confirmed() && evidence(2).is_candidate());
    assert!(evidence(3).is_confirmed(), "{:?}", evidence(3));
}

#[test]
fn what_is_seen_on_every_second_clean_frame_gathers_nothing() {
    let frame = [seen(60.0, -0.5, 0.6)];
    let frames = [frame.as_slice(); 200];
    assert_eq!(after(&frames, driving(0.0)).tracks(), []);
}

#[test]
fn flicker_cancels_itself() {
    let (frame, nothing) = ([seen(20.0, -0.5, 0.9)], []);
    let mut frames: Vec<&[Sighting]> = vec![&frame];
    for _ in 0..20 {
        frames.extend([nothing.as_slice(), &nothing, &nothing, &frame]);
    }
    let tracker = after(&frames, driving(0.0));
    assert!(!tracker.tracked(&corridor(), &level()).is_confirmed());
}

#[test]
fn a_frame_that_cannot_show_that_there_is_nothing_adds_evidence_and_takes_none() {
    let (frame, nothing) = ([seen(20.0, -0.5, 0.9)], []);
    let mut tracker = after(&[&frame], driving(0.0));
    let before = tracker.tracks().to_vec();
    for _ in 0..50 {
        tracker.add(&nothing, driving(0.0), &level());
    }
    assert_eq!(tracker.tracks(), before);
    tracker.add(&frame, driving(0.0), &level());
    let both = after(&[&frame, &frame], driving(0.0));
    assert_eq!(tracker.tracks(), both.tracks());
    // what goes under the picture's lower edge goes all the same
    for _ in 0..20 {
        tracker.add(&nothing, driving(20.0), &level());
    }
    assert_eq!(tracker.tracks(), []);
}

#[test]
fn a_track_follows_its_thing_as_the_vehicle_comes_nearer_and_turns() {
    let mut tracker = Tracker::default();
    let motion = Motion {
        curvature: 0.02,
        ..driving(15.0)
    };
    let (mut ahead, mut middle) = (30.0f32, -4.0f32);
    for frame in 0..30 {
        tracker.update(&[seen(ahead, middle - 0.5, 0.9)], motion, &level());
        assert_eq!(tracker.tracks().len(), 1, "frame {frame} at {ahead}");
        let way = 0.05 * 15.0;
        let (sin, cos) = (0.02f32 * way).sin_cos();
        // seen from a vehicle that has driven on and turned to the left
        (ahead, middle) = (
            (ahead - way) * cos - middle * sin,
            (ahead - way) * sin + middle * cos,
        );
    }
    assert!(tracker.tracks()[0].evidence > 10.0 * LEVEL_NATS);
}

#[test]
fn two_things_are_two_tracks_and_beyond_the_gates_begins_another() {
    let two = [seen(20.0, -4.0, 0.9), seen(20.0, 3.0, 0.9)];
    assert_eq!(after(&[&two, &two], driving(0.0)).tracks().len(), 2);
    let (here, far) = ([seen(20.0, 0.0, 0.9)], [seen(29.0, 0.0, 0.9)]);
    assert_eq!(after(&[&here, &far], driving(0.0)).tracks().len(), 2);
    let beside = [seen(20.0, 2.3, 0.9)];
    assert_eq!(after(&[&here, &beside], driving(0.0)).tracks().len(), 2);
}

#[test]
fn a_gap_forgets_and_a_stamp_that_goes_back_does_too() {
    let frame = [seen(20.0, -0.5, 0.9)];
    for seconds in [1.1, -0.05, f32::NAN] {
        let mut tracker = after(&[&frame, &frame], driving(0.0));
        let motion = Motion {
            seconds,
            ..Motion::default()
        };
        tracker.update(&[], motion, &level());
        assert_eq!(tracker.tracks(), [], "{seconds}");
    }
}

#[test]
fn what_matters_stands_in_the_corridor_within_the_stopping_distance() {
    let frame = [seen(20.0, 4.0, 0.9)];
    let beside = after(&[frame.as_slice(); 9], driving(0.0));
    assert_eq!(beside.tracked(&corridor(), &level()).evidence, 0.0);
    let frame = [seen(35.0, -0.5, 0.9)];
    let ahead = after(&[frame.as_slice(); 9], driving(0.0));
    let mut near = corridor();
    near.set_far_limit(Some(30.0));
    let tracked = ahead.tracked(&near, &level());
    assert!(!tracked.is_confirmed() && tracked.is_candidate());
    assert_eq!(tracked.distance_m, 35.0);
    near.set_far_limit(Some(36.0));
    assert!(ahead.tracked(&near, &level()).is_confirmed());
}

#[test]
fn more_things_than_tracks_keep_the_strongest() {
    let many: Vec<Sighting> = (0..40)
        .map(|i| seen(10.0, 3.0 * i as f32 - 60.0, 0.9))
        .collect();
    let faint = StopLevel {
        bands: vec![Band::new(40.0, [vec![0.0; 900], vec![0.5; 99]].concat())],
        ..level()
    };
    let mut tracker = Tracker::default();
    let weak: Vec<Sighting> = many
        .iter()
        .map(|s| Sighting {
            strength: 0.4,
            ..*s
        })
        .collect();
    tracker.update(&weak, driving(0.0), &faint);
    assert_eq!(tracker.tracks().len(), MAX_TRACKS);
    let strong = [seen(10.0, 200.0, 0.9)];
    tracker.update(&strong, driving(0.0), &faint);
    assert!(
        tracker.tracks()[0].footprint.left_m > 199.0,
        "{:?}",
        tracker.tracks()
    );
}

#[test]
fn a_frame_full_of_things_takes_a_small_part_of_the_stage() {
    const FRAMES: u32 = 2_000;
    let many: Vec<Sighting> = (0..MAX_REGIONS)
        .map(|i| seen(10.0 + i as f32 / 10.0, 1.5 * (i % 16) as f32 - 12.0, 0.9))
        .collect();
    let mut tracker = Tracker::default();
    let began = std::time::Instant::now();
    for _ in 0..FRAMES {
        tracker.update(&many, driving(0.0), &level());
    }
    let each = began.elapsed() / FRAMES;
    assert_eq!(tracker.tracks().len(), MAX_TRACKS);
    // of 0.2 ms for mask, regions and tracks together
    assert!(each.as_micros() < 100, "{each:?} a frame");
    eprintln!("{} us a frame", each.as_micros());
}

#[test]
fn numbers_that_are_none_leave_the_tracks_sane() {
    let bad = [
        seen(f32::NAN, 0.0, 0.9),
        seen(20.0, f32::NAN, 0.9),
        seen(20.0, 0.0, f32::NAN),
        seen(0.0, 0.0, 0.9),
    ];
    let mut tracker = Tracker::default();
    for _ in 0..50 {
        tracker.update(&bad, driving(f32::NAN), &level());
        tracker.update(&bad, driving(10.0), &level());
        assert!(tracker.tracks().iter().all(|t| t.evidence > 0.0));
    }
}

#[test]
fn what_lies_flat_is_weaker_than_what_stands_there() {
    let mut corridor = corridor();
    let (width, height) = (120, 88);
    let image = corridor.ground().unwrap().camera().image_size();
    corridor.fit(image, MapSize { width, height });
    let strength = |rows: std::ops::RangeInclusive<usize>| {
        let mut scores = vec![0.0; width * height];
        for y in rows {
            scores[y * width + 58..y * width + 63].fill(0.9);
        }
        let map = ScoreMap::from_values(width, height, scores).unwrap();
        let (mut mask, mut regions) = (AnomalyMask::default(), Regions::default());
        threshold(&map, 0.5, &mut mask);
        let mut finder = RegionFinder::new(1);
        finder.find(&mask, &map, &corridor, &mut regions).unwrap();
        let mut seen = Sightings::new();
        sightings(&regions, 0.5, &corridor, &mut seen);
        let [one] = seen.as_slice() else {
            panic!("{seen:?}");
        };
        (one.footprint, one.strength)
    };
    let foot = 56;
    let (flat, weak) = strength(foot..=foot);
    let (standing, strong) = strength(foot - 12..=foot);
    assert_eq!(flat.distance_m, standing.distance_m);
    assert!(flat.area_m2 / flat.width_m() < 0.3, "{flat:?}");
    assert!((strong - 0.8).abs() < 1e-5, "{strong}");
    assert!(weak < 0.3 * strong && weak > 0.0, "{weak}");
}
