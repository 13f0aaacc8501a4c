use crate::decide::State;
use crate::profile::thin::{Merge, Thinned};

/// Steps that a series holds before it halves its resolution: about two a pixel of the plots, so
/// that a long run never has less than one.
pub(super) const CAPACITY: usize = 2000;

/// The frames of a run, every step with the extremes of its frames.
pub(super) type Series = Thinned<Sample>;

/// One frame of the plots.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Sample {
    /// Number in the source.
    pub(super) frame: u64,
    /// Since the first capture stamp.
    pub(super) seconds: Option<f64>,
    /// Largest score; `None` when the frame failed.
    pub(super) score: Option<f32>,
    pub(super) corridor_pixels: u32,
    /// In parts of what confirms a stop, where there are tracks.
    pub(super) evidence: Option<f32>,
    pub(super) latency_ms: f64,
    pub(super) state: State,
    /// Whether the flag was up.
    pub(super) flag: bool,
    pub(super) approach: Option<Approach>,
}

/// How the vehicle came towards a thing in the frame that is added next: of a drive in which that is
/// known.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Approach {
    /// From the vehicle's front to the thing in metres, where there is one.
    pub ahead_m: Option<f32>,
    /// In m/s.
    pub speed_mps: f32,
}

impl Merge for Approach {
    /// The least distance and the least speed stay.
    fn merge(&mut self, next: &Self) {
        self.ahead_m = match (self.ahead_m, next.ahead_m) {
            (Some(a), Some(b)) => Some(a.min(b)),
            (a, b) => a.or(b),
        };
        self.speed_mps = self.speed_mps.min(next.speed_mps);
    }
}

impl Merge for Sample {
    /// The extremes stay.
    fn merge(&mut self, next: &Self) {
        self.seconds = self.seconds.or(next.seconds);
        self.score = match (self.score, next.score) {
            (Some(a), Some(b)) => Some(a.max(b)),
            (a, b) => a.or(b),
        };
        self.corridor_pixels = self.corridor_pixels.max(next.corridor_pixels);
        self.evidence = match (self.evidence, next.evidence) {
            (Some(a), Some(b)) => Some(a.max(b)),
            (a, b) => a.or(b),
        };
        self.latency_ms = self.latency_ms.max(next.latency_ms);
        self.flag |= next.flag;
        match (&mut self.approach, next.approach) {
            (Some(a), Some(b)) => a.merge(&b),
            (a, b) => *a = a.or(b),
        }
        if severity(next.state) > severity(self.state) {
            self.state = next.state;
        }
    }
}

/// Which state a step shows when its frames had several.
fn severity(state: State) -> u8 {
    match state {
        State::Ok => 0,
        State::Waiting => 1,
        State::Warn => 2,
        State::Fault => 3,
        State::Stop => 4,
    }
}
