use crate::decide::State;

/// Steps that a series holds before it halves its resolution: about two a pixel of the plots, so
/// that a long run never has less than one.
pub(super) const CAPACITY: usize = 2000;

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
    pub(super) latency_ms: f64,
    pub(super) state: State,
}

impl Sample {
    /// Takes the frame that follows into the same step: the extremes stay.
    fn merge(&mut self, next: &Self) {
        self.seconds = self.seconds.or(next.seconds);
        self.score = match (self.score, next.score) {
            (Some(a), Some(b)) => Some(a.max(b)),
            (a, b) => a.or(b),
        };
        self.corridor_pixels = self.corridor_pixels.max(next.corridor_pixels);
        self.latency_ms = self.latency_ms.max(next.latency_ms);
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

/// The frames of a run in at most [`CAPACITY`] steps of `stride` frames each, every step with the
/// extremes of its frames. Memory is fixed: when it is full, neighbours are merged.
#[derive(Clone, Debug)]
pub(super) struct Series {
    steps: Vec<Sample>,
    stride: u64,
    /// Frames in the last step.
    in_last: u64,
    frames: u64,
}

impl Series {
    pub(super) fn new() -> Self {
        Self {
            steps: Vec::with_capacity(CAPACITY),
            stride: 1,
            in_last: 0,
            frames: 0,
        }
    }

    pub(super) fn push(&mut self, sample: Sample) {
        self.frames += 1;
        if self.in_last < self.stride
            && let Some(last) = self.steps.last_mut()
        {
            last.merge(&sample);
            self.in_last += 1;
            return;
        }
        if self.steps.len() == CAPACITY {
            for i in 0..CAPACITY / 2 {
                let mut step = self.steps[2 * i];
                step.merge(&self.steps[2 * i + 1]);
                self.steps[i] = step;
            }
            self.steps.truncate(CAPACITY / 2);
            self.stride *= 2;
        }
        self.steps.push(sample);
        self.in_last = 1;
    }

    /// The steps, in the order of the run.
    pub(super) fn steps(&self) -> &[Sample] {
        &self.steps
    }

    /// Frames that a step stands for; the last may stand for fewer.
    pub(super) fn stride(&self) -> u64 {
        self.stride
    }

    /// Frames taken in.
    pub(super) fn frames(&self) -> u64 {
        self.frames
    }
}
