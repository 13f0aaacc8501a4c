use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use super::HeadName;

/// Which OOD score is computed. See the [module](super) for formulas and sources.
///
/// Its name (`Display`, `FromStr`, serde) is that of a head, such as `observer`, or `softmax`, `max-logit`,
/// `entropy`, `energy`. Whether a bundle has a head of that name only the bundle can tell
/// ([`Bundle::choose`](crate::model::Bundle::choose)).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(into = "String", try_from = "String")]
pub enum ScoreKind {
    /// What a head of the bundle gives.
    Head(HeadName),
    /// One minus the largest class probability, on a log scale.
    Softmax,
    /// The largest logit, negated.
    MaxLogit,
    /// The entropy of the class probabilities, on a log scale.
    Entropy,
    /// The free energy: `logsumexp` of the logits, negated.
    Energy,
}

impl ScoreKind {
    /// The observer's logit: odds that the segmentation network is wrong at this pixel.
    pub const OBSERVER: Self = Self::Head(HeadName::OBSERVER);

    /// Those that need the segmentation network's logits only.
    pub const OF_LOGITS: [Self; 4] = [Self::Softmax, Self::MaxLogit, Self::Entropy, Self::Energy];

    /// Those whose names are taken: no other head has one of them.
    pub const ALL: [Self; 5] = [
        Self::OBSERVER,
        Self::Softmax,
        Self::MaxLogit,
        Self::Entropy,
        Self::Energy,
    ];

    /// The name, as in files, in messages and for people.
    pub fn name(&self) -> &str {
        match self {
            Self::Head(name) => name.as_str(),
            Self::Softmax => "softmax",
            Self::MaxLogit => "max-logit",
            Self::Entropy => "entropy",
            Self::Energy => "energy",
        }
    }

    /// Whether a head must run for this score.
    pub const fn needs_head(self) -> bool {
        matches!(self, Self::Head(_))
    }
}

impl fmt::Display for ScoreKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

/// What cannot be the name of a score.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "{name:?} is not the name of a score: it is softmax, max-logit, entropy, energy or the name of a head, which has \
     1 to {} letters, digits, - and _",
    HeadName::LONGEST
)]
pub struct ParseScoreKindError {
    /// What was given.
    pub name: String,
}

impl FromStr for ScoreKind {
    type Err = ParseScoreKindError;

    fn from_str(name: &str) -> Result<Self, Self::Err> {
        let of_logits = Self::OF_LOGITS.into_iter().find(|kind| kind.name() == name);
        let head = || HeadName::new(name).map(Self::Head);
        of_logits.or_else(head).ok_or_else(|| ParseScoreKindError {
            name: name.to_owned(),
        })
    }
}

impl TryFrom<String> for ScoreKind {
    type Error = ParseScoreKindError;

    fn try_from(name: String) -> Result<Self, Self::Error> {
        name.parse()
    }
}

impl From<ScoreKind> for String {
    fn from(kind: ScoreKind) -> Self {
        kind.name().to_owned()
    }
}
