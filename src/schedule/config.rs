//! Settings of the admission.

use crate::engine::Mode;
use serde::{Deserialize, Serialize};
use std::time::Duration;

/// When a frame may be run, and how.
///
/// Missing fields take their default when read; unknown ones are refused. Ranges are checked by
/// [`validate`](Self::validate), which [`Admission::new`](super::Admission::new) calls.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct AdmissionConfig {
    /// Greatest age of a fresh verdict, in ms from the capture stamp: `1 ..= 10_000`, default 100.
    pub deadline_ms: u32,
    /// Frames, one after another, in which a better mode must have fitted before it is taken:
    /// `1 ..= 1000`, default 15.
    pub recover_frames: u32,
    /// Share of the slack that a better mode must leave over in those frames, in percent:
    /// `0 ..= 90`, default 10.
    pub recover_margin_percent: u32,
    /// Of the frames that no mode is predicted to do in time, one in so many is run all the same:
    /// `1 ..= 1000`, default 8.
    pub probe_every: u32,
    /// Modes that may be used, at least one; by default all.
    pub modes: ModeSet,
}

impl Default for AdmissionConfig {
    fn default() -> Self {
        Self {
            deadline_ms: 100,
            recover_frames: 15,
            recover_margin_percent: 10,
            probe_every: 8,
            modes: ModeSet::ALL,
        }
    }
}

/// A setting of the admission that cannot be.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum AdmissionConfigError {
    /// A number out of its range.
    #[error("admission: {name} is {value}, not in {min} ..= {max}")]
    OutOfRange {
        /// Which field.
        name: &'static str,
        /// Its value.
        value: u32,
        /// Least value allowed.
        min: u32,
        /// Largest value allowed.
        max: u32,
    },
    /// No mode may be used.
    #[error("admission: modes is empty")]
    NoMode,
}

impl AdmissionConfig {
    /// Checks every range.
    ///
    /// # Errors
    /// The first field that is out of its range, or an empty set of modes.
    pub fn validate(&self) -> Result<(), AdmissionConfigError> {
        for (name, value, min, max) in self.ranges() {
            if !(min..=max).contains(&value) {
                return Err(AdmissionConfigError::OutOfRange {
                    name,
                    value,
                    min,
                    max,
                });
            }
        }
        if self.modes.iter().next().is_none() {
            return Err(AdmissionConfigError::NoMode);
        }
        Ok(())
    }

    /// Name, value, least and largest value of every number.
    pub(crate) const fn ranges(&self) -> [(&'static str, u32, u32, u32); 4] {
        [
            ("deadline_ms", self.deadline_ms, 1, 10_000),
            ("recover_frames", self.recover_frames, 1, 1000),
            ("recover_margin_percent", self.recover_margin_percent, 0, 90),
            ("probe_every", self.probe_every, 1, 1000),
        ]
    }

    /// The deadline.
    pub const fn deadline(&self) -> Duration {
        Duration::from_millis(self.deadline_ms as u64)
    }
}

/// A set of modes. Reads and writes as a list of names.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "Vec<String>", into = "Vec<String>")]
pub struct ModeSet([bool; Mode::COUNT]);

impl ModeSet {
    /// Every mode.
    pub const ALL: Self = Self([true; Mode::COUNT]);

    /// One mode and no other.
    pub fn only(mode: Mode) -> Self {
        Self::from_iter([mode])
    }

    /// Whether a mode is in it.
    pub const fn contains(&self, mode: Mode) -> bool {
        self.0[mode.index()]
    }

    /// The modes in it where somebody chose them, best first; none where it has them all.
    pub fn named(&self) -> impl Iterator<Item = Mode> + use<> {
        let all = *self == Self::ALL;
        self.iter().filter(move |_| !all)
    }

    /// The modes in it, best first.
    pub fn iter(&self) -> impl Iterator<Item = Mode> + use<> {
        let set = *self;
        Mode::ALL
            .into_iter()
            .filter(move |mode| set.contains(*mode))
    }
}

impl FromIterator<Mode> for ModeSet {
    fn from_iter<I: IntoIterator<Item = Mode>>(modes: I) -> Self {
        let mut set = [false; Mode::COUNT];
        for mode in modes {
            set[mode.index()] = true;
        }
        Self(set)
    }
}

impl TryFrom<Vec<String>> for ModeSet {
    type Error = String;

    fn try_from(names: Vec<String>) -> Result<Self, String> {
        names.iter().map(|name| name.parse::<Mode>()).collect()
    }
}

impl From<ModeSet> for Vec<String> {
    fn from(set: ModeSet) -> Self {
        set.iter().map(|mode| mode.name().to_owned()).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn defaults_are_valid() {
        assert_eq!(AdmissionConfig::default().validate(), Ok(()));
    }

    #[test]
    fn values_out_of_range_are_named() {
        type Change = fn(&mut AdmissionConfig);
        let cases: &[(&str, Change)] = &[
            ("deadline_ms is 0", |c| c.deadline_ms = 0),
            ("deadline_ms is 10001", |c| c.deadline_ms = 10_001),
            ("recover_frames is 0", |c| c.recover_frames = 0),
            ("recover_frames is 1001", |c| c.recover_frames = 1001),
            ("recover_margin_percent is 91", |c| {
                c.recover_margin_percent = 91
            }),
            ("probe_every is 0", |c| c.probe_every = 0),
            ("probe_every is 1001", |c| c.probe_every = 1001),
            ("modes is empty", |c| c.modes = ModeSet::from_iter([])),
        ];
        for (message, change) in cases {
            let mut config = AdmissionConfig::default();
            change(&mut config);
            let error = config.validate().unwrap_err().to_string();
            assert!(
                error.starts_with(&format!("admission: {message}")),
                "{error}"
            );
        }
    }

    #[test]
    fn modes_are_read_by_name() {
        let config: AdmissionConfig =
            toml::from_str("modes = ['reduced', 'full+observer']\nprobe_every = 3").unwrap();
        assert!(config.modes.iter().eq([Mode::FULL, Mode::REDUCED_LOGITS]));
        assert_eq!(config.probe_every, 3);
        let back: AdmissionConfig = toml::from_str(&toml::to_string(&config).unwrap()).unwrap();
        assert_eq!(back, config);
        let error = toml::from_str::<AdmissionConfig>("modes = ['best']").unwrap_err();
        assert!(error.to_string().contains("\"best\" is not"), "{error}");
        assert!(toml::from_str::<AdmissionConfig>("deadline = 3").is_err());
    }
}
