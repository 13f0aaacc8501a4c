use super::Reason;
use crate::frame::Quality;
use serde::{Deserialize, Serialize};

const MILLION: u32 = 1_000_000;

/// When the supervisor believes what it sees. Areas are parts per million of the score map's pixels,
/// times are on the clock of the capture stamps.
///
/// Missing fields take their default when read; unknown ones are refused. Ranges are checked by
/// [`validate`](Self::validate), which [`Supervisor::new`](super::Supervisor::new) calls.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct SupervisorConfig {
    /// A frame is a hit from this anomalous area in the corridor on, in parts per million of the
    /// score map: `1 ..= 1_000_000`, default 3030 (32 pixels of 120 x 88).
    pub area_on_ppm: u32,
    /// After a hit, the next frame is a hit too from this area on, in parts per million:
    /// `1 ..= area_on_ppm`, default 1515.
    pub area_off_ppm: u32,
    /// Hits within the window that confirm a STOP: `1 ..= confirm_window`, default 3.
    pub confirm_hits: u32,
    /// Length of the window, in frames that were not faulty: `1 ..= 64`, default 5.
    pub confirm_window: u32,
    /// Frames without a fault, one after another, before the first OK or WARN: `1 ..= 1000`,
    /// default 3.
    pub start_frames: u32,
    /// Frames without a fault, one after another, that end a FAULT: `1 ..= 1000`, default 5.
    pub fault_clear_frames: u32,
    /// Frames without fault or hit, one after another, after a reset that end a STOP:
    /// `1 ..= 1000`, default 10.
    pub reset_frames: u32,
    /// A frame older than this when its result arrives is a fault, in ms: `1 ..= 10_000`,
    /// default 200.
    pub max_age_ms: u32,
    /// No frame for longer than this is a fault, in ms between capture stamps or from the last
    /// one to now: `max_age_ms ..= 60_000`, default 500.
    pub stale_after_ms: u32,
    /// A capture stamp further in the future than this is a fault, in ms: `0 ..= 1000`,
    /// default 20.
    pub future_tolerance_ms: u32,
    /// The clock of the capture stamps was set to another time when, between two events, it moved
    /// this much more or less than the monotonic clock, in ms: `1 ..= 10_000`, default 50.
    pub clock_step_ms: u32,
    /// What a frame is that was judged in a mode that does not count as watching
    /// ([`Observation::watch`](super::Observation::watch)): `warn` (the default) or `fault`.
    pub weak_mode: WeakMode,
    /// Which pictures can be used.
    pub quality: QualityLimits,
}

/// What a frame is that was judged in a mode that does not count as watching.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum WeakMode {
    /// A warning: the flag stays down, and the frame counts neither as a hit nor as clean.
    #[default]
    Warn,
    /// A fault: the flag is raised.
    Fault,
}

impl std::str::FromStr for WeakMode {
    type Err = String;

    fn from_str(s: &str) -> Result<Self, String> {
        match s {
            "warn" => Ok(Self::Warn),
            "fault" => Ok(Self::Fault),
            _ => Err(format!("{s:?} is neither warn nor fault")),
        }
    }
}

/// Which pictures can be used: limits on what a [`QualityMeter`](crate::frame::QualityMeter)
/// measures. The defaults come from real drives; see `docs/safety.md`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct QualityLimits {
    /// A picture is black when it is nowhere as bright as this ([`Quality::bright`], luma):
    /// `0 ..= 255`, default 32; 0 switches it off.
    ///
    /// [`Quality::bright`]: crate::frame::Quality::bright
    pub black_below: u32,
    /// A picture is over-exposed when this much of its better half is clipped
    /// ([`Quality::clipped_ppm`]), in parts per million: `1 ..= 1_000_001`, default 120_000;
    /// 1_000_001 switches it off.
    ///
    /// [`Quality::clipped_ppm`]: crate::frame::Quality::clipped_ppm
    pub over_exposed_ppm: u32,
    /// A part of a picture is missing when so many of its rows repeat ([`Quality::repeated_rows`], in
    /// thousandths): `1 ..= 1001`, default 50; 1001 switches it off, as a camera needs whose pictures
    /// have a broad border of one colour below.
    ///
    /// [`Quality::repeated_rows`]: crate::frame::Quality::repeated_rows
    pub incomplete_from: u32,
    /// Rows of a picture are shifted, as they are below lost bytes, when a seam stands out over so much of
    /// its height ([`Quality::shifted_rows`], in thousandths): `1 ..= 1001`, default 60; 1001 switches it off, as a camera
    /// needs that sees all around or that has a frame before its lens.
    ///
    /// [`Quality::shifted_rows`]: crate::frame::Quality::shifted_rows
    pub shifted_from: u32,
    /// A picture is blurred when it is less sharp than this ([`Quality::sharpness`], in
    /// thousandths): `0 ..= 1000`, default 280; 0 switches it off.
    ///
    /// [`Quality::sharpness`]: crate::frame::Quality::sharpness
    pub blurred_below: u32,
    /// Blurred pictures, one after another, that are a fault: `1 ..= 1000`, default 15.
    pub blur_fault_frames: u32,
    /// The same picture so many times in a row is a fault: `2 ..= 1000`, default 3; 0 switches it
    /// off, as a simulator without noise needs that stands still.
    pub frozen_frames: u32,
    /// Whether a picture may have another size than the one before; default false: that is a fault.
    pub size_may_change: bool,
}

impl QualityLimits {
    /// What a picture of that quality cannot be relied on for, whatever came before it: the first of black,
    /// over-exposed, incomplete and shifted.
    pub fn fault(&self, quality: &Quality) -> Option<Reason> {
        let rows = quality.repeated_rows;
        if u32::from(quality.bright) < self.black_below {
            Some(Reason::Black)
        } else if quality.clipped_ppm >= self.over_exposed_ppm {
            Some(Reason::OverExposed)
        } else if u32::from(rows) >= self.incomplete_from {
            Some(Reason::Incomplete { rows })
        } else {
            let rows = quality.shifted_rows;
            let shifted = u32::from(rows) >= self.shifted_from;
            shifted.then_some(Reason::Shifted { rows })
        }
    }

    /// Whether a picture of that quality is blurred.
    pub fn is_blurred(&self, quality: &Quality) -> bool {
        let sharpness = quality.sharpness.map(u32::from);
        sharpness.is_some_and(|sharpness| sharpness < self.blurred_below)
    }
}

impl Default for QualityLimits {
    fn default() -> Self {
        Self {
            black_below: 32,
            over_exposed_ppm: 120_000,
            incomplete_from: 50,
            shifted_from: 60,
            blurred_below: 280,
            blur_fault_frames: 15,
            frozen_frames: 3,
            size_may_change: false,
        }
    }
}

impl Default for SupervisorConfig {
    fn default() -> Self {
        Self {
            area_on_ppm: 3030,
            area_off_ppm: 1515,
            confirm_hits: 3,
            confirm_window: 5,
            start_frames: 3,
            fault_clear_frames: 5,
            reset_frames: 10,
            max_age_ms: 200,
            stale_after_ms: 500,
            future_tolerance_ms: 20,
            clock_step_ms: 50,
            weak_mode: WeakMode::Warn,
            quality: QualityLimits::default(),
        }
    }
}

/// A setting of the supervisor that is out of its range.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("supervisor: {name} is {value}, not in {min} ..= {max}")]
pub struct ConfigError {
    /// Which field.
    pub name: &'static str,
    /// Its value.
    pub value: u32,
    /// Least value allowed.
    pub min: u32,
    /// Largest value allowed.
    pub max: u32,
}

impl SupervisorConfig {
    /// Checks every range.
    ///
    /// # Errors
    /// The first field that is out of its range.
    pub fn validate(&self) -> Result<(), ConfigError> {
        for (name, value, min, max) in self.ranges() {
            if !(min..=max).contains(&value) {
                return Err(ConfigError {
                    name,
                    value,
                    min,
                    max,
                });
            }
        }
        Ok(())
    }

    /// Name, value, least and largest value of every field. Some ranges end at another field.
    pub(crate) fn ranges(&self) -> [(&'static str, u32, u32, u32); 18] {
        let quality = &self.quality;
        [
            ("area_on_ppm", self.area_on_ppm, 1, MILLION),
            ("area_off_ppm", self.area_off_ppm, 1, self.area_on_ppm),
            ("confirm_window", self.confirm_window, 1, 64),
            ("confirm_hits", self.confirm_hits, 1, self.confirm_window),
            ("start_frames", self.start_frames, 1, 1000),
            ("fault_clear_frames", self.fault_clear_frames, 1, 1000),
            ("reset_frames", self.reset_frames, 1, 1000),
            ("max_age_ms", self.max_age_ms, 1, 10_000),
            (
                "stale_after_ms",
                self.stale_after_ms,
                self.max_age_ms,
                60_000,
            ),
            ("future_tolerance_ms", self.future_tolerance_ms, 0, 1000),
            ("clock_step_ms", self.clock_step_ms, 1, 10_000),
            ("quality.black_below", quality.black_below, 0, 255),
            (
                "quality.over_exposed_ppm",
                quality.over_exposed_ppm,
                1,
                MILLION + 1,
            ),
            ("quality.incomplete_from", quality.incomplete_from, 1, 1001),
            ("quality.shifted_from", quality.shifted_from, 1, 1001),
            ("quality.blurred_below", quality.blurred_below, 0, 1000),
            (
                "quality.blur_fault_frames",
                quality.blur_fault_frames,
                1,
                1000,
            ),
            // Once is no repetition.
            (
                "quality.frozen_frames",
                quality.frozen_frames,
                if quality.frozen_frames == 0 { 0 } else { 2 },
                1000,
            ),
        ]
    }

    /// The least anomalous area in the corridor that is a hit, in pixels of a score map of
    /// `pixels`; `after_hit` when the frame before was one.
    pub const fn area_in_pixels(&self, pixels: u32, after_hit: bool) -> u32 {
        let ppm = if after_hit {
            self.area_off_ppm
        } else {
            self.area_on_ppm
        };
        // At most `pixels`.
        (ppm as u64 * pixels as u64).div_ceil(MILLION as u64) as u32
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn defaults_are_valid() {
        assert_eq!(SupervisorConfig::default().validate(), Ok(()));
    }

    #[test]
    fn values_out_of_range_are_named() {
        type Change = fn(&mut SupervisorConfig);
        let cases: &[(&str, Change)] = &[
            ("area_on_ppm", |c| c.area_on_ppm = 0),
            ("area_on_ppm", |c| c.area_on_ppm = 1_000_001),
            ("area_off_ppm", |c| c.area_off_ppm = 0),
            ("area_off_ppm", |c| c.area_off_ppm = c.area_on_ppm + 1),
            ("confirm_window", |c| c.confirm_window = 65),
            ("confirm_hits", |c| c.confirm_hits = 0),
            ("confirm_hits", |c| c.confirm_hits = c.confirm_window + 1),
            ("start_frames", |c| c.start_frames = 0),
            ("fault_clear_frames", |c| c.fault_clear_frames = 1001),
            ("reset_frames", |c| c.reset_frames = 0),
            ("max_age_ms", |c| c.max_age_ms = 0),
            ("stale_after_ms", |c| c.stale_after_ms = c.max_age_ms - 1),
            ("future_tolerance_ms", |c| c.future_tolerance_ms = 1001),
            ("clock_step_ms", |c| c.clock_step_ms = 0),
            ("clock_step_ms", |c| c.clock_step_ms = 10_001),
            ("quality.black_below", |c| c.quality.black_below = 256),
            ("quality.over_exposed_ppm", |c| {
                c.quality.over_exposed_ppm = 0;
            }),
            ("quality.incomplete_from", |c| c.quality.incomplete_from = 0),
            ("quality.shifted_from", |c| c.quality.shifted_from = 1002),
            ("quality.blurred_below", |c| c.quality.blurred_below = 1001),
            ("quality.blur_fault_frames", |c| {
                c.quality.blur_fault_frames = 0;
            }),
            ("quality.frozen_frames", |c| c.quality.frozen_frames = 1),
            ("quality.frozen_frames", |c| c.quality.frozen_frames = 1001),
        ];
        for (name, change) in cases {
            let mut config = SupervisorConfig::default();
            change(&mut config);
            let error = config.validate().unwrap_err();
            assert_eq!(error.name, *name, "{error}");
        }
    }

    #[test]
    fn areas_are_the_same_share_of_every_score_map() {
        let config = SupervisorConfig::default();
        let areas = |pixels| {
            (
                config.area_in_pixels(pixels, false),
                config.area_in_pixels(pixels, true),
            )
        };
        assert_eq!(areas(120 * 88), (32, 16));
        assert_eq!(areas(60 * 44), (8, 4));
        assert_eq!(areas(480 * 352), (512, 256));
        assert_eq!(areas(1), (1, 1), "never nothing");
        let whole = SupervisorConfig {
            area_on_ppm: 1_000_000,
            ..config
        };
        assert_eq!(whole.area_in_pixels(u32::MAX, false), u32::MAX);
    }

    #[test]
    fn missing_fields_take_defaults_and_unknown_ones_are_refused() {
        let config: SupervisorConfig = toml::from_str("confirm_hits = 2").unwrap();
        assert_eq!(
            config,
            SupervisorConfig {
                confirm_hits: 2,
                ..Default::default()
            }
        );
        assert!(toml::from_str::<SupervisorConfig>("confirm_hit = 2").is_err());
        assert!(toml::from_str::<SupervisorConfig>("[quality]\nblack = 2").is_err());
        let config: SupervisorConfig = toml::from_str("[quality]\nfrozen_frames = 0").unwrap();
        assert_eq!(config.quality.frozen_frames, 0);
        assert_eq!(config.quality.black_below, 32);
    }
}
