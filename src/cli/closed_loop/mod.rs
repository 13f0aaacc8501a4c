//! A rendered drive whose vehicle heeds the flag: what is rendered next depends on what was said of
//! the frame before. What `demo` and `sweep` share.
//!
//! The clock is that of the capture stamps: a verdict is there at its frame's stamp, and the time
//! from there to the brakes is the vehicle's reaction time. So a drive comes out the same on every
//! machine.

mod camera;
mod seeds;
mod story;
mod vehicle;

use lookout::bag::MessageBuf;
use lookout::decide::Verdict;
use lookout::pipeline::Pipeline;
use lookout::profile::report::Approach;
use lookout_scene::{Anomaly, AnomalyKind, Drive, DriveConfig, Gap, Moment};

pub(crate) use camera::{DriveBag, mount, render};
use camera::{RenderedCamera, TOPIC};
pub(crate) use seeds::Seeds;
use story::Story;
pub(crate) use story::{End, Outcome};
use vehicle::Vehicle;

/// How long the drive goes on after the vehicle came to a stand, drove into the thing, or passed it.
const AFTER_STAND_S: f64 = 2.0;
const AFTER_HIT_S: f64 = 0.2;
const AFTER_PASS_S: f64 = 1.0;

/// A drive of this seed, at that speed, which does not swerve.
pub(crate) fn config(seed: u64, speed_kmh: f64, anomaly: Anomaly) -> DriveConfig {
    DriveConfig {
        seed,
        speed_mps: speed_kmh / 3.6,
        anomaly,
        swerves: false,
        ..DriveConfig::default()
    }
}

/// Reads a speed in km/h.
pub(crate) fn speed(text: &str) -> Result<f64, String> {
    match text.parse::<f64>() {
        Ok(kmh) if (5.0..=130.0).contains(&kmh) => Ok(kmh),
        _ => Err(format!("{text:?} is not a number in 5..=130")),
    }
}

/// Reads what comes onto the road.
pub(crate) fn thing(text: &str) -> Result<Anomaly, String> {
    match text {
        "any" => Ok(Anomaly::HeldOut),
        "none" => Ok(Anomaly::None),
        name => AnomalyKind::from_name(name)
            .map(Anomaly::Kind)
            .ok_or_else(|| format!("{name:?} is neither any, none, nor a thing that is known")),
    }
}

/// A drive under way.
pub(crate) struct ClosedLoop<'a> {
    street: &'a Drive,
    vehicle: Vehicle,
    camera: RenderedCamera,
    story: Story,
    /// Number of the next frame.
    next: usize,
    at: Moment,
    gap: Option<Gap>,
    /// When the last frame is, once that is known.
    until_s: Option<f64>,
}

impl<'a> ClosedLoop<'a> {
    /// At its beginning.
    pub(crate) fn new(street: &'a Drive) -> Self {
        Self {
            street,
            vehicle: Vehicle::new(street.config().speed_mps),
            camera: RenderedCamera::default(),
            story: Story::new(street),
            next: 0,
            at: street.moment(0),
            gap: None,
            until_s: None,
        }
    }

    /// Renders the next frame; false where the drive is over.
    pub(crate) fn next_frame(&mut self) -> anyhow::Result<bool> {
        let (i, time_s) = (self.next, self.street.time_s(self.next));
        if self.is_over(time_s) {
            return Ok(false);
        }
        self.at = self.vehicle.moment_at(time_s);
        let speed_mps = self.vehicle.speed_at(time_s);
        self.camera.shoot(self.street, i, self.at, speed_mps)?;
        self.next += 1;
        self.gap = self.street.gap_at(self.at);
        self.story
            .frame(i, time_s, self.gap, self.camera.rendered());
        self.ends(time_s, speed_mps);
        Ok(true)
    }

    /// Notes what ends the drive, and when.
    fn ends(&mut self, time_s: f64, speed_mps: f64) {
        let end = |until: &mut Option<f64>, after| *until = Some(until.unwrap_or(time_s + after));
        if self
            .vehicle
            .stands_from()
            .is_some_and(|from| time_s >= from)
        {
            self.story.stands();
            end(&mut self.until_s, AFTER_STAND_S);
        } else if self.gap.is_some_and(|gap| gap.hit) {
            self.story.hits(speed_mps);
            end(&mut self.until_s, AFTER_HIT_S);
        } else if self.gap.is_some_and(|gap| gap.passed) {
            self.story.passes();
            end(&mut self.until_s, AFTER_PASS_S);
        }
    }

    fn is_over(&self, time_s: f64) -> bool {
        match self.until_s {
            Some(until) => time_s > until,
            // what has begun is waited for, and it ends: the thing is reached, or the vehicle stands
            None => {
                let undecided = self.gap.is_some() || self.vehicle.stands_from().is_some();
                self.next >= self.street.frame_count() && !undecided
            }
        }
    }

    /// Takes the verdict on the frame at hand; the flag goes to the vehicle.
    pub(crate) fn judged(&mut self, verdict: &Verdict, pipeline: &Pipeline) {
        let rises = self.vehicle.hear(verdict, self.at.time_s);
        self.story
            .judged(verdict, rises, pipeline, self.camera.rendered());
    }

    /// The camera, with the frame at hand.
    pub(crate) fn camera(&self) -> &RenderedCamera {
        &self.camera
    }

    /// The frame at hand as a message of a bag.
    ///
    /// # Errors
    /// It cannot be serialised.
    pub(crate) fn message(&self, out: &mut MessageBuf) -> anyhow::Result<()> {
        out.write(TOPIC, self.camera.stamp(), &self.camera.image())?;
        Ok(())
    }

    /// For the report.
    pub(crate) fn approach(&self) -> Approach {
        Approach {
            ahead_m: self.gap.map(|gap| gap.ahead_m),
            speed_mps: self.vehicle.speed_at(self.at.time_s) as f32,
        }
    }

    /// Whether the thing came into view, was warned of first, or the flag rose in the frame at hand.
    pub(crate) fn is_worth_a_picture(&self) -> bool {
        self.story.is_worth_a_picture()
    }

    /// What it came to so far.
    pub(crate) fn outcome(&self) -> Outcome {
        self.story.outcome()
    }
}
