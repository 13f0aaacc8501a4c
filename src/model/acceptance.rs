//! `[acceptance]` of a manifest: how far an engine may be from the reference, and on which pictures.

use std::collections::BTreeMap;
use std::ops::Range;

use serde::Deserialize;
use toml::Spanned;

/// What an engine is held to before it is used for a bundle: see `lookout engine check`. What is missing has its
/// default.
#[derive(Clone, Debug, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Acceptance {
    /// The least share of logits whose class is the reference's, 0..=1; 0.99 by default.
    pub label_agreement: Spanned<f32>,
    /// The greatest difference of a score from the reference's, 0..=1; 0.05 by default.
    pub score_difference: Spanned<f32>,
    /// Pictures in the bundle's folder, by their names, with their SHA-256.
    pub pictures: BTreeMap<String, Spanned<String>>,
}

impl Default for Acceptance {
    fn default() -> Self {
        Self {
            label_agreement: Spanned::new(0..0, 0.99),
            score_difference: Spanned::new(0..0, 0.05),
            pictures: BTreeMap::new(),
        }
    }
}

impl Acceptance {
    /// The limits, for people.
    pub fn line(&self) -> String {
        format!(
            "labels have to agree on {:.2} %, and scores to differ by {:.4} at most",
            f64::from(*self.label_agreement.get_ref()) * 100.0,
            self.score_difference.get_ref()
        )
    }

    /// The first thing that the form allows and the meaning does not.
    pub(super) fn problem(&self) -> Option<(Range<usize>, String)> {
        let limits = [
            ("label_agreement", &self.label_agreement),
            ("score_difference", &self.score_difference),
        ];
        for (name, limit) in limits {
            let value = *limit.get_ref();
            if !(0.0..=1.0).contains(&value) {
                return Some((limit.span(), format!("{name} {value} is not in 0..=1")));
            }
        }
        let mut pictures = self.pictures.iter();
        let (name, hash) = pictures.find(|(name, _)| !super::manifest::is_plain(name))?;
        let text = format!("{name:?} is not the plain name of a file");
        Some((hash.span(), text))
    }
}
