//! What the vehicle is about to drive through: how far it needs to stop and how its way bends, from how
//! it is said to move, and how wide it is.

use std::time::Duration;

use serde::{Deserialize, Serialize};

/// How the vehicle stops, how wide its way is, and how long its speed is believed.
///
/// Distances are compared with those of a [`Ground`](super::Ground), which begin under the camera:
/// the way from there to the vehicle's front belongs to the margin. What counts in a frame is what
/// stands within the stopping distance: the reaction time begins at the capture of the first such frame.
///
/// Missing fields take their default when read; unknown ones are refused. Ranges are checked by
/// [`validate`](Self::validate), which [`SpeedSource::new`] calls.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct StoppingConfig {
    /// What the brakes give in m/s²: `0.1 ..= 20`, default 4.
    pub deceleration_mps2: f64,
    /// From the capture of the first frame that shows something within the stopping distance until the brakes
    /// act, in ms: the time to the next frame, the deadline, the way from the flag to the brakes and, where the
    /// area decides, the frames that confirm a stop. `0 ..= 10_000`, default 300.
    pub reaction_time_ms: u32,
    /// Distance that is added at any speed, in metres: `0 ..= 1000`, default 3.
    pub margin_m: f64,
    /// A speed that came longer ago than this is not believed, in ms: `10 ..= 60_000`, default 500.
    pub odometry_timeout_ms: u32,
    /// Width of the vehicle in metres: `0.1 ..= 10`, default 1.9.
    pub width_m: f64,
    /// Room that it needs on either side, in metres: `0 ..= 10`, default 0.3.
    pub side_margin_m: f64,
}

/// A setting of the stopping distance that is out of its range.
#[derive(Clone, Copy, Debug, PartialEq, thiserror::Error)]
#[error("stopping distance: {name} is {value}, not in {min} ..= {max}")]
pub struct StoppingError {
    /// Which field.
    pub name: &'static str,
    /// Its value.
    pub value: f64,
    /// Least value allowed.
    pub min: f64,
    /// Largest value allowed.
    pub max: f64,
}

impl Default for StoppingConfig {
    fn default() -> Self {
        Self {
            deceleration_mps2: 4.0,
            reaction_time_ms: 300,
            margin_m: 3.0,
            odometry_timeout_ms: 500,
            width_m: 1.9,
            side_margin_m: 0.3,
        }
    }
}

impl StoppingConfig {
    /// Checks every range.
    ///
    /// # Errors
    /// The first field that is out of its range.
    pub fn validate(&self) -> Result<(), StoppingError> {
        let reaction = f64::from(self.reaction_time_ms);
        let timeout = f64::from(self.odometry_timeout_ms);
        for (name, value, min, max) in [
            ("deceleration_mps2", self.deceleration_mps2, 0.1, 20.0),
            ("reaction_time_ms", reaction, 0.0, 10_000.0),
            ("margin_m", self.margin_m, 0.0, 1000.0),
            ("odometry_timeout_ms", timeout, 10.0, 60_000.0),
            ("width_m", self.width_m, 0.1, 10.0),
            ("side_margin_m", self.side_margin_m, 0.0, 10.0),
        ] {
            // NaN is in no range.
            if !(min..=max).contains(&value) {
                return Err(StoppingError {
                    name,
                    value,
                    min,
                    max,
                });
            }
        }
        Ok(())
    }

    /// Width of what the vehicle drives through, in metres.
    pub fn way_width_m(&self) -> f32 {
        (self.width_m + 2.0 * self.side_margin_m) as f32
    }

    /// The way that the vehicle needs to stop at a speed of 0 m/s or more, in metres, rounded up.
    fn distance(&self, speed_mps: f64) -> f32 {
        let reaction = f64::from(self.reaction_time_ms) / 1e3;
        let braking = speed_mps * speed_mps / (2.0 * self.deceleration_mps2);
        let metres = speed_mps * reaction + braking + self.margin_m;
        let nearest = metres as f32;
        if f64::from(nearest) < metres {
            nearest.next_up()
        } else {
            nearest
        }
    }
}

/// Why the speed sets no limit, and the whole corridor counts.
#[derive(Clone, Copy, Debug, PartialEq, thiserror::Error)]
pub enum NoLimit {
    /// No speed has come yet.
    #[error("no speed yet")]
    NoSpeedYet,
    /// The last speed came too long ago.
    #[error("speed is {age_ms} ms old, limit {limit_ms} ms")]
    Stale {
        /// How long ago, in ms.
        age_ms: u64,
        /// What is allowed, in ms.
        limit_ms: u32,
    },
    /// The vehicle goes backwards: the camera does not see where to.
    #[error("speed is {speed_mps:.2} m/s, backwards")]
    Negative {
        /// In m/s.
        speed_mps: f64,
    },
    /// The speed is no number.
    #[error("speed is {speed_mps} m/s")]
    NotFinite {
        /// In m/s.
        speed_mps: f64,
    },
    /// No vehicle on a road is so fast: the speed is in another unit, or wrong.
    #[error(
        "speed is {speed_mps:.0} m/s, over {:.0}: look at its unit",
        SpeedSource::MAX_SPEED_MPS
    )]
    TooFast {
        /// In m/s.
        speed_mps: f64,
    },
}

/// The last speed that was heard of. What cannot be believed sets no limit: the whole corridor
/// counts, whatever its distance. A speed that cannot be believed also replaces one that could.
///
/// ```
/// use lookout::decide::{SpeedSource, StoppingConfig};
/// use std::time::Duration;
///
/// let mut speed = SpeedSource::new(StoppingConfig::default())?;
/// let ms = Duration::from_millis;
/// assert_eq!(speed.far_limit(ms(0)), None);
/// speed.heard(10.0, 0.5, ms(20));
/// // 10 m/s * 0.3 s + (10 m/s)² / (2 * 4 m/s²) + 3 m
/// assert_eq!(speed.far_limit(ms(520)), Some(18.5));
/// // half a radian a second to the left at 10 m/s: a circle of 20 m
/// assert_eq!(speed.curvature(ms(520)), 0.05);
/// assert_eq!(speed.far_limit(ms(521)), None, "older than 500 ms");
/// # Ok::<(), lookout::decide::StoppingError>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct SpeedSource {
    config: StoppingConfig,
    last: Option<Heard>,
}

/// What the odometry said.
#[derive(Clone, Copy, Debug, PartialEq)]
struct Heard {
    speed_mps: f64,
    yaw_rate_rps: f64,
    at: Duration,
}

impl SpeedSource {
    /// Slower than this, in m/s, noise of the yaw rate would bend the way.
    const LEAST_SPEED_MPS: f64 = 1.0;
    /// No vehicle on a road is faster, in m/s: 252 km/h.
    pub const MAX_SPEED_MPS: f64 = 70.0;
    /// No faster than this, in m/s, either way, it stands: odometry is off by as much at a stand, and it rolls
    /// back less than the margin before it would stop.
    const STANDS_MPS: f64 = 0.1;
    /// That of a circle of 4 m, in 1/m; no car turns in less.
    const MAX_CURVATURE: f64 = 0.25;
    /// What tyres hold across the way, in m/s², and some more.
    const MAX_ACROSS_MPS2: f64 = 12.0;

    /// Nothing was heard yet.
    ///
    /// # Errors
    /// The first setting that is out of its range.
    pub fn new(config: StoppingConfig) -> Result<Self, StoppingError> {
        config.validate()?;
        Ok(Self { config, last: None })
    }

    /// A speed along the vehicle in m/s (forwards positive) and a yaw rate in rad/s (to the left
    /// positive) arrived at `at` on a monotonic clock.
    pub const fn heard(&mut self, speed_mps: f64, yaw_rate_rps: f64, at: Duration) {
        self.last = Some(Heard {
            speed_mps,
            yaw_rate_rps,
            at,
        });
    }

    /// How far from the camera something matters now, in metres, at least the margin. `now` is on
    /// the clock of the arrivals.
    ///
    /// # Errors
    /// Why there is no limit.
    pub fn stopping_distance(&self, now: Duration) -> Result<f32, NoLimit> {
        let heard = self.believed(now)?;
        Ok(self.config.distance(heard.speed_mps))
    }

    /// What was heard last, with a speed of 0 m/s or more, where that is believed.
    fn believed(&self, now: Duration) -> Result<Heard, NoLimit> {
        let heard = self.last.ok_or(NoLimit::NoSpeedYet)?;
        let Heard { speed_mps, at, .. } = heard;
        let age = now.saturating_sub(at);
        let limit_ms = self.config.odometry_timeout_ms;
        if age > Duration::from_millis(limit_ms.into()) {
            let age_ms = u64::try_from(age.as_millis()).unwrap_or(u64::MAX);
            return Err(NoLimit::Stale { age_ms, limit_ms });
        }
        if !speed_mps.is_finite() {
            return Err(NoLimit::NotFinite { speed_mps });
        }
        if speed_mps < -Self::STANDS_MPS {
            return Err(NoLimit::Negative { speed_mps });
        }
        if speed_mps > Self::MAX_SPEED_MPS {
            return Err(NoLimit::TooFast { speed_mps });
        }
        let speed_mps = speed_mps.max(0.0);
        Ok(Heard { speed_mps, ..heard })
    }

    /// [`stopping_distance`](Self::stopping_distance) for a corridor: `None` is no limit.
    pub fn far_limit(&self, now: Duration) -> Option<f32> {
        self.stopping_distance(now).ok()
    }

    /// The speed now in m/s; 0 where none is believed, and where the vehicle stands: what appears then would
    /// not count while odometry that trembles says that it moves.
    pub fn speed(&self, now: Duration) -> f32 {
        let heard = self.believed(now).ok();
        heard
            .filter(|heard| heard.speed_mps > Self::STANDS_MPS)
            .map_or(0.0, |heard| heard.speed_mps as f32)
    }

    /// How the way bends now, in 1/m, to the left positive. 0, straight, where no speed is believed, the
    /// vehicle hardly moves, or the yaw rate is no number or one that no car has at that speed.
    ///
    /// A small robot may turn in less than a car, or in place. Its way is taken for straight then, because a
    /// yaw rate in degrees would look the same: what stands on the way comes into the straight one while the
    /// robot turns to it.
    pub fn curvature(&self, now: Duration) -> f32 {
        let Ok(heard) = self.believed(now) else {
            return 0.0;
        };
        let (speed, yaw_rate) = (heard.speed_mps, heard.yaw_rate_rps);
        let bent = yaw_rate / speed;
        // NaN is under no limit
        let believed = speed >= Self::LEAST_SPEED_MPS
            && bent.abs() <= Self::MAX_CURVATURE
            && (yaw_rate * speed).abs() <= Self::MAX_ACROSS_MPS2;
        if believed { bent as f32 } else { 0.0 }
    }
}

#[cfg(test)]
#[path = "stopping_tests.rs"]
mod tests;
