//! Clean recordings, and the stop level that they carry.
//!
//! Every recording is cut into blocks of time. Every second block is what clean frames look like, and the
//! blocks between set the level: nothing is tried on what it was made from.

use std::cmp::Ordering;
use std::fmt::Write as _;
use std::ops::Range;

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
const ALLOWANCE: f32 = 6.0;
const MOST_A_FRAME: f32 = 2.5;
/// Longest time between two frames of a block, in seconds: what nobody looked at is not known to be clean.
const LONGEST_GAP_S: f64 = 0.5;
/// A block counts as driving where the vehicle reaches this speed at some time, in m/s.
const MOVES_MPS: f32 = 0.5;
/// Frame rates of recordings that go together, the highest to the lowest.
const MOST_RATES: f64 = 1.25;
/// Differences of stamps are rounded by less than this, in seconds.
const ROUNDING_S: f64 = 1e-6;

/// What a frame shows, and how the vehicle moved to there.
#[derive(Clone, Debug)]
pub struct CleanFrame {
    /// Capture time, in seconds from any beginning.
    pub time_s: f64,
    /// How the vehicle moved since the frame before; the time is reckoned when the recording is taken.
    pub motion: Motion,
    /// Its stopping distance in metres, where the speed is known.
    pub far_limit_m: Option<f32>,
    /// Whether its picture is blurred: it cannot show that there is nothing.
    pub blurred: bool,
    /// Whether it cannot be relied on: it counts for nothing.
    pub faulty: bool,
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
    /// A level holds for one frame rate.
    #[error(
        "one recording has {least:.1} frames a second and another {most:.1}: evidence is gathered by the frame, so \
         give recordings of one frame rate"
    )]
    FrameRates {
        /// The lowest.
        least: f64,
        /// The highest.
        most: f64,
    },
}

/// Some frames of a recording, for one of two uses.
struct Block {
    frames: Range<usize>,
    /// Whether it is what clean frames look like; else it sets the level.
    is_table: bool,
}

impl CleanRecordings {
    /// Regions under this share of the score map are not looked at, in parts per million: three pixels of a map of
    /// 120x88.
    pub const MIN_REGION_PPM: u32 = 280;

    /// Takes a recording, its frames in the order of time. Those that are faulty are left out, and their way
    /// belongs to the next.
    pub fn add(&mut self, mut frames: Vec<CleanFrame>) {
        frames.retain(|frame| !frame.faulty);
        let mut before_s = None;
        for frame in &mut frames {
            let since_s = before_s.map_or(f64::INFINITY, |before_s| frame.time_s - before_s);
            frame.motion.seconds = since_s as f32;
            before_s = Some(frame.time_s);
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
    ///
    /// # Errors
    /// The frame rates of those with a whole block differ.
    pub fn data(&self, promise: &Promise, recordings: String) -> Result<StopData, CleanError> {
        let blocks = halved(&self.drives, promise.block_s);
        let blocks = blocks.iter().flatten().count();
        let digest = self.hash.clone().finalize();
        Ok(StopData {
            hash: digest.iter().fold(String::new(), |mut text, byte| {
                let _ = write!(text, "{byte:02x}");
                text
            }),
            recordings,
            frames: self.drives.iter().map(|drive| drive.len() as u64).sum(),
            hours: blocks as f64 * promise.block_s / 3600.0,
            frame_rate: self.frame_rate(promise.block_s)?,
        })
    }

    /// Frames a second of the recordings that count, to a hundredth; 0 where none does.
    fn frame_rate(&self, block_s: f64) -> Result<f64, CleanError> {
        let counts = |drive: &&Vec<CleanFrame>| !whole_blocks(drive, block_s).is_empty();
        let rates = self.drives.iter().filter(counts).filter_map(|drive| {
            let next = drive.iter().skip(1);
            let gaps_s = drive.iter().zip(next).map(|(a, b)| b.time_s - a.time_s);
            median(gaps_s.filter(|gap_s| *gap_s > 0.0).collect())
        });
        let rates: Vec<f64> = rates.map(|gap_s| 1.0 / gap_s).collect();
        let least = rates.iter().copied().fold(f64::INFINITY, f64::min);
        let most = rates.iter().copied().fold(0.0, f64::max);
        if most > MOST_RATES * least {
            return Err(CleanError::FrameRates { least, most });
        }
        Ok(median(rates).map_or(0.0, |rate| (rate * 100.0).round() / 100.0))
    }

    /// The stop level that keeps a promise on a way so many metres wide.
    ///
    /// # Errors
    /// They are too short for the promise, or what they give is out of range.
    pub fn level(&self, promise: &Promise, way_width_m: f32) -> Result<StopLevel, CleanError> {
        let blocks = halved(&self.drives, promise.block_s);
        let counted: Vec<_> = self.drives.iter().map(|drive| counted(drive)).collect();
        let mut stop = StopLevel {
            level: f32::MAX,
            most_a_frame: MOST_A_FRAME,
            allowance: ALLOWANCE,
            min_region_ppm: Self::MIN_REGION_PPM,
            bands: bands(&counted, &blocks),
        };
        let maxima = largest_evidence(&self.drives, &blocks, way_width_m, &stop);
        let level = promise.level(&maxima)?;
        // no single frame confirms a stop
        stop.level = level.max(2.0 * MOST_A_FRAME);
        stop.validate()?;
        Ok(stop)
    }
}

fn median(mut values: Vec<f64>) -> Option<f64> {
    values.sort_unstable_by(f64::total_cmp);
    values.get(values.len() / 2).copied()
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

/// The recordings in whole blocks, every second one for the table of clean frames. One begins with the use that
/// has fewer so far, and where both have as many with another than the one before: short ones are halved too, and
/// neither use is always made of the same part of a drive.
fn halved(drives: &[Vec<CleanFrame>], block_s: f64) -> Vec<Vec<Block>> {
    let (mut tables, mut levels) = (0, 0);
    let mut begins_with_table = false;
    let of = |drive: &Vec<CleanFrame>| {
        let whole = whole_blocks(drive, block_s);
        if whole.is_empty() {
            return Vec::new();
        }
        begins_with_table = match tables.cmp(&levels) {
            Ordering::Less => true,
            Ordering::Greater => false,
            Ordering::Equal => !begins_with_table,
        };
        let blocks = whole.into_iter().enumerate().map(|(number, frames)| Block {
            frames,
            is_table: number.is_multiple_of(2) == begins_with_table,
        });
        let blocks: Vec<Block> = blocks.collect();
        let of_table = blocks.iter().filter(|block| block.is_table).count();
        tables += of_table;
        levels += blocks.len() - of_table;
        blocks
    };
    drives.iter().map(of).collect()
}

/// A recording in whole blocks of time in which the vehicle moves. Where no frame came for long the next block
/// begins.
fn whole_blocks(frames: &[CleanFrame], block_s: f64) -> Vec<Range<usize>> {
    let gap_s = |a: &CleanFrame, b: &CleanFrame| b.time_s - a.time_s;
    let goes_on = |a: &CleanFrame, b: &CleanFrame| (0.0..=LONGEST_GAP_S).contains(&gap_s(a, b));
    let mut blocks = Vec::new();
    let mut run_from = 0;
    for run in frames.chunk_by(goes_on) {
        let mut from = run_from;
        run_from += run.len();
        let (Some(first), Some(last)) = (run.first(), run.last()) else {
            continue;
        };
        let frame_s = gap_s(first, last) / (run.len().max(2) - 1) as f64;
        let number = |frame: &CleanFrame| ((gap_s(first, frame) + ROUNDING_S) / block_s) as usize;
        for block in run.chunk_by(|a, b| number(a) == number(b)) {
            let to = from + block.len();
            // what the last one lacks is about a frame where it is whole
            let length_s = block.first().map_or(0.0, |begin| gap_s(begin, last));
            let is_whole = to < run_from || length_s + 1.5 * frame_s >= block_s;
            let speeds = block.iter().map(|frame| frame.motion.speed_mps.abs());
            if is_whole && speeds.fold(0.0, f32::max) >= MOVES_MPS {
                blocks.push(from..to);
            }
            from = to;
        }
    }
    blocks
}

/// What clean frames look like, band by band.
fn bands(drives: &[Vec<CleanFrame>], blocks: &[Vec<Block>]) -> Vec<Band> {
    let of_tables = drives.iter().zip(blocks).flat_map(|(drive, blocks)| {
        let tables = blocks.iter().filter(|block| block.is_table);
        tables.filter_map(|block| drive.get(block.frames.clone()))
    });
    let frames: Vec<&CleanFrame> = of_tables.flatten().collect();
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
    drives: &[Vec<CleanFrame>],
    blocks: &[Vec<Block>],
    way_width_m: f32,
    level: &StopLevel,
) -> Vec<f32> {
    let mut corridor = GroundCorridor::new(Trapezoid::everywhere(), way_width_m);
    let mut maxima = Vec::new();
    for (drive, blocks) in drives.iter().zip(blocks) {
        let mut tracker = Tracker::default();
        let in_reach = |frame: &CleanFrame| {
            corridor.set_curvature(frame.motion.curvature);
            corridor.set_far_limit(frame.far_limit_m);
            match frame.blurred {
                true => tracker.add(&frame.sightings, frame.motion, level),
                false => tracker.update(&frame.sightings, frame.motion, level),
            }
            // a stronger one out of reach does not hide it: at run time it confirms a stop all the same
            let tracks = tracker.tracks().iter().filter(|track| {
                corridor.share_on_way(&track.footprint) > 0.0
                    && corridor.is_in_reach(track.footprint.distance_m)
            });
            tracks.map(|track| track.evidence).fold(0.0, f32::max)
        };
        let evidence: Vec<f32> = drive.iter().map(in_reach).collect();
        let of_level = blocks.iter().filter(|block| !block.is_table);
        maxima.extend(of_level.map(|block| {
            let inside = evidence.get(block.frames.clone()).unwrap_or_default();
            inside.iter().copied().fold(0.0, f32::max)
        }));
    }
    maxima
}

#[cfg(test)]
#[path = "clean_tests.rs"]
mod tests;
