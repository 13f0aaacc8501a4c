use serde::{Deserialize, Serialize};
use std::str::FromStr;

named! {
    /// Which OOD score is computed. See the [module](super) for formulas and sources.
    ///
    /// The names (`Display`, `FromStr`, serde) are `observer`, `softmax`, `max-logit`, `entropy`,
    /// `energy`.
    #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
    #[serde(rename_all = "kebab-case")]
    pub enum ScoreKind {
        /// The observer's logit: odds that the segmentation network is wrong at this pixel.
        Observer => "observer",
        /// One minus the largest class probability, on a log scale.
        Softmax => "softmax",
        /// The largest logit, negated.
        MaxLogit => "max-logit",
        /// The entropy of the class probabilities, on a log scale.
        Entropy => "entropy",
        /// The free energy: `logsumexp` of the logits, negated.
        Energy => "energy",
    }
}

impl ScoreKind {
    /// Whether the observer network must run for this score.
    pub const fn needs_observer(self) -> bool {
        matches!(self, Self::Observer)
    }
}

/// A name that is no score.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("no score is called {name:?}; there are observer, softmax, max-logit, entropy, energy")]
pub struct ParseScoreKindError {
    /// What was given.
    pub name: String,
}

impl FromStr for ScoreKind {
    type Err = ParseScoreKindError;

    fn from_str(name: &str) -> Result<Self, Self::Err> {
        Self::ALL
            .into_iter()
            .find(|kind| kind.name() == name)
            .ok_or_else(|| ParseScoreKindError {
                name: name.to_owned(),
            })
    }
}
