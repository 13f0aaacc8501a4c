//! Seeds of rendered drives.

use std::fmt;
use std::str::FromStr;

/// A range of seeds.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Seeds {
    first: u64,
    last: u64,
}

/// Most drives of one speed and thing: what is kept of each is small, but not nothing.
const MAX_SEEDS: u64 = 100_000;

impl FromStr for Seeds {
    type Err = String;

    fn from_str(s: &str) -> Result<Self, String> {
        let (first, last) = s.split_once('-').unwrap_or((s, s));
        match (first.parse(), last.parse()) {
            (Ok(first), Ok(last)) if first <= last && last - first < MAX_SEEDS => {
                Ok(Self { first, last })
            }
            _ => Err(format!(
                "{s:?} is no range of at most {MAX_SEEDS} seeds, such as 0-99"
            )),
        }
    }
}

impl Seeds {
    /// One after another.
    pub(crate) fn all(self) -> impl Iterator<Item = u64> {
        self.first..=self.last
    }
}

impl fmt::Display for Seeds {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}-{}", self.first, self.last)
    }
}
