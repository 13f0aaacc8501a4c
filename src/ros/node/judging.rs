//! What the node was configured to judge by, and which thresholds can be set after that.

use std::sync::Arc;

use crate::engine::Mode;
use crate::model::Manifest;
use crate::pipeline::{Asked, Choice, GivenThresholds, Judges};

/// What the node was configured to judge by.
#[derive(Clone)]
pub(super) struct Judging {
    pub(super) manifest: Arc<Manifest>,
    pub(super) asked: Asked,
    /// Stop levels hold for the thresholds that they were made with.
    pub(super) has_stop_levels: bool,
}

impl Judging {
    /// The judges with these thresholds in place of those that the node was configured with.
    ///
    /// # Errors
    /// Why it has to be configured again for them.
    pub(super) fn with(&self, given: GivenThresholds) -> Result<Judges, String> {
        let of = |given| {
            let asked = Asked {
                given,
                ..self.asked
            };
            Choice::new(&self.manifest, &asked).judges
        };
        let (new, now) = (of(given), of(self.asked.given));
        if new != now && self.has_stop_levels {
            return Err(
                "the threshold stays what it is: the stop levels of stop_file hold for that one; configure \
                 without stop_file to set another"
                    .to_owned(),
            );
        }
        if !new.modes().eq(now.modes()) {
            let names = |judges: Judges| {
                let names: Vec<_> = judges.modes().map(Mode::name).collect();
                names.join(", ")
            };
            return Err(format!(
                "the thresholds stay what they are: with these the modes would be {}, and the node was \
                 configured with {}; configure it again",
                names(new),
                names(now)
            ));
        }
        Ok(new)
    }
}
