use super::*;

/// Something that happened, and what the rules made of it.
pub(super) struct Past {
    pub(super) event: Event,
    pub(super) now: Now,
    /// The row of the matrix; `late` for a frame that was taken back.
    pub(super) input: &'static str,
    /// The row when it happened; history may be written anew.
    pub(super) told: &'static str,
    pub(super) before: State,
    pub(super) after: State,
    /// Capture stamp that the next one is compared with.
    pub(super) kept: Option<Stamp>,
    /// The clock was set just before.
    pub(super) stepped: bool,
}

impl Past {
    /// Whether a frame was not judged, or none came; none where it says nothing of that.
    pub(super) fn unjudged(&self) -> Option<bool> {
        match (self.told, self.event) {
            _ if self.stepped => Some(true),
            ("missing", _) | (_, Event::Missed { .. }) => Some(true),
            (_, Event::Frame(_)) => Some(false),
            (_, Event::Failed { failure, .. }) => {
                (!matches!(failure, Failure::Overdue | Failure::Output)).then_some(true)
            }
            (_, Event::Tick | Event::Reset) => None,
        }
    }

    /// Whether it makes a reset void by itself.
    pub(super) fn ends_reset(&self) -> bool {
        let left_alone = matches!(
            self.event,
            Event::Failed {
                failure: Failure::Source | Failure::Panicked | Failure::Disabled,
                ..
            }
        );
        self.stepped || self.told == "missing" || left_alone
    }
}
