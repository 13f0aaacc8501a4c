use super::super::{Observation, QualityLimits, Reason};

/// Columns and rows that a picture of a road has at least.
const LEAST_SIZE: (u32, u32) = (64, 48);
/// The longer side is at most so many times the shorter one.
const GREATEST_ASPECT: u32 = 4;

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
    size: Option<(u32, u32)>,
    fingerprint: Option<u32>,
    same: u32,
    blurred: u32,
}

impl Pictures {
    /// Takes in the next picture.
    pub(super) fn judge(&mut self, observation: &Observation, limits: &QualityLimits) -> Picture {
        let size = self.size_fault(observation.size, limits);
        let shown = self.shown(observation, limits);
        size.map_or(shown, Picture::Faulty)
    }

    fn size_fault(&mut self, size: Option<(u32, u32)>, limits: &QualityLimits) -> Option<Reason> {
        let (width, height) = size?;
        let before = self.size.replace((width, height));
        let (short, long) = (width.min(height), width.max(height));
        if width < LEAST_SIZE.0
            || height < LEAST_SIZE.1
            || long > short.saturating_mul(GREATEST_ASPECT)
        {
            return Some(Reason::PictureSize { width, height });
        }
        let changed = before.is_some_and(|before| before != (width, height));
        (changed && !limits.size_may_change).then_some(Reason::PictureChanged { width, height })
    }

    fn shown(&mut self, observation: &Observation, limits: &QualityLimits) -> Picture {
        let Some(quality) = observation.quality else {
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
        if let Some(reason) = limits.fault(&quality) {
            return Picture::Faulty(reason);
        }
        self.blurred = match limits.is_blurred(&quality) {
            true => self.blurred.saturating_add(1),
            false => 0,
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
