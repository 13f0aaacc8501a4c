use serde::{Deserialize, Serialize};

/// When the supervisor believes what it sees. Areas are pixels of the score map, times are on the
/// clock of the capture stamps.
///
/// Missing fields take their default when read; unknown ones are refused. Ranges are checked by
/// [`validate`](Self::validate), which [`Supervisor::new`](super::Supervisor::new) calls.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct SupervisorConfig {
    /// A frame is a hit from this anomalous area in the corridor on: `1 ..= 2^32 - 1`, default 40.
    pub area_on: u32,
    /// After a hit, the next frame is a hit too from this area on: `1 ..= area_on`, default 20.
    pub area_off: u32,
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
}

impl Default for SupervisorConfig {
    fn default() -> Self {
        Self {
            area_on: 40,
            area_off: 20,
            confirm_hits: 3,
            confirm_window: 5,
            start_frames: 3,
            fault_clear_frames: 5,
            reset_frames: 10,
            max_age_ms: 200,
            stale_after_ms: 500,
            future_tolerance_ms: 20,
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
        let ranges = [
            ("area_on", self.area_on, 1, u32::MAX),
            ("area_off", self.area_off, 1, self.area_on),
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
        ];
        for (name, value, min, max) in ranges {
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
            ("area_on", |c| c.area_on = 0),
            ("area_off", |c| c.area_off = 0),
            ("area_off", |c| c.area_off = c.area_on + 1),
            ("confirm_window", |c| c.confirm_window = 65),
            ("confirm_hits", |c| c.confirm_hits = 0),
            ("confirm_hits", |c| c.confirm_hits = c.confirm_window + 1),
            ("start_frames", |c| c.start_frames = 0),
            ("fault_clear_frames", |c| c.fault_clear_frames = 1001),
            ("reset_frames", |c| c.reset_frames = 0),
            ("max_age_ms", |c| c.max_age_ms = 0),
            ("stale_after_ms", |c| c.stale_after_ms = c.max_age_ms - 1),
            ("future_tolerance_ms", |c| c.future_tolerance_ms = 1001),
        ];
        for (name, change) in cases {
            let mut config = SupervisorConfig::default();
            change(&mut config);
            let error = config.validate().unwrap_err();
            assert_eq!(error.name, *name, "{error}");
        }
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
    }
}
