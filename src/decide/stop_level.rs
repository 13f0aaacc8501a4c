//! How surprising a sight is on a road like those that were recorded, and how much of that is a stop.

use serde::{Deserialize, Serialize};

use super::Sighting;

/// What clean recordings look like to the tracks of one mode, and the evidence that confirms a stop.
/// `lookout calibrate stop` makes one; `docs/calibration.md` has the maths.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct StopLevel {
    /// Evidence that confirms a stop, in nats: over 0, up to a million.
    pub level: f32,
    /// What a frame may add to a track at most, in nats: over 0, at most half of the level, so that one
    /// frame never confirms a stop.
    pub most_a_frame: f32,
    /// What every frame takes from a track, in nats: over 0.
    pub allowance: f32,
    /// Regions under this share of the score map do not count, in parts per million.
    pub min_region_ppm: u32,
    /// Bands of distance, the nearest first; beyond the last nothing counts.
    #[serde(rename = "band")]
    pub bands: Vec<Band>,
}

/// Clean frames, as they look so far away.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Band {
    /// Its end, in metres.
    pub to_m: f32,
    /// Clean frames that it is made of.
    pub frames: u32,
    /// Each clean frame gives the strength of its strongest sighting, or 0 when it shows nothing. Of these
    /// the table keeps the largest, the second, the fourth, the eighth largest and so on, each 0 ..= 1.
    pub strengths: Vec<f32>,
}

/// A stop level that cannot be.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
#[error("the stop level is invalid: {0}")]
pub struct StopLevelError(String);

impl Band {
    /// Of the strongest sighting of each clean frame.
    pub fn new(to_m: f32, mut strongest: Vec<f32>) -> Self {
        strongest.sort_unstable_by(|a, b| b.total_cmp(a));
        let powers = (0..usize::BITS).map(|i| (1usize << i) - 1);
        Self {
            to_m,
            frames: u32::try_from(strongest.len()).unwrap_or(u32::MAX),
            strengths: powers
                .map_while(|i| strongest.get(i).copied())
                .take_while(|strength| *strength > 0.0)
                .collect(),
        }
    }

    /// Minus the logarithm of the conformal p-value: of the share of clean frames that show something at
    /// least as strong, this one among them, rounded up to what the table tells. 0 for no strength.
    pub fn surprise(&self, strength: f32) -> f32 {
        // so few frames are as strong: fewer than the next power of two
        let as_many = self.strengths.iter().position(|s| strength > *s);
        let power = match as_many {
            Some(i) => i as i32,
            None if strength > 0.0 => self.strengths.len() as i32,
            None => return 0.0,
        };
        let share = 2f32.powi(power) / (self.frames as f32 + 1.0);
        -share.min(1.0).ln()
    }
}

impl StopLevel {
    /// Frames in which the surest sighting must confirm a stop.
    const MOST_FRAMES: u32 = 30;
    /// The last band ends there or beyond, in metres.
    const LEAST_REACH_M: f32 = 40.0;
    /// Most of [`min_region_ppm`](Self::min_region_ppm): a thing of one square metre is as large 33 m ahead.
    const MOST_MIN_REGION_PPM: u32 = 1000;

    /// Checks every range, and that something strange can confirm a stop at all.
    ///
    /// # Errors
    /// The first value that cannot be.
    pub fn validate(&self) -> Result<(), StopLevelError> {
        let check = |good: bool, what: &str| match good {
            true => Ok(()),
            false => Err(StopLevelError(what.to_owned())),
        };
        let positive = |x: f32| x > 0.0 && x <= 1e6;
        check(
            positive(self.level),
            "the level is not over 0 and up to a million",
        )?;
        check(
            positive(self.most_a_frame) && self.most_a_frame <= self.level / 2.0,
            "most_a_frame is not over 0 and up to half of the level",
        )?;
        check(
            positive(self.allowance),
            "the allowance is not over 0 and up to a million",
        )?;
        check(
            (1..=Self::MOST_MIN_REGION_PPM).contains(&self.min_region_ppm),
            "min_region_ppm is not in 1 ..= 1000",
        )?;
        check(
            (1..=64).contains(&self.bands.len()),
            "it has no bands of distance, or more than 64",
        )?;
        let mut from = 0.0;
        for band in &self.bands {
            check(
                band.to_m > from && band.to_m.is_finite(),
                "the bands do not reach farther and farther",
            )?;
            from = band.to_m;
            let falls = band.strengths.is_sorted_by(|a, b| a >= b);
            let inside = band.strengths.iter().all(|s| (0.0..=1.0).contains(s));
            check(
                falls && inside && band.strengths.len() <= 64,
                "the strengths of a band do not fall from 1 to 0",
            )?;
        }
        check(
            from >= Self::LEAST_REACH_M,
            "the last band of distance ends before 40 m, and beyond it nothing counts",
        )?;
        match self.frames_to_confirm() {
            None => Err(StopLevelError(format!(
                "nothing can confirm a stop: the surest sighting gains no evidence over the allowance of {}. \
                 A band of distance needs {:.0} clean frames or more, hardly one of which is as strong: give more recordings",
                self.allowance,
                self.allowance.exp()
            ))),
            Some(frames) if frames > Self::MOST_FRAMES => Err(StopLevelError(format!(
                "it takes the surest sighting {frames} frames to confirm a stop, more than {}: give more \
                 recordings, or some where less is taken for strange",
                Self::MOST_FRAMES
            ))),
            Some(_) => Ok(()),
        }
    }

    /// Frames in which the surest sighting (strength 1) confirms a stop, in the band where it takes longest;
    /// `None` where it never does.
    pub fn frames_to_confirm(&self) -> Option<u32> {
        let gains = self
            .bands
            .iter()
            .map(|band| band.surprise(1.0) - self.allowance);
        let least = gains.fold(self.most_a_frame, f32::min);
        // a number that is too large for it is the largest
        (least > 0.0).then(|| (self.level / least).ceil() as u32)
    }

    /// What a frame adds to a track: by what is seen there, or where nothing is.
    pub fn gain(&self, seen: Option<&Sighting>) -> f32 {
        let surprise = seen.map_or(0.0, |sighting| {
            let at = sighting.footprint.distance_m;
            let band = self.bands.iter().find(|band| at < band.to_m);
            band.map_or(0.0, |band| band.surprise(sighting.strength))
        });
        (surprise - self.allowance).min(self.most_a_frame)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::decide::Footprint;

    fn level() -> StopLevel {
        StopLevel {
            level: 12.0,
            most_a_frame: 4.0,
            allowance: 2.0,
            min_region_ppm: 300,
            bands: vec![
                Band::new(10.0, vec![0.0; 999]),
                Band::new(40.0, (0..999).map(|i| i as f32 / 1000.0).collect()),
            ],
        }
    }

    #[test]
    fn the_surprise_is_a_p_value_that_never_flatters() {
        let clean: Vec<f32> = (0..999).map(|i| (i as f32 / 1000.0).powi(3)).collect();
        let band = Band::new(10.0, clean.clone());
        for strength in [0.0, 1e-9, 0.001, 0.2, 0.5, 0.9, 0.997, 1.0] {
            let as_strong = clean.iter().filter(|s| **s >= strength).count();
            let exact = -((as_strong as f32 + 1.0) / 1000.0).ln();
            let told = band.surprise(strength);
            assert!(told <= exact + 1e-5, "{strength}: {told} over {exact}");
            // the table tells powers of two
            assert!(told >= exact - 0.7, "{strength}: {told} far under {exact}");
        }
        // clean frames against themselves: p is as rare as it says
        for p in [0.5, 0.1, 0.01] {
            let rare = clean
                .iter()
                .filter(|s| band.surprise(**s) >= -f32::ln(p))
                .count();
            assert!(rare as f32 <= p * 1000.0, "{rare} for {p}");
        }
        let empty = Band::new(10.0, vec![0.0; 999]);
        assert_eq!(empty.surprise(0.0), 0.0);
        assert!((empty.surprise(0.01) - 1000f32.ln()).abs() < 1e-4);
    }

    #[test]
    fn a_frame_adds_its_surprise_over_the_allowance_and_no_more_than_it_may() {
        let level = level();
        let seen = |distance_m, strength| Sighting {
            footprint: Footprint {
                distance_m,
                farthest_m: distance_m,
                left_m: 0.0,
                right_m: 1.0,
                area_m2: 1.0,
            },
            distance_m,
            strength,
        };
        assert_eq!(level.gain(None), -2.0);
        assert_eq!(level.gain(Some(&seen(5.0, 0.0))), -2.0);
        assert_eq!(
            level.gain(Some(&seen(5.0, 0.1))),
            4.0,
            "ln 1000 - 2 is more"
        );
        let usual = level.gain(Some(&seen(20.0, 0.5)));
        assert!(
            (-2.0..-1.0).contains(&usual),
            "half of the clean frames: {usual}"
        );
        assert_eq!(
            level.gain(Some(&seen(41.0, 1.0))),
            -2.0,
            "beyond the last band"
        );
    }

    #[test]
    fn what_cannot_be_is_refused() {
        assert_eq!(level().validate(), Ok(()));
        type Change = fn(&mut StopLevel);
        let cases: &[(&str, Change)] = &[
            ("the level", |l| l.level = f32::NAN),
            ("the level", |l| l.level = 0.0),
            ("most_a_frame", |l| l.most_a_frame = 6.1),
            ("the allowance", |l| l.allowance = -1.0),
            ("min_region_ppm", |l| l.min_region_ppm = 0),
            ("no bands", |l| l.bands.clear()),
            ("farther", |l| l.bands[1].to_m = 10.0),
            ("farther", |l| l.bands[1].to_m = f32::INFINITY),
            ("strengths", |l| l.bands[1].strengths[0] = 0.1),
            ("strengths", |l| l.bands[1].strengths[0] = 1.1),
            ("min_region_ppm", |l| l.min_region_ppm = 1_000_000),
            ("40 m", |l| l.bands.truncate(1)),
        ];
        for (words, change) in cases {
            let mut level = level();
            change(&mut level);
            let error = level.validate().unwrap_err().to_string();
            assert!(error.contains(words), "{error} for {words}");
        }
    }

    #[test]
    fn a_level_that_nothing_reaches_is_refused() {
        // 4 nats a frame
        assert_eq!(level().frames_to_confirm(), Some(3));
        type Change = fn(&mut StopLevel);
        let cases: &[(&str, Change)] = &[
            ("nothing can", |l| l.allowance = 1e6),
            ("nothing can", |l| l.bands[0].frames = 0),
            ("nothing can", |l| l.bands[0].strengths = vec![1.0; 10]),
            // ln 8 is just over the allowance
            ("frames to confirm", |l| l.bands[0].frames = 7),
            ("frames to confirm", |l| l.level = 1e6),
        ];
        for (words, change) in cases {
            let mut level = level();
            change(&mut level);
            let error = level.validate().unwrap_err().to_string();
            assert!(error.contains(words), "{error} for {words}");
        }
    }
}
