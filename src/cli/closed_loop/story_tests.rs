use lookout::decide::Footprint;

use super::*;

pub(in super::super) fn verdict(state: State, reason: Reason) -> Verdict {
    Verdict {
        state,
        safe_stop: state.safe_stop(),
        reason,
        capture_stamp: None,
        age_nanos: None,
        anomalous_pixels: 0,
        corridor_pixels: 0,
        nearest: None,
        tracked: None,
    }
}

#[test]
fn a_stop_counts_only_where_it_is_for_the_thing() {
    let mut story = Story {
        now: Some(Sight {
            frame: 40,
            time_s: 3.0,
            ahead_m: Some(28.0),
        }),
        out_of_sight: Some(0),
        ..Story::default()
    };
    let track = |distance_m| Reason::TrackConfirmed {
        distance_m,
        evidence: 20.0,
        level: 17.0,
    };
    let of = |story: &Story, state, reason| story.mistaken(&verdict(state, reason), 5, None);
    for distance_m in [20.0, 27.0, 30.0, 37.0] {
        assert_eq!(of(&story, State::Stop, track(distance_m)), None);
    }
    // a lid on the road before it, a sign behind it
    for distance_m in [12.0, 45.0] {
        let why = of(&story, State::Stop, track(distance_m));
        assert_eq!(why, Some(", for something else"));
    }
    // what is seen tells more than its distance: the thing with its shadow, a lid beside it
    let confirmed = verdict(State::Stop, track(12.0));
    assert_eq!(story.mistaken(&confirmed, 5, Some(0.5)), None);
    let beside = verdict(State::Stop, track(27.0));
    let why = story.mistaken(&beside, 5, Some(0.1));
    assert_eq!(why, Some(", for something else"));
    let fault = of(&story, State::Fault, Reason::NoFrameYet);
    assert_eq!(fault, Some(""), "the sentence says that it is a fault");
    story.out_of_sight = None;
    let early = of(&story, State::Stop, track(30.0));
    assert_eq!(early, Some(", when the thing was out of sight"));
}

#[test]
fn the_region_of_a_track_is_found_where_it_stands_and_covers_its_part_of_the_thing() {
    let region = |left, distance_m| Region {
        bounding_box: BoundingBox {
            left,
            top: 1,
            width: 2,
            height: 2,
        },
        area: 4,
        centroid: (0.0, 0.0),
        mean_score: 0.8,
        score_variance: 0.0,
        max_score: 0.8,
        corridor_area: 4,
        footprint: Some(Footprint {
            distance_m,
            farthest_m: distance_m,
            left_m: left as f32,
            right_m: left as f32 + 1.0,
            area_m2: 1.0,
        }),
    };
    // the last two stand in one row of the picture
    let regions = [region(0, 30.0), region(0, 20.0), region(2, 20.0)];
    let tracks = regions
        .map(|r| r.footprint.unwrap())
        .into_iter()
        .zip([20.0, 3.0, 20.0]);
    let confirmed = verdict(
        State::Stop,
        Reason::TrackConfirmed {
            distance_m: 20.0,
            evidence: 20.0,
            level: 17.0,
        },
    );
    let shown = shown_by(&confirmed, tracks.clone(), &regions).unwrap();
    assert_eq!(*shown, regions[2].bounding_box);
    assert_eq!(
        shown_by(&confirmed, tracks.clone(), &regions[..2]),
        None,
        "it is not seen"
    );
    let fault = verdict(State::Fault, Reason::NoFrameYet);
    assert_eq!(shown_by(&fault, tracks, &regions), None);
    // a picture of 8x8, twice as fine as the mask; the thing fills its columns 4 and 5, of the mask the third
    let mut truth = Rendered::default();
    (truth.width, truth.height) = (8, 8);
    truth.anomaly = (0..64u32)
        .map(|at| u8::from((4..6).contains(&(at % 8))))
        .collect();
    let mask = AnomalyMask::from_pixels(4, 4, vec![1; 16]).unwrap();
    assert_eq!(covered(&truth, &mask, None), 1.0);
    assert_eq!(covered(&truth, &mask, Some(shown)), 0.5);
    assert_eq!(covered(&truth, &mask, Some(&regions[0].bounding_box)), 0.0);
}
