use super::*;
use crate::calibration::splits_tests::sighting;

const PROMISE: Promise = Promise {
    hours: 0.01,
    confidence: 0.5,
    block_s: 5.0,
};

/// Ten frames a second of a vehicle at 10 m/s, with what stands so far away at each time.
fn drive(seconds: f64, shows: impl Fn(f64) -> Option<(f32, f32)>) -> Vec<CleanFrame> {
    (0..(seconds * 10.0).round() as usize)
        .map(|i| {
            let time_s = i as f64 / 10.0;
            let seen = shows(time_s).map(|(distance_m, strength)| sighting(distance_m, strength));
            CleanFrame {
                time_s,
                motion: Motion {
                    seconds: 0.1,
                    speed_mps: 10.0,
                    curvature: 0.0,
                },
                far_limit_m: Some(30.0),
                blurred: false,
                faulty: false,
                sightings: seen.into_iter().collect(),
            }
        })
        .collect()
}

fn of(drives: Vec<Vec<CleanFrame>>) -> CleanRecordings {
    let mut recordings = CleanRecordings::default();
    for drive in drives {
        recordings.add(drive);
    }
    recordings
}

#[test]
fn only_whole_blocks_count() {
    for (seconds, blocks) in [(4.8, 0), (5.0, 1), (9.7, 1), (20.0, 4), (23.0, 4)] {
        let recording = drive(seconds, |_| None);
        let found = whole_blocks(&recording, PROMISE.block_s);
        assert_eq!(found.len(), blocks, "{seconds} s");
        assert!(found.iter().all(|b| (49..=51).contains(&b.len())));
    }
    assert!(whole_blocks(&[], PROMISE.block_s).is_empty());
}

#[test]
fn the_level_is_over_what_the_blocks_between_show_and_not_over_what_the_table_shows() {
    // something comes nearer for two seconds, in one block of every drive
    let nearing = |in_block: f64| {
        move |t: f64| {
            let since = t - in_block * 5.0;
            (0.0..2.0)
                .contains(&since)
                .then_some((28.0 - 10.0 * since as f32, 0.9))
        }
    };
    // every second drive begins with a block that sets the level
    let block = |i: i32, of_first: f64| {
        if i % 2 == 0 { of_first } else { 3.0 - of_first }
    };
    let in_table = of((0..8)
        .map(|i| drive(20.0, nearing(block(i, 2.0))))
        .collect());
    let between = of((0..8)
        .map(|i| drive(20.0, nearing(block(i, 1.0))))
        .collect());
    let in_table = in_table.level(&PROMISE, 2.5).unwrap();
    let between = between.level(&PROMISE, 2.5).unwrap();
    assert_eq!(in_table.level, 2.0 * MOST_A_FRAME, "nothing else is seen");
    assert!(between.level > in_table.level, "{}", between.level);
    // the table knows what it has seen
    let surprise = |stop: &StopLevel| stop.bands[3].surprise(0.8);
    assert!(surprise(&in_table) < surprise(&between));
}

#[test]
fn recordings_that_are_too_short_are_refused_with_what_is_missing() {
    let short = of(vec![drive(10.0, |_| None)]);
    let error = short.level(&PROMISE, 2.5).unwrap_err();
    assert!(matches!(error, CleanError::TooFewBlocks(_)), "{error}");
    assert!(error.to_string().contains("min more"), "{error}");
}

#[test]
fn the_hash_names_what_was_seen() {
    let data = |shows: Option<(f32, f32)>| {
        let recordings = of(vec![drive(20.0, move |_| shows)]);
        recordings.data(&PROMISE, "a road".to_owned()).unwrap()
    };
    let nothing = data(None);
    assert_eq!((nothing.frames, nothing.hash.len()), (200, 64));
    assert!((nothing.hours - 20.0 / 3600.0).abs() < 1e-9);
    assert_eq!(nothing, data(None));
    assert_ne!(nothing.hash, data(Some((20.0, 0.5))).hash);
    assert_ne!(data(Some((20.0, 0.5))).hash, data(Some((20.0, 0.6))).hash);
}

/// Hours of a recording that count, of its frames that are changed.
fn blocks_of(mut frames: Vec<CleanFrame>, change: impl Fn(&mut CleanFrame)) -> usize {
    frames.iter_mut().for_each(change);
    let data = of(vec![frames]).data(&PROMISE, String::new()).unwrap();
    (data.hours * 3600.0 / PROMISE.block_s).round() as usize
}

#[test]
fn only_time_counts_that_was_looked_at_while_the_vehicle_moved() {
    let whole = || drive(20.0, |_| None);
    assert_eq!(blocks_of(whole(), |_| {}), 4);
    // a frame every ten seconds
    let seldom = drive(60.0, |_| None).into_iter().step_by(100).collect();
    assert_eq!(blocks_of(seldom, |_| {}), 0);
    // no camera, or one that cannot be relied on, from 7 s on: blocks begin at 0 s, 7.7 s and 12.7 s
    let between = |from_s: f64, to_s: f64| {
        move |frame: &CleanFrame| (from_s - 0.05..to_s - 0.05).contains(&frame.time_s)
    };
    let gap = between(7.0, 7.7);
    let without = whole().into_iter().filter(|frame| !gap(frame)).collect();
    assert_eq!(blocks_of(without, |_| {}), 3);
    assert_eq!(blocks_of(whole(), |frame| frame.faulty = gap(frame)), 3);
    assert_eq!(
        blocks_of(whole(), |frame| frame.faulty = frame.time_s > 0.35),
        0
    );
    // less is bridged, and its way belongs to the next frame
    let short = between(7.0, 7.3);
    assert_eq!(blocks_of(whole(), |frame| frame.faulty = short(frame)), 4);
    let mut frames = whole();
    frames
        .iter_mut()
        .for_each(|frame| frame.faulty = short(frame));
    let taken = of(vec![frames]);
    assert!((taken.drives[0][70].motion.seconds - 0.4).abs() < 1e-3);
    // it stands
    assert_eq!(blocks_of(whole(), |frame| frame.motion.speed_mps = 0.0), 0);
    let stands = between(5.0, 10.0);
    let stand = |frame: &mut CleanFrame| {
        if stands(frame) {
            frame.motion.speed_mps = 0.0;
        }
    };
    assert_eq!(blocks_of(whole(), stand), 3);
}

#[test]
fn a_stronger_track_out_of_reach_does_not_hide_one_within_reach() {
    // a thing comes nearer within reach for two seconds, and a farther one, seen for longer, out of it
    let shows = |far: bool| {
        let drives = (0..8).map(|i| {
            let from_s = if i % 2 == 0 { 5.0 } else { 0.0 };
            let mut frames = drive(20.0, |t| {
                let since = t - from_s;
                let near = (1.0..3.0).contains(&since);
                near.then_some((38.0 - 10.0 * since as f32, 0.9))
            });
            let farther = drive(20.0, |t| {
                let since = t - from_s;
                let seen = far && (0.0..3.5).contains(&since);
                seen.then_some((75.0 - 10.0 * since as f32, 0.9))
            });
            for (frame, farther) in frames.iter_mut().zip(farther) {
                frame.sightings.extend(farther.sightings);
            }
            frames
        });
        of(drives.collect()).level(&PROMISE, 2.5).unwrap().level
    };
    let near = shows(false);
    assert!(near > 4.0 * MOST_A_FRAME, "{near}");
    assert_eq!(shows(true), near);
}

#[test]
fn every_part_of_a_drive_sets_the_level_and_makes_the_table() {
    let uses = |seconds: f64| {
        let drives: Vec<_> = (0..4).map(|_| drive(seconds, |_| None)).collect();
        let blocks = halved(&drives, PROMISE.block_s);
        let tables = |drive: &Vec<Block>| drive.iter().map(|block| block.is_table).collect();
        blocks.iter().map(tables).collect::<Vec<Vec<bool>>>()
    };
    let (table, level) = (true, false);
    assert_eq!(uses(5.0), [[table], [level], [table], [level]]);
    let (odd, even) = ([table, level], [level, table]);
    assert_eq!(uses(10.0), [odd, even, odd, even]);
    let (odd, even) = ([table, level, table], [level, table, level]);
    assert_eq!(uses(15.0), [odd, even, odd, even]);
}

#[test]
fn recordings_of_other_frame_rates_are_refused() {
    let slower = |by: f64| {
        let mut frames = drive(20.0, |_| None);
        frames.iter_mut().for_each(|frame| frame.time_s *= by);
        let both = of(vec![drive(20.0, |_| None), frames]);
        both.data(&PROMISE, String::new())
    };
    assert_eq!(slower(1.0).unwrap().frame_rate, 10.0);
    assert!(slower(1.2).is_ok());
    let error = slower(2.0).unwrap_err();
    assert!(matches!(error, CleanError::FrameRates { .. }), "{error}");
    // a fragment without a whole block decides nothing
    let mut fragment = drive(0.3, |_| None);
    fragment.iter_mut().for_each(|frame| frame.time_s *= 2.0);
    let with = of(vec![drive(20.0, |_| None), fragment]);
    assert_eq!(with.data(&PROMISE, String::new()).unwrap().frame_rate, 10.0);
}
