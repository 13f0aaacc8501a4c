//! Clean recordings, and the stop level that they carry.
//!
//! Every recording is cut into blocks of time. Every second block is what clean frames look like, and the
//! blocks between set the level: nothing is tried on what it was made from.

use std::fmt::Write as _;

use sha2::{Digest, Sha256};
use thiserror::Error;

use super::promise::TooFewBlocks;
use super::{Promise, StopData};
use crate::decide::{
    Band, GroundCorridor, Motion, Sighting, StopLevel, StopLevelError, Tracker, Trapezoid,
};

/// Ends of the bands of distance, in metres.
const BANDS_M: [f32; 7] = [8.0, 12.0, 18.0, 27.0, 40.0, 60.0, 90.0];
/// What a frame takes from a track, and may add to it at most, in nats.
const ALLOWANCE: f32 = 5.0;
const MOST_A_FRAME: f32 = 2.5;

/// What a frame shows, and how the vehicle moved to there.
#[derive(Clone, Debug)]
pub struct CleanFrame {
    /// Capture time, in seconds from any beginning.
    pub time_s: f64,
    /// How the vehicle moved since the frame before.
    pub motion: Motion,
    /// Its stopping distance in metres, where the speed is known.
    pub far_limit_m: Option<f32>,
    /// Whether its picture is blurred: it cannot show that there is nothing.
    pub blurred: bool,
    /// What stood on the ground.
    pub sightings: Vec<Sighting>,
}

/// Recordings of roads with nothing strange on them, as the networks saw them.
#[derive(Clone, Debug, Default)]
pub struct CleanRecordings {
    drives: Vec<Vec<CleanFrame>>,
    hash: Sha256,
}

/// Recordings from which no stop level can be made.
#[derive(Clone, Debug, PartialEq, Error)]
pub enum CleanError {
    /// They are too short for the promise.
    #[error(transparent)]
    TooFewBlocks(#[from] TooFewBlocks),
    /// What they give is out of range.
    #[error(transparent)]
    Level(#[from] StopLevelError),
}

impl CleanRecordings {
    /// Regions under this share of the score map are not looked at, in parts per million: three pixels of a map of
    /// 120x88.
    pub const MIN_REGION_PPM: u32 = 280;

    /// Takes a recording, its frames in the order of time.
    pub fn add(&mut self, frames: Vec<CleanFrame>) {
        for frame in &frames {
            self.hash.update(frame.time_s.to_le_bytes());
            for sighting in &frame.sightings {
                let footprint_m = sighting.footprint.distance_m;
                self.hash.update(footprint_m.to_le_bytes());
                self.hash.update(sighting.distance_m.to_le_bytes());
                self.hash.update(sighting.strength.to_le_bytes());
            }
        }
        self.drives.push(frames);
    }

    /// What a file of stop levels says of them; `recordings` are words for people.
    pub fn data(&self, promise: &Promise, recordings: String) -> StopData {
        let blocks = blocks(&self.drives, promise.block_s)
            .iter()
            .flatten()
            .count();
        let digest = self.hash.clone().finalize();
        StopData {
            hash: digest.iter().fold(String::new(), |mut text, byte| {
                let _ = write!(text, "{byte:02x}");
                text
            }),
            recordings,
            frames: self.drives.iter().map(|drive| drive.len() as u64).sum(),
            hours: blocks as f64 * promise.block_s / 3600.0,
        }
    }

    /// The stop level that keeps a promise on a way so many metres wide.
    ///
    /// # Errors
    /// They are too short for the promise, or what they give is out of range.
    pub fn level(&self, promise: &Promise, way_width_m: f32) -> Result<StopLevel, CleanError> {
        let drives = blocks(&self.drives, promise.block_s);
        let counted: Vec<_> = self.drives.iter().map(|drive| counted(drive)).collect();
        let mut stop = StopLevel {
            level: f32::MAX,
            most_a_frame: MOST_A_FRAME,
            allowance: ALLOWANCE,
            min_region_ppm: Self::MIN_REGION_PPM,
            bands: bands(&blocks(&counted, promise.block_s)),
        };
        let level = promise.level(&largest_evidence(&drives, way_width_m, &stop))?;
        // no single frame confirms a stop
        stop.level = level.max(2.0 * MOST_A_FRAME);
        stop.validate()?;
        Ok(stop)
    }
}

/// A recording as it counts: the strength of each sighting that a tracker follows it with.
fn counted(drive: &[CleanFrame]) -> Vec<CleanFrame> {
    let mut tracker = Tracker::default();
    let as_counted = |frame: &CleanFrame| {
        let mut sightings = Vec::with_capacity(frame.sightings.len());
        tracker.follow(&frame.sightings, frame.motion, |s| sightings.push(*s));
        CleanFrame {
            sightings,
            ..frame.clone()
        }
    };
    drive.iter().map(as_counted).collect()
}

fn blocks(drives: &[Vec<CleanFrame>], block_s: f64) -> Vec<Vec<&[CleanFrame]>> {
    let drives = drives.iter();
    drives.map(|drive| whole_blocks(drive, block_s)).collect()
}

/// A recording in whole blocks of time.
fn whole_blocks(frames: &[CleanFrame], block_s: f64) -> Vec<&[CleanFrame]> {
    let (Some(first), Some(last)) = (frames.first(), frames.last()) else {
        return Vec::new();
    };
    let number = |frame: &CleanFrame| ((frame.time_s - first.time_s) / block_s) as usize;
    let mut blocks: Vec<_> = frames.chunk_by(|a, b| number(a) == number(b)).collect();
    // what the last one lacks is about a frame where it is whole
    let frame_s = (last.time_s - first.time_s) / (frames.len().max(2) - 1) as f64;
    let length_s = blocks.last().and_then(|block| block.first());
    let length_s = length_s.map_or(0.0, |begin| last.time_s - begin.time_s);
    if length_s + 1.5 * frame_s < block_s {
        blocks.pop();
    }
    blocks
}

/// Whether a block is one of those that the table of clean frames is made of; the others set the level.
/// They alternate over all recordings, so that short ones are halved too.
fn is_table(number: usize) -> bool {
    number.is_multiple_of(2)
}

/// What clean frames look like, band by band.
fn bands(drives: &[Vec<&[CleanFrame]>]) -> Vec<Band> {
    let blocks = drives.iter().flatten().enumerate();
    let table = blocks.filter(|(number, _)| is_table(*number));
    let frames: Vec<&CleanFrame> = table.flat_map(|(_, block)| block.iter()).collect();
    let mut from = 0.0;
    let of = |to_m: f32| {
        let inside = from..to_m;
        from = to_m;
        let strongest = frames.iter().map(|frame| {
            let there = frame.sightings.iter();
            let there = there.filter(|s| inside.contains(&s.footprint.distance_m));
            there.map(|s| s.strength).fold(0.0, f32::max)
        });
        Band::new(to_m, strongest.collect())
    };
    BANDS_M.into_iter().map(of).collect()
}

/// The largest evidence of anything within the stopping distance, in each block that sets the level.
fn largest_evidence(
    drives: &[Vec<&[CleanFrame]>],
    way_width_m: f32,
    level: &StopLevel,
) -> Vec<f32> {
    let mut corridor = GroundCorridor::new(Trapezoid::everywhere(), way_width_m);
    let mut maxima = Vec::new();
    let mut number = 0;
    for drive in drives {
        let mut tracker = Tracker::default();
        for block in drive {
            let mut largest = 0.0f32;
            for frame in *block {
                corridor.set_curvature(frame.motion.curvature);
                corridor.set_far_limit(frame.far_limit_m);
                match frame.blurred {
                    true => tracker.add(&frame.sightings, frame.motion, level),
                    false => tracker.update(&frame.sightings, frame.motion, level),
                }
                let tracked = tracker.tracked(&corridor, level);
                if tracked.in_reach {
                    largest = largest.max(tracked.evidence);
                }
            }
            if !is_table(number) {
                maxima.push(largest);
            }
            number += 1;
        }
    }
    maxima
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::decide::Footprint;

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
                let sighting = shows(time_s).map(|(distance_m, strength)| Sighting {
                    footprint: Footprint {
                        distance_m,
                        farthest_m: distance_m,
                        left_m: -0.5,
                        right_m: 0.5,
                        area_m2: 1.0,
                    },
                    distance_m,
                    strength,
                });
                CleanFrame {
                    time_s,
                    motion: Motion {
                        seconds: 0.1,
                        speed_mps: 10.0,
                        curvature: 0.0,
                    },
                    far_limit_m: Some(30.0),
                    blurred: false,
                    sightings: sighting.into_iter().collect(),
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
        let in_table = of((0..8).map(|_| drive(20.0, nearing(2.0))).collect());
        let between = of((0..8).map(|_| drive(20.0, nearing(1.0))).collect());
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
        assert!(error.to_string().contains("hours more"), "{error}");
    }

    #[test]
    fn the_hash_names_what_was_seen() {
        let data = |shows: Option<(f32, f32)>| {
            let recordings = of(vec![drive(20.0, move |_| shows)]);
            recordings.data(&PROMISE, "a road".to_owned())
        };
        let nothing = data(None);
        assert_eq!((nothing.frames, nothing.hash.len()), (200, 64));
        assert!((nothing.hours - 20.0 / 3600.0).abs() < 1e-9);
        assert_eq!(nothing, data(None));
        assert_ne!(nothing.hash, data(Some((20.0, 0.5))).hash);
        assert_ne!(data(Some((20.0, 0.5))).hash, data(Some((20.0, 0.6))).hash);
    }
}
