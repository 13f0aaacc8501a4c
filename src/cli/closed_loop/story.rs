//! What a drive came to: verdicts against what was really there.

use lookout::decide::{AnomalyMask, BoundingBox, Footprint, Reason, Region, State, Verdict};
use lookout::pipeline::Pipeline;
use lookout_scene::{Drive, FRONT_M, Gap, Rendered};
use serde::{Deserialize, Serialize};

/// Share of the thing's pixels that must be in the mask for it to count as seen.
const SEEN_SHARE: f64 = 0.2;
/// A track of the thing that the frame at hand does not show is so far away, in parts of the thing's distance: a
/// footprint is measured in whole rows, which are a fifth of the distance apart at 40 m, and on the near side.
const AT_THE_THING: std::ops::RangeInclusive<f32> = 0.65..=1.25;

/// A frame in which something happened.
#[derive(Clone, Copy, Debug)]
struct Sight {
    frame: usize,
    time_s: f64,
    /// From the vehicle's front to the thing, where it is there.
    ahead_m: Option<f32>,
}

/// How a drive ended.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum End {
    /// The vehicle stands.
    Stopped,
    /// It drove into the thing.
    Hit,
    /// It went by the thing.
    Passed,
    /// It still drives.
    #[default]
    Driving,
}

/// Put together frame by frame.
#[derive(Debug, Default)]
pub(crate) struct Story {
    thing: Option<&'static str>,
    speed_kmh: f64,
    now: Option<Sight>,
    /// Frames since one that showed the thing; `None` before the first.
    out_of_sight: Option<usize>,
    visible: Option<Sight>,
    seen: Option<Sight>,
    warned: Option<Sight>,
    raised: Option<Sight>,
    raised_as: Option<State>,
    /// Why the flag that rose did not rise for the thing.
    mistaken: Option<&'static str>,
    false_alarms: usize,
    alarmed: bool,
    end: End,
    left_m: Option<f32>,
    impact_kmh: Option<f64>,
}

/// How the drive went, for people and as JSON. Distances are from the vehicle's front to the nearest
/// of the thing.
#[derive(Debug, Serialize)]
pub(crate) struct Outcome {
    pub(crate) line: String,
    pub(crate) thing: Option<&'static str>,
    pub(crate) speed_kmh: f64,
    pub(crate) driven_s: f64,
    pub(crate) first_visible_frame: Option<usize>,
    pub(crate) first_visible_m: Option<f32>,
    pub(crate) seen_at_m: Option<f32>,
    pub(crate) warn_at_m: Option<f32>,
    pub(crate) stop_at_m: Option<f32>,
    pub(crate) stop_after_seen_ms: Option<f64>,
    /// When the flag rose, whatever for.
    pub(crate) stop_s: Option<f64>,
    /// It rose when no thing was to be seen, for something else, or for a fault.
    pub(crate) false_stop: bool,
    pub(crate) false_alarms_before: usize,
    pub(crate) end: End,
    /// What was left to the thing when the vehicle stood.
    pub(crate) left_m: Option<f32>,
    /// How fast it drove into it.
    pub(crate) impact_kmh: Option<f64>,
}

impl Story {
    pub(crate) fn new(street: &Drive) -> Self {
        Self {
            thing: street.anomaly().map(|a| a.name),
            speed_kmh: street.config().speed_mps * 3.6,
            ..Self::default()
        }
    }

    /// Whether the thing came into view, was warned of first, or the flag rose in the frame at hand.
    pub(crate) fn is_worth_a_picture(&self) -> bool {
        let now = self.now.map(|now| now.frame);
        [self.visible, self.warned, self.raised]
            .into_iter()
            .flatten()
            .any(|sight| Some(sight.frame) == now)
    }

    /// A frame was taken.
    pub(crate) fn frame(&mut self, frame: usize, time_s: f64, gap: Option<Gap>, truth: &Rendered) {
        let sight = Sight {
            frame,
            time_s,
            ahead_m: gap.map(|g| g.ahead_m),
        };
        self.now = Some(sight);
        if truth.anomaly.contains(&1) {
            self.visible.get_or_insert(sight);
            self.out_of_sight = Some(0);
        } else if let Some(frames) = &mut self.out_of_sight {
            *frames += 1;
        }
    }

    /// It was judged so; `rises` where the flag rose with it.
    pub(crate) fn judged(
        &mut self,
        verdict: &Verdict,
        rises: bool,
        pipeline: &Pipeline,
        truth: &Rendered,
    ) {
        let mask = pipeline.mask();
        let alarm = matches!(verdict.state, State::Warn | State::Stop | State::Fault);
        if rises {
            self.raised = self.now;
            self.raised_as = Some(verdict.state);
            let window = pipeline.settings().supervisor.confirm_window as usize;
            let tracks = pipeline.tracks().iter().map(|t| (t.footprint, t.evidence));
            let shown = shown_by(verdict, tracks, pipeline.regions().largest());
            let share = shown.map(|region| covered(truth, mask, Some(region)));
            self.mistaken = self.mistaken(verdict, window, share);
        }
        if self.visible.is_none() {
            self.false_alarms += usize::from(alarm && !self.alarmed);
            self.alarmed = alarm;
            return;
        }
        if self.seen.is_none() && covered(truth, mask, None) >= SEEN_SHARE {
            self.seen = self.now;
        }
        if alarm && self.warned.is_none() {
            self.warned = self.now;
        }
    }

    /// `window` frames confirm a stop; `share` is the thing's part that the track which did so covers, where the frame
    /// at hand shows that track.
    fn mistaken(
        &self,
        verdict: &Verdict,
        window: usize,
        share: Option<f64>,
    ) -> Option<&'static str> {
        // a frame before may have confirmed it together with this one
        if self.out_of_sight.is_none_or(|frames| frames >= window) {
            return Some(", when the thing was out of sight");
        }
        let there_m = self.now.and_then(|now| now.ahead_m)? + FRONT_M;
        let is_thing = |distance_m: f32| match share {
            Some(share) => share >= SEEN_SHARE,
            None => AT_THE_THING.contains(&(distance_m / there_m)),
        };
        match verdict.reason {
            _ if verdict.state == State::Fault => Some(""),
            Reason::TrackConfirmed { distance_m, .. } if !is_thing(distance_m) => {
                Some(", for something else")
            }
            _ => None,
        }
    }

    /// The vehicle stands, at the frame at hand.
    pub(crate) fn stands(&mut self) {
        if self.end == End::Driving {
            self.end = End::Stopped;
            self.left_m = self.now.and_then(|now| now.ahead_m);
        }
    }

    /// The vehicle drove into the thing.
    pub(crate) fn hits(&mut self, speed_mps: f64) {
        if self.end == End::Driving {
            self.end = End::Hit;
            self.impact_kmh = Some(speed_mps * 3.6);
        }
    }

    /// The thing is behind.
    pub(crate) fn passes(&mut self) {
        if self.end == End::Driving {
            self.end = End::Passed;
        }
    }

    pub(crate) fn outcome(&self) -> Outcome {
        let metres = |sight: Option<Sight>| sight.and_then(|s| s.ahead_m);
        let stopped = self.raised.filter(|_| self.mistaken.is_none());
        let after = self.seen.zip(stopped);
        Outcome {
            line: self.line(),
            thing: self.thing,
            speed_kmh: self.speed_kmh,
            driven_s: self.now.map_or(0.0, |now| now.time_s),
            first_visible_frame: self.visible.map(|s| s.frame),
            first_visible_m: metres(self.visible),
            seen_at_m: metres(self.seen),
            warn_at_m: metres(self.warned),
            stop_at_m: metres(stopped),
            stop_after_seen_ms: after.map(|(seen, stop)| (stop.time_s - seen.time_s) * 1e3),
            stop_s: self.raised.map(|s| s.time_s),
            false_stop: self.mistaken.is_some(),
            false_alarms_before: self.false_alarms,
            end: self.end,
            left_m: self.left_m,
            impact_kmh: self.impact_kmh,
        }
    }

    /// What happened, in a sentence.
    fn line(&self) -> String {
        let raised = |what: &str| match (self.raised, self.raised_as) {
            (Some(s), Some(State::Fault)) => {
                format!(
                    "the flag was raised for a fault {:.1} s into the drive{what}",
                    s.time_s
                )
            }
            (Some(s), _) => format!("a stop was raised {:.1} s into the drive{what}", s.time_s),
            (None, _) => "no stop was raised".to_owned(),
        };
        let Some(thing) = self.thing else {
            return match (self.raised, self.now) {
                (Some(_), _) => format!("Nothing on the road, and yet {}.", raised("")),
                (None, now) => format!(
                    "Nothing on the road, and no stop in {:.1} s; {}.",
                    now.map_or(0.0, |now| now.time_s),
                    alarms(self.false_alarms, "no warning", "one warning", "warnings"),
                ),
            };
        };
        let metres = |sight: Sight| match sight.ahead_m {
            Some(m) => format!("{m:.0} m"),
            None => "an unknown distance".to_owned(),
        };
        let seen = match self.seen {
            Some(sight) => format!("seen at {}", metres(sight)),
            None => "not seen".to_owned(),
        };
        let stop = match (self.raised, self.mistaken) {
            (Some(_), Some(why)) => raised(why),
            (Some(sight), None) => format!("stop raised at {}", metres(sight)),
            (None, _) => "no stop was raised".to_owned(),
        };
        let end = match (self.end, self.left_m, self.impact_kmh) {
            (End::Stopped, Some(left), _) => format!("the vehicle stopped {left:.0} m before it"),
            (End::Stopped, None, _) => "the vehicle had stopped before it came".to_owned(),
            (End::Hit, _, Some(kmh)) => format!("the vehicle drove into it at {kmh:.0} km/h"),
            (End::Hit, _, None) => "the vehicle drove into it".to_owned(),
            (End::Passed, ..) => "the vehicle passed it".to_owned(),
            (End::Driving, ..) => "the drive ended before that was decided".to_owned(),
        };
        let alarms = alarms(
            self.false_alarms,
            "no false alarm before",
            "one false alarm before",
            "false alarms before",
        );
        format!("A {thing} on the road: {seen}, {stop}; {end}; {alarms}.")
    }
}

fn alarms(count: usize, none: &str, one: &str, many: &str) -> String {
    match count {
        0 => none.to_owned(),
        1 => one.to_owned(),
        n => format!("{n} {many}"),
    }
}

/// The region that shows the track which confirmed the stop, of those with their evidence: a track that is seen
/// stands where its region does.
fn shown_by<'a>(
    verdict: &Verdict,
    mut tracks: impl Iterator<Item = (Footprint, f32)>,
    regions: &'a [Region],
) -> Option<&'a BoundingBox> {
    let Reason::TrackConfirmed {
        distance_m: m,
        evidence,
        ..
    } = verdict.reason
    else {
        return None;
    };
    let (at, _) = tracks.find(|(at, gathered)| at.distance_m == m && *gathered == evidence)?;
    let region = regions.iter().find(|r| r.footprint == Some(at))?;
    Some(&region.bounding_box)
}

/// Share of the thing's pixels that the mask covers, in a part of it where one is given.
fn covered(truth: &Rendered, mask: &AnomalyMask, within: Option<&BoundingBox>) -> f64 {
    let (w, h) = (truth.width as usize, truth.height as usize);
    let (mut all, mut hit) = (0u32, 0u32);
    for (at, _) in truth.anomaly.iter().enumerate().filter(|(_, a)| **a != 0) {
        let (x, y) = (at % w, at / w);
        let (column, row) = (x * mask.width() / w, y * mask.height() / h);
        let inside = within.is_none_or(|b| {
            let (x, y) = (column as u32, row as u32);
            (b.left..b.left + b.width).contains(&x) && (b.top..b.top + b.height).contains(&y)
        });
        let pixel = mask.pixels().get(row * mask.width() + column);
        all += 1;
        hit += u32::from(inside && pixel.is_some_and(|&m| m != 0));
    }
    if all == 0 {
        return 0.0;
    }
    f64::from(hit) / f64::from(all)
}

#[cfg(test)]
#[path = "story_tests.rs"]
pub(super) mod tests;
