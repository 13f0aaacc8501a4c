//! Modes: ways to run a bundle's networks. Their names say `observer`, the first head that there was, for whichever
//! head runs.

use std::fmt;
use std::str::FromStr;

use thiserror::Error;

use crate::model::{FixedInput, Input, Manifest};

/// Input resolution, and with it which networks.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Resolution {
    /// The bundle's `full_height` rows, or the one size that its networks take.
    Full,
    /// The bundle's `reduced_height` rows; networks that take one size have none.
    Reduced,
    /// The networks of the bundle's fallback, at the least resolution that they have.
    Fallback,
}

impl Resolution {
    /// Those that networks with this input have, the least one last.
    pub fn of(input: &Input) -> &'static [Resolution] {
        match input.fixed() {
            Some(_) => &[Self::Full],
            None => &[Self::Full, Self::Reduced],
        }
    }
}

/// A way to run an engine.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, serde::Deserialize)]
#[serde(try_from = "String")]
pub struct Mode {
    /// Input resolution.
    pub resolution: Resolution,
    /// Whether the head that the score needs runs too: the observer, or the one that was chosen in its place.
    pub observer: bool,
}

impl Mode {
    /// Everything.
    pub const FULL: Mode = Mode {
        resolution: Resolution::Full,
        observer: true,
    };
    /// Full resolution without the observer.
    pub const FULL_LOGITS: Mode = Mode {
        resolution: Resolution::Full,
        observer: false,
    };
    /// Reduced resolution with the observer.
    pub const REDUCED: Mode = Mode {
        resolution: Resolution::Reduced,
        observer: true,
    };
    /// Reduced resolution without the observer.
    pub const REDUCED_LOGITS: Mode = Mode {
        resolution: Resolution::Reduced,
        observer: false,
    };

    /// The fallback's networks with their observer.
    pub const FALLBACK: Mode = Mode {
        resolution: Resolution::Fallback,
        observer: true,
    };
    /// The fallback's networks without the observer.
    pub const FALLBACK_LOGITS: Mode = Mode {
        resolution: Resolution::Fallback,
        observer: false,
    };

    /// How many there are.
    pub const COUNT: usize = 6;

    /// Every mode, best first. The observer counts for more than the resolution: only it knows
    /// when the segmentation network is lost.
    pub const ALL: [Mode; Self::COUNT] = [
        Self::FULL,
        Self::REDUCED,
        Self::FALLBACK,
        Self::FULL_LOGITS,
        Self::REDUCED_LOGITS,
        Self::FALLBACK_LOGITS,
    ];

    /// The place in [`ALL`](Self::ALL).
    pub const fn index(self) -> usize {
        match (self.resolution, self.observer) {
            (Resolution::Full, true) => 0,
            (Resolution::Reduced, true) => 1,
            (Resolution::Fallback, true) => 2,
            (Resolution::Full, false) => 3,
            (Resolution::Reduced, false) => 4,
            (Resolution::Fallback, false) => 5,
        }
    }

    /// Whether a bundle has this mode.
    ///
    /// # Errors
    /// Why not.
    pub fn check(self, manifest: &Manifest) -> Result<(), MissingMode> {
        match (self.resolution, manifest.input.fixed()) {
            (Resolution::Reduced, Some(FixedInput { width, height, .. })) => {
                Err(MissingMode::NoReduced {
                    mode: self,
                    width,
                    height,
                })
            }
            (Resolution::Fallback, _) if manifest.fallback.is_none() => {
                Err(MissingMode::NoFallback { mode: self })
            }
            _ if self.observer && manifest.head.is_none() => {
                Err(MissingMode::NoObserver { mode: self })
            }
            _ if !self.observer && manifest.segmentation.labels_only => {
                Err(MissingMode::LabelsOnly { mode: self })
            }
            _ => Ok(()),
        }
    }

    /// The same resolution without the observer.
    pub const fn without_observer(self) -> Mode {
        Mode {
            observer: false,
            ..self
        }
    }

    /// The name in tables, files and manifests.
    pub const fn name(self) -> &'static str {
        match (self.resolution, self.observer) {
            (Resolution::Full, true) => "full+observer",
            (Resolution::Full, false) => "full",
            (Resolution::Reduced, true) => "reduced+observer",
            (Resolution::Reduced, false) => "reduced",
            (Resolution::Fallback, true) => "fallback+observer",
            (Resolution::Fallback, false) => "fallback",
        }
    }
}

impl fmt::Display for Mode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

impl TryFrom<String> for Mode {
    type Error = String;

    fn try_from(name: String) -> Result<Self, String> {
        name.parse()
    }
}

impl FromStr for Mode {
    type Err = String;

    fn from_str(s: &str) -> Result<Self, String> {
        let found = Self::ALL.into_iter().find(|mode| mode.name() == s);
        found.ok_or_else(|| {
            let [others @ .., last] = Self::ALL.map(Self::name);
            format!("mode {s:?} is not {} or {last}", others.join(", "))
        })
    }
}

/// A mode that a bundle does not have.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum MissingMode {
    /// The networks take one size.
    #[error(
        "this bundle has no mode {mode}: its networks take one size only, {width}x{height}, so there is no \
         reduced resolution"
    )]
    NoReduced {
        /// Which mode.
        mode: Mode,
        /// Columns that they take.
        width: u32,
        /// Rows that they take.
        height: u32,
    },
    /// There are no smaller networks in the bundle.
    #[error("this bundle has no mode {mode}: it has no [fallback]")]
    NoFallback {
        /// Which mode.
        mode: Mode,
    },
    /// There is no observer, and no other head was chosen.
    #[error("this bundle has no mode {mode}: it has no observer")]
    NoObserver {
        /// Which mode.
        mode: Mode,
    },
    /// There are no logits.
    #[error(
        "this bundle has no mode {mode}: its network gives labels only, so no score is possible without an observer"
    )]
    LabelsOnly {
        /// Which mode.
        mode: Mode,
    },
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn modes_are_numbered_best_first_and_read_by_name() {
        for (i, mode) in Mode::ALL.into_iter().enumerate() {
            assert_eq!(mode.index(), i);
            assert_eq!(mode.name().parse(), Ok(mode));
            assert_eq!(mode.without_observer().resolution, mode.resolution);
            assert!(!mode.without_observer().observer);
        }
        assert_eq!(
            "best".parse::<Mode>(),
            Err("mode \"best\" is not full+observer, reduced+observer, fallback+observer, full, reduced or fallback"
                .into())
        );
    }
}
