//! Frames whose mode does not count as watching: neither hit nor clean, whatever they show.

use super::super::{Reason, State, WeakMode};
use super::Supervisor;
use super::pictures::Picture;

impl Supervisor {
    /// A frame of a mode that finds too little.
    pub(super) fn weak_frame(&mut self, picture: Picture) {
        if let Some(blurred) = self.blurred_for_long(picture) {
            return self.fault(blurred);
        }
        let reason = Reason::WeakMode;
        if self.state == State::Stop || self.config.weak_mode == WeakMode::Fault {
            return self.fault(reason);
        }
        self.good = 0;
        self.reason = reason;
        if self.state == State::Ok {
            self.state = State::Warn;
        }
    }

    /// A frame of a mode that would count, but for its stop level that is missing. Whoever set `least_mode` relies
    /// on such frames, so it is a fault, whatever `weak_mode` says of lesser modes.
    pub(super) fn frame_without_level(&mut self, picture: Picture) {
        let blurred = self.blurred_for_long(picture);
        self.fault(blurred.unwrap_or(Reason::NoStopLevel));
    }

    fn blurred_for_long(&self, picture: Picture) -> Option<Reason> {
        let limit = self.config.quality.blur_fault_frames;
        match picture {
            Picture::Blurred(frames) if frames >= limit => Some(Reason::Blurred { frames, limit }),
            _ => None,
        }
    }
}
