//! What stands on the ground, followed over frames, and what that adds up to.
//!
//! A track is one thing as it comes nearer: it is carried along by the vehicle's own way between two
//! frames, and takes what is seen where it should stand. Its **evidence** is a CUSUM (Page, 1954): every
//! frame adds how surprising the sight is on a road like those that were recorded, minus an allowance,
//! and it never falls below zero. So what flickers cancels itself, and what stays adds up.

use heapless::Vec as FixedVec;
use serde::Serialize;

use super::{Footprint, GroundCorridor, MAX_REGIONS, Regions, StopLevel};

/// Tracks that are followed at a time; the weakest gives way to a stronger new one.
pub const MAX_TRACKS: usize = 16;
/// Something may be seen so much nearer or farther than it is expected, as a ratio: a row of the score
/// map is a fifth of the distance at 30 m.
const RATIO_GATE: f32 = 1.4;
/// And so far beside it: a part of the distance, and some metres.
const BESIDE_GATE: (f32, f32) = (0.03, 0.5);
/// After so long without a frame nothing is expected of any track, in seconds.
const LONGEST_GAP_S: f32 = 1.0;
/// What is nearer than this is under the picture's lower edge, in metres.
const OUT_OF_SIGHT_M: f32 = 1.0;

/// What is so high in metres, on average over its width, counts in full. What lies flat on the road, an arrow
/// or the lid of a manhole, covers little that is upright.
const FULL_HEIGHT_M: f32 = 1.0;

/// What one frame shows of something that stands on the ground.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Sighting {
    /// Where it stands.
    pub footprint: Footprint,
    /// How sure the score is that there is something strange in the corridor, 0 ..= 1: how far its
    /// largest score is over the threshold, in parts of what is possible, times the part of its width
    /// that lies on the way, times its height in metres where that is less than one.
    pub strength: f32,
}

/// What is seen in one frame, the largest regions first.
pub type Sightings = FixedVec<Sighting, MAX_REGIONS>;

/// How the vehicle moved since the frame before.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Motion {
    /// Time from frame to frame, in seconds.
    pub seconds: f32,
    /// Speed in m/s; 0 where it is not known.
    pub speed_mps: f32,
    /// Curvature of the way in 1/m, to the left positive.
    pub curvature: f32,
}

/// Something that is followed.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Track {
    /// Where it stands, in the latest frame or as it is expected there.
    pub footprint: Footprint,
    /// What it has gathered, in nats: over 0.
    pub evidence: f32,
}

/// What the tracks say of the corridor.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct Tracked {
    /// Evidence of the track that matters most, in nats; 0 when no track is in the corridor.
    pub evidence: f32,
    /// Evidence that confirms a stop, in nats.
    pub level: f32,
    /// Distance to what it follows, in metres along the ground; infinite when no track is in the corridor.
    pub distance_m: f32,
    /// Whether that is within the stopping distance.
    pub in_reach: bool,
}

impl Tracked {
    /// Whether a stop is confirmed.
    pub fn is_confirmed(&self) -> bool {
        self.in_reach && self.evidence >= self.level
    }

    /// Whether there is enough to warn of it: half of what confirms a stop.
    pub fn is_candidate(&self) -> bool {
        self.evidence >= self.level / 2.0
    }
}

/// Takes what the regions of a frame show of the ground.
pub fn sightings(
    regions: &Regions,
    threshold: f32,
    corridor: &GroundCorridor,
    out: &mut Sightings,
) {
    out.clear();
    let possible = (1.0 - threshold).max(f32::MIN_POSITIVE);
    for region in regions.largest() {
        let Some(footprint) = region.footprint else {
            continue;
        };
        let sure = ((region.max_score - threshold) / possible).clamp(0.0, 1.0);
        // without width nothing is known of the height, and all of it counts
        let height = (footprint.area_m2 / footprint.width_m() / FULL_HEIGHT_M).min(1.0);
        let strength = sure * corridor.share_on_way(&footprint) * height;
        // there is room for every region
        let _ = out.push(Sighting {
            footprint,
            strength,
        });
    }
}

/// Follows what stands on the ground. Fixed capacity: allocates nothing.
#[derive(Clone, Debug, Default)]
pub struct Tracker {
    tracks: FixedVec<Track, MAX_TRACKS>,
}

impl Tracker {
    /// The tracks after the latest frame, the strongest first.
    pub fn tracks(&self) -> &[Track] {
        &self.tracks
    }

    /// Forgets every track.
    pub fn clear(&mut self) {
        self.tracks.clear();
    }

    /// Takes a frame.
    pub fn update(&mut self, seen: &[Sighting], motion: Motion, level: &StopLevel) {
        self.take(seen, motion, |sighting| level.gain(sighting));
    }

    /// Takes a frame that was blurred or late. What it shows adds evidence; what it does not show takes no evidence away.
    pub fn add(&mut self, seen: &[Sighting], motion: Motion, level: &StopLevel) {
        self.take(seen, motion, |sighting| level.gain(sighting).max(0.0));
    }

    fn take(
        &mut self,
        seen: &[Sighting],
        motion: Motion,
        gain_of: impl Fn(Option<&Sighting>) -> f32,
    ) {
        if !(0.0..=LONGEST_GAP_S).contains(&motion.seconds) {
            self.tracks.clear();
        }
        let mut taken = [false; MAX_REGIONS];
        // the strongest track chooses first
        for track in &mut self.tracks {
            let expected = moved(track.footprint, motion);
            let free = seen.iter().zip(&mut taken).filter(|(_, taken)| !**taken);
            let near = free.filter_map(|(sighting, taken)| {
                let off = distance(&expected, &sighting.footprint)?;
                Some((off, sighting, taken))
            });
            let best = near.min_by(|a, b| a.0.total_cmp(&b.0));
            let (footprint, gain) = match best {
                Some((_, sighting, taken)) => {
                    *taken = true;
                    (sighting.footprint, gain_of(Some(sighting)))
                }
                None => (expected, gain_of(None)),
            };
            *track = Track {
                footprint,
                evidence: track.evidence + gain,
            };
        }
        self.tracks
            .retain(|t| t.evidence > 0.0 && t.footprint.distance_m > OUT_OF_SIGHT_M);
        for (sighting, _) in seen.iter().zip(taken).filter(|(_, taken)| !taken) {
            let evidence = gain_of(Some(sighting));
            if evidence > 0.0 {
                self.begin(Track {
                    footprint: sighting.footprint,
                    evidence,
                });
            }
        }
        self.tracks
            .sort_unstable_by(|a, b| b.evidence.total_cmp(&a.evidence));
    }

    fn begin(&mut self, track: Track) {
        if self.tracks.is_full() {
            let weakest = self.tracks.iter_mut();
            let weakest = weakest.min_by(|a, b| a.evidence.total_cmp(&b.evidence));
            if let Some(weakest) = weakest.filter(|weakest| weakest.evidence < track.evidence) {
                *weakest = track;
            }
            return;
        }
        // there is room
        let _ = self.tracks.push(track);
    }

    /// What they say of the corridor: of those on the way, the strongest within the stopping distance
    /// where its evidence confirms a stop, else the strongest of all.
    pub fn tracked(&self, corridor: &GroundCorridor, level: &StopLevel) -> Tracked {
        let on_way = self
            .tracks
            .iter()
            .filter(|track| corridor.share_on_way(&track.footprint) > 0.0)
            .map(|track| Tracked {
                evidence: track.evidence,
                level: level.level,
                distance_m: track.footprint.distance_m,
                in_reach: corridor.is_in_reach(track.footprint.distance_m),
            });
        let nothing = Tracked {
            evidence: 0.0,
            level: level.level,
            distance_m: f32::INFINITY,
            in_reach: false,
        };
        on_way.fold(nothing, |best, next| {
            let key = |t: &Tracked| (t.is_confirmed(), t.evidence);
            if key(&next) > key(&best) { next } else { best }
        })
    }
}

/// Where something that stands is after the vehicle's motion.
fn moved(footprint: Footprint, motion: Motion) -> Footprint {
    let way = motion.speed_mps * motion.seconds;
    let turned = motion.curvature * way;
    let ahead = footprint.distance_m - way;
    let middle = (footprint.left_m + footprint.right_m) / 2.0;
    Footprint {
        distance_m: ahead - middle * turned,
        left_m: footprint.left_m + ahead * turned,
        right_m: footprint.right_m + ahead * turned,
        ..footprint
    }
}

/// How far from where it is expected something is seen, in parts of what is allowed; `None` beyond.
fn distance(expected: &Footprint, found: &Footprint) -> Option<f32> {
    let far = expected.distance_m.max(found.distance_m);
    let ratio = far / expected.distance_m.min(found.distance_m);
    let gate = BESIDE_GATE.0 * far + BESIDE_GATE.1;
    let gap = expected.left_m.max(found.left_m) - expected.right_m.min(found.right_m);
    // what is no number is within no gate
    ((1.0..=RATIO_GATE).contains(&ratio) && gap <= gate)
        .then(|| ratio.ln() / RATIO_GATE.ln() + gap.max(0.0) / gate)
}

#[cfg(test)]
#[path = "tracks_tests.rs"]
mod tests;
