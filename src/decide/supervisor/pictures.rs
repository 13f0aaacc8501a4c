use super::super::{QualityLimits, Reason};
use crate::frame::Quality;

/// What a picture is good for.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Picture {
    /// Nothing is known against it.
    Usable,
    /// Blurred, so many times in a row.
    Blurred(u32),
    /// Cannot be relied on.
    Faulty(Reason),
}

/// Runs of pictures that are the same or blurred. Frames that were not measured neither count nor
/// end a run: they do not show that the camera is well.
#[derive(Clone, Debug, Default)]
pub(super) struct Pictures {
    fingerprint: Option<u32>,
    same: u32,
    blurred: u32,
}

impl Pictures {
    /// Takes in the next picture.
    pub(super) fn judge(&mut self, quality: Option<Quality>, limits: &QualityLimits) -> Picture {
        let Some(quality) = quality else {
            return Picture::Usable;
        };
        let again = self.fingerprint == Some(quality.fingerprint);
        self.same = if again {
            self.same.saturating_add(1)
        } else {
            1
        };
        self.fingerprint = Some(quality.fingerprint);

        // A picture without structure or without anything but clipped areas says nothing of focus.
        if u32::from(quality.bright) < limits.black_below {
            return Picture::Faulty(Reason::Black);
        }
        if quality.clipped_ppm >= limits.over_exposed_ppm {
            return Picture::Faulty(Reason::OverExposed);
        }
        let sharp = |value: u16| u32::from(value) >= limits.blurred_below;
        self.blurred = match quality.sharpness {
            Some(value) if !sharp(value) => self.blurred.saturating_add(1),
            _ => 0,
        };
        if limits.frozen_frames > 0 && self.same >= limits.frozen_frames {
            return Picture::Faulty(Reason::Frozen { frames: self.same });
        }
        match self.blurred {
            0 => Picture::Usable,
            frames => Picture::Blurred(frames),
        }
    }
}
