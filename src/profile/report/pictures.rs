use crate::decide::State;

/// Pictures that the page shows.
pub(super) const MAX_PICTURES_SHOWN: usize = 8;
/// Pictures that are held while the run goes on.
pub(super) const MAX_PICTURES_HELD: usize = 32;
/// Frames a picture stands for at the start; grows with the run.
const FIRST_STRIDE: u64 = 8;

/// What the page says below a picture.
#[derive(Clone, Copy, Debug)]
pub(super) struct Caption {
    pub(super) frame: u64,
    pub(super) seconds: Option<f64>,
    pub(super) state: State,
    pub(super) corridor_pixels: u32,
    /// In parts of what confirms a stop, where there are tracks.
    pub(super) evidence: Option<f32>,
    pub(super) score_max: Option<f32>,
}

/// A frame's picture.
#[derive(Clone, Debug)]
pub(super) struct Picture {
    pub(super) index: u64,
    /// How bad the frame is, by whoever offered it.
    pub(super) score: f32,
    pub(super) caption: Option<Caption>,
    pub(super) jpeg: Vec<u8>,
}

impl Picture {
    /// For comparisons: NaN is worse than any number.
    fn badness(&self) -> f32 {
        badness(self.score)
    }
}

fn badness(score: f32) -> f32 {
    if score.is_nan() { f32::INFINITY } else { score }
}

/// The worst frames, spread over the run.
///
/// The run is cut into stretches of `stride` frames and the worst frame of each is held; when
/// there are too many stretches, the stride doubles. The eight to show are chosen at the end, the
/// worst first, none closer to another than a stretch. Were only eight held all along, a score
/// that rises slowly would push out all pictures but its last.
#[derive(Clone, Debug)]
pub(super) struct Pictures {
    stride: u64,
    held: Vec<Picture>,
}

impl Pictures {
    pub(super) fn new() -> Self {
        Self {
            stride: FIRST_STRIDE,
            held: Vec::with_capacity(MAX_PICTURES_HELD + 1),
        }
    }

    pub(super) fn offer(
        &mut self,
        score: f32,
        index: u64,
        caption: Option<Caption>,
        make: impl FnOnce() -> Option<Vec<u8>>,
    ) {
        let stretch = index / self.stride;
        let rival = self
            .held
            .iter_mut()
            .find(|p| p.index / self.stride == stretch);
        if rival
            .as_ref()
            .is_some_and(|rival| rival.badness() >= badness(score))
        {
            return;
        }
        let Some(jpeg) = make() else { return };
        let picture = Picture {
            index,
            score,
            caption,
            jpeg,
        };
        match rival {
            Some(rival) => *rival = picture,
            None => {
                self.held.push(picture);
                while self.held.len() > MAX_PICTURES_HELD {
                    self.coarsen();
                }
            }
        }
    }

    /// Doubles the stride and keeps the worst of each stretch.
    fn coarsen(&mut self) {
        // At 2^63 there are two stretches, so this always ends.
        self.stride = self.stride.saturating_mul(2);
        let stride = self.stride;
        self.held.sort_by_key(|picture| picture.index);
        self.held.dedup_by(|later, earlier| {
            let same = later.index / stride == earlier.index / stride;
            if same && later.badness() > earlier.badness() {
                std::mem::swap(later, earlier);
            }
            same
        });
    }

    /// The pictures to show, in the order of the run.
    pub(super) fn worst(&self) -> Vec<&Picture> {
        let mut by_badness: Vec<&Picture> = self.held.iter().collect();
        by_badness.sort_by(|a, b| {
            let worse_first = b.badness().total_cmp(&a.badness());
            worse_first.then(a.index.cmp(&b.index))
        });
        let mut shown: Vec<&Picture> = Vec::with_capacity(MAX_PICTURES_SHOWN);
        for picture in by_badness {
            let apart = |other: &&Picture| other.index.abs_diff(picture.index) >= self.stride;
            if shown.len() < MAX_PICTURES_SHOWN && shown.iter().all(apart) {
                shown.push(picture);
            }
        }
        shown.sort_by_key(|picture| picture.index);
        shown
    }
}
