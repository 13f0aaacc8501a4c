use super::*;
use crate::decide::ground::tests::Kind;
use crate::decide::{Band, Ground, Mount, Trapezoid};

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
            farthest_m: distance_m,
            left_m,
            right_m: left_m + 1.0,
            area_m2: 1.0,
        },
        distance_m,
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
fn something_sure_and_near_confirms_in_five_frames_and_never_in_one() {
    let at = [20.0, 19.0, 18.0, 17.0, 16.0].map(|d| [seen(d, -0.5, 0.9)]);
    let evidence = |n: usize| {
        let frames: Vec<&[Sighting]> = at.iter().take(n).map(|f| f.as_slice()).collect();
        after(&frames, driving(20.0)).tracked(&corridor(), &level())
    };
    // two frames tell that it comes nearer
    assert_eq!(evidence(2).evidence, 0.0);
    assert!(!evidence(3).is_confirmed() && !evidence(3).is_candidate());
    assert!(!evidence(4).is_confirmed() && evidence(4).is_candidate());
    assert!(evidence(5).is_confirmed(), "{:?}", evidence(5));
}

#[test]
fn what_is_seen_first_just_before_the_vehicle_stops_counts_while_it_stands() {
    let frame = [seen(20.0, -0.5, 0.9)];
    let mut tracker = after(&[&frame], driving(14.0));
    assert_eq!(tracker.tracked(&corridor(), &level()).evidence, 0.0);
    for _ in 0..3 {
        tracker.update(&frame, driving(0.0), &level());
    }
    let tracked = tracker.tracked(&corridor(), &level());
    assert!(tracked.is_confirmed(), "{tracked:?}");
}

#[test]
fn a_vehicle_that_stands_waits_for_nothing() {
    let frame = [seen(20.0, -0.5, 0.9)];
    let tracked = after(&[&frame, &frame, &frame], driving(0.0)).tracked(&corridor(), &level());
    assert!(tracked.is_confirmed(), "{tracked:?}");
}

/// The largest evidence while something goes ahead with that part of the vehicle's speed.
fn of_what_goes_ahead(part: f32) -> f32 {
    let mut tracker = Tracker::default();
    let mut distance_m = 30.0f32;
    let mut largest = 0.0f32;
    while distance_m > 10.0 && largest < 10.0 * LEVEL_NATS {
        tracker.update(&[seen(distance_m, -0.5, 0.9)], driving(15.0), &level());
        let tracked = tracker.tracked(&corridor(), &level());
        largest = largest.max(tracked.evidence);
        if tracked.evidence == 0.0 && distance_m < 20.0 {
            break;
        }
        distance_m -= 0.75 * (1.0 - part).max(0.05);
    }
    largest
}

#[test]
fn what_keeps_its_distance_gathers_nothing_and_what_comes_slowly_nearer_does() {
    for part in [0.0, 0.2, 0.4] {
        assert!(of_what_goes_ahead(part) > LEVEL_NATS, "{part}");
    }
    for part in [0.7, 0.9, 1.0] {
        assert_eq!(of_what_goes_ahead(part), 0.0, "{part}");
    }
}

#[test]
fn what_drove_ahead_counts_once_it_stands() {
    let mut tracker = Tracker::default();
    for _ in 0..100 {
        tracker.update(&[seen(30.0, -0.5, 0.9)], driving(15.0), &level());
    }
    assert_eq!(tracker.tracks(), []);
    let stands = (1..=20).map(|i| 30.0 - 0.75 * i as f32);
    for distance_m in stands {
        tracker.update(&[seen(distance_m, -0.5, 0.9)], driving(15.0), &level());
    }
    let tracked = tracker.tracked(&corridor(), &level());
    assert!(tracked.is_confirmed(), "{tracked:?}");
}

#[test]
fn what_counts_is_told_of_a_road_that_is_looked_at() {
    let strengths = |part: f32| {
        let (mut tracker, mut told) = (Tracker::default(), Vec::new());
        for i in 0..10 {
            let distance_m = 30.0 - 0.75 * i as f32 * (1.0 - part);
            let frame = [seen(distance_m, -0.5, 0.9)];
            tracker.follow(&frame, driving(15.0), |s| told.push(s.strength));
        }
        assert_eq!(tracker.tracks(), []);
        told
    };
    assert_eq!(strengths(1.0), [0.0; 10]);
    let stands = strengths(0.0);
    assert_eq!(stands[..2], [0.0; 2]);
    assert_eq!(stands[4..], [0.9; 6]);
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
    let gathered = |tracker: &Tracker| tracker.tracks().iter().map(|t| t.evidence).sum::<f32>();
    let before = gathered(&tracker);
    assert!(before > 0.0);
    for _ in 0..50 {
        tracker.add(&nothing, driving(0.0), &level());
    }
    assert_eq!(gathered(&tracker), before);
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
        // the first frames tell that it comes nearer
        let tracks = tracker.tracks().len();
        assert!(tracks == 1 || frame < 3, "frame {frame} at {ahead}");
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
