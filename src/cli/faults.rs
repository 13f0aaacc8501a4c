//! Pictures of files that would be a FAULT in a drive: they are taken, and it is said.

use std::fmt::Display;

use lookout::decide::{QualityLimits, Reason};
use lookout::frame::{Frame, QualityMeter};

use super::pictures::note;

/// Looks for such pictures, with the limits that a drive has by default.
#[derive(Default)]
pub(crate) struct Faults {
    meter: QualityMeter,
    limits: QualityLimits,
    /// Of each kind the first, with its name, and how many there are.
    kinds: Vec<(Reason, String, usize)>,
}

impl Faults {
    /// Looks at the next picture.
    pub(crate) fn look(&mut self, frame: &Frame, name: impl Display) {
        let Some(reason) = self.limits.fault(&self.meter.measure(frame)) else {
            return;
        };
        let mut kinds = self.kinds.iter_mut();
        match kinds.find(|kind| kind.0.code() == reason.code()) {
            Some((.., count)) => *count += 1,
            None => self.kinds.push((reason, name.to_string(), 1)),
        }
    }

    /// A line for each kind.
    pub(crate) fn tell(&self) {
        for (reason, first, count) in &self.kinds {
            let how_many = match count {
                1 => "no other picture is so".to_owned(),
                count => format!("{count} pictures are so"),
            };
            let code = reason.code();
            note(format_args!(
                "warning: {first}: {reason}, which is a FAULT ({code}) in a drive; {how_many}"
            ));
        }
    }
}
