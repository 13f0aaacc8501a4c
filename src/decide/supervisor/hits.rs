//! What counts as a hit, and the window of the frames that counted, whatever mode they were judged in.

use super::super::{Observation, Reason, SupervisorConfig};

/// Which of the last frames that counted were hits, the latest in the lowest bit.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Window {
    hits: u64,
    /// Those of them that the area made, and not the evidence of tracks: what confirms by the area. A candidate
    /// of the tracks may be far away.
    by_area: u64,
    /// Of those, the ones that were judged in the best mode.
    best: u64,
}

impl Window {
    /// Hits in the window.
    pub(super) fn hits(self) -> u32 {
        self.hits.count_ones()
    }

    /// Hits in the window that the area made.
    fn area_hits(self) -> u32 {
        self.by_area.count_ones()
    }

    /// Whether the last frame that counted was a hit.
    pub(super) fn ends_with_hit(self) -> bool {
        self.hits & 1 == 1
    }

    /// Whether a frame is a hit after these.
    pub(super) fn is_hit(self, observation: &Observation, config: &SupervisorConfig) -> bool {
        if let Some(tracked) = &observation.tracked {
            return tracked.is_candidate();
        }
        let needed = config.area_in_pixels(observation.pixels, self.by_area & 1 == 1);
        observation.corridor_pixels >= needed
    }

    /// Lets a frame count.
    pub(super) fn count(
        &mut self,
        hit: bool,
        observation: &Observation,
        config: &SupervisorConfig,
    ) {
        let bits = u64::MAX >> (64 - config.confirm_window.clamp(1, 64));
        let by_area = hit && observation.tracked.is_none();
        self.hits = (self.hits << 1 | u64::from(hit)) & bits;
        self.by_area = (self.by_area << 1 | u64::from(by_area)) & bits;
        self.best = (self.best << 1 | u64::from(by_area && !observation.fallback)) & bits;
    }

    /// Whether a frame that was counted as a hit confirms a STOP.
    pub(super) fn confirms(self, observation: &Observation, config: &SupervisorConfig) -> bool {
        match &observation.tracked {
            Some(tracked) => tracked.is_confirmed(),
            None => self.area_hits() >= config.confirm_hits,
        }
    }

    /// Why there is a STOP with a frame that confirms one; a fault where every hit is of a fallback mode.
    pub(super) fn confirmed(
        self,
        observation: &Observation,
        config: &SupervisorConfig,
    ) -> Result<Reason, Reason> {
        let (hits, window) = (self.area_hits(), config.confirm_window);
        let corridor_pixels = observation.corridor_pixels;
        match observation.tracked {
            Some(tracked) => Ok(Reason::TrackConfirmed {
                distance_m: tracked.distance_m,
                evidence: tracked.evidence,
                level: tracked.level,
            }),
            None if self.best == 0 => Err(Reason::FallbackHits {
                hits,
                window,
                corridor_pixels,
            }),
            None => Ok(Reason::Confirmed {
                hits,
                window,
                corridor_pixels,
            }),
        }
    }

    /// Why there is a warning with a frame that confirms nothing.
    pub(super) fn candidate(self, observation: &Observation, config: &SupervisorConfig) -> Reason {
        match observation.tracked {
            Some(tracked) if tracked.is_candidate() => Reason::TrackCandidate {
                distance_m: tracked.distance_m,
                evidence: tracked.evidence,
                level: tracked.level,
            },
            Some(tracked) => Reason::TrackFading {
                distance_m: tracked.distance_m,
                evidence: tracked.evidence,
                level: tracked.level,
            },
            None if self.area_hits() == 0 => Reason::TrackFading {
                distance_m: f32::INFINITY,
                evidence: 0.0,
                level: 0.0,
            },
            None => Reason::Candidate {
                hits: self.area_hits(),
                needed: config.confirm_hits,
                window: config.confirm_window,
            },
        }
    }
}
