//! How fast the machine is at the moment.

/// How many times slower than at warm-up the machine is: 1 as then, 2 half as fast. Every frame
/// that was run gives a ratio of measured to warm-up time; the pace is drawn from the last nine.
#[derive(Clone, Debug)]
pub(super) struct Pace {
    /// Ratios of the last frames, the latest first. The dry runs stand for those before the first.
    last: [f32; Pace::SPAN],
    /// Frames so far, as far as it matters.
    frames: usize,
}

impl Default for Pace {
    fn default() -> Self {
        Self {
            last: [1.0; Self::SPAN],
            frames: 0,
        }
    }
}

impl Pace {
    /// Ratios that are looked at. Odd, so that one is in the middle.
    const SPAN: usize = 9;
    /// Frames between a sample and the middle that it waits for.
    pub(super) const DELAY: usize = Self::SPAN / 2;

    pub(super) fn push(&mut self, ratio: f32) {
        self.last.copy_within(..Self::SPAN - 1, 1);
        self.last[0] = ratio;
        self.frames = (self.frames + 1).min(Self::SPAN);
    }

    /// The pace to predict with. It rises as soon as two frames in a row are slower: one alone is a
    /// spike, which is the windows' matter. It falls by the median of five.
    pub(super) fn now(&self) -> f32 {
        let [latest, before, c, d, e, ..] = self.last;
        latest.min(before).max(median([latest, before, c, d, e]))
    }

    /// The pace at the frame [`DELAY`](Self::DELAY) frames ago, by the median of the frames before
    /// and after it. `None` while there are not enough after it.
    pub(super) fn centred(&self) -> Option<f32> {
        (self.frames > Self::DELAY).then(|| median(self.last))
    }
}

/// The median of an odd number of values.
fn median<const N: usize>(mut values: [f32; N]) -> f32 {
    values.sort_unstable_by(f32::total_cmp);
    values[N / 2]
}

#[cfg(test)]
mod tests {
    use super::*;

    fn after(ratios: &[f32]) -> Pace {
        let mut pace = Pace::default();
        ratios.iter().for_each(|&ratio| pace.push(ratio));
        pace
    }

    #[test]
    fn before_any_frame_the_machine_is_as_at_warm_up() {
        assert_eq!(after(&[]).now(), 1.0);
        assert_eq!(after(&[6.0]).now(), 1.0);
        assert_eq!(after(&[6.0, 6.0]).now(), 6.0);
    }

    #[test]
    fn two_slow_frames_raise_it_and_one_does_not() {
        let mut pace = after(&[1.0; 9]);
        pace.push(2.0);
        assert_eq!(pace.now(), 1.0);
        pace.push(2.1);
        assert_eq!(pace.now(), 2.0);
    }

    #[test]
    fn it_falls_when_most_of_the_last_frames_were_faster() {
        let mut pace = after(&[2.0; 9]);
        for want in [2.0, 2.0, 1.0] {
            pace.push(1.0);
            assert_eq!(pace.now(), want);
        }
    }

    #[test]
    fn the_centred_pace_steps_with_the_machine() {
        let mut pace = Pace::default();
        let ratios: Vec<f32> = (0..40).map(|i| if i < 20 { 1.0 } else { 2.0 }).collect();
        for (i, &ratio) in ratios.iter().enumerate() {
            pace.push(ratio);
            let middle = i.checked_sub(Pace::DELAY);
            assert_eq!(pace.centred(), middle.map(|m| ratios[m]), "frame {i}");
        }
    }

    #[test]
    fn a_spike_leaves_the_centred_pace_alone() {
        let mut pace = after(&[1.0; 9]);
        for ratio in [1.0, 5.0, 5.0, 1.0, 1.0, 1.0, 1.0] {
            pace.push(ratio);
            assert_eq!(pace.centred(), Some(1.0));
        }
    }
}
