//! What stands on the ground, followed over frames, and what that adds up to.
//!
//! A track is one thing as it comes nearer: it is carried along by the vehicle's own way between two
//! frames, and takes what is seen where it should stand. Its **evidence** is a CUSUM (Page, 1954): every
//! frame adds how surprising the sight is on a road like those that were recorded, minus an allowance,
//! and it never falls below zero. So what flickers cancels itself, and what stays adds up. What does not
//! come nearer, a car that drives ahead or a place in the picture, is no sight of something that stands.

use std::cmp::Ordering;

use heapless::Vec as FixedVec;
use serde::Serialize;

use super::sightings::FARTHEST;
use super::{Footprint, GroundCorridor, MAX_REGIONS, Sighting, StopLevel};

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
/// What has no evidence is looked for so long after it was seen last, in seconds.
const LOST_S: f32 = 0.5;
/// The speed ahead is estimated while the vehicle drives this part of the thing's distance.
const TOLD_OVER: f32 = 0.3;
/// What goes ahead with less than this part of the vehicle's speed comes nearer, and counts ...
const COMES_NEARER: f32 = 0.5;
/// ... and what once went ahead with so much of it counts again from so little on.
const GOES_AHEAD: f32 = 0.7;
const STANDS_AGAIN: f32 = 0.25;

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
    /// What it has gathered, in nats.
    pub evidence: f32,
    /// Distance to its foot in metres where it was seen last, as in [`Sighting::distance_m`].
    distance_m: f32,
    /// How far the vehicle has gone since, in metres.
    gone_m: f32,
    /// With what part of the vehicle's speed it goes ahead, 0 ..= 1: how much farther away it is seen than if
    /// it stood, in parts of the way that this is told over.
    ahead: f32,
    /// Whether it goes ahead of the vehicle.
    goes_ahead: bool,
    /// Time since it was seen last, in seconds.
    unseen_s: f32,
}

impl Track {
    /// Of what is seen for the first time: whether it comes nearer is not known before the vehicle has
    /// gone on, and is taken for not.
    fn begin(sighting: &Sighting, way_m: f32) -> Self {
        Self {
            footprint: sighting.footprint,
            evidence: 0.0,
            distance_m: sighting.distance_m,
            gone_m: 0.0,
            ahead: COMES_NEARER + way_m / told_over(sighting),
            goes_ahead: false,
            unseen_s: 0.0,
        }
    }

    /// Is seen there again.
    fn see(&mut self, sighting: &Sighting) {
        let distance = sighting.distance_m;
        let gone = self.gone_m;
        let told_over = told_over(sighting);
        let kept = (1.0 - gone / told_over).max(0.0);
        // more than the vehicle went is an error of the distance, or another thing
        let more = (distance + gone - self.distance_m).min(gone).max(-gone);
        // what is no number is taken for the most
        let ahead = (self.ahead * kept + more / told_over).min(1.0);
        self.ahead = ahead.max(0.0);
        let limit = if self.goes_ahead {
            STANDS_AGAIN
        } else {
            GOES_AHEAD
        };
        self.goes_ahead = self.ahead > limit;
        (self.footprint, self.distance_m) = (sighting.footprint, distance);
        (self.gone_m, self.unseen_s) = (0.0, 0.0);
    }

    /// What it is seen by, as far as it counts: what does not come nearer has no strength. While the vehicle
    /// stands nothing comes nearer, and only what went ahead before does not count.
    fn counted(&self, sighting: &Sighting, way_m: f32) -> Sighting {
        let counts = !self.goes_ahead && (self.ahead <= COMES_NEARER || way_m == 0.0);
        Sighting {
            strength: if counts { sighting.strength } else { 0.0 },
            ..*sighting
        }
    }

    /// Which of two matters more: by evidence, then what was seen last, then what is nearer.
    fn rank(&self, other: &Self) -> Ordering {
        let evidence = self.evidence.total_cmp(&other.evidence);
        let unseen = other.unseen_s.total_cmp(&self.unseen_s);
        let nearer = other
            .footprint
            .distance_m
            .total_cmp(&self.footprint.distance_m);
        evidence.then(unseen).then(nearer)
    }
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

/// Follows what stands on the ground. Fixed capacity: allocates nothing.
#[derive(Clone, Debug, Default)]
pub struct Tracker {
    tracks: FixedVec<Track, MAX_TRACKS>,
}

impl Tracker {
    /// The tracks that have evidence after the latest frame, the strongest first.
    pub fn tracks(&self) -> &[Track] {
        let with = self.tracks.partition_point(|track| track.evidence > 0.0);
        self.tracks.get(..with).unwrap_or_default()
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

    /// Takes a frame of a road that is looked at before there is a level: nothing gathers evidence. `counted`
    /// is told of each sighting with the strength that counts.
    pub fn follow(
        &mut self,
        seen: &[Sighting],
        motion: Motion,
        mut counted: impl FnMut(&Sighting),
    ) {
        self.take(seen, motion, |sighting| {
            sighting.into_iter().for_each(&mut counted);
            0.0
        });
    }

    fn take(
        &mut self,
        seen: &[Sighting],
        motion: Motion,
        mut gain_of: impl FnMut(Option<&Sighting>) -> f32,
    ) {
        let goes_on = (0.0..=LONGEST_GAP_S).contains(&motion.seconds);
        if !goes_on {
            self.tracks.clear();
        }
        // backwards, or by no number, nothing comes nearer
        let way = motion.speed_mps * motion.seconds;
        let way_m = if goes_on && way > 0.0 { way } else { 0.0 };
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
            track.gone_m += way_m;
            let gain = match best {
                Some((_, sighting, taken)) => {
                    *taken = true;
                    track.see(sighting);
                    gain_of(Some(&track.counted(sighting, way_m)))
                }
                None => {
                    track.footprint = expected;
                    track.unseen_s += motion.seconds;
                    gain_of(None)
                }
            };
            // what is no number is none
            track.evidence = (track.evidence + gain).max(0.0);
        }
        self.tracks.retain(|t| {
            (t.evidence > 0.0 || t.unseen_s < LOST_S) && t.footprint.distance_m > OUT_OF_SIGHT_M
        });
        for (sighting, _) in seen.iter().zip(taken).filter(|(_, taken)| !taken) {
            let mut track = Track::begin(sighting, way_m);
            track.evidence = gain_of(Some(&track.counted(sighting, way_m))).max(0.0);
            if sighting.strength > 0.0 {
                self.begin(track);
            }
        }
        self.tracks.sort_unstable_by(|a, b| b.rank(a));
    }

    fn begin(&mut self, track: Track) {
        if self.tracks.is_full() {
            let least = self.tracks.iter_mut().min_by(|a, b| a.rank(b));
            if let Some(least) = least.filter(|least| least.rank(&track).is_lt()) {
                *least = track;
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
            .tracks()
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

/// The way that tells whether it comes nearer, in metres.
fn told_over(sighting: &Sighting) -> f32 {
    let nearest = sighting.footprint.distance_m;
    TOLD_OVER * sighting.distance_m.min(FARTHEST * nearest)
}

/// Where something that stands is after the vehicle's motion.
fn moved(footprint: Footprint, motion: Motion) -> Footprint {
    let way = motion.speed_mps * motion.seconds;
    let turned = motion.curvature * way;
    let ahead = footprint.distance_m - way;
    let middle = (footprint.left_m + footprint.right_m) / 2.0;
    Footprint {
        distance_m: ahead - middle * turned,
        farthest_m: footprint.farthest_m - way,
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
