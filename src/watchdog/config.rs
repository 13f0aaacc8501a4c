use std::io;
use std::ops::RangeInclusive;
use std::time::Duration;

use serde::{Deserialize, Serialize};
use thiserror::Error;

use super::Realtime;

/// How the watchdog's thread runs.
///
/// Missing fields take their default when read; unknown ones are refused.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct WatchdogConfig {
    /// From one beat to the next, in ms: `10 ..= 1000`, default 100.
    pub period_ms: u32,
    /// Priority and processors of the thread. Its `lock_memory` is the process's, who starts it
    /// asks for it once: [`Realtime::lock_process_memory`].
    pub realtime: Realtime,
}

impl Default for WatchdogConfig {
    fn default() -> Self {
        Self {
            period_ms: 100,
            realtime: Realtime::default(),
        }
    }
}

impl WatchdogConfig {
    /// What [`period_ms`](Self::period_ms) may be.
    pub const PERIOD_MS: RangeInclusive<u32> = 10..=1000;

    /// Checks every range.
    ///
    /// # Errors
    /// The first field that is out of its range.
    pub fn validate(&self) -> Result<(), WatchdogError> {
        self.period()?;
        self.realtime.validate()
    }

    pub(super) fn period(&self) -> Result<Duration, WatchdogError> {
        let range = Millis {
            name: "period_ms",
            range: Self::PERIOD_MS,
        };
        in_range(range, self.period_ms)
    }
}

/// Why there is no board or no watchdog.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum WatchdogError {
    /// A setting is out of its range.
    #[error("watchdog: {name} is {value}, not in {min} ..= {max}")]
    OutOfRange {
        /// Which.
        name: &'static str,
        /// Its value.
        value: u32,
        /// Least value allowed.
        min: u32,
        /// Largest value allowed.
        max: u32,
    },
    /// A board has one watchdog in its life.
    #[error("watchdog: the board has, or had, a watchdog already")]
    Watched,
    /// The system gave no thread.
    #[error("watchdog: cannot start its thread")]
    Thread(#[source] io::Error),
}

/// Allowed values of a setting in milliseconds.
pub(super) struct Millis {
    pub(super) name: &'static str,
    pub(super) range: RangeInclusive<u32>,
}

pub(super) fn in_range(range: Millis, value: u32) -> Result<Duration, WatchdogError> {
    let Millis { name, range } = range;
    if range.contains(&value) {
        Ok(Duration::from_millis(value.into()))
    } else {
        Err(WatchdogError::OutOfRange {
            name,
            value,
            min: *range.start(),
            max: *range.end(),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::watchdog::Board;

    #[test]
    fn values_out_of_range_are_named() {
        type Change = fn(&mut WatchdogConfig);
        let cases: &[(&str, Change)] = &[
            ("period_ms", |c| c.period_ms = 9),
            ("period_ms", |c| c.period_ms = 1001),
            ("fifo_priority", |c| c.realtime.fifo_priority = Some(0)),
            ("fifo_priority", |c| c.realtime.fifo_priority = Some(100)),
            ("cpus", |c| c.realtime.cpus = vec![0, 1024]),
        ];
        assert!(WatchdogConfig::default().validate().is_ok());
        for (expected, change) in cases {
            let mut config = WatchdogConfig::default();
            change(&mut config);
            match config.validate() {
                Err(WatchdogError::OutOfRange { name, .. }) => assert_eq!(name, *expected),
                other => panic!("{expected}: {other:?}"),
            }
        }
        for ms in [9, 60_001] {
            assert!(Board::new(ms).is_err(), "stale_after_ms {ms}");
        }
    }

    #[test]
    fn missing_fields_take_defaults_and_unknown_ones_are_refused() {
        let config: WatchdogConfig = toml::from_str("realtime.cpus = [1]").unwrap();
        assert_eq!(config.period_ms, 100);
        assert_eq!(config.realtime.cpus, [1]);
        assert!(toml::from_str::<WatchdogConfig>("period = 100").is_err());
        assert!(toml::from_str::<WatchdogConfig>("realtime.fifo = 5").is_err());
    }
}
