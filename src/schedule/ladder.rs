//! Which of the modes that fit is taken: down at once, up with patience.

use crate::engine::Mode;

/// For each mode, by [`Mode::index`].
pub(super) type PerMode<T> = [T; Mode::COUNT];

/// The mode in force, and what is needed to leave it for a better one.
///
/// - The mode in force no longer fits: the best that does is taken at once.
/// - A better mode fitted with a margin for `recover_frames` frames in a row: it is taken. Every
///   mode has its own count, so the best that held throughout is taken straight away, without
///   stopping at modes between.
/// - A climb that does not last doubles that number, up to eightfold; one that lasts resets it. A
///   model that is wrong about the better mode, or times that hover about the limit, would
///   otherwise make it climb and fall for ever.
/// - When nothing fits, nothing is taken and the mode in force stays what it was: often the frame
///   came late, and the next does not.
#[derive(Clone, Debug)]
pub(super) struct Ladder {
    recover_frames: u32,
    current: Option<Mode>,
    /// Frames in a row in which a mode fitted with the margin.
    fitted: PerMode<u32>,
    /// By how much `recover_frames` is multiplied.
    patience: u32,
    /// Frames since the last climb.
    since_climb: u32,
    switches: u64,
}

impl Ladder {
    /// By default that is 120 frames, about what the model's windows hold: no use in waiting longer
    /// than the evidence lasts.
    const MAX_PATIENCE: u32 = 8;
    /// A climb has lasted when it held for so many times the frames that it waited for.
    const LASTED: u32 = 4;

    pub(super) fn new(recover_frames: u32) -> Self {
        Self {
            recover_frames,
            current: None,
            fitted: [0; Mode::COUNT],
            patience: 1,
            since_climb: u32::MAX,
            switches: 0,
        }
    }

    /// How often the mode in force changed.
    pub(super) fn switches(&self) -> u64 {
        self.switches
    }

    /// The mode for a frame, from which modes fit and which fit with the margin.
    pub(super) fn choose(&mut self, fits: PerMode<bool>, roomy: PerMode<bool>) -> Option<Mode> {
        for (count, roomy) in self.fitted.iter_mut().zip(roomy) {
            *count = if roomy { count.saturating_add(1) } else { 0 };
        }
        self.since_climb = self.since_climb.saturating_add(1);

        let best = Mode::ALL.into_iter().find(|mode| fits[mode.index()])?;
        let next = match self.current {
            Some(current) if fits[current.index()] => {
                let better = Mode::ALL.into_iter().take(current.index());
                let needed = self.needed();
                let held = |mode: &Mode| self.fitted[mode.index()] >= needed;
                better
                    .filter(|mode| fits[mode.index()])
                    .find(held)
                    .unwrap_or(current)
            }
            _ => best,
        };
        self.go(next);
        Some(next)
    }

    fn needed(&self) -> u32 {
        self.recover_frames.saturating_mul(self.patience)
    }

    fn go(&mut self, next: Mode) {
        let Some(current) = self.current.replace(next) else {
            return;
        };
        if next == current {
            return;
        }
        self.switches += 1;
        if next.index() < current.index() {
            self.since_climb = 0;
        } else if self.since_climb < self.needed().saturating_mul(Self::LASTED) {
            self.patience = (self.patience * 2).min(Self::MAX_PATIENCE);
        } else {
            self.patience = 1;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NONE: PerMode<bool> = [false; Mode::COUNT];
    const ALL: PerMode<bool> = [true; Mode::COUNT];
    const NOT_FULL: PerMode<bool> = {
        let mut fits = ALL;
        fits[Mode::FULL.index()] = false;
        fits
    };
    const CHEAPEST: PerMode<bool> = only(&[Mode::FALLBACK_LOGITS]);

    const fn only(modes: &[Mode]) -> PerMode<bool> {
        let mut fits = NONE;
        let mut i = 0;
        while i < modes.len() {
            fits[modes[i].index()] = true;
            i += 1;
        }
        fits
    }

    /// Frames until a mode is taken when all fit.
    fn frames_until(ladder: &mut Ladder, mode: Mode) -> u32 {
        let mut frames = 1;
        while ladder.choose(ALL, ALL) != Some(mode) {
            frames += 1;
            assert!(frames < 10_000, "never climbs");
        }
        frames
    }

    #[test]
    fn starts_with_the_best_that_fits() {
        assert_eq!(Ladder::new(5).choose(ALL, NONE), Some(Mode::FULL));
        assert_eq!(Ladder::new(5).choose(NOT_FULL, NONE), Some(Mode::REDUCED));
        assert_eq!(Ladder::new(5).choose(NONE, NONE), None);
    }

    #[test]
    fn goes_down_at_once_and_up_after_enough_frames() {
        let mut ladder = Ladder::new(5);
        ladder.choose(ALL, ALL);
        assert_eq!(ladder.choose(NOT_FULL, NOT_FULL), Some(Mode::REDUCED));
        assert_eq!(frames_until(&mut ladder, Mode::FULL), 5);
        assert_eq!(ladder.switches(), 2);
    }

    #[test]
    fn one_frame_without_room_starts_the_count_again() {
        let mut ladder = Ladder::new(5);
        ladder.choose(NOT_FULL, NOT_FULL);
        for _ in 0..4 {
            assert_eq!(ladder.choose(ALL, ALL), Some(Mode::REDUCED));
        }
        assert_eq!(ladder.choose(ALL, NOT_FULL), Some(Mode::REDUCED));
        assert_eq!(frames_until(&mut ladder, Mode::FULL), 5);
    }

    #[test]
    fn climbs_straight_to_the_best_that_held_throughout() {
        let mut ladder = Ladder::new(5);
        ladder.choose(CHEAPEST, CHEAPEST);
        for _ in 0..4 {
            assert_eq!(
                ladder.choose(NOT_FULL, NOT_FULL),
                Some(Mode::FALLBACK_LOGITS)
            );
        }
        // Full fits as of now, the reduced modes for longer.
        assert_eq!(ladder.choose(ALL, ALL), Some(Mode::REDUCED));
        assert_eq!(frames_until(&mut ladder, Mode::FULL), 4);

        ladder.choose(CHEAPEST, CHEAPEST);
        for _ in 0..9 {
            assert_eq!(ladder.choose(ALL, ALL), Some(Mode::FALLBACK_LOGITS));
        }
        assert_eq!(ladder.choose(ALL, ALL), Some(Mode::FULL));
    }

    #[test]
    fn a_mode_that_held_is_not_taken_when_it_does_not_fit_now() {
        let mut ladder = Ladder::new(2);
        ladder.choose(CHEAPEST, CHEAPEST);
        ladder.choose(ALL, ALL);
        assert_eq!(
            ladder.choose(CHEAPEST, CHEAPEST),
            Some(Mode::FALLBACK_LOGITS)
        );
    }

    #[test]
    fn a_better_mode_is_taken_at_once_when_the_one_in_force_no_longer_fits() {
        let mut ladder = Ladder::new(5);
        // Full resolution takes longer than the reduced one with the observer.
        ladder.choose(only(&[Mode::FULL_LOGITS, Mode::REDUCED_LOGITS]), NONE);
        assert_eq!(
            ladder.choose(only(&[Mode::REDUCED, Mode::REDUCED_LOGITS]), NONE),
            Some(Mode::REDUCED)
        );
    }

    #[test]
    fn climbs_that_do_not_last_wait_longer_and_longer() {
        let mut ladder = Ladder::new(5);
        ladder.choose(NOT_FULL, NOT_FULL);
        let mut waits = Vec::new();
        for _ in 0..8 {
            waits.push(frames_until(&mut ladder, Mode::FULL));
            ladder.choose(NOT_FULL, NOT_FULL);
        }
        assert_eq!(waits, [5, 10, 20, 40, 40, 40, 40, 40]);
        // One that lasts is trusted as the first was.
        frames_until(&mut ladder, Mode::FULL);
        for _ in 0..4 * 40 {
            ladder.choose(ALL, ALL);
        }
        ladder.choose(NOT_FULL, NOT_FULL);
        assert_eq!(frames_until(&mut ladder, Mode::FULL), 5);
    }

    #[test]
    fn a_refused_frame_changes_no_mode_but_starts_the_count_again() {
        let mut ladder = Ladder::new(5);
        ladder.choose(NOT_FULL, NOT_FULL);
        for _ in 0..4 {
            ladder.choose(ALL, ALL);
        }
        assert_eq!(ladder.choose(NONE, NONE), None);
        assert_eq!(ladder.choose(ALL, ALL), Some(Mode::REDUCED));
        assert_eq!(frames_until(&mut ladder, Mode::FULL), 4);
        assert_eq!(ladder.choose(NONE, NONE), None);
        assert_eq!(ladder.choose(ALL, ALL), Some(Mode::FULL));
    }
}
